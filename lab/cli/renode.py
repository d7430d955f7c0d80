"""``lab renode``: what there is of Renode, and what the lab does with it."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from lab.cli.arguments import examples
from lab.cli.doctor import show

app = typer.Typer(
    help="Renode: is it there, and do the boards run in it?",
    no_args_is_help=True,
    epilog=examples("lab renode doctor"),
)


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
