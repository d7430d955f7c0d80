"""Builds that collide, are killed, fail, or find no room: whole entries, one line, nothing left."""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from processes import Watched, watched
from support import NANO, Ran, lab, no_traceback, tflm_tree

from lab.cache import ROOT_VARIABLE, Cache
from lab.zoo import model_path

TINY = model_path("tiny_float")
KEYWORDS = model_path("keyword_spotter")
LARGE = model_path("separation_w16")
SOURCES = (
    "tensorflow/lite/c/common.c",
    "tensorflow/lite/core/api/error_reporter.cc",
    "tensorflow/lite/core/api/tensor_utils.cc",
    "tensorflow/lite/micro/memory_helpers.cc",
)
FILES = len(SOURCES) + 3  # runner, start-up, archive

# The real thing with a few of its sources; processors: how many it may use.
BUILD = f"""
import os, sys
from lab.cache import Cache
from lab.cores import CORES
from lab.runner import library
from lab.runtimes import load_crate
from lab.toolchain import find_toolchain
def say(text):
    print(text, flush=True)
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(sys.argv[1])])
runtime = load_crate().model_copy(update={{"sources": {SOURCES!r}}})
library(runtime, CORES["cortex-m4f"], "O2", find_toolchain(), Cache(say=say), say)
"""


def _building(root: Path, processors: int = 64) -> tuple[list[str], dict[str, str | Path]]:
    """Command line and environment of a small build into a cache."""
    temporary = root.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    command = [sys.executable, "-c", BUILD, str(processors)]
    return command, {ROOT_VARIABLE: root, "TMPDIR": temporary}


def _with_sources(root: Path) -> Path:
    """A cache that holds nothing but the runtime's sources."""
    entry = tflm_tree().parents[1]
    shutil.copytree(entry, root / "crates" / entry.name, copy_function=_link)
    return root


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy(source, target)


def _built(root: Path) -> dict[str, bytes]:
    """The one library of a cache, which is whole and has nothing beside it."""
    (entry,) = (root / "libraries").iterdir()
    assert [e.path for e in Cache(root).entries() if e.kind == "libraries"] == [entry]
    return {path.name: path.read_bytes() for path in entry.iterdir()}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the small build gives, made by two processes at once."""
    root = _with_sources(tmp_path_factory.mktemp("both") / "cache")
    command, env = _building(root)
    with watched(command, env=env) as one, watched(command, env=env) as two:
        ran = (one.finish(), two.finish())
    assert [r.code for r in ran] == [0, 0], ran
    assert sum("building" in line for r in ran for line in r.problems if "for cortex" in line) == 1
    assert sum("waiting for another process" in r.err for r in ran) == 1
    return _built(root)


def test_two_processes_that_build_the_same_make_it_once(library: dict[str, bytes]) -> None:
    assert set(library) == {"libtflm.a", "runner.o", "startup.o", "api.h"}


@pytest.mark.parametrize(
    ("moment", "how"),
    [
        ("building tflm", "parent"),
        ("[1/", "everything"),
        (f"[{FILES - 2}/", "parent"),
        (f"[{FILES}/", "everything"),
    ],
)
def test_a_killed_build_leaves_nothing_that_matters(
    library: dict[str, bytes], tmp_path: Path, moment: str, how: str
) -> None:
    root = _with_sources(tmp_path / "cache")
    command, env = _building(root)
    with watched(command, env=env) as build:
        build.wait_for(moment)
        if how == "everything":
            build.kill_everything()
        else:
            os.kill(build.process.pid, signal.SIGKILL)
        assert build.finish().code == -signal.SIGKILL
        build.nothing_is_left()
    # On one processor: the bytes do not depend on how many jobs there are.
    command, env = _building(root, processors=1)
    again = subprocess.run(command, env={**os.environ, **env}, capture_output=True, check=False)
    assert again.returncode == 0, again
    assert _built(root) == library
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_source_that_does_not_compile_is_quoted_and_its_log_kept(tmp_path: Path) -> None:
    root = _with_sources(tmp_path / "cache")
    (header,) = root.glob("crates/*/submodules/tensorflow/tensorflow/lite/c/common.h")
    text = header.read_text()
    header.unlink()  # a link to the real one
    header.write_text("#error this machine is on fire\n" + text)
    ran = lab("check", TINY, "-b", NANO, env={ROOT_VARIABLE: str(root)})
    no_traceback(ran)
    assert ran.code == 4
    (last,) = ran.problems
    assert "common.h:1:2: error: #error this machine is on fire" in last
    log = Path(last.partition("log: ")[2].rstrip(")"))
    assert "this machine is on fire" in log.read_text()
    assert list((root / "libraries").iterdir()) == []


def _record(level: str) -> dict[str, object]:
    ran = lab("check", TINY, "-b", NANO, "--opt", level, "--json", "-")
    assert ran.code == 0, ran.err
    record: dict[str, object] = json.loads(ran.out)
    build = record["build"]
    assert isinstance(build, dict)
    assert build["opt"] == level
    return record


@pytest.mark.parametrize(
    "levels", [("O2", "Os"), pytest.param(("O2", "O3", "Os"), marks=pytest.mark.slow)]
)
def test_optimisation_levels_are_different_results(levels: Sequence[str]) -> None:
    records = [_record(level) for level in levels]
    for part in ("memory", "run"):
        assert len({json.dumps(record[part]) for record in records}) == len(levels), part


def _stand_in(folder: Path, name: str, otherwise: str) -> int:
    """A tool that answers questions about itself; asked to work, it says so and never ends.

    Returns:
        A descriptor, where it says so.
    """
    folder.mkdir()
    os.mkfifo(folder / "fifo")
    tool = folder / name
    tool.write_text(
        f"#!/bin/sh\ncase \" $* \" in *' vendor '*|*' -c '*) echo at work >{folder}/fifo; "
        f"exec sleep 1000;; esac\n{otherwise}\n"
    )
    tool.chmod(0o755)
    return os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)


def _ended(running: Watched, by: signal.Signals) -> list[str]:
    """What the lab said after it was told to stop; nothing that it started goes on."""
    os.killpg(running.process.pid, by)
    ran = running.finish()
    running.nothing_is_left()
    no_traceback(ran)
    assert ran.code == 128 + by
    return ran.problems


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", ["fetching", "building"])
def test_ctrl_c_while_a_tool_works(tmp_path: Path, step: str, by: signal.Signals) -> None:
    stand_ins, root = tmp_path / "stand_ins", tmp_path / "cache"
    if step == "building":
        _with_sources(root)
        real = shutil.which("arm-none-eabi-gcc")
        note = _stand_in(stand_ins, "arm-none-eabi-gcc", f'exec {real} "$@"')
    else:
        note = _stand_in(stand_ins, "cargo", "echo cargo 1.99.0")
    env = {ROOT_VARIABLE: str(root), "PATH": f"{stand_ins}:{os.environ['PATH']}"}
    with watched([sys.executable, "-m", "lab", "check", TINY, "-b", NANO], env=env) as running:
        assert select.select([note], [], [], 60)[0], "it never came to work"
        said = _ended(running, by)
    os.close(note)
    assert said == ["lab: interrupted"] * (by == signal.SIGINT)
    assert list(root.glob("*/*.partial*")) == []
    assert [entry.kind for entry in Cache(root).entries()] == ["crates"] * (step == "building")


def test_a_reader_that_goes_away_is_not_taken_for_a_verdict() -> None:
    for arguments in (("boards",), ("check", TINY, "-b", NANO), ("boards", "show", NANO, "--json")):
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-m", "lab", *arguments]
        buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
        done = subprocess.run(
            command, stdout=writer, stderr=subprocess.PIPE, env=buffered, check=False
        )
        os.close(writer)
        assert done.returncode == 128 + signal.SIGPIPE
        assert b"Broken" not in done.stderr


def test_ctrl_c_while_measuring() -> None:
    before = Cache().entries()
    with watched([sys.executable, "-m", "lab", "--verbose", "check", LARGE, "-b", NANO]) as running:
        running.wait_for("measuring")
        said = _ended(running, signal.SIGINT)
    assert said[-1] == "lab: interrupted"
    assert sum("lab: " in line for line in said) == len(said)
    assert set(before) <= set(Cache().entries())


def _in_namespace(mounts: str, cache: Path, *arguments: str | Path) -> Ran:
    """Run ``lab`` where ``mounts`` were made; nobody else sees them."""
    script = f'set -e; {mounts}; exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, "-m", "lab"]
    with watched([*command, *arguments], env={ROOT_VARIABLE: cache}) as running:
        return running.finish()


@pytest.fixture(scope="module")
def _mounts() -> None:
    """Skip where the kernel lets nobody mount anything."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no mounts here: {done.stderr.strip()} (allow unprivileged user namespaces)")


