"""Same inputs, same bytes: whoever asks, from wherever, with whatever locale and clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import NANO, ROOT, lab, tflm_tree

from lab.cache import ROOT_VARIABLE, Cache
from lab.zoo import model_path

CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("keyword_spotter", ()),  # fits
    ("separation_w8", ("--ram", "128 KiB")),  # does not
    ("separation_w8_upsampling2d", ()),  # is refused
    ("tiny_float", ("--invokes", "2", "--seed", "7")),
)
# Everything in a name that a shell, ninja, GCC's options or a locale may stumble over.
AWKWARD = "it's sömeone's (2nd) $HOME = a:b & c"


@dataclass(frozen=True)
class Elsewhere:
    """Another checkout of the lab with a home and a cold cache of its own."""

    root: Path

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def lab(self, *arguments: str | Path) -> bytes:
        """Standard output of a command that runs there, under everything that could matter."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LC_", "LANG"))
        } | {
            ROOT_VARIABLE: str(self.root / "link to the cache"),
            "HOME": str(self.root / "home"),
            "PYTHONHASHSEED": "1234",
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "TZ": "Pacific/Kiritimati",
            "SOURCE_DATE_EPOCH": "1",
            "CPATH": str(self.root),
        }
        done = subprocess.run(
            [sys.executable, "-m", "lab", *map(str, arguments)],
            cwd=self.root / "checkout",
            env=environment,
            umask=0o077,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert done.returncode in {0, 1}, done
        return done.stdout

    def model(self, name: str) -> Path:
        return self.root / "checkout" / "lab" / "zoo" / f"{name}.tflite"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    """A copy of this checkout; its cache, behind a link, holds the runtime's sources alone."""
    root = tmp_path / AWKWARD
    for part in ("lab", "firmware", "platforms"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, root / "checkout" / part, ignore=ignored)
    crate = tflm_tree().parents[1]
    shutil.copytree(crate, root / "cache" / "crates" / crate.name)
    (root / "link to the cache").symlink_to("cache")
    (root / "home").mkdir()
    return Elsewhere(root)


# One test, because the library of another cache is built but once in it.
def test_another_place_gives_the_same_bytes(elsewhere: Elsewhere, tmp_path: Path) -> None:
    images = _images(elsewhere, tmp_path)
    assert images[0] == images[1]
    # Both: what is the same in two places could still tell of what they have in common.
    for image in images:
        assert b"tflm/tensorflow/lite/micro/micro_interpreter.cc" in image
        _tells_nothing(image, elsewhere)
    for kind in ("libraries", "resolvers"):
        (there,) = (elsewhere.cache / kind).iterdir()
        assert _contents(there) == _contents(Cache().entry(kind, there.name))
    for name, options in CHECKS:
        arguments = ("-b", NANO, "--json", "-", *options)
        here = lab("check", model_path(name), *arguments).out.encode()
        assert here == elsewhere.lab("check", elsewhere.model(name), *arguments), name
        assert len(here) > 1000
        _tells_nothing(here, elsewhere)


def test_the_copy_is_what_runs_there(elsewhere: Elsewhere) -> None:
    version = elsewhere.root / "checkout" / "lab" / "version.py"
    version.write_text('VERSION = "elsewhere"\n')
    assert elsewhere.lab("--version") == b"lab elsewhere\n"


def _images(elsewhere: Elsewhere, folder: Path) -> tuple[bytes, bytes]:
    """The same image, built here and built there from nothing."""
    here, there = folder / "here", folder / "there"
    ran = lab("build", model_path("keyword_spotter"), "-b", NANO, "-o", here)
    assert ran.code == 0, ran
    elsewhere.lab("build", elsewhere.model("keyword_spotter"), "-b", NANO, "-o", there)
    return here.read_bytes(), there.read_bytes()


def _tells_nothing(data: bytes, elsewhere: Elsewhere) -> None:
    for place in (ROOT, Path.home(), Cache().root, elsewhere.root):
        assert os.fsencode(place) + b"/" not in data, place


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
