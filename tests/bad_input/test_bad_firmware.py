"""Damaged firmware images for ``lab size``: measured or refused in one line, soon."""

from __future__ import annotations

import random
import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from fuzz_targets import judge
from planted import firmware
from support import NUCLEO, lab, no_traceback

from lab.board import load_board
from lab.details import Footprint
from lab.elf import read_elf
from lab.errors import InputError
from lab.measure.elf_size import bank_use, elf_footprint, held_on

SEED = 20261126
IMAGES, COMMANDS = 160, 8
BOARD = load_board(NUCLEO)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return firmware(tmp_path_factory.mktemp("firmware"), "-g").read_bytes()


def damaged(data: bytes, number: int) -> bytes:
    """Numbers in headers, section table, symbols and debug information; holes; a cut end."""
    rng = random.Random(SEED + number)
    changed = bytearray(data)
    table = int.from_bytes(data[32:36], "little")
    for _ in range(rng.choice([1, 1, 2, 4, 30])):
        at = rng.choice([16 + 2 * rng.randrange(18), 52 + 4 * rng.randrange(24),
                         table + 4 * rng.randrange(190), rng.randrange(len(data) - 4)])  # fmt: skip
        value = rng.choice([0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, len(data), rng.getrandbits(32)])
        changed[at : at + 4] = value.to_bytes(4, "little")
    if rng.random() < 0.15:
        del changed[rng.randrange(4, len(changed)) :]
    return bytes(changed)


def measure(data: bytes) -> bool:
    """As the command does; whether the image was taken."""
    try:
        read = read_elf(data, "firmware.elf")
        held = held_on(read, BOARD)
        bank_use(held, BOARD)
        footprint = elf_footprint(read, BOARD, 8)
    except InputError as error:
        (line,) = error.lines()
        assert line.startswith("firmware.elf: ")
        assert line.isprintable()
        return False
    _adds_up(footprint)
    return True


def _adds_up(footprint: Footprint) -> None:
    owners, sections = footprint.owners, footprint.sections
    assert sum(o.flash_bytes for o in owners) == sum(s.flash_bytes for s in sections)
    assert sum(o.ram_bytes for o in owners) == sum(s.ram_bytes for s in sections)
    assert all(o.name.isprintable() and o.flash_bytes >= 0 <= o.ram_bytes for o in owners)
    footprint.model_dump_json()


def test_damaged_images(image: bytes) -> None:
    assert judge(measure, image)
    answers = [judge(measure, damaged(image, number)) for number in range(IMAGES)]
    assert 20 < sum(answers) < IMAGES - 20  # some are taken, some are refused


def test_every_cut(image: bytes) -> None:
    for end in range(4, len(image), len(image) // 40):
        judge(measure, image[:end])


def test_damaged_images_on_the_command_line(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "firmware.elf"
    for number in range(COMMANDS):
        path.write_bytes(damaged(image, number))
        ran = lab("size", path, "--board", NUCLEO)
        no_traceback(ran)
        assert ran.code in {0, 1, 3}
        assert (ran.code == 3) == bool(ran.problems)
        assert len(ran.problems) <= 1
        assert "\x1b" not in ran.out
    diff = lab("size", "--diff", path, path)
    no_traceback(diff)


def test_more_symbols_than_firmware_has(image: bytes) -> None:
    """Read in one go; cutting up every section by all of them would take hours."""
    read = read_elf(image, "firmware.elf")
    swollen = replace(read, named=read.named * (20_000_001 // len(read.named)))
    with pytest.raises(InputError, match="that is no firmware"):
        elf_footprint(swollen)


def test_segments_that_share_what_they_hold(image: bytes) -> None:
    """20,000 of them over the same megabytes would fill the memory."""
    header = struct.pack("<8I", 1, 0, 0x08000000, 0x08000000, len(image), len(image), 5, 4)
    many = bytearray(image + header * 20_000)
    struct.pack_into("<I", many, 28, len(image))
    struct.pack_into("<H", many, 44, 20_000)
    with pytest.raises(InputError, match="segments larger than the file"):
        read_elf(bytes(many), "firmware.elf")


def test_names_cannot_speak_to_the_terminal(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "firmware.elf"
    path.write_bytes(image.replace(b"sine_table\0", b"\x1b[31m\r\n\xff\xfex\0"))
    ran = lab("size", path, "--board", NUCLEO)
    assert ran.code == 0
    assert re.fullmatch(r"[\x20-\x7e…\ufffd\n]*", ran.out), ran.out


def test_other_files_than_firmware(tmp_path: Path) -> None:
    (tmp_path / "object.elf").write_bytes(b"\x7fELF" + bytes(100))
    ran = lab("size", tmp_path / "object.elf", "--board", NUCLEO)
    assert (ran.code, len(ran.problems)) == (3, 1)
