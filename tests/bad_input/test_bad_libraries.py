"""Damaged libraries, manifests and header trees: read or refused in one line each, and soon."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_tflm import TREE, build, stub
from support import NANO, lab, no_traceback

from lab.cores import CORES
from lab.errors import InputError
from lab.generations import GENERATIONS
from lab.headers import find_headers
from lab.library_facts import examine
from lab.runtimes import read_manifest
from lab.zoo import model_path

SEED = 20260825
LIBRARIES, MANIFESTS, COMMANDS = 420, 240, 24
SECONDS = 5.0  # for one library: a bound against hanging, not a measurement
NEWER = GENERATIONS["2026-08"]


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        data[rng.randrange(len(data))] = rng.choice([0, 0xFF, 0x7F, rng.randrange(256)])


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _hole(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    size = rng.choice([1, 4, 16, 60, 500])
    data[at : at + size] = bytes([rng.choice([0, 0xFF])]) * min(size, len(data) - at)


def _splice(data: bytearray, rng: random.Random) -> None:
    at, source, size = rng.randrange(len(data)), rng.randrange(len(data)), rng.randrange(1, 200)
    data[at:at] = data[source : source + size]


def _tables(data: bytearray, rng: random.Random) -> None:
    """Numbers in ELF headers and section tables: where lengths, counts and links are."""
    starts = [i for i in range(0, len(data) - 64, 2) if data[i : i + 4] == b"\x7fELF"]
    start = rng.choice(starts or [0])
    table = start + int.from_bytes(data[start + 32 : start + 36], "little")
    near = rng.choice([start + 16 + 2 * rng.randrange(18), table + 4 * rng.randrange(200)])
    if near + 4 < len(data):
        number = rng.choice([0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, rng.getrandbits(32)])
        data[near : near + 4] = number.to_bytes(4, "little")


DAMAGES: list[Callable[[bytearray, random.Random], None]] = [_flip, _cut, _hole, _splice, _tables]


def damaged(data: bytes, number: int) -> bytes:
    rng = random.Random(SEED + number)
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 3])):
        if len(changed) > 64:
            rng.choice(DAMAGES)(changed, rng)
    return bytes(changed)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Two good libraries: one object, and the whole stand-in."""
    one = stub(tmp_path_factory.mktemp("stub"), *CORES["cortex-m4f"].flags)
    return [one.read_bytes(), build().read_bytes()]


def test_damaged_libraries_are_read_or_refused_in_one_line(
    bases: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "damaged.a"
    refused = 0
    for number in range(LIBRARIES):
        path.write_bytes(damaged(bases[number % 2], number))
        begin = time.monotonic()
        try:
            examine(path, "damaged.a")
        except InputError as error:
            (line,) = error.lines()
            assert line.startswith("damaged.a"), (number, line)
            assert line.isprintable(), (number, line)
            refused += 1
        assert time.monotonic() - begin < SECONDS, number
    assert LIBRARIES // 3 < refused < LIBRARIES


def test_every_cut_of_a_small_library(bases: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "cut.a"
    for size in range(0, len(bases[0]), 7):
        path.write_bytes(bases[0][:size])
        with pytest.raises(InputError):
            examine(path, "cut.a")


MANIFEST = """\
# a comment
name: mine
title: My own TFLM
kind: library
api: 2026-08
kernels: reference
library: lib/libtensorflow-microlite.a
include:
  - tflite-micro
  - third_party/flatbuffers/include
defines: [USE_TFLM_COMPRESSION]
"""
WORDS = ["", "~", "null", "true", "-1", "1e9", "[", "]", "{", "}", ":", "- ", "*a", "&a", "!!int 3",
         "name: x", "\t", "\u2028", "\x00", "\x1b[31m", "'", '"', "|", ">", "%", "@", "---", "...",
         "library", "[]", "{}", "a" * 5000, "\ufeff", "\ud7ff", "2020-07"]  # fmt: skip


def mangled(number: int) -> bytes:
    rng = random.Random(SEED - number)
    lines = MANIFEST.splitlines()
    for _ in range(rng.choice([1, 2, 4])):
        at = rng.randrange(len(lines))
        kind = rng.randrange(6)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, rng.choice(lines))
        elif kind == 2:
            lines[at] = lines[at].partition(":")[0] + ": " + rng.choice(WORDS)
        elif kind == 3:
            lines[at] = rng.choice(WORDS) + lines[at]
        elif kind == 4:
            place = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + rng.choice(WORDS) + lines[at][place:]
        else:
            lines[at] = "".join(rng.sample(lines[at], len(lines[at])))
        lines = lines or ["x"]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def test_mangled_manifests_are_read_or_refused_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    refused = 0
    for number in range(MANIFESTS):
        path.write_bytes(mangled(number))
        try:
            read_manifest(path)
        except InputError as error:
            for line in error.lines():
                assert line.startswith(f"{path}:"), (number, line)
                assert line.isprintable(), (number, line)
            refused += 1
    assert MANIFESTS // 3 < refused <= MANIFESTS


def test_damage_through_the_command(bases: list[bytes], tmp_path: Path) -> None:
    """Documented codes, no traceback, at least one line; nothing left half-made."""
    model = model_path("tiny_float")
    codes = set()
    for number in range(COMMANDS):
        manifest, library = tmp_path / "m.yaml", tmp_path / "libx.a"
        library.write_bytes(damaged(bases[1], 1000 + number))
        text = MANIFEST.replace("lib/libtensorflow-microlite.a", "libx.a")
        text = text.replace("tflite-micro", str(TREE))
        text = text.replace("  - third_party/flatbuffers/include\n", "")
        text = text.replace("defines: [USE_TFLM_COMPRESSION]\n", "")
        manifest.write_bytes(mangled(number) if number % 4 == 3 else text.encode())
        ran = lab("check", model, "--board", NANO, "--runtime", manifest, "--timeout", "20")
        no_traceback(ran)
        assert ran.code in {0, 1, 2, 3, 4, 5}, (number, ran.err)
        assert ran.code in {0, 1} or ran.problems, number
        codes.add(ran.code)
    assert 3 in codes


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TREE, tmp_path / "tree"))


