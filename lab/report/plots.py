"""A record as pictures: PNG for documents, SVG for people who zoom in. The same bytes each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lab.details import ArenaMap
from lab.errors import escape
from lab.report import arena_plot, palette, shares
from lab.report.bars import Bar, memory_bars
from lab.report.engine import Weight, weight_of
from lab.report.names import first_part
from lab.report.pictures import FORMATS, picture
from lab.report.shares import Share
from lab.results import CheckResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_OPERATORS = 30
_MOST_OWNERS = 15
_NAME = 48
_DPI = 144
_STYLE = {
    "text.parse_math": False,  # a name may hold $
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}


def render(result: CheckResult) -> Iterator[tuple[str, bytes]]:
    """File names and contents; only of what the record holds."""
    result = _with_short_names(result)
    for kind in FORMATS:
        if result.details and result.details.arena and _is_sound(result.details.arena):
            yield f"arena.{kind}", arena_plot.plot(result, kind)
        for name, draw in (("memory", _memory), ("operators", _operators), ("owners", _owners)):
            if data := picture(partial(draw, result), kind, _STYLE, _DPI):
                yield f"{name}.{kind}", data


def _is_sound(arena: ArenaMap) -> bool:
    """Whether everything lies inside of it: a picture far out of its frame cannot be drawn."""
    return all(
        0 <= item.offset_bytes <= item.offset_bytes + item.size_bytes <= arena.size_bytes
        and 0 <= (item.first_operator or 0) <= (item.last_operator or len(arena.live_bytes))
        and (item.last_operator or 0) <= len(arena.live_bytes)
        for item in arena.items
    ) and all(0 <= live <= arena.size_bytes for live in arena.live_bytes)


def _with_short_names(result: CheckResult) -> CheckResult:
    """Names that leave room for the picture."""
    board = {"name": _short(result.board.name), "core": _short(result.board.core)}
    operators = [
        operator.model_copy(update={"name": _short(operator.name)}) for operator in result.operators
    ]
    return result.model_copy(
        update={
            "model": result.model.model_copy(update={"name": _short(result.model.name)}),
            "board": result.board.model_copy(update=board),
            "operators": tuple(operators),
        }
    )


def _short(name: str) -> str:
    return first_part(escape(name), _NAME)


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure  # not pyplot: no window, no state

    return Figure(figsize=(9, height))


def _memory(result: CheckResult) -> Figure | None:
    bars = memory_bars(result)
    if not bars:
        return None
    figure = _figure(0.9 + 0.9 * len(bars))
    rows = figure.subplots(len(bars), 1, squeeze=False)
    for (axes,), bar in zip(rows, bars, strict=True):
        _bar(axes, bar)
    figure.suptitle(f"{result.model.name} on {result.board.name}")
    return figure


def _bar(axes: Axes, bar: Bar) -> None:
    left, labels = 0.0, []
    for segment in bar.segments:
        colour = palette.colour(segment.kind)
        axes.barh(0, float(segment.size_bytes), left=left, color=colour, edgecolor="white")
        left += segment.size_bytes
        if segment.kind != "free":
            labels.append(f"{segment.name} {segment.size_bytes:,} B")
    if bar.limit_bytes is not None:
        axes.axvline(float(bar.limit_bytes), color=palette.LIMIT, linewidth=2)
    axes.set_xlim(0, max(1.0, float(bar.whole_bytes)))
    axes.set_yticks([])
    axes.xaxis.set_major_formatter("{x:,.0f} B")
    title = f"{_short(bar.name)}, {bar.note}: {', '.join(labels)}"
    axes.set_title(title, loc="left", fontsize=8)


def _operators(result: CheckResult) -> Figure | None:
    operators = shares.largest(shares.time_shares(result), _MOST_OPERATORS)
    if not operators:
        return None
    figure, weight = _figure(1.2 + 0.24 * len(operators)), weight_of(result)
    _ranking(figure.subplots(), operators, weight)
    how = "exact"
    if result.run and weight is Weight.CYCLES:
        how = f"modelled, {result.run.cycle_class}"
    figure.suptitle(f"{result.model.name}: {weight} of one inference, {how}")
    return figure


def _owners(result: CheckResult) -> Figure | None:
    found = [
        (name, shares.largest(owners, _MOST_OWNERS))
        for name, owners in (
            ("flash", shares.flash_shares(result)),
            ("RAM", shares.ram_shares(result)),
        )
        if owners
    ]
    if not found:
        return None
    figure = _figure(1 + 0.24 * sum(len(owners) + 2 for _, owners in found))
    heights = [len(owners) + 1 for _, owners in found]
    rows = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)
    for (axes,), (name, owners) in zip(rows, found, strict=True):
        _ranking(axes, owners, "B")
        axes.set_title(f"{name}, {sum(one.amount for one in owners):,} B", loc="left", fontsize=9)
    figure.suptitle(f"{result.model.name} on {result.board.name}: who owns the bytes")
    return figure


def _ranking(axes: Axes, owners: Sequence[Share], unit: str) -> None:
    """Largest on top, each with its amount."""
    places = range(len(owners))
    colours = [palette.colour(one.kind) for one in owners]
    bars = axes.barh(places, [float(one.amount) for one in owners], color=colours)
    axes.bar_label(bars, [f" {one.amount:,} {unit}" for one in owners], fontsize=8)
    axes.set_yticks(places, [_short(one.name) for one in owners])
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.margins(x=0.2, y=0.01)
