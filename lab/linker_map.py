"""Maps of GNU ld: which object file each stretch of an image came from.

The map may be the user's: what does not look like one gives no stretches, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BEGIN = "\nLinker script and memory map\n"
_NAME_ALONE = re.compile(r" ?[^\s*]\S*")  # a long name stands on a line of its own
_PLACED = re.compile(r"( ?)(\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: (.*))?")
_MEMBER = re.compile(r"(.*)\(([^()]+)\)")
_FILL = "*fill*"


@dataclass(frozen=True)
class Stretch:
    """A stretch of an output section.

    Attributes:
        address: of its first byte.
        size: bytes; where the linker merged strings away, larger than what is left.
        section: name of the input section, ``COMMON``, or ``*fill*`` for alignment.
        file: object file or archive, as the linker was told; empty for alignment.
        member: of the archive; empty for an object file.
    """

    address: int
    size: int
    section: str
    file: str
    member: str

    @property
    def is_fill(self) -> bool:
        """Whether it only aligns what follows."""
        return self.section == _FILL


def read_map(text: str) -> dict[str, list[Stretch]]:
    """Stretches of each output section, in the map's order.

    Args:
        text: contents of the map file.
    """
    found: dict[str, list[Stretch]] = {}
    current: list[Stretch] = []
    for level, name, address, size, source in _placed(text.partition(_BEGIN)[2]):
        if not level:
            current = found.setdefault(name, [])
        elif name == _FILL:
            current.append(Stretch(address, size, name, "", ""))
        elif source:
            member = _MEMBER.fullmatch(source)
            file, inside = (member[1], member[2]) if member else (source, "")
            current.append(Stretch(address, size, name, file, inside))
    return found


def _placed(text: str) -> Iterator[tuple[str, str, int, int, str]]:
    """Indentation, name, address, size and source of everything that has a place."""
    name = ""
    for line in text.splitlines():
        if _NAME_ALONE.fullmatch(line):
            name = line
            continue
        if match := _PLACED.fullmatch(name + line):
            yield match[1], match[2], int(match[3], 16), int(match[4], 16), match[5] or ""
        name = ""
