"""What fault a core has taken, read from what it left behind when it entered the handler."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from lab.cores import EXCEPTION_RETURN
from lab.engines.base import Fault
from lab.errors import NoVerdictError

# Armv7-M ARM, B1.5.2: numbers of the exceptions that a fault of the firmware ends in.
HARD_FAULT, USAGE_FAULT, SUPERVISOR_CALL, DEBUG_MONITOR = 3, 6, 11, 12
EXCEPTIONS = (HARD_FAULT, 4, 5, USAGE_FAULT, SUPERVISOR_CALL, DEBUG_MONITOR)
_NO_FLOATS = 1 << 4  # in that LR: the frame is the short one
_SHORT, _LONG = 0x20, 0x68  # bytes of a frame
_ALIGNED = 1 << 9  # in the xPSR of a frame: SP was not a multiple of 8
_IPSR = 0x1FF

# Armv7-M ARM, B3.2.15: bits of the Configurable Fault Status Register.
_PRECISE, _IMPRECISE, _DATA_ACCESS = 1 << 9, 1 << 10, 1 << 1
_STACKING = 1 << 12 | 1 << 4
MEMORY_ADDRESS_VALID, BUS_ADDRESS_VALID = 1 << 7, 1 << 15
_BY_STATUS = (
    (1 << 19, "no_coprocessor"),
    (1 << 16, "undefined_instruction"),
    (1 << 17, "invalid_state"),
    (1 << 18, "exception_return"),
    (1 << 24, "unaligned"),
    (1 << 25, "divide_by_zero"),
    (1 << 8, "fetch_unmapped"),
    (1 << 0, "fetch_protected"),
)
_BREAKPOINT = 0xBE  # high byte of BKPT
# renode-infrastructure Main/Peripherals/Bus/SystemBus.cs, ReportNonExistingRead and Write, with the
# PC that its DecorateWithCPUNameAndPC puts in front.
_ACCESS = re.compile(
    r"\[[\w.]*cpu: 0x([0-9A-Fa-f]+)\] .*?(Read|Write)\w+ (?:from|to) non existing peripheral "
    r"at 0x([0-9A-Fa-f]+)"
)


def in_handler(lr: int, xpsr: int) -> int:
    """Number of the exception whose handler has just been entered; 0: of none that is a fault."""
    number = xpsr & _IPSR
    return number if lr >= EXCEPTION_RETURN and number in EXCEPTIONS else 0


def frame_size(lr: int) -> int:
    """Bytes that the core pushed, by the LR it left in the handler."""
    return _SHORT if lr & _NO_FLOATS else _LONG


@dataclass(frozen=True)
class Frame:
    """The registers that a core pushes when it takes an exception."""

    SIZE: ClassVar[int] = _SHORT

    lr: int
    pc: int
    xpsr: int

    @classmethod
    def of(cls, data: bytes) -> Frame:
        """Read from the stack; ``data`` begins where SP stands."""
        words = [int.from_bytes(data[at : at + 4], "little") for at in range(20, 32, 4)]
        return cls(*words)

    def sp(self, sp: int, size: int) -> int:
        """SP before it was pushed."""
        return sp + size + (4 if self.xpsr & _ALIGNED else 0)


@dataclass(frozen=True)
class Taken:
    """An exception that was taken.

    Attributes:
        number: of the exception.
        status: Configurable Fault Status Register.
        frame: what was pushed.
        code: bytes at its PC, at most 4; empty where no memory is.
        address: of the access that failed, where a register holds it.
    """

    number: int
    status: int
    frame: Frame
    code: bytes
    address: int | None

    def fault(self) -> Fault:
        """The fault in the engines' words.

        Raises:
            NoVerdictError: it is none that is known.
        """
        pc = self.frame.pc & ~1
        if self.number == SUPERVISOR_CALL:
            return Fault("supervisor_call", pc - 2)  # the frame holds where to go on
        if self.number == DEBUG_MONITOR or self.code[1:2] == bytes([_BREAKPOINT]):
            return Fault("breakpoint", pc)
        if self.status & (_PRECISE | _IMPRECISE | _DATA_ACCESS):
            late = bool(self.status & _IMPRECISE)
            return Fault(self._access(), pc, self.address, late)
        if self.status & _STACKING:
            return Fault("write_unmapped", pc, self.address)
        for bit, kind in _BY_STATUS:
            if self.status & bit:
                return Fault(kind, pc, pc if kind == "invalid_state" else None)
        if self.number == USAGE_FAULT:
            return Fault("undefined_instruction", pc)
        raise NoVerdictError(
            f"no verdict: Renode took exception {self.number} at 0x{pc:08x}, and its fault status "
            f"0x{self.status:08x} tells nothing"
        )

    def _access(self) -> str:
        protected = bool(self.status & _DATA_ACCESS)
        if not stores(self.code):
            return "read_unmapped"
        return "write_protected" if protected else "write_unmapped"


def stores(code: bytes) -> bool:
    """Whether the first instruction of these bytes writes memory."""
    import capstone  # takes a while, and few runs end in a fault

    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    name = next((mnemonic for *_, mnemonic, _ in decoder.disasm_lite(code, 0)), "")
    return name.startswith(("st", "push", "vst", "vpush"))


def logged_access(lines: str) -> Fault | None:
    """The first access where nothing is mapped that Renode's log tells of."""
    match = _ACCESS.search(lines)
    if match is None:
        return None
    pc, address = int(match[1], 16), int(match[3], 16)
    if match[2] == "Read" and pc & ~1 == address & ~1:
        return Fault("fetch_unmapped", pc & ~1)
    kind = "read_unmapped" if match[2] == "Read" else "write_unmapped"
    return Fault(kind, pc & ~1, address, late=True)