@pytest.mark.usefixtures("_mounts")
def test_a_read_only_cache_is_one_line_until_everything_is_there(tmp_path: Path) -> None:
    assert lab("check", TINY, "-b", NANO).code == 0
    warm = f"mount --bind {Cache().root} {tmp_path}; mount -o remount,bind,ro {tmp_path}"
    ran = _in_namespace(warm, tmp_path, "check", TINY, "-b", NANO)
    assert ran.code == 0, ran
    empty = f"mount -t tmpfs -o ro none {tmp_path}"
    ran = _in_namespace(empty, tmp_path, "check", TINY, "-b", NANO)
    no_traceback(ran)
    assert ran.code == 4
    assert ran.problems == [
        f"lab: cannot write to the cache {tmp_path}: Read-only file system "
        f"(free space there, or set {ROOT_VARIABLE} to another directory)"
    ]


@pytest.mark.usefixtures("_mounts")
@pytest.mark.parametrize(
    ("kind", "room"),
    [
        ("libraries", "size=200k"),
        ("libraries", "nr_inodes=6"),
        ("images", "size=8k"),
        ("images", "size=200k"),
        ("logs", "nr_inodes=1"),
        ("locks", "nr_inodes=1"),
    ],
)
def test_a_full_disk_is_one_line(tmp_path: Path, kind: str, room: str) -> None:
    assert lab("check", KEYWORDS, "-b", NANO).code == 0
    full = "; ".join(
        [
            f"mount --bind {Cache().root} {tmp_path}",
            f"mount -t tmpfs none {tmp_path}/images",  # what is there needs nothing else
            f"mount -t tmpfs -o {room} none {tmp_path}/{kind}",
        ]
    )
    ran = _in_namespace(full, tmp_path, "check", KEYWORDS, "-b", NANO)
    no_traceback(ran)
    assert ran.code == 4, ran
    assert len(ran.problems) == 1, ran
    assert "No space left on device" in ran.problems[0]


def test_a_limit_on_file_sizes_is_one_line(tmp_path: Path) -> None:
    root = _with_sources(tmp_path / "cache")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    done = subprocess.run(
        [sys.executable, "-m", "lab", "check", TINY, "-b", NANO],
        env={**os.environ, ROOT_VARIABLE: str(root)},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    ran = Ran(done.returncode, done.stdout, done.stderr)
    no_traceback(ran)
    assert ran.code == 4
    assert len(ran.problems) == 1
    assert "File size limit exceeded" in ran.problems[-1]
    assert list((root / "libraries").iterdir()) == []
