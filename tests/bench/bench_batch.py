"""What a batch costs next to the runs in it that differ, and what a second process brings.

    python tests/bench/bench_batch.py

The batch is the zoo on every board of the library, images in the cache, without the separation
networks: they take minutes, nearly all of it emulation, which hides what a batch costs. Its
distinct runs (the probe map once for a model and core, each board's own memory) are done one after
the other in one measuring process, without anything around them. The three are run in turn, so
that a busy machine hurts all of them alike.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
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

ROUNDS = 1  # of some minutes each
LEFT_OUT = "separation_"
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
    models = [name for name in model_names() if not name.startswith(LEFT_OUT)]
    boards = board_names()
    calls = distinct_runs(models, boards)
    rows = []
    for _ in range(ROUNDS):
        runs = spent(lambda: replay(calls))
        one, two = (spent(partial(batch, models, jobs)) for jobs in (1, 2))
        rows.append((*runs, *one, *two))
    runs, runs_cpu, one, one_cpu, two, _ = zip(*rows, strict=True)
    return {
        "checks": len(models) * len(boards),
        "distinct runs": len(calls),
        "distinct runs, seconds": statistics.median(runs),
        "batch with one job, seconds": statistics.median(one),
        "batch with two jobs, seconds": statistics.median(two),
        "batch with one job / distinct runs": _ratio(one, runs),
        "the same in processor time": _ratio(one_cpu, runs_cpu),
        "one job / two jobs": _ratio(one, two),
    }


def _ratio(above: Sequence[float], below: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


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


def spent(action: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the clock, and of processor time in all processes that were started."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    action()
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return end - begin, used


def main() -> None:
    for name, value in measure().items():
        print(f"{name:36} {value:,.2f}")


if __name__ == "__main__":
    main()
