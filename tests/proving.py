"""Checks that share one measuring process and one probe run for each model and core."""

from __future__ import annotations

import atexit
import functools
from pathlib import Path
from typing import Any

import pytest
from support import NUCLEO, runnable_models

from lab import Options
from lab.board import Board, load_board
from lab.jobs.check import finish, judged, subject_of
from lab.jobs.images import Images, new_builder
from lab.jobs.trial import Probed, Trial
from lab.measure.inference import Apart, Inference
from lab.measure.worker import Worker
from lab.results import CheckResult

_QUICK = {
    "keyword_spotter", "sensor_fusion", "anomaly_detector", "speech_recognizer", "tiny_float",
    "depthwise_float", "hello_world", "magic_wand", "micro_speech",
}  # fmt: skip


def roomy(core: str) -> Board:
    """A board with RAM to spare around a core."""
    return load_board(NUCLEO).with_ram(["8 MiB"]).model_copy(update={"core": core})


def checked(model: Path, board: Board, options: Options = Options()) -> CheckResult:  # noqa: B008
    """What ``lab check`` says, the probe run taken from an earlier check where there was one."""
    return finish(trial(model, board, options), probed(model, board.core, options.seed))


def trial(model: Path, board: Board, options: Options = Options()) -> Trial:  # noqa: B008
    """One check, not yet run."""
    subject = subject_of(judged(model), board, options)
    return Trial(Images(subject, _builder()), options, worker(), lambda _: None, None)


@functools.cache
def worker() -> Worker:
    """The measuring process of this test process."""
    one = Worker()
    atexit.register(one.close)
    return one


@functools.cache
def probed(model: Path, core: str, seed: int = 1) -> Probed:
    """The probe run of a model on a core."""
    return trial(model, roomy(core), Options(seed=seed)).probe()


def cases() -> list[Any]:
    """Every runnable model on a core without FPU, with one, and on an Armv8-M one."""
    return [
        pytest.param(
            name, core, marks=[] if name in _QUICK else [pytest.mark.slow], id=f"{name}-{core}"
        )
        for core in ("cortex-m0plus", "cortex-m4f", "cortex-m33f")
        for name in runnable_models()
    ]


@functools.cache
def apart(model: Path, core: str) -> tuple[Inference, Apart]:
    """A model on a core at the required arena, taken apart."""
    outcome = trial(model, roomy(core), Options(details=True)).probe().probe.outcome
    assert isinstance(outcome, Inference)
    assert outcome.apart
    return outcome, outcome.apart


_builder = functools.cache(functools.partial(new_builder, lambda _: None))
