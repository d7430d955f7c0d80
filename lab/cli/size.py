"""``lab size``: flash and static RAM by owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.arguments import Board, Opt, Runtime, Targets
from lab.cli.single import Output, check_one
from lab.errors import EXIT_OK, EXIT_VERDICT_NO, UsageError
from lab.generations import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from lab.results import CheckResult

_SECONDS = 600.0  # limit of one phase, as for lab check


def size(
    targets: Targets,
    board: Board = "",
    diff: Annotated[
        bool, typer.Option("--diff", help="What changed between two: records (JSON) or images.")
    ] = False,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the result as JSON; - for stdout.")
    ] = None,
) -> None:
    """Who owns every byte of flash and static RAM?

    Of a model: builds its firmware, and the linker's map tells. Of a firmware image (ELF): symbols
    and debug information tell, and nothing is run. Exit code 0: measured; 1: the model does not
    run, or the image reaches out of the board's memory.
    """
    _check_usage(targets, board, diff=diff)
    output = Output(json)  # before anything is measured, not after
    if diff:
        code = _diff(targets[0], targets[1], output)
    else:
        code = _one(targets[0], board, {"runtime": runtime, "opt": opt}, output)
    raise typer.Exit(code)


def _check_usage(targets: list[str], board: str, *, diff: bool) -> None:
    if diff and len(targets) != 2:
        raise UsageError(f"--diff compares two records or images, got {len(targets)}")
    if not diff and len(targets) != 1:
        raise UsageError(f"give one model or firmware image, got {len(targets)} (or --diff)")
    if not diff and not board:
        raise UsageError("missing: --board (lab boards lists them)")


def _diff(before: str, after: str, output: Output) -> int:
    from lab.jobs.size import size_diff

    result = size_diff(before, after)
    if output.take(result.to_json()):
        from lab.report.size import render_diff

        print("\n".join(render_diff(result)))
    return EXIT_OK


def _one(target: str, board: str, asked: dict[str, str], output: Output) -> int:
    from lab.jobs.size import elf_size, is_elf

    if not is_elf(target):
        options = {**asked, "details": True, "timeout": _SECONDS}
        return _show(check_one(target, board, options), output)
    result = elf_size(target, board)
    if output.take(result.to_json()):
        from lab.report.size import render_elf

        print("\n".join(render_elf(result)))
    return EXIT_OK if result.fits else EXIT_VERDICT_NO


def _show(result: CheckResult, output: Output) -> int:
    found = result.details.footprint if result.details else None
    failed = result.verdict.status == "failed"
    if output.take(result.to_json()):
        from lab.report import size as view
        from lab.report import terminal

        if failed or not found:
            terminal.show(result)
        if found:  # also of an image that does not run
            print("\n".join(["", *view.render(result)] if failed else view.render(result)))
    return EXIT_OK if found and not failed else EXIT_VERDICT_NO
