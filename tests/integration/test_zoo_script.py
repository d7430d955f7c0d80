"""The committed script makes the committed models (needs TensorFlow)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from lab.zoo import CATALOGUE

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None,
    reason='TensorFlow is not installed: pip install "tflm-lab[models]"',
)


def script(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab.zoo.make_models", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)


def test_models_are_made_again_byte_for_byte(tmp_path: Path) -> None:
    run = script("-o", str(tmp_path / "zoo"), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    made = {path.name: path.read_bytes() for path in (tmp_path / "zoo").iterdir()}
    kept = {
        path.name: path.read_bytes()
        for pattern in ("*.tflite", "*.yaml")
        for path in CATALOGUE.parent.glob(pattern)
    }
    assert sorted(made) == sorted(kept)
    assert [name for name in kept if made[name] != kept[name]] == []


def test_check_agrees_with_the_catalogue(tmp_path: Path) -> None:
    run = script("--check", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (0, "every model is the same as in the catalogue\n")
