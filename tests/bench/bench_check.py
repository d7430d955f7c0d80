"""What a warm ``lab check`` costs next to what it cannot do without.

    python tests/bench/bench_check.py

A warm check of the keyword spotter (images in the cache) against one plain inference (bare Unicorn,
no hooks) plus the start of the command (everything loaded, ending at a model that is not there).
The three are run in turn, so that a busy machine hurts all of them alike.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import bench_meter

from lab import check
from lab.cache import Cache
from lab.cores import CORES
from lab.elf import Image, read_elf
from lab.firmware import Builder, Layout, Recipe, Span
from lab.jobs.plan import arena_base, footprint
from lab.measure.ops import read_table, registrations
from lab.measure.tflm import read_offsets
from lab.model import read_model
from lab.runtimes import load_runtime
from lab.toolchain import find_toolchain
from lab.zoo import model_path

BOARD, MODEL, ROUNDS = "arduino_nano33ble_sense", model_path("keyword_spotter"), 9


def runner_image() -> tuple[Image, dict[int, int]]:
    """The keyword spotter's firmware, and the words its mailbox needs to run once."""
    result = check(MODEL, BOARD)
    assert result.arena
    model, runtime = read_model(MODEL), load_runtime()
    layout = Layout(Span(0, 1 << 20), Span(0x20000000, 1 << 20), stack_top=0x20400000)
    wanted = registrations(model, read_table(runtime.operator_table))
    recipe = Recipe(model.data, wanted, runtime, CORES["cortex-m4f"], "O2")
    image = read_elf(Builder(find_toolchain(), Cache(), lambda _: None).image(recipe, layout))
    mailbox, offsets = image.symbols["lab_mailbox"].address, read_offsets(image)["LabMailbox"]
    values = {
        "arena": arena_base(footprint(image, layout).static, layout),
        "arena_bytes": result.arena.required_bytes,
        "invokes": 1,
        "seed": 1,
    }
    return image, {mailbox + offsets[name]: value for name, value in values.items()}


def measure() -> dict[str, float]:
    """Median seconds, their ratio, and the memory of the largest process."""
    image, words = runner_image()
    inference = bench_meter.plain(image, words, empty_hook=False)
    rows = []
    for number in range(ROUNDS + 1):
        warm = seconds(lambda: command("check", str(MODEL), "--board", BOARD, "--json", "-"))
        plain = seconds(inference)
        start = seconds(lambda: command("check", "no-such-model", "--board", BOARD))
        if number:
            rows.append((warm, plain, start))
    warm, plain, start = (statistics.median(column) for column in zip(*rows, strict=True))
    return {
        "warm check, seconds": warm,
        "one plain inference, seconds": plain,
        "start of the command, seconds": start,
        "warm check / (inference + start)": statistics.median(w / (p + s) for w, p, s in rows),
        "largest process, MB": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000,
    }


def measure_views() -> dict[str, float]:
    """Median ratios of the commands that take a check apart to the plain check."""
    views = {"lab arena": ["arena"], "lab profile": ["profile"]}
    ratios: dict[str, list[float]] = {name: [] for name in views}
    for number in range(ROUNDS + 1):
        plain = seconds(lambda: command("check", str(MODEL), "--board", BOARD))
        for name, words in views.items():
            taken = seconds(partial(command, *words, str(MODEL), "--board", BOARD))
            if number:
                ratios[name].append(taken / plain)
    return {f"{name} / plain check": statistics.median(values) for name, values in ratios.items()}


def command(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab", *arguments], check=False, capture_output=True
    )
    assert done.returncode in (0, 3), done.stderr


def seconds(action: Callable[[], None]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def main() -> None:
    for name, value in (measure() | measure_views()).items():
        print(f"{name:36} {value:,.2f}")


if __name__ == "__main__":
    main()
