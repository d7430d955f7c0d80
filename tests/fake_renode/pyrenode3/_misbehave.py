"""What can go wrong with the real one, on demand: ``FAKE_RENODE`` names it.

``dll``, ``without_mono``, ``clash``, ``gives_up`` and ``loads_forever`` when it is loaded;
``stuck``, ``holds_lock``, ``killed``, ``crashed``, ``throws`` and ``flood`` when it runs;
``miscounts`` one instruction too many at each run; ``refuses:WORDS`` when it is given a command
that begins with these words; ``stands`` halts again where a hook has halted it; ``silent`` logs
nothing. ``FAKE_RENODE_TELLS`` is a FIFO that is opened, for those who wait for it, right before it
gets stuck.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
from typing import NoReturn

from System import DllNotFoundException, NullReferenceException

from pyrenode3._commands import Log, RefusedError

_HOW = os.environ.get("FAKE_RENODE", "")
_FLOOD = 24 << 20  # bytes at each run


def on_load() -> None:
    """Fail to load."""
    if _HOW == "dll":
        raise DllNotFoundException("Unable to load shared library 'translate-arm-m-le.so'\n  or so")
    if _HOW == "clash":  # as with Renode without Mono.Posix, but not for that reason
        [].extend(None)  # type: ignore[arg-type]
    if _HOW == "gives_up":
        logging.critical("Can't determine Renode directory using the 'output' pattern.")
        sys.exit(1)
    if _HOW == "loads_forever":
        _wait()


def on_command(command: str) -> None:
    """Refuse a command."""
    if _HOW.startswith("refuses:") and command.startswith(_HOW.removeprefix("refuses:")):
        raise RefusedError("No such command or device: it was dropped")


def on_count() -> int:
    """How many instructions are counted that were not executed."""
    return int(_HOW == "miscounts")


def silent() -> bool:
    """Whether nothing is logged."""
    return _HOW == "silent"


def stands() -> bool:
    """Whether a hook never lets go."""
    return _HOW == "stands"


def on_run(log: Log) -> None:
    """Do not come back from running, or not well."""
    if _HOW == "stuck":
        _tell()
        _wait()
    if _HOW == "holds_lock":  # of Python, as a callback does that waits for one that waits for it
        _tell()
        ctypes.PyDLL(None).pause()
    if _HOW == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if _HOW == "crashed":
        os.write(2, b"Unhandled exception. System.AccessViolationException: no\n   at Tlib.Go()\n")
        os.abort()
    if _HOW == "throws":
        raise NullReferenceException("Object reference not set\n   at TranslationCPU.RunFor()")
    if _HOW == "flood":
        line = "nvic: Unhandled write to offset 0x0, value 0x0."
        log.warn("\n".join([line] * (_FLOOD // len(line))))


def _tell() -> None:
    if fifo := os.environ.get("FAKE_RENODE_TELLS"):
        os.close(os.open(fifo, os.O_WRONLY))


def _wait() -> NoReturn:
    while True:
        threading.Event().wait()
