"""Every option of every command at its edges: the documented code, one line, no traceback, no hang.

Most of it runs in this process, with one measuring process for all: what a command line means does
not depend on that. What a shell can do to a command goes through the real one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support import NANO, Ran, lab, no_traceback

from lab.cli.main import run
from lab.jobs.options import MAX_SECONDS
from lab.measure import worker
from lab.zoo import model_path

TINY = str(model_path("tiny_float"))
CHECK = ("check", TINY, "-b", NANO)
CODES = {0, 1, 2, 3, 5}
STEPS = ("lab: measuring ", "lab: running ", "lab: building ", "lab: compiling ")

ABSURD = [
    "", " ", "0", "-1", "1", "4294967295", "4294967296", "18446744073709551616", "-9" * 30, "nan",
    "inf", "-inf", "1e999", "0x10", "1 KB", "-", "--", ".", "..", "/proc", "/dev/null", "/dev/full",
    "/dev/zero", "/proc/self/mem", "FIFO", "DIRECTORY", "TEXT", "=", "a=b=c", "=1", "%s%n", "~",
    "'; exit 9; '", "$(exit 9)", "\udcff\udcfe", "é", "\x1b[31m\r\n", "x" * 130_000, "a\0b",
]  # fmt: skip


class _OneWorker(worker.Worker):
    """One process for all checks of this file; closed at its end."""

    def __init__(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def _one_worker() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, worker.Worker() as real:
        patch.setattr(_OneWorker, "call", real.call)
        patch.setattr(worker, "Worker", _OneWorker)
        yield


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("FIFO")
    Path("DIRECTORY").mkdir()
    Path("TEXT").write_text("not what you think\n")
    return tmp_path


def ran_here(capfd: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    try:
        code = run(list(arguments))
    except SystemExit as error:  # --help and the like
        code = int(error.code or 0)
    out, err = capfd.readouterr()
    return Ran(code, out, err)


def well_said(ran: Ran, codes: set[int] = CODES) -> None:
    no_traceback(ran)
    assert ran.code in codes, ran
    complaints = [line for line in ran.err.splitlines() if not line.startswith(STEPS)]
    assert len(complaints) == (ran.code not in {0, 1}), ran
    assert all(c.startswith("lab: ") and c.isprintable() and len(c) < 5000 for c in complaints)


CHECK_OPTIONS = (
    "--board", "--opt", "--ram", "--arena", "--stack-reserve", "--app-ram", "--app-flash",
    "--reserve", "--input", "--invokes", "--seed", "--save-outputs", "--timeout", "--json",
    "--engine",
)  # fmt: skip


@pytest.mark.usefixtures("_one_worker", "here")
@pytest.mark.parametrize("option", CHECK_OPTIONS)
def test_an_option_of_check(option: str, capfd: pytest.CaptureFixture[str]) -> None:
    for value in ABSURD:
        if option == "--json" and value == "-":
            continue
        well_said(ran_here(capfd, *CHECK, f"{option}={value}"))


OTHERS: list[tuple[tuple[str, ...], set[int]]] = [
    (("check", "VALUE", "-b", NANO), {2, 3}),
    (("ops", "VALUE"), {2, 3}),
    (("build", "VALUE", "-b", NANO, "-o", "x.elf"), {2, 3}),
    (("build", TINY, "--board=VALUE", "-o", "x.elf"), {2, 3}),
    (("build", TINY, "-b", NANO, "--output=VALUE"), {0, 2}),
    (("build", TINY, "-b", NANO, "-o", "x.elf", "--opt=VALUE"), {2}),
    (("build", TINY, "-b", NANO, "-o", "x.elf", "--ram=VALUE"), {2}),
    (("boards", "show", "VALUE"), {2, 3}),
    (("boards", "validate", "./VALUE"), {2, 3}),
    (("boards", "VALUE"), {2, 0}),
    (("zoo", "path", "VALUE"), {2}),
    (("zoo", "VALUE"), {0, 2}),
    (("cache", "VALUE"), {0, 2}),
    (("runtime", "VALUE"), {0, 2}),
    (("VALUE",), {0, 2}),
    (("ops", TINY, "VALUE"), {0, 2}),
]


@pytest.mark.usefixtures("_one_worker", "here")
@pytest.mark.parametrize("command", range(len(OTHERS)))
def test_an_argument_of_another_command(command: int, capfd: pytest.CaptureFixture[str]) -> None:
    words, codes = OTHERS[command]
    for value in ABSURD:
        ran = ran_here(capfd, *(word.replace("VALUE", value) for word in words))
        well_said(ran, codes)


def test_timeouts(capfd: pytest.CaptureFixture[str]) -> None:
    for value in (f"{MAX_SECONDS}", "1"):
        well_said(ran_here(capfd, *CHECK, "--timeout", value), {0})
    for value in (f"{MAX_SECONDS + 1}", "0.999", "1e308"):
        well_said(ran_here(capfd, *CHECK, "--timeout", value), {2})


# ---- files that are given as input ----


def damaged_array(random: np.random.Generator, sound: bytes) -> bytes:
    damaged = bytearray(sound)
    for _ in range(random.integers(1, 5)):
        place = int(random.integers(0, len(damaged)))
        damaged[place] = int(random.choice([0, 255, 40, 39, int(random.integers(0, 256))]))
    return bytes(damaged[: random.integers(0, len(damaged) + 1)] if random.random() < 0.2
                 else damaged)  # fmt: skip


@pytest.mark.usefixtures("_one_worker")
def test_damaged_arrays(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    random, refused = np.random.default_rng(3), 0
    np.save("x.npy", np.zeros((1, 1), "f4"))
    sound = Path("x.npy").read_bytes()
    nested = sound.replace(b"False", b"(((((" * 1)
    shape = sound.replace(b"(1, 1)", b"(1<<40,)").replace(b"(1, 1)", b"(9, 9)")
    huge = sound[:8] + sound[8:].replace(b"(1, 1), }", b"(9999999999, 99999), }"[:9] + b"}")
    for data in [nested, shape, huge, b"PK\x03\x04" + bytes(99), b"", b"\x93NUMPY",
                 *(damaged_array(random, sound) for _ in range(60))]:  # fmt: skip
        Path("y.npy").write_bytes(data)
        ran = ran_here(capfd, *CHECK, "--input", "y.npy")
        well_said(ran, {0, 3})
        refused += ran.code == 3
    assert refused > 40


# ---- the real command: what a shell can do ----


def shell(script: str, cwd: Path) -> Ran:
    """Run a script in which ``$LAB`` is the command."""
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=cwd, env={**os.environ, "LAB": f"{sys.executable} -m lab", "MODEL": TINY, "NANO": NANO},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("$LAB boards >&-", 0),
        ("$LAB --version >&- 2>&- <&-", 0),
        ("$LAB check $MODEL -b $NANO >&- 2>&- <&-", 0),
        ("$LAB boards show nosuchboard 2>&-", 2),
        ("$LAB boards show nosuchboard 2>/dev/full", 2),
        ("$LAB check $MODEL -b $NANO 2>/dev/full", 0),
        ("$LAB check $MODEL -b $NANO --ram 1K 2>&-", 1),
        ("$LAB boards >/dev/full", 2),
        ("$LAB check $MODEL -b $NANO >/dev/full", 2),
        ("$LAB check $MODEL -b $NANO --json - >/dev/full", 2),
        ("$LAB check $MODEL -b $NANO --json /dev/full", 2),
        ("$LAB check $MODEL -b $NANO --json - </dev/full >/dev/null", 0),
        ("$LAB cache clear <&-", 2),
        ("$LAB check /dev/stdin -b $NANO < $MODEL", 0),
        ("cat $MODEL | $LAB check /dev/stdin -b $NANO", 3),
        ("$LAB check $'\\xff\\xfe.tflite' -b $NANO", 3),
        ("$LAB check $MODEL -b $'\\xff\\xfe.yaml'", 3),
        ("$LAB check $MODEL -b $NANO --opt $'\\xff'", 2),
        ("$LAB check $MODEL -b $NANO --json $'\\xff.json' && test -s $'\\xff.json'", 0),
        ("$LAB build $MODEL -b $NANO -o $'a\\nb\\xff.elf' && test -s $'a\\nb\\xff.elf'", 0),
        ("mkfifo f; $LAB check $MODEL -b $NANO --json f", 2),
        ("mkfifo f; $LAB build $MODEL -b $NANO -o f", 2),
        ("mkfifo f; cat f >got & $LAB check $MODEL -b $NANO --json f && wait && test -s got", 0),
    ],
)  # fmt: skip
def test_streams_and_names(script: str, code: int, tmp_path: Path) -> None:
    ran = shell(script, tmp_path)
    well_said(ran, {code}) if "2>" not in script else no_traceback(ran)
    assert ran.code == code, ran


def test_only_a_result_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text("of yesterday" * 10_000)
    for record in (old, new):
        ran = lab("check", tmp_path / "none.tflite", "-b", NANO, "--json", record)
        assert ran.code == 3
    assert old.read_text() == "of yesterday" * 10_000
    assert not new.exists()
    for record in (old, new):
        assert lab(*CHECK, "--json", record).code == 0
        assert json.loads(record.read_text())["verdict"]["status"] == "fits"


def test_a_pipe_is_written_to_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    ran = lab(*CHECK, "--json", pipe)
    reader.join()
    assert ran.code == 0
    assert got[0].decode() == lab(*CHECK, "--json", "-").out
