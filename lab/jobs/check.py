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
from lab.errors import UsageError
from lab.jobs.images import Images
from lab.jobs.inputs import prepare_outputs, read_inputs, write_outputs
from lab.jobs.measured import Subject
from lab.jobs.options import Options, validate
from lab.jobs.record import assemble, refused
from lab.jobs.trial import Trial
from lab.measure.ops import AnyTable, blocking, gate, load_table, registrations
from lab.measure.session import Inference
from lab.measure.worker import Worker
from lab.model import read_model
from lab.results import CheckResult, Request
from lab.runtimes import load_runtime


def check(
    model: str | Path,
    board: str | Path,
    options: Options = Options(),  # noqa: B008 - frozen
    say: Say = lambda _: None,
) -> CheckResult:
    """Check one model on one board.

    Args:
        model: path of the ``.tflite`` file.
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
    subject = _subject(model, board, options)
    inputs = read_inputs(subject.model, options.inputs)
    if options.save_outputs:
        prepare_outputs(options.save_outputs)
    if blocking(subject.verdicts):
        return refused(subject)
    measured = Trial(Images(subject, say), options, worker, say, inputs).measure()
    if options.save_outputs and isinstance(measured.probe.outcome, Inference):
        write_outputs(options.save_outputs, subject.model, measured.probe.outcome)
    return assemble(subject, measured)


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
    subject = _subject(model, board, options)
    if refusals := blocking(subject.verdicts):
        first = refusals[0]
        return f"{first.where}: {first.reason}"
    image = Images(subject, say).for_board()
    if isinstance(image, str):
        return image
    try:
        output.write_bytes(image.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None
    return ""


def _reserve(board: Board, name: str) -> Reserve:
    if name not in board.reserves:
        known = ", ".join(board.reserves) or "none"
        raise UsageError(f'{board.name} has no reserve profile "{name}"; there is: {known}')
    return board.reserves[name]


@functools.cache
def _operator_table(path: Path, api: str) -> AnyTable:
    return load_table(path, api)


def _subject(model: str | Path, board: str | Path, options: Options) -> Subject:
    described = load_board(str(board)).with_ram(options.ram)
    runtime = load_runtime(options.runtime)
    if what := runtime.mismatch(CORES[described.core]):
        raise UsageError(f"{what} for {described.name}")
    reserve = _reserve(described, options.reserve) if options.reserve else None
    request = Request(
        engine=options.engine,
        engine_version=None,
        arena_bytes=options.arena,
        stack_reserve_bytes=options.stack_reserve,
        app_ram_bytes=options.app_ram + (reserve.ram if reserve else 0),
        app_flash_bytes=options.app_flash + (reserve.flash if reserve else 0),
        reserve_profile=options.reserve,
        invokes=options.invokes,
        seed=options.seed,
        inputs="given" if options.inputs else "generated",
    )
    read = read_model(model)
    table = _operator_table(runtime.operator_table, runtime.api)
    verdicts = gate(read, table, runtime.kernels)
    wanted = () if blocking(verdicts) else registrations(read, table)
    return Subject(described, read, runtime, options.opt, request, verdicts, wanted)
