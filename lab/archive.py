"""Static libraries: the members of an ``ar`` archive, as GNU, BSD and Arm tools write it.

The file is untrusted: whatever is wrong with it ends in one InputError.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import InputError, Problem

MAX_BYTES = 1 << 29
MAX_MEMBERS = 1 << 15
_MAGIC, _THIN = b"!<arch>\n", b"!<thin>\n"
_HEADER = 60
_END = b"`\n"
_NAMES, _INDEXES = "//", {"/", "/SYM64/"}
_BSD_INDEX = "__.SYMDEF"


@dataclass(frozen=True)
class Member:
    """A file in an archive; of equal names all are there."""

    name: str
    data: memoryview = field(repr=False)


def read_file(path: Path, where: str) -> bytes:
    """Contents of a library file.

    Raises:
        InputError: it cannot be read, is no regular file, or is absurdly large.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise InputError(Problem(where, f"is {kind}", "give the libtensorflow-microlite.a"))
        if status.st_size > MAX_BYTES:
            what = f"{status.st_size:,} B are more than the {MAX_BYTES:,} B this lab reads"
            raise InputError(Problem(where, what, "is this the right file?"))
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(Problem(where, f"cannot be read: {reason}")) from None


def members(data: bytes, where: str) -> Iterator[Member]:
    """The members of an archive in file order, without its indexes.

    Args:
        data: the whole file.
        where: how the file is named in problems.

    Raises:
        InputError: it is no archive, a thin one, or damaged.
    """
    _refuse_others(data, where)
    view, at, count = memoryview(data), len(_MAGIC), 0
    long_names = b""
    while at < len(data):
        name, size = _header(data, at, where)
        at += _HEADER
        if at + size > len(data):
            what = f"damaged archive: member {name} is cut off"
            raise InputError(Problem(where, what, "build it again"))
        body = view[at : at + size]
        at += size + size % 2
        count += 1
        if count > MAX_MEMBERS:
            raise InputError(Problem(where, f"more than {MAX_MEMBERS:,} members"))
        if name == _NAMES:
            long_names = bytes(body)
        elif name not in _INDEXES:
            name, body = _named(name, body, long_names, where)
            if not name.startswith(_BSD_INDEX):
                yield Member(name, body)


def _refuse_others(data: bytes, where: str) -> None:
    if data.startswith(_THIN):
        what = "is a thin archive: it only names object files that lie elsewhere"
        raise InputError(Problem(where, what, "make a whole one: ar rcs, without T"))
    if not data:
        raise InputError(Problem(where, "is empty"))
    if not data.startswith(_MAGIC):
        kind = "an ELF file, not a static library" if data[:4] == b"\x7fELF" else "no ar archive"
        raise InputError(Problem(where, f"is {kind}", "give the libtensorflow-microlite.a"))


def _header(data: bytes, at: int, where: str) -> tuple[str, int]:
    header = data[at : at + _HEADER]
    size = header[48:58].decode("latin-1").strip()
    if len(header) < _HEADER or header[58:] != _END or not re.fullmatch("[0-9]{1,10}", size):
        what = f"damaged archive: no member header at byte {at:,}"
        raise InputError(Problem(where, what, "build it again"))
    return _printable(header[:16]).rstrip(), int(size)


def _named(name: str, body: memoryview, long_names: bytes, where: str) -> tuple[str, memoryview]:
    """Name and contents of a member whose name may stand in the archive's table or its own data."""
    if match := re.fullmatch("/([0-9]+)", name):
        start = int(match[1])
        end = long_names.find(b"\n", start)
        if start >= len(long_names) or end < 0:
            raise InputError(Problem(where, f"damaged archive: no name at {start:,} in its table"))
        return _printable(long_names[start:end]).rstrip("/"), body
    if match := re.fullmatch("#1/([0-9]+)", name):
        length = int(match[1])
        if length > len(body):
            raise InputError(Problem(where, "damaged archive: a name longer than its member"))
        return _printable(bytes(body[:length]).rstrip(b"\0")), body[length:]
    return name.rstrip("/") or "(no name)", body


def _printable(name: bytes) -> str:
    text = name.decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
