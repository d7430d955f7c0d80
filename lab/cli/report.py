"""``lab report``: a record that was written with ``--json``, shown again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.parsers import directory_option
from lab.cli.single import Output
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.jobs.records import AnyRecord
    from lab.results import BatchResult, CheckResult


def report(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT.json", help="What a command wrote with --json.")
    ],
    html: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write one page that needs no network; - for stdout."),
    ] = None,
    markdown: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write a summary for a pull request; - for stdout."),
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(parser=directory_option, metavar="DIR", help="Write plots as PNG and SVG."),
    ] = None,
) -> None:
    """Show a record again: on the terminal, as a web page, as Markdown, as plots.

    Nothing is measured: a report shows what the record holds, and lab check --details puts the
    most into it. Exit code 0: it was shown, whatever the verdict.
    """
    from lab.jobs.records import read_any

    record = read_any(result)  # before anything is written: it may be the same file
    if html is None and markdown is None and plots is None:
        _show(record)
        return
    record = _usable(record, html, markdown, plots)
    if html is not None:
        Output(html).take(_html(record))
    if markdown is not None:
        Output(markdown).take(_markdown(record))
    if plots is not None:
        _write_plots(record, plots)


def _usable(
    record: AnyRecord, html: str | None, markdown: str | None, plots: Path | None
) -> CheckResult | BatchResult:
    """The record, if all that is asked for can be made of it; else nothing is written."""
    from lab.jobs.records import MAKERS
    from lab.results import BatchResult, CheckResult

    if html == markdown == "-":
        raise UsageError("only one of --html, --markdown can be -")
    if str(plots) == "-":
        raise UsageError("--plots takes a directory, not -")
    if isinstance(record, BatchResult) and plots is not None:
        raise UsageError("a batch has no plots (give the record of one check)")
    if not isinstance(record, CheckResult | BatchResult):
        what = f"what {MAKERS[type(record)]} wrote is shown as text only"
        raise UsageError(f"{what} (leave out --html, --markdown, --plots)")
    return record


def _html(record: CheckResult | BatchResult) -> str:
    from lab.report.html import render, render_batch
    from lab.results import BatchResult

    return render_batch(record) if isinstance(record, BatchResult) else render(record)


def _markdown(record: CheckResult | BatchResult) -> str:
    from lab.report.markdown import render, render_batch
    from lab.results import BatchResult

    return render_batch(record) if isinstance(record, BatchResult) else render(record)


def _write_plots(record: CheckResult | BatchResult, directory: Path) -> None:
    from lab.files import open_output, unwritable, write_output
    from lab.report.plots import render
    from lab.results import BatchResult

    assert not isinstance(record, BatchResult)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise unwritable(directory, error) from None
    for name, data in render(record):
        write_output(directory / name, open_output(directory / name), data)


def _show(record: AnyRecord) -> None:
    from lab.report import runtime_cost, size, table, terminal
    from lab.results import BatchResult, CheckResult
    from lab.size_records import ElfSize, SizeDiff

    if isinstance(record, CheckResult):
        terminal.show(record)
    elif isinstance(record, BatchResult):
        table.show(record)
    elif isinstance(record, ElfSize):
        print("\n".join(size.render_elf(record)))
    elif isinstance(record, SizeDiff):
        print("\n".join(size.render_diff(record)))
    else:
        runtime_cost.show(record)
