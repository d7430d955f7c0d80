"""Memory as bars: what lies where in each bank, or what is needed against what there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.results import Bank, CheckResult, Flash, Ram
from lab.units import format_size


@dataclass(frozen=True)
class Segment:
    """A stretch of a bar; ``kind`` gives the colour."""

    name: str
    kind: str
    size_bytes: int


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        name: the memory.
        note: its size and place.
        whole_bytes: what the bar's full length stands for.
        limit_bytes: where the memory ends, if more is needed than there is.
        segments: from the lowest address on.
    """

    name: str
    note: str
    whole_bytes: int
    limit_bytes: int | None
    segments: tuple[Segment, ...]


def memory_bars(result: CheckResult) -> list[Bar]:
    """RAM by those banks that hold something or could, then flash; empty: nothing was placed."""
    if result.memory is None:
        return []
    ram, flash = result.memory.ram, result.memory.flash
    banks = list(_banks(result, ram)) if ram.layout else [_needed_ram(ram)]
    return [*banks, _flash(flash)]


def unused_banks(result: CheckResult) -> list[Bank]:
    """RAM banks of the board that nothing was placed in, nor could have been."""
    layout = result.memory.ram.layout if result.memory else ()
    used = {name for span in layout for name in span.banks}
    return [bank for bank in result.board.ram if used and bank.name not in used]


def _banks(result: CheckResult, ram: Ram) -> Iterator[Bar]:
    unused = {bank.name for bank in unused_banks(result)}
    for bank in result.board.ram:
        if bank.name in unused:
            continue
        segments = tuple(_in_bank(bank, ram))
        note = f"{format_size(bank.size_bytes)} from {bank.base:#010x}"
        yield Bar(bank.name, note, bank.size_bytes, None, segments)


def _in_bank(bank: Bank, ram: Ram) -> Iterator[Segment]:
    """What the bank holds of each span; a span can lie over several banks."""
    at, end = bank.base, bank.base + bank.size_bytes
    for span in sorted(ram.layout, key=lambda span: span.base):
        first, last = max(at, span.base), min(end, span.base + span.size_bytes)
        if first >= last:
            continue
        if first > at:
            yield Segment("not used", "free", first - at)
        yield Segment(span.what, span.what, last - first)
        at = last
    if at < end:
        yield Segment("not used" if at == bank.base else "free", "free", end - at)


def _needed_ram(ram: Ram) -> Bar:
    parts = (
        ("static", ram.static_bytes),
        ("application", ram.application_bytes),
        ("alignment", ram.alignment_bytes),
        ("arena", ram.arena_bytes),
        ("stack", ram.stack_reserve_bytes),
    )
    return _needed("RAM", ram.available_bytes, parts)


def _flash(flash: Flash) -> Bar:
    parts = (
        ("code", flash.code_bytes),
        ("model", flash.model_bytes),
        (".data", flash.data_bytes),
        ("padding", flash.padding_bytes),
        ("application", flash.application_bytes),
    )
    return _needed("Flash", flash.available_bytes, parts)


def _needed(name: str, available: int, parts: tuple[tuple[str, int], ...]) -> Bar:
    segments = [Segment(part, part.lstrip("."), size) for part, size in parts if size > 0]
    needed = sum(segment.size_bytes for segment in segments)
    if needed > available:
        note = f"{format_size(needed)} needed, {format_size(available)} available"
        return Bar(name, note, needed, available, tuple(segments))
    if needed < available:
        segments.append(Segment("free", "free", available - needed))
    return Bar(name, format_size(available), available, None, tuple(segments))
