"""How deep the stack has been, by what was written there: painted before, scanned after.

A store below every other one shows; room that a function takes and never writes does not, nor a
byte that happens to look like the paint. So the result is "at least", and tells no place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from lab.elf import Segment
from lab.engines.base import BlockCount, Engine, LowestSp, Machine, Stop, StopReason, Totals

_PAINT = b"\xa5"
_WORD = 4
MARGIN = 32  # bytes; what has room for locals it does not write steps over a smaller one


class PaintedStack:
    """The memory below SP, down to a limit. Nothing is painted as long as there is no limit."""

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        write: Callable[[int, bytes], None],
        sp: Callable[[], int],
    ) -> None:
        """Begin where SP is now.

        Args:
            read: memory contents.
            write: changes memory.
            sp: the stack pointer.
        """
        self._read, self._write, self._sp = read, write, sp
        self._limit = 0
        self._margin = b""  # above the limit, as it was painted
        self._lowest = sp()
        self._known = True  # nothing has run since it was looked up

    def begin(self, limit: int) -> None:
        """The core is going to run, with this limit; 0: none."""
        if limit != self._limit:
            self.lowest()
            self._limit = limit
            if limit:
                self._paint(limit, self._sp())
                self._margin = _PAINT * min(MARGIN, max(0, self._sp() - limit))
        self._known = False

    def lowest(self) -> int:
        """The lowest SP since ``restart``, as far as it shows."""
        if not self._known:
            self._lowest = min(self._lowest, self._sp(), self._touched())
            self._known = True
        return self._lowest

    def restart(self) -> None:
        """Forget the lowest SP: begin again at the current one."""
        lowest, self._lowest = self.lowest(), self._sp()
        if self._limit:
            self._paint(max(lowest, self._limit), self._lowest)

    def passed(self) -> bool:
        """Whether the stack went below the limit, or came nearer to it than 32 bytes."""
        if not self._limit:
            return False
        margin = self._margin
        return self._sp() < self._limit or self._read(self._limit, len(margin)) != margin

    def taken_back(self, frame: int, sp: int) -> None:
        """What the core itself pushed last, to take an exception, is not the firmware's stack.

        Args:
            frame: where it lies.
            sp: what SP was before.
        """
        self._known = False
        if self._limit <= frame <= self._touched():
            self._paint(frame, sp)

    def _paint(self, start: int, end: int) -> None:
        if start < end:
            self._write(start, _PAINT * (end - start))

    def _touched(self) -> int:
        """The lowest word that is not as it was painted."""
        if not self._limit or self._lowest <= self._limit:
            return self._lowest
        data = self._read(self._limit, self._lowest - self._limit)
        painted = len(data) - len(data.lstrip(_PAINT))
        return self._limit + painted // _WORD * _WORD


class Painted:
    """An engine that sees blocks as one would be that does not; see ``lab.engines.base.Engine``.

    What is not about the stack goes to the engine inside.
    """

    sees_blocks = False

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self.name = inner.name
        self.version = inner.version

    def load(self, machine: Machine, segments: Sequence[Segment], vector_table: int) -> None:
        """Build the device, put the segments in memory, and reset it."""
        self._inner.load(machine, segments, vector_table)
        self._begin()

    def reset(self) -> None:
        """Bring memory, registers and counters back to where ``load`` left them."""
        self._inner.reset()
        self._begin()

    def run(
        self, until: Collection[int], *, instructions: int, seconds: float, stack_limit: int = 0
    ) -> Stop:
        """Execute from the current PC; a stack limit is noticed where the run comes back.

        Args:
            until: addresses to stop before.
            instructions: budget of this call.
            seconds: wall clock limit of this call.
            stack_limit: SP that the stack must not go below; 0: no limit.
        """
        self._stack.begin(stack_limit)
        stop = self._inner.run(until, instructions=instructions, seconds=seconds)
        if not self._stack.passed():
            return stop
        return replace(stop, reason=StopReason.STACK_LIMIT, fault=None)

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
        """How deep the stack has been at least."""
        return LowestSp(self._stack.lowest(), None, exact=False)

    def restart_lowest_sp(self) -> None:
        """Forget the lowest SP: measure the next phase from the current SP on."""
        self._stack.restart()

    def profile(self) -> list[BlockCount]:
        """Nothing: blocks are not seen. Raises ValueError."""
        raise ValueError("this engine does not see blocks")

    def _begin(self) -> None:
        inner = self._inner
        self._stack = PaintedStack(inner.read, inner.write, lambda: inner.register("sp"))
