"""The text of a platform description (.repl): a core, its memory, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.banks import GRANULARITY
from lab.cores import Core
from lab.engines.base import Region
from lab.engines.renode.versions import Generation, cpu_type, known_differences
from lab.errors import UsageError

MHZ = 1_000_000
DEFAULT_PRIORITY_MASK = 0xFF  # NVIC.cs: what it has when told nothing
_TAKEN = {"sysbus", "cpu", "nvic", "dwt", "itm", "fpb", "console", "semihosting",
          "semihosting_uart", "machine", "emulation", "none", "new", "using", "as", "local",
          "alias", "prefixed", "init", "reset", "preinit", "true", "false"}  # fmt: skip


@dataclass(frozen=True)
class Uart:
    """A serial port that Renode has a model of.

    Attributes:
        model: Renode's type, such as ``UART.PL011``.
        address: base address.
        parameters: arguments of its constructor, as text.
        reason: why this model stands for the board's port.
    """

    model: str
    address: int
    parameters: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Platform:
    """What a platform description describes.

    Attributes:
        core: the core.
        regions: memory; what no region covers is not there.
        clock_hz: core clock; one instruction takes one cycle of it, if it is whole MHz.
        console: the serial port, if Renode has a model of it.
        priority_bits: of an interrupt's priority; None: not known.
        remarks: lines for people at the head of the text.
    """

    core: Core
    regions: tuple[Region, ...]
    clock_hz: int
    console: Uart | None = None
    priority_bits: int | None = None
    remarks: tuple[str, ...] = ()


def mips(clock_hz: int) -> int:
    """Millions of instructions a second of virtual time: the clock in whole MHz, at least one."""
    return max(1, clock_hz // MHZ)


def memory_names(regions: Iterable[Region]) -> dict[str, str]:
    """Names of memories in the description, by those of the regions: unique identifiers."""
    names: dict[str, str] = {}
    for region in regions:
        plain = re.sub(r"[^a-z0-9]+", "_", region.name.lower()).strip("_") or "memory"
        wanted = plain if plain[0].isalpha() and plain not in _TAKEN else f"memory_{plain}"
        name, number = wanted, 2
        while name in names.values():
            name, number = f"{wanted}_{number}", number + 1
        names[region.name] = name
    return names


def repl(platform: Platform, generation: Generation) -> str:
    """The platform description.

    Raises:
        UsageError: a region is no multiple of 1 KiB, which is all that Renode can map.
    """
    for region in platform.regions:
        _check(region)
    parts = [_head(platform, generation), _core(platform), *_debug(platform.core)]
    parts += [_dwt(platform), _semihosting(generation)]
    names = memory_names(platform.regions)
    parts += [_memory(names[region.name], region) for region in platform.regions]
    parts += [_uart(platform.console)] if platform.console else []
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _check(region: Region) -> None:
    for value in (region.base, region.size, *region.aliases):
        if value % GRANULARITY:
            what = f"0x{value:X} is no multiple of 0x{GRANULARITY:X}"
            raise UsageError(f"{region.name}: {what}: Renode maps memory in pages of 1 KiB")
    if not region.size:
        raise UsageError(f"{region.name}: Renode has no memory of 0 B")


def _head(platform: Platform, generation: Generation) -> list[str]:
    lines = [*platform.remarks, f"For Renode {generation}; not yet run on it."]
    lines += ["Known to be another than on silicon:"]
    lines += [f"- {one.what}" for one in known_differences(platform.core, generation)]
    return [f"// {line}" for line in lines]


def _core(platform: Platform) -> list[str]:
    bits = platform.priority_bits
    mask = DEFAULT_PRIORITY_MASK if bits is None else 0xFF << (8 - bits) & 0xFF
    return [
        "cpu: CPU.CortexM @ sysbus",
        f'    cpuType: "{cpu_type(platform.core)}"',
        "    nvic: nvic",
        f"    PerformanceInMips: {mips(platform.clock_hz)}",
        "",
        "nvic: IRQControllers.NVIC @ sysbus 0xE000E000",
        f"    systickFrequency: {platform.clock_hz}",
        f"    priorityMask: 0x{mask:02X}",
        "    -> cpu@0",
    ]


def _dwt(platform: Platform) -> list[str]:
    return [
        "dwt: Miscellaneous.DWT @ sysbus 0xE0001000",
        f"    frequency: {platform.clock_hz}",
    ]


def _debug(core: Core) -> Iterator[list[str]]:
    if core.has_cyccnt:
        yield ["itm: Memory.MappedMemory @ sysbus 0xE0000000", "    size: 0x1000"]
    yield ["fpb: Memory.MappedMemory @ sysbus 0xE0002000", "    size: 0x1000"]


def _semihosting(generation: Generation) -> list[str]:
    if generation is Generation.V1_16:
        return ["semihosting: UART.SemihostingUart @ cpu"]
    return [
        "semihosting: CPU.SemihostingHandler @ cpu",
        "",
        "semihosting_uart: UART.SemihostingUart @ semihosting",
    ]


def _memory(name: str, region: Region) -> list[str]:
    points = [f"sysbus 0x{base:08X}" for base in (region.base, *region.aliases)]
    where = points[0] if len(points) == 1 else f"{{ {'; '.join(points)} }}"
    return [f"{name}: Memory.MappedMemory @ {where}", f"    size: 0x{region.size:X}"]


def _uart(uart: Uart) -> list[str]:
    lines = [f"console: {uart.model} @ sysbus 0x{uart.address:08X}"]
    return [*lines, *(f"    {name}: {value}" for name, value in uart.parameters)]
