"""What ``lab ci`` does: run the checks of a ``lab.yaml``, judge them by budgets and baseline."""

from __future__ import annotations

import datetime
import os
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from lab.baseline import Accepted, Baseline, accepted, figures, made_with, owners, read_baseline
from lab.budgets import METRICS, Value
from lab.ci_file import Allowance, Plan
from lab.ci_result import Allowed, Change, CiCheck, CiResult, Excess, Status
from lab.crate import Say
from lab.errors import EXIT_OK, EXIT_VERDICT_NO, LabError, UsageError, gravest
from lab.jobs.batch import Wanted, run_all, wanted_checks
from lab.jobs.options import Options
from lab.jobs.parallel import Outcome
from lab.results import CheckResult
from lab.zoo import model_names

_MEMORIES = {"ram": ("arena", "static_ram"), "flash": ("flash",), "arena": ("arena",)}
_OPTIONS = {"inputs": "--input"}


@dataclass(frozen=True)
class Planned:
    """One check of the file: which group it is from, and its model and board as written there."""

    group: int
    model: str
    board: str
    wanted: Wanted

    @property
    def name(self) -> str:
        """What it is called in a baseline."""
        return f"{self.model} on {self.board}"


def planned(plan: Plan) -> list[Planned]:
    """All checks of a file, in its order.

    Raises:
        InputError: a model or board is not there, or an option makes no sense for it.
    """
    found: dict[str, Planned] = {}
    findings = []
    for number, group in enumerate(plan.file.checks):
        options = Options(details=True, **plan.options(number))  # type: ignore[arg-type]
        for key, names in (("models", group.models), ("boards", group.boards)):
            for index, name in enumerate(names):
                if key == "models" and not _models(plan, name):
                    what = f'no file matches "{name}", and no zoo model has that name'
                    findings.append(plan.source.finding(("checks", number, key, index), what))
        models = {path: text for name in group.models for path, text in _models(plan, name)}
        boards = {_board(plan, name): name for name in group.boards}
        try:
            wanted = wanted_checks(list(models), list(boards), options)
        except UsageError as error:
            findings.append(plan.source.finding(("checks", number), str(error)))
            continue
        for one in wanted:
            check = Planned(number, models[one.model], boards[one.board], one)
            if check.name in found:
                what = f"{check.name} is also in checks[{found[check.name].group}]"
                findings.append(plan.source.finding(("checks", number), what, "name it once"))
            found[check.name] = check
    if findings:
        raise plan.source.error(findings)
    return list(found.values())


def _models(plan: Plan, name: str) -> list[tuple[str, str]]:
    """Files that a name or pattern of the file stands for: path, and how to call it."""
    if set(name) & set("*?["):
        files = sorted(plan.folder.glob(name)) if not Path(name).is_absolute() else []
        return [(str(path), path.relative_to(plan.folder).as_posix()) for path in files]
    if (plan.folder / name).exists():
        return [(str(plan.folder / name), name)]
    return [(name, name)] if name in model_names() else []


def _board(plan: Plan, name: str) -> str:
    return str(plan.folder / name) if name.endswith((".yaml", ".yml")) else name


def measure(checks: Sequence[Planned], jobs: int | None, say: Say) -> list[Outcome]:
    """The outcome of every check, in their order."""
    return run_all([check.wanted for check in checks], jobs, say)


def baseline_of(plan: Plan) -> Baseline | None:
    """The accepted results of a file, if there are any."""
    return read_baseline(plan.folder / plan.file.baseline)


