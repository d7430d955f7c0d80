"""A record as one page: a single file that needs no network, for those who decide what to change.

Whatever the record says is text: templates escape all of it, nothing of it becomes a script or a
style. The page's security policy allows its own style and script, by their checksums, and nothing
else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from lab.details import ArenaMap
from lab.errors import escape
from lab.report import provenance, shares
from lab.report.arena_boxes import ArenaBox, arena_boxes, column, lifetime
from lab.report.bars import Bar, memory_bars
from lab.report.boxes import Box, beside, treemap
from lab.report.names import function_name, tensor_name
from lab.report.operators import operator_rows
from lab.report.shares import Share
from lab.report.terminal import WORDS, margin
from lab.results import BatchResult, CheckResult
from lab.units import format_size

_FOLDER = Path(__file__).with_name("page")
_MOST_RANKED = 5
_MOST_TILES = 40
_MOST_ROWS = 1000
_ASPECT = 2.4  # of a treemap on a wide screen


def render(result: CheckResult) -> str:
    """The page of one check."""
    places = _Places()
    details = result.details
    names = [operator.name for operator in result.operators]
    context = {
        "result": result,
        "word": WORDS[result.verdict.status],
        "margin": margin(result),
        "rankings": _rankings(result),
        "bars": [_bar(bar, places) for bar in memory_bars(result)],
        "arena": _arena(details.arena, names, places) if details and details.arena else None,
        "operators": operator_rows(result),
        "treemaps": _treemaps(result, places),
        "figures": list(provenance.figures(result)),
        "command": provenance.command(result),
        "unknown": provenance.unknown_words(result),
        "most": _MOST_ROWS,
    }
    return _page("report.html.j2", context, places)


def render_batch(batch: BatchResult) -> str:
    """The page of a batch: one row for each check."""
    context = {"batch": batch, "words": WORDS, "most": _MOST_ROWS, "command": provenance.command}
    return _page("batch.html.j2", context, _Places())


class _Places:
    """Places of boxes as style rules: the policy forbids styles inside of elements."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def add(self, box: Box) -> str:
        """The class of elements at this place."""
        rule = ";".join(
            f"{name}:{round(value, 4):g}%"
            for name, value in vars(box).items()
        )
        return self._classes.setdefault(rule, f"p{len(self._classes)}")

    def css(self) -> str:
        return "".join(f".{name}{{{rule}}}\n" for rule, name in self._classes.items())


@dataclass(frozen=True)
class _Tile:
    """A box with its class, and what to show in it and about it."""

    place: str
    kind: str
    title: str
    amount: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class _Ranking:
    title: str
    total: str
    limit: bool
    shares: Sequence[Share]
    whole: int
    unit: str


def _rankings(result: CheckResult) -> list[_Ranking]:
    """Who takes the most of each resource; that of the limit first."""
    flash_binds = result.verdict.limit == "flash"
    found = []
    for title, all_shares, unit, limit in (
        ("RAM", shares.ram_shares(result), "B", not flash_binds and result.verdict.limit),
        ("Flash", shares.flash_shares(result), "B", flash_binds),
        ("Time", shares.time_shares(result), "cycles", False),
    ):
        whole = sum(share.amount for share in all_shares)
        if whole:
            total = format_size(whole) if unit == "B" else f"{whole:,} cycles, modelled"
            ranked = shares.largest(all_shares, _MOST_RANKED)
            found.append(_Ranking(title, total, bool(limit), ranked, whole, unit))
    return sorted(found, key=lambda ranking: not ranking.limit)


def _bar(bar: Bar, places: _Places) -> dict[str, Any]:
    boxes = beside([segment.size_bytes for segment in bar.segments], bar.whole_bytes)
    tiles = [
        _Tile(places.add(box), segment.kind, segment.name, f"{segment.size_bytes:,} B",
              (f"{segment.size_bytes:,} B, {_percent(segment.size_bytes, bar.whole_bytes)}",))
        for segment, box in zip(bar.segments, boxes, strict=True)
    ]  # fmt: skip
    limit = None
    if bar.limit_bytes is not None:
        at = 100 * bar.limit_bytes / bar.whole_bytes
        limit = places.add(Box(at, 0, 100 - at, 100))
    return {"bar": bar, "tiles": tiles, "limit": limit}


