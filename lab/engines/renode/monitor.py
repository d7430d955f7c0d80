"""Commands of Renode's monitor, as scripts hold them and the driver sends them.

Each is a line of text; what it does was read from the file named beside it.
"""

from __future__ import annotations

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
