"""Names as reports show them: short enough to read, still enough to find."""

from __future__ import annotations

import re

from lab.errors import one_line

_NAME = 60
_UNNAMED = "(anonymous namespace)::"
_TEMPLATE = re.compile(r"<[^<>]*>")


def tensor_name(name: str) -> str:
    """Fused layers carry all their names; the first says where in the network it is."""
    return first_part(_first_layer(name), _NAME)


def function_name(name: str) -> str:
    """A function's name without namespaces that have none themselves."""
    return name.replace(_UNNAMED, "")


def short_name(name: str) -> str:
    """The last two parts of the name of a layer or function, for where there is little room."""
    name = function_name(_first_layer(name))
    while "::" in name and (plain := _TEMPLATE.sub("", name)) != name:
        name = plain
    separator = "::" if "::" in name else "/"
    return first_part(separator.join(name.split(separator)[-2:]), _NAME)


def _first_layer(name: str) -> str:
    return name.split(";", maxsplit=1)[0]


def first_part(name: str, room: int) -> str:
    """The begin of a name that is longer than there is room for."""
    return name if len(name) <= room else f"{name[: room - 1]}…"


def last_part(name: str, room: int) -> str:
    """The end of such a name: what comes before are directories, namespaces, layers."""
    return name if len(name) <= room else f"…{name[len(name) - room + 1 :]}"


def both_ends(text: str, room: int) -> str:
    """Begin and end of text of who knows what length, on one line."""
    line = one_line(text)
    return line if len(line) <= room else f"{line[: room // 2]} … {line[-room // 2 :]}"
