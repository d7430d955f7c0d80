"""The measuring process: guest code is untrusted, so it runs where it can be stopped.

``main`` reads pickled requests from standard input and answers on standard output; ``Worker`` is
the parent's end. One worker serves one check, so decoded code is kept.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lab.child import Child, answers, receive, send, wait_for_end_of_parent
from lab.errors import LabError, NoVerdictError
from lab.units import format_size

# Unicorn reserves about 1 GB of address space at once; below 2 GB it ends the process.
_ADDRESS_SPACE = 4 << 30

T = TypeVar("T")


@dataclass(frozen=True)
class _Answer:
    value: object = None
    error: LabError | None = None
    crash: str = ""


class Worker(Child):
    """A measuring process."""

    def __init__(self) -> None:
        self._late = False
        super().__init__("lab.measure.worker")

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
        limit = threading.Timer(seconds, self._end_late)
        limit.daemon = True
        try:  # Ctrl-C may come at any moment from here on
            limit.start()
            self.send((function, arguments))
            answer = self.receive()
        except (BrokenPipeError, EOFError):
            death = f"the measuring process {self.death()}"
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
        self.process.kill()


def main() -> None:
    """Serve requests until standard input ends."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _ADDRESS_SPACE if hard == resource.RLIM_INFINITY else min(_ADDRESS_SPACE, hard)
    # Only for this process: Renode's own, which it may start, needs more than that.
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pipe = answers()
    _preload()
    while True:
        try:
            request = receive(sys.stdin.buffer)
        except EOFError:
            return
        send(pipe, _serve(request))


def _end_with_parent() -> None:
    """Leave when the parent is gone, even in the middle of a request."""
    wait_for_end_of_parent()
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
