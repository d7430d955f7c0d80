"""Every board file of the library: real firmware is linked for its banks and boots there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import Options
from lab.board import board_names, load_board
from lab.jobs.check import check_in
from lab.measure.worker import Worker
from lab.results import CheckResult
from lab.zoo import model_path

TINY = model_path("tiny_float")


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, CheckResult]]:
    """The same model checked on every board, one measuring process for all."""
    with Worker() as worker:
        yield {
            name: check_in(worker, TINY, name, Options(), lambda _: None) for name in board_names()
        }


def test_every_board_links_and_boots(results: dict[str, CheckResult]) -> None:
    assert len(results) >= 48
    wrong = {name: r.verdict for name, r in results.items() if r.verdict.status != "fits"}
    assert not wrong
    assert all(result.run and result.build for result in results.values())
    # The image that ran was linked for this board's banks, whatever the probe map was.
    assert all(result.build and result.build.image_sha256 for result in results.values())


def test_boards_with_one_core_compute_the_same(results: dict[str, CheckResult]) -> None:
    seen: dict[str, set[tuple[str, int]]] = {}
    for result in results.values():
        assert result.run
        figures = (result.run.outputs_sha256, result.run.instructions)
        seen.setdefault(result.board.core, set()).add(figures)
    assert {core: len(figures) for core, figures in seen.items()} == dict.fromkeys(seen, 1)
    assert {"cortex-m0plus", "cortex-m3", "cortex-m4f", "cortex-m33f", "cortex-m7f"} <= set(seen)


def test_nothing_lies_in_a_reserved_area(results: dict[str, CheckResult]) -> None:
    checked = 0
    for name, result in results.items():
        assert result.memory
        spans = [(span.base, span.base + span.size_bytes) for span in result.memory.ram.layout]
        assert spans
        for area in load_board(name).reserved:
            checked += 1
            assert not [1 for base, end in spans if base < area.end and area.base < end]
    assert checked >= 10
