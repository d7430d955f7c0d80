"""The Actions workflows: actions pinned to the commits we know, no more rights than reading."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.board import load_board
from lab.engines.renode.install import PYRENODE3_COMMAND
from lab.engines.renode.versions import Generation

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
ACTION = ROOT / ".github" / "actions" / "check" / "action.yml"
EXAMPLES = sorted((ROOT / "docs" / "workflows").glob("*.yml"))
OURS = ("./.github/actions/check", "OWNER/tflm-lab/.github/actions/check@COMMIT")
# Read from the actions' own repositories, 2026-11-23.
PINS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/cache": ("27d5ce7f107fe9357f9df03efb73ab90386fccae", "v5.0.5"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "actions/github-script": ("ed597411d8f924073f98dfc5c65a23a2325f34cd", "v8.0.0"),
    "github/codeql-action/upload-sarif": ("8aad20d150bbac5944a9f9d289da16a4b0d87c1e", "v4.36.2"),
    "antmicro/renode-test-action": ("836aed6415a1924f520453b61f543ed29d4bb111", "v5.2.0"),
}
_USES = re.compile(r"uses:\s*(?P<action>[^@\s]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\S+)$")


def _load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def _steps(path: Path) -> list[dict[str, Any]]:
    loaded = _load(path)
    if "runs" in loaded:
        return list(loaded["runs"]["steps"])
    return [step for job in _jobs(path) for step in job["steps"]]


def _jobs(path: Path) -> list[dict[str, Any]]:
    return list(_load(path)["jobs"].values())


def test_there_are_workflows() -> None:
    assert "ci.yml" in {path.name for path in WORKFLOWS}


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION, *EXAMPLES], ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_known_commit(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if re.search(r"^\s*(- )?uses:", line)]
    assert len(lines) == sum("uses" in step for step in _steps(path)) > 0
    for line in lines:
        if line.split("uses: ")[1].split(" ")[0] in OURS:
            continue
        match = _USES.search(line)
        assert match, f"not pinned as owner/name@commit # version: {line.strip()}"
        assert (match["commit"], match["version"]) == PINS[match["action"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_workflow_may_only_read(path: Path) -> None:
    assert _load(path)["permissions"] == {"contents": "read"}
    for job in _jobs(path):
        assert "permissions" not in job
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_workflow_ends(path: Path) -> None:
    assert _load(path)["concurrency"]["cancel-in-progress"] is True
    assert all(0 < job["timeout-minutes"] <= 120 for job in _jobs(path))


def test_both_systems_run_the_same_commands() -> None:
    jobs = _load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    commands = {
        name: [step["run"] for step in job["steps"] if "run" in step][-2:]
        for name, job in jobs.items()
        if name != "zoo"
    }
    assert commands == {
        "ubuntu": ["make demo", ".ci/run"],
        "debian-12": ["make demo", ".ci/run"],
    }


def test_renode_is_installed_only_and_only_its_release_must_pass() -> None:
    path = ROOT / ".github" / "workflows" / "renode.yml"
    (job,) = _jobs(path)
    (install,) = [step for step in job["steps"] if "renode-test-action" in step.get("uses", "")]
    assert install["with"].keys() == {"renode-revision"}, "with tests-to-run it would run them"
    versions = {one["version"]: one for one in job["strategy"]["matrix"]["include"]}
    assert versions.keys() == set(Generation)
    assert {name: one["may-fail"] for name, one in versions.items()} == {
        Generation.V1_16: False, Generation.MASTER: True
    }  # fmt: skip
    assert versions[Generation.V1_16]["revision"] == f"v{Generation.V1_16}"
    assert PYRENODE3_COMMAND in " ".join(path.read_text().replace("\\\n", "").split())


def test_renode_runs_one_core_of_each_kind_and_keeps_the_record() -> None:
    (job,) = _jobs(ROOT / ".github" / "workflows" / "renode.yml")
    cores = [load_board(name).core for name in job["env"]["BOARDS"].split()]
    assert cores == ["cortex-m0plus", "cortex-m4f", "cortex-m33f"]
    last = job["steps"][-1]
    assert last["if"] == "always()"
    assert last["uses"].startswith("actions/upload-artifact@")
    assert all("timeout-minutes" in step for step in job["steps"][1:-1])
