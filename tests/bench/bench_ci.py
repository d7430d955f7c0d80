"""What ``lab ci run`` costs next to its checks done one after the other.

    python tests/bench/bench_ci.py

The checks are zoo models on boards with different cores, so that none shares a probe run with
another; images are in the cache. Everything measures who owns every byte, in one process at a time.
One ``lab check`` of all of them shows what judging and writing the results adds. The three are run
in turn, so that a busy machine hurts all of them alike.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

MODELS = ("keyword_spotter", "anomaly_detector", "sensor_fusion", "speech_recognizer")
BOARDS = ("nucleo_l4r5zi", "nucleo_f767zi")
ROUNDS = 3
FILE = f"""\
budgets: {{ram: 1 MiB, flash: [4 MiB, +2 %]}}
checks:
  - models: [{", ".join(MODELS)}]
    boards: [{", ".join(BOARDS)}]
"""


def measure() -> dict[str, float]:
    """Median seconds, and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "lab.yaml").write_text(FILE)
        lab(folder, "ci", "accept")
        rows = [[seconds(partial(way, folder)) for way in (judged, one_by_one, as_a_batch)]
                for _ in range(ROUNDS)]  # fmt: skip
    run, checks, batch = zip(*rows, strict=True)
    return {
        "checks": len(MODELS) * len(BOARDS),
        "lab ci run with one job, seconds": statistics.median(run),
        "its checks one by one, seconds": statistics.median(checks),
        "one lab check of all, seconds": statistics.median(batch),
        "lab ci run / its checks": statistics.median(a / b for a, b, _ in rows),
        "lab ci run / one lab check of all": statistics.median(a / c for a, _, c in rows),
    }


def judged(folder: str) -> None:
    outputs = ("--json", "ci.json", "--junit", "ci.xml", "--html", "ci.html", "--sarif", "s.json")
    lab(folder, "ci", "run", "--jobs", "1", *outputs)


def one_by_one(folder: str) -> None:
    for model in MODELS:
        for board in BOARDS:
            lab(folder, "check", model, "--board", board, "--details")


def as_a_batch(folder: str) -> None:
    boards = (word for board in BOARDS for word in ("--board", board))
    lab(folder, "check", *MODELS, *boards, "--details", "--jobs", "1")


def lab(folder: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab", *arguments], cwd=folder, check=False, capture_output=True
    )
    assert done.returncode in {0, 1}, done.stderr


def seconds(action: Callable[[], None]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def main() -> None:
    for name, value in measure().items():
        print(f"{name:36} {value:,.2f}")


if __name__ == "__main__":
    main()
