"""``lab build``: the image itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.arguments import Board, Model, Opt, Ram, Runtime
from lab.cli.progress import Progress
from lab.errors import EXIT_VERDICT_NO
from lab.generations import DEFAULT_RUNTIME


def build(
    model: Model,
    board: Board,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the ELF.")],
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    ram: Ram = None,
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
        typer.echo(f"no image of {Path(model).name} for {board}: {refusal}", err=True)
        raise typer.Exit(EXIT_VERDICT_NO)
    size = output.stat().st_size  # of a pipe or a device: nothing
    typer.echo(f"{output}: {f'{size:,} B ' if size else ''}ELF for {board} at -{opt}")
