"""The report of ``lab ci run`` on one screen: what fails first, one line each, then the rest."""

from __future__ import annotations

from collections.abc import Iterator

from lab.budgets import METRICS
from lab.ci_result import Change, CiCheck, CiResult, Excess

WORDS = {"fail": "FAIL", "no_answer": "NO ANSWER", "allowed": "allowed", "pass": "pass"}
COUNTED = {"fail": "failed", "no_answer": "no answer", "allowed": "allowed", "pass": "passed"}
_MOST_CHANGES = 3
_MEMORIES = {"flash": "flash", "static_ram": "static RAM", "arena": "arena"}


def render(result: CiResult) -> list[str]:
    """The report as lines of text."""
    lines = [line for check in by_gravity(result) for line in _check(result, check)]
    return [*lines, "", summary(result)]


def by_gravity(result: CiResult) -> list[CiCheck]:
    """Checks that fail first; otherwise in the order of the file."""
    order = list(WORDS)
    return sorted(result.checks, key=lambda check: order.index(check.status))


def summary(result: CiResult) -> str:
    """How many checks ended how."""
    counts = {word: sum(check.status == status for check in result.checks)
              for status, word in COUNTED.items()}  # fmt: skip
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    against = f"against {result.baseline}" if result.baseline else "without a baseline"
    return f"{len(result.checks)} checks of {result.file}, {against}: {told}"


def problems(check: CiCheck) -> Iterator[tuple[int, str]]:
    """Everything that is wrong with a check: line of the file, and one sentence."""
    if check.verdict_status != "fits":
        yield check.line, check.verdict
    for excess in check.excesses:
        yield excess.line, exceeded(excess, check)


def exceeded(excess: Excess, check: CiCheck) -> str:
    """One exceeded budget as a sentence: limit, actual, difference, owner."""
    metric = METRICS[excess.metric]
    limit = "what the baseline allows" if excess.growth else "the limit"
    owner = f"; {excess.owner}" if excess.owner else ""
    return metric.above(excess.actual, excess.limit, check.board, limit) + owner


def change(one: Change) -> str:
    """An owner that takes another amount: ``flash kernels: CONV_2D +1,204 B``."""
    difference = one.after_bytes - one.before_bytes
    return f"{_MEMORIES[one.memory]} {one.owner} {difference:+,} B"


def changed_figures(check: CiCheck) -> Iterator[str]:
    """Figures that differ from the baseline: ``arena +4,096 B``."""
    for name, metric in METRICS.items():
        before, after = check.before.get(name), check.figures.get(name)
        if before is not None and after is not None and before != after:
            number = f"{after - before:+,.3f}" if metric.unit == "ms" else f"{after - before:+,}"
            yield f"{name} {number} {metric.unit}"


def _check(result: CiResult, check: CiCheck) -> Iterator[str]:
    word = WORDS[check.status]
    found = list(problems(check))
    if not found:
        yield f"{word:<9}  {check.name}: {_figures(check)}"
    for line, text in found:
        yield f"{word:<9}  {check.name}: {text} ({result.file}:{line})"
    for allowed in check.allowances:
        if check.status == "allowed":
            yield f"{'':<9}    allowed until {allowed.until}: {allowed.reason}"
    if changed := [*changed_figures(check)]:
        owners = [change(one) for one in check.changes[:_MOST_CHANGES]]
        yield f"{'':<9}    since the baseline: {', '.join(changed)}" + (
            f" ({'; '.join(owners)})" if owners else ""
        )
    yield from (f"{'':<9}    {note}" for note in check.notes)
    if check.status in {"fail", "no_answer"}:
        yield f"{'':<9}    again: {check.command}"


def _figures(check: CiCheck) -> str:
    told = ("ram", "flash", "arena")
    shown = (f"{name} {int(check.figures[name]):,} B" for name in told if name in check.figures)
    return ", ".join(shown)
