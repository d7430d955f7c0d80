"""The lab's own build of TFLM, used as if a user had built it, gives the same answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import NANO, lab, no_traceback, tflm_tree

from lab.cache import Cache
from lab.cores import CORES
from lab.runner import library
from lab.runtimes import load_crate
from lab.toolchain import find_toolchain
from lab.zoo import model_path

CORE = CORES["cortex-m4f"]


def record(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    ran = lab("check", *arguments, "--json", "-")
    no_traceback(ran)
    assert ran.code == code, ran.err
    return dict(json.loads(ran.out))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory with the library that the lab built from the crate, as ``libmine.a``."""
    where = tmp_path_factory.mktemp("own")
    built = library(load_crate(), CORE, "O2", find_toolchain(), Cache(), lambda _: None)
    shutil.copy(built / "libtflm.a", where / "libmine.a")
    return where


def added(own: Path, name: str, archive: Path) -> Path:
    manifest = own / f"{name}.yaml"
    ran = lab(
        "runtime", "add", name, "-o", manifest, "--library", archive, "--include", tflm_tree(),
        "--api", "2020-07", "--kernels", "reference",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    return manifest


@pytest.fixture(scope="module")
def manifest(own: Path) -> Path:
    return added(own, "mine", own / "libmine.a")


CASES = [
    ("tiny_float", (), 0),
    ("keyword_spotter", (), 0),
    pytest.param("separation_w16", (), 1, marks=pytest.mark.slow),
    ("keyword_spotter", ("--arena", "24576"), 1),
    ("separation_w8_upsampling2d", (), 1),
]


@pytest.mark.parametrize(("model", "more", "code"), CASES)
def test_same_record_apart_from_the_runtime(
    manifest: Path, model: str, more: tuple[str, ...], code: int
) -> None:
    asked: list[str | Path] = [model_path(model), "--board", NANO, *more]
    ours = record(*asked, code=code)
    theirs = record(*asked, "--runtime", manifest, code=code)
    assert theirs["runtime"]["kind"] == "library"
    assert theirs["runtime"]["source_sha256"] is None
    assert theirs["runtime"]["library_sha256"] != ours["runtime"]["library_sha256"]
    ours.pop("runtime"), theirs.pop("runtime")
    assert theirs == ours


def test_same_record_without_debug_information(own: Path) -> None:
    """But for the image's checksum and what only debug information tells: the runner's suffices."""
    bare = own / "libbare.a"
    shutil.copy(own / "libmine.a", bare)
    objcopy = find_toolchain().objcopy
    subprocess.run([objcopy, "--strip-debug", str(bare)], check=True, capture_output=True)
    asked = (model_path("keyword_spotter"), "--board", NANO, "--details")
    ours = record(*asked)
    assert ours["details"]["arena"]["items"]
    theirs = record(*asked, "--runtime", added(own, "bare", bare))
    for one in (ours, theirs):
        one.pop("runtime")
        one["build"].pop("image_sha256")
        for point in one["details"]["stack"]["points"]:
            point.pop("chain")  # needs the frames' descriptions
    assert theirs == ours


def test_no_path_of_this_machine_is_in_the_record(manifest: Path) -> None:
    text = json.dumps(record(model_path("tiny_float"), "--board", NANO, "--runtime", manifest))
    assert str(manifest.parent) not in text
    assert str(Path.home()) not in text


def test_the_manifest_may_move_with_the_library(manifest: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(manifest.parent, moved)
    assert "library: libmine.a" in manifest.read_text()
    asked = (model_path("tiny_float"), "--board", NANO, "--runtime")
    assert record(*asked, moved / manifest.name) == record(*asked, manifest)


def test_verify(manifest: Path) -> None:
    ran = lab("runtime", "verify", manifest)
    assert ran.out.splitlines() == [
        "RIGHT  tiny_float on cortex-m4f: the known outputs, exactly",
        "RIGHT  keyword_spotter on cortex-m4f: the known outputs, exactly",
    ]
    assert ran.code == 0


def test_build_and_ops_take_a_runtime_too(manifest: Path, tmp_path: Path) -> None:
    model = model_path("tiny_float")
    ours, theirs = tmp_path / "ours.elf", tmp_path / "theirs.elf"
    assert lab("build", model, "--board", NANO, "-o", ours).code == 0
    assert lab("build", model, "--board", NANO, "-o", theirs, "--runtime", manifest).code == 0
    assert theirs.read_bytes() == ours.read_bytes()
    assert lab("ops", model, "--runtime", manifest).out == lab("ops", model).out.replace(
        "tflm-2020-07", "mine"
    )
