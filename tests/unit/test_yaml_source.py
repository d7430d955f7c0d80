"""YAML with positions: what is accepted, where things are, and how a refusal reads."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from lab.errors import InputError
from lab.yaml_source import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_PROBLEMS,
    MAX_VALUES,
    Data,
    Items,
    Mark,
    Size,
    StrictModel,
    Text,
    check_model,
    dotted,
    load_yaml,
    nearest,
    parse_yaml,
    shown,
    split_hint,
    valid_items,
)


def refusal(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_yaml("f.yaml", text)
    return caught.value.lines()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("2.50", 2.5),
        ("1.5e3", 1500.0),
        ("no", "no"),
        ("on", "on"),
        ("True", "True"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-02", "2026-01-02"),
        (".inf", ".inf"),
        ("1.5e300", "1.5e300"),
        ("9" * 20, "9" * 20),
        ('"7"', "7"),
        ("'true'", "true"),
        ("''", ""),
        ("64 KiB", "64 KiB"),
    ],
)
def test_scalars_follow_a_small_core(written: str, value: Data) -> None:
    data = parse_yaml("f.yaml", f"key: {written}\n").data
    assert data == {"key": value}
    assert type(data["key"]) is type(value)  # 1 == True == 1.0


def test_every_value_and_key_has_its_position() -> None:
    source = parse_yaml("f.yaml", "# first\na: 1\nb:\n  - c: {d: x}\n    e: y\n")
    assert source.data == {"a": 1, "b": [{"c": {"d": "x"}, "e": "y"}]}
    assert source.values == {
        (): Mark(2, 1),
        ("a",): Mark(2, 4),
        ("b",): Mark(4, 3),
        ("b", 0): Mark(4, 5),
        ("b", 0, "c"): Mark(4, 8),
        ("b", 0, "c", "d"): Mark(4, 12),
        ("b", 0, "e"): Mark(5, 8),
    }
    assert source.keys[("b", 0, "e")] == Mark(5, 5)
    assert source.keys[("b", 0, "c", "d")] == Mark(4, 9)


def test_columns_count_characters_and_a_byte_order_mark_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes("\ufeffé: {ü: 1}\r\nz: 2\r\n".encode())
    source = load_yaml(str(file))
    assert source.data == {"é": {"ü": 1}, "z": 2}
    assert source.values[("é", "ü")] == Mark(1, 8)
    assert source.values[("z",)] == Mark(2, 4)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1:1: is empty"),
        ("# nothing\n", "1:1: is empty"),
        ("---\n", "2:1: must be a mapping, got nothing"),
        ("- a\n", "1:1: must be a mapping, got a list"),
        ("hello\n", '1:1: must be a mapping, got "hello"'),
        ("7\n", "1:1: must be a mapping, got 7"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document starts (hint: one file holds one document)"),
        ("a: &x 1\n", "1:4: anchors and aliases are not accepted (hint: write the value out)"),
        ("a: 1\nb: *a\n", "2:4: anchors and aliases are not accepted (hint: write the value out)"),
        ("a: !!str 1\n", "1:4: tags are not accepted (hint: write the value without it)"),
        ("a: !x {}\n", "1:4: tags are not accepted (hint: write the value without it)"),
        ("? [a]\n: 1\n", "1:3: a key must be a word"),
        ("'': 1\n", "1:1: a key must be a word of 1 to 80 printable characters"),
        ('"a\\nb": 1\n', "1:1: a key must be a word of 1 to 80 printable characters"),
        ("k" * 81 + ": 1\n", "1:1: a key must be a word of 1 to 80 printable characters"),
        ("a: b\x00c\n", "1:5: character U+0000 is not allowed"),
        ("a: 1\nb: \x1b[0m\n", "2:4: character U+001B is not allowed"),
        ('a: "\\e[0m"\n', "1:4: contains a character that cannot be printed"),
        ('a: "\\ud800"\n', "1:4: contains a character that cannot be printed"),
        ('a: "\\Uffffffff"\n', "1:1: not valid YAML: a number or an escape out of range"),
        ("%YAML 1." + "9" * 5000 + "\n---\na: 1\n",
         "1:1: not valid YAML: a number or an escape out of range"),
        ("a:\n\t- b\n", "2:1: not valid YAML: found character '\\t' that cannot start any token"
         " (hint: indent with spaces, not tabs)"),
        ("a: [1, 2\nb: 3\n", "2:2: not valid YAML: expected ',' or ']', but got ':'"),
        ("a: 1\n b: 2\n", "2:3: not valid YAML: mapping values are not allowed here"),
        ("a: %x\n", "1:4: not valid YAML: found character '%' that cannot start any token"),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(text: str, line: str) -> None:
    assert refusal(text) == [f"f.yaml:{line}"]


def test_deep_nesting_ends_at_a_limit_in_every_style() -> None:
    inner = "".join("  " * depth + f"k{depth}:\n" for depth in range(500))
    for text in ("a: " + "[" * 100_000, "a: " + "{a: " * 100_000, "- " * 100_000, inner):
        (line,) = refusal(text)
        assert f"nested deeper than {MAX_DEPTH} levels" in line
    deepest = "[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1)
    assert parse_yaml("f.yaml", f"a: {deepest}").data


def test_endless_files_end_at_a_limit(tmp_path: Path) -> None:
    assert "more than 10,000 values" in refusal("a: [" + "1, " * MAX_VALUES + "1]")[0]
    assert "more than 10,000 values" in refusal("a: 1\n" * (MAX_VALUES + 1))[0]
    file = tmp_path / "big.yaml"
    file.write_bytes(b"a: 1\n" + b"#" * (MAX_BYTES - 5))
    assert load_yaml(str(file)).data == {"a": 1}
    with file.open("ab") as handle:
        handle.write(b"#")
    with pytest.raises(InputError, match=r"larger than 1,000,000 B \(hint: is this the right"):
        load_yaml(str(file))


def test_a_key_written_twice_keeps_the_first_and_is_reported() -> None:
    source = parse_yaml("f.yaml", "a: 1\nb: 2\na: {a: 1, a: 2}\na: 4\n")
    assert source.data == {"a": 1, "b": 2}
    assert source.error(source.findings).lines() == [
        "f.yaml:3:1: a: is written twice, first in line 1",
        "f.yaml:3:11: a (again).a: is written twice, first in line 3",
        "f.yaml:4:1: a: is written twice, first in line 1",
    ]


def test_the_path_is_reported_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text("[\n", encoding="utf-8")
    for path in ("x.yaml", "./x.yaml", str(tmp_path / "x.yaml")):
        with pytest.raises(InputError) as caught:
            load_yaml(path)
        assert caught.value.lines()[0].startswith(f"{path}:2:1: not valid YAML")


def test_files_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    expected = {
        str(tmp_path): "is a directory (hint: give a YAML file)",
        str(tmp_path / "none.yaml"): "cannot be read: No such file or directory",
        str(tmp_path / "pipe"): "is not a regular file (hint: give a YAML file)",
        str(tmp_path / "loop"): "cannot be read: Too many levels of symbolic links",
        "/dev/zero": "is not a regular file (hint: give a YAML file)",
        "": "is a directory (hint: give a YAML file)",
        "a\0b": "cannot be read: embedded null byte",
    }
    for path, what in expected.items():
        with pytest.raises(InputError) as caught:
            load_yaml(path)
        assert caught.value.problems[0].where == path
        assert caught.value.lines()[0].endswith(what)


def test_an_unreadable_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret.yaml"
    file.write_text("a: 1\n", encoding="utf-8")
    file.chmod(0)
    if os.geteuid() == 0:  # root reads everything: let the call itself refuse

        def refuse(self: Path, *_: object) -> None:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError) as caught:
        load_yaml(str(file))
    assert caught.value.lines() == [f"{file}: cannot be read: Permission denied"]
    assert stat.S_ISREG(file.stat().st_mode)


def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes("é: 1\nb: ü".encode() + b"\xff\n")
    with pytest.raises(InputError) as caught:
        load_yaml(str(file))
    assert caught.value.lines() == [f"{file}:2:5: not UTF-8 text: byte 0xFF"]


class Inner(StrictModel):
    size: Size
    label: Text = "x"


class Outer(StrictModel):
    items: Annotated[tuple[Inner, ...], Items, Field(min_length=1)]
    by_name: dict[str, Inner] = Field(default_factory=dict)
    on: bool = False
    level: Annotated[int, Field(ge=0)] = 0


def problems(text: str) -> list[str]:
    source = parse_yaml("f.yaml", text)
    record, findings = check_model(source, Outer)
    assert (record is None) == any("written twice" not in finding.what for finding in findings)
    return source.error(findings).lines()


def test_a_model_is_checked_with_all_problems_at_once() -> None:
    text = """\
