"""Operators of one inference as rows: what each costs, and which functions it spends it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.details import FunctionCost
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
class OperatorRow:
    """One operator.

    Attributes:
        operator: as measured.
        share: of the modelled cycles of the inference.
        cycles_per_mac: None where there are no multiply-accumulates.
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
    whole = result.run.cycles if result.run else 0
    return [
        OperatorRow(
            operator,
            operator.cycles / whole if whole else 0.0,
            operator.cycles / operator.macs if operator.macs else None,
            live[operator.index] if 0 <= operator.index < len(live) else None,
            tuple(functions.get(operator.index, [])[:_MOST_FUNCTIONS]),
        )
        for operator in result.operators
    ]


def _by_operator(functions: Sequence[FunctionCost]) -> dict[int | None, list[FunctionCost]]:
    found: dict[int | None, list[FunctionCost]] = {}
    for cost in sorted(functions, key=lambda cost: (-cost.cycles, cost.function)):
        found.setdefault(cost.operator, []).append(cost)
    return found
