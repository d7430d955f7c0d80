"""Engine ``renode`` with the fake Renode, beside the embedded one: where both can know, they agree.

The fake has the embedded engine underneath, so this is about our driver: slices, hooks, budgets,
faults and the painted stack. What Renode itself does, only Renode can tell.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import renode_fake
from guest import (
    CODE,
    CORE,
    ENABLE_FPU,
    FLASH,
    MACHINE,
    NOTHING,
    RAM,
    TOP,
    linked,
    loaded,
    machine_of,
    run,
)

from lab.cores import CORES
from lab.elf import Image, Segment
from lab.engines.base import Engine, Fault, LowestSp, Machine, Region, Stop, StopReason, Totals
from lab.engines.registry import create
from lab.engines.renode.engine import RenodeEngine
from lab.errors import UsageError

VECTORS = 16 * 4
START = FLASH + VECTORS
HANDLER = START  # the first thing behind the vectors


def guest(source: str) -> Image:
    """A program whose faults all end in one handler, an endless loop at ``HANDLER``."""
    return linked(f"""
        .syntax unified
        .section .vectors, "ax"
        .word {TOP}, start
        .rept 14
        .word handler
        .endr
        .text
        .thumb_func
        handler: b .
        nop
        .thumb_func
        start: {source}
        .ltorg
        """)


BEGIN = HANDLER + 4


@pytest.fixture(params=renode_fake.GENERATIONS)
def generation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    generation = str(request.param)
    renode_fake.use(monkeypatch, generation)
    return generation


@pytest.fixture
def on_renode(generation: str) -> Iterator[Callable[[Image], RenodeEngine]]:
    engine = RenodeEngine()

    def load(image: Image, machine: Machine = MACHINE) -> RenodeEngine:
        engine.load(machine, image.segments, FLASH)
        return engine

    yield load
    engine.close()


OnRenode = Callable[..., RenodeEngine]


def go(engine: Engine, *until: int, instructions: int = 10**7, stack_limit: int = 0) -> Stop:
    return engine.run(until, instructions=instructions, seconds=60, stack_limit=stack_limit)


def test_it_says_what_it_is(generation: str, on_renode: OnRenode) -> None:
    engine = on_renode(guest("b ."))
    assert engine.name == "renode"
    behaves = "" if generation == "1.16.1" else ", behaves as master"
    assert engine.version == f"1.16.1{behaves}"
    assert not engine.sees_blocks
    with pytest.raises(ValueError, match="does not see blocks"):
        engine.profile()


# ---- stops ----

LOOP = "movs r0, #0 \n 1: adds r0, #1 \n bl 2f \n b 1b \n 2: adds r1, #1 \n bx lr"
SUBROUTINE = BEGIN + 2 + 2 + 4 + 2


def test_markers_and_what_they_count(on_renode: OnRenode) -> None:
    image = guest(LOOP)
    renode, unicorn = on_renode(image), loaded(image)
    for _ in range(4):
        for marker in (SUBROUTINE, BEGIN + 8):
            stop = go(renode, marker)
            assert stop == run(unicorn, marker) == Stop(StopReason.ADDRESS, marker)
            assert renode.totals() == Totals(unicorn.totals().instructions, None)
            for name in ("r0", "r1", "lr", "sp", "pc"):
                assert renode.register(name) == unicorn.register(name)


def test_the_address_it_stands_on_is_passed(on_renode: OnRenode) -> None:
    engine = on_renode(guest(LOOP))
    for times in range(1, 4):
        assert go(engine, SUBROUTINE) == Stop(StopReason.ADDRESS, SUBROUTINE)
        assert engine.register("r0") == times
    go(engine, BEGIN + 8)  # takes the marker away, and stands where the next one is
    assert go(engine, BEGIN + 8, SUBROUTINE).pc == SUBROUTINE
    assert engine.register("r0") == 4


def test_a_marker_many_slices_away(on_renode: OnRenode) -> None:
    image = guest("ldr r0, =1500000 \n 1: subs r0, #1 \n bne 1b \n b 2f \n 2: nop \n b .")
    renode, unicorn = on_renode(image), loaded(image)
    marker = BEGIN + 2 + 2 + 2 + 2
    assert go(renode, marker) == run(unicorn, marker) == Stop(StopReason.ADDRESS, marker)
    assert renode.totals().instructions == unicorn.totals().instructions > 3_000_000


@pytest.mark.parametrize("budget", [1, 3, 100, 5_000, 250_000])
def test_the_budget_is_exceeded_by_fewer_than_100(on_renode: OnRenode, budget: int) -> None:
    engine = on_renode(guest(LOOP))
    assert go(engine, instructions=budget).reason is StopReason.INSTRUCTION_BUDGET
    # Of the fake, some more: it ends with a block.
    assert budget <= engine.totals().instructions < budget + 100 + 3


def test_wall_clock(on_renode: OnRenode) -> None:
    engine = on_renode(guest(LOOP))
    stop = engine.run((), instructions=1 << 40, seconds=1e-6)
    assert stop.reason is StopReason.WALL_CLOCK
    assert engine.totals().instructions > 0


@pytest.mark.parametrize("loop", ["1: b 1b", ".inst.w 0xf7ffbffe"])
def test_an_endless_loop(on_renode: OnRenode, loop: str) -> None:
    engine = on_renode(guest(f"nop \n b 2f \n 2: {loop}"))
    assert go(engine) == Stop(StopReason.HALTED, BEGIN + 4)


def test_a_firmware_that_gives_up_by_itself(on_renode: OnRenode) -> None:
    assert go(on_renode(guest("bl handler"))) == Stop(StopReason.HALTED, HANDLER)


# ---- faults ----


@pytest.mark.parametrize(
    ("source", "kind", "offset"),
    [
        ("nop \n udf #3", "undefined_instruction", 2),
        ("nop \n svc 5", "supervisor_call", 2),
        ("nop \n bkpt 0x10", "breakpoint", 2),
        ("nop \n vadd.f32 s0, s0, s1", "no_coprocessor", 2),
    ],
)
def test_faults_of_an_instruction(on_renode: OnRenode, source: str, kind: str, offset: int) -> None:
    image = guest(f"push {{r0-r2}} \n {source}")
    renode, unicorn = on_renode(image), loaded(image)
    stop = go(renode)
    assert stop == run(unicorn)
    assert stop.fault == Fault(kind, BEGIN + 2 + offset)
    for name in ("r0", "lr", "sp", "pc"):  # as they were in front of the handler
        assert renode.register(name) == unicorn.register(name)
    assert renode.totals().instructions == unicorn.totals().instructions


def test_a_fault_on_armv8m(on_renode: OnRenode) -> None:
    engine = on_renode(guest("push {r0} \n udf #3"), machine_of(CORES["cortex-m33f"]))
    assert go(engine).fault == Fault("undefined_instruction", BEGIN + 2)
    assert engine.register("sp") == TOP - 4


def test_a_branch_to_an_even_address(on_renode: OnRenode) -> None:
    stop = go(on_renode(guest(f"ldr r0, ={FLASH + 0x100} \n bx r0")))
    assert stop.fault == Fault("invalid_state", FLASH + 0x100, FLASH + 0x100)


def test_code_that_is_not_there(on_renode: OnRenode) -> None:
    stop = go(on_renode(guest(f"ldr r0, ={NOTHING + 1} \n bx r0")))
    assert stop.fault == Fault("fetch_unmapped", NOTHING)


READ = f"ldr r0, ={NOTHING} \n push {{r0}} \n ldr r2, [r0, #4] \n 1: adds r3, #1 \n b 1b"
WRITE = f"ldr r0, ={NOTHING} \n push {{r0}} \n strh r0, [r0, #4] \n 1: adds r3, #1 \n b 1b"


@pytest.mark.parametrize(("source", "kind"), [(READ, "read_unmapped"), (WRITE, "write_unmapped")])
def test_accesses_where_nothing_is(
    generation: str, on_renode: OnRenode, source: str, kind: str
) -> None:
    engine = on_renode(guest(source))
    stop = go(engine)
    late = generation == "1.16.1"
    assert stop.fault == Fault(kind, BEGIN + 4, NOTHING + 4, late)
    if late:
        assert engine.register("r3") > 0  # it ran on
    else:
        assert stop.pc == engine.register("pc") == BEGIN + 4
        assert engine.register("sp") == TOP - 4
    assert go(engine).reason is not StopReason.ADDRESS  # and it can be asked again


def test_a_late_fault_is_not_taken_for_one_of_the_next_run(on_renode: OnRenode) -> None:
    engine = on_renode(guest(f"nop \n b 2f \n 2: {READ}"))
    assert go(engine).reason is StopReason.FAULT
    engine.reset()
    assert go(engine, BEGIN + 4) == Stop(StopReason.ADDRESS, BEGIN + 4)


def test_a_vector_table_without_handlers(on_renode: OnRenode) -> None:
    words = struct.pack("<16I", TOP, CODE + 56 + 1, *[0] * 14)
    engine = on_renode(guest("b ."))
    engine.load(MACHINE, [Segment(FLASH, words + b"\x03\xde\xfe\xe7")], FLASH)
    stop = go(engine)
    assert stop.fault == Fault("undefined_instruction", FLASH + 64)


# ---- stack ----

RECURSION = """
    movs r0, #{}
    bl 1f
    b .
 1: push {{r4, lr}}
    sub sp, #24
    str r0, [sp]
    subs r0, #1
    beq 2f
    bl 1b
 2: add sp, #24
    pop {{r4, pc}}"""


@pytest.mark.parametrize("depth", [1, 7, 50])
def test_what_was_written_tells_the_depth(on_renode: OnRenode, depth: int) -> None:
    engine = on_renode(guest(RECURSION.format(depth)))
    assert go(engine, stack_limit=RAM).reason is StopReason.HALTED
    assert engine.lowest_sp() == LowestSp(TOP - 32 * depth, None, exact=False)


def test_room_that_is_not_written_does_not_show(on_renode: OnRenode) -> None:
    engine = on_renode(guest("push {r0} \n sub sp, #64 \n add sp, #64 \n b ."))
    go(engine, stack_limit=RAM)
    assert engine.lowest_sp().sp == TOP - 4


def test_restart_of_the_lowest(on_renode: OnRenode) -> None:
    engine = on_renode(
        guest("push {r0-r7} \n pop {r0-r7} \n bl 1f \n b . \n 1: push {r0} \n pop {r0} \n bx lr")
    )
    go(engine, BEGIN + 2 + 2 + 4 + 2, stack_limit=RAM)
    assert engine.lowest_sp().sp == TOP - 32
    engine.restart_lowest_sp()
    assert engine.lowest_sp().sp == TOP
    go(engine, stack_limit=RAM)
    assert engine.lowest_sp().sp == TOP - 4


def test_without_a_limit_nothing_is_painted(on_renode: OnRenode) -> None:
    engine = on_renode(guest("push {r0} \n pop {r0} \n 1: push {r1} \n b 2f \n 2: b ."))
    go(engine)
    assert engine.lowest_sp().sp == TOP - 4  # where it stands
    assert engine.read(RAM, TOP - 4 - RAM) == bytes(TOP - 4 - RAM)


@pytest.mark.parametrize(
    "source",
    [
        RECURSION.format(20),
        "movs r0, #140 \n 1: push {r0-r7} \n subs r0, #1 \n bne 1b \n b .",  # to where nothing is
        "sub sp, #128 \n b .",  # written nowhere
    ],
)
def test_a_stack_limit_that_was_passed(on_renode: OnRenode, source: str) -> None:
    engine = on_renode(guest(source))
    assert go(engine, stack_limit=TOP - 80).reason is StopReason.STACK_LIMIT


def test_a_stack_that_stays_above_its_limit(on_renode: OnRenode) -> None:
    engine = on_renode(guest(RECURSION.format(2)))
    assert go(engine, stack_limit=TOP - 64 - 32).reason is StopReason.HALTED


# ---- the device ----


def test_a_reset_brings_everything_back(on_renode: OnRenode) -> None:
    engine = on_renode(guest(ENABLE_FPU + f"push {{r0}} \n ldr r2, ={RAM} \n str r1, [r2] \n b ."))
    fresh = {name: engine.register(name) for name in ("r0", "r1", "sp", "lr", "pc")}
    for _ in range(2):
        assert go(engine, stack_limit=RAM + 64).reason is StopReason.HALTED
        engine.write(FLASH + 0x1000, b"model")
        engine.reset()
        assert {name: engine.register(name) for name in fresh} == fresh
        assert engine.totals() == Totals(0, None)
        assert engine.read(RAM, 4) == engine.read(TOP - 8, 4) == bytes(4)
        assert engine.read(FLASH + 0x1000, 5) == bytes(5)


def test_initial_contents_in_ram(on_renode: OnRenode) -> None:
    image = guest("b .")
    engine = on_renode(image)
    engine.load(MACHINE, [*image.segments, Segment(RAM + 16, b"data")], FLASH)
    assert engine.read(RAM + 15, 6) == b"\0data\0"


def test_memory_and_registers_can_be_changed(on_renode: OnRenode) -> None:
    engine = on_renode(guest("nop \n b ."))
    for data in (b"", b"x", b"four", bytes(range(200))):
        engine.write(RAM + 4, data)
        assert engine.read(RAM + 4, len(data)) == data
    engine.set_register("r7", 0xFFFFFFFF)
    engine.set_register("pc", HANDLER)
    assert engine.register("r7") == 0xFFFFFFFF
    assert go(engine).pc == HANDLER


def test_an_alias_shows_the_same_cells(on_renode: OnRenode) -> None:
    alias = 0x10000400
    regions = (*MACHINE.regions[:1], replace(MACHINE.regions[1], aliases=(alias,)))
    engine = on_renode(guest("b ."), replace(MACHINE, regions=regions))
    engine.write(alias + 0x20, b"\x09")
    assert engine.read(RAM + 0x20, 1) == b"\x09"


@pytest.mark.parametrize(
    ("regions", "words"),
    [
        ([Region("a", RAM, 1000, True, False)], "multiple of 1024"),
        ([Region("a", RAM, 0, True, False)], "address space"),
        ([Region("a", RAM, 4096, True, False), Region("b", RAM + 1024, 1024, True, False)],
         "overlap"),
        ([Region("a", RAM, 1024, True, False)], "nothing is mapped"),
    ],
)  # fmt: skip
def test_machines_that_cannot_be(on_renode: OnRenode, regions: list[Region], words: str) -> None:
    engine = on_renode(guest("b ."))
    with pytest.raises(ValueError, match=words):
        engine.load(Machine(CORE, tuple(regions)), [Segment(FLASH, bytes(8))], FLASH)
    with pytest.raises(ValueError, match="nothing is loaded"):
        engine.totals()


def test_misuse_is_a_value_error(on_renode: OnRenode) -> None:
    engine = on_renode(guest("b ."))
    with pytest.raises(ValueError, match="even"):
        go(engine, CODE + 1)
    with pytest.raises(ValueError, match="positive"):
        go(engine, instructions=0)
    with pytest.raises(ValueError, match="no register"):
        engine.register("r16")
    with pytest.raises(ValueError, match="32 bits"):
        engine.set_register("r0", 1 << 32)
    with pytest.raises(ValueError, match="nothing is mapped at 0x30000010"):
        engine.read(NOTHING, 4)
    with pytest.raises(ValueError, match="nothing is mapped at 0x20001000"):
        engine.write(TOP - 2, b"1234")


def test_twice_the_same(on_renode: OnRenode) -> None:
    engine = on_renode(guest(RECURSION.format(30)))
    seen = []
    for _ in range(2):
        stop = go(engine, HANDLER, stack_limit=RAM)
        seen.append((stop, engine.totals(), engine.lowest_sp(), engine.read(RAM, TOP - RAM)))
        engine.reset()
    assert seen[0] == seen[1]


def test_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    renode_fake.use(monkeypatch)
    engine = create("renode")
    assert engine.name == "renode"
    del engine
    with pytest.raises(UsageError, match='no engine "qemu"; there is: renode, unicorn'):
        create("qemu")
