"""The CPU types: compiler flags, emulator model, and the table its cycles come from.

A core is a row of ``CORES``. Names follow what silicon vendors write: ``f`` is a single-precision
FPU, ``fd`` one that also computes double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# From here on PC and LR hold no address but how to return from an exception (Armv7-M ARM, B1.5.8).
# Armv8-M has more forms of it, with the same first byte: 0xFFFFFFB8 from Thread mode.
EXCEPTION_RETURN = 0xFF000000


@dataclass(frozen=True)
class CycleTable:
    """Cycles of the instruction classes at zero wait states, and what the figures are worth.

    Attributes:
        name: printed next to every figure made with this table.
        accuracy: ``calibrated`` (a published error) or ``uncalibrated``.
        about: where the table comes from and what was compared with silicon.
        load: single load; ``pipelined`` when it directly follows a load whose result is not part
            of its address.
        load_use: added when the next instruction reads what was loaded.
        store: single store.
        fpu_memory: VLDR or VSTR of one word; one more for a doubleword, one less directly after
            another of them, never less than one.
        multiple: LDM, STM, PUSH, POP, VLDM, VSTM, LDRD, STRD: this plus one for each word.
        words_at_once: words that those move in one cycle.
        return_multiple: added to a POP or LDM that loads PC, besides ``taken``.
        taken: added for every branch that is taken.
        call: BL, without ``taken``.
        load_pc: LDR into PC, without ``taken``.
        table_branch: TBB or TBH, without ``taken``.
        accumulate: MLA and MLS.
        long_multiply: SMULL and UMULL; ``long_accumulate``: SMLAL, UMLAL and their kin.
        divide: SDIV and UDIV, which take 2 to 12 cycles depending on the operands.
        fpu_divide: VDIV and VSQRT.
        fpu_accumulate: VMLA, VMLS, VFMA and their negated forms.
        pairs: which instructions of one cycle may issue together with the one before: none,
            ``narrow`` (both of 16 bits, at most one of them arithmetic), or ``any``.
    """

    name: str
    accuracy: str
    about: str
    load: int
    pipelined: int
    store: int
    multiple: int
    taken: int
    load_use: int = 0
    words_at_once: int = 1
    return_multiple: int = 0
    call: int = 1
    load_pc: int = 3
    table_branch: int = 4
    accumulate: int = 1
    long_multiply: int = 1
    long_accumulate: int = 1
    divide: int = 6
    fpu_memory: int = 1
    fpu_divide: int = 14
    fpu_accumulate: int = 3
    pairs: Literal["none", "narrow", "any"] = "none"


@dataclass(frozen=True)
class Core:
    """A CPU type.

    Attributes:
        name: as written in board files, such as ``cortex-m4f``.
        title: as printed.
        flags: what GCC must be told.
        unicorn_model: name of the constant in ``unicorn.arm_const``.
        cpuid: value of SCB->CPUID.
        fpu: whether floating point instructions exist (and CPACR must enable them), and which.
        cycles: the cycle model.
    """

    name: str
    title: str
    flags: tuple[str, ...]
    unicorn_model: str
    cpuid: int
    fpu: Literal["none", "single", "double"]
    cycles: CycleTable

    @property
    def has_cyccnt(self) -> bool:
        """Whether the DWT counts cycles; that of Armv6-M does not."""
        return self.unicorn_model != "UC_CPU_ARM_CORTEX_M0"


_NOT_MODELLED = (
    "Not modelled: flash wait states and caches, unaligned accesses, a division's operands, bus "
    "contention."
)

# Arm DDI0484C (Cortex-M0+ TRM) table 3-1. The rows from STR on were written from memory of that
# table and of public models of it; nobody has compared them with it again. A single-cycle
# multiplier is assumed: all boards of the library with this core have it.
M0PLUS_CYCLES = CycleTable(
    name="cortex-m0plus-table",
    accuracy="uncalibrated",
    about=(
        "Per-block table for zero wait states after the Cortex-M0+ manual, with the single-cycle "
        f"multiplier. Not compared with silicon. {_NOT_MODELLED}"
    ),
    load=2,
    pipelined=2,
    store=2,
    multiple=1,
    return_multiple=1,
    taken=1,
    call=2,
)

# Arm 100165_0201 (Cortex-M3 TRM) section 3.3: SMULL 3 to 5, SMLAL 4 to 7, by the operands.
M3_CYCLES = CycleTable(
    name="cortex-m3-table",
    accuracy="uncalibrated",
    about=(
        "Per-block table for zero wait states after the Cortex-M3 manual, with load/store "
        "pipelining inside a block. Not compared with silicon. Fixed values stand in for ranges: "
        "2 of 1..3 for the refill after a branch, 4 of 3..5 and 6 of 4..7 for long "
        f"multiplications. {_NOT_MODELLED}"
    ),
    load=2,
    pipelined=1,
    store=1,
    multiple=1,
    taken=2,
    accumulate=2,
    long_multiply=4,
    long_accumulate=6,
)

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
)

# Arm publishes no cycle table for this core. Divisions, VDIV and VSQRT, and the two words a cycle
# were measured by others (quinapalus.com, jnk0le/random on an STM32H743); LLVM's scheduling model
# (ARMScheduleM7.td) agrees. Branch prediction, store buffer and bank conflicts are left out.
M7_CYCLES = CycleTable(
    name="cortex-m7-rough",
    accuracy="uncalibrated",
    about=(
        "Rough: two instructions issue together when neither needs the other's result and at most "
        "one of them multiplies, computes floating point, or loads; loads are used one cycle "
        "late; every taken branch costs one cycle, predicted or not. Arm publishes no table for "
        f"this core. Not compared with silicon. {_NOT_MODELLED}"
    ),
    load=1,
    pipelined=1,
    load_use=1,
    store=1,
    multiple=0,
    words_at_once=2,
    taken=1,
    load_pc=2,
    table_branch=2,
    divide=7,
    fpu_divide=16,
    pairs="any",
)

# Arm publishes no cycle table for this core. Measured by others on an RP2350 (jnk0le/random);
# nothing was found about its divisions, so those of the Cortex-M4 stand in.
M33_CYCLES = CycleTable(
    name="cortex-m33-rough",
    accuracy="uncalibrated",
    about=(
        "Rough: after measurements published for an RP2350. Two 16-bit instructions issue together "
        "when at most one of them computes; loads are used one cycle late; divisions as on the "
        f"Cortex-M4. Not compared with silicon. {_NOT_MODELLED}"
    ),
    load=1,
    pipelined=1,
    load_use=1,
    store=1,
    multiple=0,
    taken=1,
    load_pc=2,
    table_branch=2,
    pairs="narrow",
)


def _core(
    name: str,
    title: str,
    cpu: str,
    cpuid: int,
    cycles: CycleTable,
    fpu: Literal["none", "single", "double"] = "none",
    fpu_flag: str = "",
) -> Core:
    """A row of the table: with an FPU, arguments travel in its registers (the hard-float ABI)."""
    model = "M0" if cpu == "cortex-m0plus" else cpu.removeprefix("cortex-").upper()
    abi = ("-mfloat-abi=hard", f"-mfpu={fpu_flag}") if fpu_flag else ("-mfloat-abi=soft",)
    flags = (f"-mcpu={cpu}", "-mthumb", *abi)
    return Core(name, f"Arm {title}", flags, f"UC_CPU_ARM_CORTEX_{model}", cpuid, fpu, cycles)


_SINGLE = "with single-precision FPU"
# Unicorn has no Cortex-M0+; its M0 has the same instructions. CPUID: main ID register in each TRM.
CORES: dict[str, Core] = {
    core.name: core
    for core in (
        _core("cortex-m0plus", "Cortex-M0+", "cortex-m0plus", 0x410CC601, M0PLUS_CYCLES),
        _core("cortex-m3", "Cortex-M3", "cortex-m3", 0x412FC231, M3_CYCLES),
        _core("cortex-m4", "Cortex-M4 without FPU", "cortex-m4", 0x410FC241, M4_CYCLES),
        _core(
            "cortex-m4f", f"Cortex-M4 {_SINGLE}", "cortex-m4", 0x410FC241, M4_CYCLES,
            "single", "fpv4-sp-d16",
        ),
        _core(
            "cortex-m7f", f"Cortex-M7 {_SINGLE}", "cortex-m7", 0x411FC272, M7_CYCLES,
            "single", "fpv5-sp-d16",
        ),
        _core(
            "cortex-m7fd", "Cortex-M7 with double-precision FPU", "cortex-m7", 0x411FC272,
            M7_CYCLES, "double", "fpv5-d16",
        ),
        _core(
            "cortex-m33f", f"Cortex-M33 {_SINGLE}", "cortex-m33", 0x410FD213, M33_CYCLES,
            "single", "fpv5-sp-d16",
        ),
    )
}  # fmt: skip
