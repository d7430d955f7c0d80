"""What several tests need: the real command in a subprocess, and the models there are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.cache import Cache
from lab.crate import sources
from lab.runtimes import load_crate
from lab.zoo import catalogue

ROOT = Path(__file__).resolve().parents[1]
NANO = "arduino_nano33ble_sense"
NUCLEO = "nucleo_l4r5zi"


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def problems(self) -> list[str]:
        """The lines the command complained with."""
        return [line for line in self.err.splitlines() if line]


def lab(
    *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Ran:
    """Run ``lab`` as a user does: another process, no terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "lab", *map(str, arguments)],
        cwd=cwd or ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def no_traceback(ran: Ran) -> None:
    """Whatever happened, it was said in lines for people."""
    assert "Traceback" not in ran.err + ran.out
    assert "internal error" not in ran.err


def tflm_tree() -> Path:
    """The runtime's own sources."""
    return sources(load_crate(), Cache(), lambda _: None)


def crate_models() -> list[Path]:
    """Models nobody here made: the examples of the crate that carries TFLM."""
    root = tflm_tree().parents[1]
    found = sorted((root / "examples" / "models").glob("*.tflite"))
    assert len(found) == 4, found
    return found


def runnable_models() -> dict[str, Path]:
    """Every model the runtime supports, of the zoo and of the crate."""
    runtime = load_crate().name
    zoo = {model.name: model.path for model in catalogue() if model.runs_on(runtime)}
    return zoo | {path.stem: path for path in crate_models()}


def names(paths: Sequence[Path]) -> list[str]:
    """For readable test ids."""
    return [path.stem for path in paths]


class Golden:
    """Compare text with a committed file that a person has read."""

    def __init__(self, update: bool) -> None:
        self._update = update

    def check(self, text: str, file: Path) -> None:
        if self._update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        assert file.is_file(), f"no {file.name}: run pytest with --update-golden and read it"
        assert text == file.read_text(), f"{file.name}: if this is meant, use --update-golden"
