"""The engine on small programs whose counts, stack and faults are known by hand."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from guest import (
    CODE,
    CORE,
    ENABLE_FPU,
    END,
    FLASH,
    MACHINE,
    NOTHING,
    RAM,
    TOP,
    assembled,
    at_the_end,
    compiled,
    finished,
    loaded,
    run,
)

from lab.elf import Segment
from lab.engines.base import Machine, Region, Stop, StopReason
from lab.engines.registry import create
from lab.engines.unicorn_engine import UnicornEngine
from lab.errors import UsageError

# ---- counts ----


@pytest.mark.parametrize(
    ("source", "instructions", "cycles"),
    [
        ("movs r0, #1 \n adds r0, #1", 2, 2),
        # 1 + 200 * (subs, bne); 199 branches taken
        ("movs r0, #200 \n 1: subs r0, #1 \n bne 1b", 401, 401 + 199 * 2),
        # the IT and what it skips count
        ("movs r0, #1 \n cmp r0, #2 \n ittt eq \n moveq r0, #7 \n moveq r0, #8 \n moveq r1, #9",
         6, 6),
        # call, push and pop of 2, return: bl 1+2, push 3, pop 3 + 2
        ("bl 1f \n b 2f \n 1: push {r4, lr} \n pop {r4, pc} \n 2:", 4, 1 + 2 + 3 + 3 + 2 + 1 + 2),
        ("ldr r0, =0x20000010 \n ldr r1, [r0] \n ldr r2, [r0, #4] \n str r2, [r0]",
         4, 2 + 2 + 1 + 1),
        ("movs r0, #9 \n movs r1, #2 \n sdiv r0, r0, r1", 3, 8),
        (ENABLE_FPU + "vsqrt.f32 s0, s1 \n vfma.f32 s0, s1, s2", 8, 8 + 14 + 3),
        ("wfi \n nop", 2, 2),
        (".rept 1300 \n nop \n .endr", 1300, 1300),  # more than one block can hold
    ],
)  # fmt: skip
def test_counts_equal_the_count_by_hand(source: str, instructions: int, cycles: int) -> None:
    totals = finished(source).totals()
    assert (totals.instructions, totals.cycles) == (instructions, cycles)


def test_a_block_that_begins_inside_an_it() -> None:
    before = ".rept 505 \n nop \n .endr"
    skipped = "ittt eq \n moveq r0, #7 \n moveq r0, #8 \n moveq r0, #9"
    source = f"movs r0, #1 \n cmp r0, #2 \n {before} \n {skipped}"
    engine = loaded(assembled(source + END))
    assert run(engine, instructions=508).pc == FLASH + 1024  # in the middle of the IT
    assert engine.totals().instructions == 508
    at_the_end(run(engine))
    assert engine.totals().instructions == 511
    assert engine.register("r0") == 1


def test_the_halted_loop_itself_is_not_counted() -> None:
    engine = loaded(assembled("b 1f \n 1: b ."))
    for _ in range(2):
        assert run(engine) == Stop(StopReason.HALTED, CODE + 2)
        assert engine.totals().instructions == 1


# ---- stops ----

LOOP = "movs r0, #0 \n 1: adds r0, #1 \n bl 2f \n b 1b \n 2: adds r1, #1 \n bx lr"
LOOP_SUBROUTINE = CODE + 2 + 2 + 4 + 2


def test_markers_stop_before_the_block_and_count_once() -> None:
    engine = loaded(assembled(LOOP))
    for times in range(1, 6):
        assert run(engine, LOOP_SUBROUTINE) == Stop(StopReason.ADDRESS, LOOP_SUBROUTINE)
        assert engine.register("r0") == times
        assert engine.register("r1") == times - 1
        assert engine.totals().instructions == 1 + 2 + 5 * (times - 1)
        after = engine.register("lr") & ~1
        assert run(engine, after) == Stop(StopReason.ADDRESS, after)
        assert engine.totals().instructions == 1 + 4 + 5 * (times - 1)


def test_the_address_it_stands_on_is_passed() -> None:
    engine = loaded(assembled(LOOP))
    for times in range(1, 4):
        assert run(engine, LOOP_SUBROUTINE).reason is StopReason.ADDRESS
        assert engine.register("r0") == times
        assert engine.totals().instructions == 3 + 5 * (times - 1)


STEPS = "1: nop \n b 2f \n 2: nop \n b 3f \n 3: nop \n b 4f \n 4: adds r0, #1 \n"
COMPUTED_TWICE = "mov r7, sp \n sub sp, sp, r3 \n sub sp, sp, r3 \n mov sp, r7 \n b 1f \n"


def test_markers_after_a_look_inside_a_block() -> None:
    # The blocks are linked by then, and the look left a code hook: Unicorn does not tell PC.
    engine = loaded(assembled(f"movs r3, #16 \n {COMPUTED_TWICE} {STEPS} b 1b"))
    marker = CODE + 2 + 14 + 3 * 4
    for times in range(5):
        assert run(engine, marker) == Stop(StopReason.ADDRESS, marker)
        assert engine.register("r0") == times
        assert engine.totals().instructions == 6 + 6 + 8 * times
    for budget in (7, 8, 9):
        run(engine, instructions=budget)
    assert engine.register("r0") == (engine.totals().instructions - 6) // 8


def test_markers_and_faults_are_the_same_after_a_fault_was_found() -> None:
    engine = loaded(assembled(f"ldr r1, ={NOTHING} \n {STEPS} nop \n str r1, [r1]"))
    marker = CODE + 2 + 2 * 4
    for _ in range(4):
        assert run(engine, marker) == Stop(StopReason.ADDRESS, marker)
        fault = run(engine).fault
        assert fault is not None
        assert (fault.kind, fault.pc) == ("write_unmapped", marker + 8)
        assert engine.totals().instructions == 1 + 6 + 2
        engine.reset()


@pytest.mark.parametrize("budget", [1, 2, 3, 100, 4_999, 100_000])
def test_the_budget_ends_at_the_first_block_boundary(budget: int) -> None:
    engine = loaded(assembled(LOOP))
    assert run(engine, instructions=budget).reason is StopReason.INSTRUCTION_BUDGET
    assert budget <= engine.totals().instructions < budget + 3


def test_pieces_make_the_whole() -> None:
    whole, pieces = loaded(assembled(LOOP)), loaded(assembled(LOOP))
    while pieces.totals().instructions < 20_000:
        run(pieces, instructions=997)
    run(whole, instructions=pieces.totals().instructions)
    assert whole.totals() == pieces.totals()
    assert whole.register("pc") == pieces.register("pc")


def test_the_address_wins_over_the_budget() -> None:
    engine = loaded(assembled(LOOP))
    assert run(engine, LOOP_SUBROUTINE, instructions=3).reason is StopReason.ADDRESS


def test_wall_clock() -> None:
    engine = loaded(assembled(LOOP))
    assert run(engine, instructions=1 << 62, seconds=0.01).reason is StopReason.WALL_CLOCK
    assert engine.totals().instructions > 0


def test_wfi_wakes_for_nothing_but_ends_with_the_budget() -> None:
    engine = loaded(assembled("1: wfi \n b 1b"))
    assert run(engine, instructions=1000).reason is StopReason.INSTRUCTION_BUDGET


# ---- stack ----

RECURSION = """
    static int down(int n) {
        volatile int kept[4];
        kept[0] = n;
        return n ? down(n - 1) + kept[0] : 0;
    }
    __attribute__((noinline)) static int first(int n) { return down(n); }
    void start(void) { first(DEPTH); for (;;) ; }
