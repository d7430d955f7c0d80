"""``lab cache``: what the lab keeps so that it need not be built again."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from typing import Annotated

import typer

from lab.cli.arguments import examples

app = typer.Typer(
    help="The cache of built libraries, images and results.",
    no_args_is_help=True,
    epilog=examples("lab cache show", "lab cache clear --yes"),
)


@app.command(epilog=examples("lab cache show", "lab cache show --json"))
def show(
    as_json: Annotated[bool, typer.Option("--json", help="List every entry, as JSON.")] = False,
) -> None:
    """Say where the cache is and what is in it."""
    from lab.cache import Cache
    from lab.units import format_size

    cache = Cache()
    entries = cache.entries()
    if as_json:
        listed = [dataclasses.asdict(entry) | {"path": str(entry.path)} for entry in entries]
        typer.echo(json.dumps({"root": str(cache.root), "entries": listed}, indent=2))
        return
    typer.echo(f"{cache.root}: {format_size(sum(entry.size for entry in entries))}")
    for kind, group in itertools.groupby(entries, key=lambda entry: entry.kind):
        sizes = [entry.size for entry in group]
        typer.echo(f"  {kind:12}{len(sizes):5}  {format_size(sum(sizes))}")


@app.command(epilog=examples("lab cache clear --yes"))
def clear(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove everything in the cache; the next check fetches and builds it again."""
    from lab.cache import Cache
    from lab.errors import UsageError
    from lab.units import format_size

    cache = Cache()
    size = cache.size()
    if not yes:
        if not (sys.stdin and sys.stdin.isatty()):
            raise UsageError("nobody to ask here: say lab cache clear --yes")
        typer.confirm(f"Remove {format_size(size)} from {cache.root}?", abort=True)
    cache.clear()
    typer.echo(f"removed {format_size(size)}")
