"""Debug information: fields of structures, lines of instructions, source files of what there is.

``dwarf`` is pyelftools' reader throughout. It is exact but slow, so entries that are of no
interest are stepped over without it. Damaged data may raise anything; the caller catches it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_ABSOLUTE, _UPWARDS = re.compile("/|[A-Za-z]:/"), re.compile(r"(\.\./)*")
_LARGEST_NEST = 8
_MOST_SHAPES = 400_000  # an image of 1,000 units has half as many
_MOST_FIELDS = 4096
_MOST_BITS = 63  # of a number of variable length
_STRUCTS = frozenset({"DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type"})
_SIZES = {
    "DW_FORM_addr": 4, "DW_FORM_data1": 1, "DW_FORM_data2": 2, "DW_FORM_data4": 4,
    "DW_FORM_data8": 8, "DW_FORM_data16": 16, "DW_FORM_flag": 1, "DW_FORM_flag_present": 0,
    "DW_FORM_implicit_const": 0, "DW_FORM_strp": 4, "DW_FORM_line_strp": 4, "DW_FORM_ref1": 1,
    "DW_FORM_ref2": 2, "DW_FORM_ref4": 4, "DW_FORM_ref8": 8, "DW_FORM_ref_addr": 4,
    "DW_FORM_ref_sig8": 8, "DW_FORM_sec_offset": 4, "DW_FORM_strx1": 1, "DW_FORM_strx2": 2,
    "DW_FORM_strx3": 3, "DW_FORM_strx4": 4, "DW_FORM_addrx1": 1, "DW_FORM_addrx2": 2,
    "DW_FORM_addrx3": 3, "DW_FORM_addrx4": 4,
}  # fmt: skip
_LENGTH_BYTES = {"DW_FORM_block1": 1, "DW_FORM_block2": 2, "DW_FORM_block4": 4}
_LEB = frozenset({"DW_FORM_udata", "DW_FORM_sdata", "DW_FORM_ref_udata", "DW_FORM_strx",
                  "DW_FORM_addrx", "DW_FORM_loclistx", "DW_FORM_rnglistx"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Shape:
    """An abbreviation: how to step over an entry and where its name is.

    ``steps`` are byte counts and, where the size stands in the data, names of forms.
    """

    tag: str
    children: bool
    steps: tuple[int | str, ...]
    name: tuple[int, str] | None
    defines: bool


def _shape(declaration: Any) -> _Shape:
    steps: list[int | str] = []
    name = None
    defines = declaration["tag"] in _STRUCTS or declaration["tag"] == "DW_TAG_typedef"
    for spec in declaration["attr_spec"]:
        attribute, form = spec["name"], spec["form"]
        if attribute == "DW_AT_name" and all(isinstance(step, int) for step in steps):
            name = (sum(step for step in steps if isinstance(step, int)), form)
        if attribute == "DW_AT_declaration":
            defines = False
        step = _SIZES.get(form, form)
        if isinstance(step, int) and steps and isinstance(steps[-1], int):
            steps[-1] += step
        else:
            steps.append(step)
    return _Shape(declaration["tag"], declaration.has_children(), tuple(steps), name, defines)


def types(dwarf: Any) -> Iterator[tuple[str, tuple[int, int]]]:
    """Qualified name of every structure or typedef, with offsets of its unit and of itself.

    Steps over everything else without looking: pyelftools would need seconds for it.
    """
    data = dwarf.debug_info_sec.stream.getvalue() if dwarf.debug_info_sec else b""
    sections = {"DW_FORM_strp": dwarf.debug_str_sec, "DW_FORM_line_strp": dwarf.debug_line_str_sec}
    strings = {form: s.stream.getvalue() for form, s in sections.items() if s}
    shapes: dict[int, dict[int, _Shape]] = {}
    for unit in dwarf.iter_CUs() if data else ():
        table = shapes.get(unit["debug_abbrev_offset"])
        if table is None:
            entries = unit.get_abbrev_table()._abbrev_map
            table = shapes[unit["debug_abbrev_offset"]] = {
                code: _shape(declaration) for code, declaration in entries.items()
            }
        yield from _unit_types(data, unit, table, strings)


def _unit_types(
    data: bytes, unit: Any, table: dict[int, _Shape], strings: dict[str, bytes]
) -> Iterator[tuple[str, tuple[int, int]]]:
    at, end = unit.cu_die_offset, unit.cu_offset + unit.size
    scope: list[str] = []
    while at < end:
        start = at
        code, at = leb128(data, at)
        if not code:
            if scope:
                scope.pop()
            continue
        shape = table[code]
        named = shape.defines or shape.tag in _STRUCTS or shape.tag == "DW_TAG_namespace"
        name = _text(data, at, shape.name, strings) if named and shape.name else ""
        qualified = "::".join([*filter(None, scope), name]) if name else ""
        if shape.defines and name:
            yield qualified, (unit.cu_offset, start)
        if shape.children:
            scope.append(name)
        for step in shape.steps:
            at = at + step if isinstance(step, int) else _step(data, at, step)


def _text(data: bytes, at: int, name: tuple[int, str], strings: dict[str, bytes]) -> str:
    offset, form = name
    if form == "DW_FORM_string":
        source, start = data, at + offset
    else:
        source, start = (
            strings.get(form, b""),
            int.from_bytes(data[at + offset : at + offset + 4], "little"),
        )
    return source[start : source.find(b"\0", start)].decode("utf-8", "replace")


def _step(data: bytes, at: int, form: str) -> int:
    """Position after a value whose size stands in the data."""
    if form in _LEB:
        return leb128(data, at)[1]
    if form == "DW_FORM_string":
        return data.index(b"\0", at) + 1
    if form in ("DW_FORM_exprloc", "DW_FORM_block"):
        length, at = leb128(data, at)
        return at + length
    count = _LENGTH_BYTES[form]
    return at + count + int.from_bytes(data[at : at + count], "little")


def source(unit: Any) -> str | None:
    """Path of the file that a unit was compiled from, as seen from where that was done.

    Steps up are left out, so that it is the same in every checkout: ``src/main.c``.
    """
    top = unit.get_top_DIE().attributes
    name, base = (_path(top[key].value) if key in top else "" for key in
                  ("DW_AT_name", "DW_AT_comp_dir"))  # fmt: skip
    if not name:
        return None
    whole = name if _ABSOLUTE.match(name) else posixpath.join(base, name)
    seen = posixpath.relpath(f"/{whole}", f"/{base}")
    return _UPWARDS.sub("", seen)


def _path(value: bytes) -> str:
    return value.decode("utf-8", "replace").replace("\\", "/")


_DEFINITIONS = frozenset({"DW_TAG_variable", "DW_TAG_subprogram"})
_PLACES = frozenset({"DW_AT_low_pc", "DW_AT_location"})
_FIXED = b"\x05\x03"  # begin of a location of five bytes: DW_OP_addr, then the address
_Steps = list[tuple[int | str, str]]  # what to step over, and the form of a place to read first


def definitions(dwarf: Any) -> Iterator[tuple[int, int]]:
    """Address of every function and variable with a fixed place, and offset of its unit."""
    data = dwarf.debug_info_sec.stream.getvalue() if dwarf.debug_info_sec else b""
    plans: dict[int, dict[int, _Steps]] = {}
    shapes = 0
    for unit in dwarf.iter_CUs() if data else ():
        plan = plans.get(unit["debug_abbrev_offset"])
        if plan is None:
            entries = unit.get_abbrev_table()._abbrev_map
            shapes += len(entries)
            if shapes > _MOST_SHAPES:
                raise ValueError("tables that share their entries")
            plan = plans[unit["debug_abbrev_offset"]] = {
                code: _definition_steps(declaration) for code, declaration in entries.items()
            }
        for address in _unit_definitions(data, unit, plan):
            yield address, unit.cu_offset


def _definition_steps(declaration: Any) -> _Steps:
    steps: _Steps = []
    wanted = declaration["tag"] in _DEFINITIONS
    for spec in declaration["attr_spec"]:
        step = _SIZES.get(spec["form"], spec["form"])
        if wanted and spec["name"] in _PLACES:
            steps.append((step, spec["form"]))
        elif isinstance(step, int) and steps and isinstance(steps[-1][0], int):
            steps[-1] = (steps[-1][0] + step, steps[-1][1])
        else:
            steps.append((step, ""))
    return steps


def _unit_definitions(data: bytes, unit: Any, plan: dict[int, _Steps]) -> Iterator[int]:
    at, end = unit.cu_die_offset, unit.cu_offset + unit.size
    while at < end:
        code, at = leb128(data, at)
        for step, form in plan[code] if code else ():
            if form == "DW_FORM_addr":
                yield int.from_bytes(data[at : at + 4], "little")
            elif form == "DW_FORM_exprloc" and data[at : at + 2] == _FIXED:
                yield int.from_bytes(data[at + 2 : at + 6], "little")
            at = at + step if isinstance(step, int) else _step(data, at, step)


def leb128(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number of variable length (DWARF 4, 7.6), and the position after it.

    Raises:
        ValueError: it has no end.
    """
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > _MOST_BITS:
            raise ValueError("a number without an end")


