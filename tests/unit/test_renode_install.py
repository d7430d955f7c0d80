"""Finding Renode: every kind, what is missing, and no hang. Scripts stand for Renode."""

from __future__ import annotations

import json
import os
import select
from pathlib import Path

import pytest
from renode_machine import (
    SAYS_ITS_VERSION,
    VARIABLES,
    build_tree,
    pyrenode3,
    script,
    strip,
)

from lab.engines.renode import install
from lab.engines.renode.install import (
    PYRENODE3_COMMIT,
    Installation,
    Kind,
    Runtime,
    environment,
    find_dotnet,
    find_installation,
    find_pyrenode3,
    find_renode_test,
    usable_installation,
)
from lab.errors import ToolError

OTHER = "; the lab was written for dde4a47660ef"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return strip(tmp_path, monkeypatch)


def test_without_renode_one_line_says_so() -> None:
    with pytest.raises(ToolError, match=r"^Renode is missing: .*PYRENODE_BIN.*lab renode doctor"):
        find_installation()


def test_a_portable_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = script(tmp_path / "renode", SAYS_ITS_VERSION)
    monkeypatch.setenv("PYRENODE_BIN", str(binary))
    found = find_installation()
    assert found == Installation(
        Kind.PORTABLE, binary, Runtime.CORECLR, "1.16.1", "renode --version"
    )
    assert not found.needs_dotnet
    assert environment(found) == {
        "PYRENODE_RUNTIME": "coreclr", "PYRENODE_BIN": str(binary)
    }  # fmt: skip


def test_a_portable_binary_on_the_search_path(bare: Path, tmp_path: Path) -> None:
    binary = script(tmp_path / "unpacked" / "renode", SAYS_ITS_VERSION)
    (bare / "renode").symlink_to(binary)
    assert environment(find_installation())["PYRENODE_BIN"] == str(binary)


def test_a_build_tree_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = build_tree(tmp_path / "tree")
    script(tree / "renode", "exit 9")
    monkeypatch.setenv("PYRENODE_BUILD_DIR", str(tree))
    found = find_installation()
    assert (found.kind, found.version, found.needs_dotnet) == (Kind.BUILD, "1.16.1", True)
    assert found.version_from.startswith("tools/version")


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_tree(tmp_path / "tree")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYRENODE_BUILD_DIR", "tree")
    assert environment(find_installation())["PYRENODE_BUILD_DIR"] == str(tmp_path / "tree")


@pytest.mark.parametrize(
    ("name", "version", "runtime"),
    [
        ("renode-1.16.1.linux.tar.gz", "1.16.1", Runtime.CORECLR),
        ("renode-latest.linux.tar.gz", None, Runtime.CORECLR),
        ("renode-1.15.3-1-x86_64.pkg.tar.xz", "1.15.3", Runtime.MONO),
    ],
)
def test_a_package_is_known_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, version: str, runtime: Runtime
) -> None:
    package = tmp_path / name
    package.touch()
    monkeypatch.setenv("PYRENODE_PKG", str(package))
    found = find_installation()
    assert (found.kind, found.version, found.runtime) == (Kind.PACKAGE, version, runtime)


def test_one_installed_by_the_system_is_mono(bare: Path) -> None:
    (install.INSTALLED_ROOT / "bin").mkdir(parents=True)
    script(bare / "renode", SAYS_ITS_VERSION)
    found = find_installation()
    assert (found.kind, found.runtime, found.version) == (Kind.INSTALLED, Runtime.MONO, "1.16.1")
    assert environment(found) == {"PYRENODE_RUNTIME": "mono"}


def test_two_places_are_one_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRENODE_BIN", str(tmp_path))
    monkeypatch.setenv("PYRENODE_PKG", str(tmp_path))
    with pytest.raises(ToolError, match=r"^PYRENODE_PKG and PYRENODE_BIN are both set"):
        find_installation()


@pytest.mark.parametrize("name", VARIABLES[:3])
def test_a_place_where_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "gone"))
    with pytest.raises(ToolError, match=rf"^{name}: .*gone is no (file|directory)"):
        find_installation()


@pytest.mark.parametrize("runtime", ["mono", "dotnet"])
def test_a_runtime_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    monkeypatch.setenv("PYRENODE_BIN", str(script(tmp_path / "renode", SAYS_ITS_VERSION)))
    monkeypatch.setenv("PYRENODE_RUNTIME", runtime)
    with pytest.raises(ToolError, match=rf"^PYRENODE_RUNTIME={runtime}: a portable .* coreclr"):
        find_installation()


