"""Limits: what is written is what is meant, and more baseline never allows less."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.budgets import METRICS, Budgets, Limit, MetricName, Value, parse_limit

UNITS = sorted({metric.unit for metric in METRICS.values()})
WHOLE = st.integers(0, 10**9)
HUNDREDTHS = st.integers(0, 10**6).map(lambda number: Fraction(number, 100))


def amounts(unit: str) -> st.SearchStrategy[Value]:
    return HUNDREDTHS if unit == "ms" else WHOLE


@st.composite
def limits(draw: st.DrawFn, unit: str) -> Limit:
    parts = st.none() | amounts(unit)
    most, growth, percent = draw(parts), draw(parts), draw(st.none() | HUNDREDTHS)
    if (most, growth, percent) == (None, None, None):
        most = draw(amounts(unit))
    return Limit(most, growth, percent)


def written(unit: str, limit: Limit) -> list[object]:
    """A limit as people write it."""
    parts: list[object] = []
    for sign, value in (("", limit.most), ("+", limit.growth)):
        if value is not None:
            number = f"{float(value):.2f}" if unit == "ms" else str(value)
            parts.append(sign + number + (" B" if unit == "B" else ""))
    if limit.percent is not None:
        parts.append(f"+{float(limit.percent):.2f} %")
    return parts


@given(st.sampled_from(UNITS).flatmap(lambda unit: st.tuples(st.just(unit), limits(unit))))
def test_what_is_written_is_what_is_read(case: tuple[str, Limit]) -> None:
    unit, limit = case
    parts = written(unit, limit)
    assert parse_limit(unit, parts) == limit
    assert parse_limit(unit, parts[::-1]) == limit
    if len(parts) == 1:
        assert parse_limit(unit, parts[0]) == limit


@given(limits("B"), WHOLE, WHOLE)
def test_a_larger_baseline_never_allows_less(limit: Limit, one: int, other: int) -> None:
    small, large = sorted((one, other))
    low, high = limit.allowed(small), limit.allowed(large)
    assert low is not None
    assert high is not None
    assert low <= high
    if limit.needs_baseline and limit.most is None:
        assert low >= small


@given(limits("cycles"), WHOLE, WHOLE)
def test_one_more_limit_never_allows_more(limit: Limit, most: int, baseline: int) -> None:
    strict = Limit(most, limit.growth, limit.percent)
    free = Limit(None, limit.growth, limit.percent)
    loose, tight = free.allowed(baseline), strict.allowed(baseline)
    assert tight is not None
    assert tight <= most
    assert loose is None or tight <= loose


@given(limits("B"))
def test_without_a_baseline_growth_is_free(limit: Limit) -> None:
    assert limit.allowed(None) == limit.most


@given(st.sampled_from(UNITS), st.text(max_size=20) | st.floats() | st.booleans() | st.integers())
def test_anything_is_a_limit_or_a_reason(unit: str, value: object) -> None:
    try:
        limit = parse_limit(unit, value)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - a limit is as good an outcome
    else:
        assert limit.allowed(1000) is not None


@pytest.mark.parametrize(
    ("unit", "value", "limit"),
    [
        ("B", "64 KiB", Limit(65536)),
        ("B", "+1 KiB", Limit(growth=1024)),
        ("B", " + 1 KiB", Limit(growth=1024)),
        ("B", "+2.5 %", Limit(percent=Fraction(5, 2))),
        ("B", ["900 KiB", "+2%"], Limit(921_600, percent=Fraction(2))),
        ("cycles", 2500, Limit(2500)),
        ("cycles", "2500k", Limit(2_500_000)),
        ("cycles", "+1_000", Limit(growth=1000)),
        ("instructions", "3 G", Limit(3_000_000_000)),
        ("ms", 20.5, Limit(Fraction(41, 2))),
        ("ms", "20.5 ms", Limit(Fraction(41, 2))),
        ("ms", "+0.1", Limit(growth=Fraction(1, 10))),
    ],
)
def test_forms(unit: str, value: object, limit: Limit) -> None:
    assert parse_limit(unit, value) == limit


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("ram", 202_880, "202,880 B"),
        ("cycles", 1_000_000, "1,000,000 cycles"),
        ("ms", 1.25, "1.250 ms"),
    ],
)
def test_shown_with_its_unit(name: MetricName, value: float, text: str) -> None:
    assert METRICS[name].shown(value) == text


def test_budgets_name_every_metric() -> None:
    assert list(Budgets.model_fields) == list(METRICS)