def accept(plan: Plan, checks: Sequence[Planned], outcomes: Sequence[Outcome]) -> Path:
    """Write the baseline from what was measured; all of it or nothing.

    Raises:
        LabError: a check gave no answer; the old baseline stays.
        UsageError: it cannot be written.
    """
    for outcome in outcomes:
        if isinstance(outcome, LabError):
            raise outcome
    records = {
        check.name: accepted(outcome)
        for check, outcome in zip(checks, outcomes, strict=True)
        if isinstance(outcome, CheckResult)
    }
    path = plan.folder / plan.file.baseline
    write_whole(path, Baseline(checks=records).to_json())
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a file so that, whenever the process is killed, the old or the new one is there.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        os.chmod(file.name, 0o644)  # noqa: PTH101
        os.replace(file.name, path)  # noqa: PTH105
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot write {path}: {reason}") from None


def judge(
    plan: Plan,
    checks: Sequence[Planned],
    outcomes: Sequence[Outcome],
    baseline: Baseline | None,
    today: datetime.date,
) -> CiResult:
    """Compare what was measured with budgets, baseline and allowances.

    Args:
        plan: the file.
        checks: what was planned.
        outcomes: of these.
        baseline: what was accepted; None: nothing yet.
        today: decides which allowances hold.
    """
    known = baseline.checks if baseline else {}
    return CiResult(
        file=plan.source.path,
        baseline=plan.file.baseline if baseline else None,
        checks=tuple(
            _Judge(plan, check, known.get(check.name), today).check(outcome)
            for check, outcome in zip(checks, outcomes, strict=True)
        ),
    )


def exit_code(result: CiResult) -> int:
    """The exit code that stands for all checks."""
    return gravest(check.exit_code for check in result.checks)


