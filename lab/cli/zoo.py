"""``lab zoo``: the models that come with the lab."""

from __future__ import annotations

import typer

from lab.cli.arguments import ZooName, examples
from lab.zoo import catalogue, model_path

app = typer.Typer(
    help="Small models that come with the lab.",
    no_args_is_help=True,
    epilog=examples("lab zoo list", "lab zoo path keyword_spotter"),
)


@app.command("list", epilog=examples("lab zoo list"))
def list_models() -> None:
    """List the models: name, size of the file in bytes, and what each one is for."""
    from rich.console import Console
    from rich.table import Table

    table = Table("name", box=None, pad_edge=False)
    table.add_column("bytes", justify="right")
    table.add_column("purpose", overflow="fold")
    for model in catalogue():
        table.add_row(model.name, f"{model.size_bytes:,}", f"{model.title}. {model.purpose}")
    Console().print(table)


@app.command(epilog=examples("lab zoo path keyword_spotter"))
def path(name: ZooName) -> None:
    """Print the path of a model file."""
    typer.echo(model_path(name))
