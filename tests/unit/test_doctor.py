"""What the doctor finds, and the commands around it and the cache."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lab import toolchain
from lab.cache import ROOT_VARIABLE, Cache, key
from lab.cli import cache as cache_command
from lab.cli import doctor as doctor_command
from lab.errors import ToolError, UsageError
from lab.jobs import doctor
from lab.jobs.doctor import OPTIONAL_PACKAGES, PACKAGES, Finding, complete, examine

PYPROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())


def _distribution(requirement: str) -> str:
    match = re.match(r"[\w-]+", requirement)
    assert match
    return match[0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "cache"))
    return Cache()


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command("doctor")(doctor_command.doctor)
    app.add_typer(cache_command.app, name="cache")
    return app


def _fail(message: str) -> None:
    raise ToolError(message)


def test_the_lists_are_those_of_the_project() -> None:
    project = PYPROJECT["project"]
    assert [_distribution(line) for line in project["dependencies"]] == list(PACKAGES)
    for name, (_module, extra) in OPTIONAL_PACKAGES.items():
        (line,) = project["optional-dependencies"][extra]
        assert _distribution(line) == name


def test_every_needed_package_is_found(cache: Cache) -> None:
    found = {finding.name for finding in examine(cache) if finding.found}
    assert set(PACKAGES) <= found


def test_a_missing_package_is_named_with_its_command(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACKAGES, "no-such", "no_such_module")
    monkeypatch.setitem(OPTIONAL_PACKAGES, "nor-this", ("nor_this_module", "models"))
    findings = {finding.name: finding for finding in examine(cache)}
    assert findings["no-such"] == Finding(
        "no-such", found=False, needed=True, detail='missing (pip install "tflm-lab")'
    )
    assert findings["nor-this"] == Finding(
        "nor-this", found=False, needed=False, detail='missing (pip install "tflm-lab[models]")'
    )


def test_what_a_tool_lacks_is_passed_on(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_toolchain", lambda: _fail("gcc missing (install it)"))
    monkeypatch.setattr(toolchain, "find_cargo", lambda: _fail("cargo is missing (rustup)"))
    findings = {finding.name: finding for finding in examine(cache)}
    assert findings["tool chain"].detail == "gcc missing (install it)"
    assert findings["cargo"].detail == "cargo is missing (rustup)"
    assert not complete(list(findings.values()))


@pytest.mark.parametrize("fetched", [True, False])
def test_sources_are_looked_for(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, fetched: bool
) -> None:
    monkeypatch.setattr(doctor, "is_fetched", lambda _runtime, where: where is cache and fetched)
    (finding,) = [item for item in examine(cache) if item.name == "sources of tflm-2020-07"]
    assert finding.found == fetched
    assert finding.detail == ("tfmicro 0.1.0" if fetched else "not fetched (lab runtime fetch)")


def test_only_what_is_needed_counts() -> None:
    there = Finding("a", found=True, needed=True, detail="1")
    absent = Finding("b", found=False, needed=False, detail="missing")
    assert complete([there, absent])
    assert not complete([there, Finding("c", found=False, needed=True, detail="missing")])


@pytest.mark.parametrize(("found", "code"), [(True, 0), (False, 4)])
def test_the_command_says_it_in_lines_and_exit_code(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, found: bool, code: int
) -> None:
    findings = [
        Finding("gcc", found=found, needed=True, detail="12.2"),
        Finding("extra", found=False, needed=False, detail="missing (pip)"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda _cache: findings)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == code
    first, second = result.stdout.splitlines()
    assert first.split() == ["ok" if found else "MISSING", "gcc", "12.2"]
    assert second.split() == ["absent", "extra", "missing", "(pip)", "(optional)"]
    listed = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    assert [entry["found"] for entry in listed] == [found, False]


def test_a_cache_that_cannot_be_written_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (finding,) = [item for item in examine(Cache(tmp_path / "file")) if item.name == "cache"]
    assert not finding.found
    assert ROOT_VARIABLE in finding.detail


def test_cache_show_and_clear(app: typer.Typer, cache: Cache) -> None:
    def build(to: Path) -> None:
        (to / "file").write_text("12345")

    cache.get_or_build("things", key("one"), build)
    shown = CliRunner().invoke(app, ["cache", "show"])
    assert shown.stdout.splitlines()[0] == f"{cache.root}: 5 B"
    assert shown.stdout.splitlines()[1].split() == ["things", "1", "5", "B"]
    listed = json.loads(CliRunner().invoke(app, ["cache", "show", "--json"]).stdout)
    assert listed["root"] == str(cache.root)
    assert [(entry["kind"], entry["size"]) for entry in listed["entries"]] == [("things", 5)]
    cleared = CliRunner().invoke(app, ["cache", "clear", "--yes"])
    assert (cleared.exit_code, cleared.stdout) == (0, "removed 5 B\n")
    assert cache.entries() == []


def test_cache_clear_does_not_guess_when_nobody_answers(app: typer.Typer, cache: Cache) -> None:
    cache.get_or_build("things", key("one"), lambda _to: None)
    result = CliRunner().invoke(app, ["cache", "clear"])
    assert isinstance(result.exception, UsageError)
    assert len(cache.entries()) == 1
