"""``lab size``: static memory and flash by owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.arguments import Board, Model, Opt, Runtime
from lab.cli.single import Output, check_one
from lab.errors import EXIT_OK, EXIT_VERDICT_NO
from lab.generations import DEFAULT_RUNTIME


def size(
    model: Model,
    board: Board,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the result as JSON; - for stdout.")
    ] = None,
) -> None:
    """Who owns every byte of flash and static RAM?"""
    output = Output(json)
    asked = {"runtime": runtime, "opt": opt, "details": True, "timeout": 600.0}
    result = check_one(model, board, asked)
    if output.take(result.to_json()):
        from lab.report.size import show

        show(result)
    raise typer.Exit(EXIT_OK if result.details else EXIT_VERDICT_NO)
