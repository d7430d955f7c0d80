"""ELF images: what to load, what is called what, and what the debug information says.

The file is untrusted: whatever is wrong with it ends in one InputError. Debug information is read
only when somebody asks for it.
"""

from __future__ import annotations

import contextlib
import io
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.demangle import demangle
from lab.dwarf import definitions, layout, lines, source, types
from lab.errors import InputError, Problem

_FUNCTION, _FILE, _SECTION_SYMBOL = 2, 4, 3  # st_info & 15
_ALLOCATED = 2  # SHF_ALLOC
_ABSOLUTE = 0xFFF1  # SHN_ABS
_MOST_NAMES = 1 << 26  # letters of all symbols together
_KINDS = {0: "notype", 1: "object", _FUNCTION: "function"}


@dataclass(frozen=True)
class Segment:
    """Bytes to put into memory, at their load address: for initial values of RAM, in flash."""

    address: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Section:
    """A section.

    Attributes:
        name: as in the file.
        address: where the program finds it.
        size: bytes.
        flags: ELF's SHF_* bits.
        load: where its contents are put before the program starts, in flash for initial values of
            RAM; None when it has none.
    """

    name: str
    address: int
    size: int
    flags: int
    load: int | None

    @property
    def is_allocated(self) -> bool:
        """Whether it takes memory."""
        return bool(self.flags & _ALLOCATED and self.size)


@dataclass(frozen=True)
class Symbol:
    """A symbol; the Thumb bit is not part of ``address``.

    ``kind``: function, object, notype, or number: no address at all, such as a size.
    """

    address: int
    size: int
    kind: str


