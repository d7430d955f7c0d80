"""The sentences of all CI reports: what is wrong with a check, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lab.baseline import Accepted, Change, short
from lab.budgets import METRICS, MetricName
from lab.ci_result import CiCheck, CiResult, Excess
from lab.units import counted

WORDS = {"fail": "FAIL", "no_answer": "NO ANSWER", "allowed": "allowed", "pass": "pass"}
_COUNTED = {"fail": "failed", "no_answer": "no answer", "allowed": "allowed", "pass": "passed"}
_MEMORIES = {"flash": "flash", "static_ram": "static RAM"}
MOST_CHANGES = 3


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a check.

    Attributes:
        what: the budget that is exceeded, ``fit``, or ``no_answer``.
        text: one sentence.
        file: relative to the repository: the file of checks, or the model when it is the cause.
        line: in that file.
        reason: why it is allowed, and until when; None: it is not.
    """

    what: str
    text: str
    file: str
    line: int
    reason: str | None


def by_gravity(result: CiResult) -> list[CiCheck]:
    """Checks that fail first; otherwise in the order of the file."""
    order = list(WORDS)
    return sorted(result.checks, key=lambda check: order.index(check.status))


def ended(result: CiResult) -> str:
    """How many checks ended how: ``2 failed, 1 passed``."""
    counts = {word: sum(check.status == status for check in result.checks)
              for status, word in _COUNTED.items()}  # fmt: skip
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def summary(result: CiResult) -> str:
    """The run in one line."""
    against = f"against {result.baseline}" if result.baseline else "without a baseline"
    number = counted(len(result.checks), "check")
    return f"{number} of {result.file}, {against}: {ended(result)}"


def problems(result: CiResult, check: CiCheck) -> list[Problem]:
    """Everything that is wrong with a check; what is not allowed comes first."""
    return sorted(_problems(result, check), key=lambda problem: problem.reason is not None)


def _problems(result: CiResult, check: CiCheck) -> Iterator[Problem]:
    if not check.fits:
        at_model = check.model_file if check.model_is_cause else None
        file, line = (at_model, 1) if at_model else (result.file, check.line)
        what = "fit" if check.measured else "no_answer"
        yield Problem(what, check.verdict, file, line, _reason(check, what))
    for excess in check.excesses:
        reason = _reason(check, excess.metric)
        yield Problem(excess.metric, _exceeded(excess, check), result.file, excess.line, reason)
    for note in check.unjudged:
        yield Problem("no_answer", note.text, result.file, note.line, None)


def _reason(check: CiCheck, what: str) -> str | None:
    allowed = check.allowed(what)
    return f"allowed until {allowed.until}: {allowed.reason}" if allowed else None


def _exceeded(excess: Excess, check: CiCheck) -> str:
    """One exceeded budget as a sentence: limit, actual, difference, owner."""
    metric = METRICS[excess.metric]
    limit = f"the {'growth ' * excess.growth}limit"
    owner = f"; {excess.owner}" if excess.owner else ""
    if excess.growth and check.accepted:
        owner = f"; from {_plain(check.accepted, excess.metric)}{owner}"
    return metric.above(excess.actual, excess.limit, check.board, limit) + owner


@dataclass(frozen=True)
class Remark:
    """What people should know of one or several checks, or (no checks) of the run as a whole."""

    checks: tuple[str, ...]
    text: str
    line: int

    @property
    def subject(self) -> str:
        """The checks it is about; empty: the run."""
        return some(self.checks)


def remarks(result: CiResult) -> Iterator[Remark]:
    """All notes, each once whatever the number of checks it is about."""
    found: dict[str, Remark] = {}
    for check in result.checks:
        for note in check.notes:
            known = found.get(note.text, Remark((), note.text, note.line))
            found[note.text] = replace(known, checks=(*known.checks, check.name))
    yield from found.values()
    if result.unchecked:
        names = some(result.unchecked)
        yield Remark((), f"in the baseline, but not checked (lab ci accept): {names}", 1)


def some(names: Sequence[str]) -> str:
    """The first of several names, and how many there are besides."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "") if names else ""


def changed(one: Change) -> str:
    """An owner that takes another amount: ``kernels +1,204 B flash: CONV_2D``."""
    group, _, name = short(one.owner).partition(": ")
    if one.memory == "arena":
        return f"arena {one.difference:+,} B: {group} {name}".rstrip()
    told = f"{group} {one.difference:+,} B {_MEMORIES[one.memory]}"
    return f"{told}: {name}" if name else told


def changed_figures(before: Accepted, after: Accepted) -> Iterator[str]:
    """Figures that are not what they were: ``arena +4,096 B``; of time, cycles or milliseconds."""
    differences = {
        name: after.figures[name] - then
        for name, then in before.figures.items()
        if name in after.figures and after.figures[name] != then
    }
    if "cycles" in differences:
        differences.pop("ms", None)
    for name, metric in METRICS.items():
        if name == "ms" and name in differences:
            yield f"time {differences[name]:+,.3f} ms"
        elif name in differences:
            yield f"{name} {differences[name]:+,}" + " B" * (metric.unit == "B")


def was_and_is(before: Accepted, after: Accepted) -> Iterator[str]:
    """Another verdict than before."""
    if before.verdict != after.verdict:
        was, now = (one.verdict.replace("_", " ") for one in (before, after))
        yield f'verdict was "{was}", is "{now}"'


def since_baseline(check: CiCheck) -> str:
    """What changed since the baseline, with the owners that changed most; empty: nothing."""
    if not (check.accepted and check.measured):
        return ""
    then, now = check.accepted, check.measured
    parts = [*was_and_is(then, now), *changed_figures(then, now)]
    owners = [changed(one) for one in check.changes[:MOST_CHANGES]]
    if (rest := len(check.changes) - MOST_CHANGES) > 0:
        owners.append(f"{rest} more")
    told = ", ".join(parts) + (f" ({'; '.join(owners)})" if owners else "")
    return f"{told}, with other tools" if told and then.other_tools(now) else told


def figures_told(check: CiCheck) -> str:
    """The figures that are asked for most, with their names; empty when nothing was measured."""
    told: tuple[MetricName, ...] = ("ram", "flash", "arena")
    return ", ".join(f"{name} {figure(check, name)}" for name in told if figure(check, name))


def figure(check: CiCheck, name: MetricName) -> str:
    """A figure with its unit; empty when it was not measured."""
    return _plain(check.measured, name) if check.measured else ""


def _plain(measured: Accepted, name: MetricName) -> str:
    value = measured.figures.get(name)
    if value is None:
        return ""
    unit = METRICS[name].unit
    return f"{value:,.3f} ms" if unit == "ms" else f"{value:,}" + " B" * (unit == "B")
