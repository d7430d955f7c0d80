"""The measuring process goes wrong in every way there is: one line, exit code 5, never a hang."""

from __future__ import annotations

import mmap
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import watched
from support import NANO, no_traceback

from lab import Options, check
from lab.errors import NoVerdictError
from lab.jobs.check import check_in
from lab.measure.inference import Limits
from lab.measure.worker import Worker
from lab.zoo import model_path

KEYWORDS = model_path("keyword_spotter")
LARGE = model_path("separation_w16")
PATIENCE = 120.0  # seconds, where the end must come from something else
SHORT = 0.5  # seconds, where the limit itself is the subject

# To every descriptor: the one of the answers gets the length of an answer and a part of it.
HALF_AN_ANSWER = """
import contextlib, os, signal
for descriptor in range(3, 20):
    with contextlib.suppress(OSError):
        os.write(descriptor, (1000).to_bytes(8, "little") + b"half")
"""

ENDS: list[tuple[Callable[..., object], tuple[object, ...], float, str]] = [
    (signal.raise_signal, (signal.SIGKILL,), PATIENCE, "ended by signal SIGKILL"),
    (exec, ("import ctypes; ctypes.string_at(0)",), PATIENCE, "ended by signal SIGSEGV"),
    (os._exit, (7,), PATIENCE, "ended with exit code 7: it left no word"),
    (sys.exit, ("out\nof luck",), PATIENCE, "ended with exit code 1: of luck"),
    (exec, (HALF_AN_ANSWER + "os._exit(3)",), PATIENCE, "ended with exit code 3"),
    (exec, (HALF_AN_ANSWER + "signal.pause()",), SHORT, "no answer within 0.5 s"),
    (signal.pause, (), SHORT, "no answer within 0.5 s"),
    (bytearray, (8 << 30,), PATIENCE, "out of memory, the limit is 4,294,967,296 B"),
    (mmap.mmap, (-1, 8 << 30), PATIENCE, "out of memory"),
]


@pytest.mark.parametrize(("function", "arguments", "seconds", "says"), ENDS)
def test_an_end_without_an_answer_is_one_line(
    function: Callable[..., object], arguments: tuple[object, ...], seconds: float, says: str
) -> None:
    with Worker() as worker:
        pid = worker.call(os.getpid, seconds=PATIENCE)
        with pytest.raises(NoVerdictError) as caught:
            worker.call(function, *arguments, seconds=seconds)
    (line,) = caught.value.lines()
    assert line.startswith("no verdict: ")
    assert says in line
    assert not Path(f"/proc/{pid}").exists(), "still there, or a zombie"


def test_a_worker_that_does_not_even_read_is_given_up() -> None:
    with Worker() as worker:
        os.kill(worker.call(os.getpid, seconds=PATIENCE), signal.SIGSTOP)
        with pytest.raises(NoVerdictError, match="no answer within"):
            worker.call(len, bytes(1 << 20), seconds=SHORT)


def test_a_chatterbox_still_answers() -> None:
    chatter = "import os, sys\nfor fd in (1, 2): os.write(fd, b'words' * 100_000)"
    with Worker() as worker:
        worker.call(exec, chatter, seconds=PATIENCE)
        assert worker.call(len, "answer", seconds=PATIENCE) == 6


def test_the_worker_ends_in_the_middle_of_a_request_when_its_parent_is_gone() -> None:
    fatal = "import os, signal; os.kill(os.getppid(), signal.SIGKILL); signal.pause()"
    script = (
        "from lab.measure.worker import Worker; worker = Worker(); "
        f"worker.call(exec, {fatal!r}, seconds=1000)"
    )
    with watched([sys.executable, "-c", script]) as parent:
        assert parent.finish().code == -signal.SIGKILL
        parent.nothing_is_left()


def test_a_worker_killed_while_it_measures_is_exit_5() -> None:
    with watched([sys.executable, "-m", "lab", "--verbose", "check", LARGE, "-b", NANO]) as running:
        running.wait_for("measuring")
        os.kill(running.started("lab.measure.worker"), signal.SIGKILL)
        ran = running.finish()
        running.nothing_is_left()
    no_traceback(ran)
    assert ran.code == 5
    said = [line for line in ran.problems if "no verdict" in line]
    assert said == ran.problems[-1:]
    assert "ended by signal SIGKILL" in said[0]


def test_measuring_the_keyword_spotter_takes_less_than_200_mib() -> None:
    with Worker() as worker:
        result = check_in(worker, KEYWORDS, NANO, Options(), lambda _: None)
        status = worker.call(Path.read_text, Path("/proc/self/status"), seconds=PATIENCE)
    assert result.verdict.status == "fits"
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    kib = int(peak.split()[1])
    assert 20 * 1024 < kib < 200 * 1024


def test_a_guest_that_does_not_come_to_an_end_is_stopped_by_its_budget() -> None:
    enough = check(KEYWORDS, NANO)
    assert enough.run
    budget = enough.run.instructions // 2  # of the whole inference, not of one operator
    with pytest.raises(NoVerdictError, match=rf"invoke after {budget:,} instr.*, in tflite::"):
        check(KEYWORDS, NANO, Options(limits=Limits(instructions=budget)))


def test_the_wall_clock_gives_no_verdict() -> None:
    with pytest.raises(NoVerdictError, match=r"after 0\.05 s") as caught:
        check(LARGE, NANO, Options(limits=Limits(seconds=0.05)))
    assert len(caught.value.lines()) == 1
    assert caught.value.exit_code == 5
