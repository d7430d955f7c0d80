"""Puts the fake Renode of ``tests/fake_renode`` where the lab finds it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.engines.renode.install import installation_here

FAKE = Path(__file__).with_name("fake_renode")
GENERATIONS = ("1.16.1", "master")


def environment(generation: str = "1.16.1", how: str = "") -> dict[str, str]:
    """Variables of a command that is to find the fake.

    Args:
        generation: which Renode it is.
        how: to misbehave; empty: not at all.
    """
    paths = [str(FAKE), str(FAKE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYRENODE_BIN": str(FAKE / "renode"),
        "FAKE_RENODE_GENERATION": generation,
        "FAKE_RENODE": how,
    }


def use(monkeypatch: pytest.MonkeyPatch, generation: str = "1.16.1", how: str = "") -> None:
    """Have engines of this process find it too."""
    monkeypatch.syspath_prepend(str(FAKE))
    for name, value in environment(generation, how).items():
        monkeypatch.setenv(name, value)
    installation_here.cache_clear()
