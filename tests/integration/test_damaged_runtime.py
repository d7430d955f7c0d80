"""``lab check`` with a runtime that misbehaves: the documented code, one line, soon.

The library in a cache of its own is the real one, but for a runner with a line too many.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import NANO, Ran, lab, no_traceback

from lab.cache import ROOT_VARIABLE, Cache
from lab.cores import CORES
from lab.runner import RUNNER, compile_flags, headers, include_flags, library
from lab.runtimes import load_crate
from lab.toolchain import find_toolchain
from lab.zoo import model_path

TINY = model_path("tiny_float")
CORE = CORES["cortex-m4f"]
ALLOCATED = "  lab_allocated();\n"
INVOKING = "    lab_before_invoke();\n"
INVOKED = "    lab_after_invoke();\n"
ENDED = "  lab_end();\n"


@pytest.fixture(scope="module")
def warm() -> Path:
    """The real library; what else the checks need is in the cache too."""
    assert lab("check", TINY, "-b", NANO).code == 0
    return library(load_crate(), CORE, "O2", find_toolchain(), Cache(), lambda _: None)


def damaged(root: Path, real: Path, place: str, line: str) -> Path:
    """A cache whose runtime executes one more line before this place of the runner."""
    entry = root / "libraries" / real.name
    entry.mkdir(parents=True)
    for name in ("libtflm.a", "startup.o", "api.h"):
        (entry / name).symlink_to(real / name)
    for kind in ("crates", "resolvers", "offsets"):  # these do not depend on the runner
        (root / kind).symlink_to(Cache().root / kind)
    source = (RUNNER / "runner.cc").read_text()
    assert source.count(place) == 1
    (root / "runner.cc").write_text(source.replace(place, f"  {line};\n{place}"))
    runtime = load_crate()
    flags = [
        *compile_flags(runtime, CORE, "O2"),
        *include_flags(headers(runtime, Cache(), lambda _: None)),
    ]
    command = [find_toolchain().gxx, *CORE.flags, *flags, f"-std={runtime.standard}", "-w"]
    command += [f"-I{RUNNER}", f"-I{entry}", "-c", str(root / "runner.cc")]
    command += ["-o", str(entry / "runner.o")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return root


def checked(cache: Path, *options: str | Path) -> Ran:
    ran = lab("check", TINY, "-b", NANO, *options, env={ROOT_VARIABLE: str(cache)})
    no_traceback(ran)
    return ran


def some(cases: list[tuple[str, str, str]]) -> list[Any]:
    """Each takes seconds: a third of them is enough for every day."""
    slow = ((), (pytest.mark.slow,), (pytest.mark.slow,))
    return [pytest.param(*case, id=case[1], marks=slow[n % 3]) for n, case in enumerate(cases)]


NO_VERDICT = [
    (INVOKING, "lab_mailbox.inputs = 0xffffffff", "4,294,967,295 graph inputs"),
    (ALLOCATED, "lab_mailbox.interpreter = 0xfffffff0", "the firmware lost its interpreter"),
    (ALLOCATED, "lab_mailbox.input[0].address = 0x70000000", "the firmware lost a graph input"),
    (INVOKED, "lab_mailbox.outputs = 0", "the firmware has 0 graph outputs, the model has 1"),
    (INVOKED, "lab_mailbox.output[0].bytes = 0xffffffff", "claims 4,294,967,295 B"),
    (ENDED, "lab_mailbox.arena_used = 0xffffffff", "the firmware claims to use"),
    (ALLOCATED, "for (volatile int i = 1; i;) ++i", "still in allocate after 1 s"),
    (ALLOCATED, 'for (;;) asm volatile("")', 'the image has no "lab_allocated"'),
]


@pytest.mark.parametrize(
    ("place", "line", "says"), NO_VERDICT, ids=[case[1] for case in NO_VERDICT]
)
def test_no_verdict(warm: Path, tmp_path: Path, place: str, line: str, says: str) -> None:
    cache = damaged(tmp_path / "cache", warm, place, line)
    ran = checked(cache, "--timeout", "1", "--save-outputs", tmp_path / "out")
    assert (ran.code, ran.out) == (5, "")
    complaints = [line for line in ran.problems if "no verdict" in line]
    assert complaints == ran.problems[-1:]
    assert says in complaints[0]
    assert list((tmp_path / "out").iterdir()) == []


FAILURES = [
    (ALLOCATED, '((void (*)())0x70000001)(); asm volatile("nop")', "guest_fault"),
    (ALLOCATED, "*(volatile int*)lab_model = 0", "guest_fault"),
    (ALLOCATED, 'if (lab_mailbox.seed) for (;;) asm volatile("")', "halted"),
    (INVOKING, "Run(interpreter)", "stack_overflow"),
    (INVOKED, 'for (int i = 0; i < 1 << 20; ++i) DebugLog("\\33[31mwords "); '
     "lab_mailbox.status = 1", "failed_without_words"),
    (INVOKED, 'lab_mailbox.log_bytes = 0xffffffff; asm volatile("udf 0")', "guest_fault"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "line", "name"), some(FAILURES))
def test_failures(warm: Path, tmp_path: Path, place: str, line: str, name: str) -> None:
    cache = damaged(tmp_path / "cache", warm, place, line)
    record = tmp_path / "record.json"
    report = checked(cache, "--json", record)
    assert report.code == 1
    assert f"class   {name}" in report.out
    assert "\33" not in report.out
    failure = json.loads(record.read_text())["failure"]
    assert failure["failure_class"] == name
    assert record.stat().st_size < 40_000
    if "DebugLog" in line or "log_bytes" in line:
        assert failure["log"][-1] == "[the log is cut here, after 8,192 B]"
        assert "[the log is cut here, after 8,192 B]" in report.out
