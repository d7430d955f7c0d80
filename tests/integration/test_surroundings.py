"""Where the command runs: terminals, environments, limits and disks one is not used to."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from processes import watched
from support import NANO, ROOT, Ran, lab, no_traceback

from lab.cache import ROOT_VARIABLE
from lab.zoo import model_path

TINY = model_path("tiny_float")
LAB = [sys.executable, "-m", "lab"]
CHECK = ["check", str(TINY), "-b", NANO]
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")


def on_terminal(columns: int, *arguments: str, env: Mapping[str, str] = {}) -> Ran:
    """Run the command on a terminal of so many columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS", "CI"}}
    process = subprocess.Popen(
        [*LAB, *arguments], cwd=ROOT, env={**kept, "TERM": "xterm", **env},
        stdin=its, stdout=its, stderr=its, start_new_session=True,
    )  # fmt: skip
    os.close(its)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal ends whose last user is gone
        while piece := os.read(ours, 1 << 16):
            shown += piece
    os.close(ours)
    ran = Ran(process.wait(), shown.decode(), "")
    no_traceback(ran)
    return ran


@pytest.mark.parametrize("columns", [40, 1])
def test_any_width(columns: int) -> None:
    ran = on_terminal(columns, *CHECK)
    assert ran.code == 0
    assert "FITS" in ran.out
    assert COLOUR.search(ran.out)
    assert ran.out.rstrip().endswith(");")
    for arguments in (("zoo", "list"), ("check", "--help"), ("boards",)):
        assert on_terminal(columns, *arguments).code == 0


def test_no_colour_when_none_is_wanted() -> None:
    assert not COLOUR.search(on_terminal(80, *CHECK, env={"NO_COLOR": "1"}).out)


def test_a_dumb_terminal_gets_plain_lines() -> None:
    ran = on_terminal(80, *CHECK, env={"TERM": "dumb"})
    assert "FITS" in ran.out
    assert "\x1b" not in ran.out


def test_a_terminal_without_unicode() -> None:
    ran = on_terminal(80, *CHECK, env=ASCII)
    assert "FITS" in ran.out
    assert ran.out.isascii()
    assert "\\u28" not in ran.out


