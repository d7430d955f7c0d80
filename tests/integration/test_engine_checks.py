"""What silicon faults on and the emulated core does not: the engine's own checks, on every core."""

from __future__ import annotations

import pytest
from guest import ENABLE_FPU, END, FLASH, TOP, assembled, at_the_end, loaded, machine_of, run

from lab.cores import CORES
from lab.engines.base import Fault, StopReason
from lab.engines.unicorn_engine import UnicornEngine

THUMB2 = [name for name in CORES if name != "cortex-m0plus"]
WITH_FPU = [name for name, core in CORES.items() if core.fpu != "none"]
AT = "ldr r4, =0x20000100 \n"
TRAP_DIVISIONS = """
    ldr r0, =0xe000ed14
    ldr r1, [r0]
    orr r1, #0x10
    str r1, [r0]
    dsb
    isb
"""


def ran(source: str, core: str) -> tuple[UnicornEngine, Fault]:
    """Run to the fault it ends with."""
    engine = loaded(assembled(source + END, CORES[core]), machine_of(CORES[core]))
    stop = run(engine)
    assert stop.reason is StopReason.FAULT
    assert stop.fault
    return engine, stop.fault


def instruction_at(engine: UnicornEngine, pc: int) -> bytes:
    return engine.read(pc, 4)


@pytest.mark.parametrize("core", THUMB2)
@pytest.mark.parametrize(
    ("before", "access", "address"),
    [
        ("adds r4, #1", "ldrd r0, r1, [r4]", 0x20000101),
        ("adds r4, #2", "ldrd r0, r1, [r4, #8]", 0x2000010A),
        ("adds r4, #3", "strd r0, r1, [r4], #8", 0x20000103),
        ("adds r4, #1", "ldm r4, {r0-r2}", 0x20000101),
        ("adds r4, #2", "stm r4!, {r0-r2}", 0x20000102),
        ("adds r4, #2", "ldrex r0, [r4]", 0x20000102),
        # the address is computed in the block of the access: looked at right before it
        ("movs r3, #6 \n add r4, r3", "ldrd r0, r1, [r4]", 0x20000106),
        # and in an earlier one: looked at on entry
        ("movs r3, #6 \n add r4, r3 \n b 1f \n nop \n 1: nop", "ldrd r0, r1, [r4]", 0x20000106),
        ("movs r3, #1 \n add r4, r3 \n cmp r3, #1 \n it eq", "ldrdeq r0, r1, [r4]", 0x20000101),
    ],
)
def test_several_words_at_an_unaligned_address(
    core: str, before: str, access: str, address: int
) -> None:
    source = f"{AT}{before}\n.global fault\nfault: {access}"
    image = assembled(source + END, CORES[core])
    engine = loaded(image, machine_of(CORES[core]))
    stop = run(engine)
    assert stop.fault == Fault("unaligned", image.symbols["fault"].address & ~1, address)
    assert engine.register("pc") == stop.pc == image.symbols["fault"].address & ~1


@pytest.mark.parametrize("core", THUMB2)
@pytest.mark.parametrize(
    "source",
    [
        "ldrd r0, r1, [r4] \n ldm r4!, {r0-r2} \n strd r0, r1, [r4, #4] \n stm r4, {r0, r1}",
        "adds r4, #1 \n ldr r0, [r4] \n str r0, [r4, #1] \n ldrh r0, [r4] \n strh r0, [r4]",
        "push {r0-r3} \n ldrd r0, r1, [sp, #8] \n add r3, sp, #4 \n ldm r3, {r0, r1}",
        # not executed: the condition does not hold
        "adds r4, #1 \n cmp r4, r4 \n it ne \n ldrdne r0, r1, [r4]",
        # aligned in every round of a loop of one block
        "movs r5, #5 \n 1: ldrd r0, r1, [r4], #8 \n subs r5, #1 \n bne 1b",
    ],
)
def test_what_silicon_allows_passes(core: str, source: str) -> None:
    engine = loaded(assembled(AT + source + END, CORES[core]), machine_of(CORES[core]))
    at_the_end(run(engine))


@pytest.mark.parametrize("core", THUMB2)
def test_a_loop_that_loses_its_alignment(core: str) -> None:
    source = f"{AT} movs r5, #9 \n 1: ldrd r0, r1, [r4] \n adds r4, #1 \n subs r5, #1 \n bne 1b"
    engine, fault = ran(source, core)
    assert (fault.kind, fault.address) == ("unaligned", 0x20000101)
    assert engine.register("r5") == 8
    assert engine.totals().instructions == 2 + 4


