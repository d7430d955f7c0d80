"""``lab runtime``: the TFLM runtimes there are, and those of your own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.arguments import Board, Opt, Runtime, RuntimeArgument, examples
from lab.cli.progress import Progress
from lab.cli.single import Output
from lab.errors import EXIT_OK, EXIT_VERDICT_NO, InputError
from lab.generations import DEFAULT_RUNTIME

app = typer.Typer(
    help="TFLM runtimes: the lab's, and those you built.",
    no_args_is_help=True,
    epilog=examples(
        "lab runtime list",
        "lab runtime cost --board nrf52dk",
        "lab runtime verify mine --core cortex-m4f",
    ),
)


@app.callback()
def _runtime() -> None:
    pass


@app.command("list", epilog=examples("lab runtime list"))
def list_() -> None:
    """List the runtimes and whether what they need is here."""
    from lab.cache import Cache
    from lab.crate import is_fetched
    from lab.jobs.runtimes import unusable
    from lab.runtimes import load_crate, load_library, runtime_names, user_manifests

    for name in runtime_names():
        runtime = load_crate(name)
        here = "here" if is_fetched(runtime, Cache()) else "not fetched (lab runtime fetch)"
        typer.echo(f"{name}  {runtime.title}; crate {runtime.crate.name} "
                   f"{runtime.crate.version}: {here}")  # fmt: skip
    for name, path in user_manifests().items():
        try:
            own = load_library(path)
            typer.echo(f"{name}  {own.title}; {own.kernels} kernels, {own.facts.abi}")
        except InputError as error:
            typer.echo(f"{name}  not usable: {unusable(error)}")


@app.command(epilog=examples("lab runtime show tflm-2020-07"))
def show(runtime: RuntimeArgument) -> None:
    """Say what a runtime is: what was found in its library, and which cores it is for."""
    from lab.jobs.runtimes import describe
    from lab.runtimes import load_runtime

    for line in describe(load_runtime(runtime)):
        typer.echo(line)


@app.command(
    epilog=examples(
        "lab runtime add mine --library libtensorflow-microlite.a --include . "
        "--api 2026-08 --kernels reference"
    )
)
def add(
    name: Annotated[str, typer.Argument(help="What --runtime is to call it.")],
    library: Annotated[Path, typer.Option(help="TFLM's libtensorflow-microlite.a.")],
    include: Annotated[
        list[Path],
        typer.Option(metavar="DIR", help="Root of the TFLM tree; more directories if needed."),
    ],
    api: Annotated[str, typer.Option(help="Generation of its API: 2026-08 or 2020-07.")],
    kernels: Annotated[str, typer.Option(help="Its kernels: reference or cmsis_nn.")],
    title: Annotated[str, typer.Option(help="One line for people.")] = "",
    define: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=VALUE]", help="A macro it was built with; rarely needed."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.yaml", help="For a repository."),
    ] = None,
) -> None:
    """Make a TFLM that you built with its own Makefile a runtime of the lab.

    Writes a manifest into your configuration, or with -o into a file that --runtime takes as well.
    """
    from lab.jobs.runtimes import Wanted, describe
    from lab.jobs.runtimes import add as run_add

    wanted = Wanted(name, library, tuple(include), api, kernels, title, tuple(define or ()))
    path, runtime = run_add(wanted, output)
    for line in describe(runtime):
        typer.echo(line)
    told = f"--runtime {path}" if output else f"--runtime {name}"
    typer.echo(f"{path}: written; try it: lab runtime verify {path if output else name}, "
               f"then lab check MODEL --board B {told}")  # fmt: skip


@app.command(
    epilog=examples("lab runtime verify mine", "lab runtime verify mine.yaml --board nrf52dk")
)
def verify(
    runtime: RuntimeArgument,
    board: Annotated[
        str | None, typer.Option("--board", "-b", help="Check it for this board's core.")
    ] = None,
    core: Annotated[
        str | None, typer.Option(help="Check it for this core; default: one it is built for.")
    ] = None,
) -> None:
    """Link a runtime, run two tiny known models with it, and compare what they compute.

    Finds a library whose definitions differ from those of its headers. Exit code 0: the outputs
    are right; 1: they are not, or it does not run.
    """
    from lab.jobs.verify import verify as run_verify

    with Progress() as progress:
        results = run_verify(runtime, board, core, progress)
    for result in results:
        typer.echo(result.line)
    wrong = [result for result in results if not result.right]
    if wrong and wrong[0].likely:
        typer.echo(f"likely: {wrong[0].likely}")
    raise typer.Exit(EXIT_VERDICT_NO if wrong else EXIT_OK)


def _operators(incomplete: str) -> Iterator[str]:
    from lab.measure.ops import available, load_table
    from lab.runtimes import load_runtime

    runtime = load_runtime()
    names = (one.name for one in available(load_table(runtime.operator_table, runtime.api)))
    return (name for name in names if name.startswith(incomplete))


@app.command(
    epilog=examples(
        "lab runtime cost --board nrf52dk",
        "lab runtime cost --board rpi_pico --op CONV_2D --op SOFTMAX",
    )
)
def cost(
    board: Board,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    op: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Price only this operator; may be repeated.",
            autocompletion=_operators,
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Tools at a time; default: one a processor."),
    ] = None,
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the prices as JSON; - for stdout.")
    ] = None,
) -> None:
    """What does a runtime cost before there is a model?

    Links the runtime for the board's core without operators, with each of them alone, and with all
    but one, and runs a small model of each. The first list of a core takes minutes, then it is in
    the cache. An operator that cannot be built or run says why; exit code 0 all the same.
    """
    output = Output(json)  # before anything is measured, not after
    from lab.jobs.runtime_cost import runtime_cost

    with Progress() as progress:
        result = runtime_cost(board, runtime, opt, tuple(op or ()), jobs, progress)
    if output.take(result.to_json()):
        from lab.report.runtime_cost import show

        show(result)


@app.command(epilog=examples("lab runtime fetch"))
def fetch() -> None:
    """Fetch the sources of every runtime with cargo, unless they are here."""
    from lab.cache import Cache
    from lab.crate import sources
    from lab.runtimes import load_crate, runtime_names

    with Progress() as progress:
        for name in runtime_names():
            runtime = load_crate(name)
            sources(runtime, Cache(say=progress), progress)
            typer.echo(f"{name}: {runtime.crate.name} {runtime.crate.version} is here")
