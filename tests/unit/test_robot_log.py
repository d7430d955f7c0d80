"""What Robot's log shows of a record."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from lab.jobs.records import read_record
from lab.report import robot_log

RECORD = read_record(Path(__file__).resolve().parents[1] / "golden" / "record.json")


def test_the_map_is_a_picture() -> None:
    assert RECORD.details
    assert RECORD.details.arena
    text = robot_log.arena_map(RECORD)
    assert f"arena of {RECORD.details.arena.size_bytes:,} B" in text
    match = re.search(r'src="data:image/png;base64,([^"]+)"', text)
    assert match
    assert base64.b64decode(match[1]).startswith(b"\x89PNG")


def test_a_record_without_a_map_says_so() -> None:
    bare = RECORD.model_copy(update={"details": None})
    assert robot_log.arena_map(bare) == "the record has no arena map (check with details)"


def test_the_report_is_escaped() -> None:
    name = RECORD.model.model_copy(update={"name": "<b>.tflite"})
    assert "&lt;b&gt;.tflite" in robot_log.report(RECORD.model_copy(update={"model": name}))
