"""What tests expect of a check or a run; what they miss is one sentence with numbers and units."""

from __future__ import annotations

from lab.baseline import Accepted, figures
from lab.budgets import METRICS, Limit, Value, parse_limit
from lab.errors import UsageError
from lab.figures import Figure
from lab.measure.until import Ended
from lab.report.engine import not_counted
from lab.results import CheckResult

Number = int | float | str


def read(figure: Figure, record: CheckResult) -> Value:
    """A figure of a record, in its unit.

    Raises:
        AssertionError: it was not measured.
    """
    value = figure.of(record)
    if value is None:
        why = not_counted(figure.metric, record) or _verdict(record)
        raise AssertionError(f"{figure.metric.title} was not measured: {why}")
    return value


def at_most(
    figure: Figure, record: CheckResult, limit: Number, accepted: Accepted | None = None
) -> None:
    """A figure does not exceed a limit, absolute or over what was accepted.

    Args:
        figure: which one.
        record: of a check.
        limit: such as ``64 KiB``, ``2500k``, ``+1 KiB`` or ``+2 %``; a number is in the figure's
            unit.
        accepted: what growth is measured from.

    Raises:
        AssertionError: it does, or it was not measured.
        UsageError: the limit makes no sense.
    """
    parsed = _limit(figure, limit)
    before = _before(figure, accepted) if parsed.needs_baseline else None
    most, actual = parsed.allowed(before), read(figure, record)
    if most is not None and actual > most:
        what = "what the baseline allows" if parsed.needs_baseline else "the limit"
        raise AssertionError(figure.metric.above(actual, most, record.board.name, what))


def at_least(figure: Figure, record: CheckResult, limit: Number) -> None:
    """A figure is not below a limit. Raises as ``at_most`` does."""
    least, actual = _value(figure, limit), read(figure, record)
    if actual < least:
        raise AssertionError(figure.metric.below(actual, least, record.board.name))


def equal(figure: Figure, record: CheckResult, value: Number) -> None:
    """A figure is exactly this. Raises as ``at_most`` does."""
    wanted, actual = _value(figure, value), read(figure, record)
    if actual != wanted:
        metric = figure.metric
        raise AssertionError(
            f"{metric.title} is {metric.shown(actual)}, not {metric.shown(wanted)}, "
            f"on {record.board.name}"
        )


def fits(record: CheckResult) -> None:
    """The model fits. Raises AssertionError with the verdict."""
    if record.verdict.status != "fits":
        raise AssertionError(_verdict(record))


def does_not_fit(record: CheckResult, limit: str | None = None) -> None:
    """The model runs, but does not fit; ``limit`` is what binds: ram, flash, arena or stack.

    Raises:
        AssertionError: it fits, fails, or another limit binds.
    """
    if record.verdict.status != "does_not_fit" or limit not in {None, record.verdict.limit}:
        wanted = f"not to fit for want of {limit}" if limit else "not to fit"
        raise AssertionError(f"expected {wanted}, but {_verdict(record)}")


def fails(record: CheckResult, failure_class: str, operator: str | None = None) -> None:
    """The model does not fit or does not run, for this reason, at this operator.

    Args:
        record: of a check.
        failure_class: as in docs/troubleshooting.md.
        operator: name of an operator that is at fault; None: whichever.

    Raises:
        AssertionError: it fits, or fails otherwise.
    """
    found = record.verdict.failure_class
    if found != failure_class:
        has = f" ({found})" if found else ""
        raise AssertionError(f"expected {failure_class}, but {_verdict(record)}{has}")
    at_fault = _operators_at_fault(record)
    if operator is not None and operator not in at_fault:
        named = ", ".join(dict.fromkeys(at_fault)) or "no operator"
        raise AssertionError(f"expected {operator} to be at fault, but the record names {named}")


