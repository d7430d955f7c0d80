from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lab.banks import stretches
from lab.board import RamBank, Run
from lab.placement import ARENA_STEP, Demand, Placement, place


def run(base: int, size: int, name: str = "RAM") -> Run:
    return Run(base, size, (name,))


ONE = (run(0x2000_0000, 64 * 1024),)
sizes = st.integers(0, 1 << 20)
demands = st.builds(Demand, static=sizes, arena=sizes, stack=sizes, application=sizes)
kib = st.integers(1, 512).map(lambda n: n * 1024)


def test_everything_in_one_run_by_hand() -> None:
    placed = place(ONE, Demand(static=100, arena=1600, stack=1000, application=50))
    assert placed.arena_base == 0x2000_0000 + 160  # 150 rounded up to 16
    assert placed.stack_top == 0x2001_0000
    assert placed.stack_limit == 0x2001_0000 - 1000
    assert placed.margin == 64 * 1024 - 1000 - 160 - 1600


def test_shortfall_is_negative_and_exact() -> None:
    fits = place(ONE, Demand(static=0, arena=60 * 1024, stack=4096))
    short = place(ONE, Demand(static=0, arena=60 * 1024, stack=4104))
    assert (fits.margin, short.margin) == (0, -8)


def test_arena_takes_the_other_run_when_that_is_larger() -> None:
    runs = (run(0x2000_0000, 96 * 1024, "SRAM1"), run(0x1000_0000, 32 * 1024, "SRAM2"))
    placed = place(runs, Demand(static=4096, arena=96 * 1024, stack=4096))
    assert placed.margin == 0
    assert placed.arena_run.banks == ("SRAM1",)
    assert placed.data.banks == ("SRAM2",)


def test_one_run_is_preferred_when_nothing_is_gained() -> None:
    runs = (run(0x2000_0000, 64 * 1024, "A"), run(0x1000_0000, 1024, "B"))
    placed = place(runs, Demand(static=4096, arena=4096, stack=4096))
    assert placed.data == placed.arena_run


def test_memory_that_needs_set_up_comes_last_and_says_so() -> None:
    plain = run(0x2000_0000, 32 * 1024, "SRAM1")
    off = Run(0x3000_0000, 128 * 1024, ("SRAM2",), setup=("switch SRAM2 on",))
    small = place((off, plain), Demand(static=4096, arena=16 * 1024, stack=1024))
    assert (small.data, small.arena_run, small.setup) == (plain, plain, ())
    large = place((off, plain), Demand(static=4096, arena=64 * 1024, stack=1024))
    assert large.margin >= 0
    assert large.setup == ("switch SRAM2 on",)


def test_adjoining_runs_serve_as_one_when_only_that_fits() -> None:
    plain = run(0x2000_0000, 64 * 1024, "A")
    off = Run(plain.end, 64 * 1024, ("B",), setup=("switch B on",))
    whole = Run(plain.base, 128 * 1024, ("A", "B"), off.setup)
    demand = Demand(static=1024, arena=100 * 1024, stack=1024)
    placed = place((whole, plain, off), demand)
    assert placed.margin == 128 * 1024 - 102 * 1024
    assert placed.data.banks == ("A", "B")
    assert placed.setup == ("switch B on",)


def ram_bank(name: str, base: int, size: int, setup: str | None = None) -> RamBank:
    facts = {"name": name, "base": hex(base), "size": f"{size // 1024} KiB", "data": True}
    return RamBank.model_validate(facts | ({"setup": setup} if setup else {}))


A, B = ram_bank("A", 0x2000_0000, 32 * 1024), ram_bank("B", 0x2000_8000, 32 * 1024)
A_AND_B = (Run(A.base, A.size + B.size, ("A", "B")),)


def test_the_arena_in_a_bank_of_a_longer_run() -> None:
    demand = Demand(static=1024, arena=20 * 1024, stack=2048)
    low = place(A_AND_B, demand, A)
    assert (low.arena_base, low.data.base) == (A.base, B.base)
    assert low.margin == 32 * 1024 - demand.arena
    high = place(A_AND_B, demand, B)
    assert high.arena_base == B.base
    assert high.stack_top <= A.end, "the stack leaves the bank to the arena"
    assert high.margin == 32 * 1024 - demand.arena


def test_the_rest_goes_to_another_run_than_the_bank() -> None:
    ccm = ram_bank("CCM", 0x1000_0000, 16 * 1024)
    runs = (*A_AND_B, Run(ccm.base, ccm.size, ("CCM",)))
    placed = place(runs, Demand(static=1024, arena=16 * 1024, stack=2048), ccm)
    assert (placed.margin, placed.data.banks, placed.arena_run.banks) == (0, ("A", "B"), ("CCM",))


def test_the_arena_may_fill_its_bank_and_no_more() -> None:
    full = place(A_AND_B, Demand(static=1024, arena=32 * 1024, stack=2048), B)
    assert full.margin == 0
    assert place(A_AND_B, Demand(static=1024, arena=32 * 1024 + 16, stack=2048), B).margin == -16


