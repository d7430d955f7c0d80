"""The composite action: every ``run:`` step, in order, as a runner would execute it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "actions" / "check"
ACTION: dict[str, Any] = yaml.safe_load((FOLDER / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
REPORTS = {"ci.json", "junit.xml", "findings.sarif", "report.html", "summary.md"}
LAB_YAML = """checks:
  - models: [tiny_float]
    boards: [nrf52dk]
    budgets: {{arena: {arena}}}
"""
_EXPRESSION = re.compile(r"\$\{\{ ([a-z_.-]+) \}\}")


@dataclass
class Runner:
    """What GitHub's runner does for a composite action, as far as this one needs it."""

    workspace: Path
    inputs: dict[str, str]
    event: str = "push"
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    said: str = ""

    @property
    def context(self) -> dict[str, str]:
        """Values of expressions."""
        given = {f"inputs.{name}": value for name, value in self.inputs.items()}
        steps = {
            f"steps.{step}.outputs.{name}": value
            for step, values in self.outputs.items()
            for name, value in values.items()
        }
        github = {
            "github.action_path": str(FOLDER),
            "github.token": "token",
            "github.repository": "owner/repository",
            "github.event.pull_request.number": "7",
            "github.event_name": self.event,
        }
        return given | steps | github

    def run(self) -> int:
        """Run the ``run:`` steps; the exit code of the last."""
        code = 0
        for step in STEPS:
            if "run" in step and self.wanted(step.get("if", "")):
                code = self.step(step)
                self.codes[step["name"]] = code
                if code and "!cancelled()" not in str(STEPS[-1].get("if")):
                    break
        return code

    def wanted(self, condition: str) -> bool:
        """Evaluate a condition: parts joined by ``&&``, each a comparison or ``!cancelled()``."""
        parts = condition.removeprefix("${{").removesuffix("}}").strip().split(" && ")
        return all(self._holds(part) for part in parts if part not in {"", "!cancelled()"})

    def _holds(self, part: str) -> bool:
        left, operator, right = part.split(" ")
        value = self.context[left]
        return (value == right.strip("'")) == (operator == "==")

    def step(self, step: dict[str, Any]) -> int:
        """Run one step with GitHub's environment files."""
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "what comes from outside goes through env"
        temp = self.workspace.parent / "temp"
        temp.mkdir(exist_ok=True)
        files = {name: temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        files["GITHUB_OUTPUT"].write_text("")
        environment = {name: self.value(str(text)) for name, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={
                **os.environ,
                "PATH": f"{temp / 'bin'}:{os.environ['PATH']}",
                "GITHUB_ACTIONS": "true",
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_ACTION_PATH": str(FOLDER),
                "RUNNER_TEMP": str(temp),
                **{name: str(path) for name, path in files.items()},
                **environment,
            },
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        self.said += done.stdout + done.stderr
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        if "id" in step:
            self.outputs[step["id"]] = dict(line.split("=", 1) for line in lines)
        return done.returncode

    def value(self, text: str) -> str:
        """Text with its expressions replaced; what was never set is empty, as on GitHub."""
        return _EXPRESSION.sub(lambda match: self.context.get(match[1], ""), text)


def runner(folder: Path, arena: str, event: str = "push", **inputs: str) -> Runner:
    """A workspace with one small check, and a stand-in for the gh command."""
    workspace = folder / "repository"
    workspace.mkdir()
    (workspace / "lab.yaml").write_text(LAB_YAML.format(arena=arena))
    gh = folder / "temp" / "bin" / "gh"
    gh.parent.mkdir(parents=True)
    gh.write_text(f'#!/bin/sh\necho "$@" >{folder}/gh-calls\n[ -z "$NO_RIGHTS" ]\n')
    gh.chmod(0o755)
    defaults = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()}
    return Runner(workspace, defaults | inputs, event)


def test_a_model_that_fits(tmp_path: Path) -> None:
    one = runner(tmp_path, "64 KiB")
    assert one.run() == 0, one.said
    assert one.codes == {"Content of the cache": 0, "Set up the lab": 0, "Check": 0, "Verdict": 0}
    assert one.outputs["check"]["exit-code"] == "0"
    reports = Path(one.outputs["check"]["reports"])
    assert {path.name for path in reports.iterdir()} == REPORTS
    assert "tiny_float" in (tmp_path / "temp" / "GITHUB_STEP_SUMMARY").read_text()
    assert "::error" not in one.said


def test_a_budget_that_is_exceeded_fails_last_with_everything_written(tmp_path: Path) -> None:
    one = runner(tmp_path, "64 B")
    assert one.run() == 1, one.said
    assert (one.codes["Check"], one.codes["Verdict"]) == (0, 1)
    reports = Path(one.outputs["check"]["reports"])
    assert {path.name for path in reports.iterdir()} == REPORTS
    assert re.search(r"::error file=lab.yaml,line=4[,:].*required arena", one.said)
    suite = ET.parse(reports / "junit.xml").getroot()
    assert suite.find(".//failure") is not None
    assert json.loads((reports / "ci.json").read_text())["checks"][0]["status"] == "fail"


def test_a_file_that_is_wrong_ends_with_its_code_and_line(tmp_path: Path) -> None:
    one = runner(tmp_path, "lots")
    assert one.run() == 3, one.said
    assert "lab.yaml:4:" in one.said


@pytest.mark.parametrize("rights", [True, False])
def test_the_comment_of_a_pull_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rights: bool
) -> None:
    monkeypatch.setenv("NO_RIGHTS", "" if rights else "1")
    one = runner(tmp_path, "64 KiB", "pull_request", comment="true")
    assert one.run() == 0, one.said
    assert one.codes["Comment on the pull request"] == 0
    assert "pr comment 7 --body-file" in (tmp_path / "gh-calls").read_text()
    assert ("::warning" in one.said) is not rights


def test_without_rights_asked_for_nothing_is_commented(tmp_path: Path) -> None:
    one = runner(tmp_path, "64 KiB", "pull_request")
    assert one.run() == 0, one.said
    assert not (tmp_path / "gh-calls").exists()


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-actions", [FOLDER / "action.yml"]),
        ("vendor.github-workflows", sorted((ROOT / ".github" / "workflows").glob("*.yml"))),
        ("vendor.github-workflows", sorted((ROOT / "docs" / "workflows").glob("*.yml"))),
    ],
)
def test_the_files_follow_github_s_schema(schema: str, paths: list[Path]) -> None:
    words = ["check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_auditor_finds_nothing(tmp_path: Path) -> None:
    """The examples are audited as if they were workflows, with a commit in place of the word."""
    folder = tmp_path / ".github"
    shutil.copytree(ROOT / ".github", folder)
    for path in (ROOT / "docs" / "workflows").glob("*.yml"):
        text = path.read_text().replace("OWNER", "owner").replace("COMMIT", "0" * 40)
        (folder / "workflows" / path.name).write_text(text)
    zizmor = Path(sys.executable).parent / "zizmor"
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
