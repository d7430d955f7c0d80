"""What a check is about, and what it measured: the two things a record is made of."""

from __future__ import annotations

from dataclasses import dataclass

from lab.board import Board
from lab.jobs.plan import Footprint
from lab.measure.failures import Failure
from lab.measure.ops import OperatorVerdict, Registration
from lab.measure.session import Inference
from lab.measure.tasks import Probe
from lab.model import Model
from lab.placement import Placement
from lab.results import Request
from lab.runtimes import Runtime
from lab.toolchain import Toolchain


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