def test_an_empty_environment(tmp_path: Path) -> None:
    def run(*arguments: str, **more: str) -> Ran:
        done = subprocess.run(
            [*LAB, *arguments], cwd=ROOT, env={"PATH": os.environ["PATH"], **more},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    assert run("--version").code == 0
    assert run("boards").code == 0
    here = run("cache", "show", HOME="/nonexistent")
    assert (here.code, here.out) == (0, "/nonexistent/.cache/tflm-lab: 0 B\n")
    ran = run(*CHECK, HOME="/dev/null")
    no_traceback(ran)
    assert ran.code == 4
    assert ran.problems[-1].startswith("lab: cannot write to the cache /dev/null/.cache/tflm-lab: ")
    assert len(ran.problems) == 1


@pytest.mark.parametrize("place", ["file", "file/below", "fifo", "/proc/lab", "/dev/full", "loop"])
def test_a_cache_that_cannot_be(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("not a directory")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    env = {ROOT_VARIABLE: str(tmp_path / place)}
    ran = lab(*CHECK, env=env)
    no_traceback(ran)
    assert (ran.code, len(ran.problems)) == (4, 1), ran
    assert ran.problems[0].startswith("lab: cannot write to the cache ")
    assert lab("doctor", env=env).code == 4
    assert lab("runtime", "list", env=env).code == 0
    assert lab("boards", env=env).code == 0


def limited(limits: str, *arguments: str | Path) -> Ran:
    done = subprocess.run(
        ["bash", "-c", f'ulimit {limits}; exec "$@"', "bash", *LAB, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ran = Ran(done.returncode, done.stdout, done.stderr)
    no_traceback(ran)
    return ran


@pytest.mark.parametrize(
    ("limits", "code"), [("-v 3000000", 0), ("-v 900000", 5), ("-n 16", 0), ("-c 0 -f 0", 0)]
)
def test_limits_of_the_process(limits: str, code: int) -> None:
    assert lab(*CHECK).code == 0  # everything is in the cache
    ran = limited(limits, *CHECK)
    assert ran.code == code, ran
    assert sum("no verdict" in line for line in ran.problems) == (code == 5)


def test_a_parent_that_is_killed_leaves_no_process() -> None:
    for word in ("measuring", "running on"):
        with watched([*LAB, "--verbose", *CHECK]) as running:
            running.wait_for(word)
            os.kill(running.process.pid, signal.SIGKILL)
            assert running.finish().code == -signal.SIGKILL
            running.nothing_is_left()


def in_namespace(mounts: str, *arguments: str | Path, cwd: Path = ROOT) -> Ran:
    """Run the command where ``mounts`` were made; nobody else sees them."""
    script = f'set -e; {mounts}; exec "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", *LAB, *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    ran = Ran(done.returncode, done.stdout, done.stderr)
    no_traceback(ran)
    return ran


@pytest.fixture(scope="module")
def _mounts() -> None:
    """Skip where the kernel lets nobody mount anything."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no mounts here: {done.stderr.strip()} (allow unprivileged user namespaces)")


@pytest.mark.usefixtures("_mounts")
def test_a_read_only_checkout_and_temporary_directory(tmp_path: Path) -> None:
    assert lab(*CHECK).code == 0
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for part in ("lab", "firmware", "platforms"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, checkout / part, ignore=ignored)
    temporary = tmp_path / "temporary"  # not /tmp itself: the checkout may lie there
    temporary.mkdir()
    frozen = (
        f"mount --bind {checkout} {checkout}; mount -o remount,bind,ro {checkout}; "
        f"mount -t tmpfs -o ro none {temporary}; export TMPDIR={temporary}"
    )
    for arguments in (["--version"], CHECK):
        ran = in_namespace(frozen, *arguments, cwd=checkout)
        assert ran.code == 0, ran
    assert not list(checkout.rglob("__pycache__"))


@pytest.mark.usefixtures("_mounts")
def test_no_room_for_results(tmp_path: Path) -> None:
    full = (
        f"mount -t tmpfs -o size=4k none {tmp_path}; head -c 9000 /dev/zero >{tmp_path}/x || true"
    )
    for options in (
        ("--json", tmp_path / "record.json"),
        ("--save-outputs", tmp_path),
        ("--save-outputs", tmp_path / "new"),
    ):
        ran = in_namespace(full, *CHECK, *options)
        assert ran.code == 2, (options, ran)
        assert ran.problems[-1].startswith("lab: cannot write "), ran
    ran = in_namespace(full, "build", TINY, "-b", NANO, "-o", tmp_path / "a.elf")
    assert ran.code == 2
    assert "No space left on device" in ran.problems[-1]


def test_two_checks_at_once_on_an_empty_cache(tmp_path: Path) -> None:
    """Sources are there; one fetches and builds nothing twice that the other is building."""
    from lab.cache import Cache

    root = tmp_path / "cache"
    for kind in ("crates", "libraries"):
        (root / kind).mkdir(parents=True)
        for entry in Cache().entries():
            if entry.kind == kind:
                (root / kind / entry.key).symlink_to(entry.path)
    np.save(tmp_path / "x.npy", np.zeros((1, 1), "f4"))
    command = [*LAB, *CHECK, "--json", "-"]
    env = {ROOT_VARIABLE: root}
    with watched(command, env=env) as one, watched(command, env=env) as two:
        ran = (one.finish(), two.finish())
    assert [r.code for r in ran] == [0, 0]
    records = [r.err[r.err.index("{\n") :] for r in ran]
    assert records[0] == records[1]
    assert list(root.glob("*/*.partial*")) == []
    assert sum(1 for _ in (root / "resolvers").iterdir()) == 1
