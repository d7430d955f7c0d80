"""Where a block of instructions goes: the branch at its end, if its target is written in it.

Encodings: Armv7-M ARM, A5.2 and A7.7. Whether a conditional branch is taken is not asked here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Branch:
    """The last instruction of a block.

    Attributes:
        address: of that instruction.
        target: where it goes if it is a direct branch, else None.
        links: it is a call (BL, BLX): the return address goes to LR.
    """

    address: int
    target: int | None
    links: bool


def branch(code: bytes, address: int) -> Branch:
    """Look at the last instruction of a block.

    Args:
        code: the whole block.
        address: where it lies.
    """
    at = 0
    while (after := at + _size(code, at)) < len(code):
        at = after
    first = int.from_bytes(code[at : at + 2], "little")
    second = int.from_bytes(code[at + 2 : at + 4], "little")
    offset = _wide(first, second) if _size(code, at) == 4 else _narrow(first)
    target = None if offset is None else address + at + 4 + offset & 0xFFFFFFFE
    if _size(code, at) == 4:
        return Branch(address + at, target, offset is not None and second & 0xD000 == 0xD000)
    return Branch(address + at, target, first & 0xFF87 == 0x4780)


def _size(code: bytes, at: int) -> int:
    return 4 if code[at + 1 : at + 2] >= b"\xe8" else 2


def _narrow(code: int) -> int | None:
    """Offset from PC of B and CBZ in 16 bits."""
    if code >> 12 == 0xD and code >> 8 & 0xF < 0xE:
        return _signed(code & 0xFF, 8) * 2
    if code >> 11 == 0x1C:
        return _signed(code & 0x7FF, 11) * 2
    if code & 0xF500 == 0xB100:
        return (code >> 9 & 1) << 6 | (code >> 3 & 0x1F) << 1
    return None


def _wide(first: int, second: int) -> int | None:
    """Offset from PC of B and BL in 32 bits."""
    if first >> 11 != 0x1E or not second & 0x8000:
        return None
    sign, j1, j2 = first >> 10 & 1, second >> 13 & 1, second >> 11 & 1
    if second & 0x1000:  # B and BL without a condition of their own
        high = sign << 23 | (j1 ^ sign ^ 1) << 22 | (j2 ^ sign ^ 1) << 21 | (first & 0x3FF) << 11
        return _signed(high | second & 0x7FF, 24) * 2
    if second & 0x4000 or first >> 7 & 7 == 7:  # BLX of other profiles; MSR, MRS, hints, barriers
        return None
    high = sign << 19 | j2 << 18 | j1 << 17 | (first & 0x3F) << 11
    return _signed(high | second & 0x7FF, 20) * 2


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value
