"""A reader of Renode's platform descriptions, as far as the lab writes them, for tests only.

Written from renode's documentation (platform_description_format) and Grammar.cs and PreLexer.cs in
src/Renode/PlatformDescription; it proves that a text has that form, not that Renode accepts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

KEYWORDS = {
    "using", "new", "as", "init", "preinit", "reset", "local", "prefixed", "true", "false", "none",
    "empty",
}  # fmt: skip
_IDENTIFIER = r"[A-Za-z][A-Za-z0-9_]*"
_ENTRY = re.compile(rf"({_IDENTIFIER}): ({_IDENTIFIER}(?:\.{_IDENTIFIER})+) @ (.+)")
_NUMBER = "0x[0-9A-Fa-f]+"
_POINT = re.compile(rf"({_IDENTIFIER})(?: (?:({_NUMBER})|<({_NUMBER}), \+({_NUMBER})>))?")
_ATTRIBUTE = re.compile(rf"({_IDENTIFIER}): (.+)")
_INTERRUPT = re.compile(rf"-> ({_IDENTIFIER})@([0-9]+)")

Value = int | bool | str


class ReplError(Exception):
    """Not a platform description."""


@dataclass(frozen=True)
class Name:
    """A value that refers to an entry."""

    name: str


@dataclass(frozen=True)
class Range:
    """A place that is registered with its size, as ``<0x40004400, +0x100>``."""

    start: int
    size: int


Place = int | Range


@dataclass
class Entry:
    """One thing that a description makes, and where it is registered: at what, and at which place.

    ``parameters`` are of its constructor, ``properties`` are set afterwards.
    """

    name: str
    type: str
    points: list[tuple[str, Place | None]]
    parameters: dict[str, Value | Name] = field(default_factory=dict)
    properties: dict[str, Value | Name] = field(default_factory=dict)
    interrupts: list[tuple[str, int]] = field(default_factory=list)


def parse(text: str) -> dict[str, Entry]:
    """The entries by name.

    Raises:
        ReplError: with the line.
    """
    entries: dict[str, Entry] = {}
    entry: Entry | None = None
    for number, line in enumerate(_without_comments(text), 1):
        try:
            entry = _line(line, entry)
        except ReplError as error:
            raise ReplError(f"line {number}: {error}: {line}") from None
        if entry and entry.name in entries and entries[entry.name] is not entry:
            raise ReplError(f"line {number}: a second entry creates {entry.name}")
        if entry:
            entries[entry.name] = entry
    if not entries:
        raise ReplError("no entry")
    return entries


def _without_comments(text: str) -> Iterator[str]:
    """PreLexer.cs: ``//`` begins a comment at the begin of a line or behind a space."""
    if not text.isascii() or "\t" in text or "\r" in text:
        raise ReplError("only ASCII without tabs is written")
    for line in text.split("\n"):
        in_string = False
        for at, letter in enumerate(line):
            in_string ^= letter == '"'
            if line.startswith("//", at) and not in_string and line[at - 1 : at] in {"", " "}:
                yield line[:at]
                break
        else:
            yield line


def _line(line: str, entry: Entry | None) -> Entry | None:
    indent = len(line) - len(line.lstrip(" "))
    if not line.strip():
        return entry
    if indent not in {0, 4}:
        raise ReplError("indented by neither 0 nor 4 spaces")
    if indent == 0:
        return _entry(line.rstrip())
    if entry is None:
        raise ReplError("an attribute of nothing")
    _attribute(line.strip(), entry)
    return entry


def _entry(line: str) -> Entry:
    match = _ENTRY.fullmatch(line)
    if not match:
        raise ReplError("no entry")
    name, kind, where = match.groups()
    if name in KEYWORDS:
        raise ReplError(f"{name} is a keyword")
    if where.startswith("{"):
        if not re.fullmatch(r"\{ .+ \}", where):
            raise ReplError("a list of registrations that does not end")
        points = where[2:-2].split("; ")
    else:
        points = [where]
    return Entry(name, kind, [_point(point) for point in points])


def _point(text: str) -> tuple[str, Place | None]:
    match = _POINT.fullmatch(text)
    if not match:
        raise ReplError(f"no registration: {text}")
    on, address, start, size = match.groups()
    if start:
        return on, Range(int(start, 16), int(size, 16))
    return on, int(address, 16) if address else None


def _attribute(text: str, entry: Entry) -> None:
    if match := _INTERRUPT.fullmatch(text):
        entry.interrupts.append((match[1], int(match[2])))
        return
    match = _ATTRIBUTE.fullmatch(text)
    if not match or match[1] in KEYWORDS:
        raise ReplError("no attribute")
    where = entry.parameters if match[1][0].islower() else entry.properties
    if match[1] in where:
        raise ReplError(f"{match[1]} is given twice")
    where[match[1]] = _value(match[2])


def _value(text: str) -> Value | Name:
    if match := re.fullmatch(r'"([^"\\]*)"', text):
        return match[1]
    if re.fullmatch(r"0x[0-9A-Fa-f]+|[0-9]+", text):
        return int(text, 0)
    if text in {"true", "false"}:
        return text == "true"
    if re.fullmatch(_IDENTIFIER, text) and text not in KEYWORDS:
        return Name(text)
    raise ReplError(f"no value: {text}")
