"""Generated platform descriptions: their form, what they hold, and that they hold nothing else.

That Renode takes them is not shown here: nothing was run on Renode.
"""

from __future__ import annotations

import re
import string
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repl_grammar import KEYWORDS, Entry, Name, Place, Range, ReplError, parse
from support import ROOT, Golden

from lab.board import Board, board_names, load_board
from lab.cores import CORES, Core
from lab.engines.base import Region
from lab.engines.renode import monitor
from lab.engines.renode.platform import Platform, memory_names, memory_repl, mips, repl
from lab.engines.renode.versions import (
    Difference,
    Generation,
    cpu_type,
    generation_in,
    known_differences,
)
from lab.errors import UsageError
from lab.jobs.renode_export import board_files

GOLDEN = ROOT / "tests" / "golden" / "renode"
# M0+ with a reserved area; M3; M4F, console of Nordic, alias; M4F with dummy banks; M33F, aliases,
# low-power port; M7, alias; M7FD without console, with a reserved area; M4F, another console.
SHOWN = (
    "rpi_pico", "stm32f103_bluepill", "nrf52840dk", "nucleo_f446re", "nucleo_l552ze_q",
    "stm32f746g_disco", "mimxrt1060_evk", "frdm_k64f",
)  # fmt: skip
EVERY = [(name, generation) for name in board_names() for generation in Generation]
M4F = CORES["cortex-m4f"]

# Constructors and properties with their types, as Renode's sources have them.
TYPES: dict[str, tuple[dict[str, type], dict[str, type]]] = {
    "CPU.CortexM": ({"cpuType": str, "nvic": Name}, {"PerformanceInMips": int}),
    "CPU.SemihostingHandler": ({}, {}),
    "IRQControllers.NVIC": ({"systickFrequency": int, "priorityMask": int}, {}),
    "Memory.MappedMemory": ({"size": int}, {}),
    "Miscellaneous.DWT": ({"frequency": int}, {}),
    "UART.CMSDK_APB_UART": ({"frequency": int}, {}),
    "UART.K6xF_UART": ({}, {}),
    "UART.NRF52840_UART": ({"easyDMA": bool}, {}),
    "UART.PL011": ({}, {}),
    "UART.SAMD5_UART": ({}, {}),
    "UART.STM32F7_USART": ({"frequency": int, "lowPowerMode": bool}, {}),
    "UART.STM32_UART": ({"frequency": int}, {}),
    "UART.SemihostingUart": ({}, {}),
}
NEEDED = {
    "CPU.CortexM": {"cpuType", "nvic"},
    "Memory.MappedMemory": {"size"},
    "Miscellaneous.DWT": {"frequency"},
    "UART.STM32F7_USART": {"frequency"},
}
CPU_TYPES = {"cortex-m0", "cortex-m0+", "cortex-m1", "cortex-m3", "cortex-m4", "cortex-m7",
             "cortex-m23", "cortex-m33", "cortex-m55", "cortex-m85"}  # fmt: skip
# Bytes that a model says it takes (IKnownSize); None: it says nothing, and needs a range.
SIZES = {
    "IRQControllers.NVIC": 0x1000,
    "Miscellaneous.DWT": 0x1000,
    "UART.CMSDK_APB_UART": 0x1000,
    "UART.K6xF_UART": 0x1000,
    "UART.NRF52840_UART": 0x1000,
    "UART.PL011": 0x1000,
    "UART.SAMD5_UART": 0x100,
    "UART.STM32F7_USART": 0x400,
    "UART.STM32_UART": None,
}


def board_repl(board: Board, generation: Generation) -> str:
    return board_files(board, None, generation)[f"{board.name}.repl"].decode()


def extents(entries: dict[str, Entry]) -> list[tuple[int, int, str]]:
    found = []
    for entry in entries.values():
        for on, place in entry.points:
            if place is None:
                continue
            assert on == "sysbus"
            start, size = extent(entry, place)
            found.append((start, start + size, entry.name))
    return sorted(found)


def extent(entry: Entry, place: Place) -> tuple[int, int]:
    """Address and size; a range stands where the model does not say its size, and only there."""
    size = entry.parameters.get("size") or SIZES[entry.type]
    if isinstance(place, Range):
        assert size is None, f"{entry.name}: a range, though {entry.type} knows its size"
        return place.start, place.size
    assert isinstance(size, int), f"{entry.name}: {entry.type} needs a range"
    return place, size


