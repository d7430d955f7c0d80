"""The arena map as a picture: operators to the right, addresses upwards, a box for each tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lab.details import ArenaItem, ArenaMap
from lab.report import palette
from lab.report.names import last_part, tensor_name
from lab.report.operators import label_of
from lab.report.pictures import picture
from lab.results import CheckResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TENSOR, _SCRATCH, _PERSISTENT, _HEADROOM = map(
    palette.colour, ("tensor", "scratch", "structure", "free")
)
_EDGE = _LIVE = palette.LINE
_PEAK = palette.LIMIT
_INCHES = (11.0, 6.5)
_DPI = 120
_MOST_BOXES = 2000  # drawn; more cannot be told apart
_MOST_TICKS = 24
_LINE = 0.03  # of the arena's height takes a line of text
_LETTERS = 140  # that fit side by side into the whole width


def plot(result: CheckResult, file_format: str) -> bytes:
    """Draw the arena of a record; the same record gives the same bytes with one matplotlib.

    Args:
        result: a record with an arena map.
        file_format: one of ``FORMATS``.
    """
    drawn = picture(lambda: _figure(result), file_format, {"font.size": 8.0}, _DPI)
    assert drawn is not None
    return drawn


def _figure(result: CheckResult) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    assert result.details
    assert result.details.arena
    figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    _draw(figure.add_subplot(), result, result.details.arena)
    return figure


def _draw(axes: Axes, result: CheckResult, arena: ArenaMap) -> None:
    operators = [operator.name for operator in result.operators]
    count = max(1, len(arena.live_bytes))
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(0, max(1, arena.size_bytes))
    axes.set_title(_plain(_title(result, arena)), parse_math=False)
    axes.set_ylabel("bytes from the begin of the arena")
    _ticks(axes, count, operators)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    planned = [item for item in arena.items if item.part == "non_persistent"]
    for item in sorted(planned, key=lambda item: -item.size_bytes)[:_MOST_BOXES]:
        _box(axes, item, count)
    _bands(axes, arena, count)
    edges = [number - 0.5 for number in range(len(arena.live_bytes) + 1)]
    if arena.live_bytes:
        axes.stairs(arena.live_bytes, edges, color=_LIVE, linewidth=1.5, baseline=None, zorder=4)
    if arena.peak_operator is not None:
        at = arena.peak_operator
        axes.axvspan(at - 0.5, at + 0.5, fill=False, edgecolor=_PEAK, linewidth=2, zorder=5)
    _legend(axes, arena)


def _title(result: CheckResult, arena: ArenaMap) -> str:
    title = f"{result.model.name}: arena of {arena.size_bytes:,} B, required on {result.board.core}"
    if arena.peak_operator is None:
        return title
    where = f"operator {label_of(result, arena.peak_operator)}"
    return f"{title}\nfullest at {where}: {arena.lower_bound_bytes:,} B of tensors alive"


def _ticks(axes: Axes, count: int, operators: Sequence[str]) -> None:
    places = range(0, count, -(-count // _MOST_TICKS))
    names = [operators[at] if at < len(operators) else "" for at in places]
    labels = [_plain(f"{at} {name}") for at, name in zip(places, names, strict=True)]
    axes.set_xticks(list(places), labels, rotation=40, ha="right", parse_math=False)


def _box(axes: Axes, item: ArenaItem, count: int) -> None:
    from matplotlib.patches import Rectangle

    span = item.life(count)
    first, width, height = span.start, span.stop - span.start, item.size_bytes
    colour = _SCRATCH if item.kind == "scratch" else _TENSOR
    corner = (first - 0.5, item.offset_bytes)
    axes.add_patch(
        Rectangle(corner, width, height, facecolor=colour, edgecolor=_EDGE, linewidth=0.6)
    )
    room = int(_LETTERS * width / count)
    lines = _label(item, room, height / axes.get_ylim()[1])
    _text(axes, (first - 0.5 + width / 2, item.offset_bytes + height / 2), lines, colour)


def _label(item: ArenaItem, room: int, height: float) -> str:
    """Name and size in as many lines as a box has room for, perhaps none."""
    name, size = tensor_name(item.name), f"{item.size_bytes:,} B"
    if room < len(size) or height < _LINE:
        return ""
    if height >= 2 * _LINE:
        return f"{last_part(_plain(name), room)}\n{size}"
    left = room - len(size) - 1
    return f"{last_part(_plain(name), left)} {size}" if left > len(size) else size


def _bands(axes: Axes, arena: ArenaMap, count: int) -> None:
    """What is there all the time, and what is free but while allocating."""
    persistent = sum(item.size_bytes for item in arena.items if item.part == "persistent")
    begin = arena.size_bytes - persistent
    axes.axhspan(begin, arena.size_bytes, facecolor=_PERSISTENT, edgecolor=_EDGE, linewidth=0.6)
    if arena.planned_bytes < begin:
        axes.axhspan(
            arena.planned_bytes, begin, facecolor=_HEADROOM, edgecolor=_PERSISTENT, hatch="///"
        )
    middle = count / 2 - 0.5, begin + persistent / 2
    if persistent >= _LINE * arena.size_bytes:
        _text(axes, middle, f"persistent, {persistent:,} B", _PERSISTENT)


def _text(axes: Axes, place: tuple[float, float], text: str, background: str) -> None:
    if text:
        axes.text(
            *place, text, ha="center", va="center", clip_on=True, parse_math=False, zorder=6,
            bbox={"facecolor": background, "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip


def _legend(axes: Axes, arena: ArenaMap) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: list[Any] = [Patch(facecolor=_TENSOR, edgecolor=_EDGE, label="tensor")]
    if any(item.kind == "scratch" for item in arena.items):
        entries.append(Patch(facecolor=_SCRATCH, edgecolor=_EDGE, label="scratch buffer"))
    entries += [
        Patch(facecolor=_PERSISTENT, edgecolor=_EDGE, label="persistent"),
        Patch(facecolor=_HEADROOM, edgecolor=_PERSISTENT, hatch="///", label="only to allocate"),
        Line2D([], [], color=_LIVE, label="sum of what is alive"),
        Patch(fill=False, edgecolor=_PEAK, linewidth=2, label="fullest"),
    ]
    axes.figure.legend(handles=entries, loc="outside lower center", ncols=len(entries))


def _plain(text: str) -> str:
    """Text that every picture can hold: names come from a file that nobody vouches for."""
    return "".join(one if one.isprintable() or one == "\n" else "�" for one in text)