def problems(*directories: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        find_headers(directories, NEWER, "m.yaml")
    return error.value.lines()


def test_missing_headers_are_named(tree: Path) -> None:
    downloads = tree / "tensorflow/lite/micro/tools/make/downloads"
    shutil.rmtree(downloads / "gemmlowp")
    assert problems(tree) == [
        "m.yaml: include: no fixedpoint/fixedpoint.h (hint: give its directory too; TFLM's "
        "Makefile puts it below tensorflow/lite/micro/tools/make/downloads, create_tflm_tree.py "
        "below third_party)"
    ]
    assert problems(tree / "none") == [f"m.yaml: include: {tree / 'none'} is no directory"]
    (tree / "tensorflow/lite/micro/micro_log.h").unlink()
    shutil.copytree(TREE / downloads.relative_to(tree) / "gemmlowp", tree / "third_party/gemmlowp")
    assert problems(tree) == [
        "m.yaml: include: no tensorflow/lite/micro/micro_log.h "
        "(hint: this is not a TFLM with the API of 2026-08)"
    ]
    assert problems(tree / "tensorflow")[0] == (
        "m.yaml: include: no tensorflow/lite/micro/micro_interpreter.h (hint: give the root of the "
        "TFLM tree, the directory that holds tensorflow/)"
    )


def test_other_flatbuffers(tree: Path) -> None:
    base = (
        tree / "tensorflow/lite/micro/tools/make/downloads/flatbuffers/include/flatbuffers/base.h"
    )
    base.write_text(base.read_text().replace("MINOR 9", "MINOR 2"))
    assert problems(tree) == [
        "m.yaml: include: flatbuffers 25.2.23 found, but the schema of this TFLM needs 25.9.23 "
        "(hint: give the flatbuffers that TFLM downloaded)"
    ]


def test_trees_as_create_tflm_tree_makes_them(tree: Path) -> None:
    downloads = tree / "tensorflow/lite/micro/tools/make/downloads"
    downloads.rename(tree / "third_party")
    moved, original = find_headers([tree], NEWER, "m"), find_headers([TREE], NEWER, "m")
    assert moved.sha256 == original.sha256
    assert moved.count == original.count > 15


def test_headers_in_a_circle_odd_names_and_a_changed_header(tree: Path) -> None:
    before = find_headers([tree], NEWER, "m").sha256
    log = tree / "tensorflow/lite/micro/micro_log.h"
    text = log.read_text()
    log.write_text(
        text + '\n#include "micro_log.h"\n#include "' + "x" * 5000 + '"\n#include <a\0b>\n'
        '#include "../micro/micro_interpreter.h"\n'
    )
    found = find_headers([tree], NEWER, "m")
    assert found.sha256 != before
    log.write_text(text)
    (tree / "tensorflow/lite/micro/unused.h").write_text("// not included by anything\n")
    assert find_headers([tree], NEWER, "m").sha256 == before