@pytest.mark.parametrize("generation", Generation)
@pytest.mark.parametrize("name", SHOWN)
def test_files_are_those_that_were_read(name: str, generation: Generation, golden: Golden) -> None:
    for file, data in board_files(load_board(name), None, generation).items():
        golden.check(data.decode(), GOLDEN / str(generation) / file)


@pytest.mark.parametrize(("name", "generation"), EVERY)
def test_every_board_makes_a_sound_description(name: str, generation: Generation) -> None:
    entries = parse(board_repl(load_board(name), generation))
    known = {*entries, "sysbus"}
    for entry in entries.values():
        parameters, properties = TYPES[entry.type]
        for given_, allowed in ((entry.parameters, parameters), (entry.properties, properties)):
            for key, value in given_.items():
                assert type(value) is allowed[key], f"{entry.name}.{key}"
                assert not isinstance(value, Name) or value.name in known
        assert NEEDED.get(entry.type, set()) <= entry.parameters.keys(), entry.name
        assert {on for on, _ in entry.points} | {to for to, _ in entry.interrupts} <= known
    ends = extents(entries)
    for (_, end, first), (start, _, second) in pairwise(ends):
        assert end <= start, f"{first} overlaps {second}"


@pytest.mark.parametrize(("name", "generation"), EVERY)
def test_memory_is_the_boards_and_nothing_else(name: str, generation: Generation) -> None:
    board = load_board(name)
    entries = parse(board_repl(board, generation))
    memories = [e for e in entries.values() if e.type == "Memory.MappedMemory"]
    written = {
        (tuple(at for _, at in entry.points), entry.parameters["size"])
        for entry in memories
        if entry.name not in {"itm", "dwt", "fpb"}
    }
    assert written == {((b.base, *b.aliases), b.size) for b in (*board.flash, *board.ram)}
    for entry in memories:
        for value in (entry.parameters["size"], *(at for _, at in entry.points)):
            assert isinstance(value, int)
            assert value % 1024 == 0


