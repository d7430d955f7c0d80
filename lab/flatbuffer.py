"""Reading a flatbuffer that nobody vouches for: every offset is checked before it is followed.

The rules are those of ``flatbuffers::Verifier``: tables, vtables, vectors and strings lie inside
the buffer, aligned, and offsets point forward (so nothing can contain itself). On top there are
limits on the work a buffer can ask for: offsets may be shared, so a few kilobytes can describe
millions of tables or elements.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from lab.errors import escape

MAX_DEPTH = 16
MAX_TABLES = 50_000
MAX_DECODED_BYTES = 16 << 20
_MAX_BUFFER = (1 << 31) - 1

_UINT16 = struct.Struct("<H")
_UINT32 = struct.Struct("<I")
_INT32 = struct.Struct("<i")


class FlatbufferError(ValueError):
    """The buffer breaks the format.

    Attributes:
        where: path of the field, such as ``subgraphs[0].tensors[5].shape``.
        what: what is wrong there.
    """

    def __init__(self, where: str, what: str) -> None:
        self.where = where or "root table"
        super().__init__(f"{self.where}: {what}")
        self.what = what


class LimitError(FlatbufferError):
    """The buffer asks for more work than any model needs; nothing more should be read of it."""


@dataclass(frozen=True)
class Span:
    """Where the elements of a vector lie: ``count`` of ``width`` bytes from ``offset``."""

    offset: int
    count: int
    width: int = 1

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * self.width


class Flatbuffer:
    """One buffer and what reading it may still cost.

    Args:
        data: the whole buffer; offset 0 is its (16-byte aligned) base.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self._tables_left = MAX_TABLES
        self._bytes_left = MAX_DECODED_BYTES
        self._vtables: dict[int, tuple[int, ...]] = {}

    def root(self, identifier: bytes) -> Table:
        """The root table, once the file identifier is right.

        Raises:
            FlatbufferError: not such a file, or its root does not lie inside it.
        """
        if self.size > _MAX_BUFFER:
            raise FlatbufferError("file", "is larger than a flatbuffer can be")
        if self.size < 8:
            raise FlatbufferError("file", f"{self.size} bytes are too few for any flatbuffer")
        found = self.data[4:8]
        if found != identifier:
            raise FlatbufferError(
                "file identifier", f"is {ascii(found)[1:]}, not {ascii(identifier)[1:]}"
            )
        return self.table(self.follow(0, "root"), "", 0)

    def follow(self, position: int, where: str) -> int:
        """Target of the offset stored at ``position`` (already checked to lie inside)."""
        offset: int = _UINT32.unpack_from(self.data, position)[0]
        if offset < 4:
            raise FlatbufferError(where, f"offset {offset} points into itself")
        if position + offset > self.size - 4:
            raise FlatbufferError(
                where, f"offset {offset:,} points outside the file of {self.size:,} bytes"
            )
        target = position + offset
        if target % 4:
            raise FlatbufferError(where, f"offset {offset:,} points to an unaligned place")
        return target

    def table(self, position: int, where: str, depth: int) -> Table:
        """The table at ``position``, its vtable checked."""
        if depth > MAX_DEPTH:
            raise FlatbufferError(where, f"tables are nested deeper than {MAX_DEPTH}")
        self._tables_left -= 1
        if self._tables_left < 0:
            raise LimitError(where, f"more than {MAX_TABLES:,} tables")
        vtable = position - _INT32.unpack_from(self.data, position)[0]
        fields = self._vtables.get(vtable)
        if fields is None:
            fields = self._vtables[vtable] = self._vtable(vtable, where)
        if position + fields[1] > self.size:
            raise FlatbufferError(where, f"table of {fields[1]} bytes ends outside the file")
        return Table(self, position, fields, where, depth)

    def _vtable(self, position: int, where: str) -> tuple[int, ...]:
        if position < 0 or position % 2 or position + 4 > self.size:
            raise FlatbufferError(where, "its vtable lies outside the file or is unaligned")
        size: int = _UINT16.unpack_from(self.data, position)[0]
        if size < 4 or size % 2 or position + size > self.size:
            raise FlatbufferError(where, f"its vtable of {size} bytes is cut or odd")
        fields = struct.unpack_from(f"<{size // 2}H", self.data, position)
        if fields[1] < 4:
            raise FlatbufferError(where, f"its vtable says a table of {fields[1]} bytes")
        return fields

    def span(self, position: int, width: int, where: str) -> Span:
        """Extent of the vector at ``position``."""
        count: int = _UINT32.unpack_from(self.data, position)[0]
        start = position + 4
        if count * width > self.size - start:
            raise FlatbufferError(
                where, f"vector of {count:,} elements of {width} B ends outside the file"
            )
        return Span(start, count, width)

    def expect_tables(self, count: int, where: str) -> None:
        """Refuse a vector of more tables than may still be read."""
        if count > self._tables_left:
            raise LimitError(where, f"{count:,} tables make more than {MAX_TABLES:,} in all")

    def spend(self, size: int, where: str) -> None:
        """Account for ``size`` bytes about to become Python objects."""
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise LimitError(
                where, f"its vectors add up to more than {MAX_DECODED_BYTES >> 20} MiB"
            )


