"""Which accesses of a block the core faults on when they are not word-aligned, and when to look.

Armv7-M and Armv8-M let single loads and stores be unaligned; everything that moves several words
at once, the FPU's loads and stores, and exclusives fault (Armv7-M ARM, A3.2.1). Unicorn does not
check these. Here each address is followed back to the start of its block, so that one look at the
registers on entry answers for the whole block; only where that is not possible the access itself
must be watched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_CORE_REGISTER = re.compile(r"\b(?:r\d+|sb|sl|fp|ip|sp|lr|pc)\b")
_FAULTS = re.compile(r"v?(ldm|stm)(ia|db|ea|fd)?|ldrd|strd|vldr|vstr|ldrexd?|strexd?|lda|stl")
_MULTIPLE = re.compile(r"v?(ldm|stm)(ia|db|ea|fd)?")
_BASE = re.compile(r"\[(\w+)(?:, #(-?\w+))?\]")
_ONLY_READS = re.compile(
    r"cmp|cmn|tst|teq|str(?!ex).*|stm.*|stl|push|v(?!mov|mrs).*|b|bl?x?|cbn?z|tb[bh]|it.*|pld.*"
)
_TWO_RESULTS = ("smull", "umull", "smlal", "smlsl", "umlal", "umaal", "vmov")
_WORD = 4
ALIGNED, UNKNOWN = "aligned", ""  # classes besides "the same as this register on entry"


@dataclass(frozen=True, slots=True)
class Access:
    """One access that must be word-aligned.

    Attributes:
        offset: of the instruction in its block.
        register: base register, such as ``r3``.
        displacement: bytes added to it, as far as the instruction adds any.
        entry: register whose value on entry of the block tells; empty: look right before it.
        condition: of an instruction inside an IT, such as ``ne``.
    """

    offset: int
    register: str
    displacement: int
    entry: str
    condition: str


class Alignment:
    """Follows what is known of the registers' two lowest bits through a block."""

    def __init__(self) -> None:
        self.accesses: list[Access] = []
        self._classes: dict[str, str] = {}

    def step(self, offset: int, name: str, operands: str, condition: str) -> None:
        """Take in one instruction, its condition already taken off its name."""
        if name[:1] in "vls" and _FAULTS.fullmatch(name):
            self._note(offset, name, operands, condition)
        for register, known in self._written(name, operands).items():
            kept = not condition or known == self._class(register)
            self._classes[register] = known if kept else UNKNOWN

    def keeps(self) -> bool:
        """Whether the registers that were looked at on entry are still aligned at the end."""
        return all(self._class(one.entry) in (one.entry, ALIGNED) for one in self.accesses
                   if one.entry)  # fmt: skip

    def _class(self, register: str) -> str:
        return ALIGNED if register in ("sp", "pc") else self._classes.get(register, register)

    def _note(self, offset: int, name: str, operands: str, condition: str) -> None:
        if _MULTIPLE.fullmatch(name):
            register, displacement = operands.partition(",")[0].rstrip("!"), 0
        elif match := _BASE.search(operands):
            register, displacement = match[1], int(match[2] or "0", 0)
        else:
            return
        known = self._class(register)  # what these instructions add to it is whole words
        if known != ALIGNED:
            entry = UNKNOWN if condition else known
            self.accesses.append(Access(offset, register, displacement, entry, condition))
            if not condition:
                self._classes[register] = ALIGNED  # or the program ends here

    def _written(self, name: str, operands: str) -> dict[str, str]:
        """Class of every core register that an instruction writes; too many is safe."""
        registers = _registers(operands)
        base, moves = _written_back(operands)
        back = {base: self._class(base) if moves % _WORD == 0 else UNKNOWN} if base else {}
        if not registers or _only_reads(name):
            return back
        if "{" in operands or name.startswith("ld"):
            return back | dict.fromkeys(_loaded(operands), UNKNOWN)
        results = registers[: 1 + name.startswith(_TWO_RESULTS)]
        return dict.fromkeys(results, UNKNOWN) | {
            registers[0]: self._computed(name.removesuffix("s"), operands)
        }

    def _computed(self, name: str, operands: str) -> str:
        """Class of the result of an arithmetic instruction."""
        parts = [part.strip() for part in operands.split(",")]
        name = name.removesuffix("w")
        if name == "mov" and len(parts) == 2:
            return self._value(parts[1])
        if name == "movt":
            return self._class(parts[0])
        if name in ("add", "sub"):
            shifted = len(parts) == 4
            plain = self._sum(*parts[-2:]) if not shifted else UNKNOWN
            return self._class(parts[1]) if shifted and _shifts_words(parts[3]) else plain
        if name == "lsl":
            return ALIGNED if _shifts_words(f"lsl {parts[-1]}") else UNKNOWN
        return ALIGNED if name == "adr" else UNKNOWN

    def _sum(self, first: str, second: str) -> str:
        one, other = self._value(first), self._value(second)
        return one if other == ALIGNED else other if one == ALIGNED else UNKNOWN

    def _value(self, operand: str) -> str:
        if operand.startswith("#"):
            return UNKNOWN if int(operand[1:], 0) % _WORD else ALIGNED
        return self._class(operand) if _CORE_REGISTER.fullmatch(operand) else UNKNOWN


# Texts of operands come again and again; looking into each once is most of the speed here.
@lru_cache(maxsize=1 << 14)
def _registers(operands: str) -> tuple[str, ...]:
    return tuple(_CORE_REGISTER.findall(operands))


@lru_cache(maxsize=1 << 10)
def _only_reads(name: str) -> bool:
    return _ONLY_READS.fullmatch(name) is not None


@lru_cache(maxsize=1 << 14)
def _written_back(operands: str) -> tuple[str, int]:
    if match := re.match(r"(\w+)!", operands):
        return match[1], 0  # by whole words
    if match := re.search(r"\[(\w+)(?:, #(-?\w+))?\](?:!|, #(-?\w+)$)", operands):
        return match[1], int(match[2] or match[3] or "0", 0)
    if match := re.search(r"\[(\w+),.*\]!", operands):
        return match[1], 1
    return "", 0


def _shifts_words(part: str) -> bool:
    match = re.fullmatch(r"lsl #(\w+)", part)
    return match is not None and int(match[1], 0) >= 2


def _loaded(operands: str) -> list[str]:
    """Registers of a list such as ``{r4, r5, pc}``, or in front of an address."""
    text = operands.partition("{")[2] if "{" in operands else operands.partition("[")[0]
    return _CORE_REGISTER.findall(text)
