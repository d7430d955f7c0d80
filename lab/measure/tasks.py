"""What the measuring process does: jobs, each from a frozen request to a frozen answer."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path

from lab.elf import read_elf
from lab.engines.base import Machine
from lab.engines.painted import Painted
from lab.engines.registry import create
from lab.errors import NoVerdictError
from lab.measure.arena import Required, required_arena
from lab.measure.arena_trace import Trace, trace
from lab.measure.failures import Failure
from lab.measure.flows import difference
from lab.measure.inference import DEFAULT_LIMITS, Inference, Limits, Start
from lab.measure.peculiar import peculiar
from lab.measure.session import Session
from lab.measure.tflm import Offsets, PlannedBuffer
from lab.placement import ARENA_STEP

_OVERLAP = 512  # bytes; temporary data of one operator


@dataclass(frozen=True)
class Device:
    """An image and the machine to run it on."""

    elf: Path
    machine: Machine
    offsets: Offsets
    engine: str
    limits: Limits = DEFAULT_LIMITS

    def session(self) -> Session:
        """Load it on a fresh engine."""
        return Session(
            create(self.engine), read_elf(self.elf), self.machine, self.offsets, self.limits
        )


@dataclass(frozen=True)
class Probe:
    """What the probe map tells.

    Attributes:
        outcome: of the run at the required arena; where there is none, the failure with plenty.
        plan: buffers the memory planner was told of.
        required: the smallest arena, if the model runs at all.
        engine_version: of the engine that ran it.
        arena: the arena at the required size, if details were asked for and the runtime shows it.
    """

    outcome: Inference | Failure
    plan: tuple[PlannedBuffer, ...]
    required: Required | None
    engine_version: str
    arena: Trace | None = None


def probe(device: Device, start: Start, details: bool = False) -> Probe:
    """Run with plenty, find the required arena, and run with it.

    Args:
        device: the image on the probe map.
        start: how to run, with plenty of arena.
        details: take the arena, the stack and the inference apart as well.
    """
    session = device.session()
    plenty = session.infer(start, {} if details else None)
    plan = session.plan(start)
    if isinstance(plenty, Failure):
        return Probe(plenty, plan, None, session.engine.version)
    found = required_arena(session, start, plenty.reported, plenty.setup_instructions)
    outcome, found = proved(session, start, plenty, found)
    arena = trace(session, with_arena(start, found.size)) if details else None
    return Probe(outcome, plan, found, session.engine.version, arena)


def proved(
    session: Session, start: Start, plenty: Inference, found: Required
) -> tuple[Inference, Required]:
    """The run at the required arena: allocation finds the size, only inference proves it.

    When the arena is all but full, TFLM of 2026 may put persistent data over temporary data, and
    then succeeds with nonsense. So a little more is tried before giving up.

    Raises:
        NoVerdictError: inference fails or differs even so.
    """
    below, differs = found.below, False
    for size in range(found.size, found.size + _OVERLAP + 1, ARENA_STEP):
        lows = plenty.apart.depths.lows if plenty.apart else None
        outcome = session.infer(with_arena(start, size), lows)
        if isinstance(outcome, Inference) and outcome.outputs == plenty.outputs:
            return outcome, replace(found, size=size, below=below, differs=differs)
        below = outcome if isinstance(outcome, Failure) else None
        differs = below is None
    raise NoVerdictError(
        f"no verdict: allocation succeeds with an arena of {found.size:,} B, but inference "
        "fails or differs there; the runtime uses memory it did not allocate"
    )


def run(device: Device, start: Start) -> Inference | Failure:
    """One run, exactly as asked for."""
    return device.session().infer(start)


@dataclass(frozen=True)
class Seen:
    """One run as one engine saw it.

    Attributes:
        outcome: what came out.
        console: lines the firmware printed.
        engine_version: of the engine.
        painted: bytes of stack, as an engine finds them that does not see blocks.
        starting: what of the code executed up to the end of allocation depends on the emulator;
            none where blocks are not seen.
        inferring: likewise, of the code executed after that.
        faulting: the instruction at a fault, up to 4 bytes; empty: none, or not seen.
    """

    outcome: Inference | Failure
    console: tuple[str, ...]
    engine_version: str
    painted: int
    starting: tuple[str, ...] = ()
    inferring: tuple[str, ...] = ()
    faulting: bytes = b""


def observe(device: Device, start: Start) -> Seen:
    """One run, with all that another engine can be compared by."""
    session = device.session()
    engine = session.engine
    if not engine.sees_blocks:
        outcome, console = session.infer(start), session.console()
        return Seen(outcome, console, engine.version, _depth(outcome))
    session.allocate(start)
    begin = engine.profile()
    starting = peculiar(engine, begin)
    outcome, console = session.infer(start), session.console()
    inferring = peculiar(engine, difference(begin, engine.profile()))
    faulting = _faulting(session, outcome)
    again = replace(session, engine=Painted(engine)).infer(start)
    version = engine.version
    return Seen(outcome, console, version, _depth(again), starting, inferring, faulting)


def _faulting(session: Session, outcome: Inference | Failure) -> bytes:
    if not isinstance(outcome, Failure) or outcome.fault is None:
        return b""
    with contextlib.suppress(ValueError):  # a jump to where nothing is
        return session.engine.read(outcome.fault.pc, 4)
    return b""


def _depth(outcome: Inference | Failure) -> int:
    return outcome.stack.high_water if isinstance(outcome, Inference) else outcome.stack_bytes


def with_arena(start: Start, size: int) -> Start:
    """The same run with another arena size."""
    return replace(start, arena_bytes=size)
