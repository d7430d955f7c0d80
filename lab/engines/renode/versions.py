"""Everything that depends on Renode's version: two generations of it differ much for Cortex-M.

Each entry names the file of Renode that it was read from: ``renode`` and ``renode-infrastructure``
(tag v1.16.1, and the master branch of August 2026), ``tlib`` for the instruction set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from lab.cores import Core

# To be said until a record of a run on the real program is kept in this repository.
NOT_YET_RUN = "generated from Renode's sources, not yet run on Renode"


class Generation(StrEnum):
    """A release, or every build after it."""

    V1_16 = "1.16.1"  # February 2026
    MASTER = "master"  # nightlies since mid 2026, read as of August 2026; 1.17


# tlib arch/arm/helper.c, arm_cpu_names: the same names in both generations. What they stand for is
# below, in ``known_differences``.
_CPU_TYPES = {
    "cortex-m0plus": "cortex-m0+",
    "cortex-m3": "cortex-m3",
    "cortex-m4": "cortex-m4",
    "cortex-m4f": "cortex-m4",
    "cortex-m7f": "cortex-m7",
    "cortex-m7fd": "cortex-m7",
    "cortex-m33f": "cortex-m33",
}


def cpu_type(core: Core) -> str:
    """Renode's name of the core type that stands in for a core.

    Raises:
        KeyError: none does; every core of ``lab.cores.CORES`` has one.
    """
    return _CPU_TYPES[core.name]


def bad_access_faults(generation: Generation) -> bool:
    """Whether an access where nothing is mapped can be made a fault of the firmware.

    renode-infrastructure Main/Peripherals/Bus/UnhandledAccessBehaviour.cs has ThrowException on
    master only, since July 2026. On 1.16.1 such an access reads 0 or is dropped. Both generations
    count it: SystemBus.cs, UnexpectedReads and UnexpectedWrites.
    """
    return generation is Generation.MASTER


def semihosting(generation: Generation) -> tuple[str, ...]:
    """Entries of a platform description for semihosting, with its output as a serial port.

    1.16.1 registers the port on the core itself (tlib does SYS_WRITEC, SYS_WRITE0 and SYS_READC).
    Master has renode-infrastructure's CPU.SemihostingHandler in between (since May 2026), which
    knows SYS_EXIT too. Each generation refuses the other's form.
    """
    if generation is Generation.V1_16:
        return ("semihosting_uart: UART.SemihostingUart @ cpu",)
    return (
        "semihosting: CPU.SemihostingHandler @ cpu",
        "semihosting_uart: UART.SemihostingUart @ semihosting",
    )


def semihosting_uart(generation: Generation) -> str:
    """Name of that serial port on the monitor."""
    handler = "" if generation is Generation.V1_16 else "semihosting."
    return f"sysbus.cpu.{handler}semihosting_uart"


@dataclass(frozen=True)
class Difference:
    """Where Renode's machine is known to be another than the real one.

    Attributes:
        about: what it concerns: ``instructions``, ``cpuid``, ``fpu``, ``trustzone``, ``faults``,
            ``divide``, ``time``, ``flash``, ``execute``, ``fetch``, ``unaligned``,
            ``stack_limit``.
        what: the difference, as a sentence.
        source: file of Renode that shows it.
    """

    about: str
    what: str
    source: str


_NAMES = "tlib arch/arm/helper.c, arm_cpu_names"
_FEATURES = "tlib arch/arm/helper.c, cpu_reset_model_id"
_DOUBLE = Difference(
    "fpu",
    "Renode's FPU has no single-precision form: double-precision instructions, which this core "
    "does not have, may be executed.",
    _FEATURES,
)
_OF_CORE = {
    "cortex-m0plus": (
        Difference(
            "instructions",
            "Renode's cortex-m0+ is its Cortex-M3: Thumb-2 and divisions, which this core does not "
            "have, are executed.",
            _NAMES,
        ),
        Difference("cpuid", "CPUID is that of another core.", _NAMES),
    ),
    "cortex-m4": (
        Difference(
            "fpu",
            "Renode has no Cortex-M4 without FPU: floating-point instructions, which this core "
            "does not have, are executed.",
            _FEATURES,
        ),
    ),
    "cortex-m4f": (_DOUBLE,),
    "cortex-m7f": (_DOUBLE,),
    "cortex-m33f": (
        _DOUBLE,
        Difference(
            "trustzone",
            "There is no secure state: TrustZone is left off.",
            "renode-infrastructure Cores/Arm-M/CortexM.cs, enableTrustZone",
        ),
    ),
}
_OF_1_16 = (
    Difference(
        "faults",
        "Accesses where nothing is mapped never fault; HFSR reads 0 and there is no BFAR; no fault "
        "becomes a HardFault.",
        "renode-infrastructure Main/Peripherals/Bus/UnhandledAccessBehaviour.cs",
    ),
    Difference(
        "divide",
        "A division by zero gives 0 and never traps, whatever CCR says.",
        "tlib arch/arm/helper.c, do_interrupt_v7m",
    ),
)
_OF_MASTER = (
    Difference(
        "divide",
        "A division by zero traps only where the NVIC's FilterCcrDiv0Write is false; its default "
        "changed between builds.",
        "renode-infrastructure IRQControllers/NVIC.cs, FilterCcrDiv0Write",
    ),
)
_OF_ALL = (
    Difference(
        "time",
        "Every instruction takes one cycle: no pipeline, caches, wait states or bus contention. "
        "SysTick and CYCCNT follow that time.",
        "renode-infrastructure Cores/Arm-M/DWT.cs",
    ),
    Difference(
        "flash",
        "The firmware can write to flash.",
        "renode-infrastructure Main/Peripherals/Memory/MappedMemory.cs",
    ),
    Difference(
        "execute",
        "Code may be executed anywhere in memory: a jump into data is no fault.",
        "renode-infrastructure Main/Peripherals/Memory/MappedMemory.cs",
    ),
    Difference(
        "fetch",
        "Fetching an instruction where no memory is ends the emulation; the firmware sees no "
        "fault.",
        "tlib, cpu_abort",
    ),
    Difference("unaligned", "Unaligned accesses never fault.", "tlib include/softmmu_template.h"),
    Difference(
        "stack_limit",
        "MSPLIM and PSPLIM can be written and are never enforced.",
        "tlib arch/arm/helper.c",
    ),
)


def known_differences(core: Core, generation: Generation) -> tuple[Difference, ...]:
    """Where Renode's machine of this core is known to be another than the real one."""
    of_generation = _OF_1_16 if generation is Generation.V1_16 else _OF_MASTER
    return (*_OF_CORE.get(core.name, ()), *of_generation, *_OF_ALL)


def generation_in(version: str) -> Generation:
    """The generation that an engine's version, as records hold it, names.

    What the engine found out comes first ("1.16.1, behaves as master"): nightlies before 1.17 call
    themselves 1.16.1 too. 1.17.0 is said by others to be out since September 2026; that was not
    verified. A text without a version counts as master: less is known to differ there, so that no
    disagreement is explained away.
    """
    said = version.rpartition("behaves as ")[2]
    number = re.search(r"(\d+)\.(\d+)\.\d+", said)
    if Generation.MASTER in said or number is None:
        return Generation.MASTER
    return Generation.V1_16 if (int(number[1]), int(number[2])) < (1, 17) else Generation.MASTER
