"""What is fuzzed, and what is asked of it: an answer or an InputError, soon and in little memory.

The normal tests replay every file in ``tests/bad_input/found``: what fuzzing has found once.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bad_boards import DAMAGES
from bad_models import sound_model
from op_cases import CASES

from lab.board import load_board_file
from lab.errors import InputError, UsageError
from lab.measure.ops import OperatorTable, gate, read_table, registrations
from lab.model import read_model
from lab.paths import data_dir
from lab.runtimes import load_runtime
from lab.zoo import catalogue

FOUND = Path(__file__).resolve().parent / "bad_input" / "found"
SECONDS = 3.0  # of processor time; a large sound model takes 0.02
MIB = 400  # by which one file may raise the memory this process uses
_MAX_LINES = 101
_MAX_LINE = 1000


class NotAnsweredError(AssertionError):
    """The answer to a file was neither a result nor well-said lines, or it cost too much."""


def read_a_model(data: bytes) -> bool:
    """Read a model and judge its operators, as ``lab ops`` does; whether it was accepted."""
    try:
        model = read_model(data, "m.tflite")
    except InputError as error:
        _well_said(error.lines(), "m.tflite: ")
        return False
    table = _table()
    gate(model, table)
    registrations(model, table)
    return True


def load_a_board(data: bytes) -> bool:
    """Load a board file, and ask what every command asks of a board; whether it was accepted."""
    with os.fdopen(os.memfd_create("board"), "wb") as file:
        file.write(data)
        file.flush()
        path = f"/proc/self/fd/{file.fileno()}"
        try:
            board = load_board_file(path)
        except InputError as error:
            _well_said(error.lines(), path)
            return False
    board.model_dump(mode="json")
    board.flash_run()
    board.flash_wait_states()
    try:
        board.with_ram(["64 KiB"])
    except UsageError as error:
        _well_said(error.lines(), "")
    return True


def judge(read: Callable[[bytes], bool], data: bytes) -> bool:
    """Read, and see what it cost; whether the file was accepted.

    Raises:
        NotAnsweredError: too much time or memory, or a badly said refusal.
    """
    begun, used = time.process_time(), _peak_mib()
    accepted = read(data)
    if (took := time.process_time() - begun) > SECONDS:
        raise NotAnsweredError(f"{took:.1f} s for {len(data):,} B")
    if (more := _peak_mib() - used) > MIB:
        raise NotAnsweredError(f"{more:,} MiB for {len(data):,} B")
    return accepted


def _well_said(lines: list[str], start: str) -> None:
    if not 1 <= len(lines) <= _MAX_LINES:
        raise NotAnsweredError(f"{len(lines)} lines")
    for line in lines:
        if not (line.startswith(start) and line.isprintable() and len(line) < _MAX_LINE):
            raise NotAnsweredError(f"badly said: {line[:200]!a}")


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _table(_known: list[OperatorTable] = []) -> OperatorTable:  # noqa: B006 - read once
    if not _known:
        _known.append(read_table(load_runtime().operator_table))
    return _known[0]


def mutate_model(data: bytes, random: Random) -> bytes:
    """Change words where a flatbuffer keeps its offsets, lengths and numbers."""
    changed = bytearray(data)
    if len(changed) < 16:
        return bytes(changed) + random.randbytes(16)
    for _ in range(random.randint(1, 4)):
        width = random.choice((2, 4, 4, 4, 8))
        place = random.randrange(0, len(changed) - 8, 2 if width == 2 else 4)
        other = random.randrange(0, len(changed) - 8, 4)
        old = int.from_bytes(changed[place : place + width], "little")
        value = random.choice(
            (0, 1, 2, 4, old + 1, old - 1, old + 4, old - 4, old * 2, (1 << 8 * width) - 1,
             1 << 8 * width - 1, len(changed), other - place, place - other, random.getrandbits(16),
             int.from_bytes(changed[other : other + width], "little"), random.getrandbits(64))
        )  # fmt: skip
        changed[place : place + width] = (value % (1 << 8 * width)).to_bytes(width, "little")
    return bytes(changed)


def mutate_board(data: bytes, random: Random) -> bytes:
    """Change lines of a board file."""
    return random.choice(list(DAMAGES.values()))(data or b"name: x\n", random)


@dataclass(frozen=True)
class Target:
    """One reader, a mutation that knows the form of its files, and the size of the largest one."""

    read: Callable[[bytes], bool]
    mutate: Callable[[bytes, Random], bytes]
    largest: int

    def seeds(self) -> list[bytes]:
        """Sound files of every kind there is."""
        if self.read is read_a_model:
            models = [sound_model(), *(case.model for case in CASES)]
            return [data for data in (*models, *(m.path.read_bytes() for m in catalogue()))
                    if len(data) <= self.largest]  # fmt: skip
        return [path.read_bytes() for path in sorted(data_dir("platforms").glob("*.yaml"))]


TARGETS = {
    "model": Target(read_a_model, mutate_model, 64 << 10),
    "board": Target(load_a_board, mutate_board, 8 << 10),
}
