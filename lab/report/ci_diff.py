"""What changed from one set of results to another, by check and owner."""

from __future__ import annotations

from collections.abc import Iterator

from lab.baseline import Accepted, Baseline, changes
from lab.report.ci_words import changed, changed_figures, was_and_is
from lab.units import counted


def render(before: Baseline, after: Baseline) -> list[str]:
    """The differences as lines of text, check by check."""
    lines: list[str] = []
    same = 0
    for name in {**before.checks, **after.checks}:
        then, now = before.checks.get(name), after.checks.get(name)
        if then is None or now is None:
            lines.append(f"{name}: {'new' if then is None else 'gone'}")
        elif told := list(_differences(then, now)):
            lines += [f"{name}: {told[0]}", *(f"    {line}" for line in told[1:])]
        else:
            same += 1
    return [
        *lines,
        *_toolchains(before, after),
        f"{same} of {counted(len(after.checks), 'check')} unchanged",
    ]


def _differences(then: Accepted, now: Accepted) -> Iterator[str]:
    """The figures in one line, then an owner each."""
    figures = [*was_and_is(then, now), *changed_figures(then, now)]
    owners = changes(then, now)
    if figures or owners:
        yield ", ".join(figures) or "the same figures, other owners"
    yield from (changed(one) for one in owners)


def _toolchains(before: Baseline, after: Baseline) -> Iterator[str]:
    """Once for each pair of toolchains, whatever the number of checks."""
    pairs = {
        (then.made_with, now.made_with): None
        for name, then in before.checks.items()
        if (now := after.checks.get(name)) and then.other_tools(now)
    }
    for then_with, now_with in pairs:
        yield f"made with different tools, which may be the cause: {then_with}; then {now_with}"