@pytest.mark.parametrize(("name", "generation"), EVERY)
def test_core_and_clock_are_the_boards(name: str, generation: Generation) -> None:
    board = load_board(name)
    entries = parse(board_repl(board, generation))
    cpu, nvic, dwt = entries["cpu"], entries["nvic"], entries["dwt"]
    assert cpu.parameters == {"cpuType": cpu_type(CORES[board.core]), "nvic": Name("nvic")}
    assert cpu.parameters["cpuType"] in CPU_TYPES
    assert cpu.properties == {"PerformanceInMips": board.clock_hz // 1_000_000}
    assert nvic.parameters["systickFrequency"] == board.clock_hz
    assert nvic.parameters["priorityMask"] == (0xFF if CORES[board.core].has_cyccnt else 0xC0)
    assert nvic.interrupts == [("cpu", 0)]
    assert dwt.points == [("sysbus", 0xE0001000)]
    assert dwt.parameters.get("frequency", board.clock_hz) == board.clock_hz
    assert (dwt.type == "Miscellaneous.DWT") is CORES[board.core].has_cyccnt


@pytest.mark.parametrize("name", board_names())
def test_console_lies_where_the_board_has_it(name: str) -> None:
    board = load_board(name)
    text = board_repl(board, Generation.MASTER)
    console = parse(text).get("console")
    if console:
        assert board.console
        ((on, place),) = console.points
        assert place is not None
        assert (on, extent(console, place)[0]) == ("sysbus", board.console.address)
        assert not console.interrupts
    else:
        assert "\n// No console: " in text
    assert board.console is None or board.console.name in text.split("semihosting_uart:")[1]


def test_which_consoles_have_a_model() -> None:
    found: dict[str, set[str]] = {}
    for name in board_names():
        console = parse(board_repl(load_board(name), Generation.MASTER)).get("console")
        found.setdefault(console.type if console else "none", set()).add(name)
    assert found["UART.NRF52840_UART"] == {
        "arduino_nano33ble_sense", "nrf52840dk", "nrf52dk", "nrf5340dk_cpuapp", "nrf9160dk",
    }  # fmt: skip
    assert found["UART.K6xF_UART"] == {"frdm_k64f", "frdm_k66f"}
    assert found["UART.CMSDK_APB_UART"] == {"mps2_an386"}
    assert found["UART.PL011"] == {"rpi_pico", "rpi_pico2"}
    assert found["UART.SAMD5_UART"] == {"same54_xpro"}
    assert found["UART.STM32_UART"] == {
        "nucleo_f411re", "nucleo_f446re", "stm32f103_bluepill", "stm32f429i_disc1",
        "stm32f469i_disco", "stm32f4_discovery",
    }  # fmt: skip
    newer = {name for name in board_names() if re.match("(nucleo|b_|stm32)", name)}
    assert found["UART.STM32F7_USART"] == newer - found["UART.STM32_UART"]


def test_semihosting_has_the_form_of_the_generation() -> None:
    board = load_board("nrf52dk")
    old, new = (parse(board_repl(board, generation)) for generation in Generation)
    assert "semihosting" not in old
    assert old["semihosting_uart"].points == [("cpu", None)]
    assert new["semihosting"].points == [("cpu", None)]
    assert new["semihosting_uart"].points == [("semihosting", None)]


def test_reserved_areas_are_told() -> None:
    for name in board_names():
        board = load_board(name)
        told = re.findall(r"// Not the application's: (\w+),", board_repl(board, Generation.V1_16))
        assert sorted(told) == sorted(area.name for area in board.reserved)


@pytest.mark.parametrize("core", CORES.values(), ids=list(CORES))
@pytest.mark.parametrize("generation", Generation)
def test_every_known_difference_is_told(core: Core, generation: Generation) -> None:
    text = repl(Platform(core, (), 100_000_000), generation)
    differences = known_differences(core, generation)
    assert all(f"// - {d.about}: {d.what}\n" in text for d in differences)
    assert all(d.source for d in differences)


def test_differences_are_those_of_the_generation() -> None:
    old, new = ({d.about: d for d in known_differences(M4F, g)} for g in Generation)
    assert old.keys() - new.keys() == {"faults"}
    assert not new.keys() - old.keys()
    assert {about for about in new if new[about] != old[about]} == {"divide"}
    assert "FilterCcrDiv0Write" in new["divide"].what
    assert "instructions" in {
        d.about for d in known_differences(CORES["cortex-m0plus"], Generation.MASTER)
    }


def test_the_table_in_the_docs_is_the_real_one(golden: Golden) -> None:
    cores: dict[Difference, list[str]] = {}
    for core in CORES.values():
        both = (known_differences(core, generation) for generation in Generation)
        for one in dict.fromkeys(difference for each in both for difference in each):
            cores.setdefault(one, []).append(core.name)
    of = {generation: set(known_differences(M4F, generation)) for generation in Generation}
    only = {
        one: str(generation)
        for generation in Generation
        for one in of[generation].difference(*(of[g] for g in Generation if g != generation))
    }
    rows = ["", "| about | cores | versions | what | read in |", "| --- | --- | --- | --- | --- |"]
    for one, names in cores.items():
        which = "all" if len(names) == len(CORES) else ", ".join(names)
        version = only.get(one, "both")
        rows.append(f"| {one.about} | {which} | {version} | {one.what} | {one.source} |")
    path = ROOT / "docs" / "renode.md"
    table = "\n".join(rows)
    begin, end = "<!-- differences -->", "<!-- end of differences -->"
    pattern = re.compile(f"({begin}\n).*?({end})", re.DOTALL)
    golden.check(pattern.sub(lambda m: f"{m[1]}{table}\n\n{m[2]}", path.read_text()), path)


@pytest.mark.parametrize(
    ("clock", "rate", "told"),
    [
        (100_000_000, 100, "One instruction takes one cycle."),
        (64_000_000, 64, "in ns, is exact every 8 instructions."),
        (133_000_000, 133, "in ns, is exact every 133 instructions."),
        (32_768, 1, "one instruction takes 0.0328 cycles."),
        (6_500_000, 6, "one instruction takes 1.08 cycles."),
    ],
)
def test_what_the_clock_means_for_time_is_told(clock: int, rate: int, told: str) -> None:
    text = repl(Platform(M4F, (), clock), Generation.MASTER)
    assert mips(clock) == rate
    assert parse(text)["cpu"].properties["PerformanceInMips"] == rate
    assert told in text


@pytest.mark.parametrize(
    ("region", "what"),
    [
        (Region("RAM", 0x20000000, 1000, True, False), "0x3E8"),
        (Region("RAM", 0x20000200, 1024, True, False), "0x20000200"),
        (Region("RAM", 0x20000000, 1024, True, False, (0x10000001,)), "0x10000001"),
        (Region("RAM", 0x20000000, 0, True, False), "has no size"),
    ],
)
def test_memory_that_renode_cannot_map_is_refused(region: Region, what: str) -> None:
    whole = Region("FLASH", 0, 1024, False, True)
    with pytest.raises(UsageError, match=f"^RAM: .*{what}"):
        repl(Platform(M4F, (whole, region), 100_000_000), Generation.V1_16)
    with pytest.raises(UsageError, match=f"^RAM: .*{what}"):
        memory_repl((region,), (region,), "more")


ODD = st.text(string.ascii_letters + string.digits + string.punctuation + " äß", max_size=12)


@given(
    st.lists(ODD | st.sampled_from(sorted({*KEYWORDS, "cpu", "NVIC", "Console", ""})), unique=True)
)
def test_odd_names_make_a_sound_description(names: list[str]) -> None:
    regions = tuple(
        Region(name, 0x20000000 + 1024 * index, 1024, True, False)
        for index, name in enumerate(names)
    )
    for generation in Generation:
        text = repl(Platform(M4F, regions, 100_000_000), generation)
        entries = parse(text)
        made = memory_names(regions)
        assert len(set(made.values())) == len(names)
        for region in regions:
            assert entries[made[region.name]].points == [("sysbus", region.base)]


@given(st.text(max_size=40))
def test_no_title_or_note_breaks_out_of_its_comment(text: str) -> None:
    region = Region("RAM", 0x20000000, 1024, True, False)
    notes = {"RAM": (text,), "console": (text,)}
    plain = parse(repl(Platform(M4F, (region,), 100_000_000), Generation.V1_16))
    platform = Platform(M4F, (region,), 100_000_000, title=text, notes=notes)
    assert parse(repl(platform, Generation.V1_16).encode("ascii", "replace").decode()) == plain


def test_the_reader_knows_ranges() -> None:
    text = "uart: UART.STM32_UART @ { sysbus <0x40004400, +0x100>; sysbus 0x0 }"
    assert parse(text)["uart"].points == [("sysbus", Range(0x40004400, 0x100)), ("sysbus", 0)]


@pytest.mark.parametrize(
    ("version", "generation"),
    [
        ("1.16.1", Generation.V1_16),
        ("1.16.0", Generation.V1_16),
        ("Renode v1.16.1.12345", Generation.V1_16),
        ("1.16.1+20260821git06854d4d, behaves as master", Generation.MASTER),
        ("1.16.1, behaves as 1.16.1", Generation.V1_16),
        ("1.17.0", Generation.MASTER),
        ("1.17.0, behaves as 1.16.1", Generation.V1_16),
        ("2.0.0", Generation.MASTER),
        ("unknown, behaves as 1.16.1", Generation.V1_16),
        ("unknown", Generation.MASTER),
        ("", Generation.MASTER),
    ],
)
def test_which_generation_a_version_names(version: str, generation: Generation) -> None:
    assert generation_in(version) is generation


def test_every_kind_of_difference_is_named() -> None:
    documented = set(re.findall("``(\\w+)``", Difference.__doc__ or ""))
    known = (known_differences(core, g) for core in CORES.values() for g in Generation)
    assert documented == {difference.about for each in known for difference in each}


@pytest.mark.parametrize("name", ["a;b", "a\tb", "a\nb"])
def test_a_path_that_the_monitor_would_cut_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="Renode's monitor"):
        monitor.file(Path("out") / name)


