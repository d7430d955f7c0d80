"""Renode's log: a file that nobody keeps, of which only the end is ever read."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

NAME = "renode.log"
_TAIL = 64 << 10  # bytes
_READ_AT_MOST = 64 << 20  # bytes; what a slice logs is hardly ever more than a line
_KEPT = 16 << 20  # bytes; a firmware that is warned of all the time must not fill the disk
_LINES = 3
_LINE = 200  # characters


class Log:
    """The log file, open; whoever made it may remove its name."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR)
        weakref.finalize(self, os.close, self._file)

    def size(self) -> int:
        """Bytes logged so far."""
        return os.fstat(self._file).st_size

    def since(self, mark: int) -> str:
        """What was logged after a size, or the begin of it."""
        return os.pread(self._file, _READ_AT_MOST, mark).decode(errors="replace")

    def forget(self) -> None:
        """Give the disk space back when it is much: leave a hole of the same size.

        Renode writes on behind what it has written.
        """
        if os.fstat(self._file).st_blocks * 512 > _KEPT:
            size = self.size()
            os.ftruncate(self._file, 0)
            os.ftruncate(self._file, size)

    def tail(self) -> str:
        """The last lines, in one; empty when there are none."""
        data = os.pread(self._file, _TAIL, max(0, self.size() - _TAIL))
        lines = data.replace(b"\0", b"").decode(errors="replace").splitlines()
        return " | ".join(line.strip()[:_LINE] for line in lines[-_LINES:] if line.strip())
