from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lab.board import Run
from lab.placement import ARENA_STEP, Demand, Placement, place


def run(base: int, size: int, name: str = "RAM") -> Run:
    return Run(base, size, (name,))


ONE = (run(0x2000_0000, 64 * 1024),)
sizes = st.integers(0, 1 << 20)
demands = st.builds(Demand, static=sizes, arena=sizes, stack=sizes, application=sizes)
kib = st.integers(1, 512).map(lambda n: n * 1024)
run_pairs = st.tuples(kib, kib).map(
    lambda two: (run(0x2000_0000, max(two), "SRAM1"), run(0x1000_0000, min(two), "CCM"))
)


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


def overlaps(placed: Placement, demand: Demand) -> bool:
    arena = range(placed.arena_base, placed.arena_base + demand.arena)
    static = range(placed.data.base, placed.data.base + demand.static + demand.application)
    stack = range(placed.stack_limit, placed.stack_top)
    spans = sorted((s.start, s.stop) for s in (arena, static, stack) if len(s))
    return any(first[1] > second[0] for first, second in pairwise(spans))


@given(run_pairs, demands)
def test_what_places_does_not_overlap_and_lies_inside(
    runs: tuple[Run, Run], demand: Demand
) -> None:
    placed = place(runs, demand)
    if placed.margin < 0:
        return
    assert not overlaps(placed, demand)
    assert placed.arena_base % ARENA_STEP == 0
    assert placed.arena_base >= placed.arena_run.base
    assert placed.arena_base + demand.arena <= placed.arena_run.end
    assert placed.data.base <= placed.stack_limit <= placed.stack_top <= placed.data.end


@given(run_pairs, demands)
def test_margin_is_the_largest_growth_of_the_arena(runs: tuple[Run, Run], demand: Demand) -> None:
    margin = place(runs, demand).margin
    if margin < 0:
        return
    grown = Demand(demand.static, demand.arena + margin, demand.stack, demand.application)
    over = Demand(demand.static, demand.arena + margin + 1, demand.stack, demand.application)
    assert place(runs, grown).margin >= 0
    assert place(runs, over).margin < 0


@given(run_pairs, demands, kib)
def test_more_ram_never_lowers_the_margin(runs: tuple[Run, Run], demand: Demand, more: int) -> None:
    larger = (run(runs[0].base, runs[0].size + more, "SRAM1"), runs[1])
    assert place(larger, demand).margin >= place(runs, demand).margin
