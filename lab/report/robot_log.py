"""What Robot Framework shows in its log, as HTML."""

from __future__ import annotations

from html import escape

from lab.report.terminal import render
from lab.results import CheckResult


def report(record: CheckResult) -> str:
    """The report of ``lab check``."""
    return f"<pre>{escape(chr(10).join(render(record)))}</pre>"


def arena_map(record: CheckResult) -> str:
    """Who lies where in the arena, by address."""
    arena = record.details.arena if record.details else None
    if arena is None:
        return "the record has no arena map"
    rows = "".join(
        f"<tr><td>{item.offset_bytes:,}</td><td>{item.size_bytes:,}</td>"
        f"<td>{escape(item.kind)}</td><td>{escape(item.name)}</td></tr>"
        for item in arena.items
    )
    return (
        f"<p>arena of {arena.size_bytes:,} B, measured in the probe map</p>"
        "<table><tr><th>offset, B</th><th>size, B</th><th>kind</th><th>name</th></tr>"
        f"{rows}</table>"
    )
