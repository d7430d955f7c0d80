"""The headers of a user's TFLM: where they are, and which of them the runner is compiled with.

Their contents are part of a runtime's identity: structures are laid out by them. Which are used is
found by following every ``#include`` whatever its conditions, so no compiler is needed for it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import InputError, Problem
from lab.generations import DOWNLOADS, LIBRARY_HEADERS, Generation

MAX_FILES = 5_000
MAX_BYTES = 32 << 20  # of one header; the schema's is about 1 MB
_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*(?:\"([^\"\n]+)\"|<([^>\n]+)>)", re.MULTILINE)
_FLATBUFFERS = ("MAJOR", "MINOR", "REVISION")


@dataclass(frozen=True)
class Headers:
    """Where headers are.

    Attributes:
        given: directories as the user gave them.
        directories: those and the ones found below them, in the order they are searched.
        sha256: of the names and contents of all headers that the runner may include.
        count: how many those are.
    """

    given: tuple[Path, ...]
    directories: tuple[Path, ...]
    sha256: str
    count: int


def find_headers(given: Sequence[Path], generation: Generation, where: str) -> Headers:
    """Look for everything that the runner includes.

    Args:
        given: include directories; the root of a TFLM tree is enough.
        generation: what the runner will include.
        where: how the runtime is named in problems.

    Raises:
        InputError: a directory or header is missing, one line each.
    """
    lost = [path for path in given if not path.is_dir()]
    if lost:
        raise InputError([Problem(where, f"include: {path} is no directory") for path in lost])
    directories = tuple(dict.fromkeys(_with_downloads(given)))
    _check_there(directories, generation, where)
    _check_flatbuffers(directories, where)
    used = _closure(directories, generation.headers, where)
    digest = hashlib.sha256()
    for name, data in sorted(used.items()):
        digest.update(f"{name}\0{len(data)}\0".encode("utf-8", "surrogateescape") + data)
    return Headers(tuple(given), directories, digest.hexdigest(), len(used))


def _with_downloads(given: Sequence[Path]) -> list[Path]:
    found = list(given)
    for root in given:
        for downloads in DOWNLOADS:
            found += [
                path for name in LIBRARY_HEADERS if (path := root / downloads / name).is_dir()
            ]
    return found


def _check_there(directories: Sequence[Path], generation: Generation, where: str) -> None:
    missing = [name for name in generation.headers if not _find(directories, name)]
    if not missing:
        return
    if len(missing) == len(generation.headers):
        hint = "give the root of the TFLM tree, the directory that holds tensorflow/"
    elif any(not name.startswith("tensorflow/") for name in missing):
        hint = (
            f"give its directory too; TFLM's Makefile puts it below {DOWNLOADS[0]}, "
            f"create_tflm_tree.py below {DOWNLOADS[1]}"
        )
    else:
        hint = f"this is not a TFLM with the API of {generation.api}"
    raise InputError([Problem(where, f"include: no {name}", hint) for name in missing])


def _check_flatbuffers(directories: Sequence[Path], where: str) -> None:
    """The schema's header is made for one version of flatbuffers and asserts it."""
    base = _find(directories, "flatbuffers/base.h")
    schema = _find(directories, "tensorflow/lite/schema/schema_generated.h")
    if not base or not schema:
        return
    have = _versions(rb"#define[ \t]+FLATBUFFERS_VERSION_%s[ \t]+([0-9]+)", _read(base, where))
    want = _versions(rb"FLATBUFFERS_VERSION_%s[ \t]*==[ \t]*([0-9]+)", _read(schema, where))
    if have and want and have != want:
        what = f"include: flatbuffers {have} found, but the schema of this TFLM needs {want}"
        raise InputError(Problem(where, what, "give the flatbuffers that TFLM downloaded"))


def _versions(pattern: bytes, text: bytes) -> str:
    found = [re.search(pattern % part.encode(), text) for part in _FLATBUFFERS]
    return ".".join(match[1].decode() for match in found if match)


def _find(directories: Sequence[Path], name: str) -> Path | None:
    for directory in directories:
        if os.path.isfile(path := directory / name):  # noqa: PTH113 - never raises
            return path
    return None


def _closure(directories: Sequence[Path], names: Sequence[str], where: str) -> dict[str, bytes]:
    """Contents of headers by the name relative to the directory they were found in."""
    used: dict[str, bytes] = {}
    seen: set[Path] = set()
    todo = [path for name in names if (path := _find(directories, name))]
    while todo:
        path = Path(os.path.normpath(todo.pop()))
        if path in seen:
            continue
        seen.add(path)
        if len(seen) > MAX_FILES:
            raise InputError(Problem(where, f"include: more than {MAX_FILES:,} headers"))
        data = _read(path, where)
        used[_relative(path, directories)] = data
        for quoted, angled in _INCLUDE.findall(data):
            name = os.fsdecode(quoted or angled)
            beside = path.parent / name
            if quoted and os.path.isfile(beside):  # noqa: PTH113
                todo.append(beside)
            elif found := _find(directories, name):
                todo.append(found)
    return used


def _relative(path: Path, directories: Sequence[Path]) -> str:
    inside = [path.relative_to(d).as_posix() for d in directories if path.is_relative_to(d)]
    return min(inside, key=len, default=path.name)


def _read(path: Path, where: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(Problem(where, f"include: {path}: {error.strerror}")) from None
    if len(data) > MAX_BYTES:
        raise InputError(Problem(where, f"include: {path} is larger than {MAX_BYTES:,} B"))
    return data
