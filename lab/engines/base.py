"""What every engine does: execute an image on a core with exactly the memory it is given.

An engine is a small machine: load bytes, run until an address, look, go on. Everything the lab
measures is built from these few calls, so the same measuring serves every engine and images
that nobody prepared.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from lab.cores import Core
from lab.elf import Segment


@dataclass(frozen=True)
class Region:
    """Memory that exists. What no region covers is not there: touching it is a fault.

    Attributes:
        name: bank name of the board file, such as ``SRAM1``.
        base: first address.
        size: bytes; a multiple of 1,024, the granularity of the end of memory.
        writable: stores are allowed (RAM) or fault (flash).
        executable: instructions may be fetched from here.
        aliases: other addresses at which the same cells appear.
    """

    name: str
    base: int
    size: int
    writable: bool
    executable: bool
    aliases: tuple[int, ...] = ()

    @property
    def end(self) -> int:
        """First address after the region."""
        return self.base + self.size

    @property
    def places(self) -> tuple[range, ...]:
        """Where the core sees it: at its base and at each alias."""
        return tuple(range(base, base + self.size) for base in (self.base, *self.aliases))


@dataclass(frozen=True)
class Machine:
    """A core and the memory around it."""

    core: Core
    regions: tuple[Region, ...]


class StopReason(StrEnum):
    """Why a run came back."""

    ADDRESS = "address"  # reached one of the addresses it was to run until
    FAULT = "fault"  # the core would have taken a fault exception
    HALTED = "halted"  # an endless loop of one instruction: nothing will ever change
    STACK_LIMIT = "stack_limit"  # the next block would move SP below the limit
    INSTRUCTION_BUDGET = "instruction_budget"
    WALL_CLOCK = "wall_clock"


@dataclass(frozen=True)
class Fault:
    """A fault the core would have taken.

    Attributes:
        kind: ``read_unmapped``, ``write_unmapped``, ``fetch_unmapped``, ``write_protected``,
            ``fetch_protected``, ``unaligned``, ``undefined_instruction``, ``no_coprocessor``,
            ``divide_by_zero``, ``invalid_state`` (branch to an even address), ``breakpoint``,
            ``supervisor_call``, ``exception_return``.
        pc: address of the faulting instruction (of the target for ``fetch_*``).
        address: data address of an access; where it went for ``invalid_state`` and
            ``exception_return``; else None.
        late: the firmware ran on before the engine noticed: registers, stack and memory are not
            those of the fault.
    """

    kind: str
    pc: int
    address: int | None = None
    late: bool = False


@dataclass(frozen=True)
class Stop:
    """How a run came back. ``pc`` is the next instruction, nothing of it executed yet."""

    reason: StopReason
    pc: int
    fault: Fault | None = None


@dataclass(frozen=True)
class Totals:
    """Counted since reset.

    Attributes:
        instructions: instructions issued, exact; those skipped inside an IT block included.
        cycles: core cycles at zero wait states after the core's cycle model; None where the
            engine does not see the blocks they are summed over.
    """

    instructions: int
    cycles: int | None


@dataclass(frozen=True)
class LowestSp:
    """The lowest value SP had since reset or the last ``restart_lowest_sp``.

    Attributes:
        sp: the value.
        pc: address inside the function that moved SP there; None where the engine does not know.
        exact: False if it is an upper bound only, so that the stack is "at least" that deep: a
            block moved SP in a way only its end shows, or only what was written is known.
    """

    sp: int
    pc: int | None
    exact: bool


class BlockCount(NamedTuple):
    """What was counted of one block of instructions: a straight run that is entered at its begin.

    Attributes:
        address: of its first instruction.
        size: bytes.
        instructions: of one execution.
        cycles: of one execution, modelled, without those of taken branches.
        executions: how often it was entered; one that a fault cut short counts as executed.
        taken: how often of these by a taken branch, not from the block in front of it.
    """

    address: int
    size: int
    instructions: int
    cycles: int
    executions: int
    taken: int


def check_run(until: Collection[int], instructions: int, seconds: float, stack_limit: int) -> None:
    """Refuse arguments of ``Engine.run`` that make no sense.

    Raises:
        ValueError: an odd address, or a limit that is none.
    """
    if any(address & 1 or not 0 <= address < 1 << 32 for address in until):
        raise ValueError("addresses to stop at must be even and below 2**32")
    if instructions <= 0 or seconds <= 0 or not 0 <= stack_limit < 1 << 32:
        raise ValueError("instruction budget, seconds and stack limit must be positive")


class Engine(Protocol):
    """One emulated device. Not thread-safe; one per process is enough.

    Attributes:
        name: as the user writes it.
        version: of what executes.
        sees_blocks: every block of instructions is seen as it is entered. Without that there are
            no cycles and no ``profile``, the lowest SP is found by what was written, and a stack
            limit is noticed only after it was passed.
    """

    name: str
    version: str
    sees_blocks: bool

    def load(self, machine: Machine, segments: Sequence[Segment], vector_table: int) -> None:
        """Build the device, put the segments in memory, and reset it.

        Args:
            machine: core and memory.
            segments: initial memory contents; memory not covered reads as zero.
            vector_table: address of the initial SP and the reset vector.
        """

    def reset(self) -> None:
        """Bring memory, registers and counters back to where ``load`` left them."""

    def run(
        self, until: Collection[int], *, instructions: int, seconds: float, stack_limit: int = 0
    ) -> Stop:
        """Execute from the current PC.

        Args:
            until: addresses (even, starts of basic blocks such as function entries and return
                addresses) to stop before. The address the core stands on is not stopped at again.
            instructions: budget of this call, checked at block boundaries.
            seconds: wall clock limit of this call; hitting it is never a measurement.
            stack_limit: stop before a block that would move SP below this address; 0: no limit.
        """

    def read(self, address: int, size: int) -> bytes:
        """Memory contents. Raises ValueError where nothing is mapped."""

    def write(self, address: int, data: bytes) -> None:
        """Change data memory (not code that has run). Raises ValueError where nothing is mapped."""

    def register(self, name: str) -> int:
        """Value of ``r0``..``r12``, ``sp``, ``lr`` or ``pc``."""

    def set_register(self, name: str, value: int) -> None:
        """Change a register."""

    def totals(self) -> Totals:
        """What was counted since reset."""

    def lowest_sp(self) -> LowestSp:
        """How deep the stack has been."""

    def restart_lowest_sp(self) -> None:
        """Forget the lowest SP: measure the next phase from the current SP on."""

    def profile(self) -> list[BlockCount]:
        """What was counted of each block since reset.

        Blocks of an earlier look come first and in the same order.
        """
