"""The arena over time, drawn in text: operators to the right, addresses upwards."""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase

from lab.details import ArenaItem, ArenaMap
from lab.report.names import tensor_name

_COLUMNS = 64
_ROWS = 16
_WIDEST = 6  # columns of one operator
_STEP = 16  # bytes; what buffers are rounded to
_MOST_NAMES = 12
_FREE, _SMALL = ".", "+"


def chart(arena: ArenaMap) -> list[str]:
    """The planned part as lines of text of up to 80 columns; none if nothing was planned."""
    if not arena.planned_bytes or not arena.live_bytes:
        return []
    letters = _letters(arena)
    rows = list(_rows(arena, letters))
    drawn = {letter for row in rows for letter in row.partition("|")[2]}
    return [
        f"Planned part over the {len(arena.live_bytes)} operators, the address upwards",
        *rows,
        *_axis(arena),
        *_legend(letters, drawn),
    ]


def _letters(arena: ArenaMap) -> list[tuple[ArenaItem, str]]:
    """Planned buffers, the largest first, each with its letter."""
    planned = [item for item in arena.items if item.part == "non_persistent" and item.size_bytes]
    planned.sort(key=lambda item: (-item.size_bytes, item.first_operator or 0))
    names = {False: iter(ascii_uppercase), True: iter(ascii_lowercase)}
    return [(item, next(names[item.kind == "scratch"], _SMALL)) for item in planned]


def _rows(arena: ArenaMap, letters: list[tuple[ArenaItem, str]]) -> Iterator[str]:
    count = min(_ROWS, -(-arena.planned_bytes // _STEP))
    spans = [(_alive(letters, times), times, width) for times, width in _spans(arena)]
    for row in reversed(range(count)):
        low, high = (arena.planned_bytes * number // count for number in (row, row + 1))
        cells = (_cell(alive, range(low, high), times) * width for alive, times, width in spans)
        yield f"{high:>11,} |{''.join(cells)}"


def _alive(letters: list[tuple[ArenaItem, str]], times: range) -> list[tuple[ArenaItem, str]]:
    return [(item, letter) for item, letter in letters if _width(item, times) > 0]


def _spans(arena: ArenaMap) -> list[tuple[range, int]]:
    """The operators of each cell, and how many columns wide it is."""
    count = len(arena.live_bytes)
    cells = min(count, _COLUMNS)
    width = min(_WIDEST, _COLUMNS // cells)
    bounds = [count * number // cells for number in range(cells + 1)]
    return [(range(first, last), width) for first, last in pairwise(bounds)]


def _cell(letters: list[tuple[ArenaItem, str]], addresses: range, times: range) -> str:
    """Who takes the most of these addresses at these times; nobody may as well."""
    area = len(addresses) * len(times)
    taken = [(_overlap(item, addresses, times), letter) for item, letter in letters]
    free = area - sum(size for size, _ in taken)
    most, letter = max(taken, key=lambda pair: pair[0], default=(0, _FREE))
    return letter if most and most >= free else _FREE


def _overlap(item: ArenaItem, addresses: range, times: range) -> int:
    begin = item.offset_bytes
    height = min(begin + item.size_bytes, addresses.stop) - max(begin, addresses.start)
    return max(0, height) * max(0, _width(item, times))


def _width(item: ArenaItem, times: range) -> int:
    """At how many of these times it lives; negative or 0: at none."""
    span = item.life(times.stop)
    return min(span.stop, times.stop) - max(span.start, times.start)


def _axis(arena: ArenaMap) -> Iterator[str]:
    """The peak, and the numbers of operators as far as they have room."""
    marks, numbers = "", ""
    for times, width in _spans(arena):
        at_peak = arena.peak_operator in times
        marks += "^" * width if at_peak else " " * width
        begin, number = len(marks) - width, f"{times.start} "
        if len(numbers) <= begin and begin + len(number) <= _COLUMNS + 1:
            numbers = numbers.ljust(begin) + number
    yield f"{'0':>11} +{'-' * len(marks)}"
    yield f"{'operator':>11}  {numbers.rstrip()}"
    if arena.peak_operator is not None:
        yield f"{'fullest':>11}  {marks.rstrip()}"


def _legend(letters: list[tuple[ArenaItem, str]], drawn: Set[str]) -> Iterator[str]:
    yield ""
    for item, letter in letters[:_MOST_NAMES]:
        name = tensor_name(item.name)
        what = f"scratch buffer of {name}" if item.kind == "scratch" else name
        yield f"  {letter} {item.size_bytes:>11,} B  {what}"
    if hidden := [letter for _, letter in letters[:_MOST_NAMES] if letter not in drawn]:
        yield f"  not in the map, too small for a cell: {', '.join(hidden)}"
    if rest := len(letters[_MOST_NAMES:]):
        yield f"  and {rest} smaller; {_FREE} nobody, {_SMALL} one without a letter"
