"""A machine of the fake: the unicorn engine, and what Renode makes of its faults."""

from __future__ import annotations

import os
import struct
from collections import Counter
from typing import Any

import capstone

from lab.engines.base import Fault, StopReason
from lab.engines.base import Machine as Memory
from lab.engines.unicorn_engine import UnicornEngine
from pyrenode3._commands import Log
from pyrenode3._misbehave import on_count, silent, stands
from pyrenode3._platforms import Described

_MIPS = 100
# tlib arch/arm/helper.c, do_interrupt_v7m: LR in a handler that was entered from Thread mode on the
# main stack, no floating point registers pushed; the second where the core has Armv8-M.
_EXCEPTION_RETURN, _EXCEPTION_RETURN_V8 = 0xFFFFFFF9, 0xFFFFFFB8
_THUMB, _ALIGNED = 1 << 24, 1 << 9
_BUS_FAULT, _STACKING_FAILED = 1 << 9 | 1 << 15, 1 << 12
_USAGE = {
    "undefined_instruction": 1 << 16,
    "invalid_state": 1 << 17,
    "exception_return": 1 << 18,
    "no_coprocessor": 1 << 19,
    "divide_by_zero": 1 << 25,
}
_ALSO = {"sb": "r9", "sl": "r10", "fp": "r11", "ip": "r12"}  # as capstone writes them
_WIDTHS = {1: "Byte", 2: "Word", 4: "DoubleWord"}


