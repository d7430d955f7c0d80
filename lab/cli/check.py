"""``lab check`` and ``lab demo``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.arguments import ENGINE, SECONDS, Boards, Engine, Models, Opt, Ram, Runtime, Timeout
from lab.cli.parsers import directory_option, size_option
from lab.cli.progress import Progress, tell
from lab.cli.single import Output, check_one, options_of
from lab.errors import EXIT_OK, EXIT_VERDICT_NO
from lab.generations import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from lab.results import BatchResult, CheckResult


def check(
    models: Models,
    boards: Boards,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    ram: Ram = None,
    arena: Annotated[
        int | None,
        typer.Option(parser=size_option, metavar="SIZE", help="Check this arena size."),
    ] = None,
    arena_bank: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="RAM bank that must hold the arena."),
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
        Path | None,
        typer.Option(
            parser=directory_option, metavar="DIR", help="Save inputs and outputs as .npy files."
        ),
    ] = None,
    timeout: Timeout = SECONDS,
    details: Annotated[
        bool, typer.Option("--details", help="Measure also who owns every byte and every cycle.")
    ] = False,
    measure_all: Annotated[
        bool,
        typer.Option("--measure-all", help="Measure on every board: which would do?"),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Processes; default: one for each processor."),
    ] = None,
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the result as JSON; - for stdout.")
    ] = None,
    engine: Engine = ENGINE,
) -> None:
    """Will this model run on this board, and why (not)?

    Builds real TFLM firmware for the model, runs it with exactly the board's memory, and says what
    was measured. Several models or boards: every model on every board, and one table. Exit code
    0: fits; 1: no, with the reason; others: docs/troubleshooting.md.
    """
    output = Output(json)  # before anything is measured, not after
    asked = {
        "runtime": runtime,
        "opt": opt,
        "stack_reserve": stack_reserve,
        "app_ram": app_ram,
        "app_flash": app_flash,
        "reserve": reserve,
        "ram": tuple(ram or ()),
        "inputs": tuple(input_ or ()),
        "invokes": invokes,
        "seed": seed,
        "arena": arena,
        "arena_bank": arena_bank,
        "save_outputs": save_outputs,
        "details": details,
        "engine": engine,
        "timeout": timeout,
    }
    models, boards = list(dict.fromkeys(models)), list(dict.fromkeys(boards))
    single = len(models) == len(boards) == 1 and not set(boards[0]) & set("*?[")
    if single and not measure_all:
        raise typer.Exit(_single(models[0], boards[0], asked, output))
    from lab.jobs import batch

    run = batch.measure_all if measure_all else batch.check_all
    raise typer.Exit(_batch(partial(run, models, boards), asked, output, jobs, single))


def _single(model: str, board: str, asked: dict[str, Any], output: Output) -> int:
    result = check_one(model, board, asked)
    _print_single(result, output)
    return EXIT_OK if result.verdict.status == "fits" else EXIT_VERDICT_NO


def _batch(
    run: Callable[..., BatchResult],
    asked: dict[str, Any],
    output: Output,
    jobs: int | None,
    single: bool,
) -> int:
    from lab.jobs.batch import exit_code

    options = options_of(asked)
    with Progress() as progress:
        result = run(options, jobs, progress)
    if single and result.records:
        _print_single(result.records[0], output)
    else:
        _print_batch(result, output)
    for line in dict.fromkeys(line for problem in result.problems for line in problem.lines):
        tell(line)
    return exit_code(result)


def _print_single(result: CheckResult, output: Output) -> None:
    if output.take(result.to_json()):
        from lab.report.terminal import show

        show(result)


def _print_batch(result: BatchResult, output: Output) -> None:
    if output.take(result.to_json()):
        from lab.report.table import show

        show(result)


def demo() -> None:
    """Tell the story of the README on an Arduino Nano 33 BLE Sense."""
    from lab.jobs.demo import demo as run_demo

    with Progress() as progress:
        for text in run_demo(progress):
            with progress.paused():
                typer.echo(text)
