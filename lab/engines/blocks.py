"""What the meter asks about a block: how it answers, and what there is to look at inside."""

from __future__ import annotations

from lab.cores import Core
from lab.decode import Block, decode
from lab.engines.memory import Memory

# As in _meter.c.
_DYNAMIC_SP, _USES_FPU, _HALTED, _INEXACT_SP, _WANTS_PROBES, _UNDEFINED = 1, 2, 4, 8, 16, 32
_KEEPS_ALIGNMENT, _ENDS_IN_HINT = 64, 128
HAS_FPU, HAS_CYCCNT = 1, 2
# The encodings of the registers, by the names they have in decoded text.
REGISTER_NUMBERS = {f"r{n}": n for n in range(13)} | {
    "sb": 9, "sl": 10, "fp": 11, "ip": 12, "lr": 14,
}  # fmt: skip

MeterRow = tuple[int, int, int, int, int, int]


class Decoder:
    """Answers the meter's questions about blocks; holds no engine, so that engines die at once."""

    def __init__(self, core: Core, memory: Memory) -> None:
        self._core = core
        self._memory = memory
        self.last_instruction: dict[int, int] = {}  # by the end of the block
        self.watched: dict[int, Block] = {}  # blocks with something to look at, by their start
        self._it_states: dict[int, int] = {}  # by the start of blocks that begin inside an IT
        self.traps_divisions = False
        self.ran_from_ram = False

    def block(self, address: int, size: int) -> Block:
        """Decode what lies there now."""
        it_state = self._it_states.get(address, 0)
        return decode(self._core, self._memory.read(address, size), it_state)

    def describe(self, address: int, size: int, it_state: int) -> MeterRow:
        """Answer the meter about a block it has not met."""
        if it_state:
            self._it_states[address] = it_state
        block = self.block(address, size)
        self.last_instruction[address + size] = address + block.last_offset
        inside = any(not access.entry for access in block.accesses)
        watched = bool(block.probes) or inside or (self.traps_divisions and block.divisions)
        if watched:
            self.watched[address] = block
        self.ran_from_ram |= self._memory.writable(address)
        return meter_row(block, watched=bool(watched))


def meter_row(block: Block, *, watched: bool) -> MeterRow:
    """Instructions, cycles, sp_low, sp_tail, flags and registers, as the meter takes them."""
    flags = (
        _DYNAMIC_SP * (block.sp_tail is not None)
        | _USES_FPU * (block.fpu_offset is not None)
        | _HALTED * block.halted
        | _INEXACT_SP * (not block.sp_exact)
        | _WANTS_PROBES * watched
        | _UNDEFINED * (block.undefined_offset is not None)
        | _KEEPS_ALIGNMENT * block.keeps_alignment
        | _ENDS_IN_HINT * block.ends_in_hint
    )
    aligned = 0
    for access in block.accesses:
        if access.entry:
            aligned |= 1 << REGISTER_NUMBERS[access.entry]
    return block.instructions, block.cycles, block.sp_low, block.sp_tail or 0, flags, aligned
