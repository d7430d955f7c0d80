"""Geometry of the pictures: places in per cent of the picture, whatever its size on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle; all four in per cent, from the upper left corner."""

    left: float
    top: float
    width: float
    height: float


WHOLE = Box(0, 0, 100, 100)


def beside(sizes: Sequence[int], whole: int) -> list[Box]:
    """Pieces of a bar, one after the other; what is beyond the whole is cut off."""
    boxes, left = [], 0
    for size in sizes:
        begin, end = (min(100.0, 100 * max(0, at) / max(1, whole)) for at in (left, left + size))
        boxes.append(Box(begin, 0, end - begin, 100))
        left += size
    return boxes


def treemap(sizes: Sequence[int], aspect: float) -> list[Box]:
    """A treemap whose areas are as the sizes, and whose tiles are about square.

    Squarified: a row along the shorter side grows as long as that makes its worst tile better.

    Args:
        sizes: positive, largest first.
        aspect: width by height of the picture.
    """
    total = sum(sizes)
    # In units in which the picture's height is 1, so that squares look like squares.
    areas = [aspect * size / total for size in sizes] if total else []
    tiles: list[Box] = []
    room = Box(0, 0, aspect, 1)
    while len(tiles) < len(areas):
        row = _row(areas[len(tiles) :], min(room.width, room.height))
        tiles += _laid(row, room)
        room = _left(sum(row), room)
    return [
        Box(100 * t.left / aspect, 100 * t.top, 100 * t.width / aspect, 100 * t.height)
        for t in tiles
    ]


def _row(areas: Sequence[float], side: float) -> list[float]:
    row: list[float] = []
    for area in areas:
        if row and _worst([*row, area], side) > _worst(row, side):
            break
        row.append(area)
    return row


def _worst(row: Sequence[float], side: float) -> float:
    """The aspect ratio of the tile that is least like a square."""
    if side <= 0:
        return 1.0
    depth = sum(row) / side
    lengths = (area / depth if depth else 0.0 for area in (min(row), max(row)))
    return max(max(depth / one, one / depth) if one and depth else 1.0 for one in lengths)


def _laid(row: Sequence[float], room: Box) -> Iterator[Box]:
    total = sum(row)
    upright = room.width >= room.height
    side = room.height if upright else room.width
    depth = total / side if side > 0 else 0.0
    at = 0.0
    for area in row:
        length = area / depth if depth else 0.0
        if upright:
            yield Box(room.left, room.top + at, depth, length)
        else:
            yield Box(room.left + at, room.top, length, depth)
        at += length


def _left(area: float, room: Box) -> Box:
    if room.width >= room.height:
        depth = min(room.width, area / room.height if room.height > 0 else 0.0)
        return Box(room.left + depth, room.top, room.width - depth, room.height)
    depth = min(room.height, area / room.width if room.width > 0 else 0.0)
    return Box(room.left, room.top + depth, room.width, room.height - depth)
