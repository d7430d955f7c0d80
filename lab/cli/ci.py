"""``lab ci``: budgets and baselines for the checks of a repository."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.arguments import BoardsIfAny, examples
from lab.cli.progress import Progress
from lab.errors import UsageError
from lab.units import counted

if TYPE_CHECKING:
    from lab.baseline import Baseline
    from lab.ci_file import Plan
    from lab.ci_result import CiResult
    from lab.jobs.ci_plan import Planned
    from lab.jobs.parallel import Outcome

DEFAULT_FILE = "lab.yaml"
_SUMMARY = "GITHUB_STEP_SUMMARY"

app = typer.Typer(
    help="Checks of a repository, with budgets and a baseline.",
    no_args_is_help=True,
    epilog=examples("lab ci init --board nrf52dk", "lab ci run", "lab ci accept"),
)

File = Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="The file of checks.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Processes; default: one for each processor."),
]
AnyEngine = Annotated[
    str | None,
    typer.Option(
        "--engine", metavar="NAME", help="What executes the images, instead of what FILE says."
    ),
]


def _to(what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        metavar="FILE", help=f"Write {what}; - for stdout."
    )
    return option


@app.command(epilog=examples("lab ci run", "lab ci run --json ci.json --junit ci.xml --github"))
def run(
    file: File = DEFAULT_FILE,
    jobs: Jobs = None,
    engine: AnyEngine = None,
    json: Annotated[str | None, _to("the result as JSON")] = None,
    junit: Annotated[str | None, _to("JUnit XML")] = None,
    markdown: Annotated[str | None, _to("Markdown for a reviewer")] = None,
    sarif: Annotated[str | None, _to("SARIF 2.1.0")] = None,
    html: Annotated[str | None, _to("one HTML page")] = None,
    annotations: Annotated[
        bool, typer.Option("--annotations", help="Print GitHub annotations before the report.")
    ] = False,
    github: Annotated[
        bool,
        typer.Option(
            "--github", help="--annotations, and the Markdown added to the step's summary."
        ),
    ] = False,
) -> None:
    """Run all checks of lab.yaml and judge them by its budgets and the baseline.

    Exit code 0: everything passes or is allowed; 1: something does not; others:
    docs/troubleshooting.md.
    """
    wanted = {"json": json, "junit": junit, "markdown": markdown, "sarif": sarif, "html": html}
    if github and markdown != (summary := os.environ.get(_SUMMARY)):
        wanted["summary"] = summary
    outputs = _Outputs(wanted, annotations=annotations or github)  # before anything is measured
    plan, before, checks, outcomes = _measured(file, jobs, engine)
    from lab.jobs.ci import exit_code, judge

    result = judge(plan, checks, outcomes, before, datetime.date.today())
    outputs.take(result)
    raise typer.Exit(exit_code(result))


@app.command(epilog=examples("lab ci accept"))
def accept(file: File = DEFAULT_FILE, jobs: Jobs = None, engine: AnyEngine = None) -> None:
    """Run all checks, and make what they measure the baseline.

    Says what is accepted with that. Without an answer for every check, nothing is written.
    """
    plan, before, checks, outcomes = _measured(file, jobs, engine)
    from lab.jobs.ci import accept
    from lab.report.ci_diff import render

    after = accept(plan, checks, outcomes)
    for line in render(before, after) if before else ():
        typer.echo(line)
    typer.echo(
        f"{plan.folder / plan.file.baseline}: {counted(len(checks), 'check')} accepted; commit it"
    )


@app.command(epilog=examples("lab ci diff lab-baseline.json ci.json"))
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A baseline, or a result as JSON.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another.")],
) -> None:
    """Say what changed from one baseline or CI result to another, by check and owner.

    Exit code 0, whether something changed or not.
    """
    from lab.ci_result import read_results
    from lab.report.ci_diff import render

    typer.echo("\n".join(render(read_results(Path(before)), read_results(Path(after)))))


@app.command(epilog=examples("lab ci init", "lab ci init -b nrf52dk -b boards/mine.yaml"))
def init(
    boards: BoardsIfAny = None,
    file: File = DEFAULT_FILE,
) -> None:
    """Write a commented lab.yaml for the models below its directory; never over another file.

    Without any model it takes two of the zoo, to try things with.
    """
    from lab.jobs.ci_init import init

    for line in init(Path(file), boards or []):
        typer.echo(line)


def _measured(
    file: str, jobs: int | None, engine: str | None
) -> tuple[Plan, Baseline | None, list[Planned], list[Outcome]]:
    """What a file says, what was accepted before, and what its checks measure now."""
    from lab.ci_file import load_ci_file
    from lab.engines.registry import check_name
    from lab.jobs.ci import baseline_of, measure
    from lab.jobs.ci_plan import planned

    if engine is not None:
        check_name(engine)
    plan = load_ci_file(file)
    before = baseline_of(plan)  # a damaged one is told before anything is measured
    checks = planned(plan, engine)
    with Progress() as progress:
        return plan, before, checks, measure(checks, jobs, progress)


class _Outputs:
    """Where the result goes besides the terminal, or instead."""

    def __init__(self, wanted: dict[str, str | None], *, annotations: bool) -> None:
        from lab.files import WholeFile

        self._annotations = annotations
        self._printed = [name for name, where in wanted.items() if where == "-"]
        if len(self._printed) + annotations > 1 and self._printed:
            others = [*self._printed, *["annotations"] * annotations]
            what = ", ".join(f"--{name}" for name in others)
            raise UsageError(f"only one of these can have standard output: {what}")
        self._files = {name: where for name, where in wanted.items() if where and where != "-"}
        if len({os.path.realpath(where) for where in self._files.values()}) < len(self._files):
            raise UsageError(f"two results in one file: {', '.join(self._files.values())}")
        self._whole = {
            name: WholeFile(where) for name, where in self._files.items() if not _is_summary(where)
        }

    def take(self, result: CiResult) -> None:
        """Write everything, and print what is for standard output."""
        from lab.files import append_output
        from lab.report import ci, ci_annotations

        for name, where in self._files.items():
            data = _renderer(name)(result).encode()
            if name in self._whole:
                self._whole[name].write(data)
            else:
                append_output(where, data)
        for name in self._printed:
            typer.echo(_renderer(name)(result), nl=False)
        for line in ci_annotations.render(result) if self._annotations else ():
            typer.echo(line)
        if not self._printed:
            ci.show(result)


def _is_summary(path: str) -> bool:
    """Whether a file is the step's summary, to which every command of the step adds."""
    return path == os.environ.get(_SUMMARY)


def _renderer(name: str) -> Callable[[CiResult], str]:
    from lab.report import ci_html, ci_markdown, junit, sarif

    return {
        "json": lambda result: result.to_json(),
        "junit": junit.render,
        "markdown": ci_markdown.render,
        "summary": ci_markdown.render,
        "sarif": sarif.render,
        "html": ci_html.render,
    }[name]
