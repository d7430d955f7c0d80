"""Names as reports show them: short enough to read, still enough to find."""

from __future__ import annotations

import re

_NAME = 60
_UNNAMED = "(anonymous namespace)::"
_TEMPLATE = re.compile(r"<[^<>]*>")


def tensor_name(name: str) -> str:
    """Fused layers carry all their names; the first says where in the network it is."""
    first = name.split(";", maxsplit=1)[0]
    return first if len(first) <= _NAME else first[: _NAME - 1] + "…"


def function_name(name: str) -> str:
    """A function's name without its arguments: they can be longer than the screen."""
    return name.replace(_UNNAMED, "").split("(", maxsplit=1)[0] or name


def short_name(name: str) -> str:
    """The last two parts of the name of a layer or function, for where there is little room."""
    name = function_name(tensor_name(name))
    while "::" in name and (plain := _TEMPLATE.sub("", name)) != name:
        name = plain
    separator = "::" if "::" in name else "/"
    return separator.join(name.split(separator)[-2:])
