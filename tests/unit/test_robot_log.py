"""What Robot's log shows is HTML, whatever a model calls its tensors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from lab.details import ArenaItem, ArenaMap
from lab.report import robot_log
from lab.results import CheckResult


def record(arena: ArenaMap | None) -> CheckResult:
    return cast(CheckResult, SimpleNamespace(details=SimpleNamespace(arena=arena)))


def item(name: str) -> ArenaItem:
    return ArenaItem(
        part="non_persistent", kind="tensor", name=name, offset_bytes=4096, size_bytes=64,
        data_bytes=60, shape=(60,), dtype="int8", tensor=1, operator=None, first_operator=0,
        last_operator=1,
    )  # fmt: skip


def test_a_map_lists_who_lies_where() -> None:
    arena = ArenaMap(
        size_bytes=8192, items=(item("a<b>&c"),), live_bytes=(64,), peak_operator=0,
        lower_bound_bytes=64, planned_bytes=64, planning=(),
    )  # fmt: skip
    text = robot_log.arena_map(record(arena))
    assert "arena of 8,192 B" in text
    assert "<td>4,096</td><td>64</td><td>tensor</td><td>a&lt;b&gt;&amp;c</td>" in text


def test_a_record_without_a_map_says_so() -> None:
    assert robot_log.arena_map(record(None)) == "the record has no arena map"
