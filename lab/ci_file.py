"""``lab.yaml``: which checks a repository wants, what each may take, and what is allowed to fail.

Paths in the file are relative to it. A group of checks is every one of its models on every one of
its boards. Options and budgets at the top hold for all groups; a group's own come before them.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from lab.budgets import Budgets, MetricName, Subject
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
    word,
)

DEFAULT_BASELINE = "lab-baseline.json"


_NAME_RULE = "1 to 40 letters, digits, spaces and _.+-"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: object) -> datetime.date:
    with contextlib.suppress(ValueError):  # the 30th of February
        if isinstance(value, str) and _DAY.fullmatch(value):
            return datetime.date.fromisoformat(value)
    raise ValueError(f"must be a day, got {shown(value)} (write for example 2027-01-31)")


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
    engine: Text | None = None


class Allowance(StrictModel):
    """A failure that is known and accepted for a while.

    Attributes:
        what: the budget that may be exceeded, or ``fit``: that the model does not fit or fails.
        model: one of the group's, or a pattern; None: all of them.
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
    """Every model on every board, with the same options and budgets.

    Attributes:
        name: tells its checks from those of another group with the same models and boards.
    """

    name: Annotated[str, word(r"[A-Za-z0-9_. +-]{1,40}", _NAME_RULE)] | None = None
    models: Annotated[tuple[Text, ...], Items, Field(min_length=1)]
    boards: Annotated[tuple[Text, ...], Items, Field(min_length=1)]
    options: CheckOptions = CheckOptions()
    budgets: Budgets = Budgets()
    allow: Annotated[tuple[Allowance, ...], Items] = ()


class CiFile(StrictModel):
    """The keys of ``lab.yaml``; see docs/ci.md."""

    baseline: Annotated[Text, word(r".+\.json", "the name of a .json file")] = DEFAULT_BASELINE
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
        return common.model_copy(update={str(name): limit for name, limit in own.limits().items()})

    def budget_place(self, group: int, metric: MetricName) -> Place:
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
    return check_ci_file(load_yaml(path))


def check_ci_file(source: Source) -> Plan:
    """Validate a file that was read already.

    Raises:
        InputError: it breaks the schema; every problem at once.
    """
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
            if allowance.what != "fit" and allowance.what not in limited:
                what = f"there is no budget for {allowance.what} that could be exceeded"
                yield source.finding(("checks", number, "allow", index, "what"), what)
