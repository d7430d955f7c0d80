"""Small guest programs of the tests, in assembly or C, and the machine they run on."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from lab.cores import CORES, Core
from lab.elf import Image, read_elf
from lab.engines.base import Machine, Region, Stop
from lab.engines.unicorn_engine import UnicornEngine

CORE = CORES["cortex-m4f"]
FLASH, RAM, TOP = 0x08000000, 0x20000000, 0x20001000
CODE = FLASH + 8
NOTHING = 0x30000010  # not what a MOV can load
MACHINE = Machine(
    CORE,
    (
        Region("flash", FLASH, 16 << 10, writable=False, executable=True),
        Region("ram", RAM, 4 << 10, writable=True, executable=False),
        Region("code ram", 0x10000000, 1 << 10, writable=True, executable=True),
    ),
)
SCRIPT = "SECTIONS { .text 0x08000000 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } }"
ENABLE_FPU = """
    ldr r0, =0xe000ed88
    ldr r1, [r0]
    orr r1, #0xf00000
    str r1, [r0]
    dsb
    isb
"""  # 6 instructions, 2 + 2 + 1 + 1 + 1 + 1 cycles
END = "\n bkpt 0\n"  # never counted: it is the first instruction not executed


def machine_of(core: Core) -> Machine:
    """The same memory around another core."""
    return replace(MACHINE, core=core)


@lru_cache(maxsize=256)
def linked(source: str, suffix: str = "s", core: Core = CORE) -> Image:
    """Compile and link one file."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        (at / f"p.{suffix}").write_text(source)
        (at / "p.ld").write_text(SCRIPT)
        command = ["arm-none-eabi-gcc", *core.flags, "-O1", "-g", "-nostdlib", "-ffreestanding"]
        command += ["-fno-omit-frame-pointer", "-T", "p.ld", f"p.{suffix}", "-o", "p.elf"]
        subprocess.run(command, cwd=at, check=True, capture_output=True)
        return read_elf(at / "p.elf")


def assembled(source: str, core: Core = CORE) -> Image:
    """A program from the reset handler's instructions."""
    return linked(
        f""".syntax unified
        .section .vectors, "ax"
        .word {TOP}, start
        .text
        .thumb_func
        start: {source}
        .ltorg
        """,
        core=core,
    )


def compiled(source: str, core: Core = CORE) -> Image:
    """A program from C with a function ``start``."""
    vectors = f"""
        extern void start(void);
        __attribute__((section(".vectors"), used)) void *const vectors[] = {{(void *){TOP}, start}};
    """
    return linked(source + vectors, "c", core)


def loaded(image: Image, machine: Machine = MACHINE) -> UnicornEngine:
    """An engine with the program, at reset."""
    engine = UnicornEngine()
    blobs = list(image.segments)
    engine.load(machine, blobs, FLASH)
    return engine


def run(
    engine: UnicornEngine,
    *until: int,
    instructions: int = 10**7,
    seconds: float = 60.0,
    stack_limit: int = 0,
) -> Stop:
    """Run with limits that no test reaches by accident."""
    return engine.run(until, instructions=instructions, seconds=seconds, stack_limit=stack_limit)


def finished(source: str) -> UnicornEngine:
    """After a run up to the breakpoint at the end."""
    engine = loaded(assembled(source + END))
    at_the_end(run(engine))
    return engine


def at_the_end(stop: Stop) -> None:
    """It stopped at the breakpoint."""
    assert stop.fault is not None
    assert stop.fault.kind == "breakpoint"
