"""One check for a command: measure, and say where the result goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from lab.cli.progress import Progress
from lab.errors import EXIT_OK, EXIT_VERDICT_NO, NoVerdictError, UsageError

if TYPE_CHECKING:
    from lab.jobs.options import Options
    from lab.results import CheckResult


def options_of(asked: dict[str, Any]) -> Options:
    """The options of a check.

    Args:
        asked: fields of ``Options``; ``timeout`` in seconds stands for its limits.
    """
    from lab.jobs.options import Options
    from lab.measure.inference import Limits

    rest = {name: value for name, value in asked.items() if name != "timeout"}
    return Options(**rest, limits=Limits(seconds=asked["timeout"]))


def check_one(model: str, board: str, asked: dict[str, Any]) -> CheckResult:
    """Check one model on one board, with progress on standard error.

    Args:
        model: file, or name of a zoo model.
        board: name, or file.
        asked: what ``options_of`` takes.
    """
    from lab.measure.worker import Worker

    # Started before anything else is even imported: its own start-up runs beside ours.
    with Worker() as worker, Progress() as progress:
        from lab.jobs.check import check_in

        return check_in(worker, model, board, options_of(asked), progress)


def taken_apart(model: str, board: str, **asked: Any) -> CheckResult:
    """Check one model on one board with all details: what every view of them begins with.

    Args:
        model: file, or name of a zoo model.
        board: name, or file.
        asked: what ``options_of`` takes.
    """
    return check_one(model, board, {**asked, "details": True})


def leave(result: CheckResult, *, known: bool) -> NoReturn:
    """End a view with its exit code.

    Args:
        result: what was measured.
        known: what the view is of was measured.
    """
    if result.verdict.status == "failed" or result.arena is None:
        raise typer.Exit(EXIT_VERDICT_NO)
    raise typer.Exit(EXIT_OK if known else NoVerdictError.exit_code)


def refuse_given(context: typer.Context, names: Iterable[str], why: str) -> None:
    """Refuse options that would be of no use, rather than to take no notice of them.

    Raises:
        UsageError: one of these parameters stands in the command line.
    """
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"--{name.replace('_', '-')} is of no use here: {why}")


def refuse_unseen(context: typer.Context, engine: str, *names: str) -> None:
    """Refuse options about functions where the engine does not see any, before it is started.

    Raises:
        UsageError: one of them stands in the command line, or there is no such engine.
    """
    from lab.engines.registry import sees_blocks

    if not sees_blocks(engine):
        refuse_given(context, names, f"engine {engine} does not see functions")


def check_operator(operator: int | None, result: CheckResult) -> None:
    """Refuse an operator of which a result says nothing; a model that did not run has none.

    Raises:
        UsageError: there is no such operator.
    """
    known = [one.index for one in result.operators]
    if operator is None or operator in known or result.run is None:
        return
    has = f"from 0 to {known[-1]}" if known else "none that this runtime shows"
    raise UsageError(f"there is no operator {operator}: {result.model.name} has {has}")


class Output:
    """Where the result goes as JSON: a file, which is opened at once, or standard output."""

    def __init__(self, where: str | None) -> None:
        self._where = where
        if where is not None and where != "-":
            from lab.files import open_output

            self._file = open_output(where)

    def take(self, text: str) -> bool:
        """Write the result where that was asked for; whether people shall read it too.

        Args:
            text: empty: there is no such result, and what is at its place stays.
        """
        if self._where == "-":
            typer.echo(text, nl=False)
        elif self._where is not None and text:
            from lab.files import write_output

            write_output(self._where, self._file, text.encode())
        return self._where != "-"
