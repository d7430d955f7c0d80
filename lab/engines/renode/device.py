"""The emulated device in Renode's process: what an engine does, in Renode's terms.

Renode stops where a hook halts the core, or at the end of a slice of virtual time. Everything else
(faults, endless loops, a stack that is too deep, accesses where nothing is) is looked for then.
"""

from __future__ import annotations

import os
import struct
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.elf import Segment
from lab.engines.base import Fault, LowestSp, Machine, Stop, StopReason, Totals
from lab.engines.memory import Memory
from lab.engines.painted import PaintedStack
from lab.engines.renode import monitor
from lab.engines.renode.driver import Renode
from lab.engines.renode.faults import (
    BUS_ADDRESS_VALID,
    EXCEPTIONS,
    MEMORY_ADDRESS_VALID,
    SUPERVISOR_CALL,
    Frame,
    Taken,
    frame_size,
    in_handler,
    logged_access,
)
from lab.engines.renode.log import COMMANDS, NAME, Log
from lab.engines.renode.platform import EXACT_MIPS, MHZ, Platform, repl
from lab.engines.renode.versions import Generation, bad_access_faults
from lab.errors import NoVerdictError

_FIRST_SLICE, _LAST_SLICE = 1_000, 10_000  # microseconds of virtual time
_ASLEEP = 20  # slices without an instruction; SysTick's longest period is 17 of the last
_STANDS = 4  # hooks that may fire where the core already stood
_LOG_SECONDS, _LOOK_AGAIN = 2.0, 0.01  # Renode's log is written by a thread of its own
_VECTORS = struct.Struct("<16I")  # up to SysTick's: all that faults can end in
_TO_ITSELF = (b"\xfe\xe7", b"\xff\xf7\xfe\xbf")  # b . in 16 and in 32 bits
_REGISTERS = {**{f"r{n}": f"R{n}" for n in range(13)}, "sp": "SP", "lr": "LR", "pc": "PC"}


@dataclass
class _Run:
    """One call of ``run``: what it is to do, where it began, and how far it is.

    Instructions are counted since reset; ``length`` is of the next slice in microseconds, ``loop``
    where the last one ended if that is a branch to itself, ``log`` where Renode's log was when it
    began.
    """

    until: frozenset[int]
    end: int
    deadline: float
    first_pc: int
    first_count: int
    count: int
    executed: int = 0
    log: int = 0
    length: int = _FIRST_SLICE
    loop: int | None = None
    asleep: int = 0
    stands: int = 0


