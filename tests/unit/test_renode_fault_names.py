"""Which fault it was: from the registers a core leaves, and from the lines Renode logs."""

from __future__ import annotations

import struct

import pytest

from lab.engines.base import Fault
from lab.engines.renode.faults import Frame, Taken, frame_size, in_handler, logged_access, stores
from lab.errors import NoVerdictError

PC, BAD = 0x08001234, 0x30000000
LOAD, STORE, BREAK = b"\x08\x68\x00\xbf", b"\x08\x60\x00\xbf", b"\x10\xbe\x00\xbf"
PUSH, WIDE_STORE = b"\x10\xb5\x00\xbf", b"\xc0\xf8\x04\x10"
XPSR = 1 << 24


def taken(number: int, status: int = 0, code: bytes = LOAD, address: int | None = None) -> Fault:
    return Taken(number, status, Frame(0, PC, XPSR), code, address).fault()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (taken(6, 1 << 16), Fault("undefined_instruction", PC)),
        (taken(3, 1 << 16), Fault("undefined_instruction", PC)),  # escalated
        (taken(6, 1 << 19), Fault("no_coprocessor", PC)),
        (taken(6, 1 << 19 | 1 << 16), Fault("no_coprocessor", PC)),
        (taken(6, 1 << 17), Fault("invalid_state", PC, PC)),
        (taken(6, 1 << 18), Fault("exception_return", PC)),
        (taken(6, 1 << 24), Fault("unaligned", PC)),
        (taken(3, 1 << 25), Fault("divide_by_zero", PC)),
        (taken(6), Fault("undefined_instruction", PC)),
        (taken(11), Fault("supervisor_call", PC - 2)),
        (taken(12), Fault("breakpoint", PC)),
        (taken(3, code=BREAK), Fault("breakpoint", PC)),
        (taken(5, 1 << 9, LOAD, BAD), Fault("read_unmapped", PC, BAD)),
        (taken(3, 1 << 9, STORE, BAD), Fault("write_unmapped", PC, BAD)),
        (taken(5, 1 << 10, STORE), Fault("write_unmapped", PC, late=True)),
        (taken(5, 1 << 8), Fault("fetch_unmapped", PC)),
        (taken(4, 1 << 0), Fault("fetch_protected", PC)),
        (taken(4, 1 << 1, STORE, BAD), Fault("write_protected", PC, BAD)),
        (taken(4, 1 << 1, LOAD, BAD), Fault("read_unmapped", PC, BAD)),
        (taken(5, 1 << 12), Fault("write_unmapped", PC)),
    ],
)
def test_the_status_names_the_fault(fault: Fault, expected: Fault) -> None:
    assert fault == expected


@pytest.mark.parametrize("number", [3, 4, 5])
def test_what_nothing_names_is_no_verdict(number: int) -> None:
    with pytest.raises(NoVerdictError, match=f"exception {number} at 0x08001234"):
        taken(number)


def test_only_a_handler_that_was_entered_counts() -> None:
    assert in_handler(0xFFFFFFF9, XPSR | 3) == 3
    assert in_handler(0xFFFFFFE9, XPSR | 6) == 6
    assert in_handler(0xFFFFFFB8, XPSR | 3) == 3  # Armv8-M
    assert in_handler(0xFFFFFFA8, XPSR | 6) == 6
    assert in_handler(PC | 1, XPSR) == 0  # called
    assert in_handler(PC | 1, XPSR | 3) == 0
    assert in_handler(0xFFFFFFF9, XPSR | 15) == 0  # SysTick


@pytest.mark.parametrize(
    ("lr", "xpsr", "sp"),
    [
        (0xFFFFFFF9, XPSR, 0x20000020),
        (0xFFFFFFF9, XPSR | 1 << 9, 0x20000024),
        (0xFFFFFFE9, XPSR, 0x20000068),  # with floating point registers
        (0xFFFFFFB8, XPSR, 0x20000020),  # Armv8-M
        (0xFFFFFFA8, XPSR, 0x20000068),
    ],
)
def test_the_frame_gives_the_registers_back(lr: int, xpsr: int, sp: int) -> None:
    frame = Frame.of(struct.pack("<8I", 0, 1, 2, 3, 12, 0x0800_0101, PC, xpsr))
    assert (frame.lr, frame.pc, frame.xpsr) == (0x08000101, PC, xpsr)
    assert frame.sp(0x20000000, frame_size(lr)) == sp


@pytest.mark.parametrize(
    ("code", "expected"),
    [(LOAD, False), (STORE, True), (PUSH, True), (WIDE_STORE, True), (b"", False)],
)
def test_loads_and_stores_are_told_apart(code: bytes, expected: bool) -> None:
    assert stores(code) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("20:46:07.5783 [WARNING] sysbus: [cpu: 0x8000926] WriteByte to non existing peripheral at "
         "0x10152AA3, value 0x0.", Fault("write_unmapped", 0x8000926, 0x10152AA3, late=True)),
        ("10:00:00 [WARNING] sysbus: [cpu: 0x8000FDC] ReadDoubleWord from non existing peripheral "
         "at 0x5802480C.", Fault("read_unmapped", 0x8000FDC, 0x5802480C, late=True)),
        ("[WARNING] lab/sysbus: [cpu: 0x30000000] ReadByte from non existing peripheral at "
         "0x30000000.", Fault("fetch_unmapped", 0x30000000)),
        ("[WARNING] nvic: Unhandled write to offset 0x0.", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_log_names_the_access(line: str, expected: Fault | None) -> None:
    assert logged_access(f"[INFO] lab: Machine started.\n{line}\n") == expected


def test_the_first_access_counts() -> None:
    lines = (
        "[WARNING] sysbus: [cpu: 0x100] WriteWord to non existing peripheral at 0x40.\n"
        "[WARNING] sysbus: [cpu: 0x200] ReadWord from non existing peripheral at 0x50.\n"
    )
    assert logged_access(lines) == Fault("write_unmapped", 0x100, 0x40, late=True)
