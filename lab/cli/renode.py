"""``lab renode``: what there is of Renode, and what the lab does with it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.arguments import BoardArgument, Boards, examples
from lab.cli.doctor import show
from lab.cli.progress import Progress
from lab.engines.renode.versions import Generation

_VERSIONS = "1.16.1, or master for every build after it (nightlies since mid 2026, 1.17)"

app = typer.Typer(
    help="The emulator Renode: is it there, files for it, tests in it.",
    no_args_is_help=True,
    epilog=examples(
        "lab renode doctor",
        "lab renode export nrf52dk -o renode",
        "lab renode test -b nrf52dk -o out",
    ),
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
        Generation,
        typer.Option(metavar="VERSION", help=f"The Renode that will read them: {_VERSIONS}."),
    ] = Generation.V1_16,
) -> None:
    """Write the files with which Renode runs a firmware on a board.

    docs/renode.md says what they hold. They are generated from Renode's sources, and were not yet
    run on Renode. Exit code 0: written;
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
    """Say what there is of Renode, and what gets the rest.

    Tries to load it when all of it is there. Nothing is downloaded. Exit code 4 if anything that
    engine renode needs is missing.
    """
    from lab.errors import ToolError
    from lab.jobs.renode_doctor import examine

    found = examine()
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        show(found.findings)
        typer.echo(f"\nThe lab's files and commands for Renode are {found.note}.")
        if found.commands:
            typer.echo("To get what is not there:")
        for name, commands in found.commands.items():
            typer.echo("\n".join([f"  {name}", *(f"    {line}" for line in commands)]))
    if not found.complete:
        raise typer.Exit(ToolError.exit_code)


@app.command(
    "test",
    epilog=examples(
        "lab renode test -b nrf52dk -o out",
        "lab renode test mine.robot -b 'nucleo_*' -o out",
    ),
)
def run_tests(
    boards: Boards,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for all results.")
    ],
    suites: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SUITE]", help="Robot suites; default: those of the lab."),
    ] = None,
    model: Annotated[
        str, typer.Option(help="A .tflite file, or the name of a zoo model.")
    ] = "tiny_float",
    renode_version: Annotated[
        Generation | None,
        typer.Option(
            metavar="VERSION",
            help=f"The Renode that is there: {_VERSIONS}; default: what it says of itself, which "
            "in builds before 1.17 is 1.16.1.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds for one test, or one start of Renode.")
    ] = 300.0,
) -> None:
    """Run suites in Renode's own keywords with renode-test.

    They get a model's image, on one board after the other. Writes renode-test.json, and junit.xml
    with Robot's own files for each board. Exit code 0: all tests passed; 1: one failed, or the
    model does not run on a board; 4: renode-test is missing; 5: it came to no end.
    """
    from lab.jobs.batch import named
    from lab.jobs.renode_test import RECORD, run_suites

    with Progress() as progress:
        record = run_suites(
            model, named(boards), suites or (), output,
            generation=renode_version, seconds=timeout, say=progress,
        )  # fmt: skip
    for one in record.boards:
        for case in one.tests:
            typer.echo(f"{case.status:6}{one.board}: {case.suite}: {case.name}")
            if case.message:
                typer.echo(f"      {case.message}")
        typer.echo(f"{one.board}: {one.reason or f'{len(one.tests)} tests passed'}")
    typer.echo(f"{output / RECORD}: Renode {record.renode or 'of unknown version'}")
    raise typer.Exit(record.exit_code)
