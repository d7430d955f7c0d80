"""``lab renode``: what there is of Renode, and files for it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.arguments import BoardArgument, examples
from lab.cli.doctor import show
from lab.engines.renode.versions import Generation

app = typer.Typer(
    help="The emulator Renode: is it there, and files for it.",
    no_args_is_help=True,
    epilog=examples("lab renode doctor", "lab renode export nrf52dk -o renode"),
)


@app.command(
    epilog=examples(
        "lab renode export nrf52dk -o renode",
        "lab renode export nrf52dk --elf app.elf -o renode",
        "lab renode export my_board.yaml --renode-version master -o .",
    )
)
def export(
    board: BoardArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where to; made when missing.")
    ],
    elf: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Firmware to run; a copy is put beside the script."),
    ] = None,
    renode_version: Annotated[
        Generation, typer.Option(help="The Renode that will read them.")
    ] = Generation.V1_16,
) -> None:
    """Write the files with which Renode runs a firmware on a board; what they hold: docs/renode.md.

    They are generated from Renode's sources, and were not yet run on Renode. Exit code 0: written;
    2: no such board, or the directory cannot be written to; 3: the board file or firmware is wrong.
    """
    from lab.jobs.renode_export import export as run_export

    exported = run_export(board, elf, renode_version, output)
    for path in exported.paths:
        typer.echo(path)
    typer.echo(f"run: {exported.command}")


@app.command("doctor", epilog=examples("lab renode doctor", "lab renode doctor --json"))
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what there is of Renode, whether it loads, and the commands that get what is missing.

    Nothing is downloaded. Exit code 4 if anything is missing.
    """
    from lab.errors import ToolError
    from lab.jobs.renode_doctor import examine

    found = examine()
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        show(found.findings)
        typer.echo(f"\nThe lab's files and commands for Renode are {found.note}.")
        if not found.complete:
            typer.echo("To get what is missing:")
            for name, commands in found.commands.items():
                typer.echo("\n".join([f"  {name}", *(f"    {line}" for line in commands)]))
    if not found.complete:
        raise typer.Exit(ToolError.exit_code)
