"""Flash and static RAM by owner, the biggest owner first; and what changed between two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.details import Footprint, Owner, SymbolSize
from lab.report.names import both_ends, function_name, last_part
from lab.report.numbers import bar, percent
from lab.report.terminal import trouble
from lab.results import CheckResult
from lab.size_records import Change, ElfSize, SizeDiff
from lab.units import format_size

_NAME = 70
_MOST_OWNERS = 24
_MOST_CHANGES = 20
_MOST_SYMBOLS = 2  # of the biggest owners
_SYMBOL = 40
_LARGE = 0.05  # share of flash or RAM from which on an owner's symbols are named
_INDENT = " " * 37


def render(result: CheckResult) -> list[str]:
    """The view of a check as lines of text; it must have a footprint."""
    assert result.details
    assert result.details.footprint
    assert result.build
    footprint, board, build = result.details.footprint, result.board, result.build
    flash = sum(bank.size_bytes for bank in board.flash)
    return [
        f"{result.model.name} on {board.name}: {_biggest(footprint)}",
        *trouble(result),
        f"  {result.runtime.name}, {result.runtime.kernels} kernels, -{build.opt}, "
        f"{build.compiler}, {board.core}",
        "",
        _use("flash", sum(o.flash_bytes for o in footprint.owners), flash),
        _use("static RAM", sum(o.ram_bytes for o in footprint.owners), board.ram_data_bytes),
        *_between(result),
        "",
        *_owners(footprint),
        "",
        "Exact: the linker's map, and what it keeps for each operator. Arena and stack are not "
        "static: lab check.",
    ]


def render_elf(size: ElfSize) -> list[str]:
    """The sizes of a firmware image as lines of text."""
    firmware = size.firmware
    answer = "" if size.fits else "DOES NOT FIT  "
    told = "symbols and debug information" if firmware.debug else "symbols; no debug information"
    told = told if firmware.symbols else "nothing: it has no symbols"
    return [
        f"{answer}{firmware.name} on {size.board}: {_biggest(size.footprint)}",
        f"  {' and '.join(firmware.compilers) or 'compiler not told'}",
        *(
            f"  section {one.section} from 0x{one.address:08x} on: {one.outside_bytes:,} B of it "
            "are in no bank of the board"
            for one in size.outside
        ),
        "",
        *(
            _use(f"{'flash' if bank.memory == 'flash' else 'RAM'} {bank.name}", bank.used_bytes,
                 bank.size_bytes)
            for bank in size.banks
        ),
        "",
        *_owners(size.footprint),
        "",
        f"Sizes are exact; owners are told by {told}. Heap and stack count only where a section "
        "keeps room for them.",
    ]  # fmt: skip


def render_diff(diff: SizeDiff) -> list[str]:
    """What changed, as lines of text."""
    before, after = diff.before, diff.after
    lines = [f"{before.name} -> {after.name}"]
    for what, old, new in (
        ("flash", before.flash_bytes, after.flash_bytes),
        ("static RAM", before.ram_bytes, after.ram_bytes),
    ):
        lines.append(f"  {what:<12} {new - old:>+11,} B  ({old:,} B -> {new:,} B), exact")
    lines += [f"  {note}" for note in diff.notes]
    if not diff.owners:
        return [*lines, "", "No owner has changed."]
    lines += ["", f"{'flash':>13} {'RAM':>12}  owner"]
    lines += _changed(diff.owners, whole=True)
    lines += ["", f"{'flash':>13} {'RAM':>12}  function or object"]
    return lines + list(_changed(diff.symbols, whole=False))


def _biggest(footprint: Footprint) -> str:
    """Who takes most, and its largest function or object where that is not all of it."""
    if not footprint.owners:
        return "nothing in it takes memory"
    owner = footprint.owners[0]
    words = f"most is {_title(owner)}, {_taken(owner)}"
    telling = owner.group == "application" or len(owner.largest) > 1
    return f"{words} ({_symbols(owner.largest[:1])})" if telling else words


def _between(result: CheckResult) -> Iterator[str]:
    gap = result.memory.flash.padding_bytes if result.memory else 0
    if gap:
        yield f"  and {gap:,} B of flash between sections, lost to alignment"


def _owners(footprint: Footprint) -> Iterator[str]:
    flash = sum(owner.flash_bytes for owner in footprint.owners)
    ram = sum(owner.ram_bytes for owner in footprint.owners)
    yield f"{'flash':>13} {'':6} {'RAM':>11}    owner"
    for owner in footprint.owners[:_MOST_OWNERS]:
        yield f"{_sizes(owner.flash_bytes, flash, owner.ram_bytes)}    {_title(owner)}"
        if owner.operators and owner.group != "kernels":
            yield f"{_INDENT}for {both_ends(', '.join(owner.operators), _NAME)}"
        large = max(_share(owner.flash_bytes, flash), _share(owner.ram_bytes, ram)) >= _LARGE
        if large and len(owner.largest) > 1:
            yield f"{_INDENT}{_symbols(owner.largest[:_MOST_SYMBOLS])}"
    rest = footprint.owners[_MOST_OWNERS:]
    if rest:
        sums = sum(o.flash_bytes for o in rest), sum(o.ram_bytes for o in rest)
        yield f"{_sizes(sums[0], flash, sums[1])}    {len(rest)} more"


def _sizes(flash: int, whole: int, ram: int) -> str:
    return f"{flash:>11,} B {percent(flash, whole):>6} {ram:>9,} B"


def _title(owner: Owner) -> str:
    if owner.group == "shared kernels" and owner.operators:
        return f"kernel code that {len(owner.operators)} operators share"
    title = f"{owner.group}: {owner.name}"
    return owner.name if owner.name.startswith(owner.group) else both_ends(title, _NAME)


def _taken(owner: Owner) -> str:
    sizes = ((owner.flash_bytes, "flash"), (owner.ram_bytes, "RAM"))
    return " and ".join(f"{size:,} B of {where}" for size, where in sizes if size) or "0 B"


def _symbols(symbols: Sequence[SymbolSize]) -> str:
    return ", ".join(
        f"{last_part(function_name(one.name), _SYMBOL)} {max(one.flash_bytes, one.ram_bytes):,} B"
        for one in symbols
    )


def _changed(changes: Sequence[Change], *, whole: bool) -> Iterator[str]:
    for one in changes[:_MOST_CHANGES]:
        owner = f"{one.group}: {one.owner}"
        name = owner if whole else one.symbol or f"the rest of {owner}"
        yield f"{one.flash:>+11,} B {one.ram:>+10,} B  {both_ends(name, _NAME)}"
    rest = changes[_MOST_CHANGES:]
    if rest:
        flash, ram = sum(one.flash for one in rest), sum(one.ram for one in rest)
        yield f"{flash:>+11,} B {ram:>+10,} B  {len(rest)} more"


def _use(what: str, used: int, available: int) -> str:
    return f"  {what:<16} {used:>11,} B  {bar(used, available)} of {format_size(available)}"


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
