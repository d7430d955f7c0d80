"""The call chain of a stopped device, from its registers, its stack and the image's CFI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.branches import branch
from lab.cores import EXCEPTION_RETURN
from lab.elf import Image
from lab.engines.base import Engine

_SP, _LR = 13, 14  # DWARF numbers are those of the core registers
_MASK = 0xFFFFFFFF
_WORD = 4
_PUSH_LR = 0xB500  # PUSH with LR in its list


@dataclass(frozen=True)
class Frame:
    """One function of a call chain.

    Attributes:
        function: readable name; the address in hexadecimal where no function is.
        address: of the instruction the core stands on, or will return to.
        line: ``file:line`` of it, or of the call.
        end: SP before the function was called: what lies below and above the callee's end is its
            own; None: not known.
    """

    function: str
    address: int
    line: str | None
    end: int | None = None


def call_chain(
    engine: Engine, image: Image, limit: int = 16, *, lines: bool = True
) -> tuple[Frame, ...]:
    """Who called whom, innermost first.

    Never raises: the chain ends where memory or debug information does. Where a function has no
    CFI its first instructions are read; if they do not tell, the innermost is taken for one that
    has not saved its return address.

    Args:
        engine: stopped; its registers and memory are read.
        image: what it executes, best built with ``-g``.
        limit: frames at most.
        lines: look up source lines, which takes far longer than everything else.
    """
    registers = {number: engine.register(f"r{number}") for number in range(13)}
    registers |= {_SP: engine.register("sp"), _LR: engine.register("lr")}
    pc = engine.register("pc")
    frames: list[Frame] = []
    while len(frames) < limit:
        # A return address may already belong to the next function; the call does not.
        inside = pc - 1 if frames else pc
        caller = _caller(engine, image, inside, registers)
        known = caller is not None
        if not known and not frames:
            caller = registers
        frames.append(
            Frame(
                function=image.function_at(inside) or f"0x{pc:08x}",
                address=pc,
                line=image.line_at(inside) if lines else None,
                end=caller[_SP] if caller and known else None,
            )
        )
        if caller is None or caller[_LR] >= EXCEPTION_RETURN:
            break
        pc = caller[_LR] & ~1
        if image.function_at(pc - 1) is None or (caller == registers and len(frames) > 1):
            break
        registers = caller
    return tuple(frames)


def _caller(
    engine: Engine, image: Image, pc: int, registers: dict[int, int]
) -> dict[int, int] | None:
    """Registers after the return from the function around ``pc``."""
    try:
        row = _row(image, pc)
        if row is None:
            return _by_prologue(engine, image, pc, registers)
        if row["cfa"].reg is None:
            return None
        frame = (registers[row["cfa"].reg] + row["cfa"].offset) & _MASK
        caller = registers | {_SP: frame}
        for number, rule in row.items():
            if isinstance(number, int) and rule.type == "OFFSET":
                data = engine.read((frame + rule.arg) & _MASK, 4)
                caller[number] = int.from_bytes(data, "little")
    except Exception:  # a damaged stack or damaged CFI: the chain ends here
        return None
    return caller


def _row(image: Image, pc: int) -> dict[Any, Any] | None:
    """The CFI table's row for an address."""
    for start, end, entry in image.call_frames:
        if start <= pc < end:
            rows = [row for row in entry.get_decoded().table if row["pc"] <= pc]
            return rows[-1] if rows else None
    return None


def _by_prologue(
    engine: Engine, image: Image, pc: int, registers: dict[int, int]
) -> dict[int, int] | None:
    """The same for a function without CFI: at its begin, or if it has pushed LR and only called.

    So do the comparisons that the compiler's library has for cores without an FPU.
    """
    start = image.function_start(pc)
    if start is None:
        return None
    code = engine.read(start, pc - start + 1 & ~1)
    if not code:
        return registers
    first = int.from_bytes(code[:2], "little")
    calls = (code[at : at + 4] for at in range(2, len(code), 4))
    if first & 0xFF00 != _PUSH_LR or not all(branch(call, 0).links for call in calls):
        return None
    caller = registers | {_SP: (registers[_SP] + _WORD * (first & 0x1FF).bit_count()) & _MASK}
    saved = engine.read((caller[_SP] - _WORD) & _MASK, _WORD)
    caller[_LR] = int.from_bytes(saved, "little")
    return caller