"""


def recursion(depth: int) -> int:
    engine = loaded(compiled(f"#define DEPTH {depth}\n{RECURSION}"))
    assert run(engine).reason is StopReason.HALTED
    assert engine.lowest_sp().exact
    return TOP - engine.lowest_sp().sp


def test_each_level_of_a_recursion_costs_its_frame() -> None:
    source = """
        movs r0, #{}
        bl 1f
        bkpt 0
     1: push {{r4, lr}}
        sub sp, #24
        subs r0, #1
        beq 2f
        bl 1b
     2: add sp, #24
        pop {{r4, pc}}"""
    for depth in (1, 2, 50):
        engine = finished(source.format(depth))
        assert TOP - engine.lowest_sp().sp == 32 * depth
    frame = recursion(11) - recursion(10)
    assert frame > 16
    assert recursion(40) - recursion(10) == 30 * frame


@pytest.mark.parametrize(
    ("source", "depth"),
    [
        ("push {r0-r7, lr} \n pop {r0-r7} \n pop {r0}", 36),
        (ENABLE_FPU + "push {r4, lr} \n vpush {d8-d15} \n vpop {d8-d15}", 72),
        ("str r0, [sp, #-12]! \n ldr r0, [sp], #12", 12),
        ("movs r3, #200 \n sub sp, sp, r3 \n push {r0} \n add sp, #204", 204),
        ("movs r3, #200 \n mov r7, sp \n sub sp, sp, r3 \n b 1f \n 1: mov sp, r7", 200),
        ("cmp r0, r0 \n it eq \n pusheq {r0-r3} \n b 1f \n 1: nop", 16),
        ("cmp r0, r0 \n it ne \n pushne {r0-r3} \n b 1f \n 1: nop", 0),
        ("ldr r0, =0x20000800 \n msr msp, r0 \n nop", 0x800),
    ],
)
def test_minimum_sp(source: str, depth: int) -> None:
    engine = finished(source)
    assert TOP - engine.lowest_sp().sp == depth
    assert engine.lowest_sp().exact


VARIABLE = """
    #include <stdint.h>
    static void fill(volatile char *at, int n) { at[0] = at[n - 1] = 1; }
    __attribute__((noinline)) static void array(int n) { char a[n]; fill(a, n); }
    void start(void) { array(*(volatile int32_t *)0x20000000); for (;;) ; }
