"""A record that contradicts itself is shown all the same: whoever made it, it is only numbers."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from plausible import with_details

from lab.report import html, markdown, plots, profile, profile_diff, stack, terminal
from lab.report.names import function_name, short_name, tensor_name
from lab.results import CheckResult

GOLDEN = Path(__file__).parents[1] / "golden" / "record.json"
RECORD = with_details(CheckResult.model_validate_json(GOLDEN.read_text()))
PLAIN = RECORD.model_dump_json()
numbers = st.sampled_from([0, 1, -1, 7, 10**6, -(10**6), (1 << 64) - 1, 1 - (1 << 64)])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the numbers and what may be missing are."""
    if isinstance(value, dict):
        return [p for key, one in value.items() for p in places(one, (*path, key))]
    if isinstance(value, list):
        some = [p for key, one in enumerate(value[:4]) for p in places(one, (*path, key))]
        return [path, *some]
    return [path] if isinstance(value, int | float) and path != ("schema_version",) else []


PLACES = places(json.loads(PLAIN))


@st.composite
def records(draw: st.DrawFn) -> CheckResult:
    """The golden record with some numbers replaced and some lists emptied."""
    plain = json.loads(PLAIN)
    for path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=8)):
        place = plain
        for key in path[:-1]:
            if isinstance(place, list) and key >= len(place):
                break
            place = place[key]
        else:
            old = place[path[-1]] if isinstance(place, dict) or path[-1] < len(place) else None
            if isinstance(old, list):
                place[path[-1]] = []
            elif isinstance(old, int | float) and not isinstance(old, bool):
                place[path[-1]] = draw(numbers)
    return CheckResult.model_validate_json(json.dumps(plain))


@settings(deadline=None)
@given(records())
def test_odd_records_are_shown(record: CheckResult) -> None:
    assert html.render(record).startswith("<!doctype html>")
    assert markdown.render(record).startswith("**FITS**")
    assert terminal.render(record)


@settings(deadline=None, max_examples=10, phases=[Phase.generate])  # a plot takes long
@given(records())
def test_odd_records_are_drawn(record: CheckResult) -> None:
    for name, data in plots.render(record):
        assert data.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")


@pytest.mark.parametrize("part", ["arena", "stack", "footprint", "profile"])
def test_each_part_of_the_details_may_be_missing(part: str) -> None:
    assert RECORD.details
    details = RECORD.details.model_copy(update={part: None})
    page = html.render(RECORD.model_copy(update={"details": details}))
    assert page.count("not measured") == 1
    assert html.render(RECORD).count("not measured") == 0


def test_a_record_of_a_huge_model_is_not_a_huge_page() -> None:
    assert RECORD.details
    assert RECORD.details.arena
    operators = tuple(
        RECORD.operators[0].model_copy(update={"index": number}) for number in range(20_000)
    )
    items = RECORD.details.arena.items * 500
    arena = RECORD.details.arena.model_copy(update={"items": items, "live_bytes": (100,) * 20_000})
    details = RECORD.details.model_copy(update={"arena": arena})
    page = html.render(RECORD.model_copy(update={"operators": operators, "details": details}))
    assert len(page) < 2_000_000
    assert "19,000 more, in the record" in page


@pytest.mark.parametrize(
    ("first", "last", "lives"), [(1, 2, [1, 2]), (None, 1, [0, 1]), (2, None, [2, 3]), (3, 2, [])]
)
def test_every_picture_has_the_same_lives(
    first: int | None, last: int | None, lives: list[int]
) -> None:
    assert RECORD.details
    assert RECORD.details.arena
    some = next(item for item in RECORD.details.arena.items if item.part == "non_persistent")
    item = some.model_copy(update={"first_operator": first, "last_operator": last})
    assert list(item.life(4)) == lives
    assert not item.model_copy(update={"part": "persistent"}).life(4)


@pytest.mark.parametrize(
    ("name", "whole", "short"),
    [
        ("tflite::ops::micro::pooling::(anonymous namespace)::CalculateOpData",
         "tflite::ops::micro::pooling::CalculateOpData", "pooling::CalculateOpData"),
        ("fixed::Round::operator()", "fixed::Round::operator()", "Round::operator()"),
        ("main", "main", "main"),
        ("net/conv_1/Relu;net/conv_1/bias", "net/conv_1/Relu;net/conv_1/bias", "conv_1/Relu"),
        ("a::" + "b" * 61, "a::" + "b" * 61, "a::" + "b" * 56 + "…"),
    ],
)  # fmt: skip
def test_names_keep_what_tells_them_apart(name: str, whole: str, short: str) -> None:
    assert function_name(name) == whole
    assert short_name(name) == short
    assert len(tensor_name(name * 30)) <= 60


@pytest.mark.parametrize("seed", range(12))
def test_any_of_what_an_engine_may_not_tell_may_be_missing(seed: int) -> None:
    """All of it is missing together in records of the lab; what is no such record is shown too."""
    plain = json.loads(PLAIN)
    costs = [plain["run"], *plain["operators"]]
    places = [(cost, "cycles") for cost in costs]
    places += [(plain["run"], key) for key in ("setup_cycles", "milliseconds")]
    places.append((plain["stack"], "function"))
    for where, key in Random(seed).sample(places, 1 + seed % len(places)):
        where[key] = None
    if plain["run"]["cycles"] is None:  # only then can lab profile do without
        plain["details"]["profile"] = None
    record = CheckResult.model_validate(plain)
    both = markdown.render(record), html.render(record)
    views = profile.render(record), stack.render(record), profile_diff.render(record, record)
    for text in (*both, *map("\n".join, (terminal.render(record), *views))):
        assert "None" not in text
    assert list(plots.render(record))
