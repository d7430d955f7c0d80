"""``lab arena``."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.arguments import Board, Model, Opt, Runtime
from lab.cli.single import Output, check_one
from lab.errors import EXIT_OK, EXIT_VERDICT_NO
from lab.generations import DEFAULT_RUNTIME


def arena(
    model: Model,
    board: Board,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    json: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the whole record as JSON; - for stdout."),
    ] = None,
) -> None:
    """Who is in the arena, when is it fullest, and why?

    Watches the allocation on the target and reads the runtime's structures: every byte has its
    owner. Exit code 0: measured; 1: the model does not run; others: docs/troubleshooting.md.
    """
    output = Output(json)
    asked = {"runtime": runtime, "opt": opt, "details": True, "timeout": 600.0}
    result = check_one(model, board, asked)
    if output.take(result.to_json()):
        from lab.report import arena, terminal

        (arena if result.arena else terminal).show(result)
    raise typer.Exit(EXIT_OK if result.arena else EXIT_VERDICT_NO)
