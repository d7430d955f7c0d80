"""Engine ``renode``: the end of it that lives in the measuring process.

Renode itself is loaded in a process of its own, which is given up when it does not answer in time:
whatever hangs or crashes in there comes out as one line.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Collection, Sequence
from pathlib import Path

from lab.child import Child
from lab.elf import Segment
from lab.engines.base import BlockCount, LowestSp, Machine, Stop, Totals, check_run
from lab.engines.renode.install import environment, installation_here
from lab.engines.renode.log import COMMANDS, NAME, Log
from lab.errors import LabError, NoVerdictError, ToolError

KEEP = "TFLM_LAB_RENODE_LOG"  # directory for log and commands when something goes wrong
START_SECONDS = 180.0  # a portable Renode unpacks itself at its first start
ANSWER_SECONDS = 60.0  # for everything but executing
_REGISTERS = {*(f"r{n}" for n in range(13)), "sp", "lr", "pc"}
_DOING = {
    "start": "loading it",
    "load": "making the machine",
    "reset": "making the machine",
    "run": "RunFor",
}


class RenodeEngine:
    """An emulated Cortex-M in Renode. See ``lab.engines.base.Engine``.

    Instructions are as Renode counts them, cycles are not known, and the stack is found by what was
    written there.
    A budget is exceeded by fewer than 100 instructions. A stack limit is noticed after it was
    passed, if something was written in the last 32 bytes above it: that counts as passing it.
    Accesses where nothing is mapped are noticed late on Renode 1.16.1, and what else differs is in
    ``versions.known_differences``.
    """

    name = "renode"
    sees_blocks = False

    def __init__(self) -> None:
        """Load Renode.

        Raises:
            ToolError: it is not here, or cannot be loaded.
        """
        installation = installation_here()
        self._late = ""  # what it did not do in time
        self._logs: dict[str, Log] = {}
        self._folder: Path | None = None  # of Renode's process, which makes and removes it
        self._child = Child("lab.engines.renode.child")
        self.close = weakref.finalize(self, self._child.close)
        try:
            self._folder = Path(str(self._answer("start", START_SECONDS)))
            generation = self._ask("start", environment(installation), seconds=START_SECONDS)
        except LabError as error:
            why = str(error).removeprefix("no verdict: ")
            raise ToolError(f"Renode cannot be loaded: {why}") from None
        self._open_logs()
        self.version = installation.version or "unknown version"
        if generation != self.version:  # builds have the number of the release before them
            self.version += f", behaves as {generation}"
        self._is_loaded = False

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
        self._is_loaded = False
        self._ask("load", machine, tuple(segments), vector_table)
        self._is_loaded = True

    def reset(self) -> None:
        """Bring memory, registers and counters back to where ``load`` left them."""
        self._loaded("reset")

    def run(
        self, until: Collection[int], *, instructions: int, seconds: float, stack_limit: int = 0
    ) -> Stop:
        """Execute from the current PC.

        Args:
            until: addresses (even) to stop before. The address the core stands on is not stopped
                at again.
            instructions: budget of this call.
            seconds: wall clock limit of this call; hitting it is never a measurement.
            stack_limit: SP that the stack must not go below; 0: no limit.

        Raises:
            ValueError: an odd address, or a limit that is none.
            NoVerdictError: Renode did not come back, or ended.
        """
        check_run(until, instructions, seconds, stack_limit)
        stop = self._loaded(
            "run", frozenset(until), instructions, seconds, stack_limit,
            seconds=seconds + ANSWER_SECONDS,
        )  # fmt: skip
        assert isinstance(stop, Stop)
        return stop

    def read(self, address: int, size: int) -> bytes:
        """Memory contents. Raises ValueError where nothing is mapped."""
        data = self._loaded("read", address, size)
        assert isinstance(data, bytes)
        return data

    def write(self, address: int, data: bytes) -> None:
        """Change data memory (not code that has run). Raises ValueError where nothing is mapped."""
        self._loaded("write", address, bytes(data))

    def register(self, name: str) -> int:
        """Value of ``r0``..``r12``, ``sp``, ``lr`` or ``pc``."""
        _check(name)
        value = self._loaded("register", name)
        assert isinstance(value, int)
        return value

    def set_register(self, name: str, value: int) -> None:
        """Change a register; a PC is taken with or without its Thumb bit."""
        _check(name)
        if not 0 <= value < 1 << 32:
            raise ValueError(f"register {name}: {value} does not fit 32 bits")
        self._loaded("set_register", name, value)

    def totals(self) -> Totals:
        """What was counted since reset; Renode knows no cycles."""
        totals = self._loaded("totals")
        assert isinstance(totals, Totals)
        return totals

    def lowest_sp(self) -> LowestSp:
        """How deep the stack has been at least, by what was written there.

        Without a stack limit only SP itself is looked at, and only when it is asked for.
        """
        lowest = self._loaded("lowest_sp")
        assert isinstance(lowest, LowestSp)
        return lowest

    def restart_lowest_sp(self) -> None:
        """Forget the lowest SP: measure the next phase from the current SP on."""
        self._loaded("restart_lowest_sp")

    def profile(self) -> list[BlockCount]:
        """Nothing: this engine does not see blocks. Raises ValueError."""
        raise ValueError("engine renode does not see blocks")

    def _loaded(self, name: str, *arguments: object, seconds: float = ANSWER_SECONDS) -> object:
        if not self._is_loaded:
            raise ValueError("nothing is loaded")
        return self._ask(name, *arguments, seconds=seconds)

    def _ask(self, name: str, *arguments: object, seconds: float = ANSWER_SECONDS) -> object:
        """Have Renode's process do something.

        Raises:
            NoVerdictError: it ended, or did not answer in time and was ended.
        """
        with contextlib.suppress(BrokenPipeError):  # that there is no answer says it, and why
            self._child.send((name, *arguments))
        return self._answer(name, seconds)

    def _answer(self, name: str, seconds: float) -> object:
        """What Renode's process says next; raises as ``_ask`` does."""
        try:
            if not self._child.answers_within(seconds):
                self._late = f"come back from {_DOING.get(name, name)} within {seconds:.0f} s"
                self._child.process.kill()
            answer = self._child.receive()
        except EOFError:
            death = f"Renode's process {self._child.death()}"
            why = f"Renode did not {self._late}" if self._late else death
            raise NoVerdictError(f"no verdict: {why}{self._tail()}") from None
        if isinstance(answer, LabError):
            raise NoVerdictError(f"{answer}{self._tail()}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _open_logs(self) -> None:
        if self._folder is None:
            return
        for name in {NAME, COMMANDS} - self._logs.keys():
            with contextlib.suppress(OSError):  # it did not come that far
                self._logs[name] = Log(self._folder / name)

    def _tail(self) -> str:
        """The end of Renode's log, to follow an error, and where more of it is kept."""
        self._open_logs()
        said = []
        if NAME in self._logs and (tail := self._logs[NAME].tail()):
            said.append(f"end of its log: {tail}")
        if folder := os.environ.get(KEEP):
            said.append(self._keep(Path(folder)))
        return f" ({'; '.join(said)})" if said else ""

    def _keep(self, folder: Path) -> str:
        """Keep the log and the commands; says where."""
        stem = f"renode-{self._child.process.pid}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, log in self._logs.items():
                (folder / f"{stem}.{name}").write_bytes(log.end())
        except OSError as error:
            return f"{folder}: log and commands cannot be kept: {error.strerror}"
        return f"log and commands: {folder / stem}.*"


def _check(name: str) -> None:
    if name not in _REGISTERS:
        raise ValueError(f'no register "{name}" (known: {", ".join(sorted(_REGISTERS))})')
