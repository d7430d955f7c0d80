"""The required arena: the smallest with which allocation succeeds, found by running it.

Allocation decides: everything inference may use is handed out before it begins. So the search runs
allocations only, and the caller then runs inference at the size found and compares its outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab.errors import NoVerdictError
from lab.measure.failures import Failure
from lab.measure.inference import Start
from lab.measure.session import Session
from lab.placement import ARENA_STEP, align_up

# A trial that hangs is "too small". Working allocations differ little in length, so a multiple of
# one that worked, and enough for tiny ones, tells a hang.
_HANG_FACTOR = 8
_HANG_FLOOR = 20_000_000


@dataclass(frozen=True)
class Required:
    """Result of the search.

    Attributes:
        size: bytes; allocation succeeded with it and failed with 16 less.
        below: how it failed with 16 bytes less; None if the model needs no arena at all, or if it
            did not fail but computed something else.
        differs: with 16 bytes less the outputs were others.
        trials: allocations run.
    """

    size: int
    below: Failure | None
    trials: int
    differs: bool = False


def required_arena(session: Session, start: Start, reported: int, setup: int) -> Required:
    """Find the smallest arena, in 16-byte steps.

    Args:
        session: image on the probe map.
        start: a run that succeeded with plenty.
        reported: its ``arena_used_bytes()``, from where the search goes up or down.
        setup: instructions its allocation took.

    Raises:
        NoVerdictError: it does not even succeed with the arena of ``start``.
    """
    budget = _HANG_FACTOR * setup + _HANG_FLOOR
    trials = 0
    failed: dict[int, Failure] = {}

    def works(size: int) -> bool:
        nonlocal trials
        if size <= 0:
            return False
        trials += 1
        failure = session.allocate(replace(start, arena_bytes=size), budget)
        if failure:
            failed[size] = failure
        return failure is None

    plenty = start.arena_bytes
    high = min(align_up(reported), plenty)
    low, step = 0, ARENA_STEP
    if works(high):
        while (probe := high - step) > 0 and works(probe):
            high, step = probe, step * 2
        low = max(0, probe)
    else:
        low = high
        while not works(high := min(low + step, plenty)):
            if high == plenty:
                raise NoVerdictError("no verdict: allocation is not reproducible")
            low, step = high, step * 2
    while high - low > ARENA_STEP:
        middle = (low + high) // 2 // ARENA_STEP * ARENA_STEP
        if works(middle):
            high = middle
        else:
            low = middle
    return Required(high, failed.get(high - ARENA_STEP), trials)