@pytest.mark.parametrize("core", THUMB2)
def test_what_precedes_the_fault_in_its_block_counts_and_nothing_else(core: str) -> None:
    engine, _ = ran(
        f"{AT} b 1f \n 1: adds r4, #1 \n movs r0, #7 \n ldm r4, {{r1, r2}} \n nop", core
    )
    assert engine.totals().instructions == 4
    assert engine.register("r0") == 7
    engine.reset()
    assert run(engine).fault == Fault("unaligned", engine.register("pc"), 0x20000101)


@pytest.mark.parametrize("core", WITH_FPU)
@pytest.mark.parametrize(
    "later", ["ldrd r0, r1, [r4]", "vadd.f32 s0, s1, s2", ".hword 0xee31, 0x0b02"]
)
def test_the_first_fault_of_a_block_is_told(core: str, later: str) -> None:
    """Unaligned, without FPU, or undefined: but something before it in the block faults first."""
    source = f"{AT} ldr r5, =0x30000010 \n adds r4, #1 \n b 1f \n 1: nop \n str r0, [r5] \n {later}"
    image = assembled(source + END, CORES[core])
    engine = loaded(image, machine_of(CORES[core]))
    stop = run(engine)
    assert stop.fault
    assert (stop.fault.kind, stop.fault.address) == ("write_unmapped", 0x30000010)
    assert engine.read(stop.fault.pc, 2) == b"\x28\x60"
    assert engine.register("pc") == stop.fault.pc
    assert engine.totals().instructions == 5


@pytest.mark.parametrize("core", THUMB2)
def test_a_watched_access_leaves_later_stops_exact(core: str) -> None:
    """With a hook on an instruction Unicorn loses PC when it is stopped between chained blocks."""
    source = f"""{AT} movs r3, #8
        add r4, r3
        ldrd r0, r1, [r4]
        bl 1f
        b 2f
    1:  bx lr
    2:  cmp r0, r0
        beq 3f
        nop
    3:  b 4f
        nop
    .global after
    after:
    4:  nop
    """
    image = assembled(source + END, CORES[core])
    engine = loaded(image, machine_of(CORES[core]))
    for _ in range(3):
        stop = run(engine, image.symbols["after"].address & ~1)
        assert stop.pc == image.symbols["after"].address & ~1
        at_the_end(run(engine))
        engine.reset()


@pytest.mark.parametrize("core", WITH_FPU)
@pytest.mark.parametrize(
    "access", ["vldr s0, [r4]", "vstr s0, [r4, #4]", "vldmia r4!, {s0, s1}", "vldr d1, [r4]"]
)
def test_floating_point_at_an_unaligned_address(core: str, access: str) -> None:
    _, fault = ran(f"{ENABLE_FPU}{AT} adds r4, #2 \n {access}", core)
    assert fault.kind == "unaligned"
    assert fault.address in (0x20000102, 0x20000106)


def test_the_smallest_core_faults_on_any_unaligned_access() -> None:
    _, fault = ran(f"{AT} adds r4, #1 \n ldr r0, [r4]", "cortex-m0plus")
    assert fault.kind == "unaligned"


@pytest.mark.parametrize("core", THUMB2)
def test_division_by_zero_is_a_fault_where_the_firmware_asks_for_it(core: str) -> None:
    divide = "movs r2, #9 \n movs r3, #0 \n udiv r1, r2, r3"
    engine, fault = ran(divide, core)
    assert fault.kind == "breakpoint"
    assert engine.register("r1") == 0
    engine, fault = ran(TRAP_DIVISIONS + divide, core)
    assert fault.kind == "divide_by_zero"
    assert engine.read(fault.pc, 4) == b"\xb2\xfb\xf3\xf1"
    assert engine.totals().instructions == 6 + 2
    engine.reset()
    stop = run(engine)
    assert stop.fault == fault


@pytest.mark.parametrize("core", THUMB2)
def test_a_division_that_ran_before_the_trap_was_asked_for(core: str) -> None:
    source = f"""
        movs r7, #2
    1:  movs r2, #9
        subs r3, r7, #1
        udiv r1, r2, r3
        subs r7, #1
        beq 2f
        {TRAP_DIVISIONS}
        b 1b
    2:
    """
    engine, fault = ran(source, core)
    assert fault.kind == "divide_by_zero"
    assert engine.register("r7") == 1


@pytest.mark.parametrize("core", sorted(set(CORES) - set(WITH_FPU) - {"cortex-m0plus"}))
def test_no_fpu_means_no_floating_point_whatever_cpacr_is_told(core: str) -> None:
    flags = [flag for flag in CORES["cortex-m4f"].flags if not flag.startswith("-mcpu")]
    assert flags
    vadd = ".hword 0xee30, 0x0a20"  # vadd.f32 s0, s0, s1
    engine, fault = ran(f"{ENABLE_FPU} ldr r2, [r0] \n b 1f \n 1: {vadd}", core)
    assert fault.kind == "no_coprocessor"
    assert engine.register("r2") == 0, "CPACR reads as zero"


