"""``lab runtime``: TFLM's sources."""

from __future__ import annotations

import typer

from lab.cli.arguments import examples
from lab.cli.progress import Progress

app = typer.Typer(
    help="The TFLM runtimes the lab can build.",
    no_args_is_help=True,
    epilog=examples("lab runtime list", "lab runtime fetch"),
)


@app.callback()
def _runtime() -> None:
    pass


@app.command("list", epilog=examples("lab runtime list"))
def list_() -> None:
    """List the runtimes and whether their sources are here."""
    from lab.cache import Cache
    from lab.runtimes import is_fetched, load_runtime, runtime_names

    for name in runtime_names():
        runtime = load_runtime(name)
        here = "here" if is_fetched(runtime, Cache()) else "not fetched (lab runtime fetch)"
        typer.echo(f"{name}  {runtime.title}; crate {runtime.crate.name} "
                   f"{runtime.crate.version}: {here}")  # fmt: skip


@app.command(epilog=examples("lab runtime fetch"))
def fetch() -> None:
    """Fetch the sources of every runtime with cargo, unless they are here."""
    from lab.cache import Cache
    from lab.runtimes import load_runtime, runtime_names, sources

    with Progress() as progress:
        for name in runtime_names():
            runtime = load_runtime(name)
            sources(runtime, Cache(say=progress), progress)
            typer.echo(f"{name}: {runtime.crate.name} {runtime.crate.version} is here")
