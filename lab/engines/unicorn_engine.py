"""The embedded engine: Unicorn executes, the C meter counts.

What Unicorn does not tell by itself is added here: the instruction inside its block that a data
fault belongs to, branches to an even address, floating point before CPACR allows it or in a
precision the core does not have, unaligned accesses of several words, and divisions by zero once
the firmware asks for a fault.
"""

from __future__ import annotations

import importlib.metadata
from array import array
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple, TypeVar

import unicorn
from unicorn import arm_const
from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import uclib

from lab.cores import EXCEPTION_RETURN
from lab.decode import CONDITIONS, Block
from lab.elf import Segment
from lab.engines._meter import Meter
from lab.engines.base import (
    BlockCount,
    Fault,
    LowestSp,
    Machine,
    Stop,
    StopReason,
    Totals,
    check_run,
)
from lab.engines.blocks import (
    HAS_CYCCNT,
    HAS_FPU,
    Decoder,
    meter_row,
)
from lab.engines.memory import Memory

_REGISTERS = {f"r{n}": getattr(arm_const, f"UC_ARM_REG_R{n}") for n in range(13)} | {
    "sp": arm_const.UC_ARM_REG_SP,
    "lr": arm_const.UC_ARM_REG_LR,
    "pc": arm_const.UC_ARM_REG_PC,
}
_ALSO = {"sb": "r9", "sl": "r10", "fp": "r11", "ip": "r12"}  # names in decoded text
_THUMB = 1 << 24  # in xPSR
_NO_END = 0xFFFFFFFF
_UNLIMITED = (1 << 64) - 1
_CCR, _DIV_0_TRP = 0xD14, 1 << 4  # Configuration and Control Register (Armv7-M ARM, B3.2.8)


class _Reason(IntEnum):
    """Why the meter stopped; as in ``_meter.c``."""

    NOTHING = 0
    ADDRESS = 1
    HALT = 2
    BUDGET = 3
    CLOCK = 4
    NO_COPROCESSOR = 5
    STACK_LIMIT = 6
    BLOCKS = 7
    INTERRUPT = 8
    PROBES = 9
    NO_INSTRUCTION = 10
    UNALIGNED_BLOCK = 11
    UNALIGNED = 12
    DIVIDED_BY_ZERO = 13
    NEW_TRAPS = 14


_STOPS = {
    _Reason.NOTHING: StopReason.HALTED,  # Unicorn returned without having executed anything
    _Reason.ADDRESS: StopReason.ADDRESS,
    _Reason.HALT: StopReason.HALTED,
    _Reason.BUDGET: StopReason.INSTRUCTION_BUDGET,
    _Reason.CLOCK: StopReason.WALL_CLOCK,
    _Reason.STACK_LIMIT: StopReason.STACK_LIMIT,
}
_CHECKS = (
    _Reason.NO_INSTRUCTION, _Reason.UNALIGNED_BLOCK, _Reason.UNALIGNED, _Reason.DIVIDED_BY_ZERO,
)  # fmt: skip
_DATA_FAULTS = {
    const.UC_ERR_READ_UNMAPPED: "read_unmapped",
    const.UC_ERR_READ_PROT: "read_unmapped",
    const.UC_ERR_WRITE_UNMAPPED: "write_unmapped",
    const.UC_ERR_WRITE_PROT: "write_protected",
}
_FETCH_FAULTS = {
    const.UC_ERR_FETCH_UNMAPPED: "fetch_unmapped",
    const.UC_ERR_FETCH_PROT: "fetch_protected",
}
# Numbers of QEMU's EXCP_* (target/arm/cpu.h) that reach the interrupt hook.
_SUPERVISOR_CALL, _PREFETCH_ABORT = 2, 3
_EXCEPTIONS = {
    1: "undefined_instruction",
    2: "supervisor_call",
    4: "unaligned",
    7: "breakpoint",
    17: "no_coprocessor",
    18: "invalid_state",
    22: "unaligned",
}


_T = TypeVar("_T")


class _Outcome(NamedTuple):
    """What ``Meter.run`` returns."""

    error: int
    reason: int
    interrupt: int
    access: int
    address: int


