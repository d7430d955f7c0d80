"""Is what was measured within its budgets? The verdict of ``lab ci`` on one check."""

from __future__ import annotations

import datetime
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from lab.baseline import Accepted, Change, Memory, Number, accepted, changes, short
from lab.budgets import METRICS, MetricName, Value
from lab.ci_file import Plan
from lab.ci_result import Allowed, CiCheck, Excess, Note, Status
from lab.errors import (
    EXIT_OK,
    EXIT_VERDICT_NO,
    InputError,
    LabError,
    NoVerdictError,
    escape,
    one_line,
)
from lab.jobs.ci_plan import Planned
from lab.jobs.parallel import Outcome
from lab.report.engine import not_counted
from lab.results import DEFAULT_ENGINE, CheckResult

# Owners that a figure is the sum of, as far as a model or a kernel can change it.
_MEMORIES: dict[str, tuple[Memory, ...]] = {
    "ram": ("arena", "static_ram"),
    "flash": ("flash",),
    "arena": ("arena",),
}
_OPTIONS = {"inputs": "--input"}


@dataclass(frozen=True)
class Judge:
    """Judges one check.

    Attributes:
        plan: the file.
        planned: the check.
        outcome: what was measured, or why nothing was.
        before: what was accepted of it; None: it is not in the baseline.
        today: decides which allowances hold.
        root: directory of the repository.
    """

    plan: Plan
    planned: Planned
    outcome: Outcome
    before: Accepted | None
    today: datetime.date
    root: Path

    def check(self) -> CiCheck:
        """The verdict."""
        status, code = self._status()
        return CiCheck(
            name=self.planned.name,
            model=self.planned.model,
            model_file=self._model_file(),
            board=self.planned.board,
            line=self.plan.line(*self.planned.place),
            status=status,
            verdict=self._verdict(),
            model_is_cause=self._model_is_cause(),
            measured=self.measured,
            accepted=self.before,
            excesses=self.excesses,
            changes=self.changes,
            allowances=self.allowances,
            notes=tuple(self._notes()),
            unjudged=self.unjudged,
            command=self._command(),
            exit_code=code,
        )

    @cached_property
    def measured(self) -> Accepted | None:
        """The figures; None: no answer."""
        return accepted(self.outcome) if isinstance(self.outcome, CheckResult) else None

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Owners that take another amount than was accepted."""
        return changes(self.before, self.measured) if self.before and self.measured else ()

    @cached_property
    def other_tools(self) -> bool:
        """Whether differences from the baseline may be those of a compiler or runtime."""
        return bool(self.before and self.measured and self.before.other_tools(self.measured))

    @cached_property
    def excesses(self) -> tuple[Excess, ...]:
        """Budgets that are exceeded, in the order of the metrics."""
        return tuple(self._excesses(self.measured)) if self.measured else ()

    def _excesses(self, measured: Accepted) -> Iterator[Excess]:
        comparable = None if self.other_tools else self.before
        for name, limit in self.plan.budgets(self.planned.group).limits().items():
            allowed = limit.allowed(comparable.exact(name) if comparable else None)
            actual = measured.exact(name)
            if allowed is None or actual is None or actual <= allowed:
                continue
            most = _number(name, allowed)
            yield Excess(
                metric=name,
                limit=most,
                actual=measured.figures[name],
                difference=_number(name, actual - Fraction(most)),
                growth=limit.most is None or allowed < limit.most,
                line=self.plan.line(*self.plan.budget_place(self.planned.group, name)),
                owner=self._owner(name, measured),
            )

    def _owner(self, metric: MetricName, measured: Accepted) -> str | None:
        """Who grew most since the baseline; where nothing can be said of that, who takes most."""
        memories = _MEMORIES.get(metric, ())
        if not self.other_tools:
            for one in self.changes:
                if one.memory in memories and one.difference > 0:
                    return f"{short(one.owner)} {one.difference:+,} B"
        taken = [item for memory in memories for item in measured.owners(memory).items()]
        name, size = max(taken, key=lambda item: item[1], default=("", 0))
        return f"{short(name)} {size:,} B" if name else None

    @cached_property
    def unjudged(self) -> tuple[Note, ...]:
        """Budgets for what the engine does not measure: not exceeded, but not kept either."""
        if not isinstance(self.outcome, CheckResult):
            return ()
        group = self.planned.group
        return tuple(
            Note(
                text=f"the budget for {name} cannot be judged, {why}",
                line=self.plan.line(*self.plan.budget_place(group, name)),
            )
            for name in self.plan.budgets(group).limits()
            if (why := not_counted(METRICS[name], self.outcome))
        )

    @cached_property
    def allowances(self) -> tuple[Allowed, ...]:
        """The allowances for this check."""
        return tuple(
            Allowed(
                what=allowance.what,
                reason=allowance.reason,
                until=allowance.until.isoformat(),
                line=self.plan.line("checks", self.planned.group, "allow", index),
                expired=self.today > allowance.until,
            )
            for index, allowance in enumerate(self.plan.file.checks[self.planned.group].allow)
            if self.planned.concerns(allowance)
        )

    @cached_property
    def wrong(self) -> set[str]:
        """What an allowance would have to be for."""
        exceeded: set[str] = {excess.metric for excess in self.excesses}
        return exceeded if self.measured and self.measured.verdict == "fits" else {*exceeded, "fit"}

    def _status(self) -> tuple[Status, int]:
        if isinstance(self.outcome, LabError):
            return "no_answer", self.outcome.exit_code
        held = {allowed.what for allowed in self.allowances if not allowed.expired}
        if not self.wrong <= held:
            return "fail", EXIT_VERDICT_NO
        if self.unjudged:
            return "no_answer", NoVerdictError.exit_code
        return ("allowed" if self.wrong else "pass"), EXIT_OK

    def _notes(self) -> Iterator[Note]:
        if self.measured is None:
            return
        for one in self.allowances:
            if one.expired and one.what in self.wrong:
                told = f"the allowance for {one.what} ended on {one.until}: {one.reason}"
                yield Note(text=told, line=one.line)
            elif one.what not in self.wrong:
                told = f"the allowance for {one.what} is not needed any more: {one.reason}"
                yield Note(text=told, line=one.line)
        limits = self.plan.budgets(self.planned.group).limits()
        growth = any(limit.needs_baseline for limit in limits.values())
        line = self.plan.line(*self.planned.place)
        if "stack" in limits and self._painted():
            told = "the budget for stack is judged by what was written of it: at least so much"
            yield Note(text=told, line=line)
        if self.before is None and growth:
            told = "not in the baseline, so its growth is not judged (lab ci accept)"
            yield Note(text=told, line=line)
        if self.before and self.other_tools:
            skipped = ", so growth is not judged (lab ci accept)" if growth else ""
            told = (
                f"differences are not this commit's alone{skipped}: the baseline was made with "
                f"{self.before.made_with}; this run with {self.measured.made_with}"
            )
            yield Note(text=told, line=line)

    def _painted(self) -> bool:
        """Whether the engine knows no more of the stack than what was written."""
        stack = self.outcome.stack if isinstance(self.outcome, CheckResult) else None
        return stack is not None and stack.function is None

    def _verdict(self) -> str:
        if isinstance(self.outcome, LabError):
            return " ".join(self.outcome.lines())
        return one_line(self.outcome.verdict.summary)

    def _model_is_cause(self) -> bool:
        """Whether the model is where to look for what is wrong, and not a tool or the board."""
        if isinstance(self.outcome, InputError):
            file = escape(self.planned.wanted.model)
            return all(problem.where.startswith(file) for problem in self.outcome.problems)
        return isinstance(self.outcome, CheckResult) and self.outcome.verdict.status != "fits"

    def _model_file(self) -> str | None:
        """The model's path in the repository; None for a zoo model, and for one outside."""
        file = Path(self.planned.wanted.model)
        if self.planned.wanted.model == self.planned.model and not os.path.lexists(file):
            return None
        inside = os.path.relpath(file, self.root)
        return None if inside.startswith("..") else escape(Path(inside).as_posix())

    def _command(self) -> str:
        wanted = self.planned.wanted
        words = ["lab", "check", wanted.model, "--board", wanted.board]
        names = dict.fromkeys(self.plan.options(self.planned.group))
        if wanted.options.engine != DEFAULT_ENGINE:  # perhaps asked for on the command line
            names["engine"] = None
        for name in names:
            value = getattr(wanted.options, name)
            option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
            for one in value if isinstance(value, tuple) else (value,):
                words += [option, str(one)]
        return escape(shlex.join(words))


def _number(metric: MetricName, value: Value) -> Number:
    """A value for the record: bytes and counts are whole, and a share of them is rounded down."""
    return round(float(value), 6) if METRICS[metric].unit == "ms" else int(value)
