"""``lab stack``: how deep, where, and who calls whom there."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.arguments import (
    ENGINE,
    SECONDS,
    Board,
    Engine,
    Model,
    Opt,
    Runtime,
    Timeout,
    WholeRecord,
)
from lab.cli.parsers import size_option
from lab.cli.single import Output, check_operator, leave, refuse_unseen, taken_apart
from lab.errors import EXIT_VERDICT_NO
from lab.generations import DEFAULT_RUNTIME


def stack(
    context: typer.Context,
    model: Model,
    board: Board,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    inputs: Annotated[
        int, typer.Option(help="Run as many inferences, each with other generated inputs.")
    ] = 1,
    stack_reserve: Annotated[
        int | None,
        typer.Option(parser=size_option, metavar="SIZE", help="What if this much is set aside?"),
    ] = None,
    operator: Annotated[
        int | None, typer.Option(min=0, help="The call chain in this operator.")
    ] = None,
    timeout: Timeout = SECONDS,
    engine: Engine = ENGINE,
    json: WholeRecord = None,
) -> None:
    """How deep does the stack get, in which phase and operator, and who is on it there?

    With engine unicorn the lowest SP is exact, not a paint pattern; renode paints the stack, and
    says how deep it is at least. Exit code 0: measured; 1: the model does not run,
    or not with the stack that is set aside; others: docs/troubleshooting.md.
    """
    refuse_unseen(context, engine, "operator")
    output = Output(json)  # before anything is measured, not after
    result = taken_apart(
        model, board, runtime=runtime, opt=opt, invokes=inputs, stack_reserve=stack_reserve,
        timeout=timeout, engine=engine,
    )  # fmt: skip
    shown = not output.take(result.to_json())
    check_operator(operator, result)
    known = result.details is not None and result.details.stack is not None
    if not shown:
        from lab.report import stack as view
        from lab.report import terminal

        if known and result.verdict.status != "failed":
            print("\n".join(view.render(result, operator)))
        else:
            terminal.show(result)
    if result.verdict.limit == "stack":  # not with the stack that is set aside
        raise typer.Exit(EXIT_VERDICT_NO)
    leave(result, known=known)
