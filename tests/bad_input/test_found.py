"""What fuzzing (``make fuzz``) found once: refused in lines, or read; soon, in little memory."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from fuzz_targets import FOUND, TARGETS, judge

CASES = [path for path in sorted(FOUND.glob("*/*")) if path.parent.name in TARGETS]


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_found_case_is_answered(case: Path) -> None:
    judge(TARGETS[case.parent.name].read, case.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_fuzzing_begins_with_sound_files_and_damages_them(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    assert len(seeds) >= 3
    assert all(judge(target.read, data) for data in seeds)
    random = Random(5)
    refused = sum(not judge(target.read, target.mutate(data, random)) for data in seeds * 5)
    assert refused > 0
