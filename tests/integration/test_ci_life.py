"""A repository's life with ``lab ci``: green, accepted, grown, red, mended; and killed.

Everything is the real command in a directory of its own with a tiny model and its own board.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from processes import watched
from support import Ran, lab, no_traceback

from lab.baseline import Baseline
from lab.ci_result import CiResult
from lab.model_writer import T, one_op
from lab.paths import data_dir

BUDGETS = """\
budgets:
  flash: [64 KiB, +64 B]
  arena: +256 B
"""


def dense(width: int) -> bytes:
    """A float model of one dense layer: both flash and arena grow with its width."""
    weights = np.linspace(-1, 1, width * 8, dtype="<f4").reshape(width, 8)
    return one_op(
        "FULLY_CONNECTED",
        [T([1, 8], name="in"), T([width, 8], data=weights), T([width], data=np.zeros(width))],
        [T([1, width], name="out")],
        "FullyConnectedOptions",
    )


class Repository:
    """A directory with a model, a board and a file of checks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "models").mkdir()
        (folder / "boards").mkdir()
        board = (data_dir("platforms") / "nrf52dk.yaml").read_text()
        (folder / "boards" / "mine.yaml").write_text(board.replace("name: nrf52dk", "name: mine"))
        self.model(8)

    def model(self, width: int) -> None:
        (self.folder / "models" / "dense.tflite").write_bytes(dense(width))

    def ci(self, *arguments: str) -> Ran:
        ran = lab("ci", *arguments, cwd=self.folder)
        no_traceback(ran)
        return ran

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.read(name)
        assert old in text
        self.write(name, text.replace(old, new))

    def line(self, words: str) -> int:
        """Number of the line of lab.yaml that holds these words."""
        (found,) = (n for n, text in enumerate(self.read("lab.yaml").split("\n"), 1)
                    if words in text)  # fmt: skip
        return found


NAME = "models/dense.tflite on boards/mine.yaml"