def overlaps(placed: Placement, demand: Demand) -> bool:
    arena = range(placed.arena_base, placed.arena_base + demand.arena)
    static = range(placed.data.base, placed.data.base + demand.static + demand.application)
    stack = range(placed.stack_limit, placed.stack_top)
    spans = sorted((s.start, s.stop) for s in (arena, static, stack) if len(s))
    return any(first[1] > second[0] for first, second in pairwise(spans))


@st.composite
def boards(draw: st.DrawFn) -> tuple[tuple[Run, ...], tuple[RamBank, ...]]:
    """Runs of up to four banks: with and without gaps, with and without set-up."""
    base, banks = 0x2000_0000, list[RamBank]()
    for name in "ABCD"[: draw(st.integers(1, 4))]:
        base += draw(st.sampled_from([0, 0, 1024, 0x1000_0000]))
        size, setup = draw(kib), draw(st.sampled_from([None, None, "first this", "first that"]))
        banks.append(ram_bank(name, base, size, setup))
        base += size
    return stretches(banks, (), 16), tuple(banks)


def grown(demand: Demand, more: int) -> Demand:
    return replace(demand, arena=demand.arena + more)


def merit(placed: Placement) -> tuple[bool, int, int]:
    """What must never get worse: whether it fits, how little is to be set up, the margin."""
    fits = placed.margin >= 0
    return fits, -len(placed.setup) if fits else 0, placed.margin


@given(boards(), demands, st.data())
def test_what_places_does_not_overlap_and_lies_inside(
    board: tuple[tuple[Run, ...], tuple[RamBank, ...]], demand: Demand, data: st.DataObject
) -> None:
    runs, banks = board
    bank = data.draw(st.sampled_from([None, *banks]))
    placed = place(runs, demand, bank)
    if placed.margin < 0:
        return
    assert not overlaps(placed, demand)
    assert placed.arena_base % ARENA_STEP == 0
    arena = range(placed.arena_base, placed.arena_base + demand.arena)
    static = range(placed.data.base, placed.data.base + demand.static + demand.application)
    stack = range(placed.stack_limit, placed.stack_top)
    for span in (arena, static, stack):
        assert covered(span, banks), "outside of the banks"
    assert placed.data.base <= placed.stack_limit <= placed.stack_top <= placed.data.end
    if bank:
        assert bank.base <= arena.start
        assert arena.stop <= bank.end
    spans = [span for span in (arena, static, stack) if len(span)]
    touched = [b for b in banks if any(s.start < b.end and b.base < s.stop for s in spans)]
    assert {f"{b.name}: {b.setup}" for b in touched if b.setup} <= set(placed.setup)


def covered(span: range, banks: Sequence[RamBank]) -> bool:
    return len(span) == sum(
        max(0, min(span.stop, bank.end) - max(span.start, bank.base)) for bank in banks
    )


@given(boards(), demands, st.data())
def test_margin_is_the_largest_growth_of_the_arena(
    board: tuple[tuple[Run, ...], tuple[RamBank, ...]], demand: Demand, data: st.DataObject
) -> None:
    runs, banks = board
    bank = data.draw(st.sampled_from([None, *banks]))
    placed = place(runs, demand, bank)
    if placed.margin < 0:
        return
    steps = placed.margin // ARENA_STEP * ARENA_STEP
    most = place(runs, grown(demand, placed.margin), bank)
    assert most.margin >= 0
    assert len(most.setup) <= len(placed.setup)
    assert place(runs, grown(demand, steps), bank).arena_space >= demand.arena + steps - 15
    over = place(runs, grown(demand, placed.margin + 1), bank)
    assert over.margin < 0 or len(over.setup) > len(placed.setup)


@given(boards(), demands, st.data())
def test_more_ram_never_makes_it_worse(
    board: tuple[tuple[Run, ...], tuple[RamBank, ...]], demand: Demand, data: st.DataObject
) -> None:
    runs, banks = board
    index = data.draw(st.integers(0, len(banks) - 1))
    grown_bank = banks[index]
    above = min((b.base for b in banks if b.base > grown_bank.base), default=1 << 32)
    more = min(above - grown_bank.end, data.draw(kib))
    larger = list(banks)
    larger[index] = grown_bank.model_copy(update={"size": grown_bank.size + more})
    placed, before = place(stretches(larger, (), 16), demand), place(runs, demand)
    # Banks that come to adjoin are one piece then: behind .data the arena may lose an alignment.
    if before.margin >= ARENA_STEP:
        assert merit(placed)[:2] >= merit(before)[:2]
        if not any(run.setup for run in runs):
            assert placed.margin > before.margin - ARENA_STEP


@given(boards(), demands)
def test_no_set_up_is_asked_for_when_less_would_do(
    board: tuple[tuple[Run, ...], tuple[RamBank, ...]], demand: Demand
) -> None:
    runs, _ = board
    plain = [run for run in runs if not run.setup]
    if plain and place(plain, demand).margin >= 0:
        assert place(runs, demand) == place(plain, demand)
