"""``lab arena``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.arguments import Board, Model, Opt, Runtime
from lab.cli.single import Output, check_one
from lab.errors import EXIT_OK, EXIT_VERDICT_NO, NoVerdictError
from lab.generations import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from lab.results import CheckResult


def _plot_file(path: str) -> str:
    from lab.report.arena_plot import FORMATS

    if path.rpartition(".")[2] not in FORMATS:
        raise typer.BadParameter(f"ends neither in .png nor in .svg: {path}")
    return path


def arena(
    model: Model,
    board: Board,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    plot: Annotated[
        str | None,
        typer.Option(parser=_plot_file, metavar="FILE", help="Draw it: FILE.png or FILE.svg."),
    ] = None,
    json: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the whole record as JSON; - for stdout."),
    ] = None,
) -> None:
    """Who is in the arena, when is it fullest, and why?

    Watches the allocation on the target and reads the runtime's structures: every byte has its
    owner. Exit code 0: measured; 1: the model does not run; others: docs/troubleshooting.md.
    """
    from lab.jobs.files import open_output, write_output

    output = Output(json)  # both before anything is measured, not after
    picture = open_output(plot) if plot else None
    asked = {"runtime": runtime, "opt": opt, "details": True, "timeout": 600.0}
    result = check_one(model, board, asked)
    if output.take(result.to_json()):
        from lab.report import arena, terminal

        (arena if result.arena else terminal).show(result)
    code = _code(result)
    if plot and picture:
        from lab.report.arena_plot import plot as draw

        data = draw(result, plot.rpartition(".")[2]) if code == EXIT_OK else b""
        write_output(plot, picture, data)
    raise typer.Exit(code)


def _code(result: CheckResult) -> int:
    if result.arena is None:
        return EXIT_VERDICT_NO
    return EXIT_OK if result.details and result.details.arena else NoVerdictError.exit_code
