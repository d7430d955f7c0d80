"""Boards: the library's facts, runs of RAM, what-if sizes, the commands and the documentation."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from lab.board import (
    Area,
    Board,
    BoardFile,
    Console,
    FlashBank,
    RamBank,
    Reserve,
    Run,
    board_names,
    load_board,
    load_board_file,
)
from lab.cli import boards
from lab.cli.main import run
from lab.errors import InputError, LabError, UsageError
from lab.paths import data_dir
from lab.yaml_source import load_yaml

DOCS = Path(__file__).parents[2] / "docs" / "boards.md"
KIB = 1024


def lab_boards(*arguments: str) -> tuple[int, str, list[str]]:
    """Exit code, standard output and error lines of ``lab boards``."""
    result = CliRunner().invoke(boards.app, list(arguments))
    if isinstance(result.exception, LabError):
        return result.exception.exit_code, result.stdout, result.exception.lines()
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr.splitlines()


def board_of(*banks: tuple[str, int, int, bool]) -> Board:
    """A board with RAM banks of (name, base, size, data)."""
    ram = [
        {"name": name, "base": hex(base), "size": f"{size} B", "data": data}
        for name, base, size, data in banks
    ]
    facts = {
        "name": "b", "title": "b", "vendor": "b", "mcu": "b", "core": "cortex-m4f",
        "clock": "1 MHz", "flash": [{"name": "F", "base": "0x0", "size": "1 KiB"}],
        "ram": ram, "sources": ["b"],
    }  # fmt: skip
    return Board.model_validate(facts)


# --- the library; its figures are in test_board_facts.py ---


def test_reserves_of_the_library() -> None:
    core = load_board("arduino_nano33ble_sense").reserves["arduino-core"]
    assert (core.flash, core.ram) == (65_536, 512)
    radio = load_board("nrf52dk").reserves["softdevice-s132"]
    assert (radio.flash, radio.ram) == (155_648, 13_824)
    assert load_board("nucleo_l4r5zi").reserves == {}


def test_unverified_covers_the_parts_of_a_fact_and_nothing_that_only_looks_alike() -> None:
    board = load_board("nrf52dk").model_copy(update={"unverified": ("console", "ram[1].size")})
    assert board.is_unverified("console")
    assert board.is_unverified("console.name")
    assert not board.is_unverified("consoles")
    assert board.is_unverified("ram[1].size")
    assert not board.is_unverified("ram[11].size")
    assert not board.is_unverified("ram[1].sizes")
    assert not board.is_unverified("ram[1]")


def test_a_board_cannot_be_changed_and_can_be_sent_to_a_worker() -> None:
    board = load_board("nucleo_l4r5zi")
    with pytest.raises(ValidationError, match="frozen"):
        board.name = "other"  # type: ignore[misc]  # that it is refused is the point
    assert pickle.loads(pickle.dumps(board)) == board
    less = board.with_ram(["64K"])
    assert pickle.loads(pickle.dumps(less)) == less != board


def test_loading_needs_no_engine_and_no_command_line() -> None:
    code = (
        "import sys; from lab.board import load_board; load_board('nrf52dk');"
        "print(sorted({'unicorn', 'capstone', 'numpy', 'typer', 'rich', 'elftools'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- finding a board ---


def test_a_name_is_of_the_library_and_a_path_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (data_dir("platforms") / "nrf52dk.yaml").read_text(encoding="utf-8")
    for file in ("mine.yaml", "mine.yml", "mine"):
        Path(file).write_text(text.replace("name: nrf52dk", "name: mine", 1), encoding="utf-8")
    for path in ("mine.yaml", "mine.yml", "./mine", str(tmp_path / "mine")):
        assert load_board(path).name == "mine"
    with pytest.raises(UsageError, match='no board "mine"'):
        load_board("mine")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nrf53dk", 'no board "nrf53dk" (hint: did you mean "nrf52dk"?)'),
        ("NUCLEO-L4R5ZI",
         'no board "NUCLEO-L4R5ZI" (hint: did you mean "nucleo_l4r5zi"?)'),
        ("", 'no board "" (hint: lab boards lists them)'),
        ("a\nb", 'no board "a\\nb" (hint: lab boards lists them)'),
    ],
)  # fmt: skip
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_board(name)
    assert caught.value.lines() == [message]


def test_a_library_file_must_bear_its_boards_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (data_dir("platforms") / "nrf52dk.yaml").read_text(encoding="utf-8")
    (tmp_path / "nrf52.yaml").write_text(text, encoding="utf-8")
    assert load_board_file(str(tmp_path / "nrf52.yaml")).name == "nrf52dk"  # not the library
    monkeypatch.setattr("lab.board.data_dir", lambda _: tmp_path)
    with pytest.raises(InputError) as caught:
        load_board("nrf52")
    assert caught.value.lines() == [
        f'{tmp_path}/nrf52.yaml:1:7: name: must be the name of the file, "nrf52"'
    ]


# --- runs ---


def test_runs_merge_adjoining_data_banks_largest_first() -> None:
    board = board_of(
        ("CCM", 0x10000000, 64 * KIB, True),
        ("B", 0x20004000, 16 * KIB, True),
        ("A", 0x20000000, 16 * KIB, True),
        ("ITCM", 0x20008000, 16 * KIB, False),
        ("C", 0x2000C000, 32 * KIB, True),
    )
    assert board.runs() == (
        Run(0x10000000, 64 * KIB, ("CCM",)),
        Run(0x20000000, 32 * KIB, ("A", "B")),
        Run(0x2000C000, 32 * KIB, ("C",)),
    )
    assert board.runs()[1].end == 0x20008000
    assert board.ram_total == 128 * KIB


BANKS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 64), st.booleans()), min_size=1, max_size=8
)


def layout(parts: list[tuple[int, int, bool]]) -> list[tuple[str, int, int, bool]]:
    """Banks from (gap before, size, data), in KiB."""
    banks, address = [], 0x20000000
    for index, (gap, size, data) in enumerate(parts):
        address += gap * KIB
        banks.append((f"B{index}", address, size * KIB, data))
        address += size * KIB
    return banks


@given(BANKS, st.randoms(use_true_random=False))
def test_runs_hold_every_data_bank_once_and_never_touch(
    parts: list[tuple[int, int, bool]], random: Random
) -> None:
    banks = layout(parts)
    random.shuffle(banks)
    runs = board_of(*banks).runs()
    by_address = sorted(runs, key=lambda run: run.base)
    for low, high in pairwise(by_address):
        assert low.end < high.base
    assert sorted(name for run in runs for name in run.banks) == sorted(
        name for name, _, _, data in banks if data
    )
    assert sum(run.size for run in runs) == sum(size for _, _, size, data in banks if data)
    assert list(runs) == sorted(runs, key=lambda run: (-run.size, run.base))


# --- what if ---


@given(
    st.lists(st.integers(1, 64), min_size=1, max_size=6),
    st.integers(1, 512),
    st.sampled_from(["{} KiB", "{}K", "{} kib"]),
)
def test_a_new_size_cuts_or_grows_the_end_of_the_run(
    sizes: list[int], wanted: int, spelling: str
) -> None:
    board = board_of(*layout([(0, size, True) for size in sizes]))
    changed = board.with_ram([spelling.format(wanted)])
    (run,) = changed.runs()
    assert (run.base, run.size) == (0x20000000, wanted * KIB)
    assert len(changed.ram) <= len(board.ram)
    for old, new in zip(board.ram, changed.ram[:-1], strict=False):
        assert (new.name, new.base, new.size) == (old.name, old.base, old.size)
    assert changed.ram[-1].base == board.ram[len(changed.ram) - 1].base
    if wanted > sum(sizes):
        assert len(changed.ram) == len(board.ram)
    else:
        assert changed.ram[-1].size <= board.ram[len(changed.ram) - 1].size
    assert changed.with_ram([f"{sum(sizes)}K"]).ram_total == board.ram_total


@given(BANKS, st.integers(0, 7), st.integers(1, 128))
def test_a_new_size_of_a_bank_changes_that_bank_or_is_refused(
    parts: list[tuple[int, int, bool]], index: int, wanted: int
) -> None:
    banks = layout(parts)
    name, base, _, data = banks[index % len(banks)]
    room = [low for _, low, _, _ in banks if low > base]
    try:
        changed = board_of(*banks).with_ram([f"{name}={wanted}K"])
    except UsageError as error:
        assert "overlaps" in str(error)  # noqa: PT017  # which of the two it is depends on the data
        assert room
        assert base + wanted * KIB > min(room)
        return
    assert not room or base + wanted * KIB <= min(room)
    before = [bank for bank in banks if bank[0] != name]
    after = [(bank.name, bank.base, bank.size, bank.data) for bank in changed.ram]
    assert sorted(after) == sorted([*before, (name, base, wanted * KIB, data)])


def test_what_if_on_the_l4r5() -> None:
    board = load_board("nucleo_l4r5zi")
    assert [bank.size // KIB for bank in board.with_ram(["300K"]).ram] == [192, 64, 44]
    assert [bank.size // KIB for bank in board.with_ram(["256 KiB"]).ram] == [192, 64]
    assert [bank.size // KIB for bank in board.with_ram(["65536"]).ram] == [64]
    assert [bank.size // KIB for bank in board.with_ram(["1M"]).ram] == [192, 64, 768]
    split = board.with_ram(["SRAM2 = 32K"])
    assert [run.banks for run in split.runs()] == [("SRAM3",), ("SRAM1", "SRAM2")]
    assert split.what_if == ("SRAM2 = 32K",)
    assert board.with_ram(["SRAM3=16K", "100K"]).what_if == ("SRAM3=16K", "100K")
    assert board.with_ram([]) == board
    assert board.what_if == ()


def test_unverified_facts_follow_their_banks() -> None:
    board = board_of(
        ("A", 0x20000000, KIB, True), ("X", 0x10000000, KIB, False), ("B", 0x20000400, KIB, True)
    )
    board = board_of(*[(b.name, b.base, b.size, b.data) for b in (board.ram[2], *board.ram[:2])])
    facts = ("ram[0].data", "ram[1].size", "ram[2].code", "flash[0].size")
    board = board.model_copy(update={"unverified": facts})
    changed = board.with_ram(["1K"])  # drops B, the first in the file and the last in memory
    assert [bank.name for bank in changed.ram] == ["A", "X"]
    assert changed.unverified == ("ram[0].size", "ram[1].code", "flash[0].size")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("0", "must not be zero"),
        ("1000", "must be a multiple of 1 KiB, got 1,000 B (hint: write 1 KiB)"),
        ("1.5 KiB", "must be a multiple of 1 KiB, got 1,536 B (hint: write 1 KiB or 2 KiB)"),
        ("64 KB", 'ambiguous unit "KB" (hint: write KiB, which is 1024-based)'),
        ("lots", 'not a size: "lots" (hint: write for example "64 KiB")'),
        ("", 'not a size: "" (hint: write for example "64 KiB")'),
        ("-4K", 'not a size: "-4K" (hint: write for example "64 KiB")'),
        ("SRAM1=", 'not a size: "" (hint: write for example "64 KiB")'),
        ("=4K", 'no RAM bank "" (hint: known: SRAM1, SRAM2, SRAM3)'),
        ("SRAM4=4K", 'no RAM bank "SRAM4" (hint: did you mean "SRAM3"?)'),
        ("FLASH=4K", 'no RAM bank "FLASH" (hint: known: SRAM1, SRAM2, SRAM3)'),
        ("SRAM1=256K", "SRAM2 at 0x20030000 overlaps SRAM1, which ends at 0x20040000"),
        ("SRAM2=128K", "SRAM3 at 0x20040000 overlaps SRAM2, which ends at 0x20050000"),
        ("SRAM2=4096 MiB", "SRAM2 ends at 0x120030000, beyond a 32-bit address space"),
        ("3100M", "SRAM3 reaches the core's registers at 0xE0000000"),
        (
            "9" * 5000,
            'must be a size, got "' + "9" * 56 + '..." (hint: write for example "128 KiB")',
        ),
    ],
)
def test_what_if_sizes_that_cannot_be(override: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_board("nucleo_l4r5zi").with_ram([override])
    (line,) = caught.value.lines()
    assert line.startswith('RAM size "')
    assert line.endswith(f": {message}")


def test_a_bare_size_needs_one_run() -> None:
    board = board_of(("A", 0x20000000, KIB, True), ("CCM", 0x10000000, KIB, True))
    with pytest.raises(UsageError) as caught:
        board.with_ram(["1K"])
    assert caught.value.lines() == [
        'RAM size "1K": the RAM is not one run but CCM; A (hint: name the bank: BANK=SIZE)'
    ]
    assert board.with_ram(["A=2K"]).ram_total == 3 * KIB


# --- the commands ---


def test_the_list_is_a_table_that_fits_80_columns() -> None:
    code, out, errors = lab_boards()
    lines = out.splitlines()
    assert (code, errors) == (0, [])
    assert len(lines) == 1 + len(board_names())
    assert max(map(len, lines)) <= 80
    assert lines[0] == (
        "name                     core           MHz    flash B  RAM linear B   RAM all B"
    )
    assert (
        "nucleo_l476rg            cortex-m4f      80  1,048,576        98,304     131,072" in lines
    )


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (("--core", "cortex-m7f"), ["stm32f746g_disco"]),
        (("--core", "cortex-m7f", "--core", "cortex-m7fd", "--max-ram", "512K"),
         ["nucleo_f767zi", "nucleo_h743zi", "stm32f746g_disco", "teensy40"]),
        (("--vendor", "raspberry"), ["rpi_pico", "rpi_pico2"]),
        (("--vendor", "DEVICES"), ["max78000fthr"]),
        (("--vendor", "nordic", "--min-ram", "262144"),
         ["nrf52840dk", "nrf5340dk_cpuapp", "nrf9160dk"]),
        (("--max-ram", "20 KiB"), ["stm32f103_bluepill"]),
        (("--max-ram", "20479"), []),
        (("--min-ram", "1M", "--max-ram", "2M"), ["nucleo_h7a3zi_q"]),
        (("--core", "cortex-m4"), []),  # the lab builds for it; no board of the library has it
    ],
)  # fmt: skip
def test_filters_are_combined(filters: tuple[str, ...], names: list[str]) -> None:
    code, out, _ = lab_boards(*filters, "--json")
    assert code == 0
    assert [board["name"] for board in json.loads(out)] == names
    code, out, _ = lab_boards(*filters)
    assert code == 0
    if names:
        assert [line.split()[0] for line in out.splitlines()[1:]] == names
    else:
        assert out == "no board matches (48 in the library)\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--core", "cortex-m7d"), '--core: unknown core "cortex-m7d" (hint: did you mean '
         '"cortex-m7fd"?)'),
        (("--core", "riscv"), '--core: unknown core "riscv" (hint: known: cortex-m0plus, '
         "cortex-m3, cortex-m33f, cortex-m4, cortex-m4f, cortex-m7f, cortex-m7fd)"),
        (("--vendor", "Nordik"), '--vendor: no vendor "Nordik" (hint: did you mean "nordic"?)'),
        (("--vendor", "NXP", "show", "nrf52dk"), "filters are for the list, not for show"),
        (("--min-ram", "1", "validate", "x"), "filters are for the list, not for validate"),
    ],
)  # fmt: skip
def test_mistyped_filters(arguments: tuple[str, ...], line: str) -> None:
    assert lab_boards(*arguments) == (2, "", [line])


def test_a_filter_takes_sizes_as_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["boards", "--min-ram", "64 KB"]) == 2
    assert capsys.readouterr() == (
        "", 'lab: --min-ram: ambiguous unit "KB" (write KiB, which is 1024-based)\n'
    )  # fmt: skip


def test_the_list_as_json() -> None:
    code, out, _ = lab_boards("--json")
    assert code == 0
    assert json.loads(out)[board_names().index("nrf52dk")] == {
        "name": "nrf52dk",
        "title": "nRF52-DK (nRF52832)",
        "vendor": "Nordic Semiconductor",
        "mcu": "nRF52832_xxAA",
        "core": "cortex-m4f",
        "clock_hz": 64_000_000,
        "flash_bytes": 524_288,
        "ram_linear_bytes": 65_536,
        "ram_total_bytes": 65_536,
    }


def test_show_prints_everything_and_marks_what_is_not_verified() -> None:
    code, out, _ = lab_boards("show", "nrf52dk")
    assert code == 0
    for line in (
        "nrf52dk: nRF52-DK (nRF52832)",
        "  core    cortex-m4f",
        "  clock   64 MHz",
        "  FLASH  0x00000000-0x0007FFFF  524,288 B (512.0 KiB)",
        "    instruction cache, 2 wait states ~",
        "  RAM  0x20000000-0x2000FFFF  65,536 B (64.0 KiB)",
        "    data ~, code ~, dma ~, also at 0x00800000",
        "  data in one piece: RAM, 0x20000000-0x2000FFFF, 65,536 B (64.0 KiB)",
        "  UARTE0 at 0x40002000",
        "  on-board USB bridge ~",
        "  softdevice-s132: SoftDevice S132",
        "    RAM 13,824 B (13.5 KiB)",
        "    flash 155,648 B (152.0 KiB)",
        "~ not verified in these sources",
        "  flash[0].wait_states",
    ):
        assert line in out.splitlines()
    facts = data_dir("platforms") / "nrf52dk.yaml"
    assert lab_boards("show", str(facts))[1] == out


def test_show_prints_uses_that_are_not_possible(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    text = (data_dir("platforms") / "nrf52dk.yaml").read_text(encoding="utf-8")
    text = text.replace("    dma: true\n", "    dma: false\n").replace("  - ram[0].dma\n", "")
    text = text.replace("    code: true\n", "").replace("  - ram[0].code\n", "")
    file.write_text(text, encoding="utf-8")
    assert "    data ~, no dma, also at 0x00800000" in lab_boards("show", str(file))[1].splitlines()


@pytest.mark.parametrize("name", board_names())
def test_show_as_json_gives_every_fact(name: str) -> None:
    code, out, _ = lab_boards("show", name, "--json")
    board, facts = load_board(name), json.loads(out)
    assert code == 0
    assert facts["clock_hz"] == board.clock_hz
    assert [bank["size"] for bank in facts["ram"]] == [bank.size for bank in board.ram]
    assert facts["unverified"] == list(board.unverified)
    assert facts["sources"] == list(board.sources)
    assert facts["runs"][0]["size"] == board.runs()[0].size


def test_show_of_a_board_that_is_not_there() -> None:
    assert lab_boards("show", "nrf52d") == (
        2, "", ['no board "nrf52d" (hint: did you mean "nrf52dk"?)'],
    )  # fmt: skip


def test_validate_says_ok_or_every_problem(tmp_path: Path) -> None:
    good = str(data_dir("platforms") / "nrf52dk.yaml")
    bad = tmp_path / "bad.yaml"
    text = Path(good).read_text(encoding="utf-8")
    bad.write_text(text.replace("64 KiB", "65536").replace("mcu:", "mcu2:"), encoding="utf-8")
    assert lab_boards("validate", good) == (0, f"{good}: ok\n", [])
    assert lab_boards("validate", str(bad), good, str(tmp_path)) == (
        3,
        f"{good}: ok\n",
        [
            f"{bad}:1:1: mcu: is missing",
            f'{bad}:4:1: mcu2: unknown key (hint: did you mean "mcu"?)',
            f'{bad}:18:11: ram[0].size: needs a unit, got 65536 (hint: write "64 KiB")',
            f"{tmp_path}: is a directory (hint: give a YAML file)",
        ],
    )


def test_json_belongs_to_the_command_it_is_written_behind() -> None:
    assert lab_boards("--json", "show", "nrf52dk") == (2, "", ["--json goes after show"])


def test_the_sub_app_is_one_typer_can_mount() -> None:
    main = typer.Typer()
    main.add_typer(boards.app, name="boards")
    result = CliRunner().invoke(main, ["boards", "show", "nrf52dk"])
    assert result.exit_code == 0
    assert result.stdout == lab_boards("show", "nrf52dk")[1]


# --- a new board ---


def filled(template: str) -> str:
    """The template with the example beside each missing value filled in."""
    text, count = re.subn(
        r"^( *(?:- )?(?:\w+:|-))  # for example (.*)$", r"\1 \2", template, flags=re.M
    )
    assert count >= 9
    return text


def test_the_template_loads_once_it_is_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, template, _ = lab_boards("new", "my_board")
    assert code == 0
    Path("plain.yaml").write_text(filled(template), encoding="utf-8")
    plain = load_board("plain.yaml")
    assert (plain.name, plain.core, plain.clock_hz) == ("my_board", "cortex-m4f", 120_000_000)
    assert (plain.runs()[0].size, plain.flash_total) == (192 * KIB, 2048 * KIB)
    everything = re.sub(r"^#-", "", filled(template), flags=re.M)
    Path("all.yaml").write_text(everything, encoding="utf-8")
    board = load_board("all.yaml")
    assert board.reserved
    assert board.reserves
    assert board.unverified
    given = {place[-1] for place in load_yaml("all.yaml").values if place}
    for model in (BoardFile, FlashBank, RamBank, Area, Console, Reserve):
        assert {field.alias or name for name, field in model.model_fields.items()} <= given


def test_what_is_not_filled_in_has_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert lab_boards("new", "my_board", "-o", "new.yaml") == (0, "", [])
    code, out, problems = lab_boards("validate", "new.yaml")
    assert (code, out) == (3, "")
    what = "has no value (hint: write one or leave the key out)"
    places = [
        "title", "vendor", "mcu", "core", "clock", "flash[0].base", "flash[0].size",
        "ram[0].base", "ram[0].size", "ram[0].data", "sources[0]",
    ]  # fmt: skip
    assert [line.split(": ", 1)[1] for line in problems] == [f"{p}: {what}" for p in places]


def test_new_writes_over_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("precious", encoding="utf-8")
    assert lab_boards("new", "mine", "-o", "mine.yaml") == (
        2, "", ["mine.yaml is there already (hint: choose another file)"],
    )  # fmt: skip
    assert Path("mine.yaml").read_text(encoding="utf-8") == "precious"
    assert lab_boards("new", "mine", "-o", "no/mine.yaml") == (
        2, "", ["cannot write no/mine.yaml: No such file or directory"],
    )  # fmt: skip
    for name in ("Mine", "", "a/b", "3d"):
        code, out, (line,) = lab_boards("new", name, "-o", "other.yaml")
        assert (code, out) == (2, "")
        assert line == (
            "a board's name is lower-case letters, digits, _ and -, a letter first, "
            f"got {json.dumps(name)}"
        )
    assert not Path("other.yaml").exists()


# --- the documentation ---


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_documented_example_is_a_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_sensor.yaml").write_text(block("yaml"), encoding="utf-8")
    board = load_board("my_sensor.yaml")
    assert board.name == "my_sensor"
    assert board.reserves["our-firmware"].ram == 9 * KIB
    for line in block("sh").splitlines():
        command = line.partition("#")[0].split()
        assert command[:2] == ["lab", "boards"]
        assert lab_boards(*command[2:])[0] == 0


def test_the_documented_problems_are_the_real_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = block("yaml").replace("size: 64 KiB", "size: 65536").replace("core:", "coer:")
    Path("my_sensor.yaml").write_text(text, encoding="utf-8")
    assert lab_boards("validate", "my_sensor.yaml")[2] == block("text").splitlines()


def test_every_key_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for model in (BoardFile, FlashBank, RamBank, Area, Console, Reserve):
        for name, field in model.model_fields.items():
            assert re.search(rf"[`.]{field.alias or name}`", text), name
