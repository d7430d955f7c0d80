"""The stack as an engine finds it that does not see blocks, against the exact figure."""

from __future__ import annotations

import guest
import pytest
from guest import CODE, FLASH, RAM, TOP

from lab.engines.base import Engine, Stop, StopReason
from lab.engines.painted import Painted
from lab.engines.unicorn_engine import UnicornEngine

LIMIT = RAM + 0x400


def loaded(source: str) -> Painted:
    engine = Painted(UnicornEngine())
    engine.load(guest.MACHINE, guest.assembled(source).segments, FLASH)
    return engine


def run(engine: Engine, *until: int, limit: int = LIMIT) -> Stop:
    return engine.run(until, instructions=10**6, seconds=60, stack_limit=limit)


def depth(engine: Engine) -> int:
    return TOP - engine.lowest_sp().sp


@pytest.mark.parametrize(
    ("source", "painted"),
    [
        ("nop", 0),
        ("push {r0-r7, lr} \n pop {r0-r7} \n pop {r0}", 36),
        ("sub sp, #200 \n push {r0} \n add sp, #204", 204),
        ("sub sp, #200 \n add sp, #200", 0),  # never written: not seen
        ("sub sp, #200 \n str r0, [sp, #100] \n add sp, #200", 100),
        ("sub sp, #200 \n movs r0, #7 \n strb r0, [sp, #98] \n add sp, #200", 104),  # whole words
        ("sub sp, #200", 200),  # SP itself is still there
        ("ldr r0, =0xa5a5a5a5 \n push {r0} \n pop {r0}", 0),  # looks like the paint
    ],
)
def test_what_was_written_is_seen(source: str, painted: int) -> None:
    engine = loaded(f"{source} \n b .")
    assert run(engine).reason is StopReason.HALTED
    assert depth(engine) == painted
    assert not engine.lowest_sp().exact
    assert engine.lowest_sp().pc is None


def test_the_next_phase_begins_anew() -> None:
    engine = loaded(
        "push {r0-r7} \n pop {r0-r7} \n bl 1f \n b . \n 1: push {r0} \n pop {r0} \n bx lr"
    )
    assert run(engine, CODE + 10).reason is StopReason.ADDRESS
    assert depth(engine) == 32
    engine.restart_lowest_sp()
    assert depth(engine) == 0
    run(engine)
    assert depth(engine) == 4


def test_what_lies_on_the_stack_is_not_painted_over() -> None:
    engine = loaded("ldr r4, =0x12345678 \n push {r4} \n bl 1f \n pop {r5} \n b . \n 1: bx lr")
    run(engine, CODE + 8)
    engine.restart_lowest_sp()
    assert run(engine).reason is StopReason.HALTED
    assert engine.register("r5") == 0x12345678


def test_nor_what_lies_below_the_stack() -> None:
    engine = loaded("b .")
    engine.write(LIMIT - 4, b"\1\2\3\4")
    run(engine)
    assert engine.read(LIMIT - 4, 4) == b"\1\2\3\4"


@pytest.mark.parametrize("size", [0x400, 0xBE0, 0xBE4, 0xC04])
def test_a_limit_is_noticed_where_the_run_comes_back(size: int) -> None:
    source = f"ldr r1, ={size - 4} \n mov r2, sp \n subs r2, r1 \n mov sp, r2 \n push {{r0}} \n b ."
    stop = run(loaded(source))
    passed = size > TOP - LIMIT - 32  # the last bytes above the limit are taken for too much
    assert stop.reason is (StopReason.STACK_LIMIT if passed else StopReason.HALTED)


def test_a_limit_that_was_passed_on_the_way() -> None:
    source = """
        ldr r0, =0xc10
        mov r4, sp
        subs r1, r4, r0
        mov sp, r1
        push {r0-r7}
        add sp, #0x20
     1: str r0, [r1]
        adds r1, #4
        cmp r1, r4
        bne 1b
        mov sp, r4
        b ."""
    assert run(loaded(source)).reason is StopReason.STACK_LIMIT


def test_instructions_are_the_engines_own_and_nothing_else_is_made_up() -> None:
    engine = loaded("movs r0, #1 \n movs r1, #2 \n b .")
    run(engine)
    assert (engine.totals().instructions, engine.totals().cycles) == (3, None)
    with pytest.raises(ValueError, match="does not see blocks"):
        engine.profile()


def test_reset_and_once_more_is_the_same() -> None:
    engine = loaded("push {r0-r3} \n pop {r0-r3} \n b .")
    run(engine)
    first = (engine.totals(), engine.lowest_sp())
    engine.reset()
    assert depth(engine) == 0
    run(engine)
    assert (engine.totals(), engine.lowest_sp()) == first