def test_a_life(tmp_path: Path) -> None:
    repo = Repository(tmp_path)

    # It begins: nothing is asked, everything passes, and it is accepted.
    assert repo.ci("init", "--board", "boards/mine.yaml").out == (
        "lab.yaml: 1 check (1 model); next: lab ci run\n"
    )
    first = repo.ci("run")
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith(f"pass       {NAME}: ram ")
    assert first.out.endswith("1 check of lab.yaml, without a baseline: 1 passed\n")
    assert repo.ci("accept").out == "lab-baseline.json: 1 check accepted; commit it\n"
    accepted = repo.read("lab-baseline.json")
    baseline = Baseline.model_validate_json(accepted)
    assert list(baseline.checks) == [NAME]
    assert repo.ci("accept").out.startswith("1 of 1 check unchanged\n")
    assert repo.read("lab-baseline.json") == accepted
    repo.edit("lab.yaml", "#options:", BUDGETS + "#options:")
    green = repo.ci("run")
    assert green.code == 0
    assert green.out.endswith("1 check of lab.yaml, against lab-baseline.json: 1 passed\n")

    # The model grows: red, at the lines of the two budgets.
    repo.model(256)
    outputs = ("--json", "ci.json", "--junit", "ci.xml", "--sarif", "ci.sarif", "--html", "ci.html")
    red = repo.ci("run", *outputs, "--markdown", "ci.md", "--annotations")
    assert red.code == 1
    result = CiResult.model_validate_json(repo.read("ci.json"))
    (check,) = result.checks
    assert check.accepted == baseline.checks[NAME]
    assert check.measured
    flash, arena = (check.measured.figures[name] for name in ("flash", "arena"))
    most = check.accepted.figures["arena"] + 256
    told = (
        f"required arena {arena:,} B is above the growth "
        f"limit {most:,} B by {arena - most:,} B on boards/mine.yaml; from "
        f"{check.accepted.figures['arena']:,} B"
    )
    lines = red.out.splitlines()
    place = f"file=lab.yaml,line={repo.line('  arena: +256 B')},title={NAME}"
    assert any(line.startswith(f"::error {place}::{told}") for line in lines)
    report = [line for line in lines if not line.startswith("::")]
    assert report[0].startswith(f"FAIL       {NAME}: flash needed ")
    assert report[0].endswith(f"(lab.yaml:{repo.line('  flash: [64 KiB')})")
    assert report[1].startswith(f"FAIL       {NAME}: {told}")
    grown = arena - check.accepted.figures["arena"]
    assert f"arena +{grown:,} B" in report[2]
    command = "lab check models/dense.tflite --board boards/mine.yaml"
    assert report[3].strip() == f"again: {command}"
    failure = ET.fromstring(repo.read("ci.xml")).find("./testsuite/testcase/failure")
    assert failure is not None
    assert failure.get("type") == "flash"
    assert told in (failure.text or "")
    found = json.loads(repo.read("ci.sarif"))["runs"][0]["results"]
    assert [one["ruleId"] for one in found] == ["flash", "arena"]
    for text in (repo.read("ci.md"), repo.read("ci.html")):
        assert f"required arena {arena:,} B" in text
    again = lab(*command.split()[1:], cwd=tmp_path)
    assert re.search(rf"needed +{int(flash):,} B", again.out)

    # The difference is told without a budget too.
    difference = repo.ci("diff", "lab-baseline.json", "ci.json")
    assert difference.code == 0
    assert f"arena +{grown:,} B" in difference.out.splitlines()[0]
    assert repo.ci("diff", "ci.json", "ci.json").out == "1 of 1 check unchanged\n"

    # The budget is raised: green.
    repo.edit("lab.yaml", "+64 B]", "+32 KiB]")
    repo.edit("lab.yaml", "+256 B", "+4 KiB")
    assert repo.ci("run").code == 0

    # An allowance holds until its day.
    repo.edit("lab.yaml", "+4 KiB", "+256 B")
    allow = "    allow:\n      - {what: arena, reason: until it is pruned, until: 2999-12-31}\n"
    repo.write("lab.yaml", repo.read("lab.yaml") + allow)
    allowed = repo.ci("run", "--junit", "ci.xml")
    assert allowed.code == 0
    assert allowed.out.startswith("allowed    ")
    assert "allowed until 2999-12-31: until it is pruned" in allowed.out
    assert ET.fromstring(repo.read("ci.xml")).get("skipped") == "1"
    repo.edit("lab.yaml", "2999-12-31", "2000-01-31")
    expired = repo.ci("run", "--annotations")
    assert expired.code == 1
    ended = "the allowance for arena ended on 2000-01-31: until it is pruned"
    line = repo.line("- {what: arena")
    assert f"::warning file=lab.yaml,line={line},title={NAME}::{ended}" in expired.out.splitlines()
    repo.model(8)
    unneeded = repo.ci("run")
    assert unneeded.code == 0
    assert "the allowance for arena is not needed any more" in unneeded.out

    # Another compiler than the baseline's: said, and growth is not blamed on the commit.
    repo.edit("lab-baseline.json", "arm-none-eabi-gcc ", "arm-none-eabi-gcc 1")
    repo.model(256)
    other = repo.ci("run")
    assert other.code == 0
    assert "differences are not this commit's alone, so growth is not judged" in other.out
    assert "with other tools" in other.out
    assert "made with different tools" in repo.ci("diff", "lab-baseline.json", "ci.json").out