@pytest.mark.parametrize("core", WITH_FPU)
def test_double_precision_needs_a_core_that_has_it(core: str) -> None:
    vadd, vmov = ".hword 0xee31, 0x0b02", ".hword 0xeeb0, 0x0b41"  # vadd.f64, vmov.f64 d0, d1
    _, fault = ran(f"{ENABLE_FPU} nop \n {vadd}", core)
    double = CORES[core].fpu == "double"
    assert fault.kind == ("breakpoint" if double else "undefined_instruction")
    if core.startswith("cortex-m7"):
        assert ran(f"{ENABLE_FPU} {vmov}", core)[1].kind == "breakpoint"


THUMB2_ONLY = {  # not in Armv6-M
    "sdiv": "0xfb91, 0xf0f3", "movw": "0xf240, 0x0001", "smlad": "0xfb20, 0x0001",
    "bfi": "0xf361, 0x0007", "cbz": "0xb100",
}  # fmt: skip
DSP = {"smlad"}


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", THUMB2_ONLY)
def test_instructions_a_core_does_not_have(core: str, name: str) -> None:
    # Without a literal pool: the program has to assemble for every core.
    _, fault = ran(f"movs r3, #3 \n b 1f \n 1: .hword {THUMB2_ONLY[name]} \n nop", core)
    has = core != "cortex-m0plus" and (name not in DSP or core != "cortex-m3")
    assert fault.kind == ("breakpoint" if has else "undefined_instruction")


@pytest.mark.parametrize("core", CORES)
def test_the_cycle_counter_is_there_where_the_architecture_has_it(core: str) -> None:
    source = """
        ldr r0, =0xe0001000
        movs r1, #1
        str r1, [r0]
        nop
        ldr r2, [r0, #4]
    """
    engine, _ = ran(source, core)
    assert (engine.register("r2") > 0) == (core != "cortex-m0plus")
    assert engine.read(FLASH, 4)


def at_the_border(before: str, it: str, after: str) -> str:
    """A program whose IT is the last instruction of a page: the next block begins inside it."""
    return f"""{before}
        b 1f
        .ltorg
        .org 0x3f6
    1:  {it}
        {after}
    """


@pytest.mark.parametrize("core", THUMB2)
def test_an_it_that_reaches_into_the_next_block(core: str) -> None:
    skipped = "ldr r3, =0x20000101 \n movs r2, #1 \n cmp r2, #1"
    source = at_the_border(skipped, "it ne", "ldrdne r0, r1, [r3]")
    engine = loaded(assembled(source + END, CORES[core]), machine_of(CORES[core]))
    at_the_end(run(engine))
    taken = at_the_border(skipped, "it eq", "ldrdeq r0, r1, [r3]")
    assert ran(taken, core)[1] == Fault("unaligned", FLASH + 0x400, 0x20000101)
    moved = at_the_border(skipped, "it ne", "movne r3, sp \n ldrd r0, r1, [r3]")
    assert ran(moved, core)[1] == Fault("unaligned", FLASH + 0x402, 0x20000101)


@pytest.mark.parametrize("core", THUMB2)
def test_a_push_that_an_it_of_the_block_before_skips(core: str) -> None:
    compare = "movs r2, #1 \n cmp r2, #1"
    source = at_the_border(compare, "it ne", "stmdbne sp!, {r0-r3}")
    engine = loaded(assembled(source + END, CORES[core]), machine_of(CORES[core]))
    at_the_end(run(engine))
    lowest = engine.lowest_sp()
    assert (lowest.sp, lowest.exact) == (TOP, True)
    source = at_the_border(compare, "it eq", "stmdbeq sp!, {r0-r3}")
    engine = loaded(assembled(source + END, CORES[core]), machine_of(CORES[core]))
    at_the_end(run(engine))
    assert engine.lowest_sp().sp == TOP - 16


@pytest.mark.parametrize("core", THUMB2)
def test_the_trap_holds_from_the_next_block_on(core: str) -> None:
    source = """
        ldr r5, =0xe000ed14
        movs r6, #0x10
        movs r7, #9
        movs r1, #0
    1:  sdiv r0, r7, r1
        cmp r7, #5
        bne 2f
        str r6, [r5]
    2:  subs r7, #1
        bne 1b
    """
    engine, fault = ran(source, core)
    assert fault.kind == "divide_by_zero"
    assert engine.register("r7") == 4


@pytest.mark.parametrize("core", WITH_FPU)
def test_a_watched_access_before_the_first_floating_point(core: str) -> None:
    source = f"{AT} adds r4, #1 \n cmp r4, r4 \n it eq \n ldrdeq r0, r1, [r4] \n vldr s0, [sp]"
    _, fault = ran(source, core)
    assert (fault.kind, fault.address) == ("unaligned", 0x20000101)
