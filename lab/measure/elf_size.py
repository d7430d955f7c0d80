"""Flash and static RAM by owner, of an image that somebody else built.

Nothing is known of it but what its symbols and debug information say. What they do not tell is
shown as what it is: the application's, by source file, or bytes without a symbol. Untrusted.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from lab.banks import LAB_WINDOW, Bank
from lab.board import Board
from lab.details import Footprint
from lab.elf import Image, Section
from lab.errors import InputError, Problem, escape
from lab.measure.code_names import owner_by_name, owner_by_path
from lab.measure.footprint import PADDING, Held, OwnerKey, Portion, Symbols, footprint_of

_MODEL = OwnerKey("model", "model data")
_MARK = slice(4, 8), b"TFL3"  # file identifier of the model's flatbuffer
_UNTOLD = OwnerKey("application", "source not known")
_NOTHING = OwnerKey("application", "unknown, no symbols")
_LITERALS = OwnerKey("application", "string literals")
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\t\n\r"
_SHORTEST_TEXT = 4
_FILL = re.compile(rb"(\0|\xff)*|(\0\xbf|\xc0\x46)*")  # zeros, ones, Thumb's no-operations
_ALIGNMENT = 16  # a gap as large as this is no alignment any more
_WRITE = 1  # SHF_WRITE
_THREAD_LOCAL = 1 << 10  # SHF_TLS
_MOST_WORK = 20_000_000  # parts times symbols; a large image has 60 sections and 50,000 symbols


@dataclass(frozen=True)
class Use:
    """A bank of the board and how much of it sections take, in bytes."""

    bank: Bank
    used: int


def elf_footprint(image: Image, board: Board | None = None, most: int | None = None) -> Footprint:
    """Who owns flash and static RAM of an image.

    Args:
        image: any firmware.
        board: tells which addresses are flash and which are RAM; None: contents are in flash, what
            can be written is in RAM.
        most: how many symbols of each owner to name; None: all.

    Raises:
        InputError: it has more sections, segments and symbols than firmware can have, or sections
            that overlap.
    """
    held = held_on(image, board)
    segments, symbols = len(image.segments), len(image.named)
    if (len(held) + segments) * symbols > _MOST_WORK:
        what = f"{len(held):,} sections, {segments:,} segments and {symbols:,} symbols"
        raise InputError(Problem(image.name, f"{what}: that is no firmware"))
    return footprint_of(held, _Portions(image).of(held), most)


def held_on(image: Image, board: Board | None) -> list[Held]:
    """Sections that take memory, and which; the lab's own window counts for nothing.

    Raises:
        InputError: two sections lie in one place: their bytes would count twice.
    """
    sections = [
        section
        for section in image.sections
        if section.is_allocated and section.address not in LAB_WINDOW and not _is_template(section)
    ]
    _refuse_overlaps(image, sections, lambda section: section.address)
    _refuse_overlaps(image, sections, lambda section: section.load)
    return [Held(section, *_memories(section, board)) for section in sections]


def _is_template(section: Section) -> bool:
    """Whether it is .tbss: it says what each thread needs, and takes nothing where it lies."""
    return bool(section.flags & _THREAD_LOCAL) and section.load is None


def _refuse_overlaps(
    image: Image, sections: Iterable[Section], place: Callable[[Section], int | None]
) -> None:
    places = sorted((at, s.size, s.name) for s in sections if (at := place(s)) is not None)
    for (at, size, name), (behind, _, other) in pairwise(places):
        if at + size > behind:
            what = f"sections {escape(name)} and {escape(other)} overlap at 0x{behind:08x}"
            raise InputError(Problem(image.name, what, "sizes of overlays cannot be told"))


def _memories(section: Section, board: Board | None) -> tuple[bool, bool]:
    """Whether a section takes flash, and RAM."""
    address, load = section.address, section.load
    flash, ram = (board.flash, board.ram) if board else ((), ())
    in_flash = load is not None and not _lies_in(ram, load)
    if _lies_in(ram, address):
        return in_flash, True
    written = bool(section.flags & _WRITE) or load not in (None, address)
    return in_flash, written and not _lies_in(flash, address)


def _lies_in(banks: Iterable[Bank], address: int) -> bool:
    return any(_overlap(bank, address, 1) for bank in banks)


@dataclass(frozen=True)
class Stray:
    """A section that starts at an address and has bytes that are in no bank."""

    section: Section
    address: int
    outside: int


def bank_use(held: list[Held], board: Board) -> tuple[list[Use], list[Stray]]:
    """What sections take of each bank, flash first; and what lies in none.

    Args:
        held: sections of an image.
        board: the banks.
    """
    banks = (*board.flash, *board.ram)
    places = [(one.section, start) for one in held for start in _starts(one.section)]
    use = [Use(bank, sum(_overlap(bank, start, section.size) for section, start in places))
           for bank in banks]  # fmt: skip
    strays = [
        Stray(s, start, s.size - sum(_overlap(bank, start, s.size) for bank in banks))
        for s, start in places
    ]
    return use, [stray for stray in strays if stray.outside > 0]


def _starts(section: Section) -> tuple[int, ...]:
    """Where a section lies: in the program's eyes, and where its contents are loaded."""
    if section.load in (None, section.address):
        return (section.address,)
    return section.address, section.load


