"""``lab.yaml``: which checks a repository wants, what each may take, and what is allowed to fail.

Paths in the file are relative to it. A group of checks is every one of its models on every one of
its boards. Options and budgets at the top hold for all groups; a group's own come before them.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from lab.budgets import METRICS, Budgets
from lab.yaml_source import (
    Finding,
    Items,
    Place,
    Size,
    Source,
    StrictModel,
    Text,
    check_model,
    load_yaml,
    shown,
)

DEFAULT_FILE = "lab.yaml"
DEFAULT_BASELINE = "lab-baseline.json"


def _day(value: object) -> datetime.date:
    try:
        return datetime.date.fromisoformat(str(value)[:11])
    except ValueError:
        raise ValueError(
            f"must be a day, got {shown(value)} (write for example 2027-01-31)"
        ) from None


Day = Annotated[datetime.date, BeforeValidator(_day)]


class CheckOptions(StrictModel):
    """Options of ``lab check``, by their names on the command line."""

    runtime: Text | None = None
    opt: Literal["O2", "O3", "Os"] | None = None
    ram: Annotated[tuple[Text, ...], Items] = ()
    arena: Size | None = None
    arena_bank: Annotated[Text | None, Field(alias="arena-bank")] = None
    stack_reserve: Annotated[Size | None, Field(alias="stack-reserve")] = None
    app_ram: Annotated[Size | None, Field(alias="app-ram")] = None
    app_flash: Annotated[Size | None, Field(alias="app-flash")] = None
    reserve: Text | None = None
    inputs: Annotated[tuple[Text, ...], Items] = ()
    invokes: Annotated[int | None, Field(ge=1, le=10_000)] = None
    seed: Annotated[int | None, Field(ge=0, lt=1 << 32)] = None


Subject = Literal["fit", "ram", "flash", "arena", "stack", "instructions", "cycles", "ms"]


class Allowance(StrictModel):
    """A failure that is known and accepted for a while.

    Attributes:
        what: the budget that may be exceeded, or ``fit``: that the model does not fit or fails.
        model: as written in the group; None: all of them.
        board: likewise.
        reason: why, for whoever reads the report.
        until: last day on which it holds.
    """

    what: Subject
    model: Text | None = None
    board: Text | None = None
    reason: Text
    until: Day


class Group(StrictModel):
    """Every model on every board, with the same options and budgets."""

    models: Annotated[tuple[Text, ...], Items, Field(min_length=1)]
    boards: Annotated[tuple[Text, ...], Items, Field(min_length=1)]
    options: CheckOptions = CheckOptions()
    budgets: Budgets = Budgets()
    allow: Annotated[tuple[Allowance, ...], Items] = ()


def _plain_name(value: str) -> str:
    if not value.endswith(".json"):
        raise ValueError(f"must be the name of a .json file, got {shown(value)}")
    return value


class CiFile(StrictModel):
    """The keys of ``lab.yaml``; see docs/ci.md."""

    baseline: Annotated[Text, AfterValidator(_plain_name)] = DEFAULT_BASELINE
    options: CheckOptions = CheckOptions()
    budgets: Budgets = Budgets()
    checks: Annotated[tuple[Group, ...], Items, Field(min_length=1)]


@dataclass(frozen=True)
class Plan:
    """A file that was read, and where everything stands in it."""

    file: CiFile
    source: Source

    @property
    def folder(self) -> Path:
        """Where its paths begin."""
        return Path(self.source.path).parent

    def line(self, *place: str | int) -> int:
        """Line of a place, or of the nearest around it."""
        return self.source.finding(place, "").mark.line

    def budgets(self, group: int) -> Budgets:
        """The budgets of a group, the file's own where it has none."""
        own, common = self.file.checks[group].budgets, self.file.budgets
        return common.model_copy(update=own.limits())

    def budget_place(self, group: int, metric: str) -> Place:
        """Where a budget of a group is written."""
        own: Place = ("checks", group, "budgets", metric)
        return own if own in self.source.values else ("budgets", metric)

    def options(self, group: int) -> dict[str, object]:
        """The options of a group that are set, by the names of ``lab.Options``."""
        own, common = self.file.checks[group].options, self.file.options
        return {
            name: value
            for options in (common, own)
            for name in sorted(options.model_fields_set)
            if (value := getattr(options, name)) is not None
        }


def load_ci_file(path: str) -> Plan:
    """Read and validate a file of checks.

    Raises:
        InputError: it cannot be read or breaks the schema; every problem at once.
    """
    source = load_yaml(path)
    file, findings = check_model(source, CiFile)
    if file is not None:
        findings += _unused_allowances(source, file)
    if findings or file is None:
        raise source.error(findings)
    return Plan(file, source)


def _unused_allowances(source: Source, file: CiFile) -> Iterator[Finding]:
    """What can never apply is a mistake of writing."""
    for number, group in enumerate(file.checks):
        limited = {*file.budgets.limits(), *group.budgets.limits()}
        for index, allowance in enumerate(group.allow):
            place: Place = ("checks", number, "allow", index)
            if allowance.what in METRICS and allowance.what not in limited:
                what = f"there is no budget for {allowance.what} that could be exceeded"
                yield source.finding((*place, "what"), what)
            for key, given in (("model", group.models), ("board", group.boards)):
                named = getattr(allowance, key)
                if named is not None and named not in given:
                    what = f"{shown(named)} is not among the {key}s of this group"
                    yield source.finding((*place, key), what, "write it as it stands there")