@pytest.mark.parametrize("body", ["exit 3", "echo hello"])
def test_a_renode_that_does_not_say_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setenv("PYRENODE_BIN", str(script(tmp_path / "renode", body)))
    found = find_installation()
    assert (found.version, found.version_from) == (None, "renode --version does not say")


def test_a_renode_that_hangs_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setattr(install, "_ANSWER_SECONDS", 0.2)
    hangs = f"sleep 600 >{fifo} & wait"
    monkeypatch.setenv("PYRENODE_BIN", str(script(tmp_path / "renode", hangs)))
    assert find_installation().version is None
    end = select.poll()
    end.register(reader, 0)
    assert end.poll(20_000), "its child is still there"  # ends when nobody writes any more
    os.close(reader)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("Microsoft.NETCore.App 10.0.1 [/x]\nMicrosoft.NETCore.App 8.0.11 [/x]", "10.0.1"),
        ("Microsoft.AspNetCore.App 9.0.1 [/x]\nMicrosoft.NETCore.App 8.0.11 [/x]", "8.0.11"),
    ],
)
def test_the_newest_dotnet_counts(bare: Path, listed: str, said: str) -> None:
    script(bare / "dotnet", f"cat <<'E'\n{listed}\nE")
    assert find_dotnet() == said


def test_dotnet_where_its_own_variable_says(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(bare / "dotnet", "echo 'Microsoft.NETCore.App 6.0.1 [/x]'")
    script(tmp_path / "net" / "dotnet", "echo 'Microsoft.NETCore.App 9.0.2 [/x]'")
    monkeypatch.setenv("DOTNET_ROOT", str(tmp_path / "net"))
    assert find_dotnet() == "9.0.2"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo 'Microsoft.NETCore.App 6.0.36 [/x]'", "6.0.36 is too old"),
        ("exit 1", "is missing"),
        (None, "is missing"),
    ],
)
def test_too_old_or_no_dotnet(bare: Path, body: str | None, said: str) -> None:
    if body:
        script(bare / "dotnet", body)
    with pytest.raises(ToolError, match=rf"^the \.NET runtime {said}, 8 or newer .*dotnet-runtime"):
        find_dotnet()


@pytest.mark.parametrize(
    ("direct_url", "said"),
    [
        (
            json.dumps({"url": "x", "vcs_info": {"commit_id": PYRENODE3_COMMIT}}),
            f"0.0.1, commit {PYRENODE3_COMMIT[:12]}",
        ),
        (
            json.dumps({"url": "x", "vcs_info": {"commit_id": "1234567890abcdef"}}),
            f"0.0.1, commit 1234567890ab{OTHER}",
        ),
        (json.dumps({"url": "file:///x", "dir_info": {}}), f"0.0.1, commit not recorded{OTHER}"),
        (None, f"0.0.1, commit not recorded{OTHER}"),
        ("{damaged", f"0.0.1, commit not recorded{OTHER}"),
        ("[]", f"0.0.1, commit not recorded{OTHER}"),
    ],
)
def test_pyrenode3_and_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direct_url: str | None, said: str
) -> None:
    monkeypatch.syspath_prepend(str(pyrenode3(tmp_path / "site", direct_url)))
    assert find_pyrenode3() == said


def test_everything_that_loading_takes(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYRENODE_BUILD_DIR", str(build_tree(tmp_path / "tree")))
    with monkeypatch.context() as without:
        without.setattr("importlib.util.find_spec", lambda _name: None)
        with pytest.raises(ToolError, match=rf"^pyrenode3.* is missing .*{PYRENODE3_COMMIT}"):
            usable_installation()
    monkeypatch.setenv("PATH", str(bare))
    monkeypatch.syspath_prepend(str(pyrenode3(tmp_path / "site", None)))
    with pytest.raises(ToolError, match=r"^the \.NET runtime is missing"):
        usable_installation()
    script(bare / "dotnet", "echo 'Microsoft.NETCore.App 8.0.11 [/x]'")
    assert usable_installation().kind is Kind.BUILD


def test_renode_test_beside_the_installation_comes_first(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = script(bare / "renode-test", "exit 0")
    assert find_renode_test() == on_path
    tree = build_tree(tmp_path / "tree")
    monkeypatch.setenv("PYRENODE_BUILD_DIR", str(tree))
    assert find_renode_test() == on_path
    assert find_renode_test() != script(tree / "renode-test", "exit 0")
    assert find_renode_test() == tree / "renode-test"


def test_no_renode_test(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolError, match=r"^Renode is missing"):
        find_renode_test()
    monkeypatch.setenv("PYRENODE_BIN", str(script(tmp_path / "renode", SAYS_ITS_VERSION)))
    with pytest.raises(ToolError, match=r"^renode-test is missing: not in .* \(lab renode doctor"):
        find_renode_test()