@dataclass(frozen=True)
class Image:
    """A linked firmware image.

    Attributes:
        name: file name, for messages.
        entry: entry point as in the header, with its Thumb bit.
        segments: loadable contents by load address.
        sections: all of them, in file order.
        symbols: by mangled name; of equal names a global one.
        named: all symbols with their mangled names, also of equal names.
        compilers: what compilers say of themselves in it.
    """

    name: str
    entry: int
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]
    symbols: dict[str, Symbol] = field(repr=False)
    named: tuple[tuple[str, Symbol], ...] = field(repr=False)
    compilers: tuple[str, ...]
    _functions: tuple[tuple[int, int, str], ...] = field(repr=False)
    _data: bytes = field(repr=False)

    def function_at(self, pc: int) -> str | None:
        """Readable name of the function that an address belongs to."""
        found = self._function_around(pc)
        return demangle(found[2]) if found else None

    def is_function_start(self, address: int) -> bool:
        """Whether a function begins there; discarded ones are said to lie at 0, but do not."""
        found = self._function_around(address)
        return found is not None and found[0] == address

    def function_start(self, pc: int) -> int | None:
        """Where the function begins that an address belongs to."""
        found = self._function_around(pc)
        return found[0] if found else None

    def line_at(self, pc: int) -> str | None:
        """Source position ``file:line`` of an instruction, if the image knows it."""
        try:
            return self._line_at(pc)
        except Exception:  # damaged debug information is as good as none
            return None

    def source_at(self, address: int) -> str | None:
        """Path of the file that a function or object was compiled from, if that is known.

        Args:
            address: of its begin.
        """
        unit = self._defined.get(address)
        if unit is None and self._aranges:
            unit = self._aranges.cu_offset_at_addr(address)
        if unit is not None and unit not in self._sources:
            try:
                self._sources[unit] = source(self.dwarf.get_CU_at(unit))
            except Exception:  # damaged
                self._sources[unit] = None
        return None if unit is None else self._sources[unit]

    def struct_layout(self, name: str) -> dict[str, int]:
        """Offsets of the fields of a structure or class, in bytes.

        Fields of base classes and of unnamed unions are listed like own ones, fields of a
        structure inside as ``outer.inner``; ``sizeof`` is the whole.

        Args:
            name: with its namespaces, such as ``tflite::MicroInterpreter``.

        Raises:
            InputError: the debug information does not have it or is damaged.
        """
        try:
            for unit, entry in self._types.get(name, ()):
                if found := layout(self.dwarf, unit, entry):
                    return found
        except Exception as error:
            raise self._damaged("debug information", error) from None
        hint = "build it with -g, optimisation may stay on"
        raise InputError(Problem(self.name, f"no debug information about {name}", hint))

    @cached_property
    def dwarf(self) -> Any:
        """The debug information, as pyelftools reads it; may raise anything on a damaged file."""
        from elftools.elf.elffile import ELFFile

        return ELFFile(io.BytesIO(self._data)).get_dwarf_info()

    @cached_property
    def call_frames(self) -> list[tuple[int, int, Any]]:
        """Begin, end and call frame information of each function that has some, by address.

        May raise anything on a damaged file. What the linker has discarded is not in it.
        """
        from elftools.dwarf.callframe import FDE

        entries = self.dwarf.CFI_entries() if self.dwarf.has_CFI() else []
        entries += self.dwarf.EH_CFI_entries() if self.dwarf.has_EH_CFI() else []
        found = []
        for entry in entries:
            if isinstance(entry, FDE) and self.is_function_start(entry["initial_location"]):
                start = entry["initial_location"]
                found.append((start, start + entry["address_range"], entry))
        return sorted(found, key=lambda one: one[0])

    def _damaged(self, what: str, error: Exception) -> InputError:
        return InputError(Problem(self.name, f"damaged {what}: {_first_line(error)}"))

    def _function_around(self, pc: int) -> tuple[int, int, str] | None:
        index = bisect_right(self._functions, (pc, 1 << 32, "")) - 1
        if index < 0:
            return None
        address, size, name = self._functions[index]
        if not size and index + 1 < len(self._functions):  # assembler code often states none
            size = self._functions[index + 1][0] - address
        return (address, size, name) if pc < address + max(size, 2) else None

    @cached_property
    def _types(self) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = {}
        for name, place in types(self.dwarf):
            found.setdefault(name, []).append(place)
        return found

    @cached_property
    def _aranges(self) -> Any:
        try:
            return self.dwarf.get_aranges()
        except Exception:  # damaged
            return None

    @cached_property
    def _defined(self) -> dict[int, int]:
        """Offset of the unit that defines what begins at an address."""
        found: dict[int, int] = {}
        with contextlib.suppress(Exception):  # damaged: what comes before it is good
            for address, unit in definitions(self.dwarf):
                found.setdefault(address, unit)
        found.pop(0, None)  # what the linker discarded is said to lie there
        return found

    @cached_property
    def _sources(self) -> dict[int, str | None]:
        return {}

    @cached_property
    def _lines(self) -> dict[int, list[tuple[int, int, str]]]:
        return {}

    def _line_at(self, pc: int) -> str | None:
        offset = self._aranges.cu_offset_at_addr(pc) if self._aranges else None
        if offset is not None:
            units = [self.dwarf.get_CU_at(offset)]
        else:
            units = list(self.dwarf.iter_CUs())
        for unit in units:
            rows = self._lines.get(unit.cu_offset)
            if rows is None:
                program = self.dwarf.line_program_for_CU(unit)
                rows = sorted(lines(program, self.is_function_start)) if program else []
                self._lines[unit.cu_offset] = rows
            index = bisect_right(rows, (pc, 1 << 32, "")) - 1
            if index >= 0 and pc < rows[index][1]:
                return rows[index][2]
        return None


def read_elf(source: Path | str | bytes, name: str = "") -> Image:
    """Read a 32-bit little-endian Arm executable.

    Args:
        source: a file, or the bytes of one.
        name: what to call it in messages; empty: as the file is called.

    Raises:
        InputError: it cannot be read, is damaged, or is not such a file.
    """
    name = name or ("ELF image" if isinstance(source, bytes) else Path(source).name)
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise InputError(Problem(str(source), f"cannot be read: {error.strerror}")) from None
    if data[:4] != b"\x7fELF":
        raise InputError(Problem(name, "not an ELF file"))
    try:
        return _read(name, data)
    except InputError:
        raise
    except Exception as error:  # pyelftools raises many kinds
        raise InputError(Problem(name, f"damaged ELF file: {_first_line(error)}")) from None


