"""The first ``lab.yaml`` of a repository: a group for the models that are there, and examples."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from lab.board import is_board_file, load_board
from lab.ci_file import check_ci_file
from lab.errors import UsageError, escape
from lab.files import write_whole
from lab.jobs.batch import named
from lab.jobs.ci_plan import planned
from lab.units import counted
from lab.yaml_source import MAX_TEXT, parse_yaml

_BOARD = "arduino_nano33ble_sense"
_ZOO = ("keyword_spotter", "anomaly_detector")  # small and quick, and both fit
_MOST_MODELS = 200
_NOT_OURS = {"node_modules", "site-packages"}
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")

_TEMPLATE = """\
# What `lab ci run` checks: every model on every board, against budgets and the accepted baseline.
# All keys: docs/ci.md. `lab ci accept` writes lab-baseline.json: commit it with this file.

# Budgets for all checks. A plain value is the most there may be; "+" is growth over the baseline;
# a list may hold both. Take the "#" away to use one.
#budgets:
#  ram: 192 KiB              # static RAM, arena, stack reserve and what the application takes
#  flash: [512 KiB, +2 %]    # at most 512 KiB, and at most 2 % more than was accepted
#  arena: +1 KiB             # the required arena
#  stack: 2 KiB              # the high-water mark
#  cycles: +5 %              # of one inference, by the cycle model; also: instructions, ms

# Options of every check, by their names in `lab check`.
#options:
#  app-ram: 16 KiB           # what the application's own code takes
#  opt: O2

checks:
  - models:@MODELS@
    boards:@BOARDS@
#    budgets:                # of this group; they come before those above
#      arena: 64 KiB
#    allow:                  # a failure that is known, until a day
#      - what: fit           # or the name of a budget
#        reason: waits for the smaller model
#        until: 2027-01-31
"""


def init(file: Path, boards: Sequence[str]) -> list[str]:
    """Write a file of checks for the models below its directory.

    Args:
        file: to write; never over another.
        boards: names, files (from the current directory) or patterns; none: a usual one.

    Returns:
        What to tell people.

    Raises:
        UsageError: the file is there, cannot be written, or a board is not known.
    """
    if os.path.lexists(file):
        raise UsageError(f"{file} is there already (hint: edit it, or choose another --file)")
    models = _models(file.parent)
    listed = [name for name in models if _can_be_written(name)][:_MOST_MODELS]
    text = _TEMPLATE.replace("@MODELS@", _list(listed or _ZOO))
    text = text.replace("@BOARDS@", _list([_board(file.parent, one) for one in boards or [_BOARD]]))
    checks = planned(check_ci_file(parse_yaml(str(file), text)))
    write_whole(file, text.encode(), over=False)
    left = [f"left out: {escape(name)}" for name in models if name not in listed]
    found = counted(len(listed), "model") if listed else "no model here, so two of the zoo"
    return [*left, f"{file}: {counted(len(checks), 'check')} ({found}); next: lab ci run"]


def _models(folder: Path) -> list[str]:
    """Model files below a directory, relative to it, without what tools keep there."""
    found = []
    for directory, inner, files in os.walk(folder):
        inner[:] = [name for name in inner if name[0] != "." and name not in _NOT_OURS]
        found += [Path(directory, name) for name in files if name.endswith(".tflite")]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _can_be_written(name: str) -> bool:
    """Whether a name is the same after it was read from the file."""
    return name.isprintable() and len(name) <= MAX_TEXT and " ".join(name.split()) == name


def _board(folder: Path, name: str) -> str:
    """A board as the file names it: files are relative to the file.

    Raises:
        UsageError: no such board.
        InputError: its file cannot be read or breaks the schema.
    """
    if set(name) & set("*?[") and not os.path.lexists(name):
        named([name])
        return name
    load_board(name)
    if not is_board_file(name):
        return name
    inside = Path(os.path.relpath(name, folder)).as_posix()
    return inside if is_board_file(inside) else f"./{inside}"


def _list(names: Sequence[str]) -> str:
    """A list in YAML, an item a line; what JSON quotes, YAML reads."""
    quoted = (name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)
              for name in names)  # fmt: skip
    return "".join(f"\n      - {name}" for name in quoted)
