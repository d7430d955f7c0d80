"""Free memory between reserved areas, banks that do not join, banks that need set-up."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.banks import (
    FLASH_ALIGNMENT,
    RAM_ALIGNMENT,
    Area,
    FlashBank,
    RamBank,
    Run,
    free_runs,
    stretches,
)
from lab.board import Board, load_board
from lab.cores import CORES
from lab.errors import UsageError
from lab.firmware import Layout, Span
from lab.jobs.plan import probe_machine, real_machine

KIB = 1024
BASE = 0x20000000


def bank(name: str, base: int, size: int, **facts: object) -> RamBank:
    return RamBank.model_validate(
        {"name": name, "base": hex(base), "size": f"{size} B", "data": True, **facts}
    )


def area(name: str, base: int, size: int) -> Area:
    return Area.model_validate(
        {"name": name, "base": hex(base), "size": f"{size} B", "what": "x", "source": "x"}
    )


def test_reserved_areas_cut_runs_and_free_memory_starts_aligned() -> None:
    banks = [bank("A", BASE, 4 * KIB), bank("B", BASE + 4 * KIB, 4 * KIB)]
    areas = [area("Y", BASE + 0x1004, 0x10), area("X", BASE, 4), area("Z", BASE + 0x1FF8, 8)]
    assert free_runs(banks, areas, RAM_ALIGNMENT) == (
        Run(BASE + 0x10, 0xFF4, ("A", "B")),  # to the byte: 0x1004 is where Y begins
        Run(BASE + 0x1020, 0xFD8, ("B",)),
    )
    (flash,) = free_runs(
        [FlashBank.model_validate({"name": "F", "base": "0x0", "size": "2 KiB"})],
        [area("CONFIG", 0x400, 16)],
        FLASH_ALIGNMENT,
    )[1:]
    assert flash == Run(0x500, 0x300, ("F",))


def test_what_alignment_leaves_nothing_of_is_no_run() -> None:
    areas = [area("X", BASE, 4), area("Y", BASE + 12, KIB - 12)]
    assert free_runs([bank("A", BASE, KIB)], areas, RAM_ALIGNMENT) == ()


def test_banks_that_do_not_join_are_two_runs() -> None:
    low, high = bank("L", BASE, 2 * KIB), bank("U", BASE + 2 * KIB, 4 * KIB, joins=False)
    last = bank("V", BASE + 6 * KIB, KIB)
    assert free_runs([last, high, low], [], RAM_ALIGNMENT) == (
        Run(BASE + 2 * KIB, 5 * KIB, ("U", "V")),
        Run(BASE, 2 * KIB, ("L",)),
    )


def test_a_run_says_what_must_be_set_up() -> None:
    on, off = bank("A", BASE, KIB), bank("B", BASE + KIB, KIB, setup="power it up")
    (run,) = free_runs([on, off], [], RAM_ALIGNMENT)
    assert run.setup == ("B: power it up",)
    assert run.needs_setup
    assert not free_runs([on], [], RAM_ALIGNMENT)[0].needs_setup
    # Only of what is left of it.
    (rest,) = free_runs([on, off], [area("X", off.base, KIB)], RAM_ALIGNMENT)
    assert rest == Run(BASE, KIB, ("A",))


def test_a_part_that_needs_less_set_up_is_a_stretch_of_its_own() -> None:
    banks = [
        bank("A", BASE, 4 * KIB),
        bank("B", BASE + 4 * KIB, KIB, setup="clock"),
        bank("C", BASE + 5 * KIB, KIB, setup="clock"),
        bank("D", BASE + 6 * KIB, 2 * KIB, joins=False),
    ]
    found = stretches(banks, [area("X", BASE, 8)], RAM_ALIGNMENT)
    clock = ("B: clock", "C: clock")
    assert found == (
        Run(BASE + 16, 6 * KIB - 16, ("A", "B", "C"), clock),
        Run(BASE + 16, 5 * KIB - 16, ("A", "B"), clock[:1]),
        Run(BASE + 16, 4 * KIB - 16, ("A",)),
        Run(BASE + 4 * KIB, 2 * KIB, ("B", "C"), clock),
        Run(BASE + 6 * KIB, 2 * KIB, ("D",)),
        Run(BASE + 4 * KIB, KIB, ("B",), clock[:1]),
        Run(BASE + 5 * KIB, KIB, ("C",), clock[1:]),
    )


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.booleans()), max_size=5),
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 300)), max_size=6),
    st.sampled_from([RAM_ALIGNMENT, FLASH_ALIGNMENT]),
)
def test_every_word_is_free_reserved_or_lost_to_alignment(
    layout: list[tuple[int, int, bool]], words: list[tuple[int, int]], alignment: int
) -> None:
    """Against a model that looks at each word of memory by itself."""
    banks, address = [], BASE
    for index, (gap, size, joins) in enumerate(layout):
        address += gap * KIB
        banks.append(bank(f"B{index}", address, size * KIB, joins=joins))
        address += size * KIB
    areas, at = [], BASE
    for index, (gap, size) in enumerate(words):
        home = next((b for b in banks if b.base <= at + 4 * gap < b.end), None)
        at += 4 * gap
        if home is None:
            continue
        areas.append(area(f"A{index}", at, min(4 * size, home.end - at)))
        at = areas[-1].end
    free = {
        word
        for b in banks
        for word in range(b.base, b.end, 4)
        if not any(a.base <= word < a.end for a in areas)
    }
    runs = free_runs(banks, areas, alignment)
    covered = [word for run in runs for word in range(run.base, run.end, 4)]
    assert len(covered) == len(set(covered))
    assert set(covered) <= free
    starts = {b.base for b in banks} | {a.end for a in areas}
    for word in free - set(covered):  # lost: before the first aligned address of its stretch
        start = max(s for s in starts if s <= word)
        assert word < -(-start // alignment) * alignment
    for run in runs:
        assert run.base % alignment == 0
        assert run.banks == tuple(b.name for b in banks if b.base < run.end and run.base < b.end)
        split = [b for b in banks if run.base < b.base < run.end]
        assert all(b.joins for b in split)
    assert list(runs) == sorted(runs, key=lambda run: (-run.size, run.base))
    for low, high in pairwise(sorted(runs, key=lambda run: run.base)):
        assert low.end <= high.base


# --- what-if sizes beside reserved areas ---


def psoc() -> Board:
    """8 KiB reserved at the start of 288 KiB, 2 KiB at the end."""
    return load_board("cy8ckit_062_ble")


@pytest.mark.parametrize(("size", "kib"), [("128K", 118), ("SRAM=64 KiB", 54), ("1M", 1014)])
def test_an_area_at_the_end_of_a_bank_stays_at_its_end(size: str, kib: int) -> None:
    board = psoc().with_ram([size])
    (run,) = board.runs()
    assert (run.base, run.size) == (0x08002000, kib * KIB)
    assert board.reserved[2].end == board.ram[0].end
    assert board.reserved[:2] == psoc().reserved[:2]
    assert board.ram_total == kib * KIB


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("9K", "SYSTEM_RAM at 0x08001C00 overlaps CM0P_RAM, which ends at 0x08002000"),
        ("4K", "CM0P_RAM ends at 0x08002000, beyond SRAM, which ends at 0x08001000"),
        ("10K", "leaves no RAM for data"),
    ],
)
def test_what_if_sizes_that_reserved_areas_forbid(size: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        psoc().with_ram([size])
    assert caught.value.lines() == [f'RAM size "{size}": {message}']


def test_an_area_goes_with_the_bank_that_is_dropped() -> None:
    facts = psoc().model_dump(mode="python")
    board = Board.model_construct(
        **{
            **facts,
            "flash": psoc().flash,
            "ram": (bank("A", BASE, 4 * KIB), bank("B", BASE + 4 * KIB, 4 * KIB)),
            "reserved": (area("X", BASE + 4 * KIB, 16), area("Y", BASE, 16)),
            "unverified": ("reserved[0].what", "reserved[1].size", "ram[1].data"),
        }
    )
    less = board.with_ram(["4K"])
    assert [a.name for a in less.reserved] == ["Y"]
    assert less.unverified == ("reserved[0].size",)
    assert board.with_ram(["6K"]).reserved == board.reserved


def test_several_runs_need_the_name_of_a_bank_also_where_they_adjoin() -> None:
    board = load_board("frdm_k64f")
    with pytest.raises(UsageError, match="not one run but SRAM_L; SRAM_U"):
        board.with_ram(["128K"])
    assert [run.size // KIB for run in board.with_ram(["SRAM_U=32K"]).runs()] == [64, 32]


# --- the maps an image runs in ---


def test_reserved_memory_stays_mapped() -> None:
    board = psoc()
    regions = {region.name: region for region in real_machine(board).regions}
    assert (regions["FLASH"].base, regions["FLASH"].size) == (0x10000000, 1024 * KIB)
    assert (regions["SRAM"].base, regions["SRAM"].size) == (0x08000000, 288 * KIB)


def test_the_probe_map_holds_an_image_that_starts_inside_a_page() -> None:
    layout = Layout(Span(0x10000100, 64 * KIB), Span(BASE, KIB), BASE + 96 * KIB * KIB)
    flash = probe_machine(CORES["cortex-m0plus"], layout, 4096).regions[0]
    assert flash.base % KIB == flash.size % KIB == 0
    assert flash.base <= layout.flash.base
    assert flash.base + flash.size >= layout.flash.end


def test_a_bank_that_is_off_after_reset_is_there_only_once_it_is_set_up() -> None:
    board = load_board("nucleo_h743zi")
    assert "SRAM1" not in {region.name for region in real_machine(board).regions}
    names = {region.name for region in real_machine(board, {"SRAM1"}).regions}
    assert names >= {"SRAM1", "AXI_SRAM", "DTCM", "ITCM"}
    assert "SRAM2" not in names
