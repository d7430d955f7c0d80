"""Board descriptions: what memory a board really has, read from one YAML file a board.

A board is passive: it states facts, with their sources, and names those nobody has verified.
Nothing that is not stated gets a value: a fact that is needed has no default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from lab.cores import CORES
from lab.errors import Problem, UsageError
from lab.paths import data_dir
from lab.yaml_source import (
    Finding,
    Items,
    Place,
    Size,
    Source,
    StrictModel,
    Text,
    check_model,
    dotted,
    load_yaml,
    nearest,
    shown,
    size_field,
    split_hint,
    valid_items,
    word,
)

GRANULARITY = 1024  # the engine maps memory in pages of this size
ADDRESS_SPACE = 1 << 32
# Mailbox and log of the lab's firmware lie here, at the top of the external device area, where no
# vendor puts memory: the board's RAM holds only what a product would hold.
LAB_WINDOW = range(0xDFFF0000, 0xDFFF4000)
SYSTEM_BASE = 0xE0000000  # Armv7-M: from here on the core's own registers, never memory


def _bank_size(size: int) -> int:
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


def _clock(value: object) -> int:
    if type(value) is int:
        raise ValueError(f'needs a unit, got {value} (write "{value / 1e6:g} MHz")')
    match = re.fullmatch(r"([0-9]{1,10})(?:\.([0-9]{1,6}))? ?(Hz|kHz|MHz)", str(value)[:40])
    if not match:
        raise ValueError(f'must be a frequency, got {shown(value)} (write for example "64 MHz")')
    factor = {"Hz": 1, "kHz": 1000, "MHz": 1000**2}[match[3]]
    fraction: str = match[2] or ""
    hertz, rest = divmod(int(match[1] + fraction) * factor, int("1" + "0" * len(fraction)))
    if rest or not 0 < hertz < ADDRESS_SPACE:
        raise ValueError(f"must be a whole number of Hz below 4.29 GHz, got {shown(value)}")
    return hertz


def _core(value: str) -> str:
    if value not in CORES:
        raise ValueError(f"unknown core {shown(value)} ({nearest(value, CORES)})")
    return value


BankName = Annotated[str, word("[A-Za-z][A-Za-z0-9_]{0,31}", "letters, digits and _")]
BoardName = Annotated[str, word("[a-z][a-z0-9_-]{0,63}", "lower-case letters, digits, _ and -")]
ProfileName = Annotated[str, word("[a-z][a-z0-9-]{0,31}", "lower-case letters, digits and -")]
BankSize = Annotated[int, AfterValidator(_bank_size), BeforeValidator(size_field)]
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
    """

    data: bool
    code: bool | None = None
    dma: bool | None = None


class Console(StrictModel):
    """The serial port that firmware usually prints on.

    Attributes:
        name: peripheral name in the part's documents.
        address: base address of the peripheral.
        usb_bridge: it reaches the host through the board's own USB; None: not known.
        notes: pins, bridge, alternatives.
    """

    name: Text
    address: Address
    usb_bridge: bool | None = None
    notes: Text | None = None


class Reserve(StrictModel):
    """Memory that a boot loader, radio stack or core library usually takes away.

    Attributes:
        title: what takes it.
        ram: bytes of RAM.
        flash: bytes of flash.
        source: where the figures are stated.
        notes: where the memory lies, what makes it grow.
    """

    title: Text
    ram: Size
    flash: Size
    source: Text
    notes: Text | None = None


@dataclass(frozen=True)
class Run:
    """Adjoining RAM banks that data may use, as one piece.

    Attributes:
        base: first address.
        size: bytes.
        banks: names of the banks, in the order of their addresses.
        setup: what firmware must do before it can use this memory; empty: nothing.
    """

    base: int
    size: int
    banks: tuple[str, ...]
    setup: str = ""

    @property
    def end(self) -> int:
        """First address after the run."""
        return self.base + self.size


def _merged(banks: Iterable[Bank]) -> tuple[Run, ...]:
    """Adjoining banks, given in the order of their addresses, as runs; the largest first."""
    runs: list[Run] = []
    for bank in banks:
        last = runs[-1] if runs else None
        if last and last.end == bank.base:
            runs[-1] = Run(last.base, last.size + bank.size, (*last.banks, bank.name))
        else:
            runs.append(Run(bank.base, bank.size, (bank.name,)))
    return tuple(sorted(runs, key=lambda run: (-run.size, run.base)))


