"""Calls and costs by function, and call chains, on guests whose calls are known."""

from __future__ import annotations

from collections.abc import Mapping

import guest

from lab.elf import Image
from lab.engines.base import StopReason
from lab.engines.unicorn_engine import UnicornEngine
from lab.measure.callpaths import path_costs
from lab.measure.depths import Depths, Place, StackPoint
from lab.measure.flows import Cost, Flow, Reader, difference, rest

TAKEN = guest.CORE.cycles.taken


def to_the_end(engine: UnicornEngine) -> None:
    """Guests end in a loop of one instruction: a breakpoint would cut a block short."""
    assert guest.run(engine).reason is StopReason.HALTED


def flow(image: Image, root: str = "start") -> Flow:
    """What a guest executes from reset to its end."""
    engine = guest.loaded(image)
    to_the_end(engine)
    reader = Reader(engine, image, TAKEN)
    found = reader.flow(0, image.symbols[root].address, difference([], engine.profile()))
    totals = engine.totals()
    assert sum(cost.instructions for cost in found.costs.values()) == totals.instructions
    assert sum(cost.cycles for cost in found.costs.values()) == totals.cycles
    return found


def function(name: str, body: str) -> str:
    return f"\n.type {name}, %function\n.thumb_func\n{name}: {body}\n.size {name}, . - {name}\n"


# Nothing that runs ends where the program begins: at reset that would look as if it went on there.
CALLS = """
    __asm(".section .text.start, \\"ax\\"\\n nop\\n nop\\n .text");
    __attribute__((section(".text.start"))) void start(void);
    __attribute__((noinline)) int leaf(int x) { __asm volatile(""); return x + 1; }
    __attribute__((noinline)) int twice(int x) { return leaf(x) + leaf(x + 1); }
    __attribute__((noinline)) int thrice(int x) {
      int sum = 0;
      for (int i = 0; i < 3; i++) sum += leaf(sum + x);
      return sum;
    }
    __attribute__((noinline)) int fact(int n) { return n < 2 ? leaf(0) : n * fact(n - 1); }
    void start(void) {
      int sum = twice(1) + thrice(2) + fact(5);
      int (*to)(int) = sum ? twice : thrice;
      __asm volatile("" : "+r"(to));
      sum += to(sum);
      __asm volatile("b ." : : "r"(sum));
    }
"""


def test_calls_of_a_program_in_c() -> None:
    found = flow(guest.compiled(CALLS))
    assert found.root == "start"
    assert found.calls == {
        ("start", "twice"): 1,
        ("start", "thrice"): 1,
        ("start", "fact"): 1,
        ("twice", "leaf"): 4,  # two of them by way of the pointer
        ("thrice", "leaf"): 3,
        ("fact", "fact"): 4,
        ("fact", "leaf"): 1,
    }
    assert found.indirect == {"start": 1, "twice": 1}
    assert found.entries("fact") == 5
    assert found.entries("leaf") == 8
    paths = {one.path for one in path_costs(found)}
    assert ("start", "twice", "leaf") in paths
    assert ("start", "fact", "leaf") in paths
    assert not any(path.count("fact") > 1 for path in paths)


def test_a_loop_at_the_entry_is_no_call_and_a_conditional_one_counts_when_taken() -> None:
    source = (
        function("start", """
            movs r4, #4
        1:  movs r0, #3
            bl spin
            cmp r4, #2
            it lo
            bllo maybe
            subs r4, #1
            bne 1b
            b .
        """)
        + function("spin", "subs r0, #1\n bne spin\n bx lr")
        + function("maybe", "bx lr")
    )  # fmt: skip
    found = flow(assembled(source))
    assert found.calls == {("start", "spin"): 4, ("start", "maybe"): 1}
    assert found.indirect == {"start": 1}
    # Of the loop the last time is not taken: 2 + 2 + 2 instructions and a return, four times.
    assert found.costs["spin"].instructions == 4 * (3 * 2 + 1)


