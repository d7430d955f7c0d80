"""What tests expect of figures: how limits are written, and what a miss says."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.baseline import Accepted
from lab.budgets import METRICS
from lab.errors import UsageError
from lab.figures import Figure
from lab.jobs import expect
from lab.results import CheckResult

SIZES = st.integers(min_value=0, max_value=1 << 32)


def record(arena: int = 0, **run: object) -> CheckResult:
    """As much of a record as a figure needs."""
    return cast(
        CheckResult,
        SimpleNamespace(
            board=SimpleNamespace(name="nrf52dk"),
            arena=SimpleNamespace(required_bytes=arena, reported_bytes=arena),
            run=SimpleNamespace(**run),
        ),
    )


def accepted(**figures: int | float) -> Accepted:
    return Accepted(
        made_with="", verdict="fits", figures=figures, flash={}, static_ram={}, arena={}
    )


def test_every_figure_of_a_baseline_can_be_asked_for() -> None:
    assert {figure.in_baseline for figure in Figure} == {*METRICS, None}


def test_figures_have_names_of_their_own() -> None:
    assert len({figure.metric.title for figure in Figure}) == len(Figure)


@given(actual=SIZES, limit=SIZES)
def test_at_most_and_at_least_are_two_sides(actual: int, limit: int) -> None:
    measured = record(arena=actual)
    if actual > limit:
        with pytest.raises(AssertionError, match=f"by {actual - limit:,} B on nrf52dk"):
            expect.at_most(Figure.REQUIRED_ARENA, measured, limit)
    else:
        expect.at_most(Figure.REQUIRED_ARENA, measured, limit)
    if actual < limit:
        with pytest.raises(AssertionError, match=f"by {limit - actual:,} B on nrf52dk"):
            expect.at_least(Figure.REQUIRED_ARENA, measured, limit)
    else:
        expect.at_least(Figure.REQUIRED_ARENA, measured, limit)


@pytest.mark.parametrize("text", ["1 KiB", "1024", "1,024", 1024, "1024 B", " 1K "])
def test_ways_to_write_a_size(text: int | str) -> None:
    expect.equal(Figure.REQUIRED_ARENA, record(arena=1024), text)


@pytest.mark.parametrize("text", ["2.5M", "12 B", "-1", "", "+1k", "nan"])
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(UsageError, match=r"^instructions of one inference: "):
        expect.equal(Figure.INSTRUCTIONS, record(instructions=1), text)


@given(milliseconds=st.integers(min_value=0, max_value=10**9).map(lambda n: n / 1000))
def test_milliseconds_are_compared_as_printed(milliseconds: float) -> None:
    measured = record(milliseconds=milliseconds)
    expect.equal(Figure.MILLISECONDS, measured, f"{milliseconds:.3f}")
    with pytest.raises(AssertionError, match=r"by 0\.001 ms on nrf52dk"):
        expect.at_least(Figure.MILLISECONDS, measured, f"{milliseconds + 0.001:.3f}")


@given(before=SIZES, percent=st.integers(0, 100), actual=SIZES)
def test_growth_is_measured_from_the_baseline(before: int, percent: int, actual: int) -> None:
    known, measured = accepted(arena=before), record(arena=actual)
    grown = actual > before * (1 + Fraction(percent, 100))
    if grown:
        with pytest.raises(AssertionError, match="above what the baseline allows"):
            expect.at_most(Figure.REQUIRED_ARENA, measured, f"+{percent} %", known)
    else:
        expect.at_most(Figure.REQUIRED_ARENA, measured, f"+{percent} %", known)


@pytest.mark.parametrize(
    ("figure", "known", "says"),
    [
        (Figure.REQUIRED_ARENA, None, "growth needs a baseline"),
        (Figure.REPORTED_ARENA, accepted(arena=1), "the baseline holds no reported arena"),
        (Figure.REQUIRED_ARENA, accepted(flash=1), "the baseline holds no required arena"),
    ],
)
def test_growth_from_nothing(figure: Figure, known: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        expect.at_most(figure, record(arena=1), "+1 KiB", known)
