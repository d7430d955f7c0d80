"""A small firmware image as a user may have it, with something large planted in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.cores import CORES
from lab.toolchain import find_toolchain

TABLE_BYTES = 30 * 1024
MODEL_BYTES = 2048
MAIN = """
#include <stdlib.h>
#include <string.h>
#include <math.h>
extern const unsigned char sine_table[];
extern const unsigned char model[];
static volatile char work[200];
volatile double half = 0.5;
static int chosen(int n) { return work[n % sizeof work]; }
int main(void) {
  memset((char *)work, model[3], sizeof work);
  return chosen(sine_table[(int)(exp(half) * 100)]) + atoi("twelve dozen of them");
}
void Reset_Handler(void) { main(); for (;;) ; }
__attribute__((section(".vectors"), used)) void *const vectors[] = {(void *)0x20001000,
                                                                     (void *)Reset_Handler};
"""
TABLE = f"""
#ifndef TABLE_IN_RAM
const
#endif
unsigned char sine_table[{TABLE_BYTES}] = {{1, 2, 3}};
"""
MODEL = f'const unsigned char model[{MODEL_BYTES}] = "\\x1c\\0\\0\\0TFL3";\n'
SCRIPT = """
SECTIONS {{
  .text {flash:#x} : {{ KEEP(*(.vectors)) *(.text .text.*) *(.rodata .rodata.*) }}
  .ARM.exidx : {{ *(.ARM.exidx*) }}
  .data {ram:#x} : AT({flash:#x} + {load:#x}) {{ *(.data .data.*) . = ALIGN(4); }}
  .bss (NOLOAD) : {{ *(.bss .bss.*) *(COMMON) }}
  .heap (NOLOAD) : {{ end = .; . += {heap}; }}
}}
"""


def firmware(
    where: Path, *flags: str, flash: int = 0x08000000, ram: int = 0x20000000, heap: int = 1024,
    model: Path | None = None,
) -> Path:  # fmt: skip
    """Compile and link it.

    Args:
        where: directory for it; the sources lie in ``app`` there.
        flags: further ones, ``-g`` say.
        flash: address of the code.
        ram: address of .data.
        heap: bytes kept for it.
        model: file that defines ``model`` instead of a C array.
    """
    (where / "app" / "dsp").mkdir(parents=True, exist_ok=True)
    sources = {"app/main.c": MAIN, "app/dsp/sine_table.c": TABLE, "app/model.c": MODEL}
    for name, text in sources.items():
        (where / name).write_text(text)
    files = ["app/main.c", model or "app/model.c", "app/dsp/sine_table.c"]
    script = SCRIPT.format(flash=flash, ram=ram, load=0x20000, heap=heap)
    (where / "user.ld").write_text(script)
    command = [
        find_toolchain().gcc, *CORES["cortex-m4f"].flags, "-O2", "--specs=nano.specs",
        "--specs=nosys.specs", "-nostartfiles", "-ffunction-sections", "-fdata-sections",
        "-Wl,--gc-sections", "-Wl,-e,Reset_Handler", "-Wl,--no-warn-rwx-segments", "-w",
        *flags, "-T", "user.ld", *files, "-lm", "-o", "firmware.elf",
    ]  # fmt: skip
    subprocess.run(command, cwd=where, check=True, capture_output=True)
    return where / "firmware.elf"