class BoardFile(StrictModel):
    """The keys of a board file; see docs/boards.md."""

    name: BoardName
    title: Text
    vendor: Text
    mcu: Text
    core: Annotated[str, AfterValidator(_core)]
    clock_hz: Annotated[int, BeforeValidator(_clock), Field(alias="clock")]
    flash: Annotated[tuple[FlashBank, ...], Items, Field(min_length=1)]
    ram: Annotated[tuple[RamBank, ...], Items, Field(min_length=1)]
    console: Console | None = None
    reserves: dict[ProfileName, Reserve] = Field(default_factory=dict)
    sources: Annotated[tuple[Text, ...], Items, Field(min_length=1)]
    unverified: Annotated[tuple[Text, ...], Items] = ()


class Board(BoardFile):
    """A board as the lab uses it.

    Attributes:
        what_if: the RAM sizes asked for in place of the real ones; empty for the real board.
    """

    what_if: tuple[str, ...] = ()

    @property
    def flash_total(self) -> int:
        """Bytes of all flash banks."""
        return sum(bank.size for bank in self.flash)

    @property
    def ram_total(self) -> int:
        """Bytes of all RAM banks that data may use."""
        return sum(run.size for run in self.runs())

    def runs(self) -> tuple[Run, ...]:
        """RAM for data, adjoining banks merged: the largest run first, then by address."""
        return _merged(self._data_banks())

    def flash_run(self) -> Run:
        """Flash for the image: the largest run of adjoining banks."""
        return _merged(sorted(self.flash, key=lambda bank: bank.base))[0]

    def flash_wait_states(self) -> int | None:
        """Most wait states in that run; None if no bank of it states any."""
        banks = self.flash_run().banks
        waits = [bank.wait_states for bank in self.flash if bank.name in banks]
        return max((w for w in waits if w is not None), default=None)

    def is_unverified(self, place: str) -> bool:
        """Whether a fact such as ``flash[0].wait_states``, or what it is part of, is unverified."""
        return any(re.match(re.escape(name) + r"([.\[]|$)", place) for name in self.unverified)

    def with_ram(self, overrides: Sequence[str]) -> Board:
        """The same board with other RAM sizes.

        Args:
            overrides: each ``BANK=SIZE``, or ``SIZE`` for the whole run of a board whose data
                RAM is one run: its last banks are cut or dropped, or the last one grown.

        Raises:
            UsageError: not a size, no such bank, several runs, or memory that cannot be.
        """
        board = self
        for override in overrides:
            try:
                board = board._resized(override.strip())
            except ValueError as error:
                problem = Problem(f"RAM size {shown(override)}", *split_hint(str(error)))
                raise UsageError(str(problem)) from None
        return board

    def _data_banks(self) -> list[RamBank]:
        return sorted((bank for bank in self.ram if bank.data), key=lambda bank: bank.base)

    def _resized(self, override: str) -> Board:
        name, separator, text = override.rpartition("=")
        size = _bank_size(size_field(text.strip(), bare=True))
        sizes = self._bank_sizes(name.strip(), size) if separator else self._run_sizes(size)
        kept = [index for index, bank in enumerate(self.ram) if sizes.get(bank.name, 1)]
        banks = [self.ram[index] for index in kept]
        ram = [bank.model_copy(update={"size": sizes.get(bank.name, bank.size)}) for bank in banks]
        for _, what in _layout(_placed("flash", self.flash), _placed("ram", ram)):
            raise ValueError(what)
        changes = {
            "ram": tuple(ram),
            "unverified": tuple(_renumbered(self.unverified, kept)),
            "what_if": (*self.what_if, override),
        }
        return self.model_copy(update=changes)

    def _bank_sizes(self, name: str, size: int) -> dict[str, int]:
        names = [bank.name for bank in self.ram]
        if name not in names:
            raise ValueError(f"no RAM bank {shown(name)} ({nearest(name, names)})")
        return {name: size}

    def _run_sizes(self, size: int) -> dict[str, int]:
        if len(runs := self.runs()) > 1:
            names = "; ".join("+".join(run.banks) for run in runs)
            raise ValueError(f"the RAM is not one run but {names} (name the bank: BANK=SIZE)")
        sizes: dict[str, int] = {}
        left = size
        for bank in self._data_banks():
            sizes[bank.name] = min(bank.size, left)
            left -= sizes[bank.name]
        sizes[bank.name] += left
        return sizes


