"""``lab renode doctor``: each part, its command, and an exit code that tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from renode_machine import SAYS_ITS_VERSION, build_tree, pyrenode3, script, strip
from typer.testing import CliRunner

from lab.cache import ROOT_VARIABLE, Cache
from lab.cli.main import app
from lab.engines.renode.install import (
    HOW,
    PYRENODE3_COMMAND,
    PYRENODE3_COMMIT,
    RENODE_COMMANDS,
    RENODE_TEST_COMMAND,
)
from lab.engines.renode.versions import NOT_YET_RUN
from lab.errors import ToolError
from lab.jobs import doctor, renode_doctor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return strip(tmp_path, monkeypatch)


@pytest.fixture
def there(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A portable Renode with all that belongs to it; nothing of it can be loaded."""
    tree = tmp_path / "renode"
    script(tree / "renode-test", "exit 0")
    monkeypatch.setenv("PYRENODE_BIN", str(script(tree / "renode", SAYS_ITS_VERSION)))
    told = json.dumps({"vcs_info": {"commit_id": PYRENODE3_COMMIT}})
    monkeypatch.syspath_prepend(str(pyrenode3(tmp_path / "site", told)))
    return tree


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["renode", "doctor", *arguments])
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout


def test_where_nothing_is_every_part_is_named_with_its_command() -> None:
    code, said = _run()
    assert code == ToolError.exit_code
    lines = said.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        ["MISSING", "Renode"],
        ["absent", ".NET"],
        ["MISSING", "pyrenode3"],
        ["absent", "renode-test"],
    ]
    for wanted in (
        "renode-1.16.1.linux-portable-dotnet.tar.gz",
        PYRENODE3_COMMIT,
        "dotnet-runtime",
        RENODE_TEST_COMMAND,
    ):
        assert wanted in said
    assert HOW not in said
    assert NOT_YET_RUN in said


def test_what_is_there_is_described_and_loaded_once(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renode_doctor, "try_loading", lambda: "loaded it")
    code, said = _run()
    assert code == 0
    assert said.count("loaded it") == 1
    assert [line.split()[:2] for line in said.splitlines()[:5]] == [
        ["ok", "Renode"], ["ok", ".NET"], ["ok", "pyrenode3"], ["ok", "renode-test"],
        ["ok", "loading"],
    ]  # fmt: skip
    first = f"1.16.1 (renode --version), portable, runs on coreclr: {there / 'renode'}"
    assert first in said
    assert "not needed by this Renode: it brings its own (optional)" in said
    assert f"commit {PYRENODE3_COMMIT[:12]}" in said
    assert NOT_YET_RUN in said
    assert "To get" not in said


def test_what_is_optional_and_absent_has_its_command_too(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renode_doctor, "try_loading", lambda: "loaded it")
    (there / "renode-test").unlink()
    code, said = _run()
    assert code == 0
    (absent,) = [line for line in said.splitlines() if line.startswith("absent")]
    assert absent.endswith("and not on the search path (optional)")
    _, _, commands = said.partition("To get what is not there:\n")
    assert RENODE_TEST_COMMAND in commands
    assert PYRENODE3_COMMAND not in commands


@pytest.mark.usefixtures("there")
def test_a_renode_that_cannot_be_loaded_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> str:
        raise ToolError("TypeError: 'NoneType' object is not iterable (take another)")

    monkeypatch.setattr(renode_doctor, "try_loading", fails)
    code, said = _run("--json")
    told = json.loads(said)
    assert code == ToolError.exit_code
    assert told["findings"][-1] == {
        "name": "loading", "found": False, "needed": True,
        "detail": "TypeError: 'NoneType' object is not iterable (take another)",
    }  # fmt: skip
    assert told["note"] == NOT_YET_RUN
    assert told["commands"] == {}, "every part is there"


def test_a_build_needs_dotnet_and_is_not_loaded_without(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYRENODE_BIN")
    monkeypatch.setenv("PYRENODE_BUILD_DIR", str(build_tree(tmp_path / "tree")))
    monkeypatch.setenv("PATH", str(there))
    code, said = _run()
    assert code == ToolError.exit_code
    assert "MISSING .NET" in said
    assert "loading" not in said


def test_the_lab_needs_no_renode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    last = doctor.examine(Cache())[-1]
    assert (last.name, last.found, last.needed) == ("Renode", False, False)


@pytest.mark.usefixtures("there")
def test_the_lab_names_the_renode_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    last = doctor.examine(Cache())[-1]
    assert (last.found, last.detail) == (True, "1.16.1, portable (lab renode doctor says more)")


def test_the_docs_say_the_same() -> None:
    page = " ".join((ROOT / "docs" / "renode.md").read_text().split())
    assert NOT_YET_RUN in page
    for command in (*RENODE_COMMANDS, PYRENODE3_COMMAND, RENODE_TEST_COMMAND):
        assert command in page
