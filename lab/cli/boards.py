"""``lab boards``: the boards the lab knows, all about one of them, and checking a board file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.arguments import BoardArgument, examples
from lab.errors import InputError, Problem, UsageError
from lab.units import format_size

if TYPE_CHECKING:
    from lab.board import Bank, Board

app = typer.Typer(help="Boards: list them, show one, check a board file.")

_JSON = typer.Option("--json", help="Print JSON.")
_UNVERIFIED = " ~"


@app.callback(invoke_without_command=True, epilog=examples("lab boards", "lab boards show nrf52dk"))
def list_boards(context: typer.Context, as_json: Annotated[bool, _JSON] = False) -> None:
    """List the boards of the library, or show or check one."""
    if context.invoked_subcommand:
        if as_json:
            raise UsageError(f"--json goes after {context.invoked_subcommand}")
        return
    from lab.board import board_names, load_board

    boards = [load_board(name) for name in board_names()]
    if as_json:
        typer.echo(json.dumps([_summary(board) for board in boards], indent=2))
        return
    head = ("name", "title", "core", "clock", "flash B", "RAM linear B", "RAM total B")
    for line in _columns([head, *map(_row, boards)], right=4):
        typer.echo(line)


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
        facts["runs"] = [
            {"base": run.base, "size": run.size, "banks": run.banks} for run in loaded.runs()
        ]
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


def _clock(hertz: int) -> str:
    return f"{hertz / 1e6:.9g} MHz"


def _summary(board: Board) -> dict[str, str | int]:
    return {
        "name": board.name,
        "title": board.title,
        "core": board.core,
        "clock_hz": board.clock_hz,
        "flash_bytes": board.flash_total,
        "ram_linear_bytes": board.runs()[0].size,
        "ram_total_bytes": board.ram_total,
    }


def _row(board: Board) -> tuple[str, ...]:
    sizes = (board.flash_total, board.runs()[0].size, board.ram_total)
    clock = _clock(board.clock_hz)
    return (board.name, board.title, board.core, clock, *(f"{size:,}" for size in sizes))


def _columns(rows: Sequence[Sequence[str]], *, right: int) -> Iterator[str]:
    """Rows as aligned lines; the columns from ``right`` on are set flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if index >= right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _description(board: Board) -> Iterator[str]:
    yield f"{board.name}: {board.title}"
    for key in ("vendor", "mcu", "core"):
        yield f"  {key:8}{getattr(board, key)}{_mark(board, key)}"
    yield f"  clock   {_clock(board.clock_hz)}{_mark(board, 'clock')}"
    yield "flash"
    for index, flash in enumerate(board.flash):
        facts = {"cache": flash.cache}
        if flash.wait_states is not None:
            facts["wait_states"] = f"{flash.wait_states} wait states"
        yield from _bank(board, f"flash[{index}]", flash, facts)
    yield "RAM"
    for index, ram in enumerate(board.ram):
        uses = {"data": ram.data, "code": ram.code, "dma": ram.dma}
        yield from _bank(board, f"ram[{index}]", ram, {k: _use(k, v) for k, v in uses.items()})
    for run in board.runs():
        yield f"  data in one piece: {'+'.join(run.banks)}, {format_size(run.size)}"
    yield from _console(board)
    yield from _reserves(board)
    yield "sources"
    yield from (f"  {source}" for source in board.sources)
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
