"""Builds the stand-in for TFLM of August 2026, with the compiler and for any core of the lab."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.cache import Cache, key
from lab.cores import CORES, Core
from lab.generations import GENERATIONS
from lab.toolchain import find_toolchain

ROOT = Path(__file__).with_name("fake_tflm_2026")
TREE = ROOT / "tree"
_FLAGS = (
    "-std=c++17", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics", "-funsigned-char",
    "-ffunction-sections", "-fdata-sections", "-w",
)  # fmt: skip
_DOWNLOADS = TREE / "tensorflow/lite/micro/tools/make/downloads"
_INCLUDES = (f"-I{TREE}", f"-I{_DOWNLOADS / 'flatbuffers/include'}", f"-I{_DOWNLOADS / 'gemmlowp'}")


@dataclass(frozen=True)
class Variant:
    """How it is built, as the Makefile of the real one would.

    Attributes:
        core: flags of the processor.
        defines: macros.
        opt: optimisation level.
        more: further flags.
    """

    core: tuple[str, ...] = CORES["cortex-m4f"].flags
    defines: tuple[str, ...] = ("TF_LITE_STATIC_MEMORY", "TF_LITE_MCU_DEBUG_LOG", "NDEBUG")
    opt: str = "-Os"
    more: tuple[str, ...] = ()


def for_core(core: Core, *more: str) -> Variant:
    """With the flags of one of the lab's cores; ``more`` are further macros."""
    return Variant(core.flags, (*Variant.defines, *more))


def build(variant: Variant = Variant()) -> Path:
    """The static library, from the cache when it was built before."""

    def make(to: Path) -> None:
        chain = find_toolchain()
        flags = [*variant.core, variant.opt, *_FLAGS, *variant.more, *_INCLUDES,
                 *(f"-D{define}" for define in variant.defines)]  # fmt: skip
        objects = []
        for source in sorted((ROOT / "src").glob("*.cc")):
            objects.append(f"{source.stem}.o")
            _run([chain.gxx, *flags, "-c", str(source), "-o", objects[-1]], to)
        archive(objects, to / "libtensorflow-microlite.a", to)

    return Cache().get_or_build("fakes", key(ROOT, repr(variant), Path(__file__)), make) / (
        "libtensorflow-microlite.a"
    )


def archive(objects: Sequence[str], to: Path, where: Path) -> None:
    """Put object files into a static library."""
    _run([find_toolchain().ar, "rcsD", str(to), *objects], where)


def _run(command: Sequence[str], where: Path) -> None:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# The least that is taken for TFLM: the symbols by which a library is recognised, and no more.
STUB = """
#define SYMBOL(name, symbol) extern "C" void name() __asm__(symbol);
SYMBOL(constructor, "{constructor}")
SYMBOL(allocator, "_ZN6tflite14MicroAllocator20StartModelAllocationEPKNS_5ModelE")
SYMBOL(print, "_Z11MicroPrintfPKcz")
extern "C" void print() {{}}
extern "C" void constructor() {{ print(); }}
extern "C" void allocator() {{ print(); }}
enum Small {{ kOne }} small;
extern "C" float twice(float x) {{ return 2 * x; }}
"""


def stub(where: Path, *flags: str, api: str = "2026-08", name: str = "stub.a") -> Path:
    """A library of one object file, compiled with these flags, in a directory."""
    where.mkdir(parents=True, exist_ok=True)
    (where / "stub.cc").write_text(STUB.format(constructor=GENERATIONS[api].constructor))
    _run([find_toolchain().gxx, *flags, "-c", "stub.cc", "-o", "stub.o"], where)
    (where / name).unlink(missing_ok=True)
    archive(["stub.o"], where / name, where)
    return where / name
