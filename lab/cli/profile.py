"""``lab profile``: where the time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from lab.cli.single import Output, check_operator, leave, refuse_unseen, taken_apart
from lab.errors import InputError, Problem, UsageError
from lab.generations import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from lab.results import CheckResult

_WEIGHTS = ("instructions", "cycles")


def _weight(text: str) -> str:
    if text not in _WEIGHTS:
        raise typer.BadParameter(f'is neither instructions nor cycles: "{text}"')
    return text


def profile(
    context: typer.Context,
    model: Model,
    board: Board,
    runtime: Runtime = DEFAULT_RUNTIME,
    opt: Opt = "O2",
    operator: Annotated[
        int | None, typer.Option(min=0, help="Functions and call paths of this operator.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="RESULT.json", help="Compare with this record, taken as the before."),
    ] = None,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="A row for each operator and function.")
    ] = None,
    collapsed: Annotated[
        str | None, typer.Option(metavar="FILE", help="Call paths for flame graph tools.")
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            parser=_weight,
            metavar="WHAT",
            help="In --collapsed: instructions (default) or cycles.",
        ),
    ] = None,
    trace: Annotated[
        str | None, typer.Option(metavar="FILE", help="Trace for ui.perfetto.dev, modelled time.")
    ] = None,
    timeout: Timeout = SECONDS,
    engine: Engine = ENGINE,
    json: WholeRecord = None,
) -> None:
    """Where do the instructions and cycles of one inference go?

    By operator and by function, counted on the target; cycles are a model. With engine renode by
    operator and in instructions only. Every FILE may be - for standard output. Exit code 0:
    measured; 1: the model does not run; others: docs/troubleshooting.md.
    """
    if [json, csv, collapsed, trace].count("-") > 1:
        raise UsageError("only one of --json, --csv, --collapsed, --trace can be -")
    if weight and collapsed is None:
        raise UsageError("--weight is of --collapsed, which is not asked for")
    if against is not None and operator is not None:
        raise UsageError("--against compares all operators: leave out --operator")
    refuse_unseen(context, engine, "operator", "csv", "collapsed", "trace")
    before = _before(against) if against is not None else None
    outputs = [Output(where) for where in (json, csv, collapsed, trace)]  # before it is measured
    result = taken_apart(model, board, runtime=runtime, opt=opt, timeout=timeout, engine=engine)
    texts = [result.to_json(), *_files(result, weight)]
    untold = [output.take(text) for output, text in zip(outputs, texts, strict=True)]
    check_operator(operator, result)
    if all(untold):
        _print(result, operator, before)
    leave(result, known=_can_be_shown(result))


def _before(path: str) -> CheckResult:
    """The record to compare with."""
    from lab.jobs.records import read_record

    record = read_record(path)
    if not _can_be_shown(record):
        what = "has no profile to compare with"
        raise InputError(Problem(path, what, "make it: lab profile MODEL --board B --json FILE"))
    return record


def _has_profile(result: CheckResult) -> bool:
    return result.run is not None and result.details is not None and bool(result.details.profile)


def _can_be_shown(result: CheckResult) -> bool:
    """Whether there are functions, or an engine that sees none has at least the operators."""
    return _has_profile(result) or (result.run is not None and result.run.cycles is None)


def _files(result: CheckResult, weight: str | None) -> list[str]:
    """CSV, collapsed stacks and trace; empty for a model that does not run."""
    if not _has_profile(result):
        return ["", "", ""]
    from lab.report import profile_files as files

    which: files.Weight = "cycles" if weight == "cycles" else "instructions"
    return [files.as_csv(result), files.as_collapsed(result, which), files.as_trace(result)]


def _print(result: CheckResult, operator: int | None, before: CheckResult | None) -> None:
    if not _can_be_shown(result) or result.verdict.status == "failed":
        from lab.report.terminal import show

        show(result)
        return
    from lab.report import profile, profile_diff

    lines = profile.render(result, operator)
    if before is not None:
        lines = profile_diff.render(before, result)
    print("\n".join(lines))
