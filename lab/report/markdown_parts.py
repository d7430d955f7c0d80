"""The pieces of Markdown that all summaries have: names as code, tables, folded blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lab.errors import escape


def code(name: str) -> str:
    """A name as a code span."""
    name = escape(name) or "(no name)"
    longest = max((len(run) for run in re.findall("`+", name)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if name[0] in "` " or name[-1] in "` " else ""
    return f"{fence}{pad}{name}{pad}{fence}"


def cell(name: str) -> str:
    """A name as a code span inside of a table, where a bar would end it."""
    return code(name).replace("|", "\\|")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of cells that are Markdown already; ``>`` ends the heading of a column of numbers."""
    yield _line([name.rstrip(">") for name in head])
    yield _line(["---:" if name.endswith(">") else "---" for name in head])
    yield from map(_line, rows)


def folded(title: str, lines: Sequence[str]) -> Iterator[str]:
    """Lines that are shown when somebody opens them."""
    yield from (f"<details><summary>{title}</summary>", "", *lines, "", "</details>")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