class UnicornEngine:
    """An emulated Cortex-M, with exact memory and exact counts. See ``lab.engines.base.Engine``."""

    name = "unicorn"
    version = importlib.metadata.version("unicorn")
    sees_blocks = True

    def __init__(self) -> None:
        self._uc: Any = None

    def load(self, machine: Machine, segments: Sequence[Segment], vector_table: int) -> None:
        """Build the device, put the segments in memory, and reset it.

        Args:
            machine: core and memory.
            segments: initial memory contents; memory not covered reads as zero.
            vector_table: address of the initial SP and the reset vector.

        Raises:
            ValueError: a region is not a multiple of 1 KiB or overlaps another one, or a blob or
                the vector table lies outside of the memory.
        """
        self._uc = None  # give the old one's memory back first
        self._core = machine.core
        self._memory = Memory(machine.regions, segments)
        self._vector_table = vector_table
        self._memory.read(vector_table, 8)
        uc = unicorn.Uc(const.UC_ARCH_ARM, const.UC_MODE_THUMB)
        uc.ctl_set_cpu_model(getattr(arm_const, machine.core.unicorn_model))
        for bank in self._memory.banks:
            region = bank.region
            access = const.UC_PROT_READ
            access |= const.UC_PROT_WRITE * region.writable | const.UC_PROT_EXEC * region.executable
            for place in bank.region.places:
                uc.mem_map_ptr(place.start, region.size, access, bank.pointer())
        self._decoder = Decoder(machine.core, self._memory)
        self._meter = Meter(
            uc._uch.value,
            _addresses(
                "hook_add", "hook_del", "reg_read", "reg_write", "emu_start", "emu_stop", "mmio_map"
            ),
            self._decoder.describe,
            machine.core.cycles.taken,
            HAS_FPU * (machine.core.fpu != "none") | HAS_CYCCNT * machine.core.has_cyccnt,
        )
        self._probes: list[Any] = []
        self._uc = uc
        self._pristine = uc.context_save()
        self._power_up()

    def reset(self) -> None:
        """Bring memory, registers and counters back to where ``load`` left them."""
        self._loaded()
        self._memory.restore()
        self._power_up()

    def _power_up(self) -> None:
        if self._decoder.ran_from_ram:  # what was translated there may not be there any more
            for region in (bank.region for bank in self._memory.banks):
                if region.writable and region.executable:
                    self._uc.ctl_remove_cache(region.base, region.end)
            self._forget()
            self._decoder.ran_from_ram = False
        if self._decoder.traps_divisions:  # until the firmware asks for it again
            self._decoder.traps_divisions = False
            self._forget()
        self._uc.context_restore(self._pristine)
        vectors = self._memory.read(self._vector_table, 8)
        stack, entry = int.from_bytes(vectors[:4], "little"), int.from_bytes(vectors[4:], "little")
        self._uc.reg_write(arm_const.UC_ARM_REG_SP, stack & ~3)
        self._uc.reg_write(arm_const.UC_ARM_REG_PC, entry)
        self._meter.reset(stack & ~3, entry & ~1, self._core.cpuid, self._vector_table)
        # What the host did since reset, by the number of blocks entered before it.
        self._journal: list[tuple[int, Callable[[], object]]] = []

    def _forget(self) -> None:
        """Look at every block anew, without the hooks it got."""
        for hook in self._probes:
            self._uc.hook_del(hook)
        self._probes.clear()
        self._meter.forget()

    def run(
        self, until: Collection[int], *, instructions: int, seconds: float, stack_limit: int = 0
    ) -> Stop:
        """Execute from the current PC.

        A budget or the clock stops at the first block boundary at which it is used up. Finding
        the exact instruction of a data fault repeats the run since reset, outside ``seconds``.

        Args:
            until: addresses (even, starts of basic blocks such as function entries and return
                addresses) to stop before. The address the core stands on is not stopped at again.
            instructions: budget of this call, checked at block boundaries.
            seconds: wall clock limit of this call; hitting it is never a measurement.
            stack_limit: stop before a block that would move SP below this address; 0: no limit.

        Raises:
            ValueError: an odd address, or a limit that is none.
        """
        self._loaded()
        check_run(until, instructions, seconds, stack_limit)
        stops = array("I", sorted(set(until))).tobytes()
        budget = min(self.totals().instructions + instructions, _UNLIMITED)
        outcome = self._execute(stops, budget, seconds, stack_limit)
        if outcome.reason == _Reason.NO_COPROCESSOR:
            if early := self._run_up_to(self._block_here().fpu_offset or 0):
                return early
            if self._meter.fpu_enabled():  # what preceded the first use has enabled it
                outcome = self._execute(stops, budget, seconds, stack_limit)
        return self._explain(outcome)

    def read(self, address: int, size: int) -> bytes:
        """Memory contents. Raises ValueError where nothing is mapped."""
        self._loaded()
        return self._memory.read(address, size)

    def write(self, address: int, data: bytes) -> None:
        """Change data memory (not code that has run). Raises ValueError where nothing is mapped."""
        self._loaded()
        self._do(partial(self._memory.write, address, bytes(data)))

    def register(self, name: str) -> int:
        """Value of ``r0``..``r12``, ``sp``, ``lr`` or ``pc``."""
        self._loaded()
        value: int = self._uc.reg_read(_register_id(name))
        return value

    def set_register(self, name: str, value: int) -> None:
        """Change a register; a PC is taken with or without its Thumb bit."""
        self._loaded()
        _register_id(name)
        if not 0 <= value < 1 << 32:
            raise ValueError(f"register {name}: {value} does not fit 32 bits")
        self._do(partial(self._set_register, name, value))

    def totals(self) -> Totals:
        """What was counted since reset."""
        self._loaded()
        instructions, cycles, *_ = self._meter.totals()
        return Totals(instructions, cycles)

    def lowest_sp(self) -> LowestSp:
        """How deep the stack has been."""
        self._loaded()
        _, _, sp, pc, exact = self._meter.totals()
        return LowestSp(sp, pc, exact)

    def restart_lowest_sp(self) -> None:
        """Forget the lowest SP: measure the next phase from the current SP on."""
        self._loaded()
        if self._journal and self._journal[-1][1] == self._meter.restart_minimum:
            self._journal.pop()  # a replay ends behind this one: what it forgets is no matter
        self._do(self._meter.restart_minimum)

    def profile(self) -> list[BlockCount]:
        """What was counted of each block since reset.

        Blocks of an earlier look come first and in the same order.
        """
        self._loaded()
        return [BlockCount(*row) for row in self._meter.profile()]

    def _loaded(self) -> None:
        if self._uc is None:
            raise ValueError("nothing is loaded")

    def _do(self, action: Callable[[], _T]) -> _T:
        """Act on the device from outside, in a way that a replay can repeat."""
        value = action()
        self._journal.append((self._meter.position()[0], action))
        return value

    def _set_register(self, name: str, value: int) -> None:
        self._meter.totals()  # settles what a computed SP still has to tell
        if name == "pc":
            self._meter.jumped(value & ~1)
            value |= 1
        self._uc.reg_write(_register_id(name), value)

    def _execute(
        self,
        stops: bytes = b"",
        instructions: int = _UNLIMITED,
        seconds: float = 1e9,
        stack_limit: int = 0,
        blocks: int = _UNLIMITED,
        end: int = _NO_END,
    ) -> _Outcome:
        """Let the meter run; the limits in instructions and blocks count from reset."""
        while True:
            pc = self._uc.reg_read(arm_const.UC_ARM_REG_PC)
            outcome = _Outcome(
                *self._meter.run(
                    pc | self._thumb(), end, stops, instructions, seconds, stack_limit, blocks
                )
            )
            if outcome.reason == _Reason.PROBES:
                at = self.register("pc")
                self._watch(at, self._decoder.watched[at])
            elif outcome.reason == _Reason.NEW_TRAPS:
                self._trap_divisions()
            else:
                return outcome

    def _thumb(self) -> bool:
        return bool(self._uc.reg_read(arm_const.UC_ARM_REG_XPSR) & _THUMB)

    def _watch(self, start: int, block: Block) -> None:
        """Look inside a block: at computed SPs, addresses, and divisors where zero is a fault."""
        lowered = self._meter.lowered
        for offset, tail in block.probes:
            at = start + offset
            hook = self._uc.hook_add(
                const.UC_HOOK_CODE, lambda *_, tail=tail: lowered(start, tail), None, at, at
            )
            self._probes.append(hook)
        looks = [(a.offset, a.register, a.condition, _Reason.UNALIGNED)
                 for a in block.accesses if not a.entry]  # fmt: skip
        if self._decoder.traps_divisions:
            looks += [(*division, _Reason.DIVIDED_BY_ZERO) for division in block.divisions]
        for offset, register, condition, reason in looks:
            which = _REGISTERS[_ALSO.get(register, register)]
            self._meter.watch(start + offset, which, CONDITIONS.index(condition), reason)
        self._uc.ctl_remove_cache(start, start + 2)  # hooks enter code when it is translated

    def _trap_divisions(self) -> None:
        """The firmware wrote CCR: watch the divisions of the blocks known so far as well."""
        if self._decoder.traps_divisions or not self._meter.system_word(_CCR) & _DIV_0_TRP:
            return
        self._decoder.traps_divisions = True
        for start, size, *_ in self._meter.profile():
            block = self._decoder.block(start, size)
            if block.divisions:
                self._watch(start, replace(block, probes=(), accesses=()))

    def _explain(self, outcome: _Outcome) -> Stop:
        pc = self.register("pc")
        if outcome.reason in _CHECKS:
            return self._checked(_Reason(outcome.reason), pc)
        if not self._thumb():
            return self._branch_to_even(pc, entered=outcome.error == const.UC_ERR_INSN_INVALID)
        if pc >= EXCEPTION_RETURN:  # Unicorn reports it in another way for each core
            fault = Fault("exception_return", self._last_branch() or pc, pc)
            return Stop(StopReason.FAULT, pc, fault)
        if outcome.reason == _Reason.INTERRUPT:
            return self._exception(outcome.interrupt, pc)
        return self._error(outcome, pc) if outcome.error else _stop(_Reason(outcome.reason), pc)

    def _checked(self, reason: _Reason, pc: int) -> Stop:
        """A fault that the meter saw, before a block or inside it."""
        if reason in (_Reason.DIVIDED_BY_ZERO, _Reason.UNALIGNED):
            pc = self._meter.watched()
            self._stand_before(pc)
        if reason == _Reason.DIVIDED_BY_ZERO:
            return _fault("divide_by_zero", pc)
        block = self._block_here()
        offset = block.undefined_offset or 0
        if reason == _Reason.UNALIGNED_BLOCK:
            offset = next(a.offset for a in block.accesses if a.entry and self._odd(a.entry))
        if early := self._run_up_to(offset):
            return early
        if reason == _Reason.NO_INSTRUCTION:
            return _fault("undefined_instruction", pc + offset)
        access = next(a for a in block.accesses if a.offset == offset)
        return _fault("unaligned", pc + offset, self._value(access.register) + access.displacement)

    def _stand_before(self, pc: int) -> None:
        """Stand at a watched instruction; inside an IT Unicorn stops some instructions late."""
        if self.register("pc") == pc:
            self._land(pc)
            return
        blocks, start, _ = self._meter.position()
        self._replay(blocks - 1)
        self._do(partial(self._execute_part, start, pc))

    def _odd(self, register: str) -> bool:
        return bool(self._value(register) & 3)

    def _value(self, register: str) -> int:
        return self.register(_ALSO.get(register, register))

    def _error(self, outcome: _Outcome, pc: int) -> Stop:
        if outcome.error in _DATA_FAULTS:
            return _fault(_DATA_FAULTS[outcome.error], self._locate(), outcome.address)
        if outcome.error in _FETCH_FAULTS:
            return _fault(_FETCH_FAULTS[outcome.error], pc)
        self._land(pc)
        return _fault("undefined_instruction", pc)

    def _exception(self, number: int, pc: int) -> Stop:
        """The core takes an exception, and there is nobody to handle it."""
        if number == _PREFETCH_ABORT:  # a branch into device memory
            return _fault("fetch_protected", pc)
        if number == _SUPERVISOR_CALL:
            pc -= 2
        self._land(pc)
        return _fault(_EXCEPTIONS.get(number, "undefined_instruction"), pc)

    def _branch_to_even(self, target: int, *, entered: bool) -> Stop:
        """The fault belongs to the branch; Unicorn notices one (empty) block later."""
        if entered:
            blocks = self._meter.position()[0]
            self._replay(blocks - 1)
        site = self._last_branch() or target
        return Stop(StopReason.FAULT, target, Fault("invalid_state", site, target))

    def _last_branch(self) -> int | None:
        _, address, size = self._meter.position()
        return self._decoder.last_instruction.get(address + size)

    def _land(self, pc: int) -> None:
        """Stand at an instruction inside the block entered last: only what precedes it counts."""
        _, address, size = self._meter.position()
        if address <= pc < address + size:
            self._do(partial(self._cut, address, pc))

    def _cut(self, address: int, pc: int) -> None:
        part = self._decoder.block(address, pc - address)
        self._meter.cut(pc, *meter_row(part, watched=False)[:5])
        self._uc.reg_write(arm_const.UC_ARM_REG_PC, pc | 1)

    def _locate(self) -> int:
        """Find the instruction of a data fault, by repeating the run up to it.

        Unicorn reports a data fault with PC at the start of the block. With a hook on every
        instruction PC is exact, but slow: so only the last block is repeated that way.
        """
        blocks, address, size = self._meter.position()
        self._replay(blocks - 1)
        self._uc.ctl_remove_cache(address, address + size)
        hook = self._uc.hook_add(const.UC_HOOK_CODE, lambda *_: None, None, address, address + size)
        self._advance(blocks)
        self._uc.hook_del(hook)
        self._uc.ctl_remove_cache(address, address + size)
        pc = self.register("pc")
        self._land(pc)
        return pc

    def _replay(self, blocks: int) -> None:
        """Reset, and do everything again until that many blocks were entered."""
        journal = self._journal
        self.reset()
        for position, action in journal:
            self._advance(position)
            self._do(action)
        self._advance(blocks)

    def _advance(self, blocks: int) -> None:
        if self._meter.position()[0] < blocks:
            self._execute(blocks=blocks)

    def _block_here(self) -> Block:
        """What follows PC, as far as a block can reach; more than the block itself is harmless."""
        pc = self.register("pc")
        return self._decoder.block(pc, self._memory.room(pc, 1024))

    def _run_up_to(self, offset: int) -> Stop | None:
        """Execute what precedes an offset from PC in its block; a fault that came before it."""
        start = self.register("pc")
        if not offset:
            return None
        block = self._block_here()
        outcome = self._do(partial(self._execute_part, start, start + offset))
        if outcome.reason == _Reason.DIVIDED_BY_ZERO:
            self._land(pc := self._meter.watched())
            return _fault("divide_by_zero", pc)
        if outcome.reason == _Reason.UNALIGNED:
            self._land(pc := self._meter.watched())
            access = next(a for a in block.accesses if start + a.offset == pc)
            return _fault("unaligned", pc, self._value(access.register) + access.displacement)
        if outcome.error not in _DATA_FAULTS:
            return None
        self._land(pc := self.register("pc"))
        return _fault(_DATA_FAULTS[outcome.error], pc, outcome.address)

    def _execute_part(self, pc: int, end: int) -> _Outcome:
        # Unicorn heeds an end only in code that it has yet to translate. The hook keeps PC exact.
        self._uc.ctl_remove_cache(pc, end + 4)
        hook = self._uc.hook_add(const.UC_HOOK_CODE, lambda *_: None, None, pc, end)
        outcome = self._execute(end=end)
        self._uc.hook_del(hook)
        self._uc.ctl_remove_cache(pc, end + 4)
        return outcome


def _stop(reason: _Reason, pc: int) -> Stop:
    if reason == _Reason.NO_COPROCESSOR:
        return _fault("no_coprocessor", pc)
    return Stop(_STOPS[reason], pc)


def _fault(kind: str, pc: int, address: int | None = None) -> Stop:
    return Stop(StopReason.FAULT, pc, Fault(kind, pc, address))


def _register_id(name: str) -> int:
    if name not in _REGISTERS:
        raise ValueError(f'no register "{name}" (known: {", ".join(_REGISTERS)})')
    number: int = _REGISTERS[name]
    return number


def _addresses(*names: str) -> tuple[int, ...]:
    """Addresses of Unicorn's functions in the library that its wheel has loaded."""
    import ctypes

    functions = (getattr(uclib, f"uc_{name}") for name in names)
    return tuple(ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions)
