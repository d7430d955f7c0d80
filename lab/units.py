"""Sizes and counts: the only place that reads or prints them. KiB is 1024 bytes."""

from __future__ import annotations

import re

_SUFFIXES = {
    "B": 1, "K": 1024, "KB": None, "KIB": 1024, "M": 1024**2, "MB": None, "MIB": 1024**2,
}  # fmt: skip
_SIZE = re.compile(r"([0-9][0-9_,]{0,19})(?:\.([0-9]{1,12}))?\s*([A-Za-z]{0,9})")
MAX_SIZE = 1 << 32


def parse_size(text: str | int, *, bare: bool = False) -> int:
    """Read a size such as ``64 KiB``, ``64K``, ``1.5 MiB`` or ``512 B``.

    Args:
        text: what the user wrote.
        bare: accept a plain integer as bytes (on the command line only).

    Returns:
        Bytes, from 0 to 2**32.

    Raises:
        ValueError: with a text that says what is wrong and how to write it.
    """
    match = _SIZE.fullmatch(str(text).strip())
    if not match:
        shown = " ".join(str(text).split())[:40]
        raise ValueError(f'not a size: "{shown}" (write for example "64 KiB")')
    digits, fraction, suffix = (
        match[1].replace(",", "").replace("_", ""),
        match[2],
        match[3].upper(),
    )
    if not suffix and not bare:
        raise ValueError(f'needs a unit, got {text} (write "{_suggest(int(digits))}")')
    if suffix not in _SUFFIXES and suffix:
        raise ValueError(f'unknown unit "{match[3]}" (use B, KiB or MiB)')
    factor = _SUFFIXES[suffix or "B"]
    if factor is None:
        raise ValueError(f'ambiguous unit "{match[3]}" (write {suffix[0]}iB, which is 1024-based)')
    value = int(digits) * factor
    if fraction:
        part, rest = divmod(int(fraction) * factor, 10 ** len(fraction))
        if rest:
            raise ValueError(f'"{text}" is not a whole number of bytes')
        value += part
    if value > MAX_SIZE:
        raise ValueError(f'"{text}" is beyond a 32-bit address space')
    return value


def _suggest(count: int) -> str:
    if count and count % 1024**2 == 0:
        return f"{count // 1024**2} MiB"
    if count and count % 1024 == 0:
        return f"{count // 1024} KiB"
    return f"{count} B"


def counted(number: int, what: str) -> str:
    """A number of things: ``1 check``, ``2 checks``."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def format_size(count: int) -> str:
    """Exact bytes, KiB in brackets: ``202,880 B (198.1 KiB)``."""
    return f"{count:,} B ({count / 1024:,.1f} KiB)" if abs(count) >= 1024 else f"{count:,} B"
