"""How deep the stack has been, by what was written there: painted before, scanned after.

A store below every other one shows; room that a function takes and never writes does not. So the
result is "at least", and tells no place.
"""

from __future__ import annotations

from collections.abc import Callable

_PAINT = b"\xa5"
_WORD = 4
_MARGIN = 32  # bytes; what has room for locals it does not write steps over a smaller one


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
                self._margin = _PAINT * min(_MARGIN, max(0, self._sp() - limit))
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
