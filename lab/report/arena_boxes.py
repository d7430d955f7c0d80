"""The arena as boxes over the operators: to the right the time, upwards the address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from lab.details import ArenaItem, ArenaMap
from lab.report.boxes import Box
from lab.report.names import tensor_name
from lab.report.shares import largest_items

_SMALL = 100  # persistent pieces of less than this part of the arena are drawn as one
_MOST = 1500  # boxes; more cannot be told apart on any screen


@dataclass(frozen=True)
class ArenaBox:
    """Something in the arena, or several small things side by side.

    Attributes:
        box: place in the map, in per cent.
        kind: what it is; gives the colour.
        title: its name.
        facts: shape, type, bytes, life time; one line each.
    """

    box: Box
    kind: str
    title: str
    size_bytes: int
    facts: tuple[str, ...]


def arena_boxes(arena: ArenaMap, operators: Sequence[str]) -> tuple[list[ArenaBox], int]:
    """Boxes in the order of time, then address, and how many small ones were left out.

    Args:
        arena: of a record.
        operators: names, in order.
    """
    boxes = []
    for small, group in groupby(arena.items, key=lambda item: _is_small(item, arena)):
        items = list(group)
        if small and len(items) > 1:
            boxes.append(_together(items, arena))
        else:
            boxes += [_alone(item, arena, operators) for item in items]
    drawn = sorted(boxes, key=lambda box: -box.size_bytes)[:_MOST]
    drawn.sort(key=lambda box: (box.box.left, -box.box.top))
    return drawn, len(boxes) - len(drawn)


def column(operator: int, operators: Sequence[str]) -> Box:
    """The place of an operator, over the whole height."""
    count = max(1, len(operators))
    return Box(100 * min(max(operator, 0), count - 1) / count, 0, 100 / count, 100)


def lifetime(item: ArenaItem, operators: Sequence[str]) -> str:
    """When it is needed, in words."""
    if item.part == "persistent" or item.first_operator is None:
        return "always needed"
    first = f"operator {item.first_operator}{_named(item.first_operator, operators)}"
    if item.last_operator is None:
        return f"needed from {first} on"
    if item.last_operator == item.first_operator:
        return f"needed at {first}"
    last = f"{item.last_operator}{_named(item.last_operator, operators)}"
    return f"needed from {first} to {last}"


def _named(operator: int, operators: Sequence[str]) -> str:
    return f" {operators[operator]}" if 0 <= operator < len(operators) else ""


def _is_small(item: ArenaItem, arena: ArenaMap) -> bool:
    return item.part == "persistent" and item.size_bytes * _SMALL < arena.size_bytes


def _alone(item: ArenaItem, arena: ArenaMap, operators: Sequence[str]) -> ArenaBox:
    box = _place(item.offset_bytes, item.size_bytes, arena)
    if item.part == "non_persistent":
        span = item.life(len(operators))
        first, last = column(span.start, operators), column(span.stop - 1, operators)
        width = max(first.width, last.left + last.width - first.left)
        box = Box(first.left, box.top, width, box.height)
    facts = tuple(_facts(item, operators))
    return ArenaBox(box, item.kind, tensor_name(item.name), item.size_bytes, facts)


def _facts(item: ArenaItem, operators: Sequence[str]) -> Iterator[str]:
    own = ""
    if item.data_bytes is not None and item.data_bytes != item.size_bytes:
        own = f", {item.data_bytes:,} B of data"
    yield f"{item.kind}, {item.size_bytes:,} B{own}"
    if item.shape is not None:
        yield f"{item.dtype or 'unknown type'} {' x '.join(map(str, item.shape)) or 'scalar'}"
    elif item.dtype:
        yield item.dtype
    end = item.offset_bytes + item.size_bytes
    yield f"at {item.offset_bytes:,} to {end:,} B of the arena"
    yield lifetime(item, operators)
    if item.operator is not None:
        yield f"asked for by operator {item.operator}{_named(item.operator, operators)}"


def _together(items: Sequence[ArenaItem], arena: ArenaMap) -> ArenaBox:
    size = sum(item.size_bytes for item in items)
    begin = items[0].offset_bytes
    kinds: dict[str, int] = {}
    for item in items:
        kinds[item.kind] = kinds.get(item.kind, 0) + item.size_bytes
    ranked = sorted(kinds, key=lambda kind: -kinds[kind])
    facts = (
        f"{size:,} B, always needed",
        ", ".join(f"{kind} {kinds[kind]:,} B" for kind in ranked),
        *(f"{item.size_bytes:,} B {tensor_name(item.name)}" for item in largest_items(items)),
    )
    title = f"{len(items)} small persistent pieces"
    return ArenaBox(_place(begin, size, arena), ranked[0], title, size, facts)


def _place(offset: int, size: int, arena: ArenaMap) -> Box:
    """Over all operators; a record that contradicts itself stays inside of the picture."""
    whole = max(1, arena.size_bytes)
    low, high = (min(max(at, 0), whole) for at in (offset, offset + size))
    high = max(low, high)
    return Box(0, 100 - 100 * high / whole, 100, 100 * (high - low) / whole)
