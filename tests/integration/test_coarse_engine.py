"""An engine that sees no blocks: every view says so once, and shows what there is."""

from __future__ import annotations

from collections.abc import Iterator

import coarse_engine
import pytest
from support import NANO

from lab.report import terminal
from lab.results import CheckResult

ONLY = "instructions only: engine renode 1.16.1 counts no cycles"


@pytest.fixture(scope="module")
def record() -> Iterator[CheckResult]:
    with pytest.MonkeyPatch.context() as patch:
        yield coarse_engine.checked(patch, "tiny_float", NANO, details=True)


def test_the_record_holds_no_figure_that_nobody_measured(record: CheckResult) -> None:
    assert record.run
    assert record.stack
    assert record.details
    assert record.request.engine_version == "1.16.1"
    assert (record.run.cycles, record.run.setup_cycles) == (None, None)
    assert (record.run.milliseconds, record.run.milliseconds_all_waiting) == (None, None)
    assert {operator.cycles for operator in record.operators} == {None}
    assert (record.stack.function, record.stack.exact) == (None, False)
    assert record.details.profile is None
    assert record.details.stack
    assert {point.chain for point in record.details.stack.points} == {()}
    assert CheckResult.model_validate_json(record.to_json()) == record


def test_the_screen_ranks_by_instructions(record: CheckResult) -> None:
    text = "\n".join(terminal.render(record))
    assert text.count(ONLY) == 1
    assert "; engine renode 1.16.1\n" in text
    assert "  most instructions\n" in text
    assert ", at least, by what was written of it\n" in text
    for word in (" ms ", "None", "modelled", "zero wait states"):
        assert word not in text