def test_tail_calls_and_functions_that_run_on_into_the_next() -> None:
    source = (
        function("start", "bl through\n bl jumps\n movs r0, #1\n bl maybe\n b .")
        + function("jumps", "b.w far")
        + function("through", "movs r1, #1")  # no return: goes on in what follows
        + function("next", "cbz r1, 1f\n nop\n1: bx lr")
        + function("maybe", "cmp r0, #1\n beq.w far\n bx lr")
        + function("far", "bx lr")
    )
    found = flow(assembled(source))
    assert found.calls == {
        ("start", "through"): 1,
        ("through", "next"): 1,
        ("start", "jumps"): 1,
        ("jumps", "far"): 1,
        ("start", "maybe"): 1,
        ("maybe", "far"): 1,
    }
    # A block belongs to the function it begins in: the test of the next one to the first.
    assert found.costs["through"].instructions == 2
    assert found.entries("far") == 2


def test_a_veneer_is_a_function_of_its_own() -> None:
    source = (
        function("start", "bl __far_veneer\n b .")
        + "\n.balign 4\n"
        + function("__far_veneer", "ldr.w pc, [pc]\n .word far + 1")
        + "\n.balign 4\n"
        + function("far", "bx lr")
    )
    found = flow(assembled(source))
    assert found.calls == {("start", "__far_veneer"): 1}
    assert found.indirect == {"start": 1, "far": 1}
    assert {one.path for one in path_costs(found)} == {
        ("start",), ("start", "__far_veneer"), ("start", "(indirect)", "far"),
    }  # fmt: skip


def test_what_lies_between_two_looks_and_what_is_left() -> None:
    image = guest.compiled(CALLS)
    engine = guest.loaded(image)
    thrice = image.symbols["thrice"].address
    assert guest.run(engine, thrice).reason is StopReason.ADDRESS
    begin, back = engine.profile(), engine.register("lr") & ~1
    assert guest.run(engine, back).reason is StopReason.ADDRESS
    part = difference(begin, engine.profile())
    to_the_end(engine)
    whole = engine.profile()
    reader = Reader(engine, image, TAKEN)
    inside, around = (reader.flow(0, thrice, one) for one in (part, rest(whole, [part])))
    assert inside.calls == {("thrice", "leaf"): 3}
    assert inside.indirect == {"thrice": 1}
    assert "thrice" not in around.costs
    total = engine.totals()
    both = [cost for one in (inside, around) for cost in one.costs.values()]
    assert sum(cost.instructions for cost in both) == total.instructions
    assert sum(cost.cycles for cost in both) == total.cycles


def test_code_without_a_symbol_has_a_name_too() -> None:
    image = assembled("start = . + 1\n movs r0, #1\n b .")
    engine = guest.loaded(image)
    to_the_end(engine)
    found = Reader(engine, image, TAKEN).flow(0, guest.CODE, difference([], engine.profile()))
    assert (found.root, found.costs) == ("(no symbol)", {"(no symbol)": Cost(2, 2)})


def assembled(source: str) -> Image:
    """Like ``guest.assembled``, where ``start`` is one of several functions."""
    vectors = f'.syntax unified\n.section .vectors, "ax"\n.word {guest.TOP}, start\n.text\n'
    return guest.linked(vectors + source)


def deepest(image: Image) -> StackPoint:
    """The deepest point of a guest, found as a session does: once to know, once to look."""
    engine = guest.loaded(image)
    first = Depths(engine, image, {})
    to_the_end(engine)
    found, totals, lowest = first.found(), engine.totals(), engine.lowest_sp()
    engine.reset()
    second = Depths(engine, image, found.lows)
    stop = guest.run(engine, stack_limit=second.limit())
    if stop.reason is StopReason.STACK_LIMIT:
        second.arrived()
        assert second.limit() == 0
        stop = guest.run(engine)
    assert stop.reason is StopReason.HALTED
    assert engine.totals() == totals, "a look changes nothing"
    (point, *_) = second.found().points
    assert point.depth == guest.TOP - lowest.sp == found.points[0].depth
    return point


def chain(image: Image) -> list[str]:
    point = deepest(image)
    sizes = [frame.size or 0 for frame in point.chain]
    assert sum(sizes) == point.depth
    return [frame.function for frame in point.chain]