def _overlap(bank: Bank, start: int, size: int) -> int:
    """Bytes of a stretch that lie in a bank, wherever it appears."""
    return sum(
        max(0, min(base + bank.size, start + size) - max(base, start))
        for base in (bank.base, *bank.aliases)
    )


class _Portions:
    """Cuts an image up by its symbols."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._segments = sorted(image.segments, key=lambda segment: segment.address)

    def of(self, held: list[Held]) -> Iterator[Portion]:
        """Every byte of these sections, once."""
        symbols = Symbols(self.image)
        for one in held:
            start = one.section.address
            for address, size, name in symbols.within(start, start + one.section.size):
                if name:
                    yield Portion(name, self._owner(one, address, name), one, address, size)
                else:
                    yield from self._unnamed(one, address, size)

    def _unnamed(self, held: Held, address: int, size: int) -> Iterator[Portion]:
        """What no symbol covers: alignment, a model, text, and what nothing is known of."""
        data = self._contents(held.section, address, size)
        if size < _ALIGNMENT and _FILL.fullmatch(data):
            yield Portion(PADDING.name, PADDING, held, address, size)
            return
        if not self.image.named:
            yield Portion(f"in {held.section.name}", _NOTHING, held, address, size)
            return
        if _is_model(data):  # a file that was made an object, or .incbin
            yield Portion(f"up to the next symbol, in {held.section.name}", _MODEL, held, address,
                          size)  # fmt: skip
            return
        text = _text_bytes(data)
        for owner, part in (
            (_LITERALS, text),
            (OwnerKey("application", f"no symbol, in {held.section.name}"), size - text),
        ):
            if part:
                yield Portion(f"in {held.section.name}", owner, held, address, part)

    def _owner(self, held: Held, address: int, name: str) -> OwnerKey:
        if _is_model(self._contents(held.section, address, _MARK[0].stop)):
            return _MODEL
        path = self.image.source_at(address)
        if path is None:
            return owner_by_name(name) or _UNTOLD
        return owner_by_path(path) or OwnerKey("application", path)

    def _contents(self, section: Section, address: int, size: int) -> bytes:
        """Bytes of a section as the file has them; fewer or none where it has less."""
        if section.load is None:
            return b""
        start = address - section.address + section.load
        index = bisect_right(self._segments, start, key=lambda segment: segment.address) - 1
        if index < 0:
            return b""
        segment = self._segments[index]
        first = start - segment.address
        return segment.data[first : first + size]


def _is_model(data: bytes) -> bool:
    place, mark = _MARK
    return data[place] == mark


def _text_bytes(data: bytes) -> int:
    """How many bytes are texts that end in zero, with the zeros that align what is behind them."""
    count = text = zeros = 0
    for piece in data.split(b"\0")[:-1]:
        if piece:
            text, zeros = len(piece) - len(piece.rstrip(_PRINTABLE)), 0
        zeros += 1
        if text >= _SHORTEST_TEXT and zeros <= _ALIGNMENT:  # its own, and less than an alignment
            count += (text if piece else 0) + 1
    return count
