"""``lab stack``: how deep, where, and who calls whom there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.arguments import Board, Model, Opt, Runtime
from lab.cli.parsers import size_option
from lab.cli.single import Output, check_one, check_operator
from lab.errors import EXIT_OK, EXIT_VERDICT_NO, NoVerdictError
from lab.generations import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from lab.results import CheckResult


def stack(
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
    json: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the whole record as JSON; - for stdout."),
    ] = None,
) -> None:
    """How deep does the stack get, in which phase and operator, and who is on it there?

    The lowest SP is exact, not a paint pattern. Exit code 0: measured; 1: the model does not run,
    or not with the stack that is set aside; others: docs/troubleshooting.md.
    """
    output = Output(json)  # before anything is measured, not after
    asked = {
        "runtime": runtime, "opt": opt, "invokes": inputs, "stack_reserve": stack_reserve,
        "details": True, "timeout": 600.0,
    }  # fmt: skip
    result = check_one(model, board, asked)
    check_operator(operator, result)
    known = (
        result.verdict.status != "failed"
        and result.details is not None
        and result.details.stack is not None
    )
    if output.take(result.to_json()):
        from lab.report import stack as view
        from lab.report import terminal

        if known:
            print("\n".join(view.render(result, operator)))
        else:
            terminal.show(result)
    raise typer.Exit(_code(result, known=known))


def _code(result: CheckResult, *, known: bool) -> int:
    if result.verdict.status == "failed" or result.verdict.limit == "stack":
        return EXIT_VERDICT_NO
    return EXIT_OK if known else NoVerdictError.exit_code
