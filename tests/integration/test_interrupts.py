"""Ended from outside at any moment: the documented code, nothing half-made, no process left."""

from __future__ import annotations

import os
import select
import signal
import sys
import sysconfig
from pathlib import Path
from random import Random

import pytest
from processes import Watched, watched
from support import NANO, ROOT, Ran

from lab.cache import ROOT_VARIABLE, Cache
from lab.zoo import model_path

TINY = model_path("tiny_float")
# The command as pip installs it, and as a module: their imports begin differently.
COMMANDS: tuple[list[str | Path], ...] = (
    [f"{sysconfig.get_path('scripts')}/lab"],
    [sys.executable, "-m", "lab"],
)
WHOLE = 4.0  # seconds; about as long as a check takes that has to link its image


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that holds sources and libraries, but no image: part of a check is building."""
    root = tmp_path / "cache"
    for kind in ("crates", "libraries"):
        root.mkdir(exist_ok=True)
        (root / kind).mkdir()
        for entry in Cache().entries():
            if entry.kind == kind:
                (root / kind / entry.key).symlink_to(entry.path)
    return root


def ended(running: Watched, after: float, by: signal.Signals) -> Ran:
    """Wait so long, or for its end; send the signal to all of its group, as a terminal does."""
    end = select.poll()
    descriptor = os.pidfd_open(running.process.pid)
    end.register(descriptor, select.POLLIN)
    if not end.poll(after * 1000):
        os.killpg(running.process.pid, by)
    os.close(descriptor)
    ran = running.finish()
    running.nothing_is_left()
    return ran


def well_ended(ran: Ran, by: signal.Signals) -> None:
    if ran.code in {0, 128 + by}:
        assert "Traceback" not in ran.err, ran
        assert ran.code == 0 or by == signal.SIGTERM or ran.problems[-1] == "lab: interrupted"
    elif ran.code == -by:  # before the lab could begin
        assert "Traceback" not in ran.err or by == signal.SIGINT, ran
    else:  # Python itself, in its own start-up: none of our code has run
        assert ran.code == 1, ran
    assert str(ROOT / "lab") not in ran.err, ran


def moments(count: int, seed: int) -> list[float]:
    """Half of them in the first 0.3 s, in which everything is imported; the others anywhere."""
    random = Random(seed)
    early = [random.uniform(0, 0.3) for _ in range(count // 2)]
    return early + [random.uniform(0.3, WHOLE) for _ in range(count - count // 2)]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("count", "seed"), [(6, 1), pytest.param(80, 2, marks=pytest.mark.slow)])
def test_a_signal_at_any_moment(cache: Path, count: int, seed: int, by: signal.Signals) -> None:
    for number, moment in enumerate(moments(count, seed)):
        command: list[str | Path] = [*COMMANDS[number % 2], "check", TINY, "-b", NANO]
        with watched(command, env={ROOT_VARIABLE: cache}) as running:
            ran = ended(running, moment, by)
        well_ended(ran, by)
        assert list(cache.glob("*/*.partial*")) == [], moment
        for kind in ("resolvers", "images", "offsets"):  # what is there is whole
            for entry in cache.glob(f"{kind}/*"):
                assert any(entry.iterdir()), (moment, entry)
    with watched([*COMMANDS[0], "check", TINY, "-b", NANO], env={ROOT_VARIABLE: cache}) as running:
        assert running.finish().code == 0


def test_nothing_of_ours_is_imported_before_ctrl_c_is_answered() -> None:
    # What a process has imported when the handler is set: a longer list is a longer traceback.
    script = (
        "import sys; before = set(sys.modules); import lab.__main__\n"
        "print(*sorted(name for name in set(sys.modules) - before if name.startswith('lab')))"
    )
    with watched([sys.executable, "-c", script]) as running:
        assert running.finish().err == "lab lab.__main__"


def test_ctrl_c_while_it_is_imported_is_one_line() -> None:
    # The import of Typer takes long; here it is where Ctrl-C comes, for sure.
    script = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from lab.__main__ import main\n"
        "main()"
    )
    with watched([sys.executable, "-c", script]) as running:
        ran = running.finish()
    assert (ran.code, ran.err) == (130, "lab: interrupted")
