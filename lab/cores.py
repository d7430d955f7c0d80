"""The CPU types: compiler flags, emulator model, and what a basic block costs.

A core is a row of ``CORES`` plus a cycle table. ``decode`` turns the bytes of one basic block into
everything the meter needs to know about it; it is called once per block, never while it runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class CycleTable:
    """Cycles of the instruction classes at zero wait states, and what the figures are worth.

    Attributes:
        name: printed next to every figure made with this table.
        accuracy: ``calibrated`` (a published error) or ``uncalibrated``.
        about: where the table comes from and what was compared with silicon.
        load: single load; ``pipelined`` when it directly follows a load whose result is not part
            of its address.
        store: single store.
        fpu_memory: VLDR or VSTR of one word; one more for a doubleword, one less directly after
            another of them.
        multiple: LDM, STM, PUSH, POP, VLDM, VSTM, LDRD, STRD: this plus one for each word.
        taken: added for every branch that is taken.
        load_pc: LDR into PC, without ``taken``.
        table_branch: TBB or TBH, without ``taken``.
        divide: SDIV and UDIV, which take 2 to 12 cycles depending on the operands.
        fpu_divide: VDIV and VSQRT.
        fpu_accumulate: VMLA, VMLS, VFMA and their negated forms.
    """

    name: str
    accuracy: str
    about: str
    load: int
    pipelined: int
    store: int
    fpu_memory: int
    multiple: int
    taken: int
    load_pc: int
    table_branch: int
    divide: int
    fpu_divide: int
    fpu_accumulate: int


@dataclass(frozen=True)
class Core:
    """A CPU type.

    Attributes:
        name: as written in board files, such as ``cortex-m4f``.
        title: as printed.
        flags: what GCC must be told.
        unicorn_model: name of the constant in ``unicorn.arm_const``.
        cpuid: value of SCB->CPUID.
        has_fpu: whether floating point instructions exist (and CPACR must enable them).
        cycles: the cycle model.
    """

    name: str
    title: str
    flags: tuple[str, ...]
    unicorn_model: str
    cpuid: int
    has_fpu: bool
    cycles: CycleTable


# Arm 100166_0001 (Cortex-M4 TRM) table 3-1 and the pipelining rules of the Cortex-M3 TRM
# (100165_0201, section 3.3), which TI's SWCU192 repeats for the M4. Where the manual gives a
# range a fixed value stands in: P = 2 of 1..3 for branches, 6 of 2..12 for divisions.
M4_CYCLES = CycleTable(
    name="cortex-m4-table",
    accuracy="uncalibrated",
    about=(
        "Per-block table for zero wait states, with load/store pipelining inside a block. Two "
        "hand-written assembly programs measured on silicon at zero wait states came out 1.7 % "
        "to 2.2 % low; compiled code was not compared. Not modelled: flash wait states and "
        "caches, unaligned accesses and wide fetches, IT folding, a division's operands, bus "
        "contention."
    ),
    load=2,
    pipelined=1,
    store=1,
    fpu_memory=2,
    multiple=1,
    taken=2,
    load_pc=3,
    table_branch=4,
    divide=6,
    fpu_divide=14,
    fpu_accumulate=3,
)

_M4F = Core(
    name="cortex-m4f",
    title="Arm Cortex-M4 with single-precision FPU",
    flags=("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    unicorn_model="UC_CPU_ARM_CORTEX_M4",
    cpuid=0x410FC241,
    has_fpu=True,
    cycles=M4_CYCLES,
)

CORES: dict[str, Core] = {core.name: core for core in (_M4F,)}


@dataclass(frozen=True, slots=True)
class Block:
    """What one straight run of instructions does, wherever it lies.

    Attributes:
        instructions: instructions issued, those an IT skips included.
        cycles: by the core's table, without the taken-branch cycles.
        sp_low: lowest SP inside the block, relative to SP on entry, as far as it is static (<= 0).
        sp_tail: None when every change of SP is static. Else SP is computed somewhere in the
            block, and this is the lowest SP from there on, relative to SP at the end (<= 0).
        probes: where SP is computed more than once: offset of each instruction before which SP
            must be read, and the lowest SP relative to it since the computation before.
        sp_exact: whether all that tells the minimum exactly.
        fpu_offset: offset of the first instruction that needs the FPU, or None.
        last_offset: offset of the last instruction.
        halted: a single branch to itself.
    """

    instructions: int
    cycles: int
    sp_low: int
    sp_tail: int | None
    probes: tuple[tuple[int, int], ...]
    sp_exact: bool
    fpu_offset: int | None
    last_offset: int
    halted: bool


@lru_cache(maxsize=1 << 16)
def decode(core: Core, code: bytes) -> Block:
    """Decode a basic block; the result does not depend on its address.

    Halfwords that are no instruction count as one instruction of one cycle.

    Args:
        core: whose cycle table applies.
        code: the whole block.
    """
    stack = _Stack()
    count = cycles = last_offset = 0
    fpu_offset: int | None = None
    previous: _Instruction | None = None
    for offset, instruction, conditional in _instructions(code):
        count += 1
        last_offset = offset
        cycles += _cost(core.cycles, instruction, previous)
        stack.step(offset, instruction, conditional)
        if instruction.fpu and fpu_offset is None:
            fpu_offset = offset
        previous = instruction
    return Block(
        instructions=count,
        cycles=cycles,
        sp_low=stack.low,
        sp_tail=stack.tail,
        probes=tuple(stack.probes),
        sp_exact=stack.exact,
        fpu_offset=fpu_offset,
        last_offset=last_offset,
        halted=code in (b"\xfe\xe7", b"\xff\xf7\xfe\xbf"),
    )


@dataclass(frozen=True, slots=True)
class _Instruction:
    """One instruction as the cycle table and the stack see it.

    ``kind`` is a field of CycleTable, ``fpu_load``, ``fpu_store`` or ``other``; ``words`` is what
    a transfer moves; ``sp`` is the change of SP in bytes, None when it is computed.
    """

    kind: str
    words: int = 0
    result: str = ""
    address: str = ""
    sp: int | None = 0
    fpu: bool = False


_OTHER = _Instruction("other")
_CONDITIONS = re.compile(r"(.+)(eq|ne|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)")
_MULTIPLE = re.compile(r"v?(ldm|stm|push|pop)(ia|db|ea|fd)?")
_REGISTER_RANGE = re.compile(r"([rsd])(\d+)-[rsd](\d+)")
_ACCUMULATE = re.compile(r"v(n?ml|fn?m)[as]")
# Instructions whose first operand is no result; load multiple counts as one without "!".
_READS_FIRST = re.compile(r"cmp|cmn|tst|teq|bl?x|str.*|v?stm.*|v?ldm.*")


def _instructions(code: bytes) -> list[tuple[int, _Instruction, bool]]:
    """Offset, meaning, and whether an IT makes it conditional, of each instruction."""
    found: list[tuple[int, _Instruction, bool]] = []
    offset = pending = 0
    while offset < len(code):
        for address, size, mnemonic, operands in _disassembler().disasm_lite(code[offset:], offset):
            name = mnemonic.partition(".")[0]
            conditional = pending > 0
            pending = max(0, pending - 1)
            if conditional and (match := _CONDITIONS.fullmatch(name)):
                name = match[1]
            if re.fullmatch(r"it[te]{0,3}", name):
                pending = len(name) - 1
            found.append((address, _classify(name, operands), conditional))
            offset = address + size
        if offset < len(code):  # no instruction: step over it as the core's fetch would
            found.append((offset, _OTHER, False))
            offset += 4 if code[offset + 1 : offset + 2] >= b"\xe8" else 2
            pending = max(0, pending - 1)
    return found


@lru_cache(maxsize=1)
def _disassembler() -> Any:
    import capstone  # here: takes longer to import than everything else in this file

    return capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)


@lru_cache(maxsize=1 << 14)
def _classify(name: str, operands: str) -> _Instruction:
    """Meaning of an instruction from its text, the condition already taken off."""
    fpu = name[0] == "v"
    result = operands.partition(",")[0]
    address = operands[operands.find("[") :] if "[" in operands else ""
    sp = _sp_change(name, operands)
    if _MULTIPLE.fullmatch(name):
        return _Instruction("multiple", _words(operands), sp=sp, fpu=fpu)
    if name.startswith(("ldrd", "strd")):
        return _Instruction("multiple", 2, sp=sp)
    if name.startswith(("vldr", "vstr")):
        words = 2 if result.startswith("d") else 1
        return _Instruction("fpu_load" if name == "vldr" else "fpu_store", words, fpu=True)
    if name.startswith("ldr"):
        return _Instruction("load_pc" if result == "pc" else "load", 1, result, address, sp)
    if name.startswith("str"):
        return _Instruction("store", 1, sp=sp)
    return _Instruction(_arithmetic_kind(name), sp=sp, fpu=fpu)


def _arithmetic_kind(name: str) -> str:
    if name in ("sdiv", "udiv"):
        return "divide"
    if name in ("vdiv", "vsqrt"):
        return "fpu_divide"
    if _ACCUMULATE.fullmatch(name):
        return "fpu_accumulate"
    return "table_branch" if name in ("tbb", "tbh") else "other"


def _words(operands: str) -> int:
    """Words that a register list such as ``{r4-r6, lr}`` or ``{d8, d9}`` moves."""
    words = 0
    for item in operands[operands.find("{") + 1 :].rstrip("}").replace(" ", "").split(","):
        span = _REGISTER_RANGE.fullmatch(item)
        count = int(span[3]) - int(span[2]) + 1 if span else 1
        words += count * (2 if item.startswith("d") else 1)
    return words


def _sp_change(name: str, operands: str) -> int | None:
    """Bytes by which SP moves; None when the value is computed."""
    if name == "msr":
        return None if re.match(r"(msp|psp|control)\b", operands, re.IGNORECASE) else 0
    if name in ("push", "vpush", "pop", "vpop"):
        return _words(operands) * (-4 if name.endswith("push") else 4)
    if match := re.fullmatch(r"sp!, (\{.*\})", operands):
        return _words(match[1]) * (-4 if name.endswith("db") else 4)
    if match := re.search(r"\[sp, #(-?\w+)\]!|\[sp\], #(-?\w+)", operands):
        return int(match[1] or match[2], 0)
    if (match := re.fullmatch(r"sp, (?:sp, )?#(\w+)", operands)) and name[:3] in ("add", "sub"):
        return int(match[1], 0) * (-1 if name[:3] == "sub" else 1)
    return None if operands.startswith("sp") and not _READS_FIRST.fullmatch(name) else 0


def _cost(table: CycleTable, instruction: _Instruction, previous: _Instruction | None) -> int:
    """Cycles of an instruction after another one of the same block."""
    kind, before = instruction.kind, previous.kind if previous else ""
    if kind == "other":
        return 1
    if kind == "multiple":
        return table.multiple + instruction.words
    if kind == "load":
        overlap = before == "load" and not _uses(instruction.address, previous)
        return table.pipelined if overlap else table.load
    if kind in ("fpu_load", "fpu_store"):
        return table.fpu_memory + instruction.words - 1 - (before in ("fpu_load", "fpu_store"))
    cycles: int = getattr(table, kind)
    return cycles


def _uses(address: str, previous: _Instruction | None) -> bool:
    return previous is not None and bool(re.search(rf"\b{previous.result}\b", address))


class _Stack:
    """Follows SP through a block.

    Before a computed change positions are relative to entry, afterwards to the new value. A
    conditional pop leaves a range of positions; a conditional push counts as computed, because
    only the SP that follows tells whether it happened.
    """

    def __init__(self) -> None:
        self.low = 0
        self.probes: list[tuple[int, int]] = []
        self._exact = True
        self._here = self._highest = 0  # range of possible positions
        self._segment_low: int | None = None  # lowest since the computed change

    @property
    def tail(self) -> int | None:
        return None if self._segment_low is None else self._segment_low - self._highest

    @property
    def exact(self) -> bool:
        return self._exact and (self._segment_low is None or self._here == self._highest)

    def step(self, offset: int, instruction: _Instruction, conditional: bool) -> None:
        change = instruction.sp
        if change == 0:
            return
        if change is None or (conditional and change < 0):
            if self.tail is not None:
                self.probes.append((offset, self.tail))
            self._exact = self.exact
            self._here = self._highest = self._segment_low = 0
            return
        self._highest += change
        if not conditional:
            self._here += change
        self._note()

    def _note(self) -> None:
        low = self.low if self._segment_low is None else self._segment_low
        if self._here < low:
            self._exact &= self._here == self._highest
            low = self._here
        if self._segment_low is None:
            self.low = low
        else:
            self._segment_low = low
