"""Where static memory, arena and stack go in a board's RAM, and what is left.

Memory is laid out as firmware people do it: .data and .bss first, then what the application keeps
for itself, the arena behind it on a 16-byte boundary, the stack at the top growing down. On boards
with several separate runs of RAM the arena may lie in a run of its own. Every way to do that is
tried. Memory that firmware must set up first is used only when nothing fits without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.board import Bank, Run

ARENA_STEP = 16
STACK_ALIGNMENT = 8  # AAPCS: SP is a multiple of 8 at public interfaces


@dataclass(frozen=True)
class Demand:
    """Bytes of RAM that an image needs."""

    static: int
    arena: int
    stack: int
    application: int = 0


@dataclass(frozen=True)
class Placement:
    """One way to lay out a demand.

    Attributes:
        data: run with .data, .bss, the application's share and the stack.
        arena_run: run with the arena: that one or a part of it, or another.
        arena_base: address of the arena.
        stack_top: initial SP.
        stack_limit: lowest address SP may reach.
        data_room: bytes left in the data run, the arena aside; negative: static memory, the
            application's share and the stack do not fit together.
        margin: bytes by which the arena could grow and everything still place, in memory that
            needs no more setting up than this; negative: shortfall.
    """

    data: Run
    arena_run: Run
    arena_base: int
    stack_top: int
    stack_limit: int
    data_room: int
    margin: int

    @property
    def together(self) -> bool:
        """Whether the arena lies between the application's share and the stack."""
        return not _apart(self.data, self.arena_run)

    @property
    def short_run(self) -> Run:
        """The run that is too small, if one is."""
        return self.data if self.data_room < 0 else self.arena_run

    @property
    def arena_space(self) -> int:
        """Largest arena that places here, in whole 16-byte steps; 0 when nothing does."""
        if self.data_room < 0:
            return 0
        end = self.arena_run.end
        end = min(end, self.stack_limit) if self.together else end
        return max(0, end - self.arena_base) // ARENA_STEP * ARENA_STEP

    @property
    def setup(self) -> tuple[str, ...]:
        """What firmware must do before it uses this memory; empty: nothing."""
        return tuple(dict.fromkeys((*self.data.setup, *self.arena_run.setup)))


def place(runs: Sequence[Run], demand: Demand, arena_bank: Bank | None = None) -> Placement:
    """The placement that fits with the least set-up and the largest margin; the simplest of equals.

    Args:
        runs: every stretch of the board's RAM that data may use as one piece, those that are
            parts of others too, largest first; at least one.
        demand: what has to find room.
        arena_bank: where all of the arena has to lie; a part of one of the runs.

    Returns:
        Where nothing fits, the placement with the smallest shortfall.
    """
    return max(_placements(runs, demand, arena_bank), key=_merit)


def _merit(placement: Placement) -> tuple[bool, int, int]:
    fits = placement.margin >= 0
    return fits, -len(placement.setup) if fits else 0, placement.margin


def _placements(
    runs: Sequence[Run], demand: Demand, arena_bank: Bank | None
) -> Iterator[Placement]:
    """Every way to place, the simplest first."""
    datas, arenas = list(runs), list(runs)
    if arena_bank:
        arenas = [part for run in runs for part in _inside(run, arena_bank)]
        datas += [part for run in runs for part in _beside(run, arena_bank)]
    for data in runs:
        yield from (
            _place_together(data, arena, demand)
            for arena in ([data] if not arena_bank else arenas)
            if data.base <= arena.base and arena.end <= data.end
        )
    for data in datas:
        yield from (_place_apart(data, arena, demand) for arena in arenas if _apart(data, arena))


def _inside(run: Run, bank: Bank) -> Iterator[Run]:
    """What of a run lies in a bank."""
    if bank.name in run.banks:
        yield from _part(run, bank.base, bank.end, (bank.name,))


def _beside(run: Run, bank: Bank) -> Iterator[Run]:
    """What of a run lies below and above a bank."""
    if bank.name in run.banks:
        place = run.banks.index(bank.name)
        yield from _part(run, run.base, bank.base, run.banks[:place])
        yield from _part(run, bank.end, run.end, run.banks[place + 1 :])


def _part(run: Run, base: int, end: int, banks: tuple[str, ...]) -> Iterator[Run]:
    base, end = max(run.base, base), min(run.end, end)
    if base < end:
        yield Run(base, end - base, banks, run.setup)


def _apart(one: Run, other: Run) -> bool:
    return one.end <= other.base or other.end <= one.base


def _place_together(data: Run, arena_run: Run, demand: Demand) -> Placement:
    top, limit = _stack(data, demand)
    used = data.base + demand.static + demand.application
    arena = align_up(max(used, arena_run.base))
    end = min(limit, arena_run.end)
    return Placement(data, arena_run, arena, top, limit, limit - used, end - arena - demand.arena)


def _place_apart(data: Run, arena_run: Run, demand: Demand) -> Placement:
    top, limit = _stack(data, demand)
    rest = limit - data.base - demand.static - demand.application
    arena = align_up(arena_run.base)
    room = arena_run.end - arena - demand.arena
    return Placement(
        data, arena_run, arena, top, limit, rest, room if rest >= 0 else min(room, rest)
    )


def _stack(run: Run, demand: Demand) -> tuple[int, int]:
    top = run.end // STACK_ALIGNMENT * STACK_ALIGNMENT
    return top, top - align_up(demand.stack, STACK_ALIGNMENT)


def align_up(value: int, step: int = ARENA_STEP) -> int:
    """The next multiple of ``step``, or the value itself."""
    return -(-value // step) * step
