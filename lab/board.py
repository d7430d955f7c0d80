"""Board descriptions: what memory a board really has, read from one YAML file a board.

A board is passive: it states facts, with their sources, and names those nobody has verified.
Nothing that is not stated gets a value: a fact that is needed has no default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from lab.banks import (
    ADDRESS_SPACE,
    FLASH_ALIGNMENT,
    GRANULARITY,
    LAB_WINDOW,
    RAM_ALIGNMENT,
    SYSTEM_BASE,
    Address,
    Area,
    Bank,
    FlashBank,
    RamBank,
    Run,
    area_problems,
    bank_size,
    free_runs,
    joined,
    layout_problems,
    placed,
    stretches,
)
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

__all__ = [
    "GRANULARITY", "LAB_WINDOW", "SYSTEM_BASE", "Area", "Bank", "Board", "BoardFile", "Console",
    "FlashBank", "RamBank", "Reserve", "Run", "board_names", "load_board", "load_board_file",
]  # fmt: skip


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


BoardName = Annotated[str, word("[a-z][a-z0-9_-]{0,63}", "lower-case letters, digits, _ and -")]
ProfileName = Annotated[str, word("[a-z][a-z0-9-]{0,31}", "lower-case letters, digits and -")]


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


class BoardFile(StrictModel):
    """The keys of a board file; see docs/boards.md."""

    name: BoardName
    title: Text
    vendor: Text
    mcu: Text
    core: Annotated[str, AfterValidator(_core)]
    clock_hz: Annotated[int, BeforeValidator(_clock), Field(alias="clock")]
    notes: Text | None = None
    flash: Annotated[tuple[FlashBank, ...], Items, Field(min_length=1)]
    ram: Annotated[tuple[RamBank, ...], Items, Field(min_length=1)]
    reserved: Annotated[tuple[Area, ...], Items] = ()
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
        """Bytes of all RAM that data may use."""
        return sum(run.size for run in self.runs())

    def runs(self) -> tuple[Run, ...]:
        """RAM for data, adjoining banks joined: the largest run first, then by address."""
        return _data_runs(self)

    def stretches(self) -> tuple[Run, ...]:
        """The same runs, and the parts of each that need less set-up; the largest first."""
        data = (bank for bank in self.ram if bank.data)
        return stretches(data, self.reserved, RAM_ALIGNMENT)

    def flash_run(self) -> Run:
        """Flash for the image: the largest free stretch of adjoining banks."""
        return _image_runs(self)[0]

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

    def _resized(self, override: str) -> Board:
        name, separator, text = override.rpartition("=")
        size = bank_size(size_field(text.strip(), bare=True))
        sizes = self._bank_sizes(name.strip(), size) if separator else self._run_sizes(size)
        kept = [index for index, bank in enumerate(self.ram) if sizes.get(bank.name, 1)]
        banks = [self.ram[index] for index in kept]
        ram = [bank.model_copy(update={"size": sizes.get(bank.name, bank.size)}) for bank in banks]
        areas = [self._moved(area, sizes) for area in self.reserved]
        still = [index for index, area in enumerate(areas) if area]
        facts = _renumbered(_renumbered(self.unverified, "ram", kept), "reserved", still)
        changes = {
            "ram": tuple(ram),
            "reserved": tuple(area for area in areas if area),
            "unverified": tuple(facts),
            "what_if": (*self.what_if, override),
        }
        board = self.model_copy(update=changes)
        banks_now = layout_problems(placed("flash", board.flash), placed("ram", board.ram))
        areas_now = area_problems(board.reserved, (*board.flash, *board.ram))
        for _, what in (*banks_now, *areas_now, *_nothing_left(board)):
            raise ValueError(what)
        return board

    def _moved(self, area: Area, sizes: dict[str, int]) -> Area | None:
        """A reserved area where a bank has another size: one at the end of it stays at the end."""
        home = next((b for b in self.ram if b.base <= area.base < b.end and b.name in sizes), None)
        if home is None or sizes[home.name] == home.size:
            return area
        if not sizes[home.name]:
            return None
        grown = sizes[home.name] - home.size if area.end == home.end else 0
        return area.model_copy(update={"base": area.base + grown})

    def _bank_sizes(self, name: str, size: int) -> dict[str, int]:
        names = [bank.name for bank in self.ram]
        if name not in names:
            raise ValueError(f"no RAM bank {shown(name)} ({nearest(name, names)})")
        return {name: size}

    def _run_sizes(self, size: int) -> dict[str, int]:
        groups = joined(bank for bank in self.ram if bank.data)
        if len(groups) > 1:
            names = "; ".join("+".join(bank.name for bank in group) for group in groups)
            raise ValueError(f"the RAM is not one run but {names} (name the bank: BANK=SIZE)")
        sizes: dict[str, int] = {}
        left = size
        for bank in groups[0]:
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
        name_or_path: see ``is_board_file``.

    Raises:
        UsageError: no board of that name.
        InputError: the file cannot be read or breaks the schema; every problem at once.
    """
    return load_board_file(board_path(name_or_path))


