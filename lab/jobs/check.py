"""Will this model run on this board, and why (not)? The flow of one check.

Read the model, ask the operator gate, build the image, run it in the probe map to find required
arena and stack, place everything in the board's banks, link for them, and run there.
"""

from __future__ import annotations

import functools
from pathlib import Path

from lab.board import Board, Reserve, load_board
from lab.cores import CORES
from lab.crate import Say
from lab.errors import Problem, UsageError
from lab.files import open_output, write_output
from lab.generations import DEFAULT_RUNTIME
from lab.jobs.images import Images, new_builder
from lab.jobs.inputs import prepare_outputs, read_inputs, write_outputs
from lab.jobs.measured import Judged, Subject
from lab.jobs.options import Options, validate
from lab.jobs.record import assemble, refused
from lab.jobs.trial import Probed, Trial
from lab.jobs.would_do import computed, library
from lab.measure.inference import Inference
from lab.measure.ops import AnyTable, blocking, gate, load_table, registrations
from lab.measure.worker import Worker
from lab.model import read_model
from lab.results import CheckResult, Request
from lab.runtimes import Runtime, load_runtime
from lab.yaml_source import nearest
from lab.zoo import model_file


def check(
    model: str | Path,
    board: str | Path,
    options: Options = Options(),  # noqa: B008 - frozen
    say: Say = lambda _: None,
) -> CheckResult:
    """Check one model on one board.

    Args:
        model: path of the ``.tflite`` file, or name of a zoo model.
        board: name of a board, or path of a board file.
        options: everything else.
        say: told about every long step.

    Returns:
        The record; also when the answer is no.

    Raises:
        InputError: model, board or input file is damaged.
        UsageError: an option makes no sense for this model and board.
        ToolError: a tool is missing or failed.
        NoVerdictError: there is no answer.
    """
    with Worker() as worker:
        return check_in(worker, model, board, options, say)


def check_in(
    worker: Worker, model: str | Path, board: str | Path, options: Options, say: Say
) -> CheckResult:
    """The same in a measuring process that was started earlier, to save its start-up time."""
    validate(options)
    subject = subject_of(judged(model, options.runtime), load_board(str(board)), options)
    inputs = read_inputs(subject.model, options.inputs)
    if options.save_outputs:
        prepare_outputs(options.save_outputs)
    if blocking(subject.verdicts):
        return refused(subject)
    trial = Trial(Images(subject, new_builder(say)), options, worker, say, inputs)
    probed = trial.probe()
    if options.save_outputs and isinstance(probed.probe.outcome, Inference):
        write_outputs(options.save_outputs, subject.model, probed.probe.outcome)
    return finish(trial, probed)


def finish(trial: Trial, probed: Probed) -> CheckResult:
    """The part of a check that is the board's own: place, run there, and write the record."""
    measured = trial.on_board(probed)
    would_do = computed(trial.subject, measured, library(trial.images.builder.cache))
    return assemble(trial.subject, measured, would_do, probed.details)


def build(
    model: str | Path,
    board: str | Path,
    output: Path,
    options: Options = Options(),  # noqa: B008 - frozen
    say: Say = lambda _: None,
) -> str:
    """Write the image that ``check`` runs for this model and board.

    Returns:
        Why there is no image for this board; empty when it was written.

    Raises:
        InputError, UsageError, ToolError: as for ``check``.
    """
    validate(options)
    subject = subject_of(judged(model, options.runtime), load_board(str(board)), options)
    if refusals := blocking(subject.verdicts):
        first = refusals[0]
        return f"{first.where}: {first.reason}"
    image = Images(subject, new_builder(say)).for_board()
    if isinstance(image, str):
        return image
    write_output(output, open_output(output), image.read_bytes())
    return ""


@functools.cache
def _operator_table(path: Path, api: str) -> AnyTable:
    return load_table(path, api)


@functools.cache
def _runtime(name: str) -> Runtime:
    return load_runtime(name)


def judged(model: str | Path, runtime_name: str = DEFAULT_RUNTIME) -> Judged:
    """Read a model and ask the operator gate: what does not depend on the board.

    Args:
        model: path of the file, or name of a zoo model.
        runtime_name: name of a runtime, or path of a manifest.

    Raises:
        InputError: a file cannot be read or is damaged.
        UsageError: there is no such runtime.
    """
    runtime = _runtime(runtime_name)
    read = read_model(model_file(model))
    table = _operator_table(runtime.operator_table, runtime.api)
    verdicts = gate(read, table, runtime.kernels)
    wanted = () if blocking(verdicts) else registrations(read, table)
    return Judged(read, runtime, verdicts, wanted)


def usable(board: Board, options: Options) -> Board:
    """The board with the RAM that was asked for.

    Raises:
        UsageError: an option makes no sense for this board, or the runtime is not for its core.
        InputError: the runtime cannot be read.
    """
    if what := _runtime(options.runtime).mismatch(CORES[board.core]):
        raise UsageError(f"{what} for {board.name}")
    board = board.with_ram(options.ram)
    if options.arena_bank:
        _check_arena_bank(board, options.arena_bank)
    if options.reserve:
        _reserve(board, options.reserve)
    return board


def subject_of(judged: Judged, board: Board, options: Options) -> Subject:
    """Put model, board and options together.

    Args:
        judged: the model.
        board: as described, without what-if sizes.
        options: as asked for.

    Raises:
        UsageError: an option makes no sense for this board.
    """
    board = usable(board, options)
    reserve = _reserve(board, options.reserve) if options.reserve else None
    request = Request(
        engine=options.engine,
        engine_version=None,
        arena_bytes=options.arena,
        arena_bank=options.arena_bank,
        stack_reserve_bytes=options.stack_reserve,
        app_ram_bytes=options.app_ram + (reserve.ram if reserve else 0),
        app_flash_bytes=options.app_flash + (reserve.flash if reserve else 0),
        reserve_profile=options.reserve,
        invokes=options.invokes,
        seed=options.seed,
        inputs="given" if options.inputs else "generated",
    )
    return Subject(
        board, judged.model, judged.runtime, options.opt, request, judged.verdicts,
        judged.registrations,
    )  # fmt: skip


def _reserve(board: Board, name: str) -> Reserve:
    if name not in board.reserves:
        known = ", ".join(board.reserves) or "none"
        raise UsageError(f'{board.name} has no reserve profile "{name}"; there is: {known}')
    return board.reserves[name]


def _check_arena_bank(board: Board, name: str) -> None:
    usable = [bank for run in board.runs() for bank in run.banks]
    if name in usable:
        return
    if any(bank.name == name for bank in board.ram):
        what = f"{board.name}: data may not live in bank {name}"
        raise UsageError(str(Problem("", what, f"there is {', '.join(usable)}")))
    what = f'{board.name} has no RAM bank "{name}"'
    raise UsageError(str(Problem("", what, nearest(name, usable))))
