"""What the lab must know of TFLM's insides: symbols to stop at, structures to read.

Names are those of the July 2020 tree; offsets come from the image's own DWARF, never from a table.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.elf import Image
from lab.engines.base import Engine
from lab.measure.guest import read_word

INVOKE = "_ZN6tflite16MicroInterpreter6InvokeEv"
CONSTRUCTOR = (
    "_ZN6tflite16MicroInterpreterC1EPKNS_5ModelERKNS_15MicroOpResolverEPhjPNS_13ErrorReporterE"
)
ADD_BUFFER = "_ZN6tflite19GreedyMemoryPlanner9AddBufferEPNS_13ErrorReporterEiii"

STRUCTS = (
    "LabMailbox",
    "tflite::MicroInterpreter",
    "tflite::MicroAllocator",
    "tflite::SimpleMemoryAllocator",
    "tflite::internal::ContextHelper",
    "tflite::NodeAndRegistration",
    "TfLiteRegistration",
)

Offsets = dict[str, dict[str, int]]


def read_offsets(image: Image) -> Offsets:
    """Field offsets (and ``sizeof``) of every structure the lab reads, from the DWARF."""
    return {name: image.struct_layout(name) for name in STRUCTS}


@dataclass(frozen=True)
class ArenaParts:
    """How a finished allocation divides the arena.

    Attributes:
        persistent: bytes at the tail: structures, kernel data, variables.
        non_persistent: bytes at the head: planned activations and scratch buffers.
    """

    persistent: int
    non_persistent: int


@dataclass(frozen=True)
class Interpreter:
    """A MicroInterpreter in the memory of the emulated device."""

    engine: Engine
    offsets: Offsets
    address: int

    def arena_parts(self) -> ArenaParts:
        """Head and tail use, read from the allocator's pointers."""
        allocator = self._word(
            self.address
            + self._field("MicroInterpreter", "allocator_")
            + self._field("MicroAllocator", "memory_allocator_")
        )
        head, tail, start, end = (
            self._word(allocator + self._field("SimpleMemoryAllocator", name))
            for name in ("head_", "tail_", "buffer_head_", "buffer_tail_")
        )
        return ArenaParts(persistent=end - tail, non_persistent=head - start)

    def invoke_functions(self, operators: int) -> list[int]:
        """Entry address of each operator's kernel, without the Thumb bit; 0 where it has none."""
        nodes = self._word(
            self.address + self._field("MicroInterpreter", "node_and_registrations_")
        )
        stride = self._field("NodeAndRegistration", "sizeof")
        to_registration = self._field("NodeAndRegistration", "registration")
        to_invoke = self.offsets["TfLiteRegistration"]["invoke"]
        registrations = [self._word(nodes + i * stride + to_registration) for i in range(operators)]
        return [self._word(address + to_invoke) & ~1 for address in registrations]

    def current_node(self) -> int | None:
        """Operator being initialised or prepared, by the interpreter's own note."""
        helper = self.address + self._field("MicroInterpreter", "context_helper_")
        node = self._word(helper + self.offsets["tflite::internal::ContextHelper"][
            "current_node_idx_"])  # fmt: skip
        return None if node == 0xFFFFFFFF else node

    def _field(self, struct: str, name: str) -> int:
        return self.offsets[f"tflite::{struct}"][name]

    def _word(self, address: int) -> int:
        return read_word(self.engine, address, "its interpreter")
