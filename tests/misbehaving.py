"""Firmware that looks like the runner's and misbehaves at a place of one's choice.

It has the runner's mailbox and stops, and an interpreter that is hardly one: a test gives the lines
of C++ that run instead of, or in, one of its phases.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

from lab.cores import CORES as LAB_CORES
from lab.elf import Image, read_elf
from lab.engines.base import Machine, Region
from lab.engines.registry import create
from lab.firmware import WINDOW
from lab.measure.inference import Limits, Start
from lab.measure.session import Session
from lab.runner import RUNNER

FLASH, RAM, STACK, TOP = 0x08000000, 0x20000000, 0x20010000, 0x20018000
ARENA, ARENA_BYTES = RAM + 0x8000, 0x4000
NOWHERE = 0x30000000
PLACES = ("boot", "allocate", "describe", "invoke", "kernel", "after")

_SOURCE = r"""
#include "runner.h"
#define USED __attribute__((noinline, used))
typedef void (*Function)();
extern "C" {
__attribute__((section(".lab"), used)) LabMailbox lab_mailbox;
USED void lab_allocated() { asm volatile(""); }
USED void lab_before_invoke() { asm volatile("" ::: "memory"); }
USED void lab_after_invoke() { asm volatile("" ::: "memory"); }
USED void lab_measured() { asm volatile(""); }
USED void lab_end() { for (;;) asm volatile(""); }
USED void DebugLog(const char* text) {
  while (*text && lab_mailbox.log_bytes < kLabLogBytes) {
    lab_mailbox.log[lab_mailbox.log_bytes++] = *text++;
  }
}
volatile uint32_t wild = 0;
volatile uint32_t zero = 0;
// What the lab reads of an interpreter; the test gives the offsets.
struct { uint32_t invoke; } registration;
struct { uint32_t registration; } nodes[1];
struct { uint32_t head, tail, start, end; } memory;
struct { uint32_t allocator, nodes, current; } interpreter;

USED void kernel() {
  uint8_t* data = (uint8_t*)lab_mailbox.arena;
  for (int i = 0; i < 16; ++i) data[16 + i] = data[i] + 1;
  KERNEL;
}
USED void ADD_BUFFER(void*, void*, int, int, int) { asm volatile(""); }
USED int INVOKE() {
  INVOKE_LINES;
  ((Function)(registration.invoke | 1))();
  return 0;
}
USED void CONSTRUCTOR() {
  memory = {lab_mailbox.arena + 32, lab_mailbox.arena + lab_mailbox.arena_bytes - 64,
            lab_mailbox.arena, lab_mailbox.arena + lab_mailbox.arena_bytes};
  registration.invoke = (uint32_t)kernel;
  nodes[0].registration = (uint32_t)&registration;
  interpreter = {(uint32_t)&memory, (uint32_t)nodes, 0};
}
USED int main() {
  BOOT;
  CONSTRUCTOR();
  lab_mailbox.interpreter = (uint32_t)&interpreter;
  ALLOCATE;
  lab_mailbox.inputs = lab_mailbox.outputs = 1;
  lab_mailbox.input[0] = {lab_mailbox.arena, 16};
  lab_mailbox.output[0] = {lab_mailbox.arena + 16, 16};
  DESCRIBE;
  lab_allocated();
  for (uint32_t i = 0; i < lab_mailbox.invokes; ++i) {
    lab_before_invoke();
    lab_mailbox.status = INVOKE();
    AFTER;
    lab_after_invoke();
  }
  lab_measured();
  lab_mailbox.arena_used = 96;
  lab_end();
}
USED void lab_start() {
#if defined(__ARM_FP)
  *(volatile uint32_t*)0xE000ED88 |= 0xFu << 20;
  __asm volatile("dsb\n isb");
#endif
  main();
}
__attribute__((naked)) void Reset_Handler() { __asm volatile("bl lab_start\n b ."); }
__attribute__((section(".vectors"), used)) extern void* const vector_table[];
void* const vector_table[16] = {(void*)TOP, (void*)Reset_Handler};
}
"""
_SCRIPT = f"""
SECTIONS {{
  .text {FLASH:#x} : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) . = ALIGN(4); }}
  .bss {RAM:#x} (NOLOAD) : {{ *(.data*) *(.bss*) *(COMMON) }}
  .lab {WINDOW.base:#x} (NOLOAD) : {{ KEEP(*(.lab)) }}
}}
"""
_SYMBOLS = {
    "INVOKE": "_ZN6tflite16MicroInterpreter6InvokeEv",
    "CONSTRUCTOR": "_ZN6tflite16MicroInterpreterC1EPKNS_5ModelERKNS_15MicroOpResolverEPhjPNS_"
    "13ErrorReporterE",
    "ADD_BUFFER": "_ZN6tflite19GreedyMemoryPlanner9AddBufferEPNS_13ErrorReporterEiii",
}
_OFFSETS = {
    "tflite::MicroInterpreter": {
        "allocator_": 0, "node_and_registrations_": 4, "context_helper_": 8,
    },
    "tflite::MicroAllocator": {"memory_allocator_": 0},
    "tflite::SimpleMemoryAllocator": {
        "head_": 0, "tail_": 4, "buffer_head_": 8, "buffer_tail_": 12,
    },
    "tflite::internal::ContextHelper": {"current_node_idx_": 0},
    "tflite::NodeAndRegistration": {"registration": 0, "sizeof": 4},
    "TfLiteRegistration": {"invoke": 0},
}  # fmt: skip


@functools.cache
def guest(core: str = "cortex-m4f", **lines: str) -> Image:
    """Build it; ``lines`` are C++ statements by the name of their place (``PLACES``)."""
    assert set(lines) <= set(PLACES)
    defines = {place.upper(): lines.get(place, "") for place in PLACES}
    defines["INVOKE_LINES"] = defines.pop("INVOKE")
    defines |= _SYMBOLS | {"TOP": f"{TOP:#x}"}
    text = "".join(f"#define {name} {value}\n" for name, value in defines.items()) + _SOURCE
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        (at / "guest.cc").write_text(text)
        (at / "guest.ld").write_text(_SCRIPT)
        command = ["arm-none-eabi-g++", *LAB_CORES[core].flags, "-O1", "-g", "-std=c++17", "-w"]
        command += ["-nostdlib", "-ffreestanding", "-fno-exceptions", "-fno-builtin", f"-I{RUNNER}"]
        command += ["-T", "guest.ld", "guest.cc", "-lgcc", "-o", "guest.elf"]
        done = subprocess.run(command, cwd=at, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return read_elf(at / "guest.elf")


def session(
    image: Image,
    core: str = "cortex-m4f",
    instructions: int = 2_000_000,
    engine: str = "unicorn",
) -> Session:
    """Load it on a small device, as ``lab.measure.tasks`` does."""
    machine = Machine(
        LAB_CORES[core],
        (
            Region("flash", FLASH, 64 << 10, False, True),
            Region("ram", RAM, 64 << 10, True, False),
            Region("stack", STACK, TOP - STACK, True, False),
            Region("lab window", WINDOW.base, WINDOW.size, True, False),
        ),
    )
    offsets = {"LabMailbox": image.struct_layout("LabMailbox"), **_OFFSETS}
    limits = Limits(instructions=instructions, seconds=60)
    return Session(create(engine), image, machine, offsets, limits)


def start(**more: object) -> Start:
    """Arena and stack of that device; other fields as given."""
    given = {"arena_base": ARENA, "arena_bytes": ARENA_BYTES, "stack_limit": STACK, "operators": 1}
    return Start(**(given | more))  # type: ignore[arg-type]  # what the tests give is right


CORES = ("cortex-m4f", "cortex-m0plus", "cortex-m33f")
M4 = CORES[:1]

# (what it does, place, lines, class, fault, cores)
FAILURES: list[tuple[str, str, str, str, str | None, tuple[str, ...]]] = [
    ("jumps to nothing", "kernel", f"wild = {NOWHERE | 1}; ((Function)wild)()",
     "guest_fault", "fetch_unmapped", CORES),
    ("jumps to an even address", "kernel", "wild = (uint32_t)kernel & ~1; ((Function)wild)()",
     "guest_fault", "invalid_state", CORES),
    ("jumps to an even address of nothing", "kernel", f"wild = {NOWHERE}; ((Function)wild)()",
     "guest_fault", "invalid_state", CORES),
    ("jumps to zero", "kernel", "((Function)wild)()", "guest_fault", "invalid_state", CORES),
    ("returns from no exception", "kernel", 'asm volatile("mvn r0, %0\\n bx r0" :: "r"(6) : "r0")',
     "guest_fault", "exception_return", CORES),
    ("executes its data", "kernel", "wild = 0x4770; ((Function)((uint32_t)&wild | 1))()",
     "guest_fault", "fetch_protected", CORES),
    ("executes its stack", "kernel", "uint32_t code = 0x4770; wild = (uint32_t)&code | 1; "
     "((Function)wild)()", "guest_fault", "fetch_protected", M4),
    ("executes its mailbox", "kernel", "((Function)((uint32_t)&lab_mailbox | 1))()",
     "guest_fault", "fetch_protected", M4),
    ("writes over its vectors", "boot", f"*(volatile uint32_t*){FLASH} = 0",
     "guest_fault", "write_protected", CORES),
    ("writes over its code", "invoke", "*(volatile uint16_t*)((uint32_t)kernel & ~1) = 0",
     "guest_fault", "write_protected", CORES),
    ("writes to nothing", "kernel", f"*(volatile uint32_t*){NOWHERE} = 0",
     "guest_fault", "write_unmapped", CORES),
    ("reads from nothing", "allocate", f"wild = *(volatile uint32_t*){NOWHERE}",
     "guest_fault", "read_unmapped", CORES),
    ("reads past the end of memory", "kernel", f"wild = *(volatile uint8_t*){TOP}",
     "guest_fault", "read_unmapped", M4),
    ("has a breakpoint", "kernel", 'asm volatile("bkpt 0")', "guest_fault", "breakpoint", CORES),
    ("asks a debugger", "allocate", 'asm volatile("bkpt 0xab")',
     "guest_fault", "breakpoint", CORES),
    ("calls a supervisor", "invoke", 'asm volatile("svc 1")',
     "guest_fault", "supervisor_call", CORES),
    ("is no code at all", "kernel", 'asm volatile("udf 1")',
     "guest_fault", "undefined_instruction", CORES),
    ("stops in a loop", "kernel", "for (;;) asm volatile(\"\")", "halted", None, CORES),
    ("stops before it begins", "boot", "for (;;) asm volatile(\"\")", "halted", None, CORES),
    ("calls itself for ever", "kernel", "if (!zero) kernel()", "stack_overflow", None, CORES),
    ("invokes itself for ever", "invoke", "INVOKE()", "stack_overflow", None, M4),
    ("takes the stack at once", "kernel",
     f'asm volatile("sub sp, sp, %0\\n bl main" :: "r"({TOP - STACK}))',
     "stack_overflow", None, M4),
    ("has a stack of its own", "boot", f'asm volatile("mov sp, %0\\n push {{r0}}" :: "r"({RAM}))',
     "guest_fault", "write_unmapped", CORES),
    ("loads words from odd places", "kernel", "wild = *(volatile uint32_t*)(lab_mailbox.arena + 1)",
     "guest_fault", "unaligned", ("cortex-m0plus",)),
]  # fmt: skip

# (what it does, place, lines, phase)
ENDLESS = [
    ("a loop of many instructions", "allocate", "for (;;) wild = wild + 1", "allocate"),
    ("a loop in a kernel", "kernel", "for (;;) wild = wild + 1", "invoke"),
    ("waiting for an interrupt", "kernel", 'for (;;) asm volatile("wfi")', "invoke"),
    ("printing", "kernel", 'for (;;) DebugLog("words without end ")', "invoke"),
    ("planning", "allocate", "for (;;) ADD_BUFFER(0, 0, 1, 2, 3)", "allocate"),
    ("a reset of its own", "kernel", "asm volatile(\"bl Reset_Handler\")", "invoke"),
]  # fmt: skip
