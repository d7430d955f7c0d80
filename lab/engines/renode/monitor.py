"""Commands of Renode's monitor, as scripts hold them and the driver sends them.

Each is one line. A path is as Renode takes it: ``file(...)``, ``$ORIGIN/name`` for what lies beside
the script, or a variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from lab.engines.renode.versions import Generation, bad_access_faults
from lab.errors import UsageError

QUANTUM_SECONDS = "0.0001"  # Renode's default; between two quanta timers are exact all the same
SEED = 1
START = "start"
# Else the core is "sysbus.cpu" (Extensions/UserInterface/MonitorContext.cs, IsNameAvailable). On
# master it holds until the emulation is cleared, which makes a new context.
USE_SYSBUS = "using sysbus"


def new_machine(name: str, platforms: Iterable[str], generation: Generation) -> tuple[str, ...]:
    """Make a machine from platform descriptions, ready for a firmware to be loaded.

    Args:
        name: of the machine.
        platforms: paths, in the order of loading.
        generation: whose commands these are.
    """
    return (
        USE_SYSBUS,
        create_machine(name),
        *(load_platform(path) for path in platforms),
        *exact_time(),
        *strict_memory(generation),
    )


def create_machine(name: str) -> str:
    """A new machine, which the commands that follow act on."""
    return f'mach create "{name}"'


def load_platform(path: str) -> str:
    """Load a platform description."""
    return f"machine LoadPlatformDescription {path}"


def exact_time() -> tuple[str, ...]:
    """The same run every time, as fast as the host can.

    To be said after the platform is loaded: these reach only the machines that exist
    (renode-infrastructure Extensions/UserInterface/MonitorTimeExtensions.cs).
    """
    return (
        f'emulation SetGlobalQuantum "{QUANTUM_SECONDS}"',
        "emulation SetGlobalSerialExecution true",
        "emulation SetGlobalAdvanceImmediately true",
        f"emulation SetSeed {SEED}",
    )


def strict_memory(generation: Generation) -> tuple[str, ...]:
    """Make accesses where nothing is mapped faults of the firmware, where Renode can.

    It holds for the monitor's own accesses too, and for loading.
    """
    if not bad_access_faults(generation):
        return ()
    return ("sysbus UnhandledAccessBehaviour ThrowException",)


def load_elf(path: str) -> str:
    """Put an ELF's segments at their load addresses, and take its symbols."""
    return f"sysbus LoadELF {path}"


def vector_table(address: int | str) -> str:
    """Where SP and PC come from at the start (Cores/Arm-M/CortexM.cs, VectorTableOffset)."""
    return f"cpu VectorTableOffset {number(address)}"


def write_word(address: int | str, value: int | str) -> str:
    """Write 32 bits to memory."""
    return f"sysbus WriteDoubleWord {number(address)} {number(value)}"


def symbol(name: str) -> str:
    """The address of a symbol, without its Thumb bit, as part of a command; an error if absent."""
    return f'`sysbus GetSymbolAddress "{name}"`'


def add_hook(address: int | str, python: str) -> str:
    """Run IronPython before the instruction at an address (Extensions/Hooks/CpuHooksExtensions.cs).

    Args:
        address: of the instruction, without Thumb bit.
        python: without double quotes; it sees ``self``, ``cpu``, ``pc`` and ``machine``
            (Extensions/Hooks/BlockPythonEngine.cs).
    """
    return f'cpu AddHook {number(address)} "{python}"'


def copy_output(uart: str, path: str) -> str:
    """Write every byte that a serial port sends to a file, at once."""
    return f"{uart} CreateFileBackend {path} true"


def file(path: Path) -> str:
    """A file as a command takes it: relative to where Renode was started, spaces escaped.

    Raises:
        UsageError: the monitor ends a path there, and knows no escape for it
            (Extensions/UserInterface/Tokenizer/Tokenizer.cs).
    """
    if end := re.search(r";|[^\S ]", str(path)):
        what = f"Renode's monitor ends a path at {end[0]!r}: choose a directory without it"
        raise UsageError(f"{path}: {what}")
    return f"@{path}".replace(" ", "\\ ")


def number(value: int | str) -> str:
    """A number as the monitor reads it; text (a variable, a symbol) stays as it is."""
    return value if isinstance(value, str) else f"0x{value:08X}"


# ---- bodies of hooks ----

HALT = "cpu.IsHalted = True"
# Both generations know an argument ``precise`` (Machine.cs). It restarts the block of code that is
# being executed; a hook runs between blocks (TranslationCPU.cs), where it would only log a warning.
PAUSE = "machine.PauseAndRequestEmulationPause()"

# ---- what only the driver says ----

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


def load_binary(path: Path, address: int) -> str:
    """Put a file's bytes in memory."""
    return f"sysbus LoadBinary {file(path)} {number(address)}"


def remove_hooks(address: int) -> str:
    """Take back what ``add_hook`` did at an address."""
    return f"cpu RemoveHooksAt {number(address)}"


def register(name: str) -> str:
    """Ask for a register of the core, by its name in upper case; ``CPSR`` is xPSR."""
    return f'cpu GetRegister "{name}"'


def set_register(name: str, value: int) -> str:
    """Change a register of the core."""
    return f'cpu SetRegister "{name}" {number(value)}'


def set_pc(address: int) -> str:
    """Go on at an address, in Thumb state."""
    return f"cpu PC {number(address | 1)}"