def _arena(arena: ArenaMap, names: Sequence[str], places: _Places) -> dict[str, Any]:
    boxes, left_out = arena_boxes(arena, names)
    peak = arena.peak_operator
    most = max(arena.live_bytes, default=0)
    live = [
        places.add(_column_bar(number, size, most, names))
        for number, size in enumerate(arena.live_bytes[: len(names)])
    ]
    step = next(step for step in (1, 2, 5, 10, 20, 50, 10**9) if len(names) <= 25 * step)
    return {
        "map": arena,
        "tiles": [_arena_tile(box, places) for box in boxes],
        "left_out": left_out,
        "peak": None if peak is None else places.add(column(peak, names)),
        "peak_name": names[peak] if peak is not None and 0 <= peak < len(names) else "",
        "next": _next_peak(arena, names),
        "live": live,
        "ticks": [(places.add(column(n, names)), n) for n in range(0, len(names), step)],
        "levels": _levels(arena.size_bytes, places),
        "lifetime": lambda item: lifetime(item, names),
    }


def _column_bar(number: int, size: int, most: int, names: Sequence[str]) -> Box:
    place = column(number, names)
    height = 100 * min(max(size, 0), most) / max(1, most)
    return Box(place.left, 100 - height, place.width, height)


def _levels(size: int, places: _Places) -> list[tuple[str, int]]:
    """Marks at the address axis."""
    return [
        (places.add(Box(0, 100 - 25 * quarter, 100, 0)), size * quarter // 4)
        for quarter in range(5)
    ]


def _next_peak(arena: ArenaMap, names: Sequence[str]) -> tuple[int, str, int] | None:
    """The operator that needs most after the one at the peak."""
    others = [
        (size, -number)
        for number, size in enumerate(arena.live_bytes[: len(names)])
        if number != arena.peak_operator
    ]
    if arena.peak_operator is None or not others:
        return None
    size, number = max(others)
    return -number, names[-number], size


def _arena_tile(box: ArenaBox, places: _Places) -> _Tile:
    amount = f"{box.size_bytes:,} B"
    return _Tile(places.add(box.box), box.kind, box.title, amount, box.facts)


def _treemaps(result: CheckResult, places: _Places) -> list[dict[str, Any]]:
    found = []
    for title, owners in (
        ("Flash", shares.flash_shares(result)),
        ("RAM", shares.ram_shares(result)),
    ):
        whole = sum(owner.amount for owner in owners)
        tiles = shares.largest(owners, _MOST_TILES)
        boxes = treemap(sorted((tile.amount for tile in tiles), reverse=True), _ASPECT)
        tiles = sorted(tiles, key=lambda tile: -tile.amount)
        if whole:
            drawn = [_owner_tile(tile, whole, box, places)
                     for tile, box in zip(tiles, boxes, strict=True)]  # fmt: skip
            found.append({"title": title, "whole": whole, "tiles": drawn, "owners": owners})
    return found


def _owner_tile(share: Share, whole: int, box: Box, places: _Places) -> _Tile:
    facts = [f"{share.amount:,} B, {_percent(share.amount, whole)}"]
    facts += [share.note] if share.note else []
    facts += [f"{size:,} B {function_name(name)}" for name, size in share.parts]
    return _Tile(places.add(box), share.kind, share.name, f"{share.amount:,} B", tuple(facts))


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _page(template: str, context: dict[str, Any], places: _Places) -> str:
    style = (_FOLDER / "page.css").read_text(encoding="utf-8") + places.css()
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters |= {
        "size": format_size, "function": function_name, "tensor": tensor_name,
        "percent": _percent, "slug": lambda kind: kind.replace(" ", "-"),
    }  # fmt: skip
    policy = (
        f"default-src 'none'; style-src '{_checksum(style)}'; script-src '{_checksum(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    own = {"style": Markup(style), "script": Markup(script), "policy": policy}  # noqa: S704
    return environment.get_template(template).render(context | own)


def _printable(value: Any) -> Any:
    """Text of the record without control characters; markup is our own."""
    return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _checksum(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
