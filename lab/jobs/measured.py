"""What a check is about, and what it measured: what a record is made of."""

from __future__ import annotations

from dataclasses import dataclass

from lab.board import Bank, Board
from lab.jobs.plan import Footprint
from lab.measure.failures import Failure
from lab.measure.inference import Inference
from lab.measure.ops import OperatorVerdict, Registration
from lab.measure.tasks import Probe
from lab.model import Model
from lab.placement import STACK_ALIGNMENT, Demand, Placement, align_up
from lab.results import Request
from lab.runtimes import Runtime
from lab.toolchain import Toolchain

STACK_GUARD = 512  # bytes; the stack reserve is the larger of this and a quarter on top


@dataclass(frozen=True)
class Judged:
    """A model and what the operator gate says of it."""

    model: Model
    runtime: Runtime
    verdicts: tuple[OperatorVerdict, ...]
    registrations: tuple[Registration, ...]


@dataclass(frozen=True)
class Subject:
    """What is being checked."""

    board: Board
    model: Model
    runtime: Runtime
    opt: str
    request: Request
    verdicts: tuple[OperatorVerdict, ...]
    registrations: tuple[Registration, ...]

    def arena_wanted(self, required: int) -> int:
        """Bytes of arena to check: as asked for, else as required."""
        asked = self.request.arena_bytes
        return required if asked is None else asked

    @property
    def arena_bank(self) -> Bank | None:
        """The bank the arena was asked to lie in; None: it may lie anywhere."""
        return next((bank for bank in self.board.ram if bank.name == self.request.arena_bank), None)

    def demand(self, sizes: Footprint, required: int, high_water: int) -> Demand:
        """What has to find room on this board.

        Args:
            sizes: static memory.
            required: the required arena, in bytes.
            high_water: of the stack, in bytes.
        """
        asked = self.request.stack_reserve_bytes
        rule = max(high_water + -(-high_water // 4), high_water + STACK_GUARD)
        return Demand(
            static=sizes.static,
            arena=self.arena_wanted(required),
            stack=align_up(rule, STACK_ALIGNMENT) if asked is None else asked,
            application=self.request.app_ram_bytes,
        )

    def flash_missing(self, sizes: Footprint) -> int:
        """Bytes of flash the board has too few; 0 when it has enough."""
        needed = sizes.flash + self.request.app_flash_bytes
        return max(0, needed - self.board.flash_run().size)


@dataclass(frozen=True)
class Measured:
    """What a check measured; the later fields only as far as it got.

    Attributes:
        chain: the tool chain.
        sizes: static memory, from the image for the probe map.
        plenty: largest arena that was tried.
        probe: what the probe map told.
        placement: where everything goes in the board's RAM.
        on_board: outcome in the board's own memory; None if it could not be linked for it.
        image_sha256: of the image for the board's banks.
    """

    chain: Toolchain
    sizes: Footprint
    plenty: int
    probe: Probe
    placement: Placement | None = None
    on_board: Inference | Failure | None = None
    image_sha256: str | None = None
