"""Run Robot suites with the real runner, and what the generated ones hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from robot.api import ExecutionResult

from lab.board import load_board

# Emulation of many seconds: left to make test-all.
SLOW = {"separation_w8", "separation_w16", "separation_w8_fp32", "separation_w16_fp32"}
SLOW_BUT_ON = {
    "visual_wake_word": "arduino_nano33ble_sense",
    "image_classifier": "arduino_nano33ble_sense",
}
_HEAD = """\
*** Settings ***
Documentation       Every zoo model on {title}. Made of docs/zoo-on-boards.md by
...                 pytest tests/integration/test_robot.py --update-golden; do not edit it.
Resource            ../bench.resource
Test Tags           kind:fit    board:{name}    core:{core}


*** Test Cases ***
"""


@dataclass(frozen=True)
class Done:
    """One test of a run."""

    status: str
    message: str
    tags: frozenset[str]


def run(
    *arguments: str | Path,
    to: Path,
    cwd: Path | None = None,
    runner: Sequence[str] = ("robot",),
    **env: str,
) -> dict[str, Done]:
    """Run suites in a process of its own; every test by its full name.

    Args:
        arguments: of the runner.
        to: where output, log and report go.
        cwd: where the runner is started; there too unless given.
        runner: module that runs them, and its own options.
        env: variables to add to the environment.
    """
    done = subprocess.run(
        [sys.executable, "-m", *runner, "--outputdir", to, "--nostatusrc", *arguments],
        cwd=cwd or to,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"\[ (ERROR|WARN) \]", done.stderr), done.stderr
    return dict(_tests(ExecutionResult(to / "output.xml").suite))


def _tests(suite: object) -> Iterator[tuple[str, Done]]:
    for test in suite.all_tests:  # type: ignore[attr-defined]
        yield test.full_name, Done(test.status, test.message, frozenset(map(str, test.tags)))


def fit_suite(page: str, board: str) -> str:
    """The suite of a board, from the page that shows the zoo on boards."""
    described = load_board(board)
    text = _HEAD.format(title=described.title, name=board, core=described.core)
    return text + "\n".join(_row(model, board, said) for model, said in rows(page, board))


def rows(page: str, board: str) -> list[tuple[str, str]]:
    """Models and verdicts of a board."""
    section = page.split(f"\n## `{board}`")[1].split("\n## ", maxsplit=1)[0]
    return re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)


def is_slow(model: str, board: str) -> bool:
    """Whether a test takes long."""
    return model in SLOW or SLOW_BUT_ON.get(model, board) != board


def _row(model: str, board: str, said: str) -> str:
    if said == "fits":
        step = f"Model Fits    {model}    {board}"
    elif said.startswith("short"):
        limit = said.rsplit(maxsplit=1)[-1].lower()
        step = f"Model Does Not Fit    {model}    {board}    {limit}"
    else:
        step = f"Model Fails    {model}    {board}    {said.removeprefix('fails: ')}"
    slow = "    slow" if is_slow(model, board) else ""
    return f"{model}\n    [Tags]    model:{model}{slow}\n    {step}\n"
