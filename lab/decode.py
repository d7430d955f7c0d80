"""What one basic block does: instructions, cycles by the core's table, and what happens to SP.

``decode`` turns the bytes of a block into everything the meter needs to know about it; it is
called once per block, never while the block runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lab.alignment import Access, Alignment
from lab.cores import Core, CycleTable


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
        ends_in_hint: with WFE or YIELD, which do nothing where nobody else runs.
        undefined_offset: offset of the first instruction that the emulated core executes and
            this one does not have, or None.
        accesses: what must be word-aligned, and where to look.
        keeps_alignment: whether what was aligned on entry is aligned at the end as well.
        divisions: offset, divisor and condition of each division.
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
    ends_in_hint: bool
    undefined_offset: int | None
    accesses: tuple[Access, ...]
    keeps_alignment: bool
    divisions: tuple[tuple[int, str, str], ...]


@lru_cache(maxsize=1 << 16)
def decode(core: Core, code: bytes, it_state: int = 0) -> Block:
    """Decode a basic block; the result does not depend on its address.

    Halfwords that are no instruction count as one instruction of one cycle.

    Args:
        core: whose cycle table applies.
        code: the whole block.
        it_state: of an IT in front of the block that reaches into it (Armv7-M ARM, A7.3.3).
    """
    stack, alignment = _Stack(), Alignment()
    divisions: list[tuple[int, str, str]] = []
    count = cycles = last_offset = 0
    fpu_offset: int | None = None
    undefined_offset: int | None = None
    previous: _Instruction | None = None
    alone = False  # the one before issued by itself, so that this one may join it
    for offset, size, instruction, condition in _instructions(code, it_state):
        count += 1
        cost = _cost(core.cycles, instruction, previous)
        alone = not (
            alone and cost == 1 and size <= _PAIRS[core.cycles.pairs]
            and offset - last_offset <= _PAIRS[core.cycles.pairs]
            and _pair(core.cycles, previous, instruction)
        )  # fmt: skip
        cycles += cost * alone
        last_offset = offset
        stack.step(offset, instruction, bool(condition))
        alignment.step(offset, instruction.name, instruction.operands, condition)
        if instruction.fpu and fpu_offset is None:
            fpu_offset = offset
        if undefined_offset is None and _is_missing(core, instruction):
            undefined_offset = offset
        if instruction.kind == "divide":
            divisor = instruction.operands.rpartition(" ")[2]
            divisions.append((offset, divisor, condition))
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
        ends_in_hint=previous is not None and previous.name in {"wfe", "yield"},
        undefined_offset=undefined_offset,
        accesses=tuple(alignment.accesses),
        keeps_alignment=alignment.keeps(),
        divisions=tuple(divisions),
    )


def _is_missing(core: Core, instruction: _Instruction) -> bool:
    """Whether the emulated core executes what this one does not have.

    Unicorn's Cortex-M3 knows the DSP extension, its M0 CBZ, and its M7 has double precision.
    """
    if core.name == "cortex-m0plus":
        return instruction.name in {"cbz", "cbnz"}
    if core.name == "cortex-m3":
        return _DSP.fullmatch(instruction.name) is not None
    return core.fpu == "single" and instruction.double


@dataclass(frozen=True, slots=True)
class _Instruction:
    """One instruction as the cycle table and the stack see it.

    ``name`` has no condition and no suffix; ``kind`` is a field of CycleTable, ``fpu_load``,
    ``fpu_store`` or ``other``; ``unit`` is what computes it, ``arithmetic`` for most; ``words`` is
    what a transfer moves; ``result`` the first register it writes; ``reads`` those it reads;
    ``address`` those its address is made of; ``sp`` is the change of SP in bytes, None when it is
    computed; ``double`` computes in double precision; ``returns`` loads PC from a list.
    """

    name: str
    operands: str
    kind: str
    unit: str = "arithmetic"
    words: int = 0
    result: str = ""
    reads: frozenset[str] = frozenset()
    address: frozenset[str] = frozenset()
    sp: int | None = 0
    fpu: bool = False
    double: bool = False
    returns: bool = False


CONDITIONS = ("eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le",
              "", "")  # fmt: skip
_OTHER = _Instruction("", "", "other")
_MOVES_DOUBLES = {"vmov", "vldr", "vstr", "vpush", "vpop"}  # single-precision FPUs have these
_PAIRS = {"none": 0, "narrow": 2, "any": 4}  # bytes of an instruction that may issue with another
# Armv7-M ARM, A4.4.6: the instructions of the DSP extension.
_DSP = re.compile(
    r"q(d?add|d?sub)|([suq]|u?q|[su]h)(add|sub)(8|16)|([suq]|u?q|[su]h)(asx|sax)|sel|pkh(bt|tb)"
    r"|[su]xtab(16)?|[su]xt[ab]?b?16|[su]sat16|usada?8|umaal"
    r"|smul([bt][bt]|w[bt])|smla([bt][bt]|w[bt])|smlal([bt][bt]|dx?)|smlsldx?"
    r"|sm(la|ua|ls|us)dx?|smm(la|ls|ul)r?"
)
_MULTIPLY = re.compile("mul|mla|mls|[su]m[um]l.*|sml.*|smm.*|smu.*")
_CONDITIONS = re.compile(r"(.+)(eq|ne|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)")
_MULTIPLE = re.compile(r"v?(ldm|stm|push|pop)(ia|db|ea|fd)?")
_REGISTER_RANGE = re.compile(r"([rsd])(\d+)-[rsd](\d+)")
_REGISTER = re.compile(r"\b(?:[rsd]\d+|sp|lr|pc|sb|sl|fp|ip)\b")
_ARITHMETIC = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        ("[su]div", "divide"),
        ("vdiv|vsqrt", "fpu_divide"),
        ("v(n?ml|fn?m)[as]", "fpu_accumulate"),
        ("tb[bh]", "table_branch"),
        ("mla|mls", "accumulate"),
        ("[su]mull", "long_multiply"),
        ("[su]mlal|umaal", "long_accumulate"),
        ("bl", "call"),
    )
)
# Instructions of two operands that do not read the first; all others compute with it.
_OVERWRITES = re.compile(r"v?mov|mvn|[su]xt|rev|clz|rbit|neg|rsb|adr|v?ldr|vcvt|vneg|vabs|vsqrt")
# Instructions whose first operand is no result; load multiple counts as one without "!".
_READS_FIRST = re.compile(r"cmp|cmn|tst|teq|bl?x|str.*|v?stm.*|v?ldm.*")


def _instructions(code: bytes, it_state: int) -> list[tuple[int, int, _Instruction, str]]:
    """Offset, size, meaning, and the condition that an IT gives it, of each instruction."""
    found: list[tuple[int, int, _Instruction, str]] = []
    given = _conditions(it_state)  # the disassembler does not know of that IT
    offset = pending = 0
    while offset < len(code):
        for address, size, mnemonic, operands in _disassembler().disasm_lite(code[offset:], offset):
            name, _, suffix = mnemonic.partition(".")
            condition = given.pop(0) if given else ""
            if pending and (match := _CONDITIONS.fullmatch(name)):
                name, condition = match.groups()
            pending = max(0, pending - 1)
            if re.fullmatch(r"it[te]{0,3}", name):
                pending = len(name) - 1
            found.append((address, size, _classify(name, suffix, operands), condition))
            offset = address + size
        if offset < len(code):  # no instruction: step over it as the core's fetch would
            size = 4 if code[offset + 1 : offset + 2] >= b"\xe8" else 2
            found.append((offset, size, _OTHER, ""))
            offset += size
            pending = max(0, pending - 1)
    return found


def _conditions(it_state: int) -> list[str]:
    """Conditions of the instructions that an IT still reaches."""
    conditions = []
    while it_state & 0xF:
        conditions.append(CONDITIONS[it_state >> 4])
        it_state = it_state & 0xE0 | it_state << 1 & 0x1F if it_state & 7 else 0
    return conditions


@lru_cache(maxsize=1)
def _disassembler() -> Any:
    import capstone  # here: takes longer to import than everything else in this file

    return capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)


@lru_cache(maxsize=1 << 14)
def _classify(name: str, suffix: str, operands: str) -> _Instruction:
    """Meaning of an instruction from its text, the condition already taken off."""
    kind = _kind(name, operands)
    first, _, rest = operands.partition(",")
    reads = operands
    if not _READS_FIRST.fullmatch(name) and (rest.count(",") or _OVERWRITES.match(name)):
        reads = rest
    return _Instruction(
        name=name,
        operands=operands,
        kind=kind,
        unit=_unit(name, kind),
        words=_words(operands) if kind == "multiple" and "{" in operands
        else 1 + (name.endswith("d") or first.startswith("d")),
        result="" if _READS_FIRST.fullmatch(name) else first,
        reads=frozenset(_REGISTER.findall(reads)),
        address=frozenset(_REGISTER.findall(operands[operands.find("[") :])),
        sp=_sp_change(name, operands),
        fpu=name[0] == "v",
        double="f64" in suffix and name not in _MOVES_DOUBLES,
        returns=kind == "multiple" and "pc" in operands,
    )  # fmt: skip


def _kind(name: str, operands: str) -> str:
    if _MULTIPLE.fullmatch(name) or name.startswith(("ldrd", "strd")):
        return "multiple"
    if name.startswith(("vldr", "vstr")):
        return "fpu_load" if name == "vldr" else "fpu_store"
    if name.startswith("ldr"):
        return "load_pc" if operands.startswith("pc") else "load"
    if name.startswith("str"):
        return "store"
    return next((kind for pattern, kind in _ARITHMETIC if pattern.fullmatch(name)), "other")


def _unit(name: str, kind: str) -> str:
    if kind != "other":
        return kind.removeprefix("fpu_")
    return (
        "multiply"
        if _MULTIPLY.fullmatch(name.removesuffix("s"))
        else "fpu"
        if name[0] == "v"
        else "arithmetic"
    )


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
    wait = 0
    if previous and before == "load" and previous.result in instruction.reads:
        wait = table.load_use
    if kind == "other":
        return 1 + wait
    if kind == "multiple":
        moved = -(-instruction.words // table.words_at_once)
        return table.multiple + moved + table.return_multiple * instruction.returns + wait
    if kind == "load":
        overlap = before == "load" and previous and previous.result not in instruction.address
        return (table.pipelined if overlap else table.load) + wait
    if kind in ("fpu_load", "fpu_store"):
        overlap = before in ("fpu_load", "fpu_store")
        return max(1, table.fpu_memory + instruction.words - 1 - overlap) + wait
    cycles: int = getattr(table, kind)
    return cycles + wait


def _pair(table: CycleTable, first: _Instruction | None, second: _Instruction) -> bool:
    """Whether the second of two instructions of one cycle issues together with the first."""
    if first is None or first.kind not in _PAIRED or second.kind not in _PAIRED:
        return False
    both = first.unit == second.unit
    units = not both or (table.pairs == "any" and first.unit == "arithmetic")
    return units and first.result not in second.reads


_PAIRED = {"other", "load", "store", "fpu_load", "fpu_store"}


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
