"""What ``lab ci`` does: measure the checks of a ``lab.yaml``, judge them, accept what they take."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from pathlib import Path

from lab.baseline import Baseline, accepted, read_baseline
from lab.ci_file import Plan
from lab.ci_result import CiResult
from lab.crate import Say
from lab.errors import LabError, escape, gravest
from lab.files import write_whole
from lab.jobs.batch import run_all
from lab.jobs.ci_judge import Judge
from lab.jobs.ci_plan import Planned
from lab.jobs.parallel import Outcome
from lab.results import CheckResult


def measure(checks: Sequence[Planned], jobs: int | None, say: Say) -> list[Outcome]:
    """The outcome of every check, in their order."""
    return run_all([check.wanted for check in checks], jobs, say)


def baseline_of(plan: Plan) -> Baseline | None:
    """The accepted results of a file, if there are any.

    Raises:
        InputError: the baseline cannot be read, or is none.
    """
    return read_baseline(plan.folder / plan.file.baseline)


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
    root = _repository(Path(plan.source.path))
    return CiResult(
        file=escape(Path(os.path.relpath(plan.source.path, root)).as_posix()),
        baseline=plan.file.baseline if baseline else None,
        checks=tuple(
            Judge(plan, check, outcome, known.get(check.name), today, root).check()
            for check, outcome in zip(checks, outcomes, strict=True)
        ),
        unchecked=tuple(sorted({*known} - {check.name for check in checks})),
    )


def _repository(file: Path) -> Path:
    """Where the repository begins in which a file lies.

    Without a ``.git`` it is the current directory, as after a download by a CI service; for a file
    outside of that, the directory it lies in.
    """
    folder = Path(os.path.abspath(file)).parent  # noqa: PTH100 - links are left as they are
    for directory in (folder, *folder.parents):
        if os.path.lexists(directory / ".git"):
            return directory
    return Path.cwd() if folder.is_relative_to(Path.cwd()) else folder


def accept(plan: Plan, checks: Sequence[Planned], outcomes: Sequence[Outcome]) -> Baseline:
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
    baseline = Baseline(checks=records)
    write_whole(plan.folder / plan.file.baseline, baseline.to_json().encode())
    return baseline


def exit_code(result: CiResult) -> int:
    """The exit code that stands for all checks."""
    return gravest(check.exit_code for check in result.checks)
