"""The text of a platform description (.repl): a core, its memory, and nothing else.

Grammar: renode src/Renode/PlatformDescription/Syntax/Grammar.cs and PreLexer.cs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lab.banks import GRANULARITY
from lab.cores import Core
from lab.engines.base import Region
from lab.engines.renode.uarts import Uart
from lab.engines.renode.versions import (
    NOT_YET_RUN,
    Generation,
    cpu_type,
    known_differences,
    semihosting,
)
from lab.errors import UsageError, one_line

MHZ = 1_000_000
# Where the board's own clock does not matter. A divisor of 1,000: instructions and nanoseconds
# convert without a rest.
EXACT_MIPS = 100
CONSOLE = "console"
_ARMV6M_PRIORITY_MASK = 0xC0  # Armv6-M has two bits of priority
_DEFAULT_PRIORITY_MASK = 0xFF  # NVIC.cs
# Names that mean something else: keywords of Grammar.cs, what is always there, what is made here.
_TAKEN = frozenset(
    ("using", "new", "as", "init", "preinit", "reset", "local", "prefixed", "true", "false", "none",
     "empty", "sysbus", "machine", "emulation", "monitor", "self", "cpu", "nvic", "dwt", "itm",
     "fpb", "semihosting", "semihosting_uart", "console")
)  # fmt: skip
HEAD = f"By tflm-lab: {NOT_YET_RUN}."


@dataclass(frozen=True)
class Platform:
    """What a platform description describes.

    Attributes:
        core: the core.
        regions: memory; what no region covers is not there.
        clock_hz: core clock, of which one instruction takes one cycle.
        console: the serial port, if Renode has a model of it.
        title: for the head of the text; empty: nothing to say.
        notes: sentences about what the text holds or lacks, by name of a region; by ``console``
            about the serial port.
    """

    core: Core
    regions: tuple[Region, ...]
    clock_hz: int
    console: Uart | None = None
    title: str = ""
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def repl(platform: Platform, generation: Generation) -> str:
    """The platform description.

    Raises:
        UsageError: memory that Renode cannot map: it has pages of 1 KiB.
    """
    parts = [
        _head(platform, generation),
        _core(platform),
        _nvic(platform),
        *_debug(platform),
        *([entry] for entry in semihosting(generation)),
        *_memories(platform.regions, platform.notes),
        _console(platform),
    ]
    return _text(parts)


def memory_repl(regions: Sequence[Region], wanted: Sequence[Region], why: str) -> str:
    """A description that adds memory to a platform which is loaded.

    Args:
        regions: all memory of the machine then.
        wanted: those of them that the description adds.
        why: what for.

    Raises:
        UsageError: memory that Renode cannot map.
    """
    names = memory_names(regions)
    return _text([[*_comment(f"{why} {HEAD}")], *(_memory(names[r.name], r) for r in wanted)])


def memory_names(regions: Iterable[Region]) -> dict[str, str]:
    """Names of memories in a description, by the names of the regions: unique identifiers."""
    names: dict[str, str] = {}
    for region in regions:
        plain = re.sub(r"[^a-z0-9]+", "_", region.name.lower()).strip("_")
        wanted = plain if plain[:1].isalpha() and plain not in _TAKEN else f"memory_{plain}"
        name, number = wanted, 2
        while name in names.values():
            name, number = f"{wanted}_{number}", number + 1
        names[region.name] = name
    return names


def mips(clock_hz: int) -> int:
    """Millions of instructions a second of virtual time: the clock in whole MHz, at least 1."""
    return max(1, clock_hz // MHZ)


def _text(parts: Iterable[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _comment(text: str) -> list[str]:
    return [f"// {one_line(text)}"] if text else []


def _head(platform: Platform, generation: Generation) -> list[str]:
    differences = known_differences(platform.core, generation)
    return [
        *_comment(platform.title),
        *_comment(f"For Renode {generation}. {HEAD}"),
        "//",
        "// Known to be other than on silicon:",
        *(line for one in differences for line in _comment(f"- {one.about}: {one.what}")),
    ]


def _core(platform: Platform) -> list[str]:
    return [
        *_comment(f"{platform.core.title}. {_time(platform.clock_hz)}"),
        "cpu: CPU.CortexM @ sysbus",
        f'    cpuType: "{cpu_type(platform.core)}"',
        "    nvic: nvic",
        f"    PerformanceInMips: {mips(platform.clock_hz)}",
    ]


def _time(clock_hz: int) -> str:
    """What one instruction takes. Virtual time has steps of 1 ns (TimeInterval.FromCPUCycles)."""
    rate = mips(clock_hz)
    if rate * MHZ != clock_hz:
        cycles = clock_hz / (rate * MHZ)
        return f"Renode counts in whole MHz: one instruction takes {cycles:.3g} cycles."
    group = rate // math.gcd(rate, 1000)
    exact = f"; virtual time, in ns, is exact every {group} instructions" if group > 1 else ""
    return f"One instruction takes one cycle{exact}."


def _nvic(platform: Platform) -> list[str]:
    if platform.core.has_cyccnt:
        mask, why = _DEFAULT_PRIORITY_MASK, "How many bits a priority has is not known: all 8."
    else:
        mask, why = _ARMV6M_PRIORITY_MASK, "Priorities of Armv6-M have two bits."
    return [
        *_comment(why),
        "nvic: IRQControllers.NVIC @ sysbus 0xE000E000",
        f"    systickFrequency: {platform.clock_hz}",
        f"    priorityMask: 0x{mask:02X}",
        "    -> cpu@0",
    ]


def _debug(platform: Platform) -> list[list[str]]:
    """The core's debug blocks, which firmware may touch and the NVIC's model does not cover."""
    itm = _dummy(
        "itm", 0xE0000000, "Trace output (ITM): plain memory, so that touching it is no bad access."
    )
    fpb = _dummy("fpb", 0xE0002000, "Breakpoint unit: plain memory.")
    if not platform.core.has_cyccnt:
        why = "DWT of Armv6-M, which has no cycle counter: plain memory."
        return [_dummy("dwt", 0xE0001000, why), fpb]
    dwt = [
        "dwt: Miscellaneous.DWT @ sysbus 0xE0001000",
        f"    frequency: {platform.clock_hz}",
    ]
    return [itm, dwt, fpb]


def _dummy(name: str, base: int, why: str) -> list[str]:
    return [*_comment(why), *_memory(name, Region(name, base, 0x1000, True, False))]


def _memories(regions: Sequence[Region], notes: Mapping[str, Sequence[str]]) -> Iterable[list[str]]:
    names = memory_names(regions)
    for region in regions:
        said = [line for note in notes.get(region.name, ()) for line in _comment(note)]
        yield [*said, *_memory(names[region.name], region)]


def _memory(name: str, region: Region) -> list[str]:
    _check(region)
    points = [f"sysbus 0x{base:08X}" for base in (region.base, *region.aliases)]
    where = points[0] if len(points) == 1 else f"{{ {'; '.join(points)} }}"
    return [f"{name}: Memory.MappedMemory @ {where}", f"    size: 0x{region.size:X}"]


def _check(region: Region) -> None:
    """TranslationCPU.ValidateMemoryRangeAndThrow wants whole pages; MappedMemory.cs wants some."""
    for value in (region.base, region.size, *region.aliases):
        if value % GRANULARITY:
            what = f"0x{value:X} is no multiple of 0x{GRANULARITY:X}"
            raise UsageError(f"{region.name}: {what} (Renode maps memory in pages of 1 KiB)")
    if not region.size:
        raise UsageError(f"{region.name}: has no size (Renode has no memory of 0 B)")


def _console(platform: Platform) -> list[str]:
    lines = [line for note in platform.notes.get(CONSOLE, ()) for line in _comment(note)]
    if uart := platform.console:
        place = f"0x{uart.address:08X}"
        if uart.size is not None:
            place = f"<{place}, +0x{uart.size:X}>"
        lines += [f"{CONSOLE}: {uart.model} @ sysbus {place}"]
        lines += [f"    {name}: {value}" for name, value in uart.parameters]
    return lines
