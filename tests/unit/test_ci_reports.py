"""The reports of ``lab ci run``: what they show, and that no text of a model gets out of hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from ci_results import AFTER, BEFORE, check, everything, grown, held, result
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, Golden

from lab.baseline import Baseline
from lab.ci_result import CiResult, Note
from lab.report import (
    ci,
    ci_annotations,
    ci_diff,
    ci_html,
    ci_markdown,
    junit,
    markdown_parts,
    sarif,
)
from lab.report.ci_words import since_baseline

ALL = everything()
PRINTABLE = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=40
)


def lines(render: Callable[[CiResult], list[str]]) -> Callable[[CiResult], str]:
    return lambda run: "\n".join(render(run)) + "\n"


@pytest.mark.parametrize(
    ("name", "render"),
    [
        ("ci.txt", lines(ci.render)),
        ("ci.md", ci_markdown.render),
        ("ci-annotations.txt", lines(ci_annotations.render)),
        ("ci.junit.xml", junit.render),
    ],
)
def test_a_run_with_everything(
    name: str, render: Callable[[CiResult], str], golden: Golden
) -> None:
    golden.check(render(ALL), ROOT / "tests" / "golden" / name)


def test_the_terminal_says_failures_first() -> None:
    words = [line.split("  ")[0] for line in ci.render(ALL) if line[0:1] not in {"", " "}]
    assert words[:5] == ["FAIL", "FAIL", "NO ANSWER", "allowed", "pass"]


def test_the_view_of_a_reviewer_fits_a_screen() -> None:
    boards = [f"board_{number}" for number in range(6)]
    many = [
        grown(model=f"model_{number}.tflite", board=board)
        for number in range(30)
        for board in boards
    ]
    shown = re.sub(r"<details>.*?</details>", "", ci_markdown.render(result(*many)), flags=re.S)
    assert len(shown.splitlines()) < 60
    assert "arena \\+4,096 B: tensor mask" in shown.replace("+", "\\+").replace("\\\\+", "\\+")
    assert shown.count("kernels +1,204 B flash: CONV\\_2D") == 1, "one change, said once"
    assert "18 of 30 rows are left out" in shown
    passing = [check(f"model_{n}.tflite", board) for n in range(200) for board in boards]
    assert len(ci_markdown.render(result(*passing)).partition("<details>")[0].splitlines()) < 20


# --- texts that are not to be trusted ---

HOSTILE = [
    "a|b`c``d.tflite", "<script>alert(1)</script>", "![x](http://evil.example/x.png)", "@everyone",
    "a%0A::set-output name=x::y", "]]><x/>", "--><b>", "{{ 7*7 }}", "#1", "*bold* _it_ ~~no~~",
    "a: b, c", "&amp;", "</details>", "'\"`", "☃ ünï",
]  # fmt: skip


class Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def named(text: str) -> CiResult:
    """A run in which everything that can be a foreign text is this one."""
    update = {"arena": {**AFTER.arena, f"tensor: {text}": 99}}
    one = grown(model=text, measured=AFTER.model_copy(update=update), allowances=(held(),))
    other = check(model=text, board=text, status="fail", verdict=text, measured=None,
                  notes=(Note(text=text, line=3),))  # fmt: skip
    return result(one, other, file=f"{text}.yaml", unchecked=(text,))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_page_shows_it_as_it_is(text: str) -> None:
    plain, page = Page(ci_html.render(named("x"))), Page(ci_html.render(named(text)))
    assert page.tags == plain.tags
    assert f"{text} on nrf52dk" in page.text
    assert "script" not in page.tags


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_takes_none_of_it(text: str) -> None:
    plain, markdown = (ci_markdown.render(named(word)) for word in ("x", text))
    assert len(markdown.splitlines()) == len(plain.splitlines())
    outside = "\n".join(re.sub(r"(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", line)
                        for line in markdown.splitlines())  # fmt: skip
    assert set(re.findall(r"(?<!\\)<(/?\w+)", outside)) == {
        "details", "/details", "summary", "/summary",
    }  # fmt: skip
    assert not re.search(r"(?<!\\)[!\]]\(|@\w|(?<![&\\])#\d", outside)


@given(PRINTABLE)
def test_code_spans_end_where_they_should(text: str) -> None:
    span = markdown_parts.cell(text).replace("\\|", "|")
    fence = re.match("`+", span)
    assert fence
    inner = span[len(fence[0]) : -len(fence[0])]
    assert span.endswith(fence[0])
    assert fence[0] not in re.findall("`+", inner)
    assert inner in {text, f" {text} "}


@given(PRINTABLE)
def test_annotations_are_one_command_a_line(text: str) -> None:
    form = r"::(error|warning|notice) file=([^,:]*),line=(\d+),title=([^,:]*)::([^\n]*)"
    titles = []
    for line in ci_annotations.render(named(text)):
        match = re.fullmatch(form, line)
        assert match, line
        titles.append(unquote(match[4]))
    assert set(titles) == {f"{text} on nrf52dk", f"{text} on {text}", "baseline"}


def test_errors_come_first_in_annotations() -> None:
    levels = [line.partition(" ")[0] for line in ci_annotations.render(ALL)]
    assert levels == sorted(levels, key=lambda level: level != "::error")
    assert levels.count("::error") == 3


# --- JUnit ---

ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "skipped"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped"},
    "testcase": {"classname", "name", "file", "line", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}


def junit_is_sound(text: str, run: CiResult) -> ET.Element:
    """The structure that CI services read, and counts that are those of the cases."""
    root = ET.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) == ATTRIBUTES[element.tag]
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
    for case in root.iter("testcase"):
        tags = [child.tag for child in case]
        assert tags[-1] == "system-out"
        assert len(tags) <= 2
    for suite in (root, root[0]):
        assert suite.get("tests") == str(len(list(root.iter("testcase")))) == str(len(run.checks))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(name) == str(len(list(root.iter(tag))))
    return root


def test_junit() -> None:
    root = junit_is_sound(junit.render(ALL), ALL)
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == [
        "6", "2", "1", "1",
    ]  # fmt: skip
    names = [case.get("name") for case in root.iter("testcase")]
    assert names == [one.name for one in ALL.checks]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("text", HOSTILE)
def test_junit_of_odd_names(text: str) -> None:
    root = junit_is_sound(junit.render(named(text)), named(text))
    assert [case.get("classname") for case in root.iter("testcase")] == [text, text]


# --- SARIF: the parts of the 2.1.0 schema that are used, and nothing beside them ---


def closed(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": required.split(),
        "additionalProperties": False,
    }  # fmt: skip


TEXT = closed("text", text={"type": "string", "minLength": 1})
RULE = closed(
    "id name shortDescription fullDescription help defaultConfiguration",
    id={"type": "string"}, name={"type": "string", "pattern": "^[A-Z][A-Za-z]*$"},
    shortDescription=TEXT, fullDescription=TEXT, help=TEXT,
    defaultConfiguration=closed("level", level={"enum": ["none", "note", "warning", "error"]}),
)  # fmt: skip
PLACE = closed(
    "artifactLocation region",
    artifactLocation=closed(
        "uri uriBaseId",
        uri={"type": "string", "pattern": "^[A-Za-z0-9._~/%!$&'()*+,;=@:-]+$"},
        uriBaseId={"const": "%SRCROOT%"},
    ),
    region=closed("startLine", startLine={"type": "integer", "minimum": 1}),
)
RESULT = closed(
    "ruleId ruleIndex level message locations partialFingerprints",
    ruleId={"type": "string"}, ruleIndex={"type": "integer", "minimum": 0},
    level={"enum": ["note", "error"]}, message=TEXT,
    locations={"type": "array", "minItems": 1, "items": closed("physicalLocation",
                                                               physicalLocation=PLACE)},
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    suppressions={"type": "array", "items": closed(
        "kind justification", kind={"enum": ["inSource", "external"]},
        justification={"type": "string"})},
)  # fmt: skip
DRIVER = closed(
    "name version rules", name={"const": "tflm-lab"}, version={"type": "string"},
    rules={"type": "array", "items": RULE, "uniqueItems": True},
)  # fmt: skip
SARIF = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **closed(
        "$schema version runs",
        **{"$schema": {"const": sarif.SCHEMA}, "version": {"const": "2.1.0"}},
        runs={"type": "array", "minItems": 1, "items": closed(
            "tool columnKind results", tool=closed("driver", driver=DRIVER),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results={"type": "array", "items": RESULT})},
    ),
}  # fmt: skip


@pytest.mark.parametrize("run", [ALL, result(check()), *map(named, HOSTILE)])
def test_sarif(run: CiResult) -> None:
    log = json.loads(sarif.render(run))
    jsonschema.validate(log, SARIF)
    (only,) = log["runs"]
    rules = [rule["id"] for rule in only["tool"]["driver"]["rules"]]
    for one in only["results"]:
        assert rules[one["ruleIndex"]] == one["ruleId"]
    prints = [one["partialFingerprints"]["check/v1"] for one in only["results"]]
    assert len(set(prints)) == len(prints)


def test_sarif_places_and_suppressions() -> None:
    found = json.loads(sarif.render(ALL))["runs"][0]["results"]
    places = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in found]
    assert places == [
        "lab.yaml", "models/large.tflite", "models/broken.tflite", "lab.yaml",
    ]  # fmt: skip
    assert [one["level"] for one in found] == ["error", "error", "error", "note"]
    assert [len(one.get("suppressions", ())) for one in found] == [0, 0, 0, 1]


# --- the difference of two results ---


def test_diff_says_what_changed_by_check_and_owner() -> None:
    before = Baseline(checks={"a": BEFORE, "b": BEFORE, "c": BEFORE, "gone": BEFORE})
    other = BEFORE.model_copy(update={"made_with": "clang", "verdict": "does_not_fit"})
    after = Baseline(checks={"a": BEFORE, "b": AFTER, "c": other, "new": AFTER})
    assert ci_diff.render(before, after) == [
        "b: ram +4,096 B, flash +1,204 B, arena +4,096 B",
        "    arena +4,096 B: tensor mask",
        "    kernels +1,204 B flash: CONV_2D",
        'c: verdict was "fits", is "does not fit"',
        "gone: gone",
        "new: new",
        f"made with different tools, which may be the cause: {BEFORE.made_with}; then clang",
        "1 of 4 checks unchanged",
    ]


def test_a_fused_layer_is_called_by_its_first_name_and_time_is_cycles() -> None:
    fused = "tensor: net/conv_1/Relu;net/conv_1/BiasAdd;net/conv_1/convolution"
    slower = {**BEFORE.figures, "cycles": 6_000_000, "ms": 93.75}
    arena = {**BEFORE.arena, fused: 160}
    after = BEFORE.model_copy(update={"figures": slower, "arena": arena})
    told = since_baseline(check(measured=after))
    assert told == "cycles +1,000,000 (arena +160 B: tensor net/conv_1/Relu)"
    clock = BEFORE.model_copy(update={"figures": {**BEFORE.figures, "ms": 80.0}})
    assert since_baseline(check(measured=clock)) == "time +1.875 ms"


def test_other_tools_are_said_once_for_all_checks() -> None:
    note = Note(text="differences are not this commit's alone", line=3)
    run = result(*(check(f"m{number}.tflite", notes=(note,)) for number in range(9)))
    for text in ("\n".join(ci.render(run)), ci_markdown.render(run), ci_html.render(run),
                 "\n".join(ci_annotations.render(run))):  # fmt: skip
        assert len(re.findall("not this commit", text)) == 1
        assert "m0.tflite on nrf52dk" in text
        assert "and 8 more" in text


@pytest.mark.parametrize("number", [1, 12, 13])
def test_rows_that_are_left_out_are_said(number: int) -> None:
    passing = ci_markdown.render(result(*(check(f"m{n}.tflite") for n in range(number))))
    table = passing.partition("<details>")[0]
    left = f"{number} of {number} rows are left out"
    assert (left in table) == (number > 12)
    assert table.count("✅ pass |") == (number if number <= 12 else 0)
