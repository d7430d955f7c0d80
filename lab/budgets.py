"""Budgets: what a check may take, as an absolute limit, as growth against a baseline, or both."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict

from lab.results import CheckResult
from lab.units import parse_size
from lab.yaml_source import StrictModel, shown

Value = int | Fraction
MetricName = Literal["ram", "flash", "arena", "stack", "instructions", "cycles", "ms"]
Subject = Literal["fit", MetricName]  # what can be wrong with a check, and be allowed for a while
_COUNT = re.compile(r"([0-9]{1,15})([kMG]?)")
_DECIMAL = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?")
_FACTORS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3}


@dataclass(frozen=True)
class Metric:
    """A figure of a record that a budget may limit.

    Attributes:
        title: what it is, for people.
        unit: ``B``, ``instructions``, ``cycles`` or ``ms``.
        read: the figure in a record; None where it was not measured.
    """

    title: str
    unit: str
    read: Callable[[CheckResult], Value | None]

    def shown(self, value: Value | float) -> str:
        """A value with its unit."""
        if self.unit == "ms":
            return f"{float(value):,.3f} ms"
        return f"{int(value):,} {self.unit}"

    def above(
        self, actual: Value | float, limit: Value | float, board: str, what: str = "the limit"
    ) -> str:
        """The sentence for a figure that is more than it may be; ``what`` is what limits it."""
        most = limit if self.unit == "ms" else int(limit)
        return (
            f"{self.title} {self.shown(actual)} is above {what} {self.shown(most)} "
            f"by {self.shown(actual - most)} on {board}"
        )

    def below(self, actual: Value | float, limit: Value | float, board: str) -> str:
        """The sentence for a figure that is less than it must be."""
        return (
            f"{self.title} {self.shown(actual)} is below the limit {self.shown(limit)} "
            f"by {self.shown(limit - actual)} on {board}"
        )


def _milliseconds(record: CheckResult) -> Fraction | None:
    """As it is printed: 0.1 is a tenth."""
    if record.run is None or record.run.milliseconds is None:
        return None
    return Fraction(str(record.run.milliseconds))


METRICS: dict[MetricName, Metric] = {
    "ram": Metric("RAM needed", "B", lambda r: r.memory.ram.needed_bytes if r.memory else None),
    "flash": Metric(
        "flash needed", "B", lambda r: r.memory.flash.needed_bytes if r.memory else None
    ),
    "arena": Metric("required arena", "B", lambda r: r.arena.required_bytes if r.arena else None),
    "stack": Metric(
        "stack high-water", "B", lambda r: r.stack.high_water_bytes if r.stack else None
    ),
    "instructions": Metric(
        "instructions of one inference", "instructions",
        lambda r: r.run.instructions if r.run else None,
    ),
    "cycles": Metric(
        "modelled cycles of one inference", "cycles", lambda r: r.run.cycles if r.run else None
    ),
    "ms": Metric("modelled time of one inference", "ms", _milliseconds),
}  # fmt: skip


@dataclass(frozen=True)
class Limit:
    """The most that one figure may be.

    Attributes:
        most: absolute, in the metric's unit.
        growth: over the baseline, in the same unit.
        percent: over the baseline.
    """

    most: Value | None = None
    growth: Value | None = None
    percent: Fraction | None = None

    @property
    def needs_baseline(self) -> bool:
        """Whether part of it is growth."""
        return self.growth is not None or self.percent is not None

    def allowed(self, baseline: Value | None) -> Value | None:
        """The smallest of what its parts allow; None: nothing limits.

        Args:
            baseline: the accepted figure; None where there is none, and then growth is free.
        """
        limits: list[Value] = [] if self.most is None else [self.most]
        if baseline is not None and self.growth is not None:
            limits.append(baseline + self.growth)
        if baseline is not None and self.percent is not None:
            limits.append(baseline * (1 + self.percent / 100))
        return min(limits, default=None)


def parse_limit(unit: str, value: object) -> Limit:
    """Read a limit such as ``64 KiB``, ``+1 KiB``, ``+2 %`` or a list of these.

    Args:
        unit: of the metric: says how a plain value is read.
        value: of the file.

    Raises:
        ValueError: with what is wrong and how to write it.
    """
    parts = value if isinstance(value, list) else [value]
    found: dict[str, Value] = {}
    for part in parts:
        kind, amount = _part(unit, part)
        if kind in found:
            raise ValueError(f"two limits of one kind, the second is {shown(part)}")
        found[kind] = amount
    if not found:
        raise ValueError('must not be empty (write for example "64 KiB", "+1 KiB" or "+2 %")')
    percent = found.get("percent")
    return Limit(
        found.get("most"), found.get("growth"), None if percent is None else Fraction(percent)
    )


def _part(unit: str, value: object) -> tuple[str, Value]:
    if isinstance(value, bool | dict | list) or value is None:
        raise ValueError(f"must be a limit, got {shown(value)}")
    text = " ".join(str(value).split())
    grows = text.startswith("+")
    amount = text.removeprefix("+").strip()
    if amount.endswith("%"):
        if not grows:
            raise ValueError(f'a percentage is growth, got {shown(value)} (write "+{amount}")')
        return "percent", _decimal(amount[:-1].strip(), value)
    return ("growth" if grows else "most"), _amount(unit, amount, value)


def _amount(unit: str, text: str, value: object) -> Value:
    if unit == "B" and text:
        return parse_size(text)
    if unit == "B":
        raise ValueError(f'must be a size, got {shown(value)} (write for example "64 KiB")')
    if unit == "ms":
        return _decimal(text.removesuffix("ms").strip(), value)
    return parse_count(text)


def parse_count(text: str) -> int:
    """Read a count such as ``2500k``, ``100M`` or ``87,287,939``.

    Raises:
        ValueError: with what is wrong and how to write it.
    """
    match = _COUNT.fullmatch(re.sub(r"[_, ]", "", text))
    if not match:
        raise ValueError(f"must be a count, got {shown(text)} (write for example 2500k)")
    return int(match[1]) * _FACTORS[match[2]]


def _decimal(text: str, value: object) -> Fraction:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"must be a number, got {shown(value)} (write for example 12.5)")
    return Fraction(text)


def _limit(metric: MetricName) -> BeforeValidator:
    return BeforeValidator(lambda value: parse_limit(METRICS[metric].unit, value))


class Budgets(StrictModel):
    """Limits by the name of the figure; what is not named is not limited."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    ram: Annotated[Limit | None, _limit("ram")] = None
    flash: Annotated[Limit | None, _limit("flash")] = None
    arena: Annotated[Limit | None, _limit("arena")] = None
    stack: Annotated[Limit | None, _limit("stack")] = None
    instructions: Annotated[Limit | None, _limit("instructions")] = None
    cycles: Annotated[Limit | None, _limit("cycles")] = None
    ms: Annotated[Limit | None, _limit("ms")] = None

    def limits(self) -> dict[MetricName, Limit]:
        """Those that are set."""
        found = {name: getattr(self, name) for name in METRICS}
        return {name: limit for name, limit in found.items() if limit is not None}
