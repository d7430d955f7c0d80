"""The monitor's commands that the driver uses; any other one is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from renode_surface import answer

from pyrenode3._platforms import read_platform

if TYPE_CHECKING:
    from pyrenode3._machine import Machine


class RefusedError(Exception):
    """The monitor writes this to its error output."""


class Log:
    """Renode's log file."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._at = 0

    def open(self, path: Path) -> None:
        assert not path.exists(), "Renode would rename it"
        path.touch()
        self._file = path.open("r+b")
        self._path = path

    def warn(self, text: str) -> None:
        """Write where this file's own writing has come to, whoever has cut it meanwhile."""
        if self._path:
            data = f"00:00:00.0000 [WARNING] {text}\n".encode()
            self._file.seek(self._at)
            self._file.write(data)
            self._file.flush()
            self._at += len(data)


LOG = Log()


@dataclass
class Session:
    """What there is of one only; all of it is gone when the emulation is cleared.

    The usings too, as on master, where the monitor's context is a new one then.
    """

    machines: dict[str, Machine] = field(default_factory=dict)
    usings: set[str] = field(default_factory=set)

    def clear(self) -> None:
        self.machines.clear()
        self.usings.clear()


def _path(text: str) -> Path:
    return Path(text.removeprefix("@").replace("\\ ", " "))


def _create(session: Session, name: str) -> None:
    from pyrenode3._machine import Machine

    session.machines[name] = Machine(LOG)


def _machine_of(session: Session, command: str) -> Machine:
    """The machine, if the first word is a name that the monitor knows by now."""
    name = command.split(maxsplit=1)[0]
    if not session.machines or (name == "cpu" and "sysbus" not in session.usings):
        raise RefusedError(f"No such command or device: {name}")
    (machine,) = session.machines.values()
    return machine


def _load_platform(machine: Machine, path: str) -> None:
    machine.build(read_platform(_path(path).read_text()))


def _behave(machine: Machine, how: str) -> None:
    if how == "ThrowException" and machine.generation == "1.16.1":
        raise RefusedError("Parameters did not match the signature")
    machine.throws = how == "ThrowException"


def _halted(machine: Machine, value: str) -> bool | None:
    if not value:
        return machine.halted
    machine.halted = value == "true"
    return None


def _bus_fault_address(machine: Machine) -> int:
    if machine.generation == "1.16.1":
        raise RefusedError("cpu does not provide a field, method or property BusFaultAddress")
    return machine.bus_address


_OF_MACHINE: dict[str, Callable[..., object]] = {
    r"machine LoadPlatformDescription (@.+)": _load_platform,
    r'emulation SetGlobalQuantum "[\d.]+"': lambda machine: None,
    r"emulation SetGlobalSerialExecution true": lambda machine: None,
    r"emulation SetGlobalAdvanceImmediately true": lambda machine: None,
    r"emulation SetSeed \d+": lambda machine: None,
    r"sysbus UnhandledAccessBehaviour (\w+)": _behave,
    r"sysbus UnexpectedReads": lambda machine: machine.unexpected["read"],
    r"sysbus UnexpectedWrites": lambda machine: machine.unexpected["write"],
    r"sysbus LoadBinary (@.+) (0x\w+)": lambda machine, path, at: machine.write(
        int(at, 16), _path(path).read_bytes()
    ),
    r"sysbus WriteDoubleWord (0x\w+) (0x\w+)": lambda machine, at, value: machine.write(
        int(at, 16), int(value, 16).to_bytes(4, "little")
    ),
    r"cpu VectorTableOffset (0x\w+)": lambda machine, at: machine.set_vectors(int(at, 16)),
    r'cpu GetRegister "(\w+)"': lambda machine, name: machine.register(name),
    r'cpu SetRegister "(\w+)" (0x\w+)': lambda machine, name, value: machine.set_register(
        name, int(value, 16)
    ),
    r"cpu PC (0x\w+)": lambda machine, value: machine.set_register("PC", int(value, 16)),
    r'cpu AddHook (0x\w+) "(.+)"': lambda machine, at, body: machine.add_hook(int(at, 16), body),
    r"cpu RemoveHooksAt (0x\w+)": lambda machine, at: machine.remove_hooks(int(at, 16)),
    r"cpu IsHalted ?(true|false|)": _halted,
    r"cpu EmulationState": lambda machine: "Aborted" if machine.aborted else "Running",
    r"cpu ExecutedInstructions": lambda machine: machine.executed(),
    r"cpu FaultStatus": lambda machine: machine.fault_status,
    r"cpu MemoryFaultAddress": lambda machine: 0,
    r"cpu BusFaultAddress": _bus_fault_address,
}


def obey(session: Session, command: str) -> str | None:
    """Do what a command says; what it prints."""
    if match := re.fullmatch(r"using (\w+)", command):
        session.usings.add(match[1])
        return None
    if match := re.fullmatch(r'mach create "(\w+)"', command):
        _create(session, match[1])
        return None
    if match := re.fullmatch(r"logFile (@.+) true", command):
        LOG.open(_path(match[1]))
        return None
    for pattern, action in _OF_MACHINE.items():
        if match := re.fullmatch(pattern, command):
            value = action(_machine_of(session, command), *match.groups())
            return None if value is None else answer(command, value)
    raise RefusedError("No such command or device")
