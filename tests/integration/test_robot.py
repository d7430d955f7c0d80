"""The Robot suites run and count as they should; the library is documented and says why."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import robot_docs
from robot.libdocpkg import LibraryDocumentation
from robot_suites import Done, fit_suite, is_slow, rows, run
from support import ROOT, Golden

from lab.baseline import Baseline, accepted
from lab.board import load_board
from lab.jobs.bench import Bench

SUITES = ROOT / "robot"
OWN = ROOT / "tests" / "robot"
PAGE = ROOT / "docs" / "zoo-on-boards.md"
BOARDS = re.findall(r"^## `(\w+)`", PAGE.read_text(), re.MULTILINE)
HAND_WRITTEN = 49  # tests that are neither generated nor slow
ALSO_ALONE = ("Arena", "Cycles", "Outputs", "Stm32F103 Bluepill")
PABOT = (
    "pabot.pabot", "--processes", "2", "--no-pabotlib",
    "--command", sys.executable, "-m", "robot", "--end-command",
)  # fmt: skip
# Those for renode-test have a test of their own: test_renode_suites.py.
BENCH = ("--exclude", "slow", "--exclude", "kind:renode")
TAG = re.compile(r"(board|core|model|kind):[\w-]+|slow")


def quick() -> int:
    page = PAGE.read_text()
    return sum(not is_slow(model, board) for board in BOARDS for model, _ in rows(page, board))


def counts(tests: dict[str, Done]) -> dict[str, int]:
    return dict(Counter(test.status for test in tests.values()))


def test_all_suites_pass_and_two_processes_give_the_same_numbers(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    bench = run(*BENCH, SUITES, to=tmp_path / "two", runner=PABOT)
    failed = {name: test.message for name, test in bench.items() if test.status != "PASS"}
    assert failed == {}
    assert counts(bench) == {"PASS": HAND_WRITTEN + quick()}
    for name, test in bench.items():
        check_tags(name, test.tags)
    chosen = [word for name in ALSO_ALONE for word in ("--suite", name)]
    (tmp_path / "one").mkdir()
    alone = run(*BENCH, *chosen, SUITES, to=tmp_path / "one")
    assert len(alone) > 40
    assert any("instructions" in test.message for test in alone.values())
    assert alone == {name: bench[name] for name in alone}


def check_tags(name: str, tags: frozenset[str]) -> None:
    """Tests can be chosen by what they are about, and by board, core and model."""
    assert all(TAG.fullmatch(tag) for tag in tags), name
    of = {key: [tag.partition(":")[2] for tag in tags if tag.startswith(f"{key}:")]
          for key in ("kind", "core", "board")}  # fmt: skip
    assert len(of["kind"]) == 1, name
    assert {load_board(board).core for board in of["board"]} >= set(of["core"]), name


@pytest.mark.slow
def test_the_slow_ones_pass_too(tmp_path: Path) -> None:
    done = run("--include", "slow", SUITES, to=tmp_path, runner=PABOT)
    assert {name: test.message for name, test in done.items() if test.status != "PASS"} == {}
    assert len(done) > 20


FAILURES = {
    "Above The Limit": r"required arena 202,880 B is above the limit 196,608 B by 6,272 B "
    r"on arduino_nano33ble_sense",
    "Too Many Instructions": r"instructions of one inference [\d,]+ instructions is above the "
    r"limit 1,000 instructions by [\d,]+ instructions on nrf52dk",
    "Below The Limit": r"margin [\d,]+ B is below the limit 65,536 B by [\d,]+ B on nrf52dk",
    "Not Equal": r"required arena is 1,056 B, not 1,024 B, on nrf52dk",
    "Does Not Fit": r"tiny_float\.tflite on nrf52dk does not fit: \d+ B of RAM are missing in RAM",
    "Fits": r"expected not to fit for want of ram, but tiny_float\.tflite on nrf52dk fits: .+",
    "Another Class": r"expected op_missing, but fails_gelu\.tflite on nrf52dk fails: .*GELU.* "
    r"\(op_code_out_of_range\)",
    "Another Operator": r"expected SHAPE to be at fault, but the record names TILE",
    "Never Measured": r"stack high-water was not measured: fails_gelu\.tflite on nrf52dk fails: .+",
    "Not Reached": r"did not reach tflite::MicroInterpreter::Invoke: Failed to allocate memory\. "
    r".+ \(arena_too_small_persistent\) after [\d,]+ instructions, in lab_\w+ < main < \w+",
    "Another End": r"expected stack_overflow, but reached its end after [\d,]+ instructions, in .+",
    "No Such Function": r'NoVerdictError: no verdict: the image has no function "nobody"',
    "Not On The Console": r'no line of the console holds "hello": it is empty',
    "Other Outputs": r"outputs on nrf52dk have the checksum [0-9a-f]{64}",
    "Growth Without A Baseline": r"UsageError: load a baseline first",
    "No Such Figure": r"ValueError: Argument 'figure' got value 'heap' .+'REQUIRED_ARENA'.+",
    "Not A Count": r"UsageError: modelled cycles of one inference: must be a count, got .+",
    "No Image": r"no image of fails_gelu for nrf52dk: .*GELU.*",
    "Interrupted": r"Keyword timeout 50 milliseconds exceeded\.",
}


def test_failures_say_why(tmp_path: Path) -> None:
    done = run(OWN / "must_fail.robot", to=tmp_path)
    assert counts(done) == {"FAIL": len(FAILURES), "PASS": 1}
    for name, test in done.items():
        short = name.rpartition(".")[2]
        if test.status == "FAIL":
            assert re.fullmatch(FAILURES[short], test.message), f"{short}: {test.message}"


def baseline(path: Path, **changes: object) -> Path:
    """One of tiny_float on nrf52dk, as measured here but for some changes."""
    own = Bench()
    own.load_board("nrf52dk")
    own.load_model("tiny_float")
    kept = accepted(own.check()).model_copy(update=changes)
    path.write_text(Baseline(checks={own.name: kept}).to_json())
    return path


def test_a_baseline_that_still_holds(tmp_path: Path) -> None:
    file = baseline(tmp_path / "baseline.json")
    done = run("--variable", f"FILE:{file}", OWN / "baseline.robot", to=tmp_path)
    messages = [test.message for test in done.values()]
    assert messages[:3] == ["", "", ""]
    assert messages[3] == "UsageError: the baseline holds no reported arena"
    missing = 'holds no check "keyword_spotter on nrf52dk" (hint: it holds tiny_float on nrf52dk)'
    assert messages[4] == f"InputError: {file}: {missing}"
    assert messages[5] == f"InputError: {file}.old: no such file (hint: make it: lab ci accept)"


def test_what_grew_since_the_baseline(tmp_path: Path) -> None:
    file = baseline(tmp_path / "baseline.json", figures={"arena": 1040, "cycles": 1000})
    done = run("--variable", f"FILE:{file}", OWN / "baseline.robot", to=tmp_path)
    changed, cycles, arena = [test.message for test in done.values()][:3]
    assert re.fullmatch(
        r"not as accepted on nrf52dk: required arena 1,040 B -> 1,056 B, "
        r"modelled cycles of one inference 1,000 cycles -> [\d,]+ cycles", changed,
    )  # fmt: skip
    assert "is above what the baseline allows 1,020 cycles by" in cycles
    assert arena == (
        "required arena 1,056 B is above what the baseline allows 1,040 B by 16 B on nrf52dk"
    )


def test_another_compiler_is_not_blamed_on_the_commit(tmp_path: Path) -> None:
    file = baseline(tmp_path / "baseline.json", made_with="lab 0, gcc 1")
    done = run("--variable", f"FILE:{file}", OWN / "baseline.robot", to=tmp_path)
    assert [test.status for test in done.values()][:3] == ["SKIP"] * 3
    first = next(iter(done.values())).message
    assert first.startswith(f"not comparable: {file} was made with lab 0, gcc 1; this is lab ")


@pytest.mark.parametrize("how", ["variable", "environment"])
def test_what_an_engine_lacks_is_skipped_with_its_reason(how: str, tmp_path: Path) -> None:
    if how == "variable":
        done = run(*BENCH, "--variable", "ENGINE:renode", SUITES, to=tmp_path)
    else:
        done = run("robot/stack.robot", to=tmp_path, cwd=ROOT, ENGINE="renode")
    skipped = {name: test.message for name, test in done.items() if test.status == "SKIP"}
    (why,) = set(skipped.values())
    assert why.startswith("Renode is missing: no renode on the search path")
    assert done.keys() - skipped.keys() <= {"Robot.Bad Input.A Size Without A Meaning"}


def test_every_keyword_is_documented(golden: Golden) -> None:
    library = json.loads(LibraryDocumentation("lab.robot_library").to_json())
    undocumented = [one["name"] for one in library["keywords"] if not one["doc"].strip()]
    assert undocumented == []
    untyped = [
        f"{one['name']}: {argument['name']}"
        for one in library["keywords"]
        for argument in one["args"]
        if not argument["type"]
    ]
    assert untyped == []
    assert library["scope"] == "TEST"
    golden.check(robot_docs.page(library), ROOT / "docs" / "robot-keywords.md")


@pytest.mark.parametrize("board", BOARDS)
def test_the_fit_suites_are_what_the_zoo_table_says(board: str, golden: Golden) -> None:
    golden.check(fit_suite(PAGE.read_text(), board), SUITES / "fit" / f"{board}.robot")


def test_examples_of_the_docs_run(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "robot.md").read_text()
    examples = re.findall(r"```robotframework\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 2
    for number, text in enumerate(examples):
        (tmp_path / f"example_{number}.robot").write_text(text)
    done = run(tmp_path, to=tmp_path)
    assert set(counts(done)) == {"PASS"}, done
