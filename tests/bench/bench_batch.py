"""What a batch costs next to the runs in it that differ, and what a second process brings.

    python tests/bench/bench_batch.py

The batch is the whole zoo on every board of the library, images in the cache. Its distinct runs
(the probe map once for a model and core, each board's own memory) are done one after the other in
one measuring process, without anything around them. The three are run in turn, so that a busy
machine hurts all of them alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from lab.board import board_names, load_board
from lab.errors import LabError
from lab.jobs.check import finish, judged, subject_of
from lab.jobs.images import Images, new_builder
from lab.jobs.options import Options
from lab.jobs.trial import Probed, Trial
from lab.measure.ops import blocking
from lab.measure.tasks import Device
from lab.measure.worker import Worker
from lab.zoo import model_names

ROUNDS = 3
T = TypeVar("T")
Call = tuple[Callable[..., object], tuple[object, ...], float]


class Recorder(Worker):
    """A worker that notes what it was asked for, each thing once."""

    def __init__(self) -> None:
        self.calls: dict[object, Call] = {}
        super().__init__()

    def call(self, function: Callable[..., T], *arguments: object, seconds: float) -> T:
        device, start = arguments
        assert isinstance(device, Device)
        name = (function.__name__, device.elf, device.machine, start)
        self.calls.setdefault(name, (function, arguments, seconds))
        return super().call(function, *arguments, seconds=seconds)


def distinct_runs(models: Sequence[str], boards: Sequence[str]) -> list[Call]:
    """The runs of a batch; also brings all its images into the cache."""
    options = Options()
    with Recorder() as worker:
        builder = new_builder(_silent)
        for model in models:
            read, probes = judged(model), dict[str, Probed]()
            for board in boards:
                subject = subject_of(read, load_board(board), options)
                if blocking(subject.verdicts):
                    continue
                trial = Trial(Images(subject, builder), options, worker, _silent, None)
                core = subject.board.core
                probes[core] = probes.get(core) or trial.probe()
                finish(trial, probes[core])
        return list(worker.calls.values())


def _silent(_: str) -> None:
    pass


def measure() -> dict[str, float]:
    """Median seconds and ratios."""
    models, boards = model_names(), board_names()
    calls = distinct_runs(models, boards)
    rows = []
    for _ in range(ROUNDS):
        runs = seconds(lambda: replay(calls))
        one, two = (seconds(lambda jobs=jobs: batch(models, jobs)) for jobs in (1, 2))  # type: ignore[misc]
        rows.append((runs, one, two))
    runs, one, two = (statistics.median(column) for column in zip(*rows, strict=True))
    return {
        "checks": len(models) * len(boards),
        "distinct runs": len(calls),
        "distinct runs, seconds": runs,
        "batch with one job, seconds": one,
        "batch with two jobs, seconds": two,
        "batch with one job / distinct runs": statistics.median(o / r for r, o, _ in rows),
        "one job / two jobs": statistics.median(o / t for _, o, t in rows),
    }


def replay(calls: Sequence[Call]) -> None:
    with Worker() as worker:
        for function, arguments, patience in calls:
            try:
                worker.call(function, *arguments, seconds=patience)
            except LabError as error:
                raise AssertionError(function) from error


def batch(models: Sequence[str], jobs: int) -> None:
    command = [sys.executable, "-m", "lab", "check", *models, "-b", "*", "--json", "-"]
    done = subprocess.run([*command, "--jobs", str(jobs)], check=False, capture_output=True)
    assert done.returncode in {0, 1}, done.stderr


def seconds(action: Callable[[], None]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def main() -> None:
    for name, value in measure().items():
        print(f"{name:36} {value:,.2f}")


if __name__ == "__main__":
    main()
