"""Everything that depends on Renode's version: two generations of it differ much for Cortex-M.

Each entry names the file of Renode that it was read from: ``renode`` and ``renode-infrastructure``
(tag v1.16.1, and the master branch of August 2026), ``tlib`` for the instruction set.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.cores import Core


class Generation(StrEnum):
    """A release, or what came after it."""

    V1_16 = "1.16.1"
    MASTER = "master"


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
    """Whether an access where nothing is mapped can be made a fault of the guest.

    renode-infrastructure Main/Peripherals/Bus/UnhandledAccessBehaviour.cs has ThrowException on
    master only (since July 2026). On 1.16.1 such an access reads 0 or is dropped, and is counted:
    SystemBus.cs, UnexpectedReads and UnexpectedWrites, in both generations.
    """
    return generation is Generation.MASTER


def fault_status_is_real(generation: Generation) -> bool:
    """Whether HFSR, BFAR and escalation to HardFault are as on silicon.

    tlib arch/arm/helper.c, do_interrupt_v7m: real since mid 2026. On 1.16.1 HFSR reads 0 and each
    fault's own vector is taken, enabled or not.
    """
    return generation is Generation.MASTER


def semihosting_exits(generation: Generation) -> bool:
    """Whether SYS_EXIT halts the core: CPU.SemihostingHandler, which 1.16.1 does not have."""
    return generation is Generation.MASTER


@dataclass(frozen=True)
class Difference:
    """Where Renode's machine is known to be another than the real one.

    Attributes:
        about: what it concerns, one word: ``instructions``, ``cpuid``, ``fpu``, ``faults``,
            ``divide``, ``unaligned``, ``stack_limit``, ``flash``, ``time``.
        what: the difference, as a sentence.
        source: file of Renode that shows it.
    """

    about: str
    what: str
    source: str


_NAMES = "tlib arch/arm/helper.c, arm_cpu_names"
_OF_CORE = {
    "cortex-m0plus": (
        Difference(
            "instructions",
            "Renode's cortex-m0+ is its Cortex-M3: Thumb-2 and divisions, which this core does not "
            "have, are executed.",
            _NAMES,
        ),
        Difference("cpuid", "CPUID reads as that of a Cortex-M3.", _NAMES),
    ),
    "cortex-m4": (
        Difference(
            "fpu",
            "Renode has no Cortex-M4 without FPU: floating point instructions, which this core "
            "does not have, are executed.",
            _NAMES,
        ),
    ),
    "cortex-m7f": (
        Difference(
            "fpu",
            "Renode has one Cortex-M7 for both of its FPUs: double-precision instructions, which "
            "this core does not have, may be executed.",
            _NAMES,
        ),
    ),
}
_OF_ALL = (
    Difference(
        "execute",
        "Code may be executed anywhere in memory: a jump into data is no fault.",
        "renode-infrastructure Main/Peripherals/Memory/MappedMemory.cs",
    ),
    Difference(
        "time",
        "Every instruction takes the same time: no caches, pipeline, wait states or bus "
        "contention, and the DWT's CYCCNT follows that time.",
        "renode-infrastructure Cores/Arm-M/DWT.cs",
    ),
    Difference("flash", "Flash can be written by the firmware.", "Memory/MappedMemory.cs"),
    Difference("unaligned", "Unaligned accesses never fault.", "tlib include/softmmu_template.h"),
    Difference(
        "stack_limit",
        "MSPLIM and PSPLIM are stored and never enforced.",
        "tlib arch/arm/helper.c",
    ),
)
_OF_1_16 = (
    Difference(
        "faults",
        "Accesses where nothing is mapped never fault, HFSR reads 0, and faults do not become "
        "HardFaults.",
        "renode-infrastructure Main/Peripherals/Bus/UnhandledAccessBehaviour.cs",
    ),
    Difference(
        "divide",
        "A division by zero gives 0 and never traps.",
        "tlib arch/arm/helper.c, do_interrupt_v7m",
    ),
)


def known_differences(core: Core, generation: Generation) -> tuple[Difference, ...]:
    """Where Renode's machine of this core is known to be another than the real one."""
    of_generation = _OF_1_16 if generation is Generation.V1_16 else ()
    return (*_OF_CORE.get(core.name, ()), *of_generation, *_OF_ALL)


def generation_in(version: str) -> Generation:
    """The generation that an engine's version, as records hold it, names."""
    return Generation.MASTER if Generation.MASTER in version else Generation.V1_16
