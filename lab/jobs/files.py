"""Files that the user names for results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from lab.errors import UsageError


def open_output(path: str | Path) -> BinaryIO:
    """Open a file to write to, emptied; a pipe that nobody reads is an error, not a wait.

    Raises:
        UsageError: it cannot be written to.
    """
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK
        descriptor = os.open(path, flags, 0o666)
        os.set_blocking(descriptor, True)
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from None
    return open(descriptor, "wb", buffering=0)  # noqa: PTH123


def write_output(path: str | Path, file: BinaryIO, data: bytes) -> None:
    """Write all of it and close; ``path`` is what to call the file.

    Raises:
        UsageError: it cannot be written to.
        BrokenPipeError: it is a pipe whose reader has gone.
    """
    left = memoryview(data)
    try:
        with file:
            while left:
                left = left[file.write(left) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: str | Path, error: Exception) -> UsageError:
    """The error for a place that cannot be written to, for the reason of another error."""
    return UsageError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")