class Device:
    """See ``lab.engines.base.Engine``; requests come from ``lab.engines.renode.engine``."""

    def start(self, environment: dict[str, str]) -> Generation:
        """Load Renode, given the variables that pyrenode3 wants."""
        os.environ.update(environment)
        folder = Path(tempfile.gettempdir())
        self._renode = Renode(folder / NAME, folder / COMMANDS)
        self._log = Log(folder / NAME)
        self._generation = self._renode.generation()
        return self._generation

    def load(self, machine: Machine, segments: Sequence[Segment], vector_table: int) -> None:
        """Build the device, put the segments in memory, and reset it."""
        # The same refusals as the other engine's; its memory is never touched.
        self._map = Memory(machine.regions, segments)
        self._platform = Platform(machine.core, machine.regions, EXACT_MIPS * MHZ)
        self._segments, self._vector_table = tuple(segments), vector_table
        self._map.read(vector_table, 8)
        self.reset()

    def reset(self) -> None:
        """Make a new machine: Renode's own reset leaves RAM and its caches as they are."""
        with tempfile.TemporaryDirectory(prefix="lab-renode-") as folder:
            description = Path(folder) / "lab.repl"
            description.write_text(repl(self._platform, self._generation))
            self._renode.start_over(description, self._generation)
        for segment in self._segments:
            self._put(segment.address, segment.data)
        self._power_up()

    def _power_up(self) -> None:
        renode = self._renode
        renode.command(monitor.vector_table(self._vector_table))
        table = self._part(self._vector_table, _VECTORS.size).ljust(_VECTORS.size, b"\0")
        words = _VECTORS.unpack(table)
        renode.command(monitor.set_register("SP", words[0] & ~3))
        renode.command(monitor.set_pc(words[1]))
        handlers = {words[number] for number in EXCEPTIONS}
        self._handlers = frozenset(one & ~1 for one in handlers if one & 1 and self._is_code(one))
        self._hooks: frozenset[int] = frozenset()
        self._halted = False
        self._before_fault: dict[str, int] = {}
        self._counted_before = renode.number(monitor.EXECUTED)
        self._unexpected = self._accesses()
        self._stack = PaintedStack(self.read, self.write, lambda: self.register("sp"))

    def run(
        self, until: Collection[int], instructions: int, seconds: float, stack_limit: int
    ) -> Stop:
        """Execute from the current PC, slice by slice."""
        self._before_fault = {}
        self._stack.begin(stack_limit)
        self._set_hooks(frozenset(until) | self._handlers)
        count = self._count()
        run = _Run(
            until=frozenset(until),
            end=count + instructions,
            deadline=time.monotonic() + seconds,
            first_pc=self.register("pc"),
            first_count=count,
            count=count,
        )
        while True:
            self._slice(run)
            if stop := self._look(run):
                return stop

    def read(self, address: int, size: int) -> bytes:
        """Memory contents. Raises ValueError where nothing is mapped."""
        self._map.read(address, size)
        return self._renode.read(address, size) if size else b""

    def write(self, address: int, data: bytes) -> None:
        """Change memory. Raises ValueError where nothing is mapped."""
        self._map.read(address, len(data))
        self._put(address, data)

    def register(self, name: str) -> int:
        """A register; after a fault, as it was before the core went to the handler."""
        if name in self._before_fault:
            return self._before_fault[name]
        value = self._renode.number(monitor.register(_REGISTERS[name]))
        return value & ~1 if name == "pc" else value

    def set_register(self, name: str, value: int) -> None:
        """Change a register."""
        self._before_fault.pop(name, None)
        if name == "pc":
            self._renode.command(monitor.set_pc(value))
        else:
            self._renode.command(monitor.set_register(_REGISTERS[name], value))

    def totals(self) -> Totals:
        """What was counted since reset."""
        return Totals(self._count(), None)

    def lowest_sp(self) -> LowestSp:
        """How deep the stack has been at least."""
        return LowestSp(self._stack.lowest(), None, exact=False)

    def restart_lowest_sp(self) -> None:
        """Forget the lowest SP."""
        self._stack.restart()

    def _slice(self, run: _Run) -> None:
        """Let the core execute a while, at most ``EXACT_MIPS`` - 1 instructions past the budget."""
        if self._halted:
            self._renode.command(monitor.GO_ON)
        self._log.forget()  # what the last slice logged has been looked at
        run.log = self._log.size()
        self._renode.run_for(min(run.length, -(-(run.end - run.count) // EXACT_MIPS)))
        self._halted = self._renode.word(monitor.HALTED) == monitor.TRUE
        count = self._count()
        run.executed, run.count = count - run.count, count
        run.length = min(2 * run.length, _LAST_SLICE)

    def _look(self, run: _Run) -> Stop | None:
        """What the slice has come to; None: go on."""
        pc = self.register("pc")
        if stop := self._wrong(run, pc):
            return stop
        if not self._halted:
            return self._between(run, pc)
        if pc == run.first_pc and run.count == run.first_count:
            self._stood(run)
            return None
        if pc in run.until:
            return Stop(StopReason.ADDRESS, pc)
        if pc in self._handlers:  # called, not entered: the firmware has given up by itself
            return Stop(StopReason.HALTED, pc)
        raise NoVerdictError(
            f"no verdict: Renode halted at 0x{pc:08x}, where nothing was to stop it"
        )

    def _stood(self, run: _Run) -> None:
        """A hook has halted the core where it stood: that is not to be stopped at again."""
        run.stands += 1
        if run.stands > _STANDS:
            raise NoVerdictError(f"no verdict: Renode does not go on from 0x{run.first_pc:08x}")

    def _between(self, run: _Run, pc: int) -> Stop | None:
        """Nothing has stopped the core by the end of the slice."""
        run.asleep = 0 if run.executed else run.asleep + 1
        before, run.loop = run.loop, pc if self._loops(pc) else None
        if run.asleep == _ASLEEP or (before and before == run.loop):
            return Stop(StopReason.HALTED, pc)
        if run.count >= run.end:
            return Stop(StopReason.INSTRUCTION_BUDGET, pc)
        if time.monotonic() >= run.deadline:
            return Stop(StopReason.WALL_CLOCK, pc)
        return None

    def _wrong(self, run: _Run, pc: int) -> Stop | None:
        """What must not happen, in the order in which one leads to another."""
        fault = self._accessed(run, pc)
        aborted = not self._halted and self._renode.word(monitor.STATE) == monitor.ABORTED
        stopped = self._halted or aborted or not run.executed
        if stopped and (fault is None or fault.kind == "fetch_unmapped"):
            fault = self._taken() or fault  # without a handler, the core looks for one at 0
        if self._stack.passed():
            return Stop(StopReason.STACK_LIMIT, self.register("pc"))
        if fault:
            return Stop(StopReason.FAULT, self.register("pc"), fault)
        if aborted or (self._halted and not self._is_code(pc)):
            return Stop(StopReason.FAULT, pc, Fault("fetch_unmapped", pc))
        return None

    def _taken(self) -> Fault | None:
        """The fault whose handler the core has entered; registers are then those in front of it."""
        sp, lr = self.register("sp"), self.register("lr")
        number = in_handler(lr, self._renode.number(monitor.register("CPSR")))
        if not number:
            return None
        try:
            frame = Frame.of(self.read(sp, Frame.SIZE))
        except ValueError:  # there was no room for it
            return Fault("write_unmapped", self.register("pc"), sp, late=True)
        status = self._renode.number(monitor.FAULT_STATUS)
        code = self._part(frame.pc & ~1, 4)
        fault = Taken(number, status, frame, code, self._failed_address(status)).fault()
        self._before_fault = {
            "pc": frame.pc & ~1 if number != SUPERVISOR_CALL else fault.pc,
            "sp": frame.sp(sp, frame_size(lr)),
            "lr": frame.lr,
        }
        self._stack.taken_back(sp, self._before_fault["sp"])
        return fault

    def _failed_address(self, status: int) -> int | None:
        """Where the access went that failed, if the core has noted it."""
        if status & MEMORY_ADDRESS_VALID:
            return self._renode.number(monitor.MEMORY_FAULT_ADDRESS)
        if status & BUS_ADDRESS_VALID and bad_access_faults(self._generation):
            return self._renode.number(monitor.BUS_FAULT_ADDRESS)
        return None

    def _accessed(self, run: _Run, pc: int) -> Fault | None:
        """The first access in this run where nothing is, where that is no fault of the firmware.

        Its address is where PC is by now if Renode's log does not tell.
        """
        before, now = self._unexpected, self._accesses()
        if bad_access_faults(self._generation) or now == before:
            return None
        self._unexpected = now
        deadline = time.monotonic() + _LOG_SECONDS
        while not (fault := logged_access(self._log.since(run.log))):
            if time.monotonic() >= deadline:
                # Had it read too, that may have come first: nothing tells.
                kind = "read_unmapped" if now[0] != before[0] else "write_unmapped"
                return Fault(kind, pc, late=True)
            time.sleep(_LOOK_AGAIN)
        return fault

    def _accesses(self) -> tuple[int, int]:
        """Reads and writes so far where nothing is mapped."""
        reads, writes = monitor.UNEXPECTED_READS, monitor.UNEXPECTED_WRITES
        return self._renode.number(reads), self._renode.number(writes)

    def _count(self) -> int:
        return self._renode.number(monitor.EXECUTED) - self._counted_before

    def _set_hooks(self, wanted: frozenset[int]) -> None:
        """Have the core halt before these addresses, and no others."""
        for address in sorted(self._hooks - wanted):
            self._renode.command(monitor.remove_hooks(address))
        for address in sorted(wanted - self._hooks):
            self._renode.command(monitor.add_hook(address, monitor.HALT))
        self._hooks = wanted

    def _is_code(self, address: int) -> bool:
        return self._map.room(address & ~1, 2) == 2

    def _part(self, address: int, size: int) -> bytes:
        """Memory contents, as far as there is memory."""
        return self.read(address, self._map.room(address, size))

    def _loops(self, pc: int) -> bool:
        return self._part(pc, 4).startswith(_TO_ITSELF)

    def _put(self, address: int, data: bytes) -> None:
        """Change memory, whoever may write it."""
        if len(data) == 4 and address % 4 == 0:
            word = int.from_bytes(data, "little")
            self._renode.command(monitor.write_word(address, word))
        elif data:
            with tempfile.NamedTemporaryFile(prefix="lab-renode-") as file:
                file.write(data)
                file.flush()
                self._renode.command(monitor.load_binary(Path(file.name), address))
