"""Branch targets against the disassembler, for every encoding there is."""

from __future__ import annotations

import re

import capstone
from hypothesis import example, given
from hypothesis import strategies as st

from lab.branches import branch

_CS = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
BASE = 0x08000100
_DIRECT = re.compile(r"(b|bl|cbz|cbnz)(eq|ne|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?")


def expected(code: bytes) -> tuple[int | None, bool]:
    (one,) = _CS.disasm_lite(code, BASE)
    _, _, mnemonic, operands = one
    name = mnemonic.partition(".")[0]
    links = name in {"bl", "blx"}
    if not _DIRECT.fullmatch(name):
        return None, links
    return int(operands.rpartition("#")[2], 0) & 0xFFFFFFFF, links


def check(code: bytes) -> None:
    if [size for _, size, *_ in _CS.disasm_lite(code, BASE)] != [len(code)]:
        return  # no instruction of this length
    found = branch(code, BASE)
    assert (found.target, found.links) == expected(code), code.hex()
    assert found.address == BASE


def test_all_of_16_bits() -> None:
    for first in range(0xE800):
        check(first.to_bytes(2, "little"))


@given(st.integers(0xE800, 0xFFFF), st.integers(0, 0xFFFF))
@example(0xF7FF, 0xFFFE)  # bl to itself
@example(0xF000, 0x8000)  # beq.w
@example(0xF3AF, 0x8000)  # nop.w
@example(0xF3BF, 0x8F4F)  # dsb
def test_32_bits(first: int, second: int) -> None:
    check(first.to_bytes(2, "little") + second.to_bytes(2, "little"))


@given(st.integers(0xF000, 0xF7FF), st.integers(0x8000, 0xFFFF))
def test_32_bit_branches(first: int, second: int) -> None:
    check(first.to_bytes(2, "little") + second.to_bytes(2, "little"))


def test_the_last_of_a_block_counts() -> None:
    push_bl = bytes.fromhex("10b5 00f0 01f8")  # push {r4, lr}; bl to 2 behind the block
    found = branch(push_bl, BASE)
    assert (found.address, found.target, found.links) == (BASE + 2, BASE + 8, True)
    cut = branch(push_bl[:4], BASE)
    assert cut.target is not None or cut.address == BASE + 2, "half an instruction is no crash"
    assert branch(b"", BASE).target is None
