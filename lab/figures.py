"""Every figure of a record that a test may read, by the name a person would use."""

from __future__ import annotations

from enum import Enum

from lab.budgets import METRICS, Metric, MetricName, Value
from lab.results import CheckResult


def _margin(record: CheckResult) -> int | None:
    """Of RAM; the margin of another limit says nothing about it."""
    return record.verdict.margin_bytes if record.verdict.limit == "ram" else None


class Figure(Enum):
    """A figure of a record. Those that ``lab.yaml`` limits are the same here as there.

    - ``required arena``: smallest one that works; ``reported arena``: by ``arena_used_bytes()``
    - ``persistent arena``, ``non-persistent arena``, ``planning headroom``: parts of the required
    - ``stack``: high-water mark; ``static RAM``: .data and .bss
    - ``RAM``: needed, with everything; ``margin``: bytes by which the arena could still grow
    - ``flash``: needed, with everything
    - ``instructions``, ``cycles``, ``milliseconds``: of one inference; the latter two by a model
    """

    REQUIRED_ARENA = METRICS["arena"]
    REPORTED_ARENA = Metric(
        "reported arena", "B", lambda r: r.arena.reported_bytes if r.arena else None
    )
    PERSISTENT_ARENA = Metric(
        "persistent arena", "B", lambda r: r.arena.persistent_bytes if r.arena else None
    )
    NON_PERSISTENT_ARENA = Metric(
        "non-persistent arena", "B", lambda r: r.arena.non_persistent_bytes if r.arena else None
    )
    PLANNING_HEADROOM = Metric(
        "planning headroom", "B", lambda r: r.arena.planning_headroom_bytes if r.arena else None
    )
    STACK = METRICS["stack"]
    STATIC_RAM = Metric(
        "static RAM", "B", lambda r: r.memory.ram.static_bytes if r.memory else None
    )
    RAM = METRICS["ram"]
    MARGIN = Metric("margin", "B", _margin)
    FLASH = METRICS["flash"]
    INSTRUCTIONS = METRICS["instructions"]
    CYCLES = METRICS["cycles"]
    MILLISECONDS = METRICS["ms"]

    @property
    def metric(self) -> Metric:
        """Title, unit and how to read it."""
        return self.value

    @property
    def in_baseline(self) -> MetricName | None:
        """Its name in a baseline; None: a baseline does not hold it."""
        return next((name for name, metric in METRICS.items() if metric is self.metric), None)

    def of(self, record: CheckResult) -> Value | None:
        """The figure in a record, in its unit; None where it was not measured."""
        return self.metric.read(record)
