"""``lab zoo``: the models that come with the lab."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.arguments import ZooName, examples
from lab.zoo import ZooModel, catalogue, export, find_model, model_path

app = typer.Typer(
    help="Small models that come with the lab.",
    no_args_is_help=True,
    epilog=examples("lab zoo list", "lab zoo path keyword_spotter"),
)

_NARROW, _WIDE = 30, 100


@app.command("list", epilog=examples("lab zoo list"))
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """List the models: name, size of the file in bytes, and what each one is for.

    Those whose names begin with fails_ show one failure each; what fails how is said.
    """
    if as_json:
        typer.echo(json.dumps([asdict(model) for model in catalogue()], indent=2))
        return
    width = max(_NARROW, min(_WIDE, shutil.get_terminal_size().columns))
    for model in catalogue():
        for line in _entry(model, width):
            typer.echo(line)


def _entry(model: ZooModel, width: int) -> Iterator[str]:
    yield f"{model.name}  {model.size_bytes:,} B"
    told = [f"{model.title}. {model.purpose}"]
    told += [f"Fails on {runtime}: {how}" for runtime, how in model.fails.items()]
    for text in told:
        yield from textwrap.wrap(
            text, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        )


@app.command(epilog=examples("lab zoo path keyword_spotter"))
def path(name: ZooName) -> None:
    """Print the path of a model file."""
    typer.echo(model_path(name))


@app.command(
    "export", epilog=examples("lab zoo export -o models", "lab zoo export tiny_float -o .")
)
def export_models(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where to; made when missing.")
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Models; all when none is named."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace other files of the same names.")
    ] = False,
) -> None:
    """Copy model files, byte for byte, to a directory, and print their paths.

    Exit code 0: all are there now; 2: no such model, or another file has the name of one and there
    is no --force (nothing was written), or the directory cannot be written to.
    """
    models = [find_model(name) for name in dict.fromkeys(names)] if names else catalogue()
    for target in export(models, output, force=force):
        typer.echo(target)
