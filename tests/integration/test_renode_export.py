"""``lab renode export``: the real command, and what its script does to an image of the lab's.

The script's effect is shown on the other engine: nothing was run on Renode.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from pathlib import Path

import pytest
from repl_grammar import parse
from support import ROOT, lab, no_traceback

from lab.board import load_board
from lab.elf import Image, Segment, Symbol, read_elf
from lab.engines.base import Machine, StopReason
from lab.engines.registry import create
from lab.engines.renode.versions import Generation
from lab.errors import InputError
from lab.jobs.plan import real_machine
from lab.jobs.renode_export import board_files
from lab.zoo import model_path

BOARD = "nrf52dk"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "tiny.elf"
    ran = lab("build", model_path("tiny_float"), "-b", BOARD, "-o", path)
    assert ran.code == 0, ran.err
    return path


def test_writes_files_and_how_to_run_them(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "place with spaces"
    ran = lab("renode", "export", BOARD, "-o", folder)
    assert ran.code == 0, ran.err
    *paths, command = ran.out.splitlines()
    assert paths == [f"{folder}/{BOARD}.repl", f"{folder}/{BOARD}.resc"]
    assert sorted(map(str, folder.iterdir())) == paths
    words = shlex.split(command.removeprefix("run: "))
    assert words[:4] == ["renode", "--console", "--disable-gui", "-e"]
    escaped = str(folder).replace(" ", "\\ ")
    assert words[4:] == [f"$bin=@firmware.elf; i @{escaped}/{BOARD}.resc"]


@pytest.mark.parametrize("generation", Generation)
def test_same_bytes_wherever_they_are_written(
    generation: Generation, image: Path, tmp_path: Path
) -> None:
    written = []
    for place in ("a", "b"):
        options = ("--elf", image, "--renode-version", generation, "-o", place)
        ran = lab("renode", "export", BOARD, *options, cwd=tmp_path)
        assert ran.code == 0, ran.err
        written.append({path.name: path.read_bytes() for path in (tmp_path / place).iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {
        f"{BOARD}.repl", f"{BOARD}_lab.repl", f"{BOARD}.resc", f"{BOARD}.elf"
    }  # fmt: skip
    assert written[0].pop(f"{BOARD}.elf") == image.read_bytes()
    for data in written[0].values():
        assert str(tmp_path).encode() not in data
        assert str(ROOT).encode() not in data


def test_a_board_file_of_ones_own(tmp_path: Path) -> None:
    text = (ROOT / "platforms" / f"{BOARD}.yaml").read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(text.replace(f"name: {BOARD}", "name: my-board").replace("64 MHz", "48 MHz"))
    ran = lab("renode", "export", mine, "-o", tmp_path)
    assert ran.code == 0, ran.err
    entries = parse((tmp_path / "my-board.repl").read_text())
    assert entries["cpu"].properties == {"PerformanceInMips": 48}
    assert 'mach create "my-board"' in (tmp_path / "my-board.resc").read_text()


def test_what_a_script_names_is_there_in_time(image: Path, tmp_path: Path) -> None:
    assert lab("renode", "export", BOARD, "--elf", image, "-o", tmp_path).code == 0
    script = (tmp_path / f"{BOARD}.resc").read_text()
    lines = [line.strip() for line in script.splitlines() if line and not line.startswith("#")]
    for line in lines:
        if line.startswith("machine LoadPlatformDescription"):
            assert (tmp_path / line.rsplit("/", 1)[1]).is_file()
    given = {match[1] for line in lines if (match := re.match(r"\$(\w+)\?=", line))}
    used = set(re.findall(r"\$(\w+)", script.replace("$ORIGIN", "")))
    assert used == given | {"reset"}
    first = {
        word: next(at for at, line in enumerate(lines) if word in line)
        for word in ("mach create", "LoadPlatform", "SetGlobalQuantum", "SetSeed", "LoadELF",
                     "VectorTableOffset", "runMacro", "AddHook")
    }  # fmt: skip
    assert list(first.values()) == sorted(first.values())
    assert lines[-1] == "start"
    assert script.count('"""') == 2


