"""Write the files with which Renode runs a firmware on a board, for use by hand."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.board import Area, Bank, Board, RamBank, load_board
from lab.cores import CORES
from lab.elf import Image, read_elf
from lab.engines.base import Region
from lab.engines.renode import monitor
from lab.engines.renode.platform import CONSOLE, Platform, memory_repl, repl
from lab.engines.renode.script import LabRun, Script, resc
from lab.engines.renode.uarts import Uart, console_uart
from lab.engines.renode.versions import Generation
from lab.errors import InputError, Problem, escape
from lab.files import read_input, unwritable, write_whole
from lab.jobs.plan import WINDOW_REGION, bank_regions
from lab.placement import ARENA_STEP, align_up

_MOST = 1 << 30  # bytes of an ELF
_STACK = 4096  # bytes left below the initial SP when all else becomes the arena


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        paths: of the files.
        command: that runs Renode with them.
    """

    paths: tuple[Path, ...]
    command: str


def export(board_name: str, elf: Path | None, generation: Generation, folder: Path) -> Exported:
    """Write the platform description and the script of a board, and what they need.

    Args:
        board_name: name of a board, or a board file.
        elf: firmware, of which a copy is put beside them; None: its place stays empty.
        generation: of Renode.
        folder: where to; made when missing.

    Raises:
        UsageError: no such board, or the directory cannot be written to, or Renode's monitor
            cannot read its name.
        InputError: the board file or the firmware is wrong, or the firmware lies elsewhere than
            the board's memory.
    """
    board = load_board(board_name)
    command = _command(folder / f"{board.name}.resc", elf is None)
    firmware = read_input(elf, _MOST) if elf else None
    image = read_elf(firmware, escape(str(elf))) if firmware is not None else None
    files = board_files(board, image, generation)
    if firmware is not None:
        files[f"{board.name}.elf"] = firmware
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise unwritable(folder, error) from None
    paths = tuple(folder / name for name in files)
    for path, data in zip(paths, files.values(), strict=True):
        write_whole(path, data)
    return Exported(paths, command)


def board_files(board: Board, image: Image | None, generation: Generation) -> dict[str, bytes]:
    """The texts for a board by file name: the same bytes every time, with no paths in them.

    Args:
        board: which board.
        image: firmware that is to run there; None: any.
        generation: of Renode.

    Raises:
        InputError: the firmware lies elsewhere than the board's memory, or is damaged.
    """
    regions = bank_regions(board, [bank.name for bank in board.ram])
    run = _lab_run(board, image) if image and "lab_mailbox" in image.symbols else None
    window = (WINDOW_REGION,) if run else ()
    if image:
        _check_place(image, board, (*regions, *window))
    platform = _platform(board, regions)
    texts = {f"{board.name}.repl": repl(platform, generation)}
    if run:
        why = "Memory that only images of the lab use: their mailbox and log."
        texts[f"{board.name}_lab.repl"] = memory_repl((*regions, *window), window, why)
    script = Script(
        name=board.name,
        title=_title(board),
        platforms=tuple(texts),
        elf=f"{board.name}.elf",
        console=platform.console is not None,
        vectors=_vectors_in(image, board) if image else _vectors(board),
        lab=run,
    )
    texts[f"{board.name}.resc"] = resc(script, generation)
    return {name: text.encode() for name, text in texts.items()}


def _command(script: Path, elf_missing: bool) -> str:
    """Renode runs ``-e`` after a script that it is given by name: so the script is in it too."""
    start = "$bin=@firmware.elf; " if elf_missing else ""
    command = f"{start}i {monitor.file(script)}"
    return shlex.join(["renode", "--console", "--disable-gui", "-e", command])


def _title(board: Board) -> str:
    return f"{board.title}: {board.mcu}, {board.core} at {board.clock_hz / 1e6:g} MHz."


