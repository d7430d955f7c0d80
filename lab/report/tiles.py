"""The pictures of a page: bars, arena map and treemaps as tiles, their places as style rules.

A page's policy forbids styles inside of elements; each place is a class instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.details import ArenaMap
from lab.report import shares
from lab.report.arena_boxes import ArenaBox, arena_boxes, column, lifetime
from lab.report.bars import Bar
from lab.report.boxes import Box, beside, treemap
from lab.report.names import function_name
from lab.report.numbers import bytes_of, percent
from lab.report.shares import Share
from lab.results import CheckResult

_MOST_TILES = 40
_MOST_TICKS = 25
_MOST_COLUMNS = 2000  # more cannot be told apart on any screen
_ASPECT = 2.4  # of a treemap on a wide screen


class Places:
    """Places of boxes, each with the name of its class."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def add(self, box: Box) -> str:
        """The class of elements at this place."""
        sides = (f"{side}:{round(value, 4):g}%" for side, value in vars(box).items())
        return self._classes.setdefault(";".join(sides), f"p{len(self._classes)}")

    def css(self) -> str:
        """The style rules of all of them."""
        return "".join(f".{name}{{{rule}}}\n" for rule, name in self._classes.items())


@dataclass(frozen=True)
class Tile:
    """A box on the page: its class, colour, what stands in it, and what to say about it."""

    place: str
    kind: str
    title: str
    amount: str
    facts: tuple[str, ...]


def bar_tiles(bar: Bar, places: Places) -> dict[str, Any]:
    """A memory bar, and where the memory ends if that is inside of it."""
    boxes = beside([segment.size_bytes for segment in bar.segments], bar.whole_bytes)
    tiles = []
    for segment, box in zip(bar.segments, boxes, strict=True):
        size = bytes_of(segment.size_bytes)
        facts = (f"{size}, {percent(segment.size_bytes, bar.whole_bytes)} of this bar",)
        tiles.append(Tile(places.add(box), segment.kind, segment.name, size, facts))
    limit = None
    if bar.limit_bytes is not None:
        at = 100 * max(0, bar.limit_bytes) / bar.whole_bytes
        limit = places.add(Box(at, 0, 100 - at, 100))
    return {"bar": bar, "tiles": tiles, "limit": limit}


def arena_tiles(arena: ArenaMap, names: Sequence[str], places: Places) -> dict[str, Any]:
    """The arena map with its axes.

    Args:
        arena: of a record.
        names: of the operators, in order.
        places: of the page.
    """
    boxes, left_out = arena_boxes(arena, names)
    peak = arena.peak_operator
    known = peak is not None and 0 <= peak < len(names)
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 10**9) if len(names) <= _MOST_TICKS * s)
    return {
        "map": arena,
        "tiles": [_arena_tile(box, places) for box in boxes],
        "kinds": sorted({box.kind for box in boxes}),
        "left_out": left_out,
        "peak": None if peak is None else places.add(column(peak, names)),
        "peak_name": names[peak] if peak is not None and known else "",
        "next": _next_peak(arena, names),
        "live": _live(arena, names, places),
        "ticks": [(places.add(column(n, names)), n) for n in range(0, len(names), step)],
        "levels": [
            (places.add(Box(0, 100 - 25 * quarter, 100, 0)), arena.size_bytes * quarter // 4)
            for quarter in range(5)
        ],
        "lifetime": lambda item: lifetime(item, names),
    }


def _arena_tile(box: ArenaBox, places: Places) -> Tile:
    return Tile(places.add(box.box), box.kind, box.title, bytes_of(box.size_bytes), box.facts)


def _live(arena: ArenaMap, names: Sequence[str], places: Places) -> list[str]:
    """A column for each operator, as high as what is alive while it runs."""
    live = arena.live_bytes[: len(names)]
    if len(live) > _MOST_COLUMNS:
        return []
    most = max((1, *live))
    found = []
    for number, size in enumerate(live):
        place, height = column(number, names), 100 * max(0, size) / most
        found.append(places.add(Box(place.left, 100 - height, place.width, height)))
    return found


def _next_peak(arena: ArenaMap, names: Sequence[str]) -> str:
    """How much there is to gain at the peak alone."""
    live = dict(enumerate(arena.live_bytes[: len(names)]))
    here = live.pop(arena.peak_operator, 0) if arena.peak_operator is not None else 0
    if not live:
        return ""
    most = max(live.values())
    others = [number for number, size in live.items() if size == most]
    if most >= here:
        more = f" and {len(others) - 1} more need" if len(others) > 1 else " needs"
        where = f"operator {others[0]} {names[others[0]]}"
        return f"Mending this operator alone saves nothing: {where}{more} as much."
    where = f"operator {others[0]} {names[others[0]]} with {most:,} B"
    return f"The next is {where}: mending this one alone saves at most {here - most:,} B."


def treemaps(result: CheckResult, places: Places) -> list[dict[str, Any]]:
    """Flash and RAM by owner; only what was measured."""
    found = []
    for title, owners in (
        ("Flash", shares.flash_shares(result)),
        ("RAM", shares.ram_shares(result)),
    ):
        if owners:
            whole = sum(owner.amount for owner in owners)
            drawn = sorted(shares.largest(owners, _MOST_TILES), key=lambda one: -one.amount)
            boxes = treemap([one.amount for one in drawn], _ASPECT)
            tiles = [
                _owner_tile(one, whole, places.add(box))
                for one, box in zip(drawn, boxes, strict=True)
            ]
            found.append({"title": title, "whole": whole, "tiles": tiles, "owners": owners})
    return found


def _owner_tile(share: Share, whole: int, place: str) -> Tile:
    facts = [f"{share.amount:,} B, {percent(share.amount, whole)}"]
    facts += [share.note] if share.note else []
    facts += [f"{size:,} B {function_name(name)}" for name, size in share.parts]
    return Tile(place, share.kind, share.name, f"{share.amount:,} B", tuple(facts))
