"""The three wrappers that the driver uses, with no more than it uses of them."""

from __future__ import annotations

from dataclasses import dataclass

from Antmicro.Renode.Time import TimeInterval
from System import UInt64

from pyrenode3._commands import RefusedError, Session, obey
from pyrenode3._machine import Machine
from pyrenode3._misbehave import on_command, on_run

_SESSION = Session()


class _Bus:
    """Of C#; only the overload of ReadBytes that begins with an unsigned number."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def ReadBytes(self, address: int, count: int, only_memory: bool) -> bytes:
        assert type(address) is UInt64
        assert type(count) is int
        assert only_memory is False
        return self._machine.read(int(address), count)


@dataclass(frozen=True)
class _Peripheral:
    internal: _Bus


@dataclass(frozen=True)
class _Machine:
    sysbus: _Peripheral


class _Emulation:
    """Of C#."""

    def RunFor(self, period: TimeInterval) -> None:
        assert type(period) is TimeInterval
        (machine,) = _SESSION.machines.values()
        on_run(machine.log)
        machine.run_for(period.microseconds)


class Emulation:
    """The emulation, a singleton."""

    internal = _Emulation()

    def clear(self) -> None:
        _SESSION.clear()

    def get_mach(self, name: str) -> _Machine | None:
        machine = _SESSION.machines.get(name)
        return _Machine(_Peripheral(_Bus(machine))) if machine else None


class Monitor:
    """The monitor, a singleton."""

    def execute(self, command: str) -> tuple[str, str]:
        assert type(command) is str
        try:
            on_command(command)
            answer = obey(_SESSION, command)
        except RefusedError as error:
            return "", f"There was an error executing command '{command}'\n{error}\n"
        return ("" if answer is None else f"{answer}\r\n"), ""