def test_spaces_in_a_path_are_escaped() -> None:
    assert monitor.file(Path("a b/c")) == "@a\\ b/c"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cpu: CPU.CortexM @ sysbus\n  cpuType: 1",
        "cpu: CPU.CortexM @ sysbus\n\tcpuType: 1",
        "    cpuType: 1",
        "cpu CPU.CortexM @ sysbus",
        "new: CPU.CortexM @ sysbus",
        "1ram: Memory.MappedMemory @ sysbus 0x0",
        "ram: Memory.MappedMemory @ sysbus 0x0 0x1",
        "uart: UART.STM32_UART @ sysbus <0x0, +0x100",
        "uart: UART.STM32_UART @ sysbus <0x0>",
        "uart: UART.STM32_UART @ sysbus <0x0,+0x100>",
        "uart: UART.STM32_UART @ <0x0, +0x100>",
        "ram: Memory.MappedMemory @ { sysbus 0x0; sysbus 0x1",
        "ram: Memory.MappedMemory @ sysbus 0x0\n    size: 0x",
        "ram: Memory.MappedMemory @ sysbus 0x0\n    size: 1\n    size: 2",
        "ram: Memory.MappedMemory @ sysbus 0x0\nram: Memory.MappedMemory @ sysbus 0x0",
        'cpu: CPU.CortexM @ sysbus\n    cpuType: "x',
    ],
)
def test_the_reader_refuses_what_is_no_description(text: str) -> None:
    with pytest.raises(ReplError):
        parse(text)
