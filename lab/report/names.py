"""Names as reports show them: short enough to read, still enough to find."""

from __future__ import annotations

_NAME = 60


def tensor_name(name: str) -> str:
    """Fused layers carry all their names; the first says where in the network it is."""
    first = name.split(";", maxsplit=1)[0]
    return first if len(first) <= _NAME else first[: _NAME - 1] + "…"


def function_name(name: str) -> str:
    """A function's name without its arguments: they can be longer than the screen."""
    return name.split("(", maxsplit=1)[0] or name
