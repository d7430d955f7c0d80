"""What measuring costs: the full meter against an empty C block hook and against plain Unicorn.

    python tests/bench/bench_meter.py [IMAGE.elf]

Without an image it compiles an int8 convolution in the style of TFLM's reference kernels. An image
runs from reset until it ends in an endless loop, on 4 MiB of RAM at 0x20000000 and at 0xdfff0000.
The three are run in turn, so that a busy machine hurts all of them alike.
"""

from __future__ import annotations

import ctypes
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import unicorn
from unicorn import arm_const
from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import uclib

from lab.cores import CORES
from lab.elf import Image, read_elf
from lab.engines import _meter
from lab.engines.base import Machine, Region, StopReason
from lab.engines.unicorn_engine import UnicornEngine

ROUNDS = 11
Words = Mapping[int, int]
NOTHING: Words = {}
CORE = CORES["cortex-m4f"]
PROGRAM = r"""
#include <stdint.h>
#define H 24
#define W 24
#define C 16
static int8_t in[H * W * C], out[H * W * C], filter[C * 9 * C];
static int32_t bias[C], multiplier[C];
static int32_t scale(int64_t x, int32_t m) { return (int32_t)((x * m + (1 << 30)) >> 31); }
__attribute__((noinline)) static void conv(void) {
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++)
      for (int o = 0; o < C; o++) {
        int32_t acc = 0;
        for (int fy = 0; fy < 3; fy++)
          for (int fx = 0; fx < 3; fx++) {
            int iy = y + fy - 1, ix = x + fx - 1;
            if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue;
            for (int i = 0; i < C; i++)
              acc += (in[(iy * W + ix) * C + i] + 128) * filter[((o * 3 + fy) * 3 + fx) * C + i];
          }
        acc = scale(acc + bias[o], multiplier[o]);
        out[(y * W + x) * C + o] = acc < -128 ? -128 : acc > 127 ? 127 : acc;
      }
}
__attribute__((noinline)) static void pad(void) {
  for (int i = 0; i < H * W * C; i++) in[i] = out[i] + (i & 3);
}
void start(void) {
  for (int i = 0; i < C * 9 * C; i++) filter[i] = i * 7;
  for (int i = 0; i < C; i++) bias[i] = i * 100, multiplier[i] = 1 << 22;
  for (int n = 0; n < 6; n++) { conv(); pad(); }
  for (;;) ;
}
__attribute__((section(".vectors"), used)) void *const vectors[] = {(void *)0x20010000, start};
"""
SCRIPT = """
SECTIONS {
  .text 0x08000000 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) }
  .bss 0x20000000 (NOLOAD) : { *(.bss*) *(COMMON) }
}
"""


def compiled() -> Image:
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        (at / "p.c").write_text(PROGRAM)
        (at / "p.ld").write_text(SCRIPT)
        command = ["arm-none-eabi-gcc", *CORE.flags, "-O2", "-g", "-nostdlib", "-ffreestanding"]
        subprocess.run([*command, "-T", "p.ld", "p.c", "-o", "p.elf"], cwd=at, check=True)
        return read_elf(at / "p.elf")


def machine(image: Image) -> Machine:
    base = min(segment.address for segment in image.segments)
    return Machine(
        CORE,
        (
            Region("flash", base, 4 << 20, writable=False, executable=True),
            Region("ram", 0x20000000, 4 << 20, writable=True, executable=False),
            Region("lab", 0xDFFF0000, 64 << 10, writable=True, executable=False),
        ),
    )


def poke(write: Callable[[int, bytes], object], words: Words) -> None:
    for address, value in words.items():
        write(address, value.to_bytes(4, "little"))


def plain(image: Image, words: Words, *, empty_hook: bool) -> Callable[[], None]:
    """A run on Unicorn alone up to the endless loop."""
    engine = UnicornEngine()
    base = min(segment.address for segment in image.segments)
    engine.load(machine(image), image.segments, base)
    poke(engine.write, words)
    stop = engine.run((), instructions=1 << 62, seconds=600)
    assert stop.reason is StopReason.HALTED, stop
    uc = unicorn.Uc(const.UC_ARCH_ARM, const.UC_MODE_THUMB)
    uc.ctl_set_cpu_model(getattr(arm_const, CORE.unicorn_model))
    for region in machine(image).regions:
        uc.mem_map(region.base, region.size)
    uc.mem_map(0xE0000000, 0x10000)
    for segment in image.segments:
        uc.mem_write(segment.address, segment.data)
    if empty_hook:
        hook = ctypes.c_size_t()
        address = ctypes.c_void_p(_meter.empty_hook_address())
        everywhere = (ctypes.c_uint64(1), ctypes.c_uint64(0))
        uclib.uc_hook_add(
            uc._uch, ctypes.byref(hook), const.UC_HOOK_BLOCK, address, None, *everywhere
        )
    vectors = engine.read(base, 8)
    fresh = uc.context_save()

    def run() -> None:
        uc.context_restore(fresh)
        poke(uc.mem_write, words)
        uc.reg_write(arm_const.UC_ARM_REG_SP, int.from_bytes(vectors[:4], "little"))
        uc.emu_start(int.from_bytes(vectors[4:], "little") | 1, stop.pc)

    return run


def metered(image: Image, words: Words) -> tuple[Callable[[], None], UnicornEngine]:
    engine = UnicornEngine()
    engine.load(machine(image), image.segments, min(s.address for s in image.segments))

    def run() -> None:
        engine.reset()
        poke(engine.write, words)
        stop = engine.run((), instructions=1 << 62, seconds=600, stack_limit=0x20000000)
        assert stop.reason is StopReason.HALTED, stop

    return run, engine


def measure(image: Image, words: Words = NOTHING) -> dict[str, float]:
    """Median seconds of each, and the ratios that matter.

    Args:
        image: ends in an endless loop.
        words: what to put in memory before each run, by address.
    """
    full, engine = metered(image, words)
    runs = {
        "plain": plain(image, words, empty_hook=False),
        "empty hook": plain(image, words, empty_hook=True),
        "full meter": full,
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if round_number:  # the first one translates and decodes
                seconds[name].append(time.perf_counter() - start)
    result = {name: statistics.median(values) for name, values in seconds.items()}
    pairs = (("empty hook", "full meter"), ("plain", "full meter"), ("plain", "empty hook"))
    for fast, slow in pairs:
        ratios = (a / b for a, b in zip(seconds[fast], seconds[slow], strict=True))
        result[f"{slow} / {fast} speed"] = statistics.median(ratios)
    rows = engine.profile()
    blocks = sum(row[4] for row in rows)
    instructions = engine.totals().instructions
    result |= {"instructions": instructions, "instructions per block": instructions / blocks}
    result["metered MIPS"] = instructions / result["full meter"] / 1e6
    return result


def main() -> None:
    image = read_elf(sys.argv[1]) if len(sys.argv) > 1 else compiled()
    for name, value in measure(image).items():
        print(f"{name:32} {value:,.3f}")


if __name__ == "__main__":
    main()
