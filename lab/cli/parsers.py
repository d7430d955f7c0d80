"""Values of options: sizes as everywhere, and plain bytes besides; directories."""

from __future__ import annotations

from pathlib import Path

import typer

from lab.units import parse_size


def size_option(text: str | int) -> int:
    """Parse a size option; a default that is a number already passes."""
    try:
        return parse_size(text, bare=True)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def directory_option(text: str | Path) -> Path:
    """A directory to write to; an empty name would quietly mean the current one."""
    if not str(text):
        raise typer.BadParameter("is empty (write . for the current directory)")
    return Path(text)
