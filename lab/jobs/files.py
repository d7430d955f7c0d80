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
