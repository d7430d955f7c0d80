"""What a warm ``lab check`` costs next to what it cannot do without.

``python tests/bench/bench_check.py`` prints the ratio of a warm check of the keyword spotter to one
plain inference (no hooks) plus the start of the command, and the memory of the measuring process.
Runs are interleaved, so that a machine that changes its speed changes both sides.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

from unicorn import UC_ARCH_ARM, UC_MODE_THUMB, Uc, arm_const

from lab import check
from lab.board import load_board
from lab.cache import Cache
from lab.cores import CORES
from lab.elf import Image, read_elf
from lab.firmware import WINDOW, Builder, Recipe
from lab.jobs.plan import arena_base, footprint, probe_layout
from lab.measure.ops import read_table, registrations
from lab.measure.tflm import read_offsets
from lab.model import read_model
from lab.runtimes import load_runtime
from lab.toolchain import find_toolchain
from lab.zoo import model_path

BOARD, MODEL, ROUNDS = "arduino_nano33ble_sense", model_path("keyword_spotter"), 9


def command(*arguments: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "lab", *arguments], check=True, capture_output=True)
    return time.perf_counter() - begin


def prepare() -> tuple[Image, int, int]:
    """The probe image, where its arena goes, and how large it must be."""
    result = check(MODEL, BOARD)
    assert result.arena
    board, model, runtime = load_board(BOARD), read_model(MODEL), load_runtime()
    layout = probe_layout(board, model)
    recipe = Recipe(
        model.data, registrations(model, read_table(runtime.operator_table)), runtime,
        CORES[board.core], "O2",
    )  # fmt: skip
    elf = Builder(find_toolchain(), Cache(), lambda _: None).image(recipe, layout)
    image = read_elf(elf)
    base = arena_base(footprint(image, layout).static, layout)
    return image, base, result.arena.required_bytes


def plain(image: Image, arena: int, size: int) -> float:
    """One inference on bare Unicorn: no hook, no metering, no limits."""
    uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB)
    uc.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
    uc.mem_map(0, 8 << 20)
    uc.mem_map(0x20000000, 96 << 20)
    uc.mem_map(WINDOW.base, WINDOW.size)
    uc.mem_map(0xE0000000, 1 << 20)
    for segment in image.segments:
        uc.mem_write(segment.address, segment.data)
    mailbox = image.symbols["lab_mailbox"].address
    offsets = read_offsets(image)["LabMailbox"]
    for name, value in {"arena": arena, "arena_bytes": size, "invokes": 1, "seed": 1}.items():
        uc.mem_write(mailbox + offsets[name], value.to_bytes(4, "little"))
    vectors = uc.mem_read(image.symbols["vector_table"].address, 8)
    uc.reg_write(arm_const.UC_ARM_REG_SP, int.from_bytes(vectors[:4], "little"))
    begin = time.perf_counter()
    uc.emu_start(int.from_bytes(vectors[4:], "little"), image.symbols["lab_end"].address)
    return time.perf_counter() - begin


def main() -> None:
    image, base, size = prepare()
    rows = []
    for _ in range(ROUNDS):
        warm = command("check", str(MODEL), "--board", BOARD, "--json", "-")
        start = command("check", "--help")
        rows.append((warm, plain(image, base, size), start))
    warm, inference, start = (statistics.median(column) for column in zip(*rows, strict=True))
    ratio = statistics.median(w / (i + s) for w, i, s in rows)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"warm check {warm:.2f} s; one plain inference {inference:.2f} s; start {start:.2f} s")
    print(f"ratio {ratio:.2f} (goal: at most 2)")
    print(f"largest process of a check: {peak:.0f} MiB (goal: below 200)")


if __name__ == "__main__":
    main()
