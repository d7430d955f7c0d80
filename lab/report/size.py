"""Flash and static RAM by owner, the biggest owner first."""

from __future__ import annotations

from collections.abc import Iterator

from lab.details import Footprint, Owner
from lab.errors import one_line
from lab.report import terminal
from lab.results import CheckResult
from lab.units import format_size

_BAR = 30
_OWNER = 44
_MOST_SHOWN = 3  # symbols of the biggest owners
_LARGE = 0.05  # share of flash from which on an owner's symbols are named


def show(result: CheckResult) -> None:
    """Print the view of a record; where nothing was measured, why not."""
    if result.details is None or result.details.footprint is None:
        terminal.show(result)
    else:
        print("\n".join(render(result)))


def render(result: CheckResult) -> list[str]:
    """The view as lines of text."""
    assert result.details and result.details.footprint and result.memory
    footprint = result.details.footprint
    flash = sum(bank.size_bytes for bank in result.board.flash)
    return [
        _headline(f"{result.model.name} on {result.board.name}", footprint),
        "",
        *_totals(footprint, flash, result.board.ram_data_bytes),
        "",
        *_owners(footprint),
    ]


def _headline(subject: str, footprint: Footprint) -> str:
    biggest = footprint.owners[0]
    taken = [
        f"{size:,} B of {where}"
        for size, where in ((biggest.flash_bytes, "flash"), (biggest.ram_bytes, "RAM"))
        if size
    ]
    return one_line(f"{subject}: most is {biggest.name}, {' and '.join(taken)}")


def _totals(footprint: Footprint, flash: int, ram: int) -> Iterator[str]:
    used = sum(section.flash_bytes for section in footprint.sections)
    yield f"Flash        {used:>11,} B  {_bar(used, flash)} of {format_size(flash)}, exact"
    used = sum(section.ram_bytes for section in footprint.sections)
    yield f"static RAM   {used:>11,} B  {_bar(used, ram)} of {format_size(ram)}, exact"


def _owners(footprint: Footprint) -> Iterator[str]:
    total = sum(owner.flash_bytes for owner in footprint.owners)
    yield f"{'flash':>13} {'':6} {'RAM':>11}    owner"
    for owner in footprint.owners:
        share = owner.flash_bytes / total if total else 0.0
        words = f"{owner.group}: {owner.name}"
        yield f"{owner.flash_bytes:>11,} B {share:>6.1%} {owner.ram_bytes:>9,} B  {one_line(words)}"


def _bar(used: int, available: int) -> str:
    share = used / available if available else 0.0
    filled = min(_BAR, round(share * _BAR))
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {share:.1%}"
