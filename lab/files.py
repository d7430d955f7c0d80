"""Files that the user names: those to read, and those for results."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from lab.errors import InputError, Problem, UsageError, escape


def read_input(path: str | Path, most: int) -> bytes:
    """Contents of a file; a pipe is an error, not a wait.

    Args:
        path: which file.
        most: bytes it may have.

    Raises:
        InputError: it cannot be read, or is absurdly large.
    """
    where = escape(str(path))
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(Problem(where, "is not a regular file"))
        if status.st_size > most:
            what = f"{status.st_size:,} B are more than the {most:,} B this lab reads"
            raise InputError(Problem(where, what))
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(Problem(where, f"cannot be read: {reason}")) from None


def open_output(path: str | Path) -> BinaryIO:
    """Find out that a file can be written to; a pipe that nobody reads is an error, not a wait.

    Until ``write_output`` what is there stays as it is, and where nothing is, nothing is left: the
    path may name an input too, and what is to be written may never come about.

    Raises:
        UsageError: it cannot be written to.
    """
    new = not os.path.lexists(path)
    file = _open(path)
    if new and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        with contextlib.suppress(OSError):
            Path(path).unlink()
    return file


def _open(path: str | Path) -> BinaryIO:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o666)
        os.set_blocking(descriptor, True)
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from None
    return open(descriptor, "wb", buffering=0)  # noqa: PTH123


def write_output(path: str | Path, file: BinaryIO, data: bytes) -> None:
    """Write all of it, in place of what was there, and close; ``path`` is what to call the file.

    Raises:
        UsageError: it cannot be written to.
        BrokenPipeError: it is a pipe whose reader has gone.
    """
    left = memoryview(data)
    try:
        with _emptied(path, file) as place:
            while left:
                left = left[place.write(left) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(path, error) from None


def _emptied(path: str | Path, file: BinaryIO) -> BinaryIO:
    """The file without contents, and with its name if it was new."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        return file
    if not status.st_nlink:
        file.close()
        file = _open(path)
    file.truncate()
    return file


def unwritable(path: str | Path, error: Exception) -> UsageError:
    """The error for a place that cannot be written to, for the reason of another error."""
    return UsageError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")


class WholeFile:
    """A result file that is there in full or not at all, whenever the process is killed.

    One from an earlier run is removed at once: what is there afterwards is of this run. What is no
    regular file, such as a pipe or a terminal, is opened at once and written to at the end.

    Raises:
        UsageError: it cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._stream: BinaryIO | None = None
        if _is_special(path):
            self._stream = open_output(path)
            return
        target = Path(os.path.realpath(path))
        try:
            target.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            raise unwritable(path, error) from None
        if not target.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no such directory")
        if not os.access(target.parent, os.W_OK):
            raise UsageError(f"cannot write {path}: permission denied")

    def write(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            UsageError: it cannot be written.
        """
        if self._stream:
            write_output(self._path, self._stream, data)
        else:
            write_whole(self._path, data)


def write_whole(path: str | Path, data: bytes, *, over: bool = True) -> None:
    """Write a file so that, whenever the process is killed, the old or the new one is there.

    Args:
        path: where; a link is followed.
        data: all of it.
        over: replace a file that is there.

    Raises:
        UsageError: it cannot be written, or it is there and is to stay.
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            partial.write_bytes(data)
            (os.replace if over else os.link)(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from None


def append_output(path: str | Path, data: bytes) -> None:
    """Add to the end of a file, which is made when missing.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        with Path(path).open("ab") as file:
            file.write(data)
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from None


def _is_special(path: str | Path) -> bool:
    """Whether something is there that is no regular file."""
    with contextlib.suppress(OSError, ValueError):
        return not stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - the path as it was given
    return False
