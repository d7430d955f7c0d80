"""Do two engines see the same? One image, run on both, and every figure compared."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from lab.board import load_board
from lab.cores import CORES
from lab.crate import Say
from lab.engines.registry import check_name
from lab.errors import EXIT_VERDICT_NO, LabError, NoVerdictError, gravest
from lab.jobs.batch import named
from lab.jobs.check import judged, subject_of
from lab.jobs.images import Images, new_builder
from lab.jobs.measured import Measured
from lab.jobs.options import Options, validate
from lab.jobs.parity_judge import Judge
from lab.jobs.trial import Probed, Trial
from lab.measure import tasks
from lab.measure.inference import Start
from lab.measure.ops import blocking
from lab.measure.tasks import Device, with_arena
from lab.measure.worker import Worker
from lab.parity import EngineUsed, ImageParity, ParityResult
from lab.results import DEFAULT_ENGINE, NoRecord
from lab.version import VERSION

FIRST, SECOND = DEFAULT_ENGINE, "renode"


def parity(
    models: Sequence[str], boards: Sequence[str], options: Options, say: Say = lambda _: None
) -> ParityResult:
    """Compare the engines on every model and board, one after the other.

    Args:
        models: files, or names of zoo models.
        boards: names, patterns of names, or files.
        options: of the checks; their engine is not looked at.
        say: told about every long step.

    Raises:
        ToolError: what the second engine needs is not here.
        UsageError: an option makes no sense.
    """
    validate(options)
    check_name(SECOND)
    images: list[ImageParity] = []
    problems: list[NoRecord] = []
    chain = None
    for model in models:
        for board in named(boards):
            try:
                with Worker() as worker:
                    trial = _trial(worker, model, board, options, say)
                    chain = trial.images.builder.chain
                    images.append(compare(trial))
            except LabError as error:
                lines = tuple(f"{model} on {board}: {line}" for line in error.lines())
                problems.append(
                    NoRecord(model=model, board=board, exit_code=error.exit_code, lines=lines)
                )
    return ParityResult(
        lab=VERSION,
        compiler=chain and chain.compiler,
        libc=chain and chain.libc,
        images=tuple(images),
        problems=tuple(problems),
    )


def exit_code(result: ParityResult) -> int:
    """Of the command: 1 where the engines disagree."""
    codes = [problem.exit_code for problem in result.problems]
    differs = any(image.agreement == "differs" for image in result.images)
    return gravest([*codes, EXIT_VERDICT_NO] if differs else codes)


def _trial(worker: Worker, model: str, board: str, options: Options, say: Say) -> Trial:
    options = replace(options, engine=FIRST, details=False)
    subject = subject_of(judged(model, options.runtime), load_board(board), options)
    if refusals := blocking(subject.verdicts):
        first = refusals[0]
        raise NoVerdictError(f"no image to compare: {first.where}: {first.reason}")
    return Trial(Images(subject, new_builder(say)), options, worker, say, inputs=None)


def compare(trial: Trial) -> ImageParity:
    """Measure with the first engine, then run the same image the same way on both."""
    probed = trial.probe()
    device, start, memory = _where(trial, probed, trial.on_board(probed))
    seen = []
    for name in (FIRST, SECOND):
        trial.say(f"running on {name}")
        on_it = replace(device, engine=name)
        seen.append(trial.worker.call(tasks.observe, on_it, start, seconds=trial.patience))
    first, second = seen
    subject = trial.subject
    names = [operator.name for operator in subject.model.operators]
    judge = Judge(CORES[subject.board.core], first, second, names)
    return ImageParity(
        model=subject.model.name,
        model_sha256=subject.model.sha256,
        board=subject.board.name,
        core=subject.board.core,
        memory=memory,
        image_sha256=hashlib.sha256(device.elf.read_bytes()).hexdigest(),
        arena_bytes=start.arena_bytes,
        peculiar=tuple(sorted({*first.starting, *first.inferring})),
        engines=(
            EngineUsed(name=FIRST, version=first.engine_version),
            EngineUsed(name=SECOND, version=second.engine_version),
        ),
        figures=tuple(judge.figures()),
    )


def _where(
    trial: Trial, probed: Probed, measured: Measured
) -> tuple[Device, Start, Literal["board", "probe map"]]:
    """What to run, and how: on the board's own memory if the image runs or fails there at all."""
    if measured.on_board is not None and measured.placement is not None:
        device, start = trial.set_up(measured.placement, trial.arena_on_board(measured))
        return device, start, "board"
    required = probed.probe.required
    start = with_arena(probed.start, required.size) if required else probed.start
    return probed.device, start, "probe map"
