"""A process of the lab's own that answers pickled requests, and ends when its parent is gone."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
from types import TracebackType
from typing import IO, Self

_LENGTH = struct.Struct("<Q")
_LONGEST_WAIT = (1 << 31) - 1  # milliseconds; all that poll takes
_OF_DOTNET = "Unhandled exception"


class Child:
    """The parent's end; the process is started at once, so that its start overlaps other work.

    It runs ``main`` of a module, reads requests from its standard input and answers on its
    standard output.
    """

    def __init__(self, module: str) -> None:
        # Its last words go to a file in memory: a pipe that nobody reads would stop it when full.
        self._words = os.fdopen(os.memfd_create("words"), "rb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"from {module} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._requests, self._answers = self.process.stdin, self.process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for file in (self._requests, self._answers, self._words):
            with contextlib.suppress(BrokenPipeError):  # what it did not read of a request
                file.close()

    def send(self, value: object) -> None:
        """Send a request. Raises BrokenPipeError when the process is gone."""
        send(self._requests, value)

    def receive(self) -> object:
        """The next answer. Raises EOFError when the process is gone."""
        return receive(self._answers)

    def answers_within(self, seconds: float) -> bool:
        """Wait for an answer, or the end of the process; False: neither came in time."""
        waiting = select.poll()
        waiting.register(self._answers, select.POLLIN)
        return bool(waiting.poll(min(seconds * 1000, _LONGEST_WAIT)))

    def death(self) -> str:
        """How the process ended, and its last words."""
        code = self.process.wait()
        self._words.seek(0)
        words = self._words.read().decode(errors="replace")
        lines = words.strip().splitlines() or ["it left no word"]
        # .NET says what it was first, and then at length where.
        last = next((line for line in lines if line.startswith(_OF_DOTNET)), lines[-1])
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return f"ended {how}: {last}"


def send(pipe: IO[bytes], value: object) -> None:
    """Write a value to a pipe."""
    data = pickle.dumps(value)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> object:
    """Read a value from a pipe. Raises EOFError where it ends."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    size = _LENGTH.unpack(head)[0]
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)


def wait_for_end_of_parent() -> None:
    """Return when the parent has closed standard input, or is gone."""
    parent = select.poll()
    parent.register(0, 0)  # nothing but the hang-up of the other end
    parent.poll()


def answers() -> IO[bytes]:
    """Standard output for answers alone: a library that prints must not garble them."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe
