"""Reading records back: the whole record, or one line and exit code 3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import NANO, lab

from lab.errors import InputError
from lab.jobs.records import read_record


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("records") / "good.json"
    assert lab("check", "tiny_float", "-b", NANO, "--json", path).code == 0
    return path


def problem(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_record(path)
    (line,) = caught.value.lines()
    return line


def test_what_was_written_is_read(record: Path) -> None:
    assert read_record(record).to_json() == record.read_text()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "EOF"),
        (b"\xff\xfe{", "no JSON"),
        (b"[" * 100_000, "recursion limit"),
        (b'{"schema_version": ' + b"9" * 10_000 + b"}", "no JSON"),
        (b'{"schema_version": ' + b"9" * 400 + b"}", "beyond every measurement"),
        (b'{"schema_version": 1e999}', "beyond every measurement"),
        (b'{"schema_version": NaN}', "no JSON"),
        (b"3", "no record of the lab"),
        (b'{"a": 1}', "no record of the lab"),
        (b'{"schema_version": 2}', "has schema version 2"),
        (b'{"schema_version": 1, "records": [], "problems": []}', "several checks"),
        (b'{"schema_version": 1}', "verdict: Field required"),
    ],
    ids=lambda value: value[:12].decode(errors="replace") if isinstance(value, bytes) else "",
)
def test_anything_else_is_one_line(data: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(data)
    assert what in problem(path)


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", Path("/dev/zero"), Path("a\0b")):
        assert "read" in problem(path) or "regular file" in problem(path)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 40)
    assert "more than" in problem(large)


def test_control_characters_of_a_foreign_record_do_not_reach_a_terminal(
    record: Path, tmp_path: Path
) -> None:
    data = json.loads(record.read_text())
    data["model"]["name"] = "\x1b[2Jclean"
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(data))
    assert read_record(path).model.name == "\\x1b[2Jclean"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_record_never_ends_in_anything_but_one_line(
    record: Path, tmp_path: Path, data: st.DataObject
) -> None:
    text = bytearray(record.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 200))
        text[at : at + length] = data.draw(st.binary(max_size=8))
    path = tmp_path / "odd.json"
    path.write_bytes(text)
    _read_or_one_line(path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=values, data=st.data())
def test_other_values_in_a_record_end_the_same_way(
    record: Path, tmp_path: Path, value: Any, data: st.DataObject
) -> None:
    plain = json.loads(record.read_text())
    place = plain
    while isinstance(place, dict | list) and place:
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
        )
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = value
            break
        place = place[key]
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(plain))
    _read_or_one_line(path)


def _read_or_one_line(path: Path) -> None:
    try:
        read_record(path)
    except InputError as error:
        (line,) = error.lines()
        assert line.isprintable()
