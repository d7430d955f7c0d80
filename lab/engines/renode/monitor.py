"""Commands of Renode's monitor, as scripts hold them and the driver sends them.

Each is a line of text; what it does was read from the file named beside it.
"""

from __future__ import annotations

from pathlib import Path

from lab.engines.renode.versions import Generation, bad_access_faults

QUANTUM_SECONDS = "0.0001"  # Renode's own default: between two of them time is exact anyway
SEED = 1


def create_machine(name: str) -> str:
    """A new machine, which the following commands act on."""
    return f'mach create "{name}"'


def load_platform(path: str) -> str:
    """Load a platform description; ``path`` as Renode takes it: ``@file`` or ``$ORIGIN/file``."""
    return f"machine LoadPlatformDescription {path}"


def exact_time() -> tuple[str, ...]:
    """The same run every time, as fast as the host can.

    These setters reach the machines that exist: they come after the platform.
    """
    return (
        f'emulation SetGlobalQuantum "{QUANTUM_SECONDS}"',
        "emulation SetGlobalSerialExecution true",
        "emulation SetGlobalAdvanceImmediately true",
        f"emulation SetSeed {SEED}",
    )


def strict_memory(generation: Generation) -> tuple[str, ...]:
    """What makes an access where nothing is mapped a fault of the firmware, where that exists."""
    if not bad_access_faults(generation):
        return ()
    return ("sysbus UnhandledAccessBehaviour ThrowException",)


def load_elf(path: str) -> str:
    """Put an ELF's segments at their load addresses, and read its symbols."""
    return f"sysbus LoadELF {path}"


def vector_table(address: int | str) -> str:
    """Where SP and PC come from at the start; else Renode guesses from the ELF's sections."""
    where = address if isinstance(address, str) else f"0x{address:08X}"
    return f"cpu VectorTableOffset {where}"


def symbol(name: str) -> str:
    """The address of a symbol, to stand in a command; an error if there is none."""
    return f'`sysbus GetSymbolAddress "{name}"`'


def add_hook(address: int | str, python: str) -> str:
    """Run IronPython before the instruction at an address (without its Thumb bit), or symbol."""
    where = address if isinstance(address, str) else f"0x{address:08X}"
    return f'cpu AddHook {where} "{python}"'


START = "start"


# ---- what only the driver says ----

HALT = "cpu.IsHalted = True"
HALTED = "cpu IsHalted"
TRUE = "True"  # as the monitor writes a bool of .NET
GO_ON = "cpu IsHalted false"
STATE = "cpu EmulationState"
ABORTED = "Aborted"
EXECUTED = "cpu ExecutedInstructions"
UNEXPECTED_READS = "sysbus UnexpectedReads"
UNEXPECTED_WRITES = "sysbus UnexpectedWrites"
FAULT_STATUS = "cpu FaultStatus"
MEMORY_FAULT_ADDRESS = "cpu MemoryFaultAddress"
BUS_FAULT_ADDRESS = "cpu BusFaultAddress"  # not on 1.16.1


def log_file(path: Path) -> str:
    """Log to a new file, each line at once."""
    return f"logFile {file(path)} true"


def file(path: Path) -> str:
    """A file as a command takes it."""
    return f"@{path}".replace(" ", "\\ ")


def load_binary(path: Path, address: int) -> str:
    """Put a file's bytes in memory."""
    return f"sysbus LoadBinary {file(path)} 0x{address:08X}"


def remove_hooks(address: int) -> str:
    """Take back what ``add_hook`` did at an address."""
    return f"cpu RemoveHooksAt 0x{address:08X}"


def register(name: str) -> str:
    """Ask for a register of the core, by its name in upper case; ``CPSR`` is xPSR."""
    return f'cpu GetRegister "{name}"'


def set_register(name: str, value: int) -> str:
    """Change a register of the core."""
    return f'cpu SetRegister "{name}" 0x{value:08X}'


def set_pc(address: int) -> str:
    """Go on at an address, in Thumb state."""
    return f"cpu PC 0x{address | 1:08X}"


def write_word(address: int, value: int) -> str:
    """Put 32 bits in memory."""
    return f"sysbus WriteDoubleWord 0x{address:08X} 0x{value:08X}"
