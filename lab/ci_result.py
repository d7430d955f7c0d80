"""The record of ``lab ci run``: what every CI report reads."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from lab.baseline import MAX_BYTES, Accepted, Baseline, Change, Number, unreadable
from lab.budgets import MetricName, Subject
from lab.details import Record
from lab.files import read_input

Status = Literal["fail", "no_answer", "allowed", "pass"]  # the gravest first
_HINT = "give a lab-baseline.json, or what lab ci run --json wrote"


class Excess(Record):
    """A budget that was exceeded; numbers in the unit of the metric."""

    metric: MetricName
    limit: Number
    actual: Number
    difference: Number
    growth: bool = Field(description="the limit is growth over the baseline, not absolute")
    line: int = Field(description="of the file of checks, where the budget stands")
    owner: str | None = Field(description="who grew most since the baseline, or takes most")


class Allowed(Record):
    """A failure that is accepted for now; ``what`` is a budget, or ``fit``."""

    what: Subject
    reason: str
    until: str
    line: int = Field(description="of the file of checks")
    expired: bool


class Note(Record):
    """What people should know, though it fails nothing."""

    text: str
    line: int = Field(description="of the file of checks")


class CiCheck(Record):
    """One model on one board.

    ``status``: ``pass``; ``fail``: it does not fit, fails, or exceeds a budget; ``allowed``: the
    same, but accepted for now; ``no_answer``: there is no record, or none of a budget's figure.
    """

    name: str
    model: str
    model_file: str | None = Field(
        description="relative to the repository; null: of the zoo, or not in the repository"
    )
    board: str
    line: int = Field(description="of the file of checks, where the model stands")
    status: Status
    verdict: str = Field(description="the verdict's summary; or why there is none")
    model_is_cause: bool = Field(description="it does not fit, fails, or its file is damaged")
    measured: Accepted | None = Field(description="null: no answer")
    accepted: Accepted | None = Field(description="of the baseline; null: not in it")
    excesses: tuple[Excess, ...]
    changes: tuple[Change, ...] = Field(description="since the baseline, largest first")
    allowances: tuple[Allowed, ...]
    notes: tuple[Note, ...]
    unjudged: tuple[Note, ...] = Field(
        default=(), description="budgets for figures that the engine does not measure"
    )
    command: str = Field(description="runs this check again")
    exit_code: int

    @property
    def fits(self) -> bool:
        """Whether the model runs on the board; budgets are another matter."""
        return self.measured is not None and self.measured.verdict == "fits"

    def allowed(self, what: str) -> Allowed | None:
        """The allowance that holds for a budget, or for ``fit``."""
        held = (one for one in self.allowances if one.what == what and not one.expired)
        return next(held, None)


class CiResult(Record):
    """All checks of a file, in its order."""

    schema_version: Literal[1] = 1
    file: str = Field(description="the file of checks, relative to the repository")
    baseline: str | None = Field(description="as the file names it; null: there is none yet")
    checks: tuple[CiCheck, ...]
    unchecked: tuple[str, ...] = Field(description="in the baseline, but not among the checks")

    def to_json(self) -> str:
        """The record as JSON text, fields in a fixed order."""
        return self.model_dump_json(indent=2) + "\n"


def read_results(path: Path) -> Baseline:
    """What was measured, from a baseline or from the record of a CI run.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    data = read_input(path, MAX_BYTES)
    try:
        return Baseline.model_validate_json(data, strict=True)
    except ValidationError as error:
        # A list of checks is what only a run has; all else is judged as a baseline.
        found = {detail["loc"]: detail["input"] for detail in error.errors(include_url=False)}
        if not isinstance(found.get(("checks",)), list):
            raise unreadable(path, "is no baseline", error, _HINT) from None
    try:
        result = CiResult.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise unreadable(path, "is no result of lab ci run", error, _HINT) from None
    return Baseline(checks={one.name: one.measured for one in result.checks if one.measured})