@dataclass(frozen=True)
class _Judge:
    """Judges one check."""

    plan: Plan
    planned: Planned
    accepted: Accepted | None
    today: datetime.date

    def check(self, outcome: Outcome) -> CiCheck:
        """The verdict on what was measured."""
        record = outcome if isinstance(outcome, CheckResult) else None
        excesses = tuple(self._excesses(record)) if record else ()
        allowances = tuple(map(self._allowed, self._allowances()))
        status, code = self._status(outcome, excesses, allowances)
        return CiCheck(
            name=self.planned.name,
            model=self.planned.model,
            board=self.planned.board,
            line=self.plan.line("checks", self.planned.group),
            status=status,
            verdict_status=record.verdict.status if record else None,
            verdict=_words(outcome),
            figures=figures(record) if record else {},
            before=self.accepted.figures if self.accepted else {},
            excesses=excesses,
            changes=tuple(self._changes(record)) if record else (),
            allowances=allowances,
            notes=tuple(self._notes(outcome, excesses, allowances)),
            command=self._command(),
            exit_code=code,
        )

    def _status(
        self, outcome: Outcome, excesses: Sequence[Excess], allowances: Sequence[Allowed]
    ) -> tuple[Status, int]:
        if isinstance(outcome, LabError):
            return "no_answer", outcome.exit_code
        wrong = _wrong(outcome, excesses)
        if not wrong:
            return "pass", EXIT_OK
        held = {allowed.what for allowed in allowances if not allowed.expired}
        return ("allowed", EXIT_OK) if wrong <= held else ("fail", EXIT_VERDICT_NO)

    def _excesses(self, record: CheckResult) -> Iterator[Excess]:
        """Budgets that are exceeded, in the order of the metrics."""
        measured = figures(record)
        for name, limit in self.plan.budgets(self.planned.group).limits().items():
            if name not in measured:
                continue
            before = self.accepted.figures.get(name) if self.accepted else None
            allowed = limit.allowed(None if before is None else Fraction(str(before)))
            actual = Fraction(str(measured[name]))
            if allowed is None or actual <= allowed:
                continue
            yield Excess(
                metric=name,
                limit=_number(name, allowed),
                actual=measured[name],
                difference=_number(name, actual - _floor(name, allowed)),
                growth=limit.most is None or allowed < limit.most,
                line=self.plan.line(*self.plan.budget_place(self.planned.group, name)),
                owner=self._owner(name, record),
            )

    def _owner(self, metric: str, record: CheckResult) -> str | None:
        """Who grew most since the baseline; without one, who takes most."""
        memories = _MEMORIES.get(metric, ())
        changes = [one for one in self._changes(record) if one.memory in memories]
        grown = [one for one in changes if one.after_bytes > one.before_bytes]
        if grown:
            return f"{grown[0].owner} +{grown[0].after_bytes - grown[0].before_bytes:,} B"
        now = owners(record.details)
        taken = [(size, name) for memory in memories for name, size in now[memory].items()]
        return None if not taken else f"{max(taken)[1]} {max(taken)[0]:,} B"

    def _changes(self, record: CheckResult) -> list[Change]:
        """Owners that take another amount than was accepted, largest change first."""
        if self.accepted is None:
            return []
        now = owners(record.details)
        before = {
            "flash": self.accepted.flash,
            "static_ram": self.accepted.static_ram,
            "arena": self.accepted.arena,
        }
        found = [
            Change.model_validate(
                {"memory": memory, "owner": owner, "before_bytes": old, "after_bytes": new}
            )
            for memory, then in before.items()
            for owner in {**then, **now[memory]}
            if (old := then.get(owner, 0)) != (new := now[memory].get(owner, 0))
        ]
        return sorted(found, key=lambda one: (-abs(one.after_bytes - one.before_bytes), one.owner))

    def _allowances(self) -> Iterator[tuple[int, Allowance]]:
        for index, allowance in enumerate(self.plan.file.checks[self.planned.group].allow):
            of_model = allowance.model in {None, self.planned.model}
            if of_model and allowance.board in {None, self.planned.board}:
                yield index, allowance

    def _allowed(self, numbered: tuple[int, Allowance]) -> Allowed:
        index, allowance = numbered
        return Allowed(
            what=allowance.what,
            reason=allowance.reason,
            until=allowance.until.isoformat(),
            line=self.plan.line("checks", self.planned.group, "allow", index),
            expired=self.today > allowance.until,
        )

    def _notes(
        self, outcome: Outcome, excesses: Sequence[Excess], allowances: Sequence[Allowed]
    ) -> Iterator[str]:
        if isinstance(outcome, LabError):
            return
        wrong = _wrong(outcome, excesses)
        for allowed in allowances:
            if allowed.expired and allowed.what in wrong:
                yield f"allowance for {allowed.what} ended on {allowed.until}: {allowed.reason}"
            elif allowed.what not in wrong:
                yield f"allowance for {allowed.what} is not needed any more: {allowed.reason}"
        limits = self.plan.budgets(self.planned.group).limits().values()
        if self.accepted is None and any(limit.needs_baseline for limit in limits):
            yield "not in the baseline: its growth is not judged (lab ci accept)"
        if self.accepted and self.accepted.made_with != made_with(outcome):
            yield (
                "differences are not this commit's alone: the baseline was made with "
                f"{self.accepted.made_with}; this run with {made_with(outcome)}"
            )

    def _command(self) -> str:
        words = ["lab", "check", self.planned.wanted.model, "--board", self.planned.wanted.board]
        for name, value in self.plan.options(self.planned.group).items():
            option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
            for one in value if isinstance(value, tuple) else (value,):
                words += [option, str(one)]
        return shlex.join(words)


def _words(outcome: Outcome) -> str:
    if isinstance(outcome, LabError):
        return " ".join(outcome.lines())
    return outcome.verdict.summary


def _wrong(record: CheckResult, excesses: Sequence[Excess]) -> set[str]:
    """What an allowance would have to be for."""
    exceeded = {excess.metric for excess in excesses}
    return exceeded if record.verdict.status == "fits" else {*exceeded, "fit"}


def _floor(metric: str, limit: Value) -> Value:
    """A limit that is a share of something, as whole bytes or counts."""
    return limit if METRICS[metric].unit == "ms" else int(limit)


def _number(metric: str, value: Value) -> int | float:
    return float(value) if METRICS[metric].unit == "ms" else int(value)
