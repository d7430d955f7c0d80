"""Damaged board files: always a board, or problems with their places; never anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from bad_boards import DAMAGES, check_lines, check_places, odd_value

from lab.board import load_board_file
from lab.errors import InputError
from lab.paths import data_dir

NANO, NRF52, L4R5, PSOC, K64F = (
    (data_dir("platforms") / f"{name}.yaml").read_bytes()
    for name in (
        "arduino_nano33ble_sense", "nrf52dk", "nucleo_l4r5zi", "cy8ckit_062_ble", "frdm_k64f",
    )
)  # fmt: skip
EACH = 100  # of every kind of seeded damage


def problems(content: bytes | str, directory: Path) -> list[str]:
    """The problem lines of a file ``bad.yaml`` in the current directory; none when it is right."""
    raw = content.encode() if isinstance(content, str) else content
    (directory / "bad.yaml").write_bytes(raw)
    try:
        load_board_file("bad.yaml")
    except InputError as error:
        assert error.problems  # noqa: PT017  # a valid file is as good an outcome
        return error.lines()
    return []


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- by hand: each damage with its exact line ---

# (board, old text, new text, expected lines without the file name)
BY_HAND: list[tuple[bytes, str, str, list[str]]] = [
    (L4R5, "size: 64 KiB", "size: 65536",
     ['24:11: ram[1].size: needs a unit, got 65536 (hint: write "64 KiB")']),
    (L4R5, "size: 64 KiB", "size: 64 KB",
     ['24:11: ram[1].size: ambiguous unit "KB" (hint: write KiB, which is 1024-based)']),
    (L4R5, "size: 64 KiB", "size: 0 KiB", ["24:11: ram[1].size: must not be zero"]),
    (L4R5, "size: 64 KiB", "size: 1000 B",
     ["24:11: ram[1].size: must be a multiple of 1 KiB, got 1,000 B (hint: write 1 KiB)"]),
    (L4R5, "size: 64 KiB", "size: 65 KiB",
     ["31:11: ram[2].base: SRAM3 at 0x20040000 overlaps SRAM2, which ends at 0x20040400"]),
    (L4R5, "size: 64 KiB", "size: 5000 MiB",
     ['24:11: ram[1].size: "5000 MiB" is beyond a 32-bit address space']),
    (L4R5, "size: 64 KiB", "size: " + "9" * 50,
     ['24:11: ram[1].size: must be a size, got "' + "9" * 50
      + '" (hint: write for example "128 KiB")']),
    (L4R5, "size: 64 KiB", "size: [64 KiB]",
     ['24:11: ram[1].size: must be a size, got a list (hint: write for example "128 KiB")']),
    (L4R5, "size: 64 KiB", "size:",
     ["24:10: ram[1].size: has no value (hint: write one or leave the key out)"]),
    (L4R5, "size: 64 KiB", "sise: 64 KiB",
     ["22:5: ram[1].size: is missing",
      '24:5: ram[1].sise: unknown key (hint: did you mean "size"?)']),
    (L4R5, "base: 0x20030000", "base: 537067520",
     ["23:11: ram[1].base: must be a hexadecimal address, got 537067520 (hint: write 0x20030000)"]),
    (L4R5, "base: 0x20030000", "base: 20030000",
     ["23:11: ram[1].base: must be a hexadecimal address, got 20030000 (hint: write 0x131a230)"]),
    (L4R5, "base: 0x20030000", "base: 0x20030010",
     ["23:11: ram[1].base: must be a multiple of 0x400 (1 KiB), got 0x20030010"]),
    (L4R5, "base: 0x20030000", "base: 0x120030000",
     ['23:11: ram[1].base: is beyond a 32-bit address space, got "0x120030000"']),
    (L4R5, "base: 0x20030000", "base: 0xFFFF8000",
     ["23:11: ram[1].base: SRAM2 ends at 0x100008000, beyond a 32-bit address space"]),
    (L4R5, "base: 0x20030000", "base: 0xDFFFF000",
     ["23:11: ram[1].base: SRAM2 reaches the core's registers at 0xE0000000"]),
    (L4R5, "base: 0x20030000", "base: 0x08100000",
     ["23:11: ram[1].base: SRAM2 at 0x08100000 overlaps FLASH, which ends at 0x08200000"]),
    (L4R5, "base: 0x20030000", "base: 0x2002FC00",
     ["23:11: ram[1].base: SRAM2 at 0x2002FC00 overlaps SRAM1, which ends at 0x20030000"]),
    (L4R5, "aliases: [0x10000000]", "aliases: [0x08000000]",
     ["28:15: ram[1].aliases[0]: SRAM2 at 0x08000000 overlaps FLASH, which ends at 0x08200000"]),
    (L4R5, "name: SRAM2", "name: SRAM1",
     ["22:11: ram[1].name: SRAM1 is already the name of ram[0]"]),
    (L4R5, "name: SRAM2", "name: FLASH",
     ["22:11: ram[1].name: FLASH is already the name of flash[0]"]),
    (L4R5, "name: SRAM2", "name: SRAM 2",
     ['22:11: ram[1].name: must be letters, digits and _, got "SRAM 2"']),
    (L4R5, "core: cortex-m4f", "core: cortex-m44f",
     ['5:7: core: unknown core "cortex-m44f" (hint: did you mean "cortex-m4f"?)']),
    (L4R5, "clock: 120 MHz", "clock: 120000000",
     ['6:8: clock: needs a unit, got 120000000 (hint: write "120 MHz")']),
    (L4R5, "clock: 120 MHz", "clock: 120 MHZ",
     ['6:8: clock: must be a frequency, got "120 MHZ" (hint: write for example "64 MHz")']),
    (L4R5, "clock: 120 MHz", "clock: 0 MHz",
     ['6:8: clock: must be a whole number of Hz below 4.29 GHz, got "0 MHz"']),
    (L4R5, "wait_states: 5", "wait_states: -5",
     ["12:18: flash[0].wait_states: must be greater than or equal to 0, got -5"]),
    (L4R5, "wait_states: 5", "wait_states: five",
     ['12:18: flash[0].wait_states: must be a whole number, got "five"']),
    (L4R5, "usb_bridge: true", "usb_bridge: yes",
     ['40:15: console.usb_bridge: must be true or false, got "yes"']),
    (L4R5, "title: NUCLEO-L4R5ZI", "title: 2024",
     ["2:8: title: must be text, got 2024 (hint: put it in quotes)"]),
    (L4R5, "title: NUCLEO-L4R5ZI", 'title: "\\e[2J"',
     ["2:8: contains a character that cannot be printed"]),
    (L4R5, "name: nucleo_l4r5zi", "name: NUCLEO",
     ['1:7: name: must be lower-case letters, digits, _ and -, got "NUCLEO"']),
    (L4R5, "vendor: STMicroelectronics\n", "", ["1:1: vendor: is missing"]),
    (L4R5, "vendor:", "title:",
     ["1:1: vendor: is missing", "3:1: title: is written twice, first in line 2"]),
    (L4R5, "ram[2].dma", "ram[3].dma",
     ['61:5: unverified[8]: no fact "ram[3].dma" in this file (hint: did you mean "ram[2].dma"?)']),
    (L4R5, "ram[2].dma", "nothing",
     ['61:5: unverified[8]: no fact "nothing" in this file'
      " (hint: write for example flash[0].wait_states)"]),
    (L4R5, "    data: true\n", "    data: false\n",
     ["16:3: ram: no bank has data: true, so no program could run"]),
    (L4R5, "\nram:\n", "\nrom:\n",
     ["1:1: ram: is missing",
      '15:1: rom: unknown key (hint: did you mean "ram"?)']),
    (L4R5, "sources:\n", "sources: []\nsource:\n",
     ["43:10: sources: must not be empty",
      '44:1: source: unknown key (hint: did you mean "sources"?)']),
    (L4R5, "clock: ", "clock:\t",
     ["6:7: not valid YAML: found character '\\t' that cannot start any token"
      " (hint: indent with spaces, not tabs)"]),
    (L4R5, "    size: 64 KiB", "\tsize: 64 KiB",
     ["24:1: not valid YAML: found character '\\t' that cannot start any token"
      " (hint: indent with spaces, not tabs)"]),
    (L4R5, "core: cortex-m4f", "core: &c cortex-m4f",
     ["5:7: anchors and aliases are not accepted (hint: write the value out)"]),
    (L4R5, "\nram:", "\n---\nram:",
     ["15:1: a second document starts (hint: one file holds one document)"]),
    (NRF52, "flash: 152 KiB", "flash: 513 KiB",
     ["34:12: reserves.softdevice-s132.flash: takes 525,312 B, the board has 524,288 B"]),
    (NRF52, "ram: 13.5 KiB", "ram: 13.3 KiB",
     ['35:10: reserves.softdevice-s132.ram: "13.3 KiB" is not a whole number of bytes']),
    (NRF52, "softdevice-s132:", "SoftDevice S132:",
     ["32:3: reserves.SoftDevice S132: must be lower-case letters, digits and -,"
      ' got "SoftDevice S132"']),
    (NRF52, "address: 0x40002000", "adress: 0x40002000",
     ["26:3: console.address: is missing",
      '27:3: console.adress: unknown key (hint: did you mean "address"?)']),
    (PSOC, "size: 2 KiB", "size: 2046 B",
     ["38:11: reserved[2].size: must be a multiple of 4 B, got 2,046 B"
      " (hint: write 2044 B or 2048 B)"]),
    (PSOC, "size: 2 KiB", "size: 3 B",
     ["38:11: reserved[2].size: must be a multiple of 4 B, got 3 B (hint: write 4 B)"]),
    (PSOC, "size: 2 KiB", "size: 0 B", ["38:11: reserved[2].size: must not be zero"]),
    (PSOC, "size: 2 KiB", "size: 2052 B",
     ["38:11: reserved[2].size: SYSTEM_RAM ends at 0x08048004, beyond SRAM,"
      " which ends at 0x08048000"]),
    (PSOC, "0x08047800", "0x08047802",
     ["37:11: reserved[2].base: must be a multiple of 4, got 0x08047802"]),
    (PSOC, "0x08047800", "0x08048000",
     ["37:11: reserved[2].base: SYSTEM_RAM at 0x08048000 lies in no bank"]),
    (PSOC, "0x08047800", "0x08001FFC",
     ["37:11: reserved[2].base: SYSTEM_RAM at 0x08001FFC overlaps CM0P_RAM,"
      " which ends at 0x08002000"]),
    (PSOC, "name: SYSTEM_RAM", "name: CM0P_RAM",
     ["36:11: reserved[2].name: CM0P_RAM is already the name of reserved[1]"]),
    (PSOC, "    what: RAM of the Cortex-M0+\n", "", ["31:5: reserved[1].what: is missing"]),
    (PSOC, "\nreserved:", "\nreserve:",
     ['25:1: reserve: unknown key (hint: did you mean "reserves"?)']),
    (PSOC, "base: 0x08000000\n    size: 8 KiB", "base: 0x08000000\n    size: 286 KiB",
     ["26:3: reserved: leaves no RAM for data"]),
    (PSOC, "base: 0x10000000\n    size: 8 KiB", "base: 0x10000000\n    size: 1 MiB",
     ["26:3: reserved: leaves no flash for an image"]),
    (K64F, "joins: false", "joins: no", ['30:12: ram[1].joins: must be true or false, got "no"']),
    (K64F, "base: 0x20000000", "base: 0x20000400",
     ["30:12: ram[1].joins: no bank ends at 0x20000400, so there is none to join"]),
    (K64F, "joins: false", "setup: false",
     ["30:12: ram[1].setup: must be text, got false (hint: put it in quotes)"]),
    (K64F, "joins: false", "set-up: enable it",
     ['30:5: ram[1].set-up: unknown key (hint: did you mean "setup"?)']),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(BY_HAND)))
def test_each_damage_has_its_line(case: int, here: Path) -> None:
    board, old, new, expected = BY_HAND[case]
    text = board.decode()
    assert old in text
    assert problems(text.replace(old, new), here) == [f"bad.yaml:{line}" for line in expected]


def test_all_problems_come_at_once_in_the_order_of_the_file(here: Path) -> None:
    text = L4R5.decode()
    for old, new in (
        ("name: nucleo_l4r5zi", "name: L4"),
        ("core: cortex-m4f", "core: cortex-m44"),
        ("size: 2 MiB", "size: 2097152"),
        ("base: 0x20030000", "base: 0x20020000"),
        ("size: 384 KiB", "size: 384 kB"),
        ("address: 0x40008000", "address: 1073774592"),
        ("  - ram[1].code\n", "  - ram[1].codes\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    places = [line.split(": ")[1] for line in problems(text, here)]
    assert places == [
        "name", "core", "flash[0].size", "ram[1].base", "ram[2].size", "console.address",
        "unverified[4]",
    ]  # fmt: skip


# --- seeded: structured mutations and random bytes ---


def test_there_are_a_thousand() -> None:
    assert len(DAMAGES) * EACH >= 1_000


@pytest.mark.parametrize("damage", DAMAGES)
def test_seeded_damage_is_a_board_or_problems(damage: str, here: Path) -> None:
    refused = 0
    for seed in range(EACH):
        board = [NANO, NRF52, L4R5, PSOC, K64F][seed % 5]
        content = DAMAGES[damage](board, Random(f"{damage} {seed}"))
        lines = problems(content, here)
        refused += bool(lines)
        check_lines(lines, 400, (damage, seed))
    assert refused >= EACH // 3  # the damage is real


def test_every_line_points_into_the_file(here: Path) -> None:
    for seed in range(60):
        content = odd_value(L4R5, Random(seed))
        check_places(problems(content, here), content, seed)


# --- the real command ---

THROUGH_THE_COMMAND: list[bytes] = [
    b"",
    b"\0",
    b"\xff\xfe" + "name: x".encode("utf-16-le"),
    b"[" * 100_000,
    b"a: &a [x, x]\nb: [*a, *a]\n",
    b"- 1\n",
    b"!!python/object/apply:os.system [exit]\n",
    b"name: x\n---\nname: y\n",
    b"name: \x1b[2J\n",
    b"#" * 1_000_001,
    L4R5[:100],
    L4R5[:700],
    L4R5.replace(b"KiB", b""),
    L4R5.replace(b"0x", b""),
    L4R5.replace(b"cortex-m4f", b"cortex-m9f"),
    L4R5.replace(b"SRAM2", b"SRAM1"),
    L4R5.replace(b"data: true", b"data: maybe"),
    L4R5.replace(b"0x20030000", b"0x20000000"),
    L4R5.replace(b"  - ram[0].data", b"  - ram[9].data"),
    L4R5.replace(b"sources:", b"source:"),
    NANO.replace(b"    ", b"\t"),
    NRF52.replace(b"13.5 KiB", b"13.5 GiB"),
    NRF52.replace(b"name: RAM", b"name: [[[[[[[[[[[[[[[[[[[[[[[[[[["),
]


def run_lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip


def assert_refused(done: subprocess.CompletedProcess[str], code: int = 3) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    for line in done.stderr.splitlines():
        assert "bad.yaml" in line
        assert line.isprintable()


@pytest.mark.parametrize("case", range(len(THROUGH_THE_COMMAND)))
def test_the_command_refuses_with_exit_code_3(case: int, here: Path) -> None:
    (here / "bad.yaml").write_bytes(THROUGH_THE_COMMAND[case])
    assert_refused(run_lab("boards", "validate", "bad.yaml"))


def test_the_command_refuses_what_is_no_file(here: Path) -> None:
    assert_refused(run_lab("boards", "validate", "bad.yaml"))
    assert_refused(run_lab("boards", "show", "./bad.yaml"))
    (here / "bad.yaml").mkdir()
    assert_refused(run_lab("boards", "validate", "bad.yaml"))
    (here / "bad.yaml").rmdir()
    os.mkfifo(here / "bad.yaml")
    assert_refused(run_lab("boards", "validate", "bad.yaml"))


def test_the_command_accepts_good_files_beside_bad_ones(here: Path) -> None:
    (here / "good.yaml").write_bytes(NANO)
    (here / "bad.yaml").write_bytes(NANO.replace(b"1 MiB", b"1 MB"))
    done = run_lab("boards", "validate", "good.yaml", "bad.yaml")
    assert (done.returncode, done.stdout) == (3, "good.yaml: ok\n")
    assert 'bad.yaml:11:11: flash[0].size: ambiguous unit "MB" (hint: write MiB' in done.stderr
    done = run_lab("boards", "validate", "good.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "good.yaml: ok\n", "")
