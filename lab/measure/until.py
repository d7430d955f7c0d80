"""Run a device up to something worth looking at, and say what became of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from lab.demangle import demangle
from lab.elf import Image, read_elf
from lab.engines.base import Stop, StopReason
from lab.engines.registry import create
from lab.errors import NoVerdictError
from lab.measure.inference import Start
from lab.measure.session import EndedError, Session
from lab.measure.tasks import Device
from lab.measure.unwind import Frame, call_chain

_WRITES_CONSOLE = "DebugLog"  # both generations of TFLM write their text through it


@dataclass(frozen=True)
class Goal:
    """Where to stop.

    Attributes:
        kind: ``end`` of the last inference; entry of a function (``symbol``); a line of the
            ``console`` that holds a text; a number of ``instructions`` since reset.
        text: name of the function, mangled or not; or the text.
        instructions: how many.
    """

    kind: Literal["end", "symbol", "console", "instructions"]
    text: str = ""
    instructions: int = 0

    def __str__(self) -> str:
        """As it is told in messages."""
        return {
            "end": "its end",
            "symbol": self.text,
            "console": f'the console line "{self.text}"',
            "instructions": f"{self.instructions:,} instructions",
        }[self.kind]


@dataclass(frozen=True)
class Ended:
    """What became of a run.

    Attributes:
        goal: where it was to stop.
        reached: it got there.
        failure_class: why it did not; None: it did, or the firmware came to its end before.
        reason: the same as one line.
        chain: call chain where it stopped, innermost first.
        instructions: since reset, exact to the end of a block.
        cycles: of the same; modelled.
        console: lines the firmware has printed.
    """

    goal: Goal
    reached: bool
    failure_class: str | None
    reason: str
    chain: tuple[Frame, ...] = ()
    instructions: int = 0
    cycles: int | None = 0
    console: tuple[str, ...] = ()


def run_until(device: Device, start: Start, goal: Goal) -> Ended:
    """Load the image, reset, and run.

    Raises:
        NoVerdictError: the time is up, or the image cannot tell when the goal is reached.
    """
    engine, image = create(device.engine), read_elf(device.elf)
    session = _Watched(
        engine,
        image,
        device.machine,
        device.offsets,
        device.limits,
        goal=goal,
        entries=_entries(image, goal),
    )
    return session.run(start)


def _entries(image: Image, goal: Goal) -> frozenset[int]:
    """Entries of the functions that matter to a goal."""
    name = {"symbol": goal.text, "console": _WRITES_CONSOLE}.get(goal.kind)
    if name is None:
        return frozenset()
    found = frozenset(
        symbol.address
        for mangled, symbol in image.symbols.items()
        if symbol.kind == "function" and name in {mangled, demangle(mangled)}
    )
    if not found:
        raise NoVerdictError(f'no verdict: the image has no function "{name}"')
    return found


class _ReachedError(Exception):
    """The goal was reached, wherever the session was."""


@dataclass
class _Watched(Session):
    """A session that also stops where the goal may be reached."""

    goal: Goal = field(kw_only=True)
    entries: frozenset[int] = field(kw_only=True)  # of the functions that matter to it
    _returns: set[int] = field(init=False, default_factory=set)

    def run(self, start: Start) -> Ended:
        """Reset and run to the goal, or as far as it goes."""
        # No engine stops where it stands, and here it stands at reset.
        reached = self.goal.kind == "symbol" and self.engine.register("pc") & ~1 in self.entries
        failure_class, reason = None, "the firmware came to its end"
        try:
            if not reached:
                self._infer(start, None)
                reached = self.goal.kind == "end"
        except _ReachedError:
            reached = True
        except EndedError as ended:
            failure_class, reason = ended.failure.failure_class, ended.failure.reason
            reached = self._used_up(ended.failure.stop)
        totals = self.engine.totals()
        return Ended(
            self.goal,
            reached,
            None if reached else failure_class,
            f"reached {self.goal}" if reached else reason,
            call_chain(self.engine, self.image),
            totals.instructions,
            totals.cycles,
            self._mailbox.log(),
        )

    def _run(self, until: Collection[int]) -> Stop:
        while True:
            places = self.entries | self._returns
            stop = super()._run({*until, *places})
            if stop.pc in places and self._is_reached(stop.pc):
                raise _ReachedError
            if stop.pc in until:
                return stop

    def _is_reached(self, pc: int) -> bool:
        """Whether it is; text is on the console when the function that writes it has returned."""
        if self.goal.kind == "symbol":
            return True
        if pc in self.entries:
            self._returns.add(self.engine.register("lr") & ~1)
        return any(self.goal.text in line for line in self._mailbox.log())

    def _allow(self, instructions: int) -> None:
        super()._allow(instructions)
        if self.goal.kind == "instructions":
            self._budget_end = min(self._budget_end, self.goal.instructions)

    def _used_up(self, stop: StopReason | None) -> bool:
        return (
            stop is StopReason.INSTRUCTION_BUDGET
            and self.goal.kind == "instructions"
            and self.engine.totals().instructions >= self.goal.instructions
        )
