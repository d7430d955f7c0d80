"""The accepted results that growth is measured against: ``lab-baseline.json``.

The file is committed. Checks are in alphabetical order, one figure a line, so that a diff shows
what changed and two branches seldom meet in one line.
"""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, ValidationError

from lab.budgets import METRICS, MetricName
from lab.details import Details, Record
from lab.errors import InputError, Problem, escape
from lab.files import read_input
from lab.graph import shorten
from lab.results import DEFAULT_ENGINE, CheckResult

MAX_BYTES = 50_000_000
_NAME = 72  # characters of an owner that people read
_HINT = "make it anew: lab ci accept"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("contains a character that cannot be printed")
    return text


Text = Annotated[str, AfterValidator(_printable)]
Bytes = Annotated[int, Field(ge=0, le=1 << 53)]
Number = Bytes | Annotated[float, Field(ge=0, le=1 << 53)]
Memory = Literal["flash", "static_ram", "arena"]


class Accepted(Record):
    """What a baseline keeps of one check.

    Attributes:
        made_with: what else than the model determines the figures; None: nothing was built.
        verdict: status as in the record.
        figures: by the name of the budget, in its unit.
        flash: bytes by owner.
        static_ram: bytes by owner.
        arena: bytes by owner: tensors alive at the peak, and the persistent part by kind.
    """

    made_with: Text | None
    verdict: Literal["fits", "does_not_fit", "failed"]
    figures: dict[MetricName, Number]
    flash: dict[Text, Bytes]
    static_ram: dict[Text, Bytes]
    arena: dict[Text, Bytes]

    def owners(self, memory: Memory) -> dict[str, int]:
        """Bytes of a memory by owner."""
        return {"flash": self.flash, "static_ram": self.static_ram, "arena": self.arena}[memory]

    def exact(self, name: MetricName) -> Fraction | None:
        """A figure as it is printed: 0.1 is a tenth; None: it was not measured."""
        value = self.figures.get(name)
        return None if value is None else Fraction(str(value))

    def other_tools(self, other: Accepted) -> bool:
        """Whether another compiler, runtime, engine or lab made the other one.

        Growth says nothing then.
        """
        return None not in {self.made_with, other.made_with} and self.made_with != other.made_with


def short(owner: str) -> str:
    """An owner in a sentence: fused layers carry all their names; the first says which it is."""
    return shorten(owner.split(";", maxsplit=1)[0], _NAME)


class Change(Record):
    """An owner that takes another amount than before."""

    memory: Memory
    owner: str
    before_bytes: int
    after_bytes: int

    @property
    def difference(self) -> int:
        """Bytes more than before; negative: fewer."""
        return self.after_bytes - self.before_bytes


def changes(before: Accepted, after: Accepted) -> tuple[Change, ...]:
    """Owners that take another amount than before, largest change first.

    Args:
        before: what was accepted.
        after: what is measured now.
    """
    memories: tuple[Memory, ...] = get_args(Memory)
    found = [
        Change(memory=memory, owner=owner, before_bytes=old, after_bytes=new)
        for memory in memories
        for then, now in [(before.owners(memory), after.owners(memory))]
        if then and now  # otherwise it was not measured
        for owner in {**then, **now}
        if (old := then.get(owner, 0)) != (new := now.get(owner, 0))
    ]
    return tuple(sorted(found, key=lambda one: (-abs(one.difference), one.memory, one.owner)))


class Baseline(Record):
    """All that was accepted."""

    schema_version: Literal[1] = 1
    checks: dict[Text, Accepted] = Field(default_factory=dict)

    def to_json(self) -> str:
        """The file's text: keys sorted, one value a line."""
        return json.dumps(self.model_dump(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_baseline(path: Path) -> Baseline | None:
    """Read a baseline; None when there is no such file.

    Raises:
        InputError: it cannot be read, or is no baseline.
    """
    if not os.path.lexists(path):
        return None
    try:
        return Baseline.model_validate_json(read_input(path, MAX_BYTES), strict=True)
    except ValidationError as error:
        raise unreadable(path, "is no baseline", error, _HINT) from None


def unreadable(path: Path, what: str, error: ValidationError, hint: str = "") -> InputError:
    """The error for a file that is not what it should be, with the first thing that is wrong."""
    return InputError(Problem(str(path), f"{what}: {_first(error)}", hint))


def accepted_as(path: Path, name: str) -> Accepted:
    """What was accepted of one check.

    Args:
        path: of the baseline.
        name: of the check, as the baseline has it.

    Raises:
        InputError: there is no baseline, it is damaged, or it does not hold the check.
    """
    baseline = read_baseline(path)
    if baseline is None:
        raise InputError(Problem(str(path), "no such file", "make it: lab ci accept"))
    if name not in baseline.checks:
        held = ", ".join(baseline.checks) or "nothing"
        raise InputError(Problem(str(path), f'holds no check "{name}"', f"it holds {held}"))
    return baseline.checks[name]


def _first(error: ValidationError) -> str:
    detail: Any = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {detail['msg']}" if place else str(detail["msg"])


def accepted(record: CheckResult) -> Accepted:
    """What a baseline keeps of a record."""
    return Accepted(
        made_with=made_with(record),
        verdict=record.verdict.status,
        figures=figures(record),
        **owners(record.details),
    )


def figures(record: CheckResult) -> dict[MetricName, Number]:
    """What was measured of all that a budget may limit."""
    found = {name: metric.read(record) for name, metric in METRICS.items()}
    return {
        name: value if isinstance(value, int) else float(value)
        for name, value in found.items()
        if value is not None
    }


def made_with(record: CheckResult) -> str | None:
    """What made the figures, apart from the model; None: nothing was built."""
    build = record.build
    if build is None:
        return None
    parts = [f"lab {build.lab}", build.compiler, build.libc, f"-{build.opt}", record.runtime.name]
    if record.runtime.library_sha256:
        parts.append(f"library {record.runtime.library_sha256[:12]}")
    if record.request.engine != DEFAULT_ENGINE:
        parts.append(f"engine {record.request.engine_name}")
    return escape(", ".join(parts))


def owners(details: Details | None) -> dict[str, dict[str, int]]:
    """Bytes by owner in flash, static RAM and arena; owners of nothing are left out."""
    flash: dict[str, int] = {}
    static: dict[str, int] = {}
    for owner in details.footprint.owners if details and details.footprint else ():
        name = owner.group if owner.name == owner.group else f"{owner.group}: {escape(owner.name)}"
        flash[name] = flash.get(name, 0) + owner.flash_bytes
        static[name] = static.get(name, 0) + owner.ram_bytes
    return {
        "flash": {name: size for name, size in flash.items() if size},
        "static_ram": {name: size for name, size in static.items() if size},
        "arena": _arena(details),
    }


def _arena(details: Details | None) -> dict[str, int]:
    """Who is alive at the peak, and the persistent part by kind."""
    arena = details.arena if details else None
    found: dict[str, int] = {}
    for item in arena.items if arena else ():
        if item.part == "persistent":
            name = f"persistent: {item.kind}"
        elif arena and arena.is_at_peak(item):
            name = f"{item.kind}: {escape(item.name)}"
        else:
            continue
        found[name] = found.get(name, 0) + item.size_bytes
    return found
