"""Paths of flame graphs: whatever the calls, the sums are the functions' own."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lab.measure.callpaths import INDIRECT, MOST_PATHS, OTHERS, path_costs
from lab.measure.flows import Cost, Flow

ROOT = "f0"
functions = st.integers(0, 11).map("f{}".format)
counts = st.integers(1, 1 << 40)


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    costs = draw(st.dictionaries(functions, st.builds(Cost, counts, counts), min_size=1))
    return Flow(
        operator=0,
        root=ROOT,
        costs={ROOT: Cost(1, 1)} | costs,
        calls=draw(st.dictionaries(st.tuples(functions, functions), counts, max_size=80)),
        indirect={ROOT: 1} | draw(st.dictionaries(functions, counts, max_size=3)),
    )


@given(flows())
def test_the_sum_over_the_paths_of_a_function_is_its_own_cost(flow: Flow) -> None:
    found = path_costs(flow)
    instructions, cycles = Counter[str](), Counter[str]()
    for one in found:
        instructions[one.path[-1]] += one.cost.instructions
        cycles[one.path[-1]] += one.cost.cycles
        assert min(one.cost.instructions, one.cost.cycles) >= 0
    assert instructions == {name: cost.instructions for name, cost in flow.costs.items()}
    assert cycles == {name: cost.cycles for name, cost in flow.costs.items()}


@given(flows())
def test_paths_follow_calls_begin_at_the_root_and_close_no_circle(flow: Flow) -> None:
    found = path_costs(flow)
    assert found == path_costs(flow)
    assert len({one.path for one in found}) == len(found)
    assert max(Counter(one.path[-1] for one in found).values()) <= MOST_PATHS
    for one in found:
        assert one.path[0] == ROOT
        assert len(set(one.path)) == len(one.path)
        steps = zip(one.path, one.path[1:], strict=False)
        guessed = {INDIRECT, OTHERS}
        assert all(step in flow.calls for step in steps if not guessed & set(step))


def test_a_cost_is_split_by_the_number_of_calls() -> None:
    flow = Flow(
        operator=None,
        root="main",
        costs={"main": Cost(1, 1), "a": Cost(2, 2), "b": Cost(3, 3), "leaf": Cost(10, 7)},
        calls={("main", "a"): 1, ("main", "b"): 1, ("a", "leaf"): 3, ("b", "leaf"): 1},
        indirect={"main": 1},
    )
    found = {one.path: one.cost for one in path_costs(flow)}
    assert found["main", "a", "leaf"] == Cost(8, 5)  # of 7.5 and 5.25, the largest remainder
    assert found["main", "b", "leaf"] == Cost(2, 2)
    assert found["main", "a"] == Cost(2, 2)


def test_recursion_ends_a_path_and_a_pointer_is_named() -> None:
    flow = Flow(
        operator=0,
        root="main",
        costs={"main": Cost(1, 1), "even": Cost(5, 5), "odd": Cost(4, 4), "hook": Cost(2, 2)},
        calls={("main", "even"): 1, ("even", "odd"): 3, ("odd", "even"): 2, ("odd", "odd"): 1},
        indirect={"main": 1, "hook": 1},
    )
    assert {one.path for one in path_costs(flow)} == {
        ("main",), ("main", "even"), ("main", "even", "odd"), ("main", INDIRECT, "hook"),
    }  # fmt: skip


def test_many_paths_become_few() -> None:
    """Twenty steps with two ways each are a million paths."""
    calls = {}
    for n in range(20):
        for way in "ab":
            calls[f"s{n}", f"s{n}{way}"] = calls[f"s{n}{way}", f"s{n + 1}"] = 1
    flow = Flow(0, "s0", {"s0": Cost(1, 1), "s20": Cost(1 << 20, 1)}, calls, {"s0": 1})
    last = [one for one in path_costs(flow) if one.path[-1] == "s20"]
    assert len(last) <= MOST_PATHS
    assert sum(one.cost.instructions for one in last) == 1 << 20
    assert any(OTHERS in one.path for one in last)