def _platform(board: Board, regions: tuple[Region, ...]) -> Platform:
    uart = _uart(board)
    notes = {bank.name: tuple(_bank_notes(board, bank)) for bank in (*board.flash, *board.ram)}
    return Platform(
        core=CORES[board.core],
        regions=regions,
        clock_hz=board.clock_hz,
        console=uart,
        title=_title(board),
        notes=notes | {CONSOLE: (_console_note(board, uart),)},
    )


def _uart(board: Board) -> Uart | None:
    port = board.console
    if port is None:
        return None
    return console_uart(board.mcu, port.name, port.address, board.clock_hz)


def _bank_notes(board: Board, bank: Bank) -> Iterator[str]:
    if isinstance(bank, RamBank) and bank.setup:
        yield f"On silicon it is off after reset ({bank.setup}); here it is there at once."
    for area in board.reserved:
        if bank.base <= area.base < bank.end:
            yield f"Not the application's: {_area(area)}."


def _area(area: Area) -> str:
    return f"{area.name}, 0x{area.base:08X} to 0x{area.end - 1:08X}, {area.what}"


def _console_note(board: Board, uart: Uart | None) -> str:
    if not board.console:
        return "No console: the board file names none."
    port = f"{board.console.name} at 0x{board.console.address:08X}"
    if uart:
        return f"{port}: {uart.reason}. Its interrupt is not connected."
    return f"No console: Renode has no model that is known to fit {port}."


def _vectors(board: Board) -> int | None:
    """Where the vector table of any firmware is; None: it comes first, and Renode finds it.

    It may not come first where flash begins with what is not the application's, and where RAM lies
    below flash, in which an image may have a section, if only an empty one.
    """
    base = board.flash_run().base
    taken = any(area.base == bank.base for area in board.reserved for bank in board.flash)
    below = any(bank.base < base for bank in board.ram)
    return base if taken or below else None


def _vectors_in(image: Image, board: Board) -> int | None:
    """Where its vector table is: by its name, or the first in flash that is the application's."""
    loaded = [range(s.address, s.address + len(s.data)) for s in image.segments]
    named = image.symbols.get("vector_table")
    if named and any(named.address in part for part in loaded):
        return named.address
    bases = [(bank, base) for bank in board.flash for base in (bank.base, *bank.aliases)]
    flash = [range(base, base + bank.size) for bank, base in bases]
    in_flash = [part for part in loaded if any(part.start in bank for bank in flash)]
    ours = [at for part in in_flash if (at := _behind_reserved(part.start, board)) in part]
    return min(ours or (part.start for part in loaded), default=None)


def _behind_reserved(address: int, board: Board) -> int:
    """The address, or the first behind the areas it lies in that are not the application's."""
    for area in sorted(board.reserved, key=lambda area: area.base):
        if area.base <= address < area.end:
            address = area.end
    return address


def _check_place(image: Image, board: Board, regions: Sequence[Region]) -> None:
    """Renode 1.16.1 would drop in silence what is loaded to where no memory is."""
    places = [place for region in regions for place in region.places]
    for segment in image.segments:
        start, end = segment.address, segment.address + len(segment.data)
        if not any(place.start <= start and end <= place.stop for place in places):
            what = f"its bytes 0x{start:08X} to 0x{end - 1:08X} lie in no memory of {board.name}"
            raise InputError(Problem(image.name, what, "is it linked for this board?"))


def _lab_run(board: Board, image: Image) -> LabRun:
    """Use all RAM between the statics and a usual stack for the arena."""
    arena = align_up(_symbol(image, "__bss_end"))
    room = max(0, _symbol(image, "__stack_top") - _STACK - arena)
    for needed in ("vector_table", "lab_end"):
        _symbol(image, needed)
    return LabRun(
        mailbox=_symbol(image, "lab_mailbox"),
        offsets=image.struct_layout("LabMailbox"),
        arena=arena,
        arena_bytes=room // ARENA_STEP * ARENA_STEP,
    )


def _symbol(image: Image, name: str) -> int:
    if name not in image.symbols:
        raise InputError(Problem(image.name, f"no symbol {name}", "lab build makes such images"))
    return image.symbols[name].address
