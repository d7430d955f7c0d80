"""Sizes on the command line: as everywhere, and plain bytes besides."""

from __future__ import annotations

import typer

from lab.units import parse_size


def size_option(text: str | int) -> int:
    """Parse a size option; a default that is a number already passes."""
    try:
        return parse_size(text, bare=True)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
