"""The memory of an emulated machine, kept on our side of the emulator and shared with it."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lab.elf import Segment
from lab.engines.base import Region

_GRANULE = 1024  # Unicorn's page on an Arm core: faults are exact at the end of one
_SYSTEM = ((0xE0001000, 0xE0002000), (0xE000E000, 0xE000F000))  # DWT and system control space


class Bank:
    """One region and its bytes."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.changed = False  # by the host, behind the guest's write protection
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.data = mmap.mmap(-1, region.size, flags=flags)

    def pointer(self) -> int:
        """Address of the bytes in this process; valid as long as the bank lives."""
        return ctypes.addressof(ctypes.c_char.from_buffer(self.data))

    def clear(self) -> None:
        """Zero everything, at the price of the pages in use only."""
        self.data.madvise(mmap.MADV_DONTNEED)


class Memory:
    """All banks of a machine, with the contents they have at reset."""

    def __init__(self, regions: Sequence[Region], segments: Sequence[Segment]) -> None:
        _check(regions)
        self.banks = [Bank(region) for region in sorted(regions, key=lambda region: region.base)]
        self._segments = tuple(segments)
        for segment in segments:
            self._store(segment.address, segment.data)

    def restore(self) -> None:
        """Bring back the contents at reset, touching only what can have changed."""
        stale = [bank for bank in self.banks if bank.region.writable or bank.changed]
        for bank in stale:
            bank.clear()
            bank.changed = False
        for segment in self._segments:
            for bank, start, stop, at in self._pieces(segment.address, len(segment.data)):
                if bank in stale:
                    bank.data[start:stop] = segment.data[at : at + stop - start]

    def read(self, address: int, size: int) -> bytes:
        """Contents. Raises ValueError where nothing is mapped."""
        pieces = self._pieces(address, size)
        return b"".join(bank.data[start:stop] for bank, start, stop, _ in pieces)

    def write(self, address: int, data: bytes) -> None:
        """Change contents until the next ``restore``. Raises ValueError where nothing is mapped."""
        for bank in self._store(address, data):
            bank.changed = True

    def writable(self, address: int) -> bool:
        """Whether the guest may store there."""
        found = self._find(address)
        return found is not None and found[0].region.writable

    def room(self, address: int, size: int) -> int:
        """How many of ``size`` bytes from an address on lie in its bank."""
        found = self._find(address)
        return min(size, found[1].stop - address) if found else 0

    def _store(self, address: int, data: bytes) -> list[Bank]:
        pieces = list(self._pieces(address, len(data)))
        for bank, start, stop, at in pieces:
            bank.data[start:stop] = data[at : at + stop - start]
        return [bank for bank, *_ in pieces]

    def _pieces(self, address: int, size: int) -> Iterator[tuple[Bank, int, int, int]]:
        """Bank, start and stop in it, and offset from ``address``, of each part of a range."""
        if size < 0:
            raise ValueError(f"negative size {size}")
        at = 0
        while at < size:
            found = self._find(address + at)
            if found is None:
                raise ValueError(f"nothing is mapped at 0x{address + at:08x}")
            bank, place = found
            start = address + at - place.start
            stop = min(bank.region.size, start + size - at)
            yield bank, start, stop, at
            at += stop - start

    def _find(self, address: int) -> tuple[Bank, range] | None:
        """The bank at an address, and the place where the core sees it there."""
        for bank in self.banks:
            for place in bank.region.places:
                if address in place:
                    return bank, place
        return None


def _check(regions: Sequence[Region]) -> None:
    places = []
    for region in regions:
        for base in (region.base, *region.aliases):
            end = base + region.size
            if region.size <= 0 or base < 0 or end > 1 << 32:
                raise ValueError(f"region {region.name}: does not lie in the address space")
            if base % _GRANULE or region.size % _GRANULE:
                raise ValueError(f"region {region.name}: not a multiple of {_GRANULE} bytes")
            if any(base < stop and start < end for start, stop in _SYSTEM):
                raise ValueError(f"region {region.name}: covers the core's own registers")
            places.append((base, end, region.name))
    for (_, end, first), (base, _, second) in pairwise(sorted(places)):
        if end > base:
            raise ValueError(f"regions {first} and {second} overlap")
