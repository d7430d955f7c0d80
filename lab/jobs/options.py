"""What a check may be asked for, beyond model and board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.engines.registry import check_name
from lab.errors import UsageError
from lab.generations import DEFAULT_RUNTIME
from lab.measure.inference import DEFAULT_LIMITS, Limits
from lab.placement import ARENA_STEP
from lab.results import DEFAULT_ENGINE
from lab.runtimes import OPTIMISATIONS

MAX_INVOKES = 10_000  # inputs and outputs of all of them are kept until the end
MAX_SECONDS = 1_000_000  # eleven days; a timer of ten thousand times that can still be set


@dataclass(frozen=True)
class Options:
    """The options of a check.

    Attributes:
        runtime: name of a runtime, or a manifest file.
        opt: optimisation level, ``O2``, ``O3`` or ``Os``; of the runner alone with a runtime that
            the user built.
        stack_reserve: bytes to keep for the stack; None: by rule, from the measured high-water.
        app_ram: bytes of RAM the application keeps for itself.
        app_flash: bytes of flash it keeps.
        reserve: name of one of the board's reserve profiles, added to the two above.
        ram: what-if sizes of RAM, ``[BANK=]SIZE`` each.
        inputs: ``[NAME=]FILE.npy`` for the graph inputs; empty: generated in the firmware.
        invokes: inferences to run.
        seed: of the generated inputs.
        arena: check this arena size in bytes instead of the required one.
        arena_bank: name of the RAM bank in which all of the arena must lie; None: anywhere.
        save_outputs: directory for inputs and outputs as ``.npy``.
        details: measure also who owns every byte and every cycle.
        engine: what executes the image.
        limits: when to give up.
    """

    runtime: str = DEFAULT_RUNTIME
    opt: str = "O2"
    stack_reserve: int | None = None
    app_ram: int = 0
    app_flash: int = 0
    reserve: str | None = None
    ram: Sequence[str] = ()
    inputs: Sequence[str] = ()
    invokes: int = 1
    seed: int = 1
    arena: int | None = None
    arena_bank: str | None = None
    save_outputs: Path | None = None
    details: bool = False
    engine: str = DEFAULT_ENGINE
    limits: Limits = DEFAULT_LIMITS


def validate(options: Options) -> None:
    """Refuse what makes no sense whatever the model and board.

    Raises:
        UsageError: with the first thing that makes no sense.
    """
    check_name(options.engine)
    if options.opt not in OPTIMISATIONS:
        raise UsageError(f'no level "{options.opt}"; there is: {", ".join(OPTIMISATIONS)}')
    if not 1 <= options.invokes <= MAX_INVOKES:
        raise UsageError(f"inferences must be from 1 to {MAX_INVOKES:,}, got {options.invokes}")
    if not 0 <= options.seed < 1 << 32:
        raise UsageError(f"seed must fit in 32 bits, got {options.seed}")
    if not 0 < options.limits.seconds <= MAX_SECONDS:  # not a number fails too
        raise UsageError(f"timeout must be up to {MAX_SECONDS:,} s, got {options.limits.seconds:g}")
    for name in ("stack_reserve", "app_ram", "app_flash", "arena"):
        value = getattr(options, name)
        if value is not None and value < 0:
            raise UsageError(f"{name.replace('_', '-')} cannot be negative, got {value}")
    if options.arena is not None and options.arena % ARENA_STEP:
        down = options.arena // ARENA_STEP * ARENA_STEP
        raise UsageError(
            f"the arena must be a multiple of {ARENA_STEP} bytes, got {options.arena}; "
            f"{down} and {down + ARENA_STEP} are"
        )
