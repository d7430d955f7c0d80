"""The arena put in order: whatever was handed out, each byte is listed once, and damage is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.details import ArenaMap
from lab.measure.arena_map import arena_map
from lab.measure.arena_owners import Owner, TensorSeen
from lab.measure.arena_trace import Block, Buffer, Trace
from lab.measure.tflm import ArenaParts
from lab.report.arena_chart import chart

TENSORS, OPERATORS = ["in", "weights", "", "out"], ["CONV_2D", "SOFTMAX"]
OWNERS = [
    Owner("kernel", operator=0), Owner("kernel", operator=7), Owner("options", operator=1),
    Owner("quantization", tensor=1), Owner("variable", tensor=2), Owner("structure", "Nodes[2]"),
    None,
]  # fmt: skip


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """An allocation as it goes: persistent pieces from the end down, planned ones anywhere."""
    end = at = 4096
    blocks = []
    for size, alignment, owner in draw(
        st.lists(st.tuples(st.integers(1, 90), st.sampled_from([1, 4, 16]),
                           st.sampled_from(OWNERS)), max_size=20)
    ):  # fmt: skip
        at = (at - size) // alignment * alignment
        blocks.append(Block(at, size, alignment, owner))
    operators = draw(st.integers(1, 200))
    buffers = []
    for number in range(draw(st.integers(0, 40))):
        first = draw(st.integers(0, operators - 1))
        size = draw(st.integers(0, 20)) * 16
        buffers.append(
            Buffer(
                offset=draw(st.integers(0, 60)) * 16,
                size=size,
                needed=draw(st.integers(0, size)),
                first=first,
                last=draw(st.integers(first, operators - 1)),
                tensor=number if draw(st.booleans()) else None,
            )
        )
    head = max((buffer.offset + buffer.size for buffer in buffers), default=0)
    seen = {2: TensorSeen((2, 3), "int8"), 3: TensorSeen(None, None)}
    parts = ArenaParts(persistent=end - at, non_persistent=head)
    return Trace(end, parts, operators, tuple(blocks), {}, tuple(buffers), seen, ())


def whole(trace: Trace) -> ArenaMap:
    made = arena_map(trace, TENSORS, OPERATORS)
    assert made is not None
    return made


@given(traces())
def test_persistent_items_lie_side_by_side_and_add_up(trace: Trace) -> None:
    kept = [item for item in whole(trace).items if item.part == "persistent"]
    at = trace.arena_bytes - trace.parts.persistent
    for item in kept:
        assert item.offset_bytes == at
        assert item.size_bytes > 0
        at += item.size_bytes
    assert at == trace.arena_bytes
    owned = sum(block.size for block in trace.blocks if block.owner)
    nobody = {"alignment", "unowned"}
    assert sum(item.size_bytes for item in kept if item.kind not in nobody) == owned
    assert all(item.size_bytes < 16 for item in kept if item.kind == "alignment")


@given(traces())
def test_neighbours_of_one_owner_are_one_item(trace: Trace) -> None:
    kept = [item for item in whole(trace).items if item.part == "persistent"]
    keys = [(item.kind, item.name, item.tensor, item.operator) for item in kept]
    assert all(one != other for one, other in pairwise(keys))


@given(traces())
def test_the_peak_is_the_largest_sum_of_what_is_alive(trace: Trace) -> None:
    made = whole(trace)
    alive = [
        sum(b.size for b in trace.buffers if b.first <= operator <= b.last)
        for operator in range(trace.operators)
    ]
    assert list(made.live_bytes) == alive
    assert made.lower_bound_bytes == max(alive)
    if made.peak_operator is not None:
        assert alive[made.peak_operator] == max(alive) > 0
    else:
        assert not any(alive)


@given(traces(), st.data())
def test_what_contradicts_itself_is_no_map(trace: Trace, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["parts", "block", "buffer", "operators"]))
    wild = data.draw(st.integers(-(1 << 31), 1 << 32))
    damaged = trace
    if kind == "parts":
        parts = replace(trace.parts, non_persistent=trace.parts.non_persistent + 16)
        damaged = replace(trace, parts=parts)
    elif kind == "operators":
        damaged = replace(trace, operators=0, buffers=(Buffer(0, 16, 16, 0, 0, None),))
    elif kind == "buffer":
        worse = [replace(one, last=wild) for one in trace.buffers]
        damaged = replace(trace, buffers=tuple(worse))
    else:
        worse_blocks = (*trace.blocks, Block(wild, 16, 4, None))
        damaged = replace(trace, blocks=worse_blocks)
    made = arena_map(damaged, TENSORS, OPERATORS)
    if made is None:
        return
    assert kind in {"buffer", "block"}  # a wild number may still be a possible one
    kept = [item.size_bytes for item in made.items if item.part == "persistent"]
    assert sum(kept) == trace.parts.persistent


def test_a_gap_that_something_points_to_is_its_owners() -> None:
    trace = Trace(
        arena_bytes=128, parts=ArenaParts(64, 0), operators=1,
        blocks=(Block(64, 24, 16, OWNERS[0]), Block(96, 12, 4, None)),
        pointed={108: Owner("structure", "Allocator")}, buffers=(), tensors={}, planning=(),
    )  # fmt: skip
    made = whole(trace)
    assert [(item.kind, item.name, item.size_bytes) for item in made.items] == [
        ("kernel", "CONV_2D", 24), ("alignment", "alignment", 8), ("unowned", "unowned", 12),
        ("structure", "Allocator", 20),
    ]  # fmt: skip


def test_names_that_the_model_does_not_have_are_numbers() -> None:
    names = {item.name for item in whole(_named()).items}
    assert names == {"tensor 2", "tensor 9", "operator 7"}


def _named() -> Trace:
    return Trace(
        arena_bytes=48, parts=ArenaParts(32, 16), operators=8,
        blocks=(Block(16, 16, 16, OWNERS[1]), Block(32, 16, 16, OWNERS[4])), pointed={},
        buffers=(Buffer(0, 16, 3, 0, 0, 9),), tensors={2: TensorSeen((2, 3), "int8")}, planning=(),
    )  # fmt: skip


def test_shape_and_type_are_those_that_were_seen() -> None:
    items = {item.name: item for item in whole(_named()).items}
    assert (items["tensor 2"].shape, items["tensor 2"].dtype) == ((2, 3), "int8")
    assert items["tensor 2"].data_bytes == items["tensor 2"].size_bytes == 16
    assert (items["tensor 9"].shape, items["tensor 9"].data_bytes) == (None, 3)
    assert (items["operator 7"].kind, items["operator 7"].shape) == ("kernel", None)


@settings(deadline=None)
@given(traces())
def test_the_chart_fits_a_terminal_of_80_columns(trace: Trace) -> None:
    made = whole(trace)
    lines = chart(made)
    assert max(map(len, lines), default=0) <= 80
    assert len(lines) <= 40
    assert bool(lines) == bool(made.planned_bytes)
    rows = [line.partition("|")[2] for line in lines if "|" in line]
    assert len({len(row) for row in rows}) <= 1


def drawn(*buffers: Sequence[int], operators: int) -> list[str]:
    """Rows of a chart; a buffer is offset, size, first and last operator."""
    made = tuple(Buffer(at, size, size, first, last, number)
                 for number, (at, size, first, last) in enumerate(buffers))  # fmt: skip
    head = max(at + size for at, size, *_ in buffers)
    trace = Trace(head, ArenaParts(0, head), operators, (), {}, made, {}, ())
    return [line.partition("|")[2] for line in chart(whole(trace)) if "|" in line]


def test_the_chart_shows_who_is_where_and_when() -> None:
    assert drawn((0, 32, 0, 1), (32, 16, 1, 2), (0, 16, 2, 3), operators=4) == [
        "......BBBBBBBBBBBB......",
        "AAAAAAAAAAAA............",
        "AAAAAAAAAAAACCCCCCCCCCCC",
    ]


def test_a_long_model_is_drawn_in_fewer_columns() -> None:
    rows = drawn((0, 1600, 0, 499), (1600, 1600, 250, 499), operators=500)
    assert rows == ["." * 32 + "B" * 32] * 8 + ["A" * 64] * 8