def outputs(record: CheckResult, sha256: str) -> None:
    """The outputs have this checksum. Raises AssertionError with the one they have."""
    if record.run is None:
        raise AssertionError(f"there are no outputs: {_verdict(record)}")
    if record.run.outputs_sha256 != sha256.lower():
        found = record.run.outputs_sha256
        raise AssertionError(f"outputs on {record.board.name} have the checksum {found}")


def printed(console: tuple[str, ...], text: str) -> None:
    """A line of the console holds a text. Raises AssertionError with what it holds."""
    if not any(text in line for line in console):
        held = " | ".join(console) or "it is empty"
        raise AssertionError(f'no line of the console holds "{text}": {held}')


def unchanged(record: CheckResult, accepted: Accepted) -> None:
    """All figures are those that were accepted.

    Raises:
        AssertionError: with every difference.
    """
    now = figures(record)
    differences = [
        f"{metric.title} {metric.shown(before)} -> {metric.shown(after)}"
        for name, metric in METRICS.items()
        if (before := accepted.figures.get(name)) is not None
        and (after := now.get(name)) is not None
        and before != after
    ]
    if accepted.verdict != record.verdict.status:
        differences.insert(0, f"verdict {accepted.verdict} -> {record.verdict.status}")
    if differences:
        raise AssertionError(f"not as accepted on {record.board.name}: {', '.join(differences)}")


def reaches(ended: Ended) -> None:
    """A run gets where it was to go. Raises AssertionError with what happened instead."""
    if not ended.reached:
        raise AssertionError(f"did not reach {ended.goal}: {_end(ended)}")


def ends_with(ended: Ended, failure_class: str, function: str | None = None) -> None:
    """A run fails for this reason.

    Args:
        ended: what became of it.
        failure_class: as in docs/troubleshooting.md.
        function: one of the call chain; None: whichever.

    Raises:
        AssertionError: it does not, or fails otherwise.
    """
    if ended.failure_class != failure_class:
        raise AssertionError(f"expected {failure_class}, but {_end(ended)}")
    chain = [frame.function for frame in ended.chain]
    if function is not None and function not in chain:
        raise AssertionError(f"expected {function} in the call chain, but {_end(ended)}")


def _end(ended: Ended) -> str:
    name = f" ({ended.failure_class})" if ended.failure_class else ""
    chain = " < ".join(frame.function for frame in ended.chain)
    return f"{ended.reason}{name} after {ended.instructions:,} instructions" + (
        f", in {chain}" if chain else ""
    )


def _verdict(record: CheckResult) -> str:
    words = {"fits": "fits", "does_not_fit": "does not fit", "failed": "fails"}
    verdict = record.verdict
    status = words[verdict.status]
    return f"{record.model.name} on {record.board.name} {status}: {verdict.summary}"


def _operators_at_fault(record: CheckResult) -> tuple[str, ...]:
    if record.failure:
        return (record.failure.operator_name,) if record.failure.operator_name else ()
    return tuple(f.name for f in record.findings if f.verdict in {"missing", "wrong"})


def _limit(figure: Figure, value: Number) -> Limit:
    text = str(value).strip()
    if figure.metric.unit == "B" and text.replace("_", "").replace(",", "").isdecimal():
        text += " B"
    try:
        return parse_limit(figure.metric.unit, text)
    except ValueError as error:
        raise UsageError(f"{figure.metric.title}: {error}") from None


def _value(figure: Figure, value: Number) -> Value:
    limit = _limit(figure, value)
    if limit.most is None:
        raise UsageError(f"{figure.metric.title}: growth is no value here, got {value}")
    return limit.most


def _before(figure: Figure, accepted: Accepted | None) -> Value:
    name, title = figure.in_baseline, figure.metric.title
    if accepted is None:
        raise UsageError(f"{title}: growth needs a baseline (load one first)")
    if name is None or (before := accepted.exact(name)) is None:
        raise UsageError(f"the baseline holds no {title}")
    return before
