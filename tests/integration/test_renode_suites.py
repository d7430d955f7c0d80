"""``lab renode test`` and the suites it runs, with a stand-in for renode-test.

The stand-in proves the command and the wiring of the suites, not Renode: it emulates nothing, and
answers what the lab expects. On Renode itself the suites run in .github/workflows/renode.yml.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from processes import watched
from renode_machine import VARIABLES, build_tree, script
from repl_grammar import parse
from robot_suites import run
from support import ROOT, Golden, Ran, lab, no_traceback

from lab.engines.renode.versions import NOT_YET_RUN
from lab.jobs.renode_test import RECORD
from lab.renode_test import RenodeTestResult

SCHEMA = ROOT / "docs" / "renode-test.schema.json"
SUITES = ROOT / "robot" / "renode"
STUB = ROOT / "tests" / "robot" / "renode_keywords.resource"
FAKE = ROOT / "tests" / "fake_renode_test.py"
TESTS = 8
DRY_RUN = ("--dryrun", "--pythonpath", ROOT / "tests")  # the stub imports from there
PASSED_BEFORE = """\
<robot generator="Robot 6.1" schemaversion="4"><suite name="S"><test name="T">
<status status="PASS"/></test><status status="PASS"/></suite><errors/></robot>
"""


@pytest.fixture
def renode(tmp_path: Path) -> Path:
    """A build tree of Renode in which only renode-test does anything."""
    tree = build_tree(tmp_path / "renode")
    script(tree / "renode-test", f'exec {sys.executable} {FAKE} "$@"')
    return tree


def run_it(tree: Path, output: Path, *arguments: str, board: str = "nrf52dk", **env: str) -> Ran:
    ran = lab(
        "renode", "test", *arguments, "-b", board, "-o", str(output),
        env={"PYRENODE_BUILD_DIR": str(tree), **env},
    )  # fmt: skip
    no_traceback(ran)
    return ran


def record(output: Path) -> RenodeTestResult:
    return RenodeTestResult.model_validate_json((output / RECORD).read_text())


def test_without_renode_the_suites_are_skipped_and_say_why(tmp_path: Path) -> None:
    done = run(SUITES, to=tmp_path)
    assert len(done) == TESTS
    for test in done.values():
        assert test.status == "SKIP"
        assert 'run it with "lab renode test"' in test.message


def test_the_suites_pass_a_dry_run_against_renodes_keywords(tmp_path: Path) -> None:
    done = run(*DRY_RUN, "--variable", f"RENODEKEYWORDS:{STUB}", SUITES, to=tmp_path)
    assert {name: test.message for name, test in done.items() if test.status != "PASS"} == {}
    assert len(done) == TESTS


def test_a_keyword_that_renode_lacks_fails_the_dry_run(tmp_path: Path) -> None:
    own = tmp_path / "own.robot"
    own.write_text(
        f"*** Settings ***\nResource    {STUB}\n*** Test Cases ***\nOwn\n    Wait For Bliss\n"
    )
    (failed,) = run(*DRY_RUN, own, to=tmp_path).values()
    assert (failed.status, "No keyword with name 'Wait For Bliss'" in failed.message) == (
        "FAIL", True
    )  # fmt: skip


def test_a_run_and_its_record(renode: Path, tmp_path: Path) -> None:
    out = tmp_path / "out with spaces"
    ran = run_it(renode, out, "--model", "tiny_float", FAULT="")
    assert ran.code == 0, ran.out + ran.err
    assert f"nrf52dk: {TESTS} tests passed" in ran.out
    told = record(out)
    assert (told.renode, told.generation, told.note) == ("1.16.1", "1.16.1", NOT_YET_RUN)
    assert (told.model, told.suites) == ("tiny_float.tflite", ("image.robot", "memory.robot"))
    (board,) = told.boards
    assert {test.status for test in board.tests} == {"PASS"}
    junit = ET.parse(out / "nrf52dk" / "junit.xml").getroot()
    assert (junit.get("name"), junit.get("tests"), junit.get("failures")) == (
        "nrf52dk", str(TESTS), "0"
    )  # fmt: skip


def test_the_record_is_what_its_schema_says(renode: Path, tmp_path: Path, golden: Golden) -> None:
    schema = RenodeTestResult.model_json_schema(mode="serialization")
    golden.check(json.dumps(schema, indent=2) + "\n", SCHEMA)
    assert run_it(renode, tmp_path / "out").code == 0
    text = (tmp_path / "out" / RECORD).read_text()
    jsonschema.validate(json.loads(text), schema)
    assert str(tmp_path) not in text
    assert str(ROOT) not in text


def test_a_relative_folder_as_the_docs_have_it(renode: Path, tmp_path: Path) -> None:
    env = {"PYRENODE_BUILD_DIR": str(renode)}
    ran = lab("renode", "test", "-b", "nrf52dk", "-o", "out", cwd=tmp_path, env=env)
    assert ran.code == 0, ran.out + ran.err
    assert record(tmp_path / "out").boards[0].board == "nrf52dk"


@pytest.mark.parametrize(
    ("says", "given", "generation"),
    [
        ("1.16.1", [], "1.16.1"),
        ("1.17.0", [], "master"),
        ("1.17.0", ["--renode-version", "1.16.1"], "1.16.1"),
        ("", [], "1.16.1"),
    ],
)
def test_files_are_for_the_renode_that_is_there(
    renode: Path, tmp_path: Path, says: str, given: list[str], generation: str
) -> None:
    (renode / "tools" / "version").write_text(says)
    assert run_it(renode, tmp_path / "out", *given).code == 0
    assert record(tmp_path / "out").generation == generation
    first, *_ = (tmp_path / "out" / "nrf52dk" / "board.resc").read_text().splitlines()
    assert first == f"# For Renode {generation}, for the suites in robot/renode."


def test_what_renode_gets(renode: Path, tmp_path: Path) -> None:
    assert run_it(renode, tmp_path / "out").code == 0
    folder = tmp_path / "out" / "nrf52dk"
    assert (folder / "image.elf").read_bytes()[:4] == b"\x7fELF"
    assert {"cpu", "ram", "flash", "lab_window"} <= parse(
        (folder / "board.repl").read_text()
    ).keys()
    lines = (folder / "board.resc").read_text().splitlines()
    assert lines[0] == "# For Renode 1.16.1, for the suites in robot/renode."
    order = ["mach create", "machine LoadPlatformDescription", "emulation SetGlobalQuantum",
             "sysbus LoadELF", "cpu VectorTableOffset", "sysbus WriteDoubleWord",
             "cpu AddHook"]  # fmt: skip
    places = [next(i for i, line in enumerate(lines) if line.startswith(word)) for word in order]
    assert places == sorted(places)
    assert "start" not in lines
    # The count is noted once: lab_end loops until the emulation is paused.
    hooks = [line for line in lines if line.startswith("cpu AddHook")]
    assert [hook.count("ReadDoubleWord") for hook in hooks] == [1, 1, 1, 1, 0]
    assert hooks[-1].endswith('"machine.PauseAndRequestEmulationPause()"')


@pytest.mark.parametrize(
    ("fault", "name", "said"),
    [
        ("endless", "Reaches Its End", "did not pause"),
        ("aborted", "The Core Goes On", "Aborted"),
        ("writes", "Nothing Was Touched That Is Not There", "writes where nothing is: 3 != 0"),
        ("memory", "Nothing Lies Behind It", "there is memory at 0x"),
        ("status", "The Runtime Reports Success", "TfLiteStatus in lab_mailbox: 7 != 0"),
        ("count", "As Many Instructions From Marker To Marker", "up to lab_after_invoke"),
        ("output", "The Same Outputs", "output byte at 0x"),
    ],
)
def test_what_is_wrong_fails_its_test(
    renode: Path, tmp_path: Path, fault: str, name: str, said: str
) -> None:
    ran = run_it(renode, tmp_path / "out", FAULT=fault)
    assert ran.code == 1
    (board,) = record(tmp_path / "out").boards
    failed = [test for test in board.tests if test.status == "FAIL"]
    assert name in {test.name for test in failed}
    assert said in ran.out
    junit = ET.parse(tmp_path / "out" / "nrf52dk" / "junit.xml").getroot()
    assert junit.get("failures") == str(len(failed))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("garbage", "left no results: "),
        ("nothing", "left no results: "),
        ("empty", "no test was run"),
        ("broken", "ended with code 1, and no test failed"),
    ],
)
def test_no_answer(renode: Path, tmp_path: Path, how: str, said: str) -> None:
    out = tmp_path / "out"
    stale = out / "nrf52dk" / "robot_output.xml"
    stale.parent.mkdir(parents=True)
    stale.write_text(PASSED_BEFORE)
    ran = run_it(renode, out, FAKE_RENODE_TEST=how)
    assert ran.code == 5
    (line,) = [line for line in ran.out.splitlines() if line.startswith("nrf52dk: ")]
    assert said in line
    (board,) = record(out).boards
    assert board.exit_code == 5
    assert board.reason.endswith("(log: nrf52dk/renode-test.log)")
    assert str(tmp_path) not in (out / RECORD).read_text()


def test_a_hanging_renode_test_is_ended_with_its_children(renode: Path, tmp_path: Path) -> None:
    own = tmp_path / "none.robot"
    own.write_text("*** Test Cases ***\nOne\n    No Operation\n")
    command = [sys.executable, "-m", "lab", "renode", "test", str(own), "-b", "nrf52dk",
               "-o", str(tmp_path / "out"), "--timeout", "1"]  # fmt: skip
    env = {"PYRENODE_BUILD_DIR": str(renode), "FAKE_RENODE_TEST": "hang"}
    with watched(command, env=env) as hanging:
        ran = hanging.finish()
        hanging.nothing_is_left()
    assert ran.code == 5
    assert "renode-test was stopped after 2 s, --timeout gives it more" in ran.err


def test_missing_renode_test(tmp_path: Path) -> None:
    bare = dict.fromkeys(VARIABLES, "") | {"PATH": f"{os.defpath}"}
    ran = lab("renode", "test", "-b", "nrf52dk", "-o", str(tmp_path / "out"), env=bare)
    assert ran.code == 4
    assert len(ran.err.splitlines()) == 1
    assert "Renode is missing" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_to(renode: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    ran = run_it(renode, blocked)
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert str(blocked) in ran.err
    (tmp_path / "out" / RECORD).mkdir(parents=True)
    ran = run_it(renode, tmp_path / "out")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert RECORD in ran.err


def test_a_suite_that_is_none_and_a_model_that_does_not_run(renode: Path, tmp_path: Path) -> None:
    ran = run_it(renode, tmp_path / "out", "no_such.robot")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    ran = run_it(renode, tmp_path / "out", "--model", "no_such")
    assert (ran.code, len(ran.err.splitlines())) == (3, 1)
    ran = run_it(renode, tmp_path / "out", "--model", "fails_gelu")
    assert ran.code == 1
    assert "fails_gelu on nrf52dk: " in ran.out
    assert "GELU" in ran.out
