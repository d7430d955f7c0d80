"""The record of ``lab ci run``: what every CI report reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.details import Record

Number = int | float
Status = Literal["pass", "fail", "allowed", "no_answer"]


class Excess(Record):
    """A budget that was exceeded; numbers in the unit of the metric."""

    metric: str
    limit: Number
    actual: Number
    difference: Number
    growth: bool = Field(description="the limit is growth over the baseline, not absolute")
    line: int = Field(description="of lab.yaml, where the budget stands")
    owner: str | None = Field(description="who grew most since the baseline, or takes most")


class Change(Record):
    """An owner that takes another amount than in the baseline."""

    memory: Literal["flash", "static_ram", "arena"]
    owner: str
    before_bytes: int
    after_bytes: int


class Allowed(Record):
    """A failure that is accepted for now; ``line`` is that of lab.yaml."""

    what: str
    reason: str
    until: str
    line: int
    expired: bool


class CiCheck(Record):
    """One model on one board.

    ``status``: ``pass``; ``fail``: it does not fit, fails, or exceeds a budget; ``allowed``: the
    same, but accepted for now; ``no_answer``: there is no record.
    """

    name: str
    model: str
    board: str
    line: int = Field(description="of lab.yaml, where the group of checks begins")
    status: Status
    verdict_status: Literal["fits", "does_not_fit", "failed"] | None
    verdict: str = Field(description="the verdict's summary; or why there is none")
    figures: dict[str, Number] = Field(description="bytes, counts, milliseconds; by metric")
    before: dict[str, Number] = Field(description="the same in the baseline; empty: not in it")
    excesses: tuple[Excess, ...]
    changes: tuple[Change, ...] = Field(description="since the baseline, largest first")
    allowances: tuple[Allowed, ...]
    notes: tuple[str, ...]
    command: str = Field(description="runs this check again")
    exit_code: int


class CiResult(Record):
    """All checks of a file, in its order."""

    schema_version: Literal[1] = 1
    file: str
    baseline: str | None
    checks: tuple[CiCheck, ...]

    def to_json(self) -> str:
        """The record as JSON text, fields in a fixed order."""
        return self.model_dump_json(indent=2) + "\n"
