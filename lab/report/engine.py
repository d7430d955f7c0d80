"""The engine of a record: its name, and the words for what it cannot tell.

An engine that does not see the blocks of instructions counts no cycles, and knows of the stack
only what was written. Then instructions stand where cycles would.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from lab.budgets import Metric
from lab.report.names import function_name
from lab.results import DEFAULT_ENGINE, CheckResult, Run, Stack


class Cost(Protocol):
    """What both were counted of, or only the instructions."""

    @property
    def instructions(self) -> int:
        """Exact."""

    @property
    def cycles(self) -> int | None:
        """By the core's cycle model; None: not counted."""


class Weight(StrEnum):
    """What shares of time are shares of."""

    CYCLES = "cycles"
    INSTRUCTIONS = "instructions"

    @property
    def told(self) -> str:
        """With how they were obtained, where that is not said anyway."""
        return "cycles, modelled" if self is Weight.CYCLES else "instructions"

    def of(self, cost: Cost) -> int:
        """The figure that counts."""
        if self is Weight.CYCLES and cost.cycles is not None:
            return cost.cycles
        return cost.instructions


def weight_of(result: CheckResult) -> Weight:
    """Cycles if all of them were counted, else instructions."""
    costs = (result.run, *result.operators)
    counted = all(cost is not None and cost.cycles is not None for cost in costs)
    return Weight.CYCLES if counted else Weight.INSTRUCTIONS


def other_engine(result: CheckResult) -> str:
    """The name of an engine that people do not expect; empty: it is the usual one."""
    return "" if result.request.engine == DEFAULT_ENGINE else f"engine {result.request.engine_name}"


def instructions_only(result: CheckResult) -> str:
    """Why there are neither cycles nor milliseconds."""
    return f"instructions only: engine {result.request.engine_name} counts no cycles"


def how_counted(run: Run) -> str:
    """How the instructions were obtained; what another program counts, the lab has not checked."""
    return "exact" if run.cycles is not None else "as the engine counts"


def not_counted(metric: Metric, result: CheckResult) -> str:
    """Why a record of a model that ran lacks a figure; empty: not because of the engine."""
    blind = result.run is not None and result.run.cycles is None
    return instructions_only(result) if blind and metric.unit in {"cycles", "ms"} else ""


def unseen(result: CheckResult) -> str:
    """Why nothing is known of functions that ran; empty: the engine sees them."""
    blind = result.run is not None and result.run.cycles is None
    return f"engine {result.request.engine_name} does not see functions" if blind else ""


def how_deep(stack: Stack) -> str:
    """How good the high-water mark is: ``exact``, or ``at least``."""
    return "exact" if stack.exact else "at least"


def deepest(stack: Stack, show: Callable[[str], str] = str) -> str:
    """Who got there, or how it was found where the engine cannot tell who.

    Args:
        stack: of a record.
        show: makes what is printed of the function's name.
    """
    if stack.function is None:
        return "by what was written of it"
    return f"in {show(function_name(stack.function))}"
