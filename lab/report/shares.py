"""Who takes how much of RAM, flash and time, largest first: the culprit is the first of them.

Made from the details where they were measured, else from the coarser figures every record has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lab.details import ArenaItem, ArenaMap, Footprint, Owner
from lab.report.engine import weight_of
from lab.report.names import short_name, tensor_name
from lab.report.operators import OUTSIDE, label
from lab.report.persistent import PERSISTENT
from lab.results import Arena, CheckResult

_MOST_PARTS = 6


@dataclass(frozen=True)
class Share:
    """One owner.

    Attributes:
        name: for people.
        amount: bytes, cycles or instructions.
        kind: what it belongs to; gives the colour.
        note: when or why, in a few words.
        parts: the largest of what it is made of, with their amounts.
    """

    name: str
    amount: int
    kind: str
    note: str = ""
    parts: tuple[tuple[str, int], ...] = ()


def largest(shares: Sequence[Share], most: int) -> list[Share]:
    """The largest, and all the others as one."""
    ranked = _ranked(shares)
    if len(ranked) <= most:
        return ranked
    rest = ranked[most - 1 :]
    parts = tuple((share.name, share.amount) for share in rest[:_MOST_PARTS])
    other = Share(f"{len(rest)} others", sum(share.amount for share in rest), "other", "", parts)
    return [*ranked[: most - 1], other]


def ram_shares(result: CheckResult) -> list[Share]:
    """Owners of the RAM needed, the arena being the required one; empty: nothing was placed."""
    if result.memory is None:
        return []
    ram, details = result.memory.ram, result.details
    shares = list(_static(details.footprint if details else None, ram.static_bytes))
    if details and details.arena:
        shares += _arena_items(details.arena)
    elif result.arena:
        shares += _arena_parts(result, result.arena)
    else:
        shares.append(Share("arena", ram.arena_bytes, "tensor"))
    if result.arena:
        more = max(0, ram.arena_bytes - result.arena.required_bytes)  # what was asked may be less
        shares.append(Share("arena beyond the required", more, "other", "as asked for"))
    note = "high-water and a margin" if result.request.stack_reserve_bytes is None else "as asked"
    shares.append(Share("stack reserve", ram.stack_reserve_bytes, "stack", note))
    shares.append(Share("application", ram.application_bytes, "application", "as asked for"))
    shares.append(Share("alignment", ram.alignment_bytes, "padding", "before the arena"))
    return _ranked(shares)


def flash_shares(result: CheckResult) -> list[Share]:
    """Owners of the flash needed; empty: nothing was placed."""
    if result.memory is None:
        return []
    flash, details = result.memory.flash, result.details
    application = Share("application", flash.application_bytes, "application", "as asked for")
    if details and details.footprint:
        owners = [_owner(owner, "flash_bytes") for owner in details.footprint.owners]
        owned = sum(owner.amount for owner in owners) + application.amount
        rest = Share("alignment on this board", flash.needed_bytes - owned, "padding")
        return _ranked([*owners, application, rest])
    return _ranked(
        [
            Share("code", flash.code_bytes, "kernels", "runtime, kernels, C library, runner"),
            Share("model", flash.model_bytes, "model"),
            Share(".data", flash.data_bytes, "library", "initial values"),
            Share("padding", flash.padding_bytes, "padding"),
            application,
        ]
    )


def time_shares(result: CheckResult) -> list[Share]:
    """Operators by their weight in one inference, and what is outside of them."""
    if result.run is None:
        return []
    weight = weight_of(result)
    inside = sum(weight.of(operator) for operator in result.operators)
    shares = [
        Share(
            f"#{label(operator)}",
            weight.of(operator),
            "kernels",
            short_name(operator.output or ""),
        )
        for operator in result.operators
    ]
    rest = weight.of(result.run) - inside
    return _ranked([*shares, Share(OUTSIDE, rest, "interpreter")])


def _ranked(shares: Sequence[Share]) -> list[Share]:
    """Largest first. Where owners take more than the whole, the first, always shown, says so."""
    taken = sorted(
        (share for share in shares if share.amount > 0),
        key=lambda share: (-share.amount, share.name),
    )
    beyond = -sum(share.amount for share in shares if share.amount < 0)
    if beyond and taken:
        words = f"the record contradicts itself: its owners take {beyond:,} more than the whole"
        note = f"{taken[0].note}; {words}" if taken[0].note else words
        taken[0] = replace(taken[0], note=note)
    return taken


def _static(footprint: Footprint | None, static_bytes: int) -> Iterator[Share]:
    owned = 0
    for owner in footprint.owners if footprint else ():
        owned += owner.ram_bytes
        yield _owner(owner, "ram_bytes")
    name = "static, without an owner" if owned else "static"
    yield Share(name, static_bytes - owned, "library", ".data and .bss")


def _owner(owner: Owner, memory: Literal["flash_bytes", "ram_bytes"]) -> Share:
    symbols = ((symbol.name, int(getattr(symbol, memory))) for symbol in owner.largest)
    parts = tuple((name, size) for name, size in symbols if size > 0)
    note: str = owner.group if owner.group != owner.name else ""
    whole = getattr(owner, memory)
    if parts and parts[0][1] < whole <= 2 * parts[0][1]:
        name, size = parts[0]
        note = f"{note}, most is {short_name(name)}, {size:,} B".removeprefix(", ")
    return Share(owner.name, whole, owner.group, note, parts[:_MOST_PARTS])


def _arena_items(arena: ArenaMap) -> Iterator[Share]:
    alive = [item for item in arena.items if arena.is_at_peak(item)]
    for item in alive:
        note = f"{item.kind}, alive at operator {arena.peak_operator}, the peak"
        yield Share(tensor_name(item.name), item.size_bytes, item.kind, note)
    lost = arena.planned_bytes - sum(item.size_bytes for item in alive)
    yield Share("gaps between tensors", lost, "padding", "what the plan leaves unused at the peak")
    persistent = [item for item in arena.items if item.part == "persistent"]
    for kind in sorted({item.kind for item in persistent}):
        items = [item for item in persistent if item.kind == kind]
        parts = tuple((tensor_name(item.name), item.size_bytes) for item in largest_items(items))
        size = sum(item.size_bytes for item in items)
        note = f"persistent, {len(items)} pieces"
        yield Share(PERSISTENT.get(kind, (kind,))[0], size, kind, note, parts)
    kept = sum(item.size_bytes for item in persistent)
    headroom = arena.size_bytes - arena.planned_bytes - kept
    yield Share("planning headroom", headroom, "structure", "needed only while allocating")


def largest_items(items: Sequence[ArenaItem]) -> list[ArenaItem]:
    """The largest few things of the arena."""
    return sorted(items, key=lambda item: (-item.size_bytes, item.offset_bytes))[:_MOST_PARTS]


def _arena_parts(result: CheckResult, arena: Arena) -> Iterator[Share]:
    persistent, planned = arena.persistent_bytes, arena.non_persistent_bytes
    if persistent is None or planned is None:
        yield Share("arena", arena.required_bytes, "tensor", "its parts are not known")
        return
    alive = result.peak.tensors if result.peak else ()
    for tensor in alive:
        note = f"tensor, alive at operator {result.peak.operator}, the peak" if result.peak else ""
        yield Share(tensor_name(tensor.name), tensor.size_bytes, "tensor", note)
    rest = planned - sum(tensor.size_bytes for tensor in alive)
    name = "gaps between tensors" if alive else "activations and scratch buffers"
    yield Share(name, rest, "padding" if alive else "tensor")
    yield Share("persistent part of the arena", persistent, "structure",
                "structures, kernel data, variables")  # fmt: skip
    headroom = arena.planning_headroom_bytes or 0
    yield Share("planning headroom", headroom, "structure", "needed only while allocating")