def layout(dwarf: Any, unit: int, entry: int) -> dict[str, int]:
    """Offsets of a structure's fields, and ``sizeof``; empty if it is not defined there.

    Args:
        dwarf: reader.
        unit: offset of the compilation unit.
        entry: offset of the structure or of a typedef of it.
    """
    die = dwarf.get_CU_at(unit).get_DIE_from_refaddr(entry)
    structure = die if die.tag in _STRUCTS else _structure(die)
    if structure is None or "DW_AT_byte_size" not in structure.attributes:
        return {}
    return {"sizeof": structure.attributes["DW_AT_byte_size"].value} | _fields(structure, 0)


def _fields(die: Any, nest: int) -> dict[str, int]:
    fields: dict[str, int] = {}
    for child in _children(die):
        if child.tag not in ("DW_TAG_member", "DW_TAG_inheritance"):
            continue
        place = child.attributes.get("DW_AT_data_member_location")
        if child.tag == "DW_TAG_member" and "DW_AT_external" in child.attributes:
            continue  # a static member
        offset = place.value if place else 0
        label = child.attributes.get("DW_AT_name")
        prefix = ""
        if label:
            fields[label.value.decode()] = offset
            prefix = label.value.decode() + "."
        inner = _structure(child) if nest < _LARGEST_NEST else None
        if inner is not None:
            below = _fields(inner, nest + 1).items()
            fields |= {prefix + name: offset + at for name, at in below}
        if len(fields) > _MOST_FIELDS:
            raise ValueError("a structure that contains itself")
    return fields


