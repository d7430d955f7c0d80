"""``lab arena``."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.arguments import (
    ENGINE,
    SECONDS,
    Board,
    Engine,
    Model,
    Opt,
    Runtime,
    Timeout,
    WholeRecord,
)
from lab.cli.single import Output, leave, taken_apart
from lab.generations import DEFAULT_RUNTIME


def _plot_file(path: str) -> str:
    from lab.report.pictures import FORMATS

    if _format(path) not in FORMATS:
        raise typer.BadParameter(f"ends neither in .png nor in .svg: {path}")
    return path


def _format(path: str) -> str:
    return path.rpartition(".")[2].lower()


def arena(
    model: Model,
    board: Board,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    plot: Annotated[
        str | None,
        typer.Option(parser=_plot_file, metavar="FILE", help="Draw it: FILE.png or FILE.svg."),
    ] = None,
    timeout: Timeout = SECONDS,
    engine: Engine = ENGINE,
    json: WholeRecord = None,
) -> None:
    """Who is in the arena, when is it fullest, and why?

    Watches the allocation on the target and reads the runtime's structures: every byte has its
    owner. Exit code 0: measured; 1: the model does not run; others: docs/troubleshooting.md.
    """
    from lab.files import open_output, write_output

    output = Output(json)  # both before anything is measured, not after
    picture = open_output(plot) if plot else None
    result = taken_apart(model, board, runtime=runtime, opt=opt, timeout=timeout, engine=engine)
    if output.take(result.to_json()):
        from lab.report import arena, terminal

        (arena if result.arena else terminal).show(result)
    known = result.details is not None and result.details.arena is not None
    if plot and picture and known:
        from lab.report.arena_plot import plot as draw

        write_output(plot, picture, draw(result, _format(plot)))
    leave(result, known=known)
