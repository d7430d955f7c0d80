"""Memory banks of a board: what they are, what cannot be, and the stretches free for use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from lab.yaml_source import (
    Items,
    Place,
    StrictModel,
    Text,
    dotted,
    shown,
    size_field,
    word,
)

GRANULARITY = 1024  # the engine maps memory in pages of this size
ADDRESS_SPACE = 1 << 32
# Mailbox and log of the lab's firmware lie here, at the top of the external device area, where no
# vendor puts memory: the board's RAM holds only what a product would hold.
LAB_WINDOW = range(0xDFFF0000, 0xDFFF4000)
SYSTEM_BASE = 0xE0000000  # Armv7-M: from here on the core's own registers, never memory
# Where free memory starts behind a reserved area. RAM: at a step of arenas, which suits any object.
# Flash: the vector table comes first, on a multiple of its size rounded up to a power of two; 256 B
# are room for 64 vectors: a Cortex-M0+ has at most 48, the lab's image 16.
RAM_ALIGNMENT = 16
FLASH_ALIGNMENT = 256
AREA_STEP = 4  # reserved areas come in whole words


def bank_size(size: int) -> int:
    """Field validator: a size that the engine can map."""
    if size == 0:
        raise ValueError("must not be zero")
    if size % GRANULARITY:
        below = size // GRANULARITY
        nearby = " or ".join(f"{count} KiB" for count in (below, below + 1) if count)
        raise ValueError(f"must be a multiple of 1 KiB, got {size:,} B (write {nearby})")
    return size


def _aligned(address: int) -> int:
    if address % GRANULARITY:
        raise ValueError(f"must be a multiple of 0x400 (1 KiB), got 0x{address:08X}")
    return address


def _address(value: object) -> int:
    if isinstance(value, str) and re.fullmatch("0[xX][0-9a-fA-F]+", value):
        if len(value) > len("0x12345678"):
            raise ValueError(f"is beyond a 32-bit address space, got {shown(value)}")
        return int(value, 16)
    example = hex(value) if type(value) is int and 0 <= value < ADDRESS_SPACE else "0x20000000"
    raise ValueError(f"must be a hexadecimal address, got {shown(value)} (write {example})")


def _area_size(size: int) -> int:
    if size == 0:
        raise ValueError("must not be zero")
    if size % AREA_STEP:
        below = size // AREA_STEP * AREA_STEP
        nearby = " or ".join(f"{near} B" for near in (below, below + AREA_STEP) if near)
        raise ValueError(f"must be a multiple of {AREA_STEP} B, got {size:,} B (write {nearby})")
    return size


def _word_aligned(address: int) -> int:
    if address % AREA_STEP:
        raise ValueError(f"must be a multiple of {AREA_STEP}, got 0x{address:08X}")
    return address


BankName = Annotated[str, word("[A-Za-z][A-Za-z0-9_]{0,31}", "letters, digits and _")]
BankSize = Annotated[int, AfterValidator(bank_size), BeforeValidator(size_field)]
Address = Annotated[int, BeforeValidator(_address)]
Base = Annotated[int, AfterValidator(_aligned), BeforeValidator(_address)]


class Bank(StrictModel):
    """Memory that exists, all of one kind.

    Attributes:
        name: name in the part's documents, as an identifier: ``SRAM1``, ``AXI_SRAM``.
        base: first address.
        size: bytes, a multiple of 1 KiB.
        aliases: other addresses at which the same cells appear.
        notes: what else matters.
    """

    name: BankName
    base: Base
    size: BankSize
    aliases: Annotated[tuple[Base, ...], Items] = ()
    notes: Text | None = None

    @property
    def end(self) -> int:
        """First address after the bank."""
        return self.base + self.size


class FlashBank(Bank):
    """Memory that holds the program.

    Attributes:
        wait_states: of an access that no cache hides, at the board's clock; None: not known.
        cache: what hides wait states; None: not known.
    """

    wait_states: Annotated[int, Field(ge=0, le=64)] | None = None
    cache: Text | None = None


class RamBank(Bank):
    """Memory that can be written.

    Attributes:
        data: data, heap and stack may live here.
        code: instructions can be fetched from here; None: not known.
        dma: the ordinary DMA controller reaches it; None: not known.
        setup: what firmware must do before it can be used; None: it is there after reset.
        joins: one object may lie across the border to the bank that ends where this one starts.
    """

    data: bool
    code: bool | None = None
    dma: bool | None = None
    setup: Text | None = None
    joins: bool = True


class Area(StrictModel):
    """A part of a bank that is never the application's, whatever firmware runs.

    Attributes:
        name: for people, as an identifier: ``BOOT2``.
        base: first address, a multiple of 4.
        size: bytes, a multiple of 4.
        what: what lies there.
        source: where that is stated.
    """

    name: BankName
    base: Annotated[int, AfterValidator(_word_aligned), BeforeValidator(_address)]
    size: Annotated[int, AfterValidator(_area_size), BeforeValidator(size_field)]
    what: Text
    source: Text

    @property
    def end(self) -> int:
        """First address after the area."""
        return self.base + self.size


@dataclass(frozen=True)
class Run:
    """A free stretch of adjoining banks, as one piece.

    Attributes:
        base: first address.
        size: bytes.
        banks: names of the banks, in the order of their addresses.
        setup: for each of them that firmware must set up first, its name and what to do.
    """

    base: int
    size: int
    banks: tuple[str, ...]
    setup: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """First address after the run."""
        return self.base + self.size

    @property
    def needs_setup(self) -> bool:
        """Whether some of it is off after reset."""
        return bool(self.setup)


def free_runs(banks: Iterable[Bank], areas: Iterable[Area], alignment: int) -> tuple[Run, ...]:
    """What is left of banks between reserved areas: the largest run first, then by address.

    Args:
        banks: without overlaps, in any order; adjoining ones become one run if they join.
        areas: each inside one bank; without overlaps.
        alignment: each run starts at a multiple of it.
    """
    runs: list[Run] = []
    for group in joined(banks):
        start, stop = group[0].base, group[-1].end
        inside = sorted((a.base, a.end) for a in areas if start <= a.base < stop)
        for base, end in [*inside, (stop, stop)]:
            start = -(-start // alignment) * alignment
            if start < base:
                runs.append(_run(group, start, base))
            start = end
    return tuple(sorted(runs, key=lambda run: (-run.size, run.base)))


def stretches(banks: Iterable[Bank], areas: Iterable[Area], alignment: int) -> tuple[Run, ...]:
    """Every run, and every part of one that needs less set-up: what can be used as one piece.

    Args:
        banks: as for ``free_runs``.
        areas: likewise.
        alignment: likewise.

    Returns:
        The largest first, then by address.
    """
    banks = list(banks)
    found = []
    for run in free_runs(banks, areas, alignment):
        group = next(g for g in joined(banks) if g[0].base <= run.base < g[-1].end)
        borders = [b.base for a, b in pairwise(group) if _setup(a) or _setup(b)]
        edges = [run.base, *(edge for edge in borders if run.base < edge < run.end), run.end]
        found += [_run(group, start, end) for start, end in combinations(edges, 2)]
    return tuple(sorted(found, key=lambda run: (-run.size, run.base)))


def joined(banks: Iterable[Bank]) -> list[list[Bank]]:
    """Banks in the order of their addresses, those that make one piece together."""
    groups: list[list[Bank]] = []
    for bank in sorted(banks, key=lambda bank: bank.base):
        joins = not isinstance(bank, RamBank) or bank.joins
        if groups and groups[-1][-1].end == bank.base and joins:
            groups[-1].append(bank)
        else:
            groups.append([bank])
    return groups


def _run(group: Iterable[Bank], start: int, end: int) -> Run:
    banks = [bank for bank in group if bank.base < end and start < bank.end]
    setup = tuple(f"{bank.name}: {_setup(bank)}" for bank in banks if _setup(bank))
    return Run(start, end - start, tuple(bank.name for bank in banks), setup)


def _setup(bank: Bank) -> str:
    return (isinstance(bank, RamBank) and bank.setup) or ""


PlacedBank = tuple[Place, Bank]
_Extent = tuple[int, int, Place, str]


def placed(key: str, banks: Iterable[Bank]) -> list[PlacedBank]:
    """Banks of a list of a board file, each with its place."""
    return [((key, index), bank) for index, bank in enumerate(banks)]


def layout_problems(
    flash: Sequence[PlacedBank], ram: Sequence[PlacedBank]
) -> Iterator[tuple[Place, str]]:
    """What cannot be about a set of banks: ends, names, overlaps."""
    names: dict[str, Place] = {}
    extents: list[_Extent] = []
    for place, bank in (*flash, *ram):
        if bank.name in names:
            first = dotted(names[bank.name])
            yield (*place, "name"), f"{bank.name} is already the name of {first}"
        names.setdefault(bank.name, place)
        where = [(bank.base, (*place, "base"))]
        where += [(base, (*place, "aliases", i)) for i, base in enumerate(bank.aliases)]
        for base, spot in where:
            end = base + bank.size
            if end > ADDRESS_SPACE:
                yield spot, f"{bank.name} ends at 0x{end:X}, beyond a 32-bit address space"
            elif end > SYSTEM_BASE:
                yield spot, f"{bank.name} reaches the core's registers at 0x{SYSTEM_BASE:X}"
            elif base < LAB_WINDOW.stop and end > LAB_WINDOW.start:
                yield spot, f"{bank.name} overlaps the lab's own window at 0x{LAB_WINDOW.start:X}"
            extents.append((base, end, spot, bank.name))
    yield from _overlaps(extents)


def area_problems(areas: Sequence[Area], banks: Sequence[Bank]) -> Iterator[tuple[Place, str]]:
    """What cannot be about reserved areas: names, overlaps, outside of the banks."""
    names: dict[str, Place] = {}
    extents: list[_Extent] = []
    for index, area in enumerate(areas):
        place: Place = ("reserved", index)
        if area.name in names:
            yield (*place, "name"), f"{area.name} is already the name of {dotted(names[area.name])}"
        names.setdefault(area.name, place)
        extents.append((area.base, area.end, (*place, "base"), area.name))
        home = next((bank for bank in banks if bank.base <= area.base < bank.end), None)
        if home is None:
            yield (*place, "base"), f"{area.name} at 0x{area.base:08X} lies in no bank"
        elif area.end > home.end:
            beyond = f"beyond {home.name}, which ends at 0x{home.end:08X}"
            yield (*place, "size"), f"{area.name} ends at 0x{area.end:08X}, {beyond}"
    yield from _overlaps(extents)


def _overlaps(extents: list[_Extent]) -> Iterator[tuple[Place, str]]:
    reach, owner = 0, ""
    for base, end, place, name in sorted(extents, key=lambda extent: extent[0]):
        if base < reach:
            yield place, f"{name} at 0x{base:08X} overlaps {owner}, which ends at 0x{reach:08X}"
        if end > reach:
            reach, owner = end, name
