"""As much of a platform description as the fake needs: the core's type, and the memories."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.banks import SYSTEM_BASE
from lab.cores import CORES, Core
from lab.engines.base import Region

# What Renode's cores really are, by the facts: some have more than their name says.
_CORES = {
    "cortex-m0+": "cortex-m3",
    "cortex-m3": "cortex-m3",
    "cortex-m4": "cortex-m4f",
    "cortex-m7": "cortex-m7fd",
    "cortex-m33": "cortex-m33f",
}


@dataclass(frozen=True)
class Described:
    """What a description says."""

    core: Core
    regions: tuple[Region, ...]


def read_platform(text: str) -> Described:
    """Read it."""
    (kind,) = re.findall(r'^    cpuType: "(.+)"$', text, re.MULTILINE)
    regions = []
    pattern = r"^(\w+): Memory.MappedMemory @ (.+)\n    size: (0x\w+)$"
    for name, points, size in re.findall(pattern, text, re.MULTILINE):
        base, *aliases = (int(address, 16) for address in re.findall(r"sysbus (0x\w+)", points))
        if base >= SYSTEM_BASE:  # in place of debug blocks that the engine underneath has itself
            continue
        # The guest may write all of it, and execute all of it: Renode has no other memory.
        regions.append(Region(name, base, int(size, 16), True, True, tuple(aliases)))
    return Described(CORES[_CORES[kind]], tuple(regions))