def _children(die: Any) -> Iterator[Any]:
    """Entries below an entry; damaged data may make them a circle."""
    last = die.offset
    for child in die.iter_children():
        if child.offset <= last:
            raise ValueError("entries in a circle")
        last = child.offset
        yield child


def _structure(member: Any) -> Any:
    """The structure that a member is of, behind typedefs; None if it is something else."""
    for _ in range(_LARGEST_NEST):
        if "DW_AT_type" not in member.attributes:
            return None
        member = member.get_DIE_from_attribute("DW_AT_type")
        if member.tag in _STRUCTS:
            return member
        if member.tag not in ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type"):
            return None
    return None


def lines(program: Any, is_real: Callable[[int], bool]) -> Iterator[tuple[int, int, str]]:
    """First address, end and ``file:line`` of each row of a line program.

    Args:
        program: of one compilation unit.
        is_real: whether code begins at an address; the linker leaves the lines of functions that
            it discards, at address 0.
    """
    header = program.header
    first = 0 if header["version"] >= 5 else 1
    sequence: list[Any] = []
    for entry in program.get_entries():
        if entry.state is None:
            continue
        sequence.append(entry.state)
        if not entry.state.end_sequence:
            continue
        if is_real(sequence[0].address):
            for here, after in pairwise(sequence):
                if after.address > here.address:
                    name = _file(header, here.file - first, first)
                    yield here.address, after.address, f"{name}:{here.line}"
        sequence = []


def _file(header: Any, index: int, first: int) -> str:
    entry = header["file_entry"][index]
    directory = header["include_directory"][entry.dir_index - first] if entry.dir_index else b""
    name: bytes = entry.name
    return (directory + b"/" + name if directory else name).decode("utf-8", "replace")