class Table:
    """One table; fields are read by slot number, absent ones give the default.

    Every method takes the slot and the name of the field, the latter for messages. They raise
    FlatbufferError when the field does not lie where it should.
    """

    __slots__ = ("_buffer", "_depth", "_fields", "_position", "where")

    def __init__(
        self, buffer: Flatbuffer, position: int, fields: tuple[int, ...], where: str, depth: int
    ) -> None:
        self._buffer = buffer
        self._position = position
        self._fields = fields
        self._depth = depth
        self.where = where

    def place(self, name: str) -> str:
        """Path of a field."""
        return f"{self.where}.{name}" if self.where else name

    def has(self, slot: int) -> bool:
        """Whether the field is there."""
        return slot + 2 < len(self._fields) and self._fields[slot + 2] != 0

    def scalar(self, slot: int, name: str, code: str, default: Any) -> Any:
        """An inline number; ``code`` is its ``struct`` letter (``b B i I q Q f ?``)."""
        if not self.has(slot):
            return default
        return struct.unpack_from(f"<{code}", self._buffer.data, self._inline(slot, name, code))[0]

    def string(self, slot: int, name: str) -> str | None:
        """Text, made printable: everything else in it is escaped."""
        span = self.span(slot, name, "B")
        if span is None:
            return None
        end = span.offset + span.count
        if end >= self._buffer.size or self._buffer.data[end]:
            raise FlatbufferError(self.place(name), "string does not end with a zero byte")
        self._buffer.spend(span.size, self.place(name))
        text = self._buffer.data[span.offset : end].decode("utf-8", "backslashreplace")
        return escape(text)

    def span(self, slot: int, name: str, code: str) -> Span | None:
        """Where a vector of numbers lies, without decoding it."""
        if not self.has(slot):
            return None
        where = self.place(name)
        target = self._buffer.follow(self._inline(slot, name, "I"), where)
        return self._buffer.span(target, struct.calcsize(f"<{code}"), where)

    def numbers(self, slot: int, name: str, code: str) -> tuple[Any, ...] | None:
        """A vector of numbers."""
        span = self.span(slot, name, code)
        if span is None:
            return None
        self._buffer.spend(span.size, self.place(name))
        return struct.unpack_from(f"<{span.count}{code}", self._buffer.data, span.offset)

    def table(self, slot: int, name: str) -> Table | None:
        """A table, also the value of a union."""
        if not self.has(slot):
            return None
        where = self.place(name)
        target = self._buffer.follow(self._inline(slot, name, "I"), where)
        return self._buffer.table(target, where, self._depth + 1)

    def elements(self, slot: int, name: str) -> Span:
        """Where a vector of tables lies; ``element`` reads one of them.

        Raises:
            LimitError: longer than the tables left to read.
        """
        where = self.place(name)
        span = self.span(slot, name, "I")
        if span is None:
            raise FlatbufferError(where, "is missing")
        self._buffer.expect_tables(span.count, where)
        return span

    def element(self, span: Span, index: int, name: str) -> Table:
        """Table ``index`` of a vector of tables."""
        where = f"{self.place(name)}[{index}]"
        target = self._buffer.follow(span.offset + 4 * index, where)
        return self._buffer.table(target, where, self._depth + 1)

    def _inline(self, slot: int, name: str, code: str) -> int:
        offset = self._fields[slot + 2]
        width = struct.calcsize(f"<{code}")
        if offset < 4 or offset + width > self._fields[1]:
            raise FlatbufferError(self.place(name), "field lies outside its table")
        position = self._position + offset
        if position % width:
            raise FlatbufferError(self.place(name), "field is not aligned")
        return position
