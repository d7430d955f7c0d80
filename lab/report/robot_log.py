"""What Robot Framework shows in its log, as HTML."""

from __future__ import annotations

import base64
from html import escape

from lab.report.arena_plot import plot
from lab.report.terminal import render
from lab.results import CheckResult


def report(record: CheckResult) -> str:
    """The report of ``lab check``."""
    return f"<pre>{escape(chr(10).join(render(record)))}</pre>"


def arena_map(record: CheckResult) -> str:
    """The arena map as a picture; words where the record has none."""
    if record.details is None or record.details.arena is None:
        return "the record has no arena map (check with details)"
    picture = base64.b64encode(plot(record, "png")).decode()
    text = f"arena of {record.details.arena.size_bytes:,} B, measured in the probe map"
    return f'<p>{text}</p><img alt="{text}" src="data:image/png;base64,{picture}">'