def board_names() -> list[str]:
    """Names of the boards of the library, sorted."""
    return sorted(path.stem for path in data_dir("platforms").glob("*.yaml"))


def load_board(name_or_path: str) -> Board:
    """A board of the library by its name, or a board file.

    Args:
        name_or_path: whatever holds a slash or ends in ``.yaml`` or ``.yml`` is a file.

    Raises:
        UsageError: no board of that name.
        InputError: the file cannot be read or breaks the schema; every problem at once.
    """
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        return load_board_file(name_or_path)
    names = board_names()
    if name_or_path not in names:
        raise UsageError(
            str(Problem("", f"no board {shown(name_or_path)}", nearest(name_or_path, names)))
        )
    return load_board_file(str(data_dir("platforms") / f"{name_or_path}.yaml"))


def load_board_file(path: str) -> Board:
    """Read and validate one board file.

    Raises:
        InputError: the file cannot be read or breaks the schema; every problem at once.
    """
    source = load_yaml(path)
    record, findings = check_model(source, BoardFile)
    flash = list(valid_items(source, "flash", FlashBank))
    ram = list(valid_items(source, "ram", RamBank))
    findings += [source.finding(place, what) for place, what in _layout(flash, ram)]
    findings += _unknown_facts(source)
    if record is not None:
        findings += _whole_board(source, record)
    if record is None or findings:
        raise source.error(findings)
    return Board.model_construct(**dict(record))


_PlacedBank = tuple[Place, Bank]


def _placed(key: str, banks: Iterable[Bank]) -> list[_PlacedBank]:
    return [((key, index), bank) for index, bank in enumerate(banks)]


def _layout(
    flash: Sequence[_PlacedBank], ram: Sequence[_PlacedBank]
) -> Iterator[tuple[Place, str]]:
    """What cannot be about a set of banks: ends, names, overlaps."""
    names: dict[str, Place] = {}
    extents: list[tuple[int, int, Place, str]] = []
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


def _overlaps(extents: list[tuple[int, int, Place, str]]) -> Iterator[tuple[Place, str]]:
    reach, owner = 0, ""
    for base, end, place, name in sorted(extents, key=lambda extent: extent[0]):
        if base < reach:
            yield place, f"{name} at 0x{base:08X} overlaps {owner}, which ends at 0x{reach:08X}"
        if end > reach:
            reach, owner = end, name


def _unknown_facts(source: Source) -> Iterator[Finding]:
    facts = {dotted(place) for place in source.values if place[:1] != ("unverified",)}
    listed = source.data.get("unverified")
    for index, name in enumerate(listed if isinstance(listed, list) else []):
        if not isinstance(name, str) or name in facts:
            continue
        top = re.split(r"[.\[]", name)[0]
        if top in BoardFile.model_fields and top not in source.data:
            continue  # that the whole of it is missing has its own line
        place = ("unverified", index)
        yield source.finding(place, f"no fact {shown(name)} in this file", _near(name, facts))


def _near(name: str, facts: set[str]) -> str:
    hint = nearest(name, facts)
    return hint if hint.startswith("did") else "write for example flash[0].wait_states"


def _whole_board(source: Source, board: BoardFile) -> Iterator[Finding]:
    if not any(bank.data for bank in board.ram):
        yield source.finding(("ram",), "no bank has data: true, so no program could run")
    limits = {
        "ram": sum(bank.size for bank in board.ram if bank.data),
        "flash": sum(bank.size for bank in board.flash),
    }
    for name, reserve in board.reserves.items():
        for key, taken in (("ram", reserve.ram), ("flash", reserve.flash)):
            if taken > limits[key]:
                what = f"takes {taken:,} B, the board has {limits[key]:,} B"
                yield source.finding(("reserves", name, key), what)
    library = data_dir("platforms").resolve()
    path = Path(source.path).resolve()
    if path.parent == library and path.stem != board.name:
        yield source.finding(("name",), f'must be the name of the file, "{path.stem}"')


def _renumbered(names: Iterable[str], kept: list[int]) -> Iterator[str]:
    """Names of facts after some RAM banks were dropped."""
    for name in names:
        match = re.fullmatch(r"ram\[([0-9]+)\](.*)", name)
        if not match:
            yield name
        elif int(match[1]) in kept:
            yield f"ram[{kept.index(int(match[1]))}]{match[2]}"