def test_symbols_and_window_of_a_lab_image(image: Path) -> None:
    elf = read_elf(image)
    files = board_files(load_board(BOARD), elf, Generation.MASTER)
    script = files[f"{BOARD}.resc"].decode()
    named = re.findall(r'GetSymbolAddress "(\w+)"', script)
    assert named == ["vector_table", "lab_end"]
    assert re.search("^# .*ExecutedInstructions .*executed before it", script, re.MULTILINE)
    assert set(named) <= elf.symbols.keys()
    (window,) = parse(files[f"{BOARD}_lab.repl"].decode()).values()
    assert window.parameters == {"size": 16 << 10}
    assert window.points == [("sysbus", elf.symbols["lab_mailbox"].address)]


@pytest.mark.parametrize("board_name", [BOARD, "stm32f103_bluepill", "nucleo_g0b1re"])
def test_the_script_starts_an_image_rightly(board_name: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.elf"
    assert lab("build", model_path("tiny_float"), "-b", board_name, "-o", path).code == 0
    board, elf = load_board(board_name), read_elf(path)
    script = board_files(board, elf, Generation.V1_16)[f"{board_name}.resc"].decode()
    values = dict(re.findall(r"^\$(\w+)\?=(\w+)$", script, re.MULTILINE))
    engine = create("unicorn")
    machine: Machine = real_machine(board)
    engine.load(machine, elf.segments, elf.symbols["vector_table"].address)
    words = re.findall(r"^    sysbus WriteDoubleWord (\w+) \$(\w+)$", script, re.MULTILINE)
    assert len(words) == 3
    for address, name in words:
        engine.write(int(address, 0), int(values[name], 0).to_bytes(4, "little"))
    end = elf.symbols["lab_end"].address
    stop = engine.run({end}, instructions=50_000_000, seconds=60)
    assert (stop.reason, stop.pc) == (StopReason.ADDRESS, end)
    status, used = re.findall(r"^#   sysbus ReadDoubleWord (\w+) ", script, re.MULTILINE)
    assert engine.read(int(status, 0), 4) == bytes(4)
    assert 0 < int.from_bytes(engine.read(int(used, 0), 4), "little") < int(values["arena_bytes"])


def test_other_firmware_needs_nothing_of_the_labs(image: Path) -> None:
    other = dataclasses.replace(read_elf(image), symbols={})
    files = board_files(load_board(BOARD), other, Generation.MASTER)
    assert set(files) == {f"{BOARD}.repl", f"{BOARD}.resc"}
    lines = files[f"{BOARD}.resc"].decode().splitlines()
    assert not [line for line in lines if "lab_" in line or line.startswith("cpu AddHook")]
    assert "$vectors?=0x00000000" in lines


@pytest.mark.parametrize("missing", ["__bss_end", "__stack_top", "vector_table", "lab_end"])
def test_a_lab_image_without_its_symbols_is_refused(image: Path, missing: str) -> None:
    elf = read_elf(image)
    less = {name: symbol for name, symbol in elf.symbols.items() if name != missing}
    with pytest.raises(InputError, match=f"tiny.elf: no symbol {missing} "):
        board_files(load_board(BOARD), dataclasses.replace(elf, symbols=less), Generation.MASTER)


def vectors(board_name: str, image: Image | None) -> str | None:
    """Where a script puts the vector table; None: nowhere."""
    files = board_files(load_board(board_name), image, Generation.V1_16)
    script = files[f"{board_name}.resc"].decode()
    found = re.search(r"^\$vectors\?=(\w+)$", script, re.MULTILINE)
    assert (found is not None) == ("\n    cpu VectorTableOffset $vectors\n" in script)
    return found and found[1]


def firmware(*segments: tuple[int, int], symbol: int | None = None) -> Image:
    """A firmware that is none of the lab's, of segments with address and size."""
    named = {} if symbol is None else {"vector_table": Symbol(symbol, 64, "object")}
    loaded = tuple(Segment(address, bytes(size)) for address, size in segments)
    return Image(
        name="other.elf",
        entry=0,
        segments=loaded,
        sections=(),
        symbols=named,
        named=tuple(named.items()),
        compilers=(),
        _functions=(),
        _data=b"",
    )


@pytest.mark.parametrize(
    ("board_name", "where"),
    [
        ("rpi_pico", "0x10000100"),  # flash begins with what is not the application's
        ("stm32f746g_disco", "0x08000000"),  # RAM below flash, where an empty section may be
        ("nucleo_f767zi", "0x08000000"),
        ("nucleo_h743zi", "0x08000000"),
        ("nucleo_h7a3zi_q", "0x08000000"),
        ("nucleo_f446re", None),  # Renode finds it
    ],
)
def test_the_table_is_put_where_renode_may_not_find_it(board_name: str, where: str | None) -> None:
    assert vectors(board_name, None) == where


@pytest.mark.parametrize(
    ("board_name", "image", "where"),
    [
        ("nucleo_f446re", firmware((0x20000000, 8), (0x08004000, 64)), "0x08004000"),
        ("stm32f746g_disco", firmware((0x0, 64), (0x08000000, 64)), "0x08000000"),  # code for ITCM
        ("stm32f746g_disco", firmware((0x00200000, 64)), "0x00200000"),  # flash, elsewhere
        ("frdm_k64f", firmware((0x0, 0x400), (0x400, 0x10), (0x410, 64)), "0x00000000"),
        ("rpi_pico", firmware((0x10000000, 0x100), (0x10000100, 64)), "0x10000100"),
        ("rpi_pico", firmware((0x10000000, 0x400)), "0x10000100"),
        ("rpi_pico", firmware((0x10000000, 0x400), symbol=0x10000200), "0x10000200"),
        ("rpi_pico", firmware((0x10000000, 0x400), symbol=0x20000000), "0x10000100"),  # a copy
        ("rpi_pico", firmware((0x20000000, 64)), "0x20000000"),  # all in RAM
    ],
)
def test_the_table_of_other_firmware_is_what_comes_first_in_flash(
    board_name: str, image: Image, where: str
) -> None:
    assert vectors(board_name, image) == where


def test_what_is_wrong_is_one_line(image: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for arguments, code, what in (
        (("nope", "-o", tmp_path), 2, 'no board "nope"'),
        ((BOARD, "-o", tmp_path / "file"), 2, "cannot write"),
        ((BOARD, "-o", tmp_path / "file" / "below"), 2, "cannot write"),
        ((BOARD, "--renode-version", "1.15", "-o", tmp_path), 2, "'1.15' is not one of"),
        ((BOARD,), 2, "missing: --output"),
        ((BOARD, "-o", tmp_path / "a;b"), 2, "Renode's monitor"),
        ((BOARD, "--elf", tmp_path / "none.elf", "-o", tmp_path), 3, "cannot be read"),
        ((BOARD, "--elf", tmp_path, "-o", tmp_path), 3, "is not a regular file"),
        ((BOARD, "--elf", tmp_path / "file", "-o", tmp_path), 3, "not an ELF file"),
        (("rpi_pico", "--elf", image, "-o", tmp_path), 3, "lie in no memory of rpi_pico"),
    ):
        ran = lab("renode", "export", *arguments)
        no_traceback(ran)
        assert (ran.code, len(ran.problems)) == (code, 1), ran.err
        assert what in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_old_elf_is_replaced_by_itself(image: Path, tmp_path: Path) -> None:
    own = tmp_path / f"{BOARD}.elf"
    shutil.copy(image, own)
    assert lab("renode", "export", BOARD, "--elf", own, "-o", tmp_path).code == 0
    assert own.read_bytes() == image.read_bytes()