"""


def test_variable_length_arrays() -> None:
    depths = {}
    for size in (64, 1024):
        engine = loaded(compiled(VARIABLE))
        engine.write(RAM, struct.pack("<I", size))
        assert run(engine).reason is StopReason.HALTED
        depths[size] = TOP - engine.lowest_sp().sp
        assert engine.lowest_sp().exact
    assert depths[1024] - depths[64] == 960


def test_where_sp_was_lowest() -> None:
    image = compiled(f"#define DEPTH 5\n{RECURSION}")
    engine = loaded(image)
    run(engine)
    pc = engine.lowest_sp().pc
    assert pc is not None
    assert image.function_at(pc) == "down"


def test_restart_of_the_minimum() -> None:
    engine = loaded(
        assembled(
            "push {r0-r7} \n pop {r0-r7} \n bl 1f \n b . \n 1: push {r0} \n pop {r0} \n bx lr"
        )
    )
    subroutine = CODE + 2 + 2 + 4 + 2
    run(engine, subroutine)
    assert TOP - engine.lowest_sp().sp == 32
    engine.restart_lowest_sp()
    assert engine.lowest_sp().sp == TOP
    run(engine)
    assert TOP - engine.lowest_sp().sp == 4


def test_the_stack_limit_stops_before_the_block_that_would_cross_it() -> None:
    source = "nop \n bl 1f \n b . \n 1: push {r4, lr} \n bl 1b"
    engine = loaded(assembled(source))
    stop = run(engine, stack_limit=TOP - 80)
    assert stop == Stop(StopReason.STACK_LIMIT, CODE + 8)
    assert engine.register("sp") == engine.lowest_sp().sp == TOP - 80
    assert engine.totals().instructions == 2 + 10 * 2
    assert run(engine, stack_limit=TOP - 80).reason is StopReason.STACK_LIMIT
    assert run(engine, stack_limit=0).reason is StopReason.FAULT  # below the end of memory


def test_the_stack_limit_sees_a_computed_sp() -> None:
    engine = loaded(assembled("movs r3, #200 \n sub sp, sp, r3 \n b 1f \n 1: nop" + END))
    assert run(engine, stack_limit=TOP - 100) == Stop(StopReason.STACK_LIMIT, CODE + 8)


# ---- faults ----

READ = (
    f"ldr r0, ={NOTHING} \n nop \n movs r1, #1 \n push {{r1}} \n ldr r2, [r0, #4] \n"
    "push {r0-r7} \n nop"
)


@pytest.mark.parametrize(
    ("source", "kind", "offset", "address", "executed"),
    [
        (READ, "read_unmapped", 8, NOTHING + 4, 4),
        (f"ldr r0, ={NOTHING} \n nop \n str r0, [r0] \n nop", "write_unmapped", 4, NOTHING, 2),
        (f"ldr r0, ={RAM + 0xffe} \n nop \n ldr r0, [r0]", "read_unmapped", 4, RAM + 0x1000, 2),
        (f"ldr r0, ={RAM + 0xffe} \n nop \n str r0, [r0]", "write_unmapped", 4, RAM + 0x1000, 2),
        (f"ldr r0, ={FLASH + 4} \n nop \n strb r0, [r0]", "write_protected", 4, FLASH + 4, 2),
        (f"ldr r0, ={RAM} \n mov sp, r0 \n nop \n push {{r0-r3}}", "write_unmapped",
         8, RAM - 16, 3),
        # equal stores in a row: which of them faulted cannot be told from the registers
        (f"ldr r0, ={RAM + 0xff8} \n .rept 8 \n str r1, [r0], #4 \n .endr", "write_unmapped",
         10, RAM + 0x1000, 3),
        ("nop \n udf #3", "undefined_instruction", 2, None, 1),
        ("nop \n svc 5", "supervisor_call", 2, None, 1),
        ("nop \n bkpt 0xab", "breakpoint", 2, None, 1),
        ("nop \n vadd.f32 s0, s0, s1", "no_coprocessor", 2, None, 1),
        ("vadd.f32 s0, s0, s1", "no_coprocessor", 0, None, 0),
    ],
)  # fmt: skip
def test_faults_are_exact(
    source: str, kind: str, offset: int, address: int | None, executed: int
) -> None:
    engine = loaded(assembled(source + END))
    stop = run(engine)
    assert stop.reason is StopReason.FAULT
    assert stop.fault is not None
    assert (stop.fault.kind, stop.fault.pc - CODE, stop.fault.address) == (kind, offset, address)
    assert stop.pc == engine.register("pc") == stop.fault.pc
    assert engine.totals().instructions == executed


def test_a_fault_in_mid_block_counts_what_came_before() -> None:
    engine = loaded(assembled(READ + END))
    run(engine)
    totals = engine.totals()
    assert totals.cycles == 2 + 1 + 1 + 2
    assert TOP - engine.lowest_sp().sp == 4  # not the push that came too late
    assert engine.read(TOP - 4, 4) == struct.pack("<I", 1)


def test_going_on_after_a_fault() -> None:
    engine = loaded(assembled(READ + END))
    run(engine)
    engine.set_register("r0", RAM)
    at_the_end(run(engine))
    assert engine.totals().instructions == 7
    engine.set_register("pc", CODE)
    engine.set_register("r0", 0)
    assert run(engine).fault is not None  # found by repeating all of that
    assert engine.totals().instructions == 7 + 4
    assert engine.register("r1") == 1


@pytest.mark.parametrize(
    ("source", "kind", "pc", "address"),
    [
        (f"ldr r0, ={NOTHING + 1} \n bx r0", "fetch_unmapped", NOTHING, None),
        (f"ldr r0, ={RAM + 1} \n bx r0", "fetch_protected", RAM, None),
        (f"nop \n ldr r0, ={CODE + 16} \n bx r0 \n .org {16} \n nop", "invalid_state",
         CODE + 4, CODE + 16),
        (f"nop \n ldr r0, ={CODE + 16} \n push {{r0}} \n pop {{pc}}", "invalid_state",
         CODE + 6, CODE + 16),
        (f"nop \n ldr pc, ={CODE + 16} \n .org 16 \n nop", "invalid_state", CODE + 2, CODE + 16),
        ("movs r0, #0 \n blx r0", "invalid_state", CODE + 2, 0),
        ("mvn lr, #6 \n bx lr", "exception_return", CODE + 4, 0xFFFFFFF8),
    ],
)  # fmt: skip
def test_bad_branches(source: str, kind: str, pc: int, address: int | None) -> None:
    engine = loaded(assembled(source + END))
    stop = run(engine)
    assert stop.fault is not None
    assert (stop.fault.kind, stop.fault.pc, stop.fault.address) == (kind, pc, address)
    executed = engine.totals().instructions
    assert run(engine).fault is not None  # it stays what it is
    assert engine.totals().instructions == executed


def test_an_even_target_is_no_marker() -> None:
    engine = loaded(assembled(f"ldr r0, ={CODE + 16} \n bx r0 \n .org 16 \n nop" + END))
    stop = run(engine, CODE + 16)
    assert stop.fault is not None
    assert (stop.fault.kind, stop.fault.pc) == ("invalid_state", CODE + 2)


def test_cpacr_allows_the_fpu() -> None:
    without_barrier = ENABLE_FPU.replace("dsb", "").replace("isb", "")
    assert finished(without_barrier + "vadd.f32 s0, s0, s1").totals().instructions == 5
    engine = finished(ENABLE_FPU + "vadd.f32 s0, s0, s1")
    engine.reset()  # CPACR with it
    engine.set_register("pc", CODE + 18)  # behind the barriers
    stop = run(engine)
    assert stop.fault is not None
    assert stop.fault.kind == "no_coprocessor"


def test_an_even_reset_vector() -> None:
    engine = UnicornEngine()
    engine.load(MACHINE, [Segment(FLASH, struct.pack("<II", TOP, CODE))], FLASH)
    stop = run(engine)
    assert stop.fault is not None
    assert stop.fault.kind == "invalid_state"


# ---- system registers ----


def test_cycle_counter_and_systick_count_modelled_cycles() -> None:
    source = """
        ldr r0, =0xe0001004
        movs r1, #0
        str r1, [r0]
        b 1f
     1: ldr r4, [r0]
        movs r2, #100
     2: subs r2, #1
        bne 2b
        ldr r5, [r0]
        subs r5, r4
        b 3f
     3: """
    engine = finished(source)
    # from the end of the block of the first reading to the end of that of the second
    assert engine.register("r5") == (1 + 2 - 2) + 98 * 2 + 99 * 2 + (2 + 1 + 1) + 1


def test_cpuid_and_vtor() -> None:
    engine = finished("ldr r0, =0xe000ed00 \n ldr r1, [r0] \n ldr r2, [r0, #8]")
    assert engine.register("r1") == CORE.cpuid
    assert engine.register("r2") == FLASH


# ---- the device ----


def test_two_engines_and_a_reset_give_the_same() -> None:
    image = compiled(f"#define DEPTH 20\n{RECURSION}")
    engines = [loaded(image), loaded(image)]
    for engine in engines:
        run(engine)
    totals = engines[0].totals()
    assert engines[1].totals() == totals
    engines[0].write(RAM, b"different")
    engines[0].reset()
    assert engines[0].totals().instructions == 0
    assert engines[0].read(RAM, 9) == bytes(9)
    run(engines[0])
    assert engines[0].totals() == totals


def test_reset_restores_registers_and_memory() -> None:
    image = assembled(
        ENABLE_FPU + "vmov s0, r1 \n cpsid i \n ldr r2, =0x20000000 \n str r1, [r2]" + END
    )
    engine = loaded(image)
    fresh = {name: engine.register(name) for name in ("r0", "r1", "r2", "sp", "lr", "pc")}
    run(engine)
    engine.write(FLASH + 0x1000, b"model")
    engine.reset()
    assert {name: engine.register(name) for name in fresh} == fresh
    assert engine.read(RAM, 4) == bytes(4)
    assert engine.read(FLASH + 0x1000, 5) == bytes(5)
    assert engine.read(FLASH, 8) == struct.pack("<II", TOP, CODE | 1)


def test_code_in_ram_is_what_reset_puts_there() -> None:
    code_ram = 0x10000000
    source = f"""
        ldr r0, ={code_ram}
        ldr r1, =0xbf004770
        str r1, [r0]
        orr r0, #1
        blx r0
        ldr r1, =0x47703207
        str r1, [r0, #-1]
        blx r0
    """
    engine = loaded(assembled(source + END))
    for _ in range(2):
        at_the_end(run(engine))
        assert engine.register("r2") == 7
        engine.reset()


def test_code_that_rewrites_itself_is_executed_as_it_is() -> None:
    source = """
        ldr r4, =0x10000000
        ldr r1, =0x47703200  // adds r2, #0; bx lr
        movs r2, #0
        movs r3, #100
        movs r5, #0
     1: orr r6, r1, r5
        str r6, [r4]
        adds r0, r4, #1
        blx r0
        adds r5, #1
        cmp r5, r3
        bne 1b
    """
    engine = loaded(assembled(source + END))
    totals = []
    for _ in range(2):
        at_the_end(run(engine))
        assert engine.register("r2") == sum(range(100))
        totals.append(engine.totals())
        engine.reset()
    assert totals[0] == totals[1]
    assert totals[0].instructions == 5 + 100 * 9


def test_initial_contents_in_ram() -> None:
    engine = UnicornEngine()
    image = assembled("nop" + END)
    blobs = list(image.segments)
    engine.load(MACHINE, [*blobs, Segment(RAM + 16, b"data")], FLASH)
    engine.write(RAM + 16, b"DATA")
    engine.reset()
    assert engine.read(RAM + 15, 6) == b"\0data\0"


def test_profile_sums_to_the_totals() -> None:
    engine = loaded(assembled("movs r0, #200 \n 1: subs r0, #1 \n bne 1b \n b ."))
    run(engine)
    rows = engine.profile()
    assert sum(count * executions for _, _, count, _, executions, _ in rows) == 401
    cycles = sum(c * executions + 2 * taken for _, _, _, c, executions, taken in rows)
    assert cycles == engine.totals().cycles


def test_an_alias_shows_the_same_cells() -> None:
    alias = 0x10000400
    regions = (*MACHINE.regions[:1], replace(MACHINE.regions[1], aliases=(alias, 0x00800000)))
    machine = replace(MACHINE, regions=regions)
    source = f"""
        ldr r0, ={RAM + 0x20}
        ldr r1, ={alias + 0x20}
        movs r2, #7
        str r2, [r1]
        ldr r3, [r0]
        ldr r4, ={0x00800020}
        ldr r5, [r4]
    """
    engine = loaded(assembled(source + END), machine)
    at_the_end(run(engine))
    assert (engine.register("r3"), engine.register("r5")) == (7, 7)
    assert engine.read(alias + 0x20, 1) == engine.read(RAM + 0x20, 1) == b"\x07"
    engine.write(alias + 0x20, b"\x09")
    assert engine.read(RAM + 0x20, 1) == b"\x09"
    engine.reset()
    assert engine.read(alias + 0x20, 1) == b"\x00"


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        ([Region("a", RAM, 1000, True, False)], "multiple of 1024"),
        ([Region("a", RAM + 512, 1024, True, False)], "multiple of 1024"),
        ([Region("a", RAM, 0, True, False)], "address space"),
        ([Region("a", 0xFFFFFC00, 4096, True, False)], "address space"),
        ([Region("a", RAM, 4096, True, False), Region("b", RAM + 1024, 1024, True, False)],
         "overlap"),
        ([Region("a", RAM, 1024, True, False, (RAM + 4096, RAM))], "overlap"),
        ([Region("a", 0xE0000000, 1 << 20, True, False)], "own registers"),
        ([Region("a", RAM, 1024, True, False)], "nothing is mapped"),
    ],
)  # fmt: skip
def test_machines_that_cannot_be(regions: list[Region], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        UnicornEngine().load(Machine(CORE, tuple(regions)), [Segment(FLASH, bytes(8))], FLASH)


def test_misuse_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="nothing is loaded"):
        run(UnicornEngine())
    engine = loaded(assembled("nop" + END))
    with pytest.raises(ValueError, match="even"):
        run(engine, CODE + 1)
    with pytest.raises(ValueError, match="positive"):
        run(engine, instructions=0)
    with pytest.raises(ValueError, match="no register"):
        engine.register("r16")
    with pytest.raises(ValueError, match="32 bits"):
        engine.set_register("r0", 1 << 32)
    with pytest.raises(ValueError, match="nothing is mapped at 0x30000010"):
        engine.read(NOTHING, 4)
    with pytest.raises(ValueError, match="nothing is mapped at 0x20001000"):
        engine.write(TOP - 2, b"1234")


def test_engines_by_name() -> None:
    assert create("unicorn").name == "unicorn"
    with pytest.raises(UsageError, match='no engine "qemu"; there is: renode, unicorn'):
        create("qemu")
