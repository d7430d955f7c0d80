"""Static memory by owner: every byte of an image's sections belongs to exactly one.

What is common to the lab's own images (``built_size.py``) and those of others (``elf_size.py``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.demangle import demangle
from lab.details import Footprint, Owner, SectionSize, SymbolSize
from lab.elf import Image, Section
from lab.errors import escape

MOST_SYMBOLS = 8  # of each owner, in a record


@dataclass(frozen=True)
class Held:
    """A section of an image, and which memories it takes.

    Attributes:
        section: the section.
        flash: its contents lie in flash.
        ram: the program has it in RAM.
    """

    section: Section
    flash: bool
    ram: bool


@dataclass(frozen=True, order=True)
class OwnerKey:
    """Who owns something; ``operators`` are those that need it, none: the runtime does."""

    group: str
    name: str
    operators: tuple[str, ...] = ()


PADDING = OwnerKey("padding", "alignment")


@dataclass(frozen=True)
class Portion:
    """Bytes of one section that have one owner and one name.

    Attributes:
        name: mangled name of the symbol they are, else what they are.
        owner: whose they are.
        held: the section.
        address: where the program finds them.
        size: bytes.
    """

    name: str
    owner: OwnerKey
    held: Held
    address: int
    size: int

    @property
    def flash(self) -> int:
        """Bytes of flash."""
        return self.size if self.held.flash else 0

    @property
    def ram(self) -> int:
        """Bytes of RAM."""
        return self.size if self.held.ram else 0


class Symbols:
    """Functions and objects of an image by address; of several names for one thing, one.

    What has no size, such as a label in assembler code, only tells where something begins.
    """

    def __init__(self, image: Image) -> None:
        places: dict[int, tuple[int, str]] = {}
        for name, symbol in image.named:
            if symbol.kind != "number":
                known = places.get(symbol.address, (0, ""))
                sized = symbol.kind != "notype" and symbol.size
                places[symbol.address] = max(known, (symbol.size, name) if sized else (0, ""))
        self._starts = sorted(places)
        self._places = places

    def within(self, start: int, end: int) -> Iterator[tuple[int, int, str]]:
        """Cut a stretch up: address, size and symbol of each part; no name where none is.

        Args:
            start: first address.
            end: first address after it.
        """
        at = start
        for index in range(bisect_left(self._starts, start), len(self._starts)):
            address = self._starts[index]
            if address >= end:
                break
            size, name = self._places[address]
            first, last = max(at, address), min(end, address + size)
            if first > at:
                yield at, first - at, ""
                at = first
            if last > at:  # else it is inside of what came before, or has no size
                yield at, last - at, name
                at = last
        if at < end:
            yield at, end - at, ""


def footprint_of(
    held: Iterable[Held], portions: Iterable[Portion], most: int | None = MOST_SYMBOLS
) -> Footprint:
    """Sum up who owns what, the largest first.

    Args:
        held: sections of the image that count.
        portions: all bytes of them.
        most: how many symbols of each owner to name; None: all.
    """
    owned: dict[OwnerKey, list[Portion]] = defaultdict(list)
    for portion in portions:
        owned[portion.owner].append(portion)
    owners = [_owner(key, mine, most) for key, mine in owned.items()]
    return Footprint(
        sections=tuple(_section(one) for one in held),
        owners=tuple(sorted(owners, key=lambda o: (-o.flash_bytes - o.ram_bytes, o.group, o.name))),
    )


def _section(one: Held) -> SectionSize:
    size = one.section.size
    return SectionSize(
        name=escape(one.section.name),
        flash_bytes=size if one.flash else 0,
        ram_bytes=size if one.ram else 0,
    )


def _owner(key: OwnerKey, portions: Sequence[Portion], most: int | None) -> Owner:
    symbols: dict[str, tuple[int, int]] = {}
    for portion in portions:
        name = demangle(portion.name)
        flash, ram = symbols.get(name, (0, 0))
        symbols[name] = flash + portion.flash, ram + portion.ram
    ranked = sorted(symbols.items(), key=lambda item: (-sum(item[1]), item[0]))
    return Owner.model_validate(
        {
            "group": key.group,
            "name": escape(key.name),
            "operators": key.operators,
            "flash_bytes": sum(portion.flash for portion in portions),
            "ram_bytes": sum(portion.ram for portion in portions),
            "largest": [
                SymbolSize(name=escape(name), flash_bytes=flash, ram_bytes=ram)
                for name, (flash, ram) in ranked[:most]
            ],
        }
    )
