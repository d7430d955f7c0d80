"""The process in which Renode is loaded: it answers requests of ``lab.engines.renode.engine``."""

from __future__ import annotations

import ctypes
import os
import resource
import secrets
import select
import shutil
import signal
import sys
import tempfile

from lab.child import answers, receive, send
from lab.engines.renode.device import Device
from lab.errors import LabError, NoVerdictError, one_line

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_MOST_FILES = 256  # open so early


def main() -> None:
    """Serve requests until the parent is gone."""
    # Even while something of .NET holds Python's lock, and no line of ours can run.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    # The measuring process limits itself; .NET reserves more than that before it does anything.
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    pipe = answers()
    name = f"lab-renode-{os.getpid()}-{secrets.token_hex(4)}"
    folder = os.path.join(tempfile.gettempdir(), name)  # noqa: PTH118 - a variable's value
    _sweep(folder)
    os.mkdir(folder, 0o700)  # noqa: PTH102
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    send(pipe, folder)
    device = Device()
    while True:
        try:
            request = receive(sys.stdin.buffer)
        except EOFError:
            os._exit(0)  # without pyrenode3's own clean-up, which waits for Renode's threads
        assert isinstance(request, tuple)
        send(pipe, _answer(device, *request))


def _sweep(folder: str) -> None:
    """Have a process of its own remove a directory when this one is gone, however it ends.

    Renode and pyrenode3 leave there what they would remove at an end in good order.
    """
    watched = os.pidfd_open(os.getpid())
    if os.fork():
        os.close(watched)
        return
    os.setsid()  # what ends the others must not end this one
    os.closerange(0, watched)  # nobody shall wait for these pipes to be closed
    os.closerange(watched + 1, _MOST_FILES)
    end = select.poll()
    end.register(watched, select.POLLIN)
    end.poll()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _answer(device: Device, name: str, *arguments: object) -> object:
    """The value, or the error. What ends a process is left to end this one."""
    try:
        return getattr(device, name)(*arguments)
    except (LabError, ValueError) as error:
        return error
    except Exception as error:  # of .NET, whatever it is
        said = one_line(f"{type(error).__name__}: {error}")
        return NoVerdictError(f"no verdict: Renode: {said}")
