"""An engine that sees no blocks, for tests: what it cannot tell must be said, not made up.

Unicorn executes; what an engine without blocks does not know is taken away. Registered as
``renode``, because that is the one a user has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import TracebackType
from typing import TypeVar

import pytest

from lab.engines import registry
from lab.engines.base import BlockCount, LowestSp, Stop, StopReason, Totals
from lab.engines.unicorn_engine import UnicornEngine
from lab.jobs.check import check_in
from lab.jobs.options import Options
from lab.measure.worker import Worker
from lab.results import CheckResult

ENGINE = "renode"
VERSION = "1.16.1"
T = TypeVar("T")


class CoarseEngine(UnicornEngine):
    """Counts instructions, and knows of the stack what was written."""

    name = ENGINE
    version = VERSION
    sees_blocks = False

    def run(
        self, until: Collection[int], *, instructions: int, seconds: float, stack_limit: int = 0
    ) -> Stop:
        """Notice a stack limit only after it was passed."""
        stop = super().run(until, instructions=instructions, seconds=seconds)
        below = 0 < self.lowest_sp().sp < stack_limit
        return Stop(StopReason.STACK_LIMIT, stop.pc) if below else stop

    def totals(self) -> Totals:
        """Instructions only."""
        return Totals(super().totals().instructions, None)

    def lowest_sp(self) -> LowestSp:
        """Nobody knows who got there."""
        return LowestSp(super().lowest_sp().sp, None, False)

    def profile(self) -> list[BlockCount]:
        """There is none, and nothing may ask for it."""
        raise AssertionError("this engine sees no blocks")


class InProcess(Worker):
    """Measures here, where the engine above is registered, and not in another process."""

    def __init__(self) -> None:
        pass

    def __enter__(self) -> InProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def call(self, function: Callable[..., T], *arguments: object, seconds: float) -> T:
        """Call it."""
        return function(*arguments)

    def close(self) -> None:
        """Nothing was started."""


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the engine known, and measure in this process."""
    monkeypatch.setitem(registry.ENGINES, ENGINE, registry.Entry(lambda: CoarseEngine))
    monkeypatch.setattr("lab.measure.worker.Worker", InProcess)


def checked(
    monkeypatch: pytest.MonkeyPatch, model: str, board: str, **options: object
) -> CheckResult:
    """A record of the engine, as ``lab check --engine renode`` writes it."""
    register(monkeypatch)
    asked = Options(engine=ENGINE, **options)  # type: ignore[arg-type]
    return check_in(InProcess(), model, board, asked, lambda _: None)


def coarse(record: CheckResult) -> CheckResult:
    """What the engine would have written in place of a record of the usual one."""
    plain = record.model_dump()
    plain["request"] |= {"engine": ENGINE, "engine_version": VERSION}
    for cost in (plain["run"], *plain["operators"]):
        cost["cycles"] = None
    plain["run"] |= {"setup_cycles": None, "milliseconds": None, "milliseconds_all_waiting": None}
    plain["stack"] |= {"function": None, "exact": False}
    plain["details"]["profile"] = None
    for point in plain["details"]["stack"]["points"]:
        point["chain"] = ()
    return CheckResult.model_validate(plain)
