"""Where static memory, arena and stack go in a board's RAM, and what is left.

Memory is laid out as firmware people do it: .data and .bss first, then what the application keeps
for itself, the arena behind it on a 16-byte boundary, the stack at the top growing down. On boards
with several separate runs of RAM the arena may lie in a run of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.board import Run

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
        arena_run: run with the arena; often the same.
        arena_base: address of the arena.
        stack_top: initial SP.
        stack_limit: lowest address SP may reach.
        data_room: bytes left in the data run, the arena aside; negative: static memory, the
            application's share and the stack do not fit together.
        margin: bytes by which the arena could grow and everything still place; negative: shortfall.
    """

    data: Run
    arena_run: Run
    arena_base: int
    stack_top: int
    stack_limit: int
    data_room: int
    margin: int

    @property
    def short_run(self) -> Run:
        """The run that is too small, if one is."""
        return self.data if self.data_room < 0 else self.arena_run

    @property
    def arena_space(self) -> int:
        """Largest arena that places here, in whole 16-byte steps; 0 when nothing does."""
        if self.data_room < 0:
            return 0
        end = self.stack_limit if self.data == self.arena_run else self.arena_run.end
        return max(0, end - self.arena_base) // ARENA_STEP * ARENA_STEP


def place(runs: Sequence[Run], demand: Demand) -> Placement:
    """The placement with the largest margin; of equal ones, the simplest.

    Args:
        runs: the board's data-usable runs of adjoining banks, largest first; at least one.
        demand: what has to find room.
    """
    together = [_together(run, demand) for run in runs]
    apart = [_apart(data, arena, demand) for data in runs for arena in runs if data != arena]
    return max([*together, *apart], key=lambda placement: placement.margin)


def _together(run: Run, demand: Demand) -> Placement:
    top, limit = _stack(run, demand)
    used = run.base + demand.static + demand.application
    arena = align_up(used)
    return Placement(run, run, arena, top, limit, limit - used, limit - arena - demand.arena)


def _apart(data: Run, arena_run: Run, demand: Demand) -> Placement:
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
