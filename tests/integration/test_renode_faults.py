"""Whatever goes wrong in Renode's process comes out as one line, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import renode_fake
from guest import CODE, FLASH, MACHINE, NOTHING, assembled
from processes import watched
from support import NANO, lab, no_traceback

from lab.engines.base import Fault
from lab.engines.registry import create
from lab.engines.renode import engine as module
from lab.engines.renode.engine import RenodeEngine
from lab.engines.renode.log import COMMANDS, NAME, Log
from lab.errors import NoVerdictError, ToolError

MODEL = "sensor_fusion"
CHECK = [sys.executable, "-m", "lab", "check", MODEL, "-b", NANO, "--engine", "renode"]
LOOP = assembled("1: adds r0, #1 \n b 1b")


def running(monkeypatch: pytest.MonkeyPatch, how: str) -> RenodeEngine:
    """An engine that is going to misbehave when it runs."""
    renode_fake.use(monkeypatch, how=how)
    engine = RenodeEngine()
    engine.load(MACHINE, LOOP.segments, FLASH)
    return engine


def run(engine: RenodeEngine) -> None:
    engine.run((), instructions=1000, seconds=1)


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


# ---- the whole command ----


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("dll", 4, "cannot be loaded: Renode: DllNotFoundException: Unable to load shared library"),
        ("clash", 4, "this pyrenode3 cannot load a Renode later than 1.16.1 from a package"),
        ("gives_up", 4, "ended with exit code 1: CRITICAL:root:Can't determine Renode directory"),
        ("refuses:sysbus UnexpectedReads", 4, "cannot be loaded: Renode refused"),
        ("refuses:machine LoadPlatform", 5, "No such command or device: it was dropped"),
        ("refuses:cpu AddHook", 5, 'Renode refused "cpu AddHook 0x'),
        ("killed", 5, "Renode's process ended by signal SIGKILL: it left no word"),
        ("crashed", 5, "by signal SIGABRT: Unhandled exception. System.AccessViolationException"),
        ("throws", 5, "NullReferenceException: Object reference not set"),
    ],
)
def test_one_line_and_its_exit_code(how: str, code: int, words: str, tmp_path: Path) -> None:
    environment = renode_fake.environment(how=how) | {"TMPDIR": str(tmp_path)}
    with watched(CHECK, env=environment) as started:
        ran = started.finish()
        started.nothing_is_left()
    assert list(tmp_path.iterdir()) == []
    no_traceback(ran)
    assert ran.code == code
    assert words in ran.problems[-1]


@pytest.mark.parametrize("how", ["stuck", "holds_lock"])
def test_it_ends_with_the_measuring_process(tmp_path: Path, how: str) -> None:
    os.mkfifo(tell := tmp_path / "tell")
    environment = renode_fake.environment(how=how) | {"FAKE_RENODE_TELLS": str(tell)}
    (tmp_path / "tmp").mkdir()
    with watched(CHECK, env=environment | {"TMPDIR": str(tmp_path / "tmp")}) as started:
        tell.read_bytes()  # now it is stuck
        os.kill(started.started("lab.measure.worker"), signal.SIGKILL)
        ran = started.finish()
        started.nothing_is_left()
    assert ran.code == 5
    assert list((tmp_path / "tmp").iterdir()) == []


def test_it_ends_with_the_command(tmp_path: Path) -> None:
    os.mkfifo(tell := tmp_path / "tell")
    environment = renode_fake.environment(how="stuck") | {"FAKE_RENODE_TELLS": str(tell)}
    with watched(CHECK, env=environment) as started:
        tell.read_bytes()
        os.killpg(started.process.pid, signal.SIGINT)  # Ctrl-C reaches all of them
        ran = started.finish()
        started.nothing_is_left()
    no_traceback(ran)
    assert ran.code == 130


def test_without_renode_it_is_said_before_anything_is_built(tmp_path: Path) -> None:
    ran = lab(
        "check", MODEL, "-b", NANO, "--engine", "renode",
        env={"PATH": "/nowhere", "XDG_CACHE_HOME": str(tmp_path)},
    )  # fmt: skip
    assert ran.code == 4
    assert len(ran.problems) == 1
    assert "Renode is missing" in ran.problems[0]
    assert not list(tmp_path.rglob("*.elf"))


# ---- deadlines ----


@pytest.mark.parametrize("how", ["stuck", "holds_lock"])
def test_it_does_not_come_back(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    engine = running(monkeypatch, how)
    pid = engine._child.process.pid
    with pytest.raises(NoVerdictError, match=r"^no verdict: Renode did not come back from RunFor"):
        run(engine)
    assert is_gone(pid)
    with pytest.raises(NoVerdictError, match="Renode did not come back"):
        engine.read(FLASH, 4)  # it stays what it is


def test_it_does_not_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = running(monkeypatch, "stands")
    with pytest.raises(NoVerdictError, match="Renode does not go on from 0x08000008"):
        engine.run({CODE}, instructions=1000, seconds=1)


def test_a_renode_that_has_dropped_mono(monkeypatch: pytest.MonkeyPatch) -> None:
    run(running(monkeypatch, "without_mono"))


def test_seconds_are_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    engine = running(monkeypatch, "stuck")
    with pytest.raises(NoVerdictError, match=r"within 1 s"):
        engine.run((), instructions=1000, seconds=0.9996)


def test_it_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 2.0)
    renode_fake.use(monkeypatch, how="loads_forever")
    with pytest.raises(ToolError, match="did not come back from loading it within 2 s"):
        create("renode")


def test_a_lost_engine_takes_its_process_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = running(monkeypatch, "")
    pid = engine._child.process.pid
    assert not is_gone(pid)
    del engine
    assert is_gone(pid)


def test_a_good_run_leaves_nothing_either(tmp_path: Path) -> None:
    environment = renode_fake.environment() | {"TMPDIR": str(tmp_path)}
    with watched(CHECK, env=environment) as started:
        ran = started.finish()
        started.nothing_is_left()
    assert ran.code == 0
    assert list(tmp_path.iterdir()) == []


BARELY_STARTED = """
import os, signal
from lab.child import Child
child = Child("lab.engines.renode.child")
assert os.path.isdir(child.receive())
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_is_ended_as_soon_as_it_begins_leaves_nothing(tmp_path: Path) -> None:
    environment = renode_fake.environment() | {"TMPDIR": str(tmp_path)}
    with watched([sys.executable, "-c", BARELY_STARTED], env=environment) as started:
        assert started.finish().code == -signal.SIGKILL
        started.nothing_is_left()
    assert list(tmp_path.iterdir()) == []


