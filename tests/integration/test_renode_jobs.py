"""Everything that measures, with the fake Renode: the records are those of the embedded engine."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import renode_fake
import robot_suites
from engines_agree import same_but_for_the_engine
from support import NANO, ROOT, lab, no_traceback

from lab.zoo import catalogue

MODEL = "sensor_fusion"
BOARDS = ("arduino_zero", NANO, "nrf5340dk_cpuapp")  # M0+, M4F, M33F
ON_RENODE = ("--variable", "ENGINE:renode", ROOT / "robot" / "arena.robot")
FAKE = renode_fake.environment()


def checked(model: str, board: str, engine: str, *more: str, generation: str = "1.16.1") -> Any:
    """The record of one check."""
    ran = lab(
        "check", model, "-b", board, "--engine", engine, "--details", "--json", "-", *more,
        env=renode_fake.environment(generation),
    )  # fmt: skip
    no_traceback(ran)
    assert ran.out, ran.err
    return json.loads(ran.out)


@pytest.mark.parametrize("board", BOARDS)
def test_the_records_are_equal(board: str) -> None:
    same_but_for_the_engine(checked(MODEL, board, "unicorn"), checked(MODEL, board, "renode"))


def test_master_measures_the_same() -> None:
    first = checked(MODEL, NANO, "renode")
    second = checked(MODEL, NANO, "renode", generation="master")
    assert first["request"].pop("engine_version") == "1.16.1"
    assert second["request"].pop("engine_version") == "1.16.1, behaves as master"
    assert first == second


@pytest.mark.parametrize(
    "options",
    [
        ("--arena", "4992"),  # too small
        ("--stack-reserve", "600"),  # likewise
        ("--ram", "6 KiB"),
        ("--invokes", "3", "--seed", "7"),
    ],
)
def test_so_are_those_of_other_questions(options: tuple[str, ...]) -> None:
    embedded = checked(MODEL, NANO, "unicorn", *options)
    renode = checked(MODEL, NANO, "renode", *options)
    assert renode["verdict"]["status"] == embedded["verdict"]["status"]
    assert renode["verdict"]["failure_class"] == embedded["verdict"]["failure_class"]
    if embedded["failure"] is None:
        same_but_for_the_engine(embedded, renode)


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("model", [model.name for model in catalogue()])
def test_the_records_of_the_zoo_are_equal(model: str, board: str) -> None:
    same_but_for_the_engine(checked(model, board, "unicorn"), checked(model, board, "renode"))


def test_the_comparison_sees_what_is_not_allowed() -> None:
    renode, embedded = (checked(MODEL, NANO, engine) for engine in ("renode", "unicorn"))
    for path in (
        ("run", "instructions"), ("run", "outputs_sha256"), ("arena", "required_bytes"),
        ("operators", 3, "instructions"), ("memory", "flash", "needed_bytes"),
    ):  # fmt: skip
        wrong = copy.deepcopy(renode)
        at = wrong
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = 1
        with pytest.raises(AssertionError, match=str(path[-1])):
            same_but_for_the_engine(embedded, wrong)
    deeper = copy.deepcopy(renode)
    deeper["operators"][0]["stack_bytes"] = 10_000
    with pytest.raises(AssertionError, match="stack_bytes"):
        same_but_for_the_engine(embedded, deeper)


@pytest.mark.parametrize("view", ["arena", "stack", "profile"])
def test_the_views(view: str) -> None:
    ran = lab(view, MODEL, "-b", NANO, "--engine", "renode", env=FAKE)
    no_traceback(ran)
    assert ran.code == 0, ran.err
    assert "SENSOR_FUSION" in ran.out.upper()
    said = {
        "arena": "5,776 B",
        "stack": "at least 968 B",
        "profile": "instructions only: engine renode",
    }
    assert said[view] in ran.out


def test_ci(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(
        f"checks:\n  - models: [{MODEL}]\n    boards: [{NANO}]\n"
        "    budgets: {arena: 6 KiB, instructions: 700000}\n"
    )
    ran = lab("ci", "run", "--engine", "renode", "--json", "-", cwd=tmp_path, env=FAKE)
    no_traceback(ran)
    assert ran.code == 0, ran.err + ran.out
    assert "--engine renode" in ran.out


def test_robot(tmp_path: Path) -> None:
    done = robot_suites.run(*ON_RENODE, to=tmp_path, **FAKE)  # type: ignore[arg-type]
    assert {test.status for test in done.values()} == {"PASS"}


def test_robot_skips_without_renode(tmp_path: Path) -> None:
    done = robot_suites.run(*ON_RENODE, to=tmp_path)
    assert {test.status for test in done.values()} == {"SKIP"}
    assert all("Renode is missing" in test.message for test in done.values())


def _kept(measured: Any) -> Any:
    """What a check is judged by, without what the engines may differ in."""
    if not measured:
        return None
    figures = {
        name: figure
        for name, figure in measured["figures"].items()
        if name in {"flash", "arena", "instructions"}
    }
    return measured["verdict"], figures, measured["flash"]


@pytest.mark.slow
def test_ci_over_the_zoo(tmp_path: Path) -> None:
    models = ", ".join(model.name for model in catalogue())
    (tmp_path / "lab.yaml").write_text(
        f"checks:\n  - models: [{models}]\n    boards: [{', '.join(BOARDS)}]\n"
    )
    told = {}
    for engine in ("unicorn", "renode"):
        ran = lab("ci", "run", "--engine", engine, "--json", "-", cwd=tmp_path, env=FAKE)
        no_traceback(ran)
        checks = json.loads(ran.out)["checks"]
        told[engine] = [(one["name"], one["status"], _kept(one["measured"])) for one in checks]
        assert len(checks) == len(catalogue()) * len(BOARDS)
    assert told["renode"] == told["unicorn"]
