"""Many checks over several processes: each process has its own measuring worker.

A unit is one model on boards with the same core: what the probe map tells is measured once for all
of them. Which process does what changes nothing in any record.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from lab.board import Board
from lab.child import Child, answers, receive, send, wait_for_end_of_parent
from lab.crate import Say
from lab.errors import LabError, NoVerdictError
from lab.firmware import Builder
from lab.jobs.check import finish, judged, subject_of
from lab.jobs.images import Images, new_builder
from lab.jobs.inputs import read_inputs
from lab.jobs.measured import Judged
from lab.jobs.options import Options
from lab.jobs.record import refused
from lab.jobs.trial import Probed, Trial
from lab.measure.ops import blocking
from lab.measure.worker import Worker
from lab.results import CheckResult

_LAST_BREATH = 10.0  # seconds for a process that was told to end; it stops compilers, then goes
_LOG = logging.getLogger("lab")

Outcome = CheckResult | LabError
T = TypeVar("T")


@dataclass(frozen=True)
class Cell:
    """One check of a batch.

    Attributes:
        number: its place in the batch.
        board: as described, without what-if sizes.
        options: what was asked for.
    """

    number: int
    board: Board
    options: Options


@dataclass(frozen=True)
class Unit:
    """One model, and boards with the same core.

    Attributes:
        model: path, or name of a zoo model.
        cells: at least one.
    """

    model: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class _Said:
    """A step, or a line of the log."""

    text: str
    is_log: bool = False


@dataclass(frozen=True)
class _Done:
    """The outcome of one cell; None: the unit is at its end."""

    cell: Cell | None
    outcome: Outcome | None = None


class _Job(Child):
    """A process that does units, one after the other; its answers come through a queue."""

    def __init__(self, inbox: queue.SimpleQueue[tuple[_Job, object]]) -> None:
        self.unit: Unit | None = None
        super().__init__("lab.jobs.parallel")
        threading.Thread(target=self._listen, args=[inbox], daemon=True).start()

    def _listen(self, inbox: queue.SimpleQueue[tuple[_Job, object]]) -> None:
        with contextlib.suppress(EOFError, OSError, ValueError):  # ended, or closed here
            while True:
                inbox.put((self, self.receive()))
        inbox.put((self, EOFError()))

    def begin(self, unit: Unit) -> None:
        """Give it the next unit."""
        self.unit = unit
        with contextlib.suppress(BrokenPipeError):  # then its end is in the queue
            self.send(unit)

    def done(self, cell: Cell) -> None:
        """Note that a cell of its unit is done."""
        assert self.unit
        left = (other for other in self.unit.cells if other.number != cell.number)
        self.unit = replace(self.unit, cells=tuple(left))

    def close(self) -> None:
        """End the process; it stops the tools and the worker it has first."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_LAST_BREATH)
        super().close()


def run_units(units: Sequence[Unit], jobs: int, say: Say) -> Iterator[tuple[int, Outcome]]:
    """Do all cells; yields each one's number and outcome as soon as it is there.

    Args:
        units: what there is to do.
        jobs: processes, at most.
        say: told about every long step.
    """
    waiting = deque(sorted(units, key=lambda unit: -len(unit.cells)))  # a long one must not be last
    inbox: queue.SimpleQueue[tuple[_Job, object]] = queue.SimpleQueue()
    with contextlib.ExitStack() as stack:
        crew: set[_Job] = set()
        while waiting or crew:
            while waiting and len(crew) < jobs:
                job = stack.enter_context(_Job(inbox))
                crew.add(job)
                job.begin(waiting.popleft())
            job, message = inbox.get()
            if isinstance(message, _Said):
                _LOG.info(message.text) if message.is_log else say(message.text)
            elif isinstance(message, _Done) and message.cell and message.outcome:
                job.done(message.cell)
                yield message.cell.number, message.outcome
            elif isinstance(message, _Done) and waiting:
                job.begin(waiting.popleft())
            elif job in crew:  # nothing left for it, or it died
                crew.remove(job)
                if isinstance(message, EOFError) and job.unit and job.unit.cells:
                    victim, *rest = job.unit.cells
                    waiting.extend([replace(job.unit, cells=tuple(rest))] if rest else [])
                    yield victim.number, NoVerdictError(f"no verdict: a job {job.death()}")


def main() -> None:
    """Do units until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    requests, pipe = os.fdopen(os.dup(0), "rb"), answers()

    def tell(message: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # the parent is gone, and so are we at once
            send(pipe, message)

    _LOG.setLevel(logging.INFO)
    _LOG.addHandler(_ToParent(tell))
    with contextlib.suppress(EOFError), _Bench() as bench:
        while True:
            unit = receive(requests)
            assert isinstance(unit, Unit)
            for cell, outcome in _outcomes(unit, bench, lambda text: tell(_Said(text))):
                tell(_Done(cell, outcome))
            tell(_Done(None))


class _ToParent(logging.Handler):
    """What is logged here is logged by the parent."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(_Said(record.getMessage(), is_log=True))


class _Bench:
    """The measuring worker of a job, replaced when it is no longer fit for work."""

    def __init__(self) -> None:
        self.worker = Worker()

    def __enter__(self) -> _Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.close()

    def replace(self) -> None:
        """Take a new worker."""
        self.worker.close()
        self.worker = Worker()


class _Shared:
    """What the cells of a unit have in common, made once: the builder and the probe's answer."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._answer: Probed | LabError | None = None

    @functools.cached_property
    def builder(self) -> Builder:
        """Tool chain and cache."""
        return new_builder(self._say)

    def probe(self, trial: Trial) -> Probed:
        """What the probe map tells, or the error that stands for it."""
        if self._answer is None:
            try:
                self._answer = trial.probe()
            except LabError as error:
                self._answer = error
        if isinstance(self._answer, LabError):
            raise self._answer
        return self._answer


def _outcomes(unit: Unit, bench: _Bench, say: Say) -> Iterator[tuple[Cell, Outcome]]:
    shared = _Shared(say)
    model = _caught(partial(judged, unit.model, unit.cells[0].options.runtime))
    for cell in unit.cells:
        if isinstance(model, LabError):
            yield cell, model
            continue
        outcome = _caught(partial(_check, model, cell, bench.worker, shared, say))
        if isinstance(outcome, NoVerdictError):
            bench.replace()
        yield cell, outcome


def _caught(action: Callable[[], T]) -> T | LabError:
    """What an action returns, or the error it raises: one cell must not stop the others."""
    try:
        return action()
    except LabError as error:
        return error
    except Exception as error:
        return LabError(f"internal error: {type(error).__name__}: {error}")


def _check(model: Judged, cell: Cell, worker: Worker, shared: _Shared, say: Say) -> CheckResult:
    subject = subject_of(model, cell.board, cell.options)
    inputs = read_inputs(model.model, cell.options.inputs)
    if blocking(subject.verdicts):
        return refused(subject)
    trial = Trial(Images(subject, shared.builder), cell.options, worker, say, inputs)
    return finish(trial, shared.probe(trial))


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _end_with_parent() -> None:
    """Leave as if told to when the parent is gone, so that tools and worker end too."""
    wait_for_end_of_parent()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_LAST_BREATH)
    os._exit(1)
