"""What a baseline keeps: owners from the details, differences, a file that is stable."""

from __future__ import annotations

import json
from typing import Any

from ci_results import AFTER, BEFORE
from hypothesis import given
from hypothesis import strategies as st

from lab.baseline import Accepted, Baseline, changes, owners
from lab.details import ArenaItem, ArenaMap, Details, Footprint, Owner

NAMES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1 << 40), min_size=1)


def item(name: str, size: int, **other: Any) -> ArenaItem:
    fields: dict[str, Any] = {
        "part": "non_persistent", "kind": "tensor", "name": name, "offset_bytes": 0,
        "size_bytes": size, "data_bytes": size, "shape": None, "dtype": None, "tensor": None,
        "operator": None, "first_operator": None, "last_operator": None,
    }  # fmt: skip
    return ArenaItem(**fields | other)


def owner(group: str, name: str, flash: int, ram: int = 0) -> Owner:
    return Owner.model_validate(
        {"group": group, "name": name, "operators": (), "flash_bytes": flash, "ram_bytes": ram,
         "largest": ()}
    )  # fmt: skip


def details(*items: ArenaItem, peak: int | None = 1) -> Details:
    arena = ArenaMap(
        size_bytes=4096, items=items, live_bytes=(0,) * 6, peak_operator=peak, lower_bound_bytes=0,
        planned_bytes=0, planning=(),
    )  # fmt: skip
    found = (
        owner("kernels", "ADD", 100), owner("kernels", "ADD", 20), owner("model", "model", 900),
        owner("runner", "runner", 0, 64),
    )  # fmt: skip
    return Details(
        arena=arena, stack=None, footprint=Footprint(sections=(), owners=found), profile=None
    )


def test_owners_of_flash_and_static_ram() -> None:
    found = owners(details())
    assert found["flash"] == {"kernels: ADD": 120, "model": 900}
    assert found["static_ram"] == {"runner": 64}
    assert owners(None) == {"flash": {}, "static_ram": {}, "arena": {}}


def test_owners_of_the_arena_are_those_at_the_peak() -> None:
    found = owners(
        details(
            item("before", 1, first_operator=0, last_operator=0),
            item("into", 2, first_operator=0, last_operator=1),
            item("out of", 4, first_operator=1, last_operator=5),
            item("after", 8, first_operator=2, last_operator=5),
            item("always", 16),
            item("im2col", 32, kind="scratch", first_operator=1, last_operator=1),
            item("x", 64, part="persistent", kind="quantization"),
            item("y", 64, part="persistent", kind="quantization"),
        )
    )
    assert found["arena"] == {
        "tensor: into": 2, "tensor: out of": 4, "tensor: always": 16, "scratch: im2col": 32,
        "persistent: quantization": 128,
    }  # fmt: skip
    assert owners(details(item("a", 1), peak=None))["arena"] == {}


def test_changes_are_by_size() -> None:
    assert [(one.memory, one.owner, one.difference) for one in changes(BEFORE, AFTER)] == [
        ("arena", "tensor: mask", 4_096), ("flash", "kernels: CONV_2D", 1_204),
    ]  # fmt: skip


@given(NAMES, NAMES)
def test_changes_add_up(before: dict[str, int], after: dict[str, int]) -> None:
    then, now = (BEFORE.model_copy(update={"flash": flash}) for flash in (before, after))
    found = changes(then, now)
    assert sum(one.difference for one in found) == sum(after.values()) - sum(before.values())
    assert {(one.owner, -one.difference) for one in found} == {
        (one.owner, one.difference) for one in changes(now, then)
    }
    assert changes(then, then) == ()


def test_what_was_not_measured_has_not_changed() -> None:
    unknown = BEFORE.model_copy(update={"flash": {}, "arena": {}})
    assert changes(unknown, AFTER) == changes(AFTER, unknown) == ()


def test_other_tools() -> None:
    other = BEFORE.model_copy(update={"made_with": "clang"})
    nothing = BEFORE.model_copy(update={"made_with": None})
    assert BEFORE.other_tools(other)
    assert not BEFORE.other_tools(AFTER)
    assert not BEFORE.other_tools(nothing)
    assert not nothing.other_tools(BEFORE)


def test_the_file_is_stable_and_a_figure_is_a_line() -> None:
    one = Baseline(checks={"b": BEFORE, "a": AFTER})
    other = Baseline(checks={"a": AFTER, "b": BEFORE})
    text = one.to_json()
    assert text == other.to_json()
    assert Baseline.model_validate_json(text, strict=True) == one
    lines = text.splitlines()
    assert [line for line in lines if '"arena": 34096' in line] == ['    "arena": 34096,']
    assert list(json.loads(text)["checks"]) == ["a", "b"]


@given(st.floats(0, 1e9, allow_nan=False) | st.integers(0, 1 << 53))
def test_figures_survive_the_file(value: float) -> None:
    kept = Accepted.model_validate({**BEFORE.model_dump(), "figures": {"ms": value}})
    again = Baseline.model_validate_json(Baseline(checks={"a": kept}).to_json(), strict=True)
    assert again.checks["a"].figures == {"ms": value}
