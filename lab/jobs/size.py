"""Sizes of firmware images, and what changed between two images or records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.board import Board, load_board
from lab.details import Footprint, Owner
from lab.elf import Image, read_elf
from lab.errors import InputError, Problem, escape
from lab.files import read_input
from lab.jobs.records import read_record
from lab.measure.elf_size import Use, bank_use, elf_footprint, held_on
from lab.measure.footprint import MOST_SYMBOLS
from lab.size_records import BankUse, Change, ElfSize, Firmware, Outside, Side, SizeDiff

_ELF = b"\x7fELF"
_MAX_BYTES = 1 << 29  # of an image; with debug information some have 100 MB


def is_elf(path: str | Path) -> bool:
    """Whether a file is an ELF file; False also for what is no file."""
    try:
        if not Path(path).is_file():  # reading a pipe would wait
            return False
        with Path(path).open("rb") as file:
            return file.read(len(_ELF)) == _ELF
    except (OSError, ValueError):
        return False


def elf_size(path: str | Path, board: str | Path) -> ElfSize:
    """Flash and static RAM of a firmware image, by owner, and whether it lies in a board's banks.

    Args:
        path: the ELF file.
        board: name of a board, or path of a board file.

    Raises:
        InputError: a file is damaged.
        UsageError: there is no such board.
    """
    where = load_board(str(board))
    image, firmware = _read_firmware(path)
    held = held_on(image, where)
    use, strays = bank_use(held, where)
    return ElfSize(
        firmware=firmware,
        board=where.name,
        core=where.core,
        fits=not strays,
        banks=tuple(_bank(one, where) for one in use),
        outside=tuple(
            Outside(
                section=escape(stray.section.name),
                address=stray.address,
                outside_bytes=stray.outside,
            )
            for stray in strays
        ),
        footprint=elf_footprint(image, where, MOST_SYMBOLS),
    )


def _bank(use: Use, board: Board) -> BankUse:
    return BankUse(
        memory="flash" if use.bank in board.flash else "ram",
        name=use.bank.name,
        base=use.bank.base,
        size_bytes=use.bank.size,
        used_bytes=use.used,
    )


def _read_firmware(path: str | Path) -> tuple[Image, Firmware]:
    name = escape(Path(path).name)
    data = read_input(path, _MAX_BYTES)
    image = read_elf(data, name)
    return image, Firmware(
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        symbols=len(image.named),
        debug=any(section.name == ".debug_info" for section in image.sections),
        compilers=tuple(map(escape, image.compilers)),
    )


@dataclass(frozen=True)
class _Footed:
    """One of two footprints that are compared; ``facts`` by what people call them."""

    side: Side
    footprint: Footprint
    facts: dict[str, str]


def size_diff(before: str | Path, after: str | Path) -> SizeDiff:
    """What changed in flash and static RAM, owner by owner and symbol by symbol.

    Args:
        before: a record with details, or a firmware image.
        after: likewise.

    Raises:
        InputError: a file is damaged, or a record without details.
    """
    one, other = _footed(before), _footed(after)
    old, new = _owners(one.footprint), _owners(other.footprint)
    changes = [_changes(key, old.get(key), new.get(key)) for key in {**old, **new}]
    return SizeDiff(
        before=one.side,
        after=other.side,
        notes=tuple(
            f"{what} differs: {one.facts[what]}; {other.facts[what]}"
            for what in one.facts
            if one.facts[what] != other.facts.get(what, one.facts[what])
        ),
        owners=_ranked(whole for whole, _ in changes),
        symbols=_ranked(symbol for _, symbols in changes for symbol in symbols),
    )


def _footed(path: str | Path) -> _Footed:
    if is_elf(path):
        image, firmware = _read_firmware(path)
        found = elf_footprint(image)
        facts = {
            "compiler": " and ".join(firmware.compilers) or "not told",
            "how owners were found": "by symbols and debug information",
        }
        return _Footed(_side(firmware.name, "image", firmware.sha256, firmware.compilers, found),
                       found, facts)  # fmt: skip
    result = read_record(path)
    if result.details is None or result.details.footprint is None or result.build is None:
        hint = "make it again: lab size MODEL --board B --json FILE"
        raise InputError(Problem(escape(str(path)), "tells no owners of flash and RAM", hint))
    found, build = result.details.footprint, result.build
    facts = {
        "compiler": f"{build.compiler}, {build.libc}",
        "how owners were found": "by the linker's map",
        "core": result.board.core,
        "optimisation": f"-{build.opt}",
        "runtime": result.runtime.name,
    }
    side = _side(result.model.name, "record", result.model.sha256, (build.compiler,), found)
    return _Footed(side, found, facts)


def _side(
    name: str, kind: Literal["record", "image"], sha256: str, compilers: tuple[str, ...],
    footprint: Footprint,
) -> Side:  # fmt: skip
    return Side(
        name=name,
        kind=kind,
        sha256=sha256,
        compilers=compilers,
        flash_bytes=sum(owner.flash_bytes for owner in footprint.owners),
        ram_bytes=sum(owner.ram_bytes for owner in footprint.owners),
    )


_Key = tuple[str, str]
_Sizes = tuple[int, int]  # bytes of flash and RAM


def _owners(footprint: Footprint) -> dict[_Key, Owner]:
    return {(owner.group, owner.name): owner for owner in footprint.owners}


class _Told:
    """What one side tells of an owner: the sizes of the whole, and of some symbols or all."""

    def __init__(self, owner: Owner | None) -> None:
        self.whole = (owner.flash_bytes, owner.ram_bytes) if owner else (0, 0)
        listed = owner.largest if owner else ()
        self.symbols = {s.name: (s.flash_bytes, s.ram_bytes) for s in listed}
        self._all = self.sum(self.symbols) == self.whole

    def knows(self, symbol: str) -> bool:
        """Whether its size is known; none at all where every symbol is told and it is not."""
        return self._all or symbol in self.symbols

    def sum(self, symbols: Iterable[str]) -> _Sizes:
        """Sizes of symbols together."""
        sizes = [self.symbols.get(symbol, (0, 0)) for symbol in symbols]
        return sum(flash for flash, _ in sizes), sum(ram for _, ram in sizes)

    def rest(self, symbols: Iterable[str]) -> _Sizes:
        """Sizes of all but these."""
        flash, ram = self.sum(symbols)
        return self.whole[0] - flash, self.whole[1] - ram


def _changes(key: _Key, one: Owner | None, other: Owner | None) -> tuple[Change, list[Change]]:
    """Change of an owner; and of each symbol of it that both sides know, and of the rest."""
    before, after = _Told(one), _Told(other)
    named = dict.fromkeys([*before.symbols, *after.symbols])
    known = [symbol for symbol in named if before.knows(symbol) and after.knows(symbol)]
    rest = _change(key, None, before.rest(known), after.rest(known))
    parts = [_change(key, s, before.sum([s]), after.sum([s])) for s in known]
    return _change(key, None, before.whole, after.whole), [*parts, rest]


def _change(key: _Key, symbol: str | None, before: _Sizes, after: _Sizes) -> Change:
    return Change(
        group=key[0],
        owner=key[1],
        symbol=symbol,
        flash_before_bytes=before[0],
        flash_after_bytes=after[0],
        ram_before_bytes=before[1],
        ram_after_bytes=after[1],
    )


def _ranked(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Those that are changes, the largest first."""
    real = [change for change in changes if change.flash or change.ram]
    return tuple(
        sorted(real, key=lambda c: (-abs(c.flash) - abs(c.ram), c.group, c.owner, c.symbol or ""))
    )
