"""``lab profile``: where the time of one inference goes, by operator and by function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.details import FunctionCost, Profile
from lab.report.names import tensor_name
from lab.report.numbers import percent
from lab.report.operators import OUTSIDE, label, label_of
from lab.report.terminal import trouble
from lab.results import CheckResult, Run

RUNTIME = "runtime"
_MOST_FUNCTIONS = 12
_MOST_PATHS = 20
_HEAD = "instructions          cycles   share"


def render(result: CheckResult, operator: int | None = None) -> list[str]:
    """The view as lines of text.

    Args:
        result: a record with a profile.
        operator: the functions and paths of this one; None: over all.
    """
    assert result.run
    assert result.details
    assert result.details.profile
    view = _View(result, result.run, result.details.profile)
    lines = [*view.headline(), "", *view.operators(), ""]
    if operator is None:
        return [*lines, *view.functions(None)]
    return [*lines, *view.functions(operator), "", *view.paths(operator)]


@dataclass(frozen=True)
class _View:
    result: CheckResult
    run: Run
    profile: Profile

    def headline(self) -> Iterator[str]:
        run, board = self.run, self.result.board
        yield (
            f"PROFILE  {self.result.model.name} on {board.name}: {run.instructions:,} "
            f"instructions, exact; {run.cycles:,} cycles, modelled"
        )
        yield from trouble(self.result)
        yield (
            f"         {run.milliseconds:,.1f} ms at {board.clock_hz / 1e6:g} MHz and zero wait "
            f"states (model {run.cycle_model}, {run.cycle_class}); the first inference"
        )
        yield (
            f"         before it, constructor and AllocateTensors: {run.setup_instructions:,} "
            f"instructions, {run.setup_cycles:,} cycles"
        )

    def operators(self) -> Iterator[str]:
        width = max([len(label(one)) for one in self.result.operators] + [len(RUNTIME)])
        yield (
            f"{'operator':<{width}}  {_HEAD:>35}  {'MACs':>13}  cycles/MAC  {'stack':>8}  output"
        )
        for one in self.result.operators:
            macs = "-" if one.macs is None else f"{one.macs:,}"
            rate = f"{one.cycles / one.macs:,.1f}" if one.macs else "-"
            yield (
                f"{label(one):<{width}}  {self._figures(one.instructions, one.cycles)}  "
                f"{macs:>13}  {rate:>10}  {one.stack_bytes:>6,} B  {tensor_name(one.output or '')}"
            ).rstrip()
        runtime = self.profile.runtime_instructions, self.profile.runtime_cycles
        yield f"{RUNTIME:<{width}}  {self._figures(*runtime)}  {OUTSIDE}"
        yield f"{'total':<{width}}  {self._figures(self.run.instructions, self.run.cycles)}"

    def functions(self, operator: int | None) -> Iterator[str]:
        """The functions with the most cycles."""
        chosen = [
            one for one in self.profile.functions if operator is None or one.operator == operator
        ]
        costs = by_function(chosen)
        where = (
            "of all operators and the runtime"
            if operator is None
            else f"of {label_of(self.result, operator)}"
        )
        yield f"Functions {where}: own instructions, exact, and cycles, modelled; without callees"
        yield f"{_HEAD:>35}  {'calls':>11}  function"
        ranked = sorted(costs.items(), key=lambda item: (-item[1].cycles, item[0]))
        for name, cost in ranked[:_MOST_FUNCTIONS]:
            figures = self._figures(cost.instructions, cost.cycles)
            yield f"{figures}  {cost.calls:>11,}  {name}"
        if rest := [cost for _, cost in ranked[_MOST_FUNCTIONS:]]:
            figures = self._figures(sum(c.instructions for c in rest), sum(c.cycles for c in rest))
            yield f"{figures}  {'':>11}  in {len(rest)} more (--csv has all)"

    def paths(self, operator: int) -> Iterator[str]:
        """The call paths of one operator, heaviest first."""
        chosen = [one for one in self.profile.paths if one.operator == operator]
        chosen.sort(key=lambda one: (-one.cycles, one.path))
        yield "Paths: cycles of the last function; of several callers by the number of calls"
        for one in chosen[:_MOST_PATHS]:
            yield f"{one.cycles:>15,}  {' > '.join(one.path)}"
        if rest := chosen[_MOST_PATHS:]:
            cycles = sum(one.cycles for one in rest)
            yield f"{cycles:>15,}  in {len(rest)} more (--collapsed has all)"

    def _figures(self, instructions: int, cycles: int) -> str:
        share = percent(cycles, self.run.cycles)
        return f"{instructions:>13,}  {cycles:>13,}  {share:>5}".rjust(35)


@dataclass
class FunctionSum:
    """A function's cost over several operators."""

    instructions: int = 0
    cycles: int = 0
    calls: int = 0


def by_function(costs: Iterable[FunctionCost]) -> dict[str, FunctionSum]:
    """The costs of functions added up over operators."""
    sums: defaultdict[str, FunctionSum] = defaultdict(FunctionSum)
    for one in costs:
        total = sums[one.function]
        total.instructions += one.instructions
        total.cycles += one.cycles
        total.calls += one.calls
    return dict(sums)
