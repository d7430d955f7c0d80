"""Files that are no sound model, through the real command: exit code 3, lines, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_models import Damaged, damaged_models
from support import NANO, Ran, lab, no_traceback

DAMAGED = damaged_models(seed=7, each=1)
BOARD = ("--board", NANO)


def refused(directory: Path, model: Path, command: str = "check", *options: str) -> list[str]:
    """Run the command beside an unused cache; what it said of the model, without its name."""
    before = sorted(directory.iterdir())
    board = () if command == "ops" else BOARD
    cache = {"TFLM_LAB_CACHE": str(directory / "cache")}
    ran = lab(command, model, *board, *options, cwd=directory, env=cache)
    assert sorted(directory.iterdir()) == before, "something was left behind"
    return said(ran, model)


def said(ran: Ran, model: Path) -> list[str]:
    no_traceback(ran)
    assert ran.code == 3, ran
    assert ran.out == ""
    start = f"lab: {model}: "
    lines = ran.err.splitlines()
    assert 1 <= len(lines) <= 21
    assert all(line.startswith(start) and line.isprintable() for line in lines), lines
    assert all(len(line) < 1000 for line in lines)
    return [line.removeprefix(start) for line in lines]


def written(directory: Path, data: bytes, name: str = "model.tflite") -> Path:
    path = directory / name
    path.write_bytes(data)
    return path


def test_there_are_enough() -> None:
    assert len(DAMAGED) >= 40
    assert len({one.kind for one in DAMAGED}) >= 40


@pytest.mark.parametrize("damaged", DAMAGED, ids=lambda one: one.kind)
def test_check_refuses_damage(damaged: Damaged, tmp_path: Path) -> None:
    refused(tmp_path, written(tmp_path, damaged.data))


@pytest.mark.parametrize("damaged", DAMAGED[::6], ids=lambda one: one.kind)
def test_ops_says_the_same_as_check(damaged: Damaged, tmp_path: Path) -> None:
    model = written(tmp_path, damaged.data)
    lines = refused(tmp_path, model, "ops")
    assert lines == refused(tmp_path, model, "ops", "--json")
    assert lines == refused(tmp_path, model)


@pytest.mark.parametrize("damaged", DAMAGED[::20], ids=lambda one: one.kind)
def test_build_writes_no_image_of_it(damaged: Damaged, tmp_path: Path) -> None:
    refused(tmp_path, written(tmp_path, damaged.data), "build", "--output", "app.elf")


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (b"", "is empty"),
        (b"\x7fELF\x01\x01\x01", "is an ELF image, not a .tflite model"),
        (b"PK\x03\x04", "is a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    ],
)
def test_other_files_are_called_by_their_name(start: bytes, says: str, tmp_path: Path) -> None:
    (line,) = refused(tmp_path, written(tmp_path, start + bytes(100) if start else b""))
    assert line.startswith(says)


def test_a_directory(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (line,) = refused(tmp_path, tmp_path / "models")
    assert line.startswith("is a directory")


def test_a_missing_file(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, tmp_path / "none.tflite")
    assert line == "cannot be read: No such file or directory"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    # Permissions stop no administrator, so these are files that nobody can read.
    loop = tmp_path / "loop.tflite"
    loop.symlink_to(loop)
    (line,) = refused(tmp_path, loop)
    assert line.startswith("cannot be read: ")
    (line,) = refused(tmp_path, Path("/proc/self/mem"))
    assert line == "cannot be read: Input/output error"


def test_a_file_without_permission(tmp_path: Path) -> None:
    model = written(tmp_path, b"not a model for those who may read it either")
    model.chmod(0)
    refused(tmp_path, model)


def test_a_device_is_not_read(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, Path("/dev/zero"))
    assert line == "is not a regular file"


def test_damage_is_told_beside_any_name_of_the_file(tmp_path: Path) -> None:
    model = written(tmp_path, DAMAGED[0].data, "two\nlines \x1b[31m.tflite")
    ran = lab("check", model, *BOARD, env={"TFLM_LAB_CACHE": str(tmp_path / "cache")})
    no_traceback(ran)
    assert ran.code == 3
    (line,) = ran.err.splitlines()
    assert line.startswith("lab: ")
    assert line.isprintable()
    assert "lines" in line