class Machine:
    """One core and its memory."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.generation = os.environ.get("FAKE_RENODE_GENERATION", "1.16.1")
        self.throws = self.halted = self.aborted = False
        self.unexpected: Counter[str] = Counter()
        self.fault_status = self.bus_address = 0
        self._engine = UnicornEngine()
        self._hooks: dict[int, list[str]] = {}
        self._inactive: set[int] = set()
        self._exception = self._spun = self._vectors = 0

    def build(self, described: Described) -> None:
        """Load a platform description."""
        regions = described.regions
        armv8 = described.core.name.startswith("cortex-m33")
        self._exception_return = _EXCEPTION_RETURN_V8 if armv8 else _EXCEPTION_RETURN
        self._engine.load(Memory(described.core, regions), (), regions[0].base)

    def read(self, address: int, size: int) -> bytes:
        return self._engine.read(address, size)

    def write(self, address: int, data: bytes) -> None:
        self._engine.write(address, data)

    def register(self, name: str) -> int:
        if name == "CPSR":
            return self._exception | _THUMB
        return self._engine.register(name.lower())

    def set_register(self, name: str, value: int) -> None:
        self._engine.set_register(name.lower(), value)

    def set_vectors(self, address: int) -> None:
        self._vectors = address

    def executed(self) -> int:
        """Instructions, those of endless loops included."""
        return self._engine.totals().instructions + self._spun

    def add_hook(self, address: int, body: str) -> None:
        self._hooks.setdefault(address, []).append(body)

    def remove_hooks(self, address: int) -> None:
        self._hooks.pop(address, None)
        self._inactive.discard(address)

    def run_for(self, microseconds: int) -> None:
        """Execute as many instructions as this takes, unless the core is halted meanwhile."""
        end = self.executed() + microseconds * _MIPS
        self._spun += on_count()
        while not (self.halted or self.aborted) and self.executed() < end:
            pc = self._engine.register("pc")
            if pc in self._hooks and pc not in self._inactive:
                if not stands():
                    self._inactive.add(pc)  # until something was executed
                for body in self._hooks[pc]:
                    exec(body, {"cpu": _Cpu(self)})
                continue
            self._execute(end)

    def _execute(self, end: int) -> None:
        before = self.executed()
        stop = self._engine.run(self._hooks, instructions=end - before, seconds=1e6)
        if stop.reason is StopReason.HALTED:
            self._spun += end - self.executed()
        if self.executed() != before:
            self._inactive.clear()
        if stop.fault:
            self._inactive.clear()
            self._fault(stop.fault)

    def _fault(self, fault: Fault) -> None:
        if fault.kind in ("read_unmapped", "write_unmapped"):
            self._access(fault)
        elif fault.kind == "fetch_unmapped":
            self._abort(fault.pc)
        elif fault.kind == "supervisor_call":
            self._enter(11, fault.pc + 2)
        elif fault.kind == "breakpoint":
            self._enter(12, fault.pc)
        elif fault.kind == "divide_by_zero" and self.generation == "1.16.1":
            raise NotImplementedError("a division by zero that traps, where none does")
        elif fault.kind in _USAGE:
            self.fault_status |= _USAGE[fault.kind]
            target = fault.address if fault.kind == "invalid_state" else None
            self._enter(6, fault.pc if target is None else target)
        else:
            raise NotImplementedError(f"the fake does not do {fault.kind}")

    def _access(self, fault: Fault) -> None:
        """An access where nothing is."""
        assert fault.address is not None
        if self.throws:
            self.unexpected[fault.kind.partition("_")[0]] += 1
            self.fault_status |= _BUS_FAULT
            self.bus_address = fault.address
            self._enter(5, fault.pc)
            return
        mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        decoder = capstone.Cs(capstone.CS_ARCH_ARM, mode)
        decoder.detail = True
        instruction: Any = next(decoder.disasm(self.read(fault.pc, 4), fault.pc))
        if instruction.mnemonic.startswith("push"):
            self._push(instruction)
        else:
            self._skip(instruction, fault.address)
        self.set_register("PC", fault.pc + instruction.size)

    def _skip(self, instruction: Any, address: int) -> None:
        """Do a load that reads 0, or a store that is dropped."""
        name = instruction.mnemonic.partition(".")[0]
        if name[:3] not in ("ldr", "str") or instruction.writeback or name.endswith("d"):
            raise NotImplementedError(f"the fake does not skip {instruction}")
        width = 1 if "b" in name else 2 if "h" in name else 4
        self._unexpected(instruction.address, "read" if name[0] == "l" else "write", width, address)
        if name.startswith("ldr"):
            target = instruction.reg_name(instruction.operands[0].reg)
            self.set_register(_ALSO.get(target, target), 0)

    def _push(self, instruction: Any) -> None:
        """Do a push of which some words, or all of them, are dropped."""
        names = [instruction.reg_name(one.reg) for one in instruction.operands]
        sp = self.register("SP") - 4 * len(names)
        for number, name in enumerate(names):
            value = self.register(_ALSO.get(name, name))
            try:
                self.write(sp + 4 * number, value.to_bytes(4, "little"))
            except ValueError:
                self._unexpected(instruction.address, "write", 4, sp + 4 * number)
        self.set_register("SP", sp)

    def _unexpected(self, pc: int, what: str, width: int, address: int) -> None:
        self.unexpected[what] += 1
        way = f"Read{_WIDTHS[width]} from" if what == "read" else f"Write{_WIDTHS[width]} to"
        where = f"non existing peripheral at 0x{address:X}."
        if not silent():
            self.log.warn(f"sysbus: [cpu: 0x{pc:X}] {way} {where}")

    def _enter(self, number: int, back: int) -> None:
        """Take an exception, as far as the handler's first instruction."""
        if self.generation == "master" and number in (4, 5, 6):
            number = 3  # nobody has enabled it in SHCSR
        sp = self.register("SP")
        aligned = sp & ~7
        frame = [self.register(name) for name in ("R0", "R1", "R2", "R3", "R12", "LR")]
        frame += [back, _THUMB | (_ALIGNED if aligned != sp else 0)]
        try:
            self.write(aligned - 32, struct.pack("<8I", *frame))
        except ValueError:
            self.fault_status |= _STACKING_FAILED
        self.set_register("SP", aligned - 32)
        self.set_register("LR", self._exception_return)
        self._exception = number
        handler = int.from_bytes(self.read(self._vectors + 4 * number, 4), "little")
        self.set_register("PC", handler)

    def _abort(self, pc: int) -> None:
        """What comes of executing where nothing is."""
        self._unexpected(pc, "read", 1, pc)
        self.log.warn(
            f"cpu: CPU abort [PC=0x{pc:X}]: Trying to execute code outside RAM or ROM at 0x{pc:X}."
        )
        self.aborted = True


class _Cpu:
    """What a hook's body sees."""

    _machine: Machine

    def __init__(self, machine: Machine) -> None:
        super().__setattr__("_machine", machine)

    def __setattr__(self, name: str, value: bool) -> None:
        assert name == "IsHalted"
        self._machine.halted = value
