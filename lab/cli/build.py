"""``lab build``: the image itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.progress import Progress
from lab.errors import EXIT_VERDICT_NO
from lab.generations import DEFAULT_RUNTIME


def build(
    model: Annotated[Path, typer.Argument(help="The .tflite file.")],
    board: Annotated[str, typer.Option("--board", "-b", help="Name of a board, or a board file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the ELF.")],
    runtime: Annotated[
        str, typer.Option(help="Name of a runtime (lab runtime list), or a manifest file.")
    ] = DEFAULT_RUNTIME,
    opt: Annotated[str, typer.Option(help="Optimisation level: O2, O3 or Os.")] = "O2",
    ram: Annotated[
        list[str] | None,
        typer.Option(metavar="[BANK=]SIZE", help="What if the board had this much RAM?"),
    ] = None,
) -> None:
    """Build the runner's image of a model for a board: the one that lab check runs.

    It is a lab image, without clock set-up or flash header: for emulators and debuggers.
    """
    from lab.jobs.check import build as run_build
    from lab.jobs.options import Options

    with Progress() as progress:
        options = Options(runtime=runtime, opt=opt, ram=tuple(ram or ()))
        refusal = run_build(model, board, output, options, progress)
    if refusal:
        typer.echo(f"no image of {model.name} for {board}: {refusal}", err=True)
        raise typer.Exit(EXIT_VERDICT_NO)
    typer.echo(f"{output}: {output.stat().st_size:,} B ELF for {board} at -{opt}")