# ---- the log ----


def test_a_flood_does_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = running(monkeypatch, "flood")
    for _ in range(4):
        run(engine)
        assert os.fstat(engine._logs[NAME]._file).st_blocks * 512 <= (16 + 25) << 20
    assert engine._logs[NAME].size() > 64 << 20  # of which hardly anything is there


@pytest.mark.parametrize(("store", "kind"), [("ldr", "read"), ("str", "write")])
def test_an_access_is_found_in_a_flood(
    monkeypatch: pytest.MonkeyPatch, store: str, kind: str
) -> None:
    engine = running(monkeypatch, "flood")
    access = assembled(f"nop \n ldr r0, ={NOTHING} \n {store} r1, [r0] \n 1: b 1b")
    engine.load(MACHINE, access.segments, FLASH)
    stop = engine.run((), instructions=1000, seconds=60)
    assert stop.fault == Fault(f"{kind}_unmapped", CODE + 4, NOTHING, late=True)


def test_what_the_log_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = running(monkeypatch, "silent")
    access = assembled(f"ldr r0, ={NOTHING} \n str r1, [r0] \n 1: adds r2, #1 \n b 1b")
    engine.load(MACHINE, access.segments, FLASH)
    fault = engine.run((), instructions=1000, seconds=60).fault
    assert fault is not None
    assert (fault.kind, fault.address, fault.late) == ("write_unmapped", None, True)


def test_an_error_quotes_the_end_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = running(monkeypatch, "flood")
    run(engine)
    os.kill(engine._child.process.pid, signal.SIGKILL)
    with pytest.raises(NoVerdictError) as raised:
        run(engine)
    (line,) = raised.value.lines()
    assert "SIGKILL" in line
    assert len(line) < 1000


def test_log_and_commands_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(module.KEEP, str(keep := tmp_path / "record" / "renode"))
    engine = running(monkeypatch, "flood")
    run(engine)
    assert not keep.exists()  # nothing was wrong
    pid = engine._child.process.pid
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(NoVerdictError, match=f"log and commands: {keep}/renode-{pid}"):
        run(engine)
    kept = {path.name: path.read_text() for path in keep.iterdir()}
    assert kept.keys() == {f"renode-{pid}.{NAME}", f"renode-{pid}.{COMMANDS}"}
    said = kept[f"renode-{pid}.{COMMANDS}"].splitlines()
    assert said[0].startswith("logFile @")
    assert said.index("using sysbus") < said.index("cpu IsHalted")
    assert "# RunFor, 10 us" in said
    assert len(kept[f"renode-{pid}.{NAME}"]) <= 1 << 20


def test_what_cannot_be_kept_does_not_hide_the_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(module.KEEP, str(tmp_path / "file"))
    engine = running(monkeypatch, "throws")
    with pytest.raises(NoVerdictError, match=r"NullReference.*cannot be kept: File exists"):
        run(engine)


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "renode.log"
    path.write_bytes(b"")
    log = Log(path)
    assert log.tail() == ""
    path.write_bytes(b"first\n\nsecond \n" + b"x" * 500 + b"\nlast\n")
    assert log.tail() == f"second | {'x' * 200} | last"
    assert log.since(6).startswith("\nsecond")
