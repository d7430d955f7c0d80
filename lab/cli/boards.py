"""``lab boards``: the boards the lab knows, all about one of them, checking and starting files."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.arguments import BoardArgument, examples
from lab.cli.parsers import size_option
from lab.errors import InputError, Problem, UsageError
from lab.units import format_size

if TYPE_CHECKING:
    from lab.board import Bank, Board, Run

app = typer.Typer()

_JSON = typer.Option("--json", help="Print JSON.")
_UNVERIFIED = " ~"


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "lab boards", "lab boards --core cortex-m33f --min-ram 256K", "lab boards show nrf52dk"
    ),
)
def list_boards(
    context: typer.Context,
    core: Annotated[
        list[str] | None, typer.Option(help="Only boards with this core; may be given again.")
    ] = None,
    vendor: Annotated[
        str | None, typer.Option(help="Only boards of this vendor; a part of the name will do.")
    ] = None,
    min_ram: Annotated[
        int | None,
        typer.Option(
            parser=size_option, metavar="SIZE", help="At least this much RAM in one piece."
        ),
    ] = None,
    max_ram: Annotated[
        int | None,
        typer.Option(
            parser=size_option, metavar="SIZE", help="At most this much RAM in one piece."
        ),
    ] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Boards: list them, show one, check a board file, start a new one.

    In the list, "RAM linear" is the largest piece of RAM for data, "RAM all" the sum of all pieces.
    """
    if command := context.invoked_subcommand:
        if as_json:
            raise UsageError(f"--json goes after {command}")
        if core or vendor or min_ram is not None or max_ram is not None:
            raise UsageError(f"filters are for the list, not for {command}")
        return
    from lab.board import board_names, load_board
    from lab.report.columns import aligned

    boards = [load_board(name) for name in board_names()]
    kept = _with_ram(_of_vendor(_with_core(boards, core), boards, vendor), min_ram, max_ram)
    if as_json:
        typer.echo(json.dumps([_summary(board) for board in kept], indent=2))
    elif not kept:
        typer.echo(f"no board matches ({len(boards)} in the library)")
    else:
        head = ("name", "core", "MHz", "flash B", "RAM linear B", "RAM all B")
        for line in aligned([head, *map(_row, kept)], range(2, len(head))):
            typer.echo(line)


def _with_core(boards: list[Board], cores: Sequence[str] | None) -> list[Board]:
    from lab.cores import CORES
    from lab.yaml_source import nearest, shown

    for core in cores or ():
        if core not in CORES:
            raise UsageError(
                str(Problem("--core", f"unknown core {shown(core)}", nearest(core, CORES)))
            )
    return [board for board in boards if not cores or board.core in cores]


def _of_vendor(kept: list[Board], boards: list[Board], part: str | None) -> list[Board]:
    from lab.yaml_source import nearest, shown

    if part is None:
        return kept
    known = {board.vendor for board in boards}
    vendors = {vendor for vendor in known if part.casefold() in vendor.casefold()}
    if not vendors:
        hint = nearest(part.casefold(), {word for v in known for word in v.casefold().split()})
        hint = hint if hint.startswith("did") else nearest(part, known)
        raise UsageError(str(Problem("--vendor", f"no vendor {shown(part)}", hint)))
    return [board for board in kept if board.vendor in vendors]


def _with_ram(boards: list[Board], least: int | None, most: int | None) -> list[Board]:
    def suits(linear: int) -> bool:
        return (least is None or linear >= least) and (most is None or linear <= most)

    return [board for board in boards if suits(board.runs()[0].size)]


