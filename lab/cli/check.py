"""``lab check`` and ``lab demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.progress import Progress
from lab.cli.sizes import size_option
from lab.errors import EXIT_OK, EXIT_VERDICT_NO, UsageError
from lab.generations import DEFAULT_RUNTIME


def check(
    model: Annotated[Path, typer.Argument(help="The .tflite file.")],
    board: Annotated[str, typer.Option("--board", "-b", help="Name of a board, or a board file.")],
    runtime: Annotated[
        str, typer.Option(help="Name of a runtime (lab runtime list), or a manifest file.")
    ] = DEFAULT_RUNTIME,
    opt: Annotated[str, typer.Option(help="Optimisation level: O2, O3 or Os.")] = "O2",
    ram: Annotated[
        list[str] | None,
        typer.Option(metavar="[BANK=]SIZE", help="What if the board had this much RAM?"),
    ] = None,
    arena: Annotated[
        int | None,
        typer.Option(parser=size_option, metavar="SIZE", help="Check this arena size."),
    ] = None,
    stack_reserve: Annotated[
        int | None,
        typer.Option(
            parser=size_option,
            metavar="SIZE",
            help="Stack to set aside; default: measured high-water + 25 %, at least + 512 B.",
        ),
    ] = None,
    app_ram: Annotated[
        int, typer.Option(parser=size_option, metavar="SIZE", help="RAM of your own code.")
    ] = 0,
    app_flash: Annotated[
        int, typer.Option(parser=size_option, metavar="SIZE", help="Flash of your own code.")
    ] = 0,
    reserve: Annotated[
        str | None, typer.Option(metavar="PROFILE", help="One of the board's reserve profiles.")
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="[NAME=]FILE.npy", help="Instead of generated inputs."),
    ] = None,
    invokes: Annotated[int, typer.Option(help="Inferences to run.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the generated inputs.")] = 1,
    save_outputs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Save inputs and outputs as .npy files.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds for one phase (allocation, one inference).")
    ] = 600.0,
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the record as JSON; - for stdout.")
    ] = None,
    engine: Annotated[str, typer.Option(help="What executes the image: unicorn.")] = "unicorn",
) -> None:
    """Will this model run on this board, and why (not)?

    Builds real TFLM firmware for the model, runs it with exactly the board's memory, and says what
    was measured. Exit code 0: fits; 1: no, with the reason; others: docs/troubleshooting.md.
    """
    from lab.measure.worker import Worker

    if json not in {None, "-"}:
        _write(Path(json), "")  # before anything is measured, not after
    # Started before anything else is even imported: its own start-up runs beside ours.
    with Worker() as worker, Progress() as progress:
        from lab.jobs.check import check_in
        from lab.jobs.options import Options
        from lab.measure.session import Limits

        options = Options(
            runtime=runtime,
            opt=opt,
            stack_reserve=stack_reserve,
            app_ram=app_ram,
            app_flash=app_flash,
            reserve=reserve,
            ram=tuple(ram or ()),
            inputs=tuple(input_ or ()),
            invokes=invokes,
            seed=seed,
            arena=arena,
            save_outputs=save_outputs,
            engine=engine,
            limits=Limits(seconds=timeout),
        )
        result = check_in(worker, model, board, options, progress)
    text = result.to_json()
    if json == "-":
        typer.echo(text, nl=False)
    else:
        from lab.report.terminal import show

        if json:
            _write(Path(json), text)
        show(result)
    raise typer.Exit(EXIT_OK if result.verdict.status == "fits" else EXIT_VERDICT_NO)


def demo() -> None:
    """Tell the story of the README on an Arduino Nano 33 BLE Sense."""
    from lab.jobs.demo import demo as run_demo

    with Progress() as progress:
        for text in run_demo(progress):
            with progress.paused():
                typer.echo(text)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
