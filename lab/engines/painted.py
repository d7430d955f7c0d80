"""The stack of an engine that does not see blocks: painted before the run, and scanned after it.

What a run leaves unpainted was written, so the stack is at least that deep: memory that a frame
takes and never writes is not seen, nor a word that happens to look like the paint. Wrapped around
an engine that could tell exactly, it tells what the other kind would have seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from lab.elf import Segment
from lab.engines.base import BlockCount, Engine, LowestSp, Machine, Stop, StopReason, Totals

_PAINT = 0xA5  # a word of it is no address and no small number
_WORD = 4


class Painted:
    """See ``lab.engines.base.Engine``; what is not about the stack goes to the engine inside."""

    sees_blocks = False

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self.name = inner.name
        self.version = inner.version
        self._limit: int | None = None  # lowest painted address; None: nothing is painted yet

    def load(self, machine: Machine, segments: Sequence[Segment], vector_table: int) -> None:
        """Build the device, put the segments in memory, and reset it."""
        self._inner.load(machine, segments, vector_table)
        self.version = self._inner.version
        self._limit = None

    def reset(self) -> None:
        """Bring memory, registers and counters back to where ``load`` left them."""
        self._inner.reset()
        self._limit = None

    def run(
        self, until: Collection[int], *, instructions: int, seconds: float, stack_limit: int = 0
    ) -> Stop:
        """Execute from the current PC.

        That the stack has passed its limit is noticed where the run comes back; so is a stack that
        has written its last word, which looks the same from here.

        Args:
            until: addresses to stop before.
            instructions: budget of this call.
            seconds: wall clock limit of this call.
            stack_limit: lowest address of the stack; the same in all calls from reset on.
        """
        if stack_limit and self._limit is None:
            self._limit = stack_limit
            self._paint(stack_limit, self._inner.register("sp"))
        stop = self._inner.run(until, instructions=instructions, seconds=seconds)
        if self._limit is not None and self._lowest(self._limit) <= self._limit:
            return replace(stop, reason=StopReason.STACK_LIMIT, fault=None)
        return stop

    def read(self, address: int, size: int) -> bytes:
        """Memory contents. Raises ValueError where nothing is mapped."""
        return self._inner.read(address, size)

    def write(self, address: int, data: bytes) -> None:
        """Change data memory (not code that has run). Raises ValueError where nothing is mapped."""
        self._inner.write(address, data)

    def register(self, name: str) -> int:
        """Value of ``r0``..``r12``, ``sp``, ``lr`` or ``pc``."""
        return self._inner.register(name)

    def set_register(self, name: str, value: int) -> None:
        """Change a register."""
        self._inner.set_register(name, value)

    def totals(self) -> Totals:
        """What was counted since reset: instructions."""
        return Totals(self._inner.totals().instructions, None)

    def lowest_sp(self) -> LowestSp:
        """How deep the stack has been: at least this deep."""
        limit = self._limit
        sp = self._inner.register("sp") if limit is None else self._lowest(limit)
        return LowestSp(sp, None, exact=False)

    def restart_lowest_sp(self) -> None:
        """Forget the lowest SP: measure the next phase from the current SP on."""
        if self._limit is not None:
            self._paint(self._lowest(self._limit), self._inner.register("sp"))

    def profile(self) -> list[BlockCount]:
        """Not to be had.

        Raises:
            ValueError: always.
        """
        raise ValueError("this engine does not see blocks")

    def _paint(self, low: int, high: int) -> None:
        if high > low:
            self._inner.write(low, bytes([_PAINT]) * (high - low))

    def _lowest(self, limit: int) -> int:
        """Lowest word that is not painted any more, or SP where that is lower."""
        sp = self._inner.register("sp")
        if sp <= limit:
            return sp
        stack = self._inner.read(limit, sp - limit)
        unpainted = len(stack) - len(stack.lstrip(bytes([_PAINT])))
        return limit + unpainted // _WORD * _WORD
