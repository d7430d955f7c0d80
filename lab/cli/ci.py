"""``lab ci``: budgets and baselines for the checks of a repository."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lab.ci_file import DEFAULT_FILE
from lab.cli.arguments import examples
from lab.cli.progress import Progress

if TYPE_CHECKING:
    from lab.ci_file import Plan
    from lab.jobs.ci import Planned
    from lab.jobs.parallel import Outcome

app = typer.Typer(
    help="Checks of a repository, with budgets and a baseline.",
    no_args_is_help=True,
    epilog=examples("lab ci run", "lab ci accept"),
)

File = Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="The file of checks.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Processes; default: one for each processor."),
]


@app.command(epilog=examples("lab ci run", "lab ci run -f firmware/lab.yaml --json ci.json"))
def run(file: File = DEFAULT_FILE, jobs: Jobs = None) -> None:
    """Run all checks of lab.yaml and judge them by its budgets and the baseline.

    Exit code 0: everything passes or is allowed; 1: something does not.
    """
    plan, checks, outcomes = _measured(file, jobs)
    from lab.jobs.ci import baseline_of, exit_code, judge
    from lab.report.ci import render

    result = judge(plan, checks, outcomes, baseline_of(plan), datetime.date.today())
    typer.echo("\n".join(render(result)))
    raise typer.Exit(exit_code(result))


@app.command(epilog=examples("lab ci accept"))
def accept(file: File = DEFAULT_FILE, jobs: Jobs = None) -> None:
    """Run all checks, and make what they measure the baseline."""
    plan, checks, outcomes = _measured(file, jobs)
    from lab.jobs.ci import accept

    path = accept(plan, checks, outcomes)
    typer.echo(f"{path}: {len(checks)} checks accepted; commit it")


def _measured(file: str, jobs: int | None) -> tuple[Plan, list[Planned], list[Outcome]]:
    from lab.ci_file import load_ci_file
    from lab.jobs.ci import baseline_of, measure, planned

    plan = load_ci_file(file)
    baseline_of(plan)  # a damaged one is told before anything is measured
    checks = planned(plan)
    with Progress() as progress:
        return plan, checks, measure(checks, jobs, progress)
