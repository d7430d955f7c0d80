"""On which paths functions were reached, for flame graphs.

What a function executed is exact, and so is who called it how often. Which of its callers caused
how much is not known: it is split by the number of calls, as gprof does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from lab.measure.flows import Cost, Flow

INDIRECT = "(indirect)"
OTHERS = "(other callers)"
MOST_PATHS = 32  # to one function; the lighter ones become one

Path = tuple[str, ...]


@dataclass(frozen=True)
class PathCost:
    """A path, outermost function first, and what the last of it executed itself."""

    path: Path
    cost: Cost


def path_costs(flow: Flow) -> list[PathCost]:
    """Every path with what it cost; over the paths that end in a function, exactly its own cost.

    A call that closes a circle ends the path it would close. A function that was only entered
    through a pointer is shown below the root and ``(indirect)``.
    """
    weights = _weights(flow)
    found = []
    for function, cost in flow.costs.items():
        paths = weights[function]
        instructions = _apportion(cost.instructions, list(paths.values()))
        cycles = _apportion(cost.cycles, list(paths.values()))
        for path, *both in zip(paths, instructions, cycles, strict=True):
            if any(both):
                found.append(PathCost(path, Cost(*both)))
    return sorted(found, key=lambda one: one.path)


def _weights(flow: Flow) -> dict[str, dict[Path, Fraction]]:
    """For each function its paths, and the share of its calls that came on each; sums are 1."""
    weights: dict[str, dict[Path, Fraction]] = {flow.root: {(flow.root,): Fraction(1)}}
    order, callers = _without_circles(flow)
    for function in order:
        if function == flow.root:
            continue
        known = [(caller, flow.calls[caller, function]) for caller in callers[function]]
        indirect = flow.indirect.get(function, 0) or (0 if known else 1)
        total = indirect + sum(count for _, count in known)
        paths: defaultdict[Path, Fraction] = defaultdict(Fraction)
        if indirect:
            paths[flow.root, INDIRECT, function] = Fraction(indirect, total)
        for caller, count in known:
            for path, weight in weights[caller].items():
                paths[*path, function] += weight * Fraction(count, total)
        weights[function] = _heaviest(paths, (flow.root, OTHERS, function))
    return weights


def _without_circles(flow: Flow) -> tuple[list[str], Mapping[str, list[str]]]:
    """Functions, callers before callees, and the callers of each that close no circle."""
    callees: defaultdict[str, list[str]] = defaultdict(list)
    for caller, callee in sorted(flow.calls):
        callees[caller].append(callee)
    callers: defaultdict[str, list[str]] = defaultdict(list)
    finished: list[str] = []
    begun: set[str] = set()
    for start in (flow.root, *sorted(flow.indirect), *sorted(flow.costs)):
        waiting = {} if start in begun else {start: iter(callees[start])}  # in order of the calls
        begun.add(start)
        while waiting:
            function = next(reversed(waiting))
            below = next(waiting[function], "")
            if not below:
                finished.append(function)
                del waiting[function]
            elif below not in waiting:
                callers[below].append(function)
                if below not in begun:
                    begun.add(below)
                    waiting[below] = iter(callees[below])
    return finished[::-1], callers


def _heaviest(paths: Mapping[Path, Fraction], others: Path) -> dict[Path, Fraction]:
    """As many paths as are kept, by weight; the rest as one."""
    ranked = sorted(paths.items(), key=lambda one: (-one[1], one[0]))
    if len(ranked) <= MOST_PATHS:
        return dict(ranked)
    kept = dict(ranked[: MOST_PATHS - 1])
    kept[others] = sum((weight for _, weight in ranked[MOST_PATHS - 1 :]), Fraction())
    return kept


def _apportion(whole: int, weights: list[Fraction]) -> list[int]:
    """A whole number in parts by weight, by the largest remainder; the sum is the whole."""
    exact = [whole * weight for weight in weights]
    parts = [int(part) for part in exact]
    order = sorted(range(len(parts)), key=lambda index: parts[index] - exact[index])
    for index in order[: whole - sum(parts)]:
        parts[index] += 1
    return parts
