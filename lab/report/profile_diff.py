"""Two profiles compared: per operator and per function, before, after, change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lab.details import Profile
from lab.report.engine import Weight, instructions_only, unseen, weight_of
from lab.report.names import tensor_name
from lab.report.operators import OUTSIDE, label, outside
from lab.report.profile import RUNTIME, by_function
from lab.results import CheckResult, Operator

_MOST_FUNCTIONS = 15
_HEAD = f"{'before':>15}  {'after':>15}  {'change':>15}  {'':>8}"

Pair = tuple[Operator | None, Operator | None]


def render(before: CheckResult, after: CheckResult) -> list[str]:
    """The comparison as lines of text; of two records that ran.

    Where one of them has no cycles, instructions are compared; where one has no profile, only
    operators are.
    """
    either = (before, after)
    modelled = all(weight_of(one) is Weight.CYCLES for one in either)
    weight = Weight.CYCLES if modelled else Weight.INSTRUCTIONS
    blind = next((one for one in either if unseen(one)), None)
    return [
        f"PROFILE  {_subject(before)}  ->  {_subject(after)}",
        *(f"         {line}" for line in _what_else_differs(before, after)),
        *([f"         {instructions_only(blind)}"] if blind else []),
        "",
        *_totals(before, after, weight),
        "",
        *_operators(before, after, weight),
        "",
        *([f"Functions are not compared: {unseen(blind)}"] if blind else _functions(before, after)),
    ]


def _subject(result: CheckResult) -> str:
    return f"{result.model.name} on {result.board.name}"


def _what_else_differs(before: CheckResult, after: CheckResult) -> Iterator[str]:
    """What besides the model may be the cause of a difference."""
    found = [
        f"{what} {old or '-'} -> {new or '-'}"
        for what, look in _CAUSES.items()
        if (old := look(before)) != (new := look(after))
    ]
    same_model = before.model.sha256 == after.model.sha256
    if found:
        yield ("not the model, but: " if same_model else "not only the model differs: ") + found[0]
        yield from (f"{'':>10}and: {one}" for one in found[1:])
    elif same_model:
        yield "the same model, built and run in the same way"
    else:
        yield "only the model differs"


_CAUSES: dict[str, Callable[[CheckResult], str]] = {
    "core": lambda one: one.board.core,
    "compiler": lambda one: one.build.compiler if one.build else "",
    "C library": lambda one: one.build.libc if one.build else "",
    "level": lambda one: f"-{one.build.opt}" if one.build else "",
    "runtime": lambda one: f"{one.runtime.name} ({one.runtime.kernels} kernels)",
    "runtime's source": lambda one: (one.runtime.source_sha256 or "")[:12],
    "library": lambda one: (one.runtime.library_sha256 or "")[:12],
    "engine": lambda one: one.request.engine_name,
    "cycle model": lambda one: one.run.cycle_model if one.run else "",
    "lab": lambda one: one.build.lab if one.build else "",
    "inputs": lambda one: f"{one.request.inputs}, seed {one.request.seed}",
}


def _totals(before: CheckResult, after: CheckResult, weight: Weight) -> Iterator[str]:
    assert before.run
    assert after.run
    yield f"{'':<14}{_HEAD}".rstrip()
    yield f"{'instructions':<14}{_change(before.run.instructions, after.run.instructions)}"
    if weight is Weight.CYCLES:
        yield f"{'cycles':<14}{_change(before.run.cycles, after.run.cycles)}"
        yield f"{'set-up cycles':<14}{_change(before.run.setup_cycles, after.run.setup_cycles)}"
    else:
        set_up = _change(before.run.setup_instructions, after.run.setup_instructions)
        yield f"{'set-up':<14}{set_up}"


def _operators(before: CheckResult, after: CheckResult, weight: Weight) -> Iterator[str]:
    yield f"Operators, {weight.told}: matched by name and output tensor"
    yield f"{_HEAD}  operator".rstrip()
    for old, new in matched(before.operators, after.operators):
        one = new or old
        assert one
        name = f"{label(one)}  {tensor_name(one.output or '')}".rstrip()
        if old and new and old.index != new.index:
            name += f"  (was {old.index})"
        partner = "" if old and new else "  only after" if new else "  only before"
        change = _change(weight.of(old) if old else None, weight.of(new) if new else None)
        yield f"{change}  {name}{partner}"
    was, now = (weight.of(outside(one)) for one in (before, after))
    yield f"{_change(was, now)}  {RUNTIME}, {OUTSIDE}"


def matched(before: Sequence[Operator], after: Sequence[Operator]) -> list[Pair]:
    """Operators of two models with their partners, in the order of the second.

    Partners have the same name and output; those of the same index first. What is left has none.
    """
    pairs: list[Pair] = []
    left = list(before)
    for one in after:
        alike = [old for old in left if (old.name, old.output) == (one.name, one.output)]
        same = [old for old in alike if old.index == one.index]
        partner = next(iter(same + alike), None)
        if partner:
            left.remove(partner)
        pairs.append((partner, one))
    return pairs + [(one, None) for one in left]


def _functions(before: CheckResult, after: CheckResult) -> Iterator[str]:
    old, new = (by_function(_profile(one).functions) for one in (before, after))
    was = {name: one.cycles for name, one in old.items()}
    now = {name: one.cycles for name, one in new.items()}
    changed = [name for name in {*was, *now} if was.get(name) != now.get(name)]
    changed.sort(key=lambda name: (-abs(now.get(name, 0) - was.get(name, 0)), name))
    if not changed:
        yield "Functions: no change"
        return
    yield "Functions, own cycles, modelled: the largest changes"
    yield f"{_HEAD}  function".rstrip()
    for name in changed[:_MOST_FUNCTIONS]:
        yield f"{_change(was.get(name), now.get(name))}  {name}"
    if rest := changed[_MOST_FUNCTIONS:]:
        sums = (sum(side.get(name, 0) for name in rest) for side in (was, now))
        yield f"{_change(*sums)}  in {len(rest)} more"


def _profile(result: CheckResult) -> Profile:
    assert result.details
    assert result.details.profile
    return result.details.profile


def _change(before: int | None, after: int | None) -> str:
    """Before, after, change, and the change in per cent."""
    sides = [f"{'-' if one is None else f'{one:,}':>15}" for one in (before, after)]
    change = (after or 0) - (before or 0)
    percent = f"{change / before:+.1%}" if before and after is not None else ""
    return f"{sides[0]}  {sides[1]}  {change:>+15,}  {percent:>8}"
