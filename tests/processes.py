"""Start a command, follow what it says, and see that nothing it started outlives it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support import ROOT, Ran

MARK = "TFLM_LAB_TEST_MARK"
_PATIENCE = 300.0  # seconds; only a test that has failed already takes this long
_LAST_BREATH = 20.0  # seconds for a killed process to be gone


@dataclass(frozen=True)
class Watched:
    """A running command. All that it starts inherits the mark in its environment.

    Attributes:
        process: the command; both its outputs are one pipe.
        mark: value of the mark.
        lines: what it has said so far.
    """

    process: subprocess.Popen[str]
    mark: str
    lines: list[str]

    def wait_for(self, words: str) -> None:
        """Read on until a line says this."""
        for line in self._output():
            if words in line:
                return
        raise AssertionError(f'"{words}" was never said: {self.lines}')

    def finish(self) -> Ran:
        """Read on to the end."""
        for _ in self._output():
            pass
        return Ran(self.process.wait(), "", "\n".join(self.lines))

    def kill_everything(self) -> None:
        """What the end of a container does."""
        for pid in _marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def started(self, words: str) -> int:
        """Process id of the one descendant that has these words in its command line."""
        (found,) = (
            pid
            for pid in _marked(self.mark)
            if words in Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
            and pid != self.process.pid
        )
        return found

    def nothing_is_left(self) -> None:
        """Every process it started is gone, or is just going."""
        for pid in _marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
                try:
                    end = select.poll()
                    end.register(descriptor, select.POLLIN)
                    command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
                    assert end.poll(_LAST_BREATH * 1000), f"still running: {command}"
                finally:
                    os.close(descriptor)

    def _output(self) -> Iterator[str]:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            yield line


@contextlib.contextmanager
def watched(
    command: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str | Path] | None = None,
) -> Iterator[Watched]:
    """Run a command in a session of its own, as a terminal does; at the end all of it is killed."""
    mark = uuid.uuid4().hex
    extra = {name: str(value) for name, value in (env or {}).items()}
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **extra, MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        found = Watched(process, mark, [])
        guard = threading.Timer(_PATIENCE, found.kill_everything)
        guard.start()
        try:
            yield found
        finally:
            guard.cancel()
            found.kill_everything()


def _marked(mark: str) -> list[int]:
    wanted = f"{MARK}={mark}".encode()
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        # A process may end while it is looked at; others belong to other users.
        with contextlib.suppress(OSError):
            if wanted in (directory / "environ").read_bytes().split(b"\0"):
                found.append(int(directory.name))
    return found
