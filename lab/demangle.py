"""Names of C++ symbols as people write them, without parameters and template arguments."""

from __future__ import annotations

import re
from functools import lru_cache

_ANONYMOUS = "_GLOBAL__N_1"
_TYPE = re.compile(r"[PROKV]*(?:S[tabsiod]|S[0-9A-Z]*_|T[0-9]*_|D[a-z]|[a-z])")


@lru_cache(maxsize=1 << 14)
def demangle(name: str) -> str:
    """Readable name of a C++ symbol, without parameters and template arguments.

    What this small reader does not understand stays as it is.
    """
    if not name.startswith("_Z"):
        return name
    try:
        parts = _local_name(name, 3) if name[2] == "Z" else _name(name, 2)[0]
    except (ValueError, IndexError, RecursionError):
        return name
    return "::".join(parts)


def _local_name(text: str, at: int) -> list[str]:
    """Parts of the name of what is defined inside a function: its own come last."""
    parts, at = _name(text, at)
    while text[at] != "E":
        at = _skip_type(text, at)
    return parts + _name(text, at + 1)[0]


def _name(text: str, at: int) -> tuple[list[str], int]:
    """Parts of the (nested) name at a position, and where it ends."""
    nested = text[at] == "N"
    at += nested
    parts: list[str] = []
    while True:
        if nested and parts and text[at] == "E":
            return parts, at + 1
        if match := re.compile(r"[KVL]").match(text, at):
            at = match.end()
        elif match := re.compile(r"St").match(text, at):
            parts, at = [*parts, "std"], match.end()
        elif match := re.compile(r"\d+").match(text, at):
            end = match.end() + int(match[0])
            part = text[match.end() : end]
            if len(part) < int(match[0]):
                raise ValueError(text)
            parts.append("(anonymous namespace)" if part == _ANONYMOUS else part)
            at = _skip_arguments(text, end)
        elif nested and (match := re.compile(r"S[0-9A-Z]*_").match(text, at)):
            at = _skip_arguments(text, match.end())  # a name used before: only in arguments
        elif parts and (match := re.compile(r"[CD][0-5]").match(text, at)):
            parts.append(("~" if match[0][0] == "D" else "") + parts[-1])
            at = match.end()
        else:
            raise ValueError(text)
        if not nested and parts and parts != ["std"]:
            return parts, at


def _skip_arguments(text: str, at: int) -> int:
    """Position after the template arguments, if there are any."""
    if text[at : at + 1] != "I":
        return at
    at += 1
    while text[at] != "E":
        at = _skip_type(text, at)
    return at + 1


def _skip_type(text: str, at: int) -> int:
    if text[at] == "L":  # a literal: type, value, E
        return text.index("E", _skip_type(text, at + 1)) + 1
    if text[at] == "J":  # a pack
        at += 1
        while text[at] != "E":
            at = _skip_type(text, at)
        return at + 1
    if match := _TYPE.match(text, at):
        return _skip_arguments(text, match.end())
    while text[at] in "PROKV":
        at += 1
    return _name(text, at)[1]
