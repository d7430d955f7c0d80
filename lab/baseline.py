"""The accepted results that growth is measured against: ``lab-baseline.json``.

The file is committed. Checks are in alphabetical order, one figure a line, so that a diff shows
what changed and two branches seldom meet in one line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from lab.budgets import METRICS
from lab.details import Details, Record
from lab.errors import InputError, Problem
from lab.results import CheckResult

MAX_BYTES = 50_000_000
_HINT = "make it anew: lab ci accept"


class Accepted(Record):
    """What was accepted of one check.

    Attributes:
        made_with: what else than the model determines the figures.
        verdict: status as in the record.
        figures: by the name of the budget, in its unit.
        flash: bytes by owner.
        static_ram: bytes by owner.
        arena: bytes by owner: tensors alive at the peak, and the persistent part by kind.
    """

    made_with: str
    verdict: str
    figures: dict[str, int | float]
    flash: dict[str, int]
    static_ram: dict[str, int]
    arena: dict[str, int]


class Baseline(Record):
    """All that was accepted."""

    schema_version: Literal[1] = 1
    checks: dict[str, Accepted] = Field(default_factory=dict)

    def to_json(self) -> str:
        """The file's text: keys sorted, one value a line."""
        return json.dumps(self.model_dump(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_baseline(path: Path) -> Baseline | None:
    """Read a baseline; None when there is no such file.

    Raises:
        InputError: it cannot be read, or is no baseline.
    """
    try:
        if not path.exists():
            return None
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(Problem(str(path), f"cannot be read: {reason}")) from None
    if len(data) > MAX_BYTES:
        raise InputError(Problem(str(path), f"larger than {MAX_BYTES:,} B", _HINT))
    try:
        return Baseline.model_validate_json(data)
    except ValidationError as error:
        raise InputError(Problem(str(path), f"is no baseline: {_first(error)}", _HINT)) from None


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


def figures(record: CheckResult) -> dict[str, int | float]:
    """What was measured of all that a budget may limit."""
    found = {name: metric.read(record) for name, metric in METRICS.items()}
    return {
        name: value if isinstance(value, int) else float(value)
        for name, value in found.items()
        if value is not None
    }


def made_with(record: CheckResult) -> str:
    """What made the figures, apart from the model: comparable only where this is the same."""
    build = record.build
    if build is None:
        return f"lab, {record.runtime.name}"
    parts = [f"lab {build.lab}", build.compiler, build.libc, f"-{build.opt}", record.runtime.name]
    if record.runtime.library_sha256:
        parts.append(f"library {record.runtime.library_sha256[:12]}")
    return ", ".join(parts)


def owners(details: Details | None) -> dict[str, dict[str, int]]:
    """Bytes by owner in flash, static RAM and arena; owners of nothing are left out."""
    flash: dict[str, int] = {}
    static: dict[str, int] = {}
    for owner in details.footprint.owners if details and details.footprint else ():
        name = owner.group if owner.name == owner.group else f"{owner.group}: {owner.name}"
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
        elif arena and _alive(item.first_operator, item.last_operator, arena.peak_operator):
            name = f"{item.kind}: {item.name}"
        else:
            continue
        found[name] = found.get(name, 0) + item.size_bytes
    return found


def _alive(first: int | None, last: int | None, operator: int | None) -> bool:
    return (
        operator is not None
        and (first is None or first <= operator)
        and (last is None or operator <= last)
    )
