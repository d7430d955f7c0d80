"""``lab size``: flash and static RAM by owner."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.arguments import SECONDS, Board, Opt, Runtime, Targets, Timeout
from lab.cli.single import Output, leave, refuse_given, taken_apart
from lab.errors import EXIT_OK, EXIT_VERDICT_NO, UsageError
from lab.generations import DEFAULT_RUNTIME

_HOW_BUILT = ("runtime", "opt", "timeout")  # of a model alone


def size(
    context: typer.Context,
    targets: Targets,
    board: Board = "",
    diff: Annotated[
        bool, typer.Option("--diff", help="What changed between two: records (JSON) or images.")
    ] = False,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    timeout: Timeout = SECONDS,
    json: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the result as JSON; - for stdout.")
    ] = None,
) -> None:
    """Who owns every byte of flash and static RAM?

    Of a model: builds its firmware, and the linker's map tells. Of a firmware image (ELF): symbols
    and debug information tell, and nothing is run. Exit code 0: measured; 1: the model does not
    run, or the image reaches out of the board's memory.
    """
    from lab.jobs.size import is_elf

    _check_usage(targets, board, diff=diff)
    if diff:
        refuse_given(context, ("board", *_HOW_BUILT), "--diff compares what is there already")
    elif is_elf(targets[0]):
        refuse_given(context, _HOW_BUILT, "a firmware image is neither built nor run")
    output = Output(json)  # before anything is measured, not after
    if diff:
        _diff(targets[0], targets[1], output)
    elif is_elf(targets[0]):
        _image(targets[0], board, output)
    else:
        _model(targets[0], board, output, runtime=runtime, opt=opt, timeout=timeout)


def _check_usage(targets: list[str], board: str, *, diff: bool) -> None:
    if diff and len(targets) != 2:
        raise UsageError(f"--diff compares two records or images, got {len(targets)}")
    if not diff and len(targets) != 1:
        raise UsageError(f"give one model or firmware image, got {len(targets)} (or --diff)")
    if not diff and not board:
        raise UsageError("missing: --board (lab boards lists them)")


def _diff(before: str, after: str, output: Output) -> None:
    from lab.jobs.size import size_diff

    result = size_diff(before, after)
    if output.take(result.to_json()):
        from lab.report.size import render_diff

        print("\n".join(render_diff(result)))


def _image(path: str, board: str, output: Output) -> None:
    from lab.jobs.size import elf_size

    result = elf_size(path, board)
    if output.take(result.to_json()):
        from lab.report.size import render_elf

        print("\n".join(render_elf(result)))
    raise typer.Exit(EXIT_OK if result.fits else EXIT_VERDICT_NO)


def _model(model: str, board: str, output: Output, **asked: object) -> None:
    result = taken_apart(model, board, **asked)
    known = result.details is not None and result.details.footprint is not None
    if output.take(result.to_json()):
        from lab.report import size as view
        from lab.report import terminal

        failed = result.verdict.status == "failed"
        if failed or not known:
            terminal.show(result)
        if known:  # also of an image that does not run
            print("\n".join(["", *view.render(result)] if failed else view.render(result)))
    leave(result, known=known)