items:
  - size: 5
    lable: x
  - label: 7
by_name:
  one: {size: 4 XB, extra: 1}
  two: [1]
on: yes
level: -1
levle: 1
"""
    assert problems(text) == [
        'f.yaml:2:11: items[0].size: needs a unit, got 5 (hint: write "5 B")',
        'f.yaml:3:5: items[0].lable: unknown key (hint: did you mean "label"?)',
        "f.yaml:4:5: items[1].size: is missing",
        "f.yaml:4:12: items[1].label: must be text, got 7 (hint: put it in quotes)",
        'f.yaml:6:15: by_name.one.size: unknown unit "XB" (hint: use B, KiB or MiB)',
        "f.yaml:6:21: by_name.one.extra: unknown key (hint: known: label, size)",
        "f.yaml:7:8: by_name.two: must be a mapping, got a list",
        'f.yaml:8:5: on: must be true or false, got "yes"',
        "f.yaml:9:8: level: must be greater than or equal to 0, got -1",
        'f.yaml:10:1: levle: unknown key (hint: did you mean "level"?)',
    ]


def test_a_key_without_value_is_one_problem() -> None:
    assert problems("items:\non:\n") == [
        "f.yaml:1:7: items: has no value (hint: write one or leave the key out)",
        "f.yaml:2:4: on: has no value (hint: write one or leave the key out)",
    ]
    assert problems("items: []") == ["f.yaml:1:8: items: must not be empty"]
    assert problems("items: {}") == ["f.yaml:1:8: items: must be a list, got a mapping"]


def test_right_entries_are_found_among_wrong_ones() -> None:
    source = parse_yaml("f.yaml", "items: [{size: 1 KiB}, 7, {size: 2}, {size: 3 KiB}]")
    found = [(place, item.size) for place, item in valid_items(source, "items", Inner)]
    assert found == [(("items", 0), 1024), (("items", 3), 3072)]
    assert list(valid_items(parse_yaml("f.yaml", "items: 7"), "items", Inner)) == []
    assert list(valid_items(source, "nothing", Inner)) == []


def test_long_lists_of_problems_are_cut_with_their_count() -> None:
    text = "items: [{size: 1 KiB}]\n" + "".join(f"k{n}: 1\n" for n in range(MAX_PROBLEMS + 5))
    lines = problems(text)
    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1] == "f.yaml: 5 more problems"


def test_text_is_one_printable_line() -> None:
    source = parse_yaml("f.yaml", "size: 1 B\nlabel: >\n  folded over\n  two lines\n")
    record, _ = check_model(source, Inner)
    assert record is not None
    assert record.label == "folded over two lines"
    for bad in ('""', '"  "', '"a\u202eb"', "x" * 401):
        source = parse_yaml("f.yaml", f"size: 1 B\nlabel: {bad}\n")
        (finding,) = check_model(source, Inner)[1]
        assert finding.what.startswith("must be 1 to 400 printable characters, got ")
        assert len(finding.what) < 120


def test_helpers() -> None:
    assert dotted(("ram", 0, "size")) == "ram[0].size"
    assert dotted(()) == ""
    assert nearest("siez", ["size", "base"]) == 'did you mean "size"?'
    assert nearest("qqq", ["size", "base"]) == "known: base, size"
    assert split_hint('unknown "a (b)" (use c)') == ('unknown "a (b)"', "use c")
    assert split_hint("no hint") == ("no hint", "")
    values: list[object] = [None, {}, [], (), True, "é\n", 1.5]
    assert [shown(value) for value in values] == [
        "nothing", "a mapping", "a list", "a list", "true", '"\\u00e9\\n"', "1.5",
    ]  # fmt: skip
    assert len(shown("x" * 10_000)) <= 61


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.booleans() | st.integers(-(10**18), 10**18) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(WORDS, VALUES, min_size=1, max_size=4))
def test_what_json_writes_is_read_back(data: dict[str, Data]) -> None:
    text = json.dumps(data, ensure_ascii=False, indent=1)
    source = parse_yaml("f.yaml", text)
    assert source.data == data
    lines = text.split("\n")
    for place, mark in source.values.items():
        assert 1 <= mark.line <= len(lines), place
        assert 1 <= mark.column <= len(lines[mark.line - 1]), place


@given(st.text(max_size=200))
def test_any_text_is_data_or_a_refusal(text: str) -> None:
    try:
        lines = [f"f.yaml: {len(parse_yaml('f.yaml', text).values)} values"]
    except InputError as error:
        lines = error.lines()
    assert lines
    assert all(line.startswith("f.yaml:") and line.isprintable() for line in lines)
