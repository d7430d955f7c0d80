"""Renode's log, and what was said to it: files that are kept only when asked for."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

NAME = "renode.log"
COMMANDS = "commands.txt"
_TAIL = 64 << 10  # bytes
_READ_AT_MOST = 64 << 20  # bytes; what a slice logs is hardly ever more than a line
_END = 1 << 20  # bytes that are kept of a file when something went wrong
_KEPT = 16 << 20  # bytes; a firmware that is warned of all the time must not fill the disk
_LINES = 3
_LINE = 200  # characters


class Log:
    """A file that is only added to, open; whoever made it may remove its name."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR)
        weakref.finalize(self, os.close, self._file)

    def size(self) -> int:
        """Bytes logged so far."""
        return os.fstat(self._file).st_size

    def note(self, line: str) -> None:
        """Add a line; to a log that nobody else adds to."""
        os.write(self._file, f"{line}\n".encode())
        self.forget()

    def end(self, size: int = _END) -> bytes:
        """The last bytes, without what was forgotten."""
        data = os.pread(self._file, size, max(0, self.size() - size))
        return data.replace(b"\0", b"")

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
        lines = self.end(_TAIL).decode(errors="replace").splitlines()
        return " | ".join(line.strip()[:_LINE] for line in lines[-_LINES:] if line.strip())