@app.command(epilog=examples("lab boards show nrf52dk", "lab boards show mine.yaml --json"))
def show(
    board: BoardArgument,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Show everything known of a board; what nobody verified is marked."""
    from lab.board import load_board

    loaded = load_board(board)
    if as_json:
        facts = loaded.model_dump(mode="json", exclude_none=True)
        facts["runs"] = [dataclasses.asdict(run) for run in loaded.runs()]
        facts["flash_run"] = dataclasses.asdict(loaded.flash_run())
        typer.echo(json.dumps(facts, indent=2))
        return
    for line in _description(loaded):
        typer.echo(line)


@app.command(epilog=examples("lab boards validate mine.yaml"))
def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Board files.")],
) -> None:
    """Check board files: one line for each problem, or "ok"."""
    from lab.board import load_board_file

    problems: list[Problem] = []
    for file in files:
        try:
            load_board_file(file)
        except InputError as error:
            problems += error.problems
        else:
            typer.echo(os.fsencode(file) + b": ok")
    if problems:
        raise InputError(problems)


@app.command(epilog=examples("lab boards new my_sensor -o my_sensor.yaml"))
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new board.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: print it.")
    ] = None,
) -> None:
    """Write a commented board file with the facts still to fill in; never over another file."""
    from pydantic import TypeAdapter, ValidationError

    from lab.board import BoardName
    from lab.cli.board_template import new_board
    from lab.yaml_source import shown

    try:
        TypeAdapter(BoardName).validate_python(name)
    except ValidationError:
        rule = "lower-case letters, digits, _ and -, a letter first"
        raise UsageError(f"a board's name is {rule}, got {shown(name)}") from None
    if output is None:
        typer.echo(new_board(name), nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(new_board(name))
    except FileExistsError:
        raise UsageError(f"{output} is there already (hint: choose another file)") from None
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from None


def _clock(hertz: int) -> str:
    return f"{hertz / 1e6:.9g} MHz"


def _summary(board: Board) -> dict[str, str | int]:
    return {
        "name": board.name,
        "title": board.title,
        "vendor": board.vendor,
        "mcu": board.mcu,
        "core": board.core,
        "clock_hz": board.clock_hz,
        "flash_bytes": board.flash_total,
        "ram_linear_bytes": board.runs()[0].size,
        "ram_total_bytes": board.ram_total,
    }


def _row(board: Board) -> tuple[str, ...]:
    sizes = (board.flash_total, board.runs()[0].size, board.ram_total)
    clock = f"{board.clock_hz / 1e6:.9g}"
    return (board.name, board.core, clock, *(f"{size:,}" for size in sizes))


def _description(board: Board) -> Iterator[str]:
    yield f"{board.name}: {board.title}"
    for key in ("vendor", "mcu", "core"):
        yield f"  {key:8}{getattr(board, key)}{_mark(board, key)}"
    yield f"  clock   {_clock(board.clock_hz)}{_mark(board, 'clock')}"
    if board.notes:
        yield f"  notes   {board.notes}{_mark(board, 'notes')}"
    yield "flash"
    for index, flash in enumerate(board.flash):
        facts = {"cache": flash.cache}
        if flash.wait_states is not None:
            facts["wait_states"] = f"{flash.wait_states} wait states"
        yield from _bank(board, f"flash[{index}]", flash, facts)
    image = board.flash_run()
    if image.size != board.flash_total:
        yield f"  image in one piece: {'+'.join(image.banks)}, {_extent(image)}"
    yield "RAM"
    for index, ram in enumerate(board.ram):
        uses = {"data": ram.data, "code": ram.code, "dma": ram.dma}
        texts = {key: _use(key, value) for key, value in uses.items()}
        texts["joins"] = None if ram.joins else "does not join the bank before"
        yield from _bank(board, f"ram[{index}]", ram, texts)
        if ram.setup:
            yield f"    set-up first: {ram.setup}{_mark(board, f'ram[{index}].setup')}"
    for run in board.runs():
        setup = "; part of it needs set-up first" if run.needs_setup else ""
        yield f"  data in one piece: {'+'.join(run.banks)}, {_extent(run)}{setup}"
    yield from _reserved(board)
    yield from _console(board)
    yield from _reserves(board)
    yield "sources"
    for index, source in enumerate(board.sources):
        yield f"  {source}{_mark(board, f'sources[{index}]')}"
    if board.unverified:
        yield f"{_UNVERIFIED.strip()} not verified in these sources"
        yield from (f"  {fact}" for fact in board.unverified)


def _use(name: str, value: bool | None) -> str | None:
    return None if value is None else name if value else f"no {name}"


def _bank(board: Board, place: str, bank: Bank, facts: dict[str, str | None]) -> Iterator[str]:
    base = f"0x{bank.base:08X}-0x{bank.end - 1:08X}{_mark(board, place + '.base')}"
    yield f"  {bank.name}  {base}  {format_size(bank.size)}{_mark(board, place + '.size')}"
    listed = [text + _mark(board, f"{place}.{key}") for key, text in facts.items() if text]
    listed += [
        f"also at 0x{address:08X}{_mark(board, place + '.aliases')}" for address in bank.aliases
    ]
    if listed:
        yield f"    {', '.join(listed)}"
    if bank.notes:
        yield f"    {bank.notes}{_mark(board, place + '.notes')}"


def _extent(run: Run) -> str:
    return f"0x{run.base:08X}-0x{run.end - 1:08X}, {format_size(run.size)}"


def _reserved(board: Board) -> Iterator[str]:
    if board.reserved:
        yield "reserved (never the application's)"
    for index, area in enumerate(board.reserved):
        place = f"reserved[{index}]"
        base = f"0x{area.base:08X}-0x{area.end - 1:08X}{_mark(board, place + '.base')}"
        yield f"  {area.name}  {base}  {format_size(area.size)}{_mark(board, place + '.size')}"
        yield f"    {area.what}{_mark(board, place + '.what')}"
        yield f"    source {area.source}{_mark(board, place + '.source')}"


def _console(board: Board) -> Iterator[str]:
    if not (console := board.console):
        return
    yield "console"
    address = f"0x{console.address:08X}{_mark(board, 'console.address')}"
    yield f"  {console.name}{_mark(board, 'console.name')} at {address}"
    if console.usb_bridge is not None:
        bridge = "on-board USB bridge" if console.usb_bridge else "no on-board USB bridge"
        yield f"  {bridge}{_mark(board, 'console.usb_bridge')}"
    if console.notes:
        yield f"  {console.notes}{_mark(board, 'console.notes')}"


def _reserves(board: Board) -> Iterator[str]:
    if board.reserves:
        yield "reserves (memory that comes on top when used)"
    for name, reserve in board.reserves.items():
        place = f"reserves.{name}"
        yield f"  {name}: {reserve.title}{_mark(board, place + '.title')}"
        yield f"    RAM {format_size(reserve.ram)}{_mark(board, place + '.ram')}"
        yield f"    flash {format_size(reserve.flash)}{_mark(board, place + '.flash')}"
        yield f"    source {reserve.source}{_mark(board, place + '.source')}"
        if reserve.notes:
            yield f"    {reserve.notes}{_mark(board, place + '.notes')}"


def _mark(board: Board, place: str) -> str:
    return _UNVERIFIED if board.is_unverified(place) else ""
