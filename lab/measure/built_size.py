"""Flash and static RAM by owner, of an image that the lab built.

The linker's map tells which section of which object file every byte came from. The object files'
relocations tell what each section refers to: what one operator's registration reaches and the
runtime without operators does not, is that operator's. It is the way the linker itself decides
what goes into the image (--gc-sections), so what has no operator left would not be linked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from lab.archive import members, read_file
from lab.banks import LAB_WINDOW
from lab.demangle import demangle
from lab.details import Footprint
from lab.elf import Image, read_elf
from lab.linker_map import Stretch, read_map
from lab.measure.code_names import FORMATTING, OTHER, library_name, runtime_part
from lab.measure.footprint import PADDING, Held, OwnerKey, Portion, Symbols, footprint_of
from lab.object_file import Reference, references

_REGISTER = "Register_"
_TEXT = ".str1."  # in the name of a section: string literals, which the linker merges
_NAMES = "EnumNamesBuiltinOperator"  # the table of operators' names, for error texts
_RESOLVER = "ops.o"  # this and the next: names that lab/firmware.py and lab/runner.py give
_OBJECTS = {
    "startup.o": OwnerKey("start-up", "start-up"),
    "runner.o": OwnerKey("runner", "runner"),
    _RESOLVER: OwnerKey("runner", "resolver"),
    "model.o": OwnerKey("model", "model data"),
    "linker stubs": OwnerKey("library", "linker veneers"),
}
_WITHOUT_REFERENCES = {"model.o", "linker stubs"}  # nor is there such a file any more
_TEXTS = OwnerKey("error texts", "string literals")


@dataclass(frozen=True, order=True)
class Part:
    """A section of an object file: what is linked or left out as a whole."""

    file: str
    member: str
    section: str


def built_footprint(elf: Path, most: int | None = None) -> Footprint:
    """Who owns flash and static RAM of an image that the lab built.

    Args:
        elf: the image, in the lab's cache, its map beside it.
        most: how many symbols of each owner to name; None: all.

    Raises:
        InputError: a file that it was linked from is not there any more.
    """
    image = BuiltImage(elf)
    return footprint_of(image.held, image.portions(), most)


def flash_by_name(elf: Path) -> dict[str, int]:
    """Bytes of flash of each function and object of an image that the lab built.

    Their sum is that of all sections. What has no symbol goes by its section and object file, so
    that two images of one runtime can be subtracted, name by name.

    Args:
        elf: the image, in the lab's cache, its map beside it.

    Raises:
        InputError: as for ``built_footprint``.
    """
    found: dict[str, int] = defaultdict(int)
    for portion in BuiltImage(elf).portions():
        found[portion.name] += portion.flash
    return {name: size for name, size in found.items() if size}


class BuiltImage:
    """An image that the lab built: what it is made of, and what needs what.

    Args:
        elf: the image, in the lab's cache, its map beside it.

    Raises:
        InputError: a file that it was linked from is not there any more.
    """

    def __init__(self, elf: Path) -> None:
        self._elf = elf
        self._image: Image = read_elf(elf)
        self._map = read_map(elf.with_name("image.map").read_text(errors="replace"))

    @cached_property
    def held(self) -> list[Held]:
        """Sections in the board's memories; the lab's own window is none of them."""
        return [
            Held(s, flash=s.load is not None, ram=s.load != s.address)
            for s in self._image.sections
            if s.is_allocated and s.address not in LAB_WINDOW
        ]

    def portions(self) -> Iterator[Portion]:
        """Every byte of these sections, once."""
        symbols = Symbols(self._image)
        for held in self.held:
            for start, end, stretch in self._stretches(held):
                owner = self._owner(stretch) if stretch else PADDING
                rest = _words(stretch) if stretch else PADDING.name
                for address, size, name in symbols.within(start, end):
                    yield Portion(name or rest, owner, held, address, size)

    def _stretches(self, held: Held) -> Iterator[tuple[int, int, Stretch | None]]:
        """Begin, end and origin of every stretch of a section; None: alignment."""
        section = held.section
        at, end = section.address, section.address + section.size
        listed = sorted(self._map.get(section.name, ()), key=lambda s: s.address)
        # The map shows what was merged away with its old size: the next one tells where it ends.
        ends = [*(s.address for s in listed[1:]), end]
        for stretch, limit in zip(listed, ends, strict=True):
            if stretch.address > at:
                yield at, stretch.address, None
            at = min(stretch.address + stretch.size, limit)
            if at > stretch.address:
                yield stretch.address, at, None if stretch.is_fill else stretch
        if at < end:
            yield at, end, None

    def _owner(self, stretch: Stretch) -> OwnerKey:
        file = PurePosixPath(stretch.file).name
        if file in _OBJECTS:
            return _OBJECTS[file]
        part = _part(stretch)
        operators = () if part in self.of_runtime else tuple(sorted(self.users.get(part, ())))
        library = library_name(file)
        if not library:
            return _of_tflm(stretch, operators)
        if not operators:
            return OwnerKey("library", library)
        return OwnerKey("library", f"{library} for operators", self._library_users[library])

    @cached_property
    def of_runtime(self) -> set[Part]:
        """What would be linked if no operator was registered."""
        roots = (part for part in self._edges if not part.member)
        return self._reach(roots, stop=set(self._registrations))

    @cached_property
    def users(self) -> dict[Part, set[str]]:
        """The operators whose registration needs each part."""
        found: dict[Part, set[str]] = defaultdict(set)
        for registration, operators in self._registrations.items():
            for part in self._reach([registration]):
                found[part] |= operators
        return found

    @cached_property
    def _library_users(self) -> dict[str, tuple[str, ...]]:
        """The operators that need something of a library which the runtime does not."""
        found: dict[str, set[str]] = defaultdict(set)
        for part, operators in self.users.items():
            library = library_name(PurePosixPath(part.file).name)
            if library and part not in self.of_runtime:
                found[library] |= operators
        return {library: tuple(sorted(operators)) for library, operators in found.items()}

    @cached_property
    def _registrations(self) -> dict[Part, set[str]]:
        """What the resolver registers: parts with such functions, and their operators' names."""
        found: dict[Part, set[str]] = defaultdict(set)
        for part, targets in self._references.items():
            for symbol, _ in targets if PurePosixPath(part.file).name == _RESOLVER else ():
                _, is_one, operator = demangle(symbol).rpartition("::")[2].partition(_REGISTER)
                target = self._part_with(symbol)
                if is_one and target:
                    found[target].add(operator)
        return found

    def _reach(self, roots: Iterable[Part], stop: Iterable[Part] = ()) -> set[Part]:
        reached: set[Part] = set()
        waiting = list(roots)
        while waiting:
            part = waiting.pop()
            if part not in reached:
                reached.add(part)
                waiting += self._edges.get(part, set()).difference(stop)
        return reached

    @cached_property
    def _edges(self) -> dict[Part, set[Part]]:
        """What each part refers to, of what is in the image."""
        edges: dict[Part, set[Part]] = {part: set() for _, _, part in self.parts}
        for part, targets in self._references.items():
            for symbol, section in targets:
                target = self._part_with(symbol) or Part(part.file, part.member, section)
                if part in edges and target in edges:
                    edges[part].add(target)
        return edges

    def _part_with(self, symbol: str) -> Part | None:
        """The part that defines a global symbol; None for one of the linker script."""
        found = self._image.symbols.get(symbol)
        index = bisect_right(self.parts, found.address, key=lambda p: p[0]) if found else 0
        if not found or not index:
            return None
        _, end, part = self.parts[index - 1]
        return part if found.address < end else None

    @cached_property
    def parts(self) -> list[tuple[int, int, Part]]:
        """Everything that was linked, by address: begin, end, and what it is."""
        found = [
            (start, end, _part(stretch))
            for held in self.held
            for start, end, stretch in self._stretches(held)
            if stretch
        ]
        return sorted(found)

    @cached_property
    def _references(self) -> dict[Part, set[Reference]]:
        """What every part of the files that were linked refers to."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for _, _, part in self.parts:
            wanted[part.file].add(part.member)
        found: dict[Part, set[Reference]] = defaultdict(set)
        for file, inside in wanted.items():
            if PurePosixPath(file).name in _WITHOUT_REFERENCES:
                continue
            for member, data in self._objects(file, inside):
                for section, targets in references(data, file).items():
                    found[Part(file, member, _of_code(section))] |= targets
        return found

    def _objects(self, file: str, inside: set[str]) -> Iterator[tuple[str, memoryview]]:
        """Name and contents of the members of an archive, or of an object file."""
        data = read_file(self._in_cache(file), file)
        if inside == {""}:
            yield "", memoryview(data)
            return
        for member in members(data, file):
            if member.name in inside:
                yield member.name, member.data

    def _in_cache(self, file: str) -> Path:
        """Where a file is now: a cache may be elsewhere than when the image was linked."""
        here = self._elf.parents[2].joinpath(*PurePosixPath(file).parts[-3:])
        return here if here.exists() else Path(file)


def _part(stretch: Stretch) -> Part:
    return Part(stretch.file, stretch.member, _of_code(stretch.section))


def _of_code(section: str) -> str:
    """The section with the code, of one with tables for unwinding it; else the section itself."""
    tables = section[: len(".ARM.exidx")]
    if tables in (".ARM.exidx", ".ARM.extab"):
        return section.removeprefix(tables) or ".text"
    return section


def _of_tflm(stretch: Stretch, operators: tuple[str, ...]) -> OwnerKey:
    """Whose a stretch of the runtime's library is, by the operators that alone need it."""
    if _TEXT in stretch.section:
        return _TEXTS
    if _NAMES in stretch.section:
        return FORMATTING
    if operators:
        group = "kernels" if len(operators) == 1 else "shared kernels"
        return OwnerKey(group, ", ".join(operators), operators)
    return runtime_part(stretch.member) or OTHER


def _words(stretch: Stretch) -> str:
    """What bytes without a symbol are called: the same in every image that has them."""
    what = "string literals" if _TEXT in stretch.section else stretch.section
    return f"{what} of {stretch.member or PurePosixPath(stretch.file).name}"
