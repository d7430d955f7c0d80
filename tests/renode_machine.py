"""A machine with no Renode, and what puts one there: scripts that only answer as Renode would."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lab.engines.renode import install

VARIABLES = ("PYRENODE_PKG", "PYRENODE_BUILD_DIR", "PYRENODE_BIN", "PYRENODE_RUNTIME",
             "DOTNET_ROOT")  # fmt: skip
SAYS_ITS_VERSION = "echo 'Renode v1.16.1.12345'"


def strip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take every Renode from this process; the directory that comes first on its search path."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(install, "INSTALLED_ROOT", tmp_path / "opt" / "renode")
    return programs


def script(path: Path, body: str) -> Path:
    """Write a program for the shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def build_tree(root: Path) -> Path:
    """A source tree of Renode, as far as the lab looks at it."""
    (root / "tools").mkdir(parents=True)
    (root / "tools" / "version").write_text("1.16.1\n")
    return root


def pyrenode3(to: Path, direct_url: str | None) -> Path:
    """What is on the disk when pip has installed pyrenode3, without its code."""
    (to / "pyrenode3").mkdir(parents=True)
    (to / "pyrenode3" / "__init__.py").touch()
    notes = to / "pyrenode3-0.0.1.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: pyrenode3\nVersion: 0.0.1\n")
    if direct_url is not None:
        (notes / "direct_url.json").write_text(direct_url)
    return to
