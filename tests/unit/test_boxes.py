"""Pictures tell no lies: areas and lengths are as the bytes, and nothing leaves its frame."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.details import ArenaItem, ArenaMap
from lab.report.arena_boxes import arena_boxes
from lab.report.boxes import Box, beside, treemap

sizes = st.lists(st.integers(1, 1 << 32), min_size=1, max_size=25).map(
    lambda some: sorted(some, reverse=True)
)


def overlap(a: Box, b: Box) -> float:
    width = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    height = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    return max(0.0, width) * max(0.0, height)


def inside(box: Box) -> bool:
    ends = (box.left, box.top, box.left + box.width, box.top + box.height)
    return all(-1e-6 <= end <= 100 + 1e-6 for end in ends)


@given(sizes, st.floats(0.3, 4))
def test_areas_of_a_treemap_are_as_the_sizes(some: list[int], aspect: float) -> None:
    boxes = treemap(some, aspect)
    assert len(boxes) == len(some)
    for box, size in zip(boxes, some, strict=True):
        assert inside(box)
        assert box.width * box.height == pytest.approx(10_000 * size / sum(some), abs=1e-6)
    assert all(overlap(a, b) < 1e-6 for a, b in combinations(boxes, 2))


def test_tiles_are_about_square() -> None:
    for box in treemap([100] * 12, 2.0):
        assert 1 / 3 < 2 * box.width / box.height < 3
    assert treemap([], 2.0) == []


@given(st.lists(st.integers(0, 1 << 40), max_size=20), st.integers(0, 1 << 41))
def test_pieces_of_a_bar_lie_side_by_side(some: list[int], whole: int) -> None:
    at = 0.0
    for box in beside(some, whole):
        assert inside(box)
        assert box.left == pytest.approx(at, abs=1e-6)
        at = box.left + box.width
    if 0 < sum(some) <= whole:
        assert at == pytest.approx(100 * sum(some) / whole)


odd = st.integers(-(1 << 64), 1 << 64)


@st.composite
def items(draw: st.DrawFn) -> ArenaItem:
    return ArenaItem.model_validate(
        {
            "part": draw(st.sampled_from(["persistent", "non_persistent"])),
            "kind": draw(st.sampled_from(["tensor", "scratch", "kernel"])),
            "name": "x",
            "offset_bytes": draw(odd),
            "size_bytes": draw(odd),
            "data_bytes": draw(st.none() | odd),
            "shape": draw(st.none() | st.lists(odd, max_size=4).map(tuple)),
            "dtype": draw(st.none() | st.just("int8")),
            "tensor": None,
            "operator": draw(st.none() | odd),
            "first_operator": draw(st.none() | odd),
            "last_operator": draw(st.none() | odd),
        }
    )


def arena_of(some: list[ArenaItem], size: int) -> ArenaMap:
    return ArenaMap(
        size_bytes=size, items=tuple(some), live_bytes=(), peak_operator=None,
        lower_bound_bytes=0, planned_bytes=0, planning=(),
    )  # fmt: skip


@given(st.lists(items(), max_size=8), odd, st.integers(0, 3))
def test_a_record_that_contradicts_itself_stays_in_the_picture(
    some: list[ArenaItem], size: int, count: int
) -> None:
    boxes, left_out = arena_boxes(arena_of(some, size), ["CONV_2D"] * count)
    assert not left_out
    assert all(inside(box.box) and box.box.width >= 0 <= box.box.height for box in boxes)


def item(part: str, offset: int, size: int, first: int | None, last: int | None) -> ArenaItem:
    return ArenaItem.model_validate(
        {
            "part": part, "kind": "tensor" if part == "non_persistent" else "kernel", "name": "x",
            "offset_bytes": offset, "size_bytes": size, "data_bytes": None, "shape": (2, 3),
            "dtype": "int8", "tensor": 0, "operator": None, "first_operator": first,
            "last_operator": last,
        }
    )  # fmt: skip


def test_boxes_are_where_the_bytes_and_operators_are() -> None:
    some = [
        item("non_persistent", 0, 400, 1, 2),
        *(item("persistent", 400 + 2 * at, 2, None, None) for at in range(50)),
        item("persistent", 500, 500, None, None),
    ]
    boxes, _ = arena_boxes(arena_of(some, 1000), ["A", "B", "C", "D"])
    tensor, small, large = sorted(boxes, key=lambda box: -box.box.top)
    assert tensor.box == Box(25, 60, 50, 40)
    assert "int8 2 x 3" in tensor.facts
    assert "needed from operator 1 B to 2 C" in tensor.facts
    assert small.box == Box(0, 50, 100, 10)
    assert small.title == "50 small persistent pieces"
    assert large.box == Box(0, 0, 100, 50)
