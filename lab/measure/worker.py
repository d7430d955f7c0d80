"""The measuring process: guest code is untrusted, so it runs where it can be stopped.

``main`` reads pickled requests from standard input and answers on standard output; ``Worker`` is
the parent's end. One worker serves one check, so decoded code is kept.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import pickle
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self, TypeVar

from lab.errors import LabError, NoVerdictError
from lab.units import format_size

# Unicorn reserves about 1 GB of address space at once; below 2 GB it ends the process.
_ADDRESS_SPACE = 4 << 30
_LENGTH = struct.Struct("<Q")

T = TypeVar("T")


@dataclass(frozen=True)
class _Answer:
    value: object = None
    error: LabError | None = None
    crash: str = ""


class Worker:
    """A measuring process, started at once so that its start-up overlaps with other work."""

    def __init__(self) -> None:
        # Its last words go to a file in memory: a pipe that nobody reads would stop it when full.
        self._words = os.fdopen(os.memfd_create("words"), "rb")
        self._late = False
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from lab.measure.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )

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
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._words):
            if file:
                with contextlib.suppress(BrokenPipeError):  # what it did not read of a request
                    file.close()

    def call(self, function: Callable[..., T], *arguments: object, seconds: float) -> T:
        """Run a module-level function in the worker.

        Args:
            function: what to run; pickled by name.
            arguments: its arguments.
            seconds: wall clock after which the process is killed; no call succeeds then.

        Raises:
            NoVerdictError: the process died or did not answer in time.
            LabError: what the function raised.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        limit = threading.Timer(seconds, self._end_late)
        limit.daemon = True
        try:  # Ctrl-C may come at any moment from here on
            limit.start()
            _send(self._process.stdin, (function, arguments))
            answer = _receive(self._process.stdout)
        except (BrokenPipeError, EOFError):
            death = self._death()
            why = f"no answer within {seconds:g} s" if self._late else death
            raise NoVerdictError(f"no verdict: {why}") from None
        finally:
            limit.cancel()
        assert isinstance(answer, _Answer)
        if answer.error:
            raise answer.error
        if answer.crash:
            raise LabError(answer.crash)
        return answer.value  # type: ignore[return-value]  # pickled by the same function

    def _end_late(self) -> None:
        self._late = True
        self._process.kill()

    def _death(self) -> str:
        code = self._process.wait()
        self._words.seek(0)
        words = self._words.read().decode(errors="replace")
        last = (words.strip().splitlines() or ["it left no word"])[-1]
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return f"the measuring process ended {how}: {last}"


def _send(pipe: IO[bytes], value: object) -> None:
    data = pickle.dumps(value)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> object:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    size = _LENGTH.unpack(head)[0]
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)


def main() -> None:
    """Serve requests until standard input ends."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _ADDRESS_SPACE if hard == resource.RLIM_INFINITY else min(_ADDRESS_SPACE, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not garble the answers
    _preload()
    while True:
        try:
            request = _receive(sys.stdin.buffer)
        except EOFError:
            return
        _send(answers, _serve(request))


def _end_with_parent() -> None:
    """Leave when the parent is gone, even in the middle of a request."""
    parent = select.poll()
    parent.register(0, 0)  # nothing but the hang-up of the other end
    parent.poll()
    os._exit(1)


def _preload() -> None:
    """Import what nearly every request needs, while the parent still reads and builds."""
    for name in ("lab.measure.tasks", "lab.engines.unicorn_engine", "capstone",
                 "elftools.elf.elffile"):  # fmt: skip
        with contextlib.suppress(ImportError):  # the request that needs it will say so
            importlib.import_module(name)


def _serve(request: object) -> _Answer:
    assert isinstance(request, tuple)
    function, arguments = request
    try:
        return _Answer(function(*arguments))
    except LabError as error:
        return _Answer(error=error)
    except Exception as error:
        if isinstance(error, MemoryError) or (
            isinstance(error, OSError) and error.errno == errno.ENOMEM
        ):
            most = format_size(_ADDRESS_SPACE)
            return _Answer(error=NoVerdictError(f"no verdict: out of memory, the limit is {most}"))
        lines = traceback.format_exc().strip().splitlines()
        return _Answer(crash=f"internal error: {lines[-1]} ({lines[-3].strip()})")
