"""The flash of an image, summed up from its symbols: another way than by its sections."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from lab.elf import Image, read_elf
from lab.linker_map import read_map


def named_bytes(elf: Path) -> int:
    """Flash by what has a name, and by what has none at all: texts, and tables of libgcc.

    Padding is not counted, neither between functions nor after them. The map lies beside the ELF.
    """
    image = read_elf(elf)
    spans = _spans(image)
    total = end = 0
    for first, last in spans:  # one function may lie inside another
        total += max(0, last - max(first, end))
        end = max(end, last)
    return total + sum(_nameless(image, elf.with_suffix(".map"), [first for first, _ in spans]))


def _spans(image: Image) -> list[tuple[int, int]]:
    sections = [one for one in image.sections if one.name in {".text", ".ARM.exidx", ".data"}]
    return sorted(
        (symbol.address, symbol.address + symbol.size)
        for symbol in image.symbols.values()
        if any(one.address <= symbol.address < one.address + one.size for one in sections)
    )


def _nameless(image: Image, linker_map: Path, named: list[int]) -> Iterator[int]:
    """Sizes of what the linker placed and no symbol points into, less the strings it merged."""
    placed = read_map(linker_map.read_text())[".text"]
    (text,) = (one for one in image.sections if one.name == ".text")
    ends = [*(one.address for one in placed[1:]), text.address + text.size]
    for one, limit in zip(placed, ends, strict=True):
        end = min(one.address + one.size, limit)
        if not one.is_fill and bisect_left(named, one.address) == bisect_left(named, end):
            yield max(0, end - one.address)