def test_what_the_model_itself_is_the_cause_of_is_shown_at_its_file(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.ci("init", "--board", "boards/mine.yaml")
    (tmp_path / "models" / "dense.tflite").write_bytes(dense(8)[:100])
    broken = repo.ci("run", "--annotations", "--junit", "ci.xml")
    assert broken.code == 3
    assert broken.out.startswith("::error file=models/dense.tflite,line=1,title=")
    assert "\nNO ANSWER  " in broken.out
    assert ET.fromstring(repo.read("ci.xml")).get("errors") == "1"
    unaccepted = repo.ci("accept")
    assert unaccepted.code == 3
    assert not (tmp_path / "lab-baseline.json").exists()
    repo.model(20_000)  # its weights alone are larger than the flash
    large = repo.ci("run", "--annotations")
    assert large.code == 1
    assert large.out.startswith("::error file=models/dense.tflite,line=1,title=")


def test_init_for_what_is_there(tmp_path: Path) -> None:
    def init(*arguments: str) -> Ran:
        ran = lab("ci", "init", *arguments, cwd=tmp_path)
        no_traceback(ran)
        return ran

    assert init().out == "lab.yaml: 2 checks (no model here, so two of the zoo); next: lab ci run\n"
    assert lab("ci", "run", cwd=tmp_path).code == 0
    taken = init()
    assert (taken.code, taken.problems) == (
        2, ["lab: lab.yaml is there already (hint: edit it, or choose another --file)"],
    )  # fmt: skip
    odd = ["a b.tflite", "[x]: #y.tflite", "'\"\\.tflite", "-z.tflite", "é.tflite", "*.tflite"]
    hidden = [".venv/h.tflite", "node_modules/h.tflite", "sub/site-packages/h.tflite"]
    unwritable = ["new\nline.tflite", "two  spaces.tflite"]
    for name in [*odd, *hidden, *unwritable, "sub/deep/m.tflite"]:
        path = tmp_path / "odd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dense(8))
    ran = init("-f", "odd/ci.yaml", "-b", "nucleo_l4*", "-b", "nrf52dk")
    assert ran.code == 0
    *left, told = ran.out.splitlines()
    assert left == ["left out: new\\nline.tflite", "left out: two  spaces.tflite"]
    assert told == "odd/ci.yaml: 28 checks (7 models); next: lab ci run"
    assert init("-f", "x.yaml", "-b", "nrf99").code == 2
    assert init("-f", "x.yaml", "-b", "none/board.yaml").code == 3
    assert init("-f", "none/x.yaml").code == 2
    assert not (tmp_path / "x.yaml").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


# --- killed at any moment ---

# Ends itself by a signal at the n-th thing it does to a file of the directory it is in.
KILLED = """
import os, signal, sys
left = int(sys.argv.pop(1))
by = int(sys.argv.pop(1))
here = os.getcwd()
def watch(event, arguments):
    global left
    if event in {"open", "os.rename", "os.remove", "os.link"}:
        path = "" if isinstance(arguments[0], int) else os.path.abspath(os.fsdecode(arguments[0]))
        changes = event != "open" or bool((arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR))
        if changes and os.path.dirname(path) == here:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), by)
sys.addaudithook(watch)
from lab.__main__ import main
main()
"""
OUTPUTS = ["ci.json", "ci.html"]
COMMANDS = {
    "run": ["ci", "run", "--json", "ci.json", "--html", "ci.html"],
    "accept": ["ci", "accept"],
}
MOST = 12  # more things than any of the commands does


def ended_at(number: int, by: signal.Signals, words: list[str], cwd: Path) -> Ran:
    command = [sys.executable, "-c", KILLED, str(number), str(by.value), *words]
    done = subprocess.run(
        command, cwd=cwd, env=None, capture_output=True, text=True, timeout=600, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a baseline and the results of a run."""
    repo = Repository(tmp_path_factory.mktemp("accepted"))
    for command in (["ci", "init", "--board", "boards/mine.yaml"], *reversed(COMMANDS.values())):
        assert repo.ci(*command[1:]).code == 0
    return repo.folder


@pytest.mark.parametrize(
    ("command", "by", "least"), [("run", signal.SIGKILL, 8), ("accept", signal.SIGTERM, 3)]
)
def test_killed_while_it_writes(
    command: str, by: signal.Signals, least: int, accepted: Path, tmp_path: Path
) -> None:
    shutil.copytree(accepted, tmp_path, dirs_exist_ok=True)
    names = ["lab-baseline.json", *OUTPUTS]
    whole = [(tmp_path / name).read_text() for name in names]
    for number in range(1, MOST):
        ran = ended_at(number, by, COMMANDS[command], tmp_path)
        if ran.code == 0:
            break
        assert number < MOST - 1
        assert ran.code == (-by if by == signal.SIGKILL else 128 + by), ran
        assert "Traceback" not in ran.err
        for path in (tmp_path / name for name in names):
            assert not path.exists() or path.read_text() in whole
        assert (tmp_path / names[0]).exists()
        left = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
        assert by == signal.SIGKILL or not left
    assert number > least, "it must have been killed before each thing it does"
    assert [(tmp_path / name).read_text() for name in names] == whole


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_while_it_measures(by: signal.Signals, accepted: Path, tmp_path: Path) -> None:
    shutil.copytree(accepted, tmp_path, dirs_exist_ok=True)
    expected = (tmp_path / "ci.json").read_text()
    command = [sys.executable, "-m", "lab", "--verbose", *COMMANDS["run"]]
    with watched(command, cwd=tmp_path) as running:
        running.wait_for("measuring")
        os.kill(running.process.pid, by)
        ran = running.finish()
        running.nothing_is_left()
    assert ran.code == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[by]
    assert not [name for name in OUTPUTS if (tmp_path / name).exists()]
    if by == signal.SIGKILL:
        assert lab(*COMMANDS["run"], cwd=tmp_path).code == 0
        assert (tmp_path / "ci.json").read_text() == expected
