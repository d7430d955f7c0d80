"""``lab parity``: do both engines see the same?"""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.arguments import SECONDS, Boards, Models, Opt, Ram, Runtime, Timeout
from lab.cli.progress import Progress, tell
from lab.cli.single import Output, options_of
from lab.generations import DEFAULT_RUNTIME


def parity(
    models: Models,
    boards: Boards,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    ram: Ram = None,
    invokes: Annotated[int, typer.Option(help="Inferences to run.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the generated inputs.")] = 1,
    timeout: Timeout = SECONDS,
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the result as JSON; - for stdout.")
    ] = None,
) -> None:
    """Do both engines, unicorn and Renode, see the same?

    Runs the same image on both of them, and compares all that both can see. Exit code 0: equal, or
    every difference is explained; 1: they disagree; 4: Renode is not there (lab renode doctor);
    others: docs/troubleshooting.md.
    """
    output = Output(json)  # before anything is measured, not after
    from lab.jobs.parity import exit_code
    from lab.jobs.parity import parity as compare_all

    asked = {
        "runtime": runtime, "opt": opt, "ram": tuple(ram or ()), "invokes": invokes, "seed": seed,
        "timeout": timeout,
    }  # fmt: skip
    models, boards = list(dict.fromkeys(models)), list(dict.fromkeys(boards))
    with Progress() as progress:
        result = compare_all(models, boards, options_of(asked), progress)
    if output.take(result.to_json()):
        from lab.report.parity import show

        show(result)
    for problem in result.problems:
        for line in problem.lines:
            tell(line)
    raise typer.Exit(exit_code(result))
