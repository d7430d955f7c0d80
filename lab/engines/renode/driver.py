"""Renode in this process: the one module that imports pyrenode3.

It is spoken to in its monitor's own language, so that whatever the lab does can be typed by hand.
Python.NET lets go of Python's lock in method calls, not in properties, and nothing of ours is ever
called back from Renode's threads (hooks are IronPython of the monitor): so the deadlock of
pyrenode3's issue 15 cannot come about.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from lab.engines.renode import monitor
from lab.engines.renode.log import Log
from lab.engines.renode.versions import Generation
from lab.errors import NoVerdictError

MACHINE = "lab"
_SKIP_LOAD = "PYRENODE_SKIP_LOAD"  # pyrenode3's env.py reads it when it is imported
_FAILED = "There was an error executing command"


class Renode:
    """One Renode; there can be no second one in a process."""

    def __init__(self, log: Path, commands: Path) -> None:
        """Load Renode, which takes seconds.

        Args:
            log: file that it is to log to.
            commands: file for all that is said to it.

        Raises:
            NoVerdictError: pyrenode3 does not know this Renode.
        """
        commands.touch()
        self._said = Log(commands)
        wrappers = _loaded()
        # These are there only now.
        from Antmicro.Renode.Time import TimeInterval
        from System import UInt64

        self._emulation: Any = wrappers.Emulation()
        self._monitor: Any = wrappers.Monitor()
        self._microseconds: Any = TimeInterval.FromMicroseconds
        self._address: Any = UInt64
        self._bus: Any = None
        self.command(monitor.log_file(log))

    def generation(self) -> Generation:
        """Which of the two this is, by what it does: versions of builds do not tell."""
        self._clear()
        self.command(monitor.create_machine(MACHINE))
        self.number(monitor.UNEXPECTED_READS)  # so that what fails next fails for its own reason
        (probe,) = monitor.strict_memory(Generation.MASTER)
        _, error = self._execute(probe)
        return Generation.V1_16 if error.strip() else Generation.MASTER

    def start_over(self, platform: Path, generation: Generation) -> None:
        """Forget everything there is, and make a machine from a platform description."""
        self._clear()
        for command in monitor.new_machine(MACHINE, [monitor.file(platform)], generation):
            self.command(command)
        self._bus = self._emulation.get_mach(MACHINE).sysbus.internal

    def command(self, text: str) -> str:
        """What the monitor answers.

        Raises:
            NoVerdictError: it refused the command.
        """
        answer, error = self._execute(text)
        if error.strip():
            said = " ".join(error.split()).removeprefix(f"{_FAILED} '{text}' ")
            raise NoVerdictError(f'no verdict: Renode refused "{text}": {said}')
        return answer.strip()

    def word(self, text: str) -> str:
        """The monitor's answer without what it adds to one of an enum: all other values."""
        return self.command(text).partition("\n")[0].strip()

    def number(self, text: str) -> int:
        """The monitor's answer as a number.

        Raises:
            NoVerdictError: it is none.
        """
        answer = self.command(text)
        try:
            return int(answer, 0)
        except ValueError:
            raise NoVerdictError(
                f'no verdict: Renode answered "{text}" with "{answer}", which is no number'
            ) from None

    def run_for(self, microseconds: int) -> None:
        """Let virtual time pass, in which the core executes unless it is halted."""
        self._said.note(f"# RunFor, {microseconds} us")
        self._emulation.internal.RunFor(self._microseconds(microseconds))

    def read(self, address: int, size: int) -> bytes:
        """Memory contents."""
        self._said.note(f"# ReadBytes, {size} at 0x{address:08x}")
        # Each argument of the type that tells the overloads apart; False: not only memory.
        return bytes(self._bus.ReadBytes(self._address(address), size, False))

    def _execute(self, text: str) -> tuple[str, str]:
        """What the monitor prints, and its error."""
        self._said.note(text)
        answer, error = self._monitor.execute(text)
        return str(answer), str(error)

    def _clear(self) -> None:
        self._said.note("# the emulation is cleared")
        self._emulation.clear()


def _loaded() -> Any:
    """pyrenode3's wrappers, with Renode loaded the way pyrenode3 chooses.

    Where Renode has no Mono.Posix (since May 2026), ``ensure_additional_libs`` of pyrenode3's
    loader.py comes back with None, which is then added to a list. So it is imported without Renode,
    mended, and has its choice to make again.
    """
    os.environ[_SKIP_LOAD] = "1"
    import pyrenode3
    from pyrenode3 import env, loader

    if hasattr(loader, "ensure_additional_libs"):  # a later one may do without
        find = loader.ensure_additional_libs

        def found(renode_bin_dir: Any) -> Any:
            return find(renode_bin_dir) or []

        loader.ensure_additional_libs = found
    env.pyrenode_skip_load = None
    del os.environ[_SKIP_LOAD]
    try:
        importlib.reload(pyrenode3)
        from pyrenode3 import wrappers
    except TypeError as error:
        raise NoVerdictError(
            f"{error}: this pyrenode3 cannot load a Renode later than 1.16.1 from a package or a "
            "build tree (a portable one, in PYRENODE_BIN, it can)"
        ) from error
    return wrappers
