"""Numbers as reports show them; what is not known, or a share of nothing, is a dash."""

from __future__ import annotations

_NONE = "-"
_BAR = 30  # characters


def count_of(count: int | None) -> str:
    """A count: ``1,234``."""
    return _NONE if count is None else f"{count:,}"


def bytes_of(count: int | None) -> str:
    """Bytes: ``1,234 B``."""
    return _NONE if count is None else f"{count:,} B"


def percent(part: float, whole: float) -> str:
    """A share: ``12.3%``."""
    return f"{part / whole:.1%}" if whole else _NONE


def bar(part: int, whole: int) -> str:
    """A share, drawn and as a number; more than the whole fills the bar."""
    filled = min(_BAR, max(0, round(part / whole * _BAR))) if whole else 0
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {percent(part, whole)}"