DEEP = """
    #define FUNCTION __attribute__((noinline)) int
    FUNCTION leaf(int x) { volatile int room[8]; room[x & 7] = x; return room[0]; }
    FUNCTION shallow(int x) { return leaf(x) + 1; }
    FUNCTION deep(int x) { volatile int room[16]; room[0] = x; return leaf(room[0]) + 1; }
    %s
    void start(void) {
      int sum = shallow(1); sum += deep(2); sum += shallow(3);
      %s
      __asm volatile("b ." : : "r"(sum));
    }
"""


def test_of_two_callers_the_one_that_was_there() -> None:
    assert chain(guest.compiled(DEEP % ("", ""))) == ["leaf", "deep", "start"]


def test_recursion_has_a_frame_for_each_call() -> None:
    more = "FUNCTION fact(int n) { return n < 2 ? leaf(n) : n * fact(n - 1); }"
    image = guest.compiled(DEEP % (more, "sum += fact(9);"))
    assert chain(image) == ["leaf", *["fact"] * 9, "start"]


def test_a_function_pointer_is_followed() -> None:
    more = "FUNCTION by(int (*f)(int)) { volatile int a[20]; a[0] = 1; return f(a[0]) + 1; }"
    image = guest.compiled(DEEP % (more, "sum += by(sum ? deep : shallow);"))
    assert chain(image) == ["leaf", "deep", "by", "start"]


def test_a_tail_call_leaves_no_frame() -> None:
    more = """
        FUNCTION last(int x) { volatile int a[40]; a[0] = x; return a[0]; }
        __attribute__((noinline, optimize("O2"))) int passes(int x) { return last(x + 1); }
    """
    image = guest.compiled(DEEP % (more, "sum += passes(sum);"))
    assert chain(image) == ["last", "start"]


def test_a_computed_stack_pointer_gives_the_right_chain_or_none() -> None:
    more = """
        FUNCTION room(int n) {
          volatile int a[n];
          for (int i = 0; i < n; i++) a[i] = i;
          return leaf(a[n - 1]);
        }
    """
    image = guest.compiled(DEEP % (more, "sum += room(sum + 50);"))
    assert chain(image) == ["leaf", "room", "start"]
    alone = more.replace("return leaf(a[n - 1])", "return a[n - 1]")
    point = deepest(guest.compiled(DEEP % (alone, "sum += room(sum + 50);")))
    assert [frame.function for frame in point.chain] in ([], ["room", "start"])


def test_where_nothing_is_pushed_the_chain_is_that_of_the_begin() -> None:
    """A place whose lowest SP is the one it begins with, as an operator that does nothing."""
    image = guest.compiled(DEEP % ("", ""))
    engine = guest.loaded(image)
    shallow = image.symbols["shallow"].address
    lows: Mapping[Place, int] = {}
    for _ in range(2):
        engine.reset()
        depths = Depths(engine, image, lows)
        guest.run(engine, shallow)
        depths.enter("invoke", 0)
        assert depths.limit() == 0, "it is not looked for any more, or was never"
        lows = depths.found().lows
    (point,) = (one for one in depths.found().points if one.place.operator == 0)
    assert [(frame.function, frame.size) for frame in point.chain] == [
        ("shallow", 0), ("start", point.depth),
    ]  # fmt: skip


def test_a_function_without_frame_information_ends_the_chain() -> None:
    """Nothing is guessed: who called it is only known if it has pushed LR and called."""
    body = "push {r4, r5, lr}\n %s bl leaf\n pop {r4, r5, pc}"
    leaf = function("leaf", "sub sp, #64\n add sp, #64\n bx lr")
    start = function("start", "push {r0, lr}\n bl middle\n b .")
    plain = deepest(assembled(start + function("middle", body % "") + leaf))
    assert [(frame.function, frame.size) for frame in plain.chain] == [
        ("leaf", 64), ("middle", 12), ("start", 8),
    ]  # fmt: skip
    moved = deepest(assembled(start + function("middle", body % "adds r0, #1\n") + leaf))
    assert [(frame.function, frame.size) for frame in moved.chain] == [
        ("leaf", 64), ("middle", None),
    ]  # fmt: skip