def _read(name: str, data: bytes) -> Image:
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(io.BytesIO(data))
    header = elf.header
    if elf.elfclass != 32 or not elf.little_endian or header.e_machine != "EM_ARM":
        raise InputError(Problem(name, "not a 32-bit little-endian Arm ELF file"))
    if header.e_type != "ET_EXEC":
        raise InputError(Problem(name, "not an executable", "give the linked image, not an object"))
    tables = ((elf.num_sections(), header.e_shoff, header.e_shentsize),
              (elf.num_segments(), header.e_phoff, header.e_phentsize))  # fmt: skip
    if any(count and at + count * size > len(data) for count, at, size in tables):
        raise InputError(Problem(name, "damaged ELF file: a table lies outside of the file"))
    headers = list(elf.iter_sections())
    strings = elf.get_section_by_name(".strtab")
    table = elf.get_section_by_name(".symtab")
    entries = _symbols(table.data(), strings.data()) if table and strings else []
    loads = sorted((s["p_vaddr"], s["p_filesz"], s["p_paddr"])
                   for s in elf.iter_segments("PT_LOAD") if s["p_filesz"])  # fmt: skip
    return Image(
        name=name,
        entry=header.e_entry,
        segments=tuple(_segments(name, elf, len(data))),
        sections=tuple(
            Section(s.name, s["sh_addr"], s["sh_size"], s["sh_flags"], _load(s, loads))
            for s in headers[1:]
        ),
        symbols={label: symbol for label, symbol, _ in sorted(entries, key=lambda e: e[2])},
        named=tuple((label, symbol) for label, symbol, _ in entries),
        compilers=_compilers(elf.get_section_by_name(".comment")),
        _functions=tuple(sorted({(s.address, s.size, label) for label, s, _ in entries
                                 if s.kind == "function"})),
        _data=data,
    )  # fmt: skip


def _segments(name: str, elf: Any, size: int) -> Iterator[Segment]:
    contents = 0
    for segment in elf.iter_segments():
        if segment["p_type"] != "PT_LOAD" or not segment["p_filesz"]:
            continue
        contents += segment["p_filesz"]
        if contents > size:
            raise InputError(Problem(name, "damaged ELF file: segments larger than the file"))
        if segment["p_offset"] + segment["p_filesz"] > size:
            raise InputError(Problem(name, "damaged ELF file: a segment is cut off"))
        if segment["p_paddr"] + segment["p_filesz"] > 1 << 32:
            raise InputError(Problem(name, "damaged ELF file: a segment ends beyond 4 GiB"))
        yield Segment(segment["p_paddr"], segment.data())


def _load(section: Any, segments: list[tuple[int, int, int]]) -> int | None:
    """Load address of a section's contents, by address, size and load address of each segment."""
    address: int = section["sh_addr"]
    index = bisect_right(segments, (address, 1 << 32, 0)) - 1
    if section["sh_type"] == "SHT_NOBITS" or index < 0:
        return None
    start, size, load = segments[index]
    return load + address - start if address < start + size else None


def _symbols(table: bytes, strings: bytes) -> list[tuple[str, Symbol, bool]]:
    """Name, symbol, and whether it is global, of everything that has a place in the image."""
    found = []
    names = 0
    table = table[: len(table) // 16 * 16]
    for at, value, size, info, _, section in struct.iter_unpack("<IIIBBH", table):
        kind = info & 15
        label = strings[at : strings.find(b"\0", at)].decode("utf-8", "replace")
        names += len(label)
        if names > _MOST_NAMES:
            raise ValueError("names of symbols that share their letters")
        if not label or label[0] == "$" or not section or kind in (_FILE, _SECTION_SYMBOL):
            continue
        address = value & ~1 if kind == _FUNCTION else value
        what = _KINDS.get(kind, "notype")
        if what == "notype" and section == _ABSOLUTE:
            what = "number"
        found.append((label, Symbol(address, size, what), info >> 4 > 0))
    return found


def _compilers(comment: Any) -> tuple[str, ...]:
    """The different texts in a section of them."""
    texts = comment.data().decode("utf-8", "replace").split("\0") if comment else ()
    return tuple(dict.fromkeys(" ".join(text.split())[:120] for text in texts if text))[:8]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120]
