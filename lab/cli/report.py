"""``lab report``: a record that was written with ``--json``, shown again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.parsers import directory_option
from lab.cli.single import Output

if TYPE_CHECKING:
    from lab.results import BatchResult, CheckResult


def report(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT.json", help="What a command wrote with --json.")
    ],
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write one page that needs no network.")
    ] = None,
    markdown: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write a summary for a pull request; - for stdout."),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(parser=directory_option, metavar="DIR", help="Write PNG and SVG files."),
    ] = None,
) -> None:
    """Show a record again: for the terminal, as a web page, as Markdown, as plots.

    Nothing is measured. A page holds what the record holds: lab check --details fills it. Exit
    code 0: it was shown, whatever the verdict.
    """
    from lab.jobs.records import read_result

    record = read_result(result)
    if html is not None:
        from lab.report.html import render, render_batch

        Output(html).take(_by_kind(record, render, render_batch))
