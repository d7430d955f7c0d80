"""``lab profile``: where the time of one inference goes, by operator and by function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.details import FunctionCost, Profile
from lab.report.engine import Cost, Weight, how_counted, instructions_only, unseen, weight_of
from lab.report.names import tensor_name
from lab.report.numbers import count_of, percent
from lab.report.operators import OUTSIDE, cycles_per_mac, label, label_of, outside
from lab.report.terminal import trouble
from lab.results import CheckResult, Operator, Run

RUNTIME = "runtime"
_MOST_FUNCTIONS = 12
_MOST_PATHS = 20


def render(result: CheckResult, operator: int | None = None) -> list[str]:
    """The view as lines of text.

    Args:
        result: a record with a profile, or of an engine that does not see functions.
        operator: the functions and paths of this one; None: over all.
    """
    assert result.run
    profile = result.details.profile if result.details else None
    view = _View(result, result.run, weight_of(result) is Weight.CYCLES)
    lines = [*view.headline(), "", *view.operators(), ""]
    if profile is None:
        return [*lines, f"The functions are not known: {unseen(result)}"]
    functions = view.functions(profile, operator)
    if operator is None:
        return [*lines, *functions]
    return [*lines, *functions, "", *view.paths(profile, operator)]


@dataclass(frozen=True)
class _View:
    result: CheckResult
    run: Run
    modelled: bool  # there are cycles

    def headline(self) -> Iterator[str]:
        run, board = self.run, self.result.board
        cycles = f"; {run.cycles:,} cycles, modelled" if run.cycles is not None else ""
        set_up = f", {run.setup_cycles:,} cycles" if run.setup_cycles is not None else ""
        time = instructions_only(self.result)
        if run.milliseconds is not None:
            time = (
                f"{run.milliseconds:,.1f} ms at {board.clock_hz / 1e6:g} MHz and zero wait "
                f"states (model {run.cycle_model}, {run.cycle_class})"
            )
        yield (
            f"PROFILE  {self.result.model.name} on {board.name}: {run.instructions:,} "
            f"instructions, {how_counted(run)}{cycles}"
        )
        yield from trouble(self.result)
        yield f"         {time}; the first inference"
        yield (
            f"         before it, constructor and AllocateTensors: {run.setup_instructions:,} "
            f"instructions{set_up}"
        )

    def operators(self) -> Iterator[str]:
        width = max([len(label(one)) for one in self.result.operators] + [len(RUNTIME)])
        rate = "  cycles/MAC" if self.modelled else ""
        yield f"{'operator':<{width}}  {self._head}  {'MACs':>13}{rate}  {'stack':>8}  output"
        for one in self.result.operators:
            yield (
                f"{label(one):<{width}}  {self._figures(one)}  {count_of(one.macs):>13}"
                f"{self._rate(one)}  {one.stack_bytes:>6,} B  {tensor_name(one.output or '')}"
            ).rstrip()
        yield f"{RUNTIME:<{width}}  {self._figures(outside(self.result))}  {OUTSIDE}"
        yield f"{'total':<{width}}  {self._figures(self.run)}"

    def functions(self, profile: Profile, operator: int | None) -> Iterator[str]:
        """The functions with the most cycles."""
        chosen = [one for one in profile.functions if operator is None or one.operator == operator]
        costs = by_function(chosen)
        where = (
            "of all operators and the runtime"
            if operator is None
            else f"of {label_of(self.result, operator)}"
        )
        yield f"Functions {where}: own instructions, exact, and cycles, modelled; without callees"
        yield f"{self._head}  {'calls':>11}  function"
        ranked = sorted(costs.items(), key=lambda item: (-item[1].cycles, item[0]))
        for name, cost in ranked[:_MOST_FUNCTIONS]:
            yield f"{self._figures(cost)}  {cost.calls:>11,}  {name}"
        if rest := [cost for _, cost in ranked[_MOST_FUNCTIONS:]]:
            others = FunctionSum(sum(c.instructions for c in rest), sum(c.cycles for c in rest))
            yield f"{self._figures(others)}  {'':>11}  in {len(rest)} more (--csv has all)"

    def paths(self, profile: Profile, operator: int) -> Iterator[str]:
        """The call paths of one operator, heaviest first."""
        chosen = [one for one in profile.paths if one.operator == operator]
        chosen.sort(key=lambda one: (-one.cycles, one.path))
        yield "Paths: cycles of the last function; of several callers by the number of calls"
        for one in chosen[:_MOST_PATHS]:
            yield f"{one.cycles:>15,}  {' > '.join(one.path)}"
        if rest := chosen[_MOST_PATHS:]:
            cycles = sum(one.cycles for one in rest)
            yield f"{cycles:>15,}  in {len(rest)} more (--collapsed has all)"

    @property
    def _head(self) -> str:
        return "instructions          cycles   share" if self.modelled else " instructions  share"

    def _figures(self, cost: Cost) -> str:
        weight = weight_of(self.result)
        cycles = f"{count_of(cost.cycles):>13}  " if self.modelled else ""
        share = percent(weight.of(cost), weight.of(self.run))
        return f"{cost.instructions:>13,}  {cycles}{share:>5}"

    def _rate(self, operator: Operator) -> str:
        if not self.modelled:
            return ""
        rate = cycles_per_mac(operator)
        return f"  {'-' if rate is None else f'{rate:,.1f}':>10}"


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