def board_path(name_or_path: str) -> str:
    """The file of a board; of a board file, itself.

    Raises:
        UsageError: no board of that name.
    """
    if is_board_file(name_or_path):
        return name_or_path
    names = board_names()
    if name_or_path not in names:
        hint = nearest(name_or_path.lower(), names)
        hint = hint if hint.startswith("did") else "lab boards lists them"
        raise UsageError(str(Problem("", f"no board {shown(name_or_path)}", hint)))
    return str(data_dir("platforms") / f"{name_or_path}.yaml")


def is_board_file(name_or_path: str) -> bool:
    """Whether this is a file, and no name: whatever holds a slash or ends in .yaml or .yml."""
    return "/" in name_or_path or name_or_path.endswith((".yaml", ".yml"))


def load_board_file(path: str) -> Board:
    """Read and validate one board file.

    Raises:
        InputError: the file cannot be read or breaks the schema; every problem at once.
    """
    source = load_yaml(path)
    record, findings = check_model(source, BoardFile)
    flash = list(valid_items(source, "flash", FlashBank))
    ram = list(valid_items(source, "ram", RamBank))
    findings += [source.finding(place, what) for place, what in layout_problems(flash, ram)]
    findings += _unknown_facts(source)
    if record is not None:
        findings += _whole_board(source, record)
    if record is None or findings:
        raise source.error(findings)
    return Board.model_construct(**dict(record))


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


def _data_runs(board: BoardFile) -> tuple[Run, ...]:
    return free_runs((bank for bank in board.ram if bank.data), board.reserved, RAM_ALIGNMENT)


def _image_runs(board: BoardFile) -> tuple[Run, ...]:
    return free_runs(board.flash, board.reserved, FLASH_ALIGNMENT)


def _nothing_left(board: BoardFile) -> Iterator[tuple[Place, str]]:
    if any(bank.data for bank in board.ram) and not _data_runs(board):
        yield ("reserved",), "leaves no RAM for data"
    if not _image_runs(board):
        yield ("reserved",), "leaves no flash for an image"


def _whole_board(source: Source, board: BoardFile) -> Iterator[Finding]:
    for place, what in area_problems(board.reserved, (*board.flash, *board.ram)):
        yield source.finding(place, what)
    if not any(bank.data for bank in board.ram):
        yield source.finding(("ram",), "no bank has data: true, so no program could run")
    for place, what in (*_nothing_left(board), *_unjoined(board)):
        yield source.finding(place, what)
    limits = {
        "ram": sum(run.size for run in _data_runs(board)),
        "flash": sum(run.size for run in _image_runs(board)),
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


def _unjoined(board: BoardFile) -> Iterator[tuple[Place, str]]:
    ends = {bank.end for bank in board.ram}
    for index, bank in enumerate(board.ram):
        if not bank.joins and bank.base not in ends:
            what = f"no bank ends at 0x{bank.base:08X}, so there is none to join"
            yield ("ram", index, "joins"), what


def _renumbered(names: Iterable[str], key: str, kept: list[int]) -> Iterator[str]:
    """Names of facts after some entries of a list were dropped."""
    for name in names:
        match = re.fullmatch(rf"{key}\[([0-9]+)\](.*)", name)
        if not match:
            yield name
        elif int(match[1]) in kept:
            yield f"{key}[{kept.index(int(match[1]))}]{match[2]}"
