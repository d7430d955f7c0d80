"""Manifests of runtimes: what is wrong with them is said with its place and the nearest word."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InputError, UsageError
from lab.jobs.runtimes import Wanted, add
from lab.runtimes import (
    CONFIG_VARIABLE,
    load_runtime,
    read_manifest,
    runtime_names,
    user_manifests,
)

GOOD = """\
name: mine
kind: library
api: 2026-08
kernels: reference
library: lib.a
include: [tree]
"""


def problems(where: Path, text: str) -> list[str]:
    path = where / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_manifest(path)
    return [line.removeprefix(f"{path}:") for line in error.value.lines()]


def test_a_good_manifest(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD + "title: Mine\ndefines: [USE_TFLM_COMPRESSION, A=1]\n")
    manifest, _ = read_manifest(path)
    assert (manifest.name, manifest.api, manifest.kernels) == ("mine", "2026-08", "reference")
    assert manifest.defines == ("USE_TFLM_COMPRESSION", "A=1")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("kernels:", "kernel:", '4:1: kernel: unknown key (hint: did you mean "kernels"?)'),
        ("library: lib.a\n", "", "1:1: library: is missing"),
        ("include: [tree]", "include: []", "6:10: include: must not be empty"),
        ("include: [tree]", "include: tree", '6:10: include: must be a list, got "tree"'),
        ("name: mine", "name: a b",
         '1:7: name: must be letters, digits, _, . and -, at most 64, got "a b"'),
        ("name: mine", "name: tflm-2020-07",
         '1:7: name: "tflm-2020-07" is a runtime that comes with the lab'),
        ("[tree]", "[tree]\ndefines: [NDEBUG]",
         "7:11: defines[0]: NDEBUG is found from the library itself (hint: leave it out)"),
        ("[tree]", "[tree]\ndefines: [a b]",
         '7:11: defines[0]: must be a macro, NAME or NAME=VALUE, got "a b"'),
        ("kind: library", "kind: crate", "2:7: kind: must be 'library', got \"crate\""),
        ("kernels: reference", "kernels: cmsis",
         "4:10: kernels: must be 'reference' or 'cmsis_nn', got \"cmsis\""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert problem in problems(tmp_path, GOOD.replace(old, new))


def test_names_resolve_to_the_labs_then_the_users_then_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path))
    assert runtime_names() == ["tflm-2020-07"]
    assert load_runtime().kind == "crate"
    assert user_manifests() == {}
    (tmp_path / "runtimes").mkdir()
    (tmp_path / "runtimes" / "mine.yaml").write_text(GOOD)
    assert user_manifests() == {"mine": tmp_path / "runtimes" / "mine.yaml"}
    with pytest.raises(InputError, match=r"lib\.a: cannot be read: No such file"):
        load_runtime("mine")
    with pytest.raises(UsageError, match=r'no runtime "mime" .*did you mean "mine"'):
        load_runtime("mime")
    with pytest.raises(InputError, match="mine: cannot be read"):
        load_runtime("./mine")
    with pytest.raises(InputError, match=r"other\.yaml: cannot be read"):
        load_runtime("other.yaml")


def wanted(**changes: object) -> Wanted:
    values = {"name": "mine", "library": Path("lib.a"), "include": (Path("tree"),),
              "api": "2026-08", "kernels": "reference"} | changes  # fmt: skip
    return Wanted(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"api": "2026-07"}, '--api: no "2026-07" (hint: did you mean "2026-08"?)'),
        ({"kernels": "cmsis-nn"}, '--kernels: no "cmsis-nn" (hint: did you mean "cmsis_nn"?)'),
        ({"name": "../x"},
         'NAME: must be letters, digits, _, . and -, at most 64, got "../x"'),
        ({"name": "tflm-2020-07"},
         "tflm-2020-07 is a runtime that comes with the lab: choose another name"),
        ({"defines": ("NDEBUG",)},
         "--defines: NDEBUG is found from the library itself (hint: leave it out)"),
        ({"library": Path("lib\udcff.a")},
         "'lib\\udcff.a' cannot be written down (its name is not text)"),
    ],
)  # fmt: skip
def test_adding_what_makes_no_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], problem: str
) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path))
    with pytest.raises(UsageError) as error:
        add(wanted(**changes), None)
    assert error.value.lines() == [problem]
    assert list(tmp_path.iterdir()) == []


def test_adding_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        add(wanted(library=tmp_path / "none.a"), tmp_path / "new" / "mine.yaml")
    assert error.value.lines() == [
        f"{tmp_path / 'none.a'}: cannot be read: No such file or directory"
    ]
    assert list(tmp_path.iterdir()) == []
