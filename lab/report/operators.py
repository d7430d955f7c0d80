"""Operators of one inference as rows: what each costs, and which functions it spends it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.details import FunctionCost
from lab.report.engine import weight_of
from lab.results import CheckResult, Operator

OUTSIDE = "outside of the operators"  # the interpreter between them
_MOST_FUNCTIONS = 5


def label(operator: Operator) -> str:
    """What an operator is called: its number and its name."""
    return f"{operator.index} {operator.name}"


def label_of(result: CheckResult, index: int) -> str:
    """The same by the number; without a name if the record has none."""
    return next((label(one) for one in result.operators if one.index == index), str(index))


@dataclass(frozen=True)
class Total:
    """Several costs in one; ``cycles`` None: not counted."""

    name: str
    instructions: int
    cycles: int | None


def outside(result: CheckResult) -> Total:
    """What an inference takes outside of its operators; of a record that ran."""
    run = result.run
    assert run
    instructions = run.instructions - sum(one.instructions for one in result.operators)
    inside = [one.cycles for one in result.operators if one.cycles is not None]
    cycles = None
    if run.cycles is not None and len(inside) == len(result.operators):
        cycles = run.cycles - sum(inside)
    return Total(OUTSIDE, instructions, cycles)


@dataclass(frozen=True)
class OperatorRow:
    """One operator.

    Attributes:
        operator: as measured.
        share: of the modelled cycles of the inference, or of its instructions.
        cycles_per_mac: None where there are no multiply-accumulates, or no cycles.
        live_bytes: planned memory alive while it runs; None: not measured.
        functions: where most of its cycles go, its own instructions only.
    """

    operator: Operator
    share: float
    cycles_per_mac: float | None
    live_bytes: int | None
    functions: tuple[FunctionCost, ...]


def operator_rows(result: CheckResult) -> list[OperatorRow]:
    """Rows in the order of the model."""
    details = result.details
    arena = details.arena if details else None
    live = arena.live_bytes if arena else ()
    functions = _by_operator(details.profile.functions if details and details.profile else ())
    weight = weight_of(result)
    whole = weight.of(result.run) if result.run else 0
    return [
        OperatorRow(
            operator,
            weight.of(operator) / whole if whole else 0.0,
            cycles_per_mac(operator),
            live[operator.index] if 0 <= operator.index < len(live) else None,
            tuple(functions.get(operator.index, [])[:_MOST_FUNCTIONS]),
        )
        for operator in result.operators
    ]


def cycles_per_mac(operator: Operator) -> float | None:
    """None where there are no multiply-accumulates, or no cycles."""
    if operator.cycles is None or not operator.macs:
        return None
    return operator.cycles / operator.macs


def _by_operator(functions: Sequence[FunctionCost]) -> dict[int | None, list[FunctionCost]]:
    found: dict[int | None, list[FunctionCost]] = {}
    for cost in sorted(functions, key=lambda cost: (-cost.cycles, cost.function)):
        found.setdefault(cost.operator, []).append(cost)
    return found
