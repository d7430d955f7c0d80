"""What of the executed code depends on the emulator: time, waiting, and calls to a debugger."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import capstone

from lab.engines.base import BlockCount, Engine

WFI = "WFI"
SEMIHOSTING = "semihosting"
SYSTICK = "SysTick"
CYCCNT = "DWT"

_WAITS = ("wfi", "wfe")
_SEMIHOSTING = re.compile(r"bkpt #0xab$")  # Arm 100863, semihosting, section 2.2
_LITERAL = re.compile(r"ldr(?:\.w)? \w+, \[pc(?:, #(0x[0-9a-f]+|[0-9]+))?\]$")
_HALF = re.compile(r"(movw|movt|mov\.w|mov) (\w+), #(0x[0-9a-f]+|[0-9]+)$")
# Armv7-M ARM, table B3-3 (SysTick, in the System Control Space) and table C1-21 (DWT).
_REGISTERS = ((range(0xE000E010, 0xE000E020), SYSTICK), (range(0xE0001000, 0xE0001008), CYCCNT))


def peculiar(engine: Engine, blocks: Iterable[BlockCount]) -> tuple[str, ...]:
    """Which of these the executed blocks hold: an instruction, or an address of such a register.

    An address that is computed is not found.

    Args:
        engine: has the code.
        blocks: what was executed.
    """
    disassembler = capstone.Cs(
        capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
    )
    found: set[str] = set()
    for block in blocks:
        if block.executions:
            code = engine.read(block.address, block.size)
            text = [
                (address, size, f"{mnemonic} {operands}".strip())
                for address, size, mnemonic, operands in disassembler.disasm_lite(
                    code, block.address
                )
            ]
            found.update(_in_block(engine, text))
    return tuple(sorted(found))


def _in_block(engine: Engine, text: Iterable[tuple[int, int, str]]) -> Iterator[str]:
    halves: dict[str, int] = {}
    for address, _, line in text:
        if line.split()[0].split(".")[0] in _WAITS:
            yield WFI
        if _SEMIHOSTING.match(line):
            yield SEMIHOSTING
        if literal := _LITERAL.match(line):
            yield from _named(_word(engine, (address + 4 & ~3) + int(literal[1] or "0", 0)))
        if half := _HALF.match(line):
            value = int(half[3], 0)
            halves[half[2]] = (
                halves.get(half[2], 0) & 0xFFFF | value << 16 if half[1] == "movt" else value
            )
            yield from _named(halves[half[2]])


def _named(address: int) -> Iterator[str]:
    return (name for registers, name in _REGISTERS if address in registers)


def _word(engine: Engine, address: int) -> int:
    try:
        return int.from_bytes(engine.read(address, 4), "little")
    except ValueError:  # no memory there: the load itself is a fault
        return 0
