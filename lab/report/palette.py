"""The colours of pictures: kinds of memory and time that are alike have one."""

from __future__ import annotations

_FAMILIES = {
    "#6ea0e0": {"tensor", "arena"},
    "#7fbf6b": {"model"},
    "#5fb8a2": {"kernel", "kernels", "code"},
    "#b3c46a": {"shared kernels", "quantization"},
    "#a58ad6": {"structure", "interpreter", "allocation", "operator data", "options", "runtime"},
    "#d9bd55": {"static", "library", "data", "error texts"},
    "#e0a05c": {"scratch", "variable"},
    "#dd8076": {"stack", "unowned"},
    "#d98ab3": {"application"},
    "#e6e8ec": {"free"},
}
_COLOURS = {kind: colour for colour, kinds in _FAMILIES.items() for kind in kinds}
LIMIT = "#b3261e"  # where memory ends, or is fullest
LINE = "#33405c"


def colour(kind: str) -> str:
    """The colour of a kind of memory or time."""
    return _COLOURS.get(kind, "#b4bac4")
