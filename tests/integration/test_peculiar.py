"""Which executed code depends on the emulator: looked for in real guests."""

from __future__ import annotations

import guest
import pytest

from lab.cores import CORES
from lab.engines.unicorn_engine import UnicornEngine
from lab.measure.flows import difference
from lab.measure.peculiar import CYCCNT, SEMIHOSTING, SYSTICK, WFI, peculiar


def found(source: str, core: str = "cortex-m4f") -> tuple[str, ...]:
    engine = UnicornEngine()
    image = guest.assembled(source, CORES[core])
    engine.load(guest.machine_of(CORES[core]), image.segments, guest.FLASH)
    guest.run(engine)
    return peculiar(engine, engine.profile())


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4f", "cortex-m33f"])
@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("movs r0, #1 \n b .", ()),
        ("wfi \n b .", (WFI,)),
        ("wfe \n b .", (WFI,)),
        ("movs r0, #4 \n bkpt 0xab \n b .", (SEMIHOSTING,)),
        ("bkpt 0 \n b .", ()),
        ("ldr r0, =0xe000e018 \n ldr r1, [r0] \n b .", (SYSTICK,)),
        ("ldr r0, =0xe0001004 \n b .", (CYCCNT,)),
        ("ldr r0, =0xe000e020 \n b .", ()),
        ("nop \n ldr r0, =0xe000e010 \n b .", (SYSTICK,)),
        ("b . \n wfi", ()),
    ],
)
def test_what_executed_code_holds(core: str, source: str, what: tuple[str, ...]) -> None:
    assert found(source, core) == what


def test_an_address_in_two_halves() -> None:
    assert found("movw r0, #0xe018 \n movt r0, #0xe000 \n b .") == (SYSTICK,)
    assert found("movw r0, #0xe018 \n movt r1, #0xe000 \n b .") == ()


def test_several_at_once_in_a_fixed_order() -> None:
    assert found("ldr r0, =0xe000e018 \n ldr r1, =0xe0001000 \n wfi \n b .") == (
        CYCCNT, SYSTICK, WFI,
    )  # fmt: skip


def test_what_is_executed_from_one_look_to_the_next() -> None:
    """Also after a reset: the look at all of it and the one at its begin are of two runs."""
    engine = UnicornEngine()
    image = guest.assembled("wfi \n bl 1f \n bl 1f \n b . \n 1: wfe \n bx lr")
    engine.load(guest.MACHINE, image.segments, guest.FLASH)
    guest.run(engine, guest.CODE + 6)
    begin = engine.profile()
    engine.reset()
    guest.run(engine)
    rest = difference(begin, engine.profile())
    once = {(block.address - guest.CODE, block.executions) for block in rest}
    assert once == {(6, 1), (12, 1), (14, 1)}, "the second call, and WFE and BX of its callee"
