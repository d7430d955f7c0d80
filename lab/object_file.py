"""Object files: their symbols, what refers to what, and for which processor they were compiled.

Only what the lab asks of a library is read, with nothing but arithmetic on tables: a library has
hundreds of members with hundreds of sections each. The files are untrusted.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lab.dwarf import leb128
from lab.errors import InputError, Problem

_ARM = 40
_RELOCATABLE = 1
_MACHINES = {3: "x86", 62: "x86-64", 183: "64-bit Arm", 243: "RISC-V", 94: "Xtensa", 8: "MIPS",
             20: "PowerPC", 195: "ARC"}  # fmt: skip
_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SECTION = struct.Struct("<10I")
_SYMBOLS, _ATTRIBUTES = 2, 0x70000003  # SHT_SYMTAB, SHT_ARM_ATTRIBUTES
_RELOCATIONS = {4: struct.Struct("<4xI4x"), 9: struct.Struct("<4xI")}  # SHT_RELA, SHT_REL
_ALLOCATED, _EXECUTABLE = 2, 4  # SHF_ALLOC, SHF_EXECINSTR
_LONGEST_NAME = 1 << 14  # C++ names of templates are long
_LONGEST_WORDS = 120
_BITCODE = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
_STRING_TAGS = {4, 5, 67}  # CPU_raw_name, CPU_name, conformance
_COMPATIBILITY, _WHOLE_FILE = 32, 1

Attributes = dict[int, int | str]


class _Section(NamedTuple):
    name: str
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int


class Reference(NamedTuple):
    """What a relocation points to.

    Attributes:
        symbol: name of a global symbol; empty when only this object file knows it.
        section: name of the section of this file that has it; empty when another file does.
    """

    symbol: str
    section: str


@dataclass(frozen=True)
class ObjectFile:
    """One member of a library.

    Attributes:
        name: of the member.
        attributes: Arm build attributes by tag number; empty when it has none.
        defined: global and weak symbols it defines.
        undefined: symbols it wants.
        has_code: it holds instructions.
        halts: it can print HALTED, which TFLM's checks do before they stop.
        lto: it holds a compiler's own form of the program, for the linker to compile.
        compiler: what its compiler says of itself; empty when it says nothing.
    """

    name: str
    attributes: Attributes
    defined: frozenset[str]
    undefined: frozenset[str]
    has_code: bool
    halts: bool
    lto: bool
    compiler: str


def read_object(data: memoryview, name: str, where: str) -> ObjectFile:
    """Read one member.

    Args:
        data: the member's contents.
        name: of the member.
        where: how the library is named in problems.

    Raises:
        InputError: it is no 32-bit little-endian Arm object file, or damaged.
    """
    if bytes(data[:4]) in _BITCODE:
        return ObjectFile(
            name, {}, frozenset(), frozenset(), False, halts=False, lto=True, compiler=""
        )
    with _damage_named(place := f"{where}({name})"):
        return _Reader(data, place).object_file(name)


def references(data: memoryview, place: str) -> dict[str, frozenset[Reference]]:
    """What each section that gets memory refers to: what the linker's --gc-sections follows.

    Args:
        data: the object file's contents.
        place: how it is named in problems.

    Raises:
        InputError: as for ``read_object``.
    """
    with _damage_named(place):
        return _Reader(data, place).references()


@contextlib.contextmanager
def _damage_named(place: str) -> Iterator[None]:
    try:
        yield
    except (struct.error, IndexError, ValueError) as error:
        raise InputError(
            Problem(place, f"damaged object file: {error}", "build it again")
        ) from None


class _Reader:
    def __init__(self, data: memoryview, place: str) -> None:
        self.data = data
        self.place = place

    def object_file(self, name: str) -> ObjectFile:
        self._check_header()
        defined, undefined = self._symbols()
        names = [section.name for section in self.sections]
        return ObjectFile(
            name=name,
            attributes=self._attributes(),
            defined=frozenset(defined),
            undefined=frozenset(undefined),
            has_code=any(s.flags & _EXECUTABLE and s.size for s in self.sections),
            halts=b"HALTED\0" in bytes(self.data),
            lto=any(name.startswith((".gnu.lto_", ".llvm.lto")) for name in names),
            compiler=self._compiler(),
        )

    def _check_header(self) -> None:
        if bytes(self.data[:4]) != b"\x7fELF":
            raise InputError(Problem(self.place, "not an object file in ELF form"))
        machine = int.from_bytes(self.data[18:20], "little" if self.data[5] == 1 else "big")
        if machine != _ARM:
            built_for = _MACHINES.get(machine, f"machine number {machine}")
            hint = "build it with TARGET=cortex_m_generic"
            raise InputError(Problem(self.place, f"built for {built_for}, not for Arm", hint))
        if self.data[4] != 1 or self.data[5] != 1:
            raise InputError(Problem(self.place, "not a 32-bit little-endian object file"))
        if int.from_bytes(self.data[16:18], "little") != _RELOCATABLE:
            raise InputError(Problem(self.place, "not an object file, but already linked"))

    @cached_property
    def sections(self) -> list[_Section]:
        """All sections, in file order."""
        header = _HEADER.unpack_from(self.data)
        start, size, count, strings = header[6], header[11], header[12], header[13]
        if not start:
            return []
        if size != _SECTION.size:
            raise ValueError(f"section headers of {size} bytes")
        if not count:  # more than 65,279: the number stands in the first header
            count = _SECTION.unpack_from(self.data, start)[5]
        if strings == 0xFFFF:
            strings = _SECTION.unpack_from(self.data, start)[6]
        table = self._slice(start, count * _SECTION.size)
        rows = list(_SECTION.iter_unpack(table))
        names = self._slice(*rows[strings][4:6]) if strings else b"\0"
        return [
            _Section(_text(names, name), kind, flags, offset, length, link, info)
            for name, kind, flags, _, offset, length, link, info, *_ in rows
        ]

    def _slice(self, offset: int, size: int) -> bytes:
        if offset + size > len(self.data):
            raise ValueError(f"{size:,} bytes at {offset:,} lie outside of it")
        return bytes(self.data[offset : offset + size])

    def _contents(self, section: _Section | None) -> bytes:
        return self._slice(section.offset, section.size) if section else b""

    def _first(self, kind: int) -> _Section | None:
        """The first section of a kind; an object file has one of each."""
        return next((one for one in self.sections if one.kind == kind), None)

    def _symbols(self) -> tuple[set[str], set[str]]:
        defined: set[str] = set()
        undefined: set[str] = set()
        for label, place in self._symbol_table():
            if label:
                (defined if place else undefined).add(label)
        return defined, undefined

    def _symbol_table(self) -> Iterator[tuple[str, int]]:
        """Name, empty for a local symbol, and index of the section, of each symbol."""
        section = self._first(_SYMBOLS)
        names = self._contents(self.sections[section.link]) if section else b""
        table = self._contents(section)
        table = table[: len(table) // 16 * 16]
        for at, _, _, info, _, place in struct.iter_unpack("<IIIBBH", table):
            yield _text(names, at) if info >> 4 else "", place

    def references(self) -> dict[str, frozenset[Reference]]:
        """Targets of the relocations of each section that gets memory, by its name."""
        self._check_header()
        count = len(self.sections)
        symbols = [
            Reference(label, self.sections[place].name if place < count else "")
            for label, place in self._symbol_table()
        ]
        found: dict[str, set[Reference]] = {}
        for one in self.sections:
            if one.kind in _RELOCATIONS and self.sections[one.info].flags & _ALLOCATED:
                table = _RELOCATIONS[one.kind].iter_unpack(self._contents(one))
                targets = found.setdefault(self.sections[one.info].name, set())
                targets |= {symbols[info >> 8] for (info,) in table}
        return {name: frozenset(targets) for name, targets in found.items()}

    def _attributes(self) -> Attributes:
        return dict(_build_attributes(self._contents(self._first(_ATTRIBUTES))))

    def _compiler(self) -> str:
        section = next((one for one in self.sections if one.name == ".comment"), None)
        words = self._contents(section).strip(b"\0").split(b"\0")[0][:_LONGEST_WORDS]
        text = words.decode("utf-8", "replace")
        return " ".join("".join(c if c.isprintable() else "?" for c in text).split())


def _text(strings: bytes, at: int) -> str:
    end = strings.find(b"\0", at, at + _LONGEST_NAME)
    if end < 0:
        raise ValueError(f"a name without an end at {at:,}")
    return strings[at:end].decode("utf-8", "replace")


def _build_attributes(data: bytes) -> Iterator[tuple[int, int | str]]:
    """Attributes of the whole file; the format is that of Arm IHI 0045, "build attributes"."""
    if data[:1] != b"A":
        return
    at = 1
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        if length < 5 or at + length > len(data):
            raise ValueError("build attributes of an impossible length")
        vendor_end = data.index(b"\0", at + 4)
        if data[at + 4 : vendor_end] == b"aeabi":
            yield from _vendor_attributes(data[vendor_end + 1 : at + length])
        at += length


def _vendor_attributes(data: bytes) -> Iterator[tuple[int, int | str]]:
    at = 0
    while at < len(data):
        tag = data[at]
        (length,) = struct.unpack_from("<I", data, at + 1)
        if length < 5 or at + length > len(data):
            raise ValueError("build attributes of an impossible length")
        if tag == _WHOLE_FILE:
            yield from _values(data[at + 5 : at + length])
        at += length


def _values(data: bytes) -> Iterator[tuple[int, int | str]]:
    at = 0
    while at < len(data):
        tag, at = leb128(data, at)
        if tag == _COMPATIBILITY:
            _, at = leb128(data, at)
        if tag == _COMPATIBILITY or tag in _STRING_TAGS or (tag > _COMPATIBILITY and tag % 2):
            end = data.index(b"\0", at)
            yield tag, data[at:end].decode("utf-8", "replace")
            at = end + 1
        else:
            value, at = leb128(data, at)
            yield tag, value
