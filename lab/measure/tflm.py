"""What the lab must know of TFLM's insides: symbols to stop at, structures to read.

There is one ``Insides`` for each generation; which one an image has is seen by its symbols. Offsets
come from the image's own DWARF. A library without debug information leaves only the runner's, which
describes what its headers do; where neither names a field, an offset stated in a table stands in if
the generation has one, and what is read by it is checked before it is believed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lab.elf import Image
from lab.engines.base import Engine
from lab.errors import InputError
from lab.generations import GENERATIONS
from lab.measure.guest import LostError, read_word

ALLOCATE = "_ZN6tflite16MicroInterpreter15AllocateTensorsEv"
INVOKE = "_ZN6tflite16MicroInterpreter6InvokeEv"
_NO_INDEX = 0xFFFFFFFF

Offsets = dict[str, dict[str, int]]


@dataclass(frozen=True)
class PlannedBuffer:
    """One buffer as the memory planner was told: bytes, first and last operator that needs it.

    Operators are counted through all subgraphs.
    """

    size: int
    first: int
    last: int


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
class Insides:
    """What is known of one generation.

    Attributes:
        api: its name.
        add_buffer: symbol of the function that tells the memory planner of a buffer.
        allocate: symbol of the function that hands out persistent memory of the arena.
        allocate_temporary: the same for temporary memory; None: ``allocate`` of another allocator.
        preparing: symbols of the functions at whose entry initialising operators begins, and
            preparing them is over: only between the two does the interpreter's note of the current
            operator say anything. None: the note itself tells.
        structs: structures to read, by name; each with offsets known from elsewhere, by field.
        sizes: sizes that structures had where those offsets are from.
    """

    api: str
    add_buffer: str
    allocate: str
    allocate_temporary: str | None
    preparing: tuple[str, str] | None
    structs: Mapping[str, Mapping[str, int]]
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def constructor(self) -> str:
        """Symbol of the interpreter's constructor."""
        return GENERATIONS[self.api].constructor

    def planned_buffer(self, engine: Engine) -> PlannedBuffer:
        """What the memory planner is being told, at the entry of that function."""
        if self.api == "2020-07":
            size, first = (engine.register(name) for name in ("r2", "r3"))
            last = read_word(engine, engine.register("sp"), "its stack")
            return PlannedBuffer(size, first, last)
        # Time 0 is when the inputs are written, operator i runs at i + 1.
        size, first, last_used = (engine.register(name) for name in ("r1", "r2", "r3"))
        first = max(0, first - 1)
        return PlannedBuffer(size, first, max(first, last_used - 1))


_QUANTIZATION = {"scale": 0, "zero_point": 4}
# What only details need has known offsets in both: the runner's headers do not have all of it.
_2020 = Insides(
    api="2020-07",
    add_buffer="_ZN6tflite19GreedyMemoryPlanner9AddBufferEPNS_13ErrorReporterEiii",
    allocate="_ZN6tflite21SimpleMemoryAllocator16AllocateFromTailEjj",
    allocate_temporary=None,
    preparing=None,
    structs={
        "tflite::MicroInterpreter": {},
        "tflite::MicroAllocator": {},
        "tflite::SimpleMemoryAllocator": {},
        "tflite::internal::ContextHelper": {},
        "tflite::NodeAndRegistration": {},
        "TfLiteRegistration": {},
        "TfLiteTensor": {
            "type": 0, "data": 4, "dims": 8, "quantization.params": 52, "sizeof": 64,
        },
        "TfLiteAffineQuantization": _QUANTIZATION,
        "tflite::internal::ScratchBufferHandle": {"data": 0, "node_idx": 8, "sizeof": 12},
        "tflite::AllocationInfo": {
            "bytes": 0, "needs_allocating": 12, "output_ptr": 16, "sizeof": 20,
        },
        "tflite::GreedyMemoryPlanner": {
            "max_buffer_count_": 4, "requirements_": 12, "buffer_offsets_": 32,
        },
    },
    sizes={
        "TfLiteTensor": 64, "TfLiteAffineQuantization": 12, "tflite::AllocationInfo": 20,
        "tflite::internal::ScratchBufferHandle": 12, "tflite::GreedyMemoryPlanner": 40,
    },
)  # fmt: skip
# Offsets of August 2026 with TF_LITE_STATIC_MEMORY, walked and compared on a running model; names
# of fields as in its headers.
_2026 = Insides(
    api="2026-08",
    add_buffer="_ZN6tflite19GreedyMemoryPlanner9AddBufferEiii",
    allocate="_ZN6tflite26SingleArenaBufferAllocator24AllocatePersistentBufferEjj",
    allocate_temporary="_ZN6tflite26SingleArenaBufferAllocator12AllocateTempEjj",
    preparing=(
        "_ZN6tflite21MicroInterpreterGraph13InitSubgraphsEv",
        "_ZN6tflite14MicroAllocator22CommitStaticMemoryPlanEPKNS_5ModelEPNS_19SubgraphAllocations"
        "EPNS_19ScratchBufferHandleE",
    ),
    structs={
        "tflite::MicroInterpreter": {
            "allocator_": 108, "graph_": 112, "scratch_buffer_handles_": 152,
            "input_tensors_": 156, "output_tensors_": 160,
        },
        "tflite::MicroInterpreterGraph": {
            "subgraph_allocations_": 16, "current_subgraph_index_": 20,
            "current_operator_index_": 24,
        },
        "tflite::MicroAllocator": {
            "non_persistent_buffer_allocator_": 4, "persistent_buffer_allocator_": 8,
            "builtin_data_allocator_": 12, "memory_planner_": 16,
        },
        "tflite::SingleArenaBufferAllocator": {
            "buffer_head_": 8, "buffer_tail_": 12, "head_": 16, "tail_": 20,
        },
        "tflite::SubgraphAllocations": {"node_and_registrations": 0, "tensors": 4},
        "tflite::NodeAndRegistration": {
            "node.user_data": 12, "node.builtin_data": 16, "registration": 28, "sizeof": 32,
        },
        "TFLMRegistration": {"invoke": 12},
        "TfLiteEvalTensor": {"data": 0, "dims": 4, "type": 8, "sizeof": 12},
        "TfLiteTensor": {"quantization.params": 4, "data": 16},
        "TfLiteAffineQuantization": _QUANTIZATION,
        "tflite::ScratchBufferHandle": {"data": 0, "sizeof": 4},
        "tflite::AllocationInfo": {
            "bytes": 0, "output_ptr": 4, "needs_allocating": 20, "sizeof": 24,
        },
        "tflite::GreedyMemoryPlanner": {
            "max_buffer_count_": 4, "requirements_": 12, "buffer_offsets_": 36,
        },
    },
    sizes={
        "tflite::MicroInterpreter": 208, "tflite::MicroAllocator": 36,
        "tflite::SingleArenaBufferAllocator": 36, "tflite::SubgraphAllocations": 8,
        "tflite::NodeAndRegistration": 32, "TFLMRegistration": 28, "TfLiteEvalTensor": 12,
        "TfLiteTensor": 32, "TfLiteAffineQuantization": 12, "tflite::ScratchBufferHandle": 4,
        "tflite::AllocationInfo": 24, "tflite::GreedyMemoryPlanner": 44,
    },
)  # fmt: skip
_BY_API = {one.api: one for one in (_2020, _2026)}


def insides_of(image: Image) -> Insides:
    """Which generation of TFLM an image holds; the oldest known where it shows none."""
    return next((one for one in _BY_API.values() if one.constructor in image.symbols), _2020)


def read_offsets(image: Image) -> Offsets:
    """Field offsets (and ``sizeof``) of every structure the lab reads.

    Raises:
        InputError: the image does not describe a structure for which no offsets are known.
    """
    offsets: Offsets = {"LabMailbox": image.struct_layout("LabMailbox")}
    insides = insides_of(image)
    for name, known in insides.structs.items():
        try:
            described = image.struct_layout(name)
        except InputError:
            if not known:
                raise
            described = {}
        # Another size is another structure: then a table says nothing about it.
        same = described.get("sizeof", 0) in {0, insides.sizes.get(name, described.get("sizeof"))}
        offsets[name] = (dict(known) if same else {}) | described
    return offsets


@dataclass(frozen=True)
class Interpreter(ABC):
    """A MicroInterpreter in the memory of the emulated device.

    What cannot be found, or is not what it must be, is None: nothing is guessed. Where the image
    describes its structures itself, the firmware has damaged them then, and that is no answer.
    """

    engine: Engine
    offsets: Offsets
    image: Image
    address: int

    _registration: ClassVar[str]
    _described: ClassVar[bool]  # the image always describes its structures

    def arena_parts(self, start: int, size: int) -> ArenaParts | None:
        """Head and tail use, read from the allocator's pointers.

        Args:
            start: address of the arena.
            size: its bytes.
        """
        try:
            head, tail, first, end = self._arena_pointers()
        except (KeyError, ValueError) as error:
            self._lost(str(error))
            return None
        if not start <= first <= head <= tail <= end <= start + size:
            self._lost(f"its arena is said to be 0x{first:08x} to 0x{end:08x}")
            return None
        return ArenaParts(persistent=end - tail, non_persistent=head - first)

    def invoke_functions(self, operators: int) -> list[int] | None:
        """Entry address of each operator's kernel, without the Thumb bit; 0 where it has none."""
        try:
            nodes = self._nodes()
            stride = self._field("NodeAndRegistration", "sizeof")
            to_registration = self._field("NodeAndRegistration", "registration")
            to_invoke = self.offsets[self._registration]["invoke"]
            registrations = [self._word(nodes + i * stride + to_registration)
                             for i in range(operators)]  # fmt: skip
            functions = [self._word(address + to_invoke) & ~1 for address in registrations]
        except (KeyError, ValueError) as error:
            self._lost(str(error))
            return None
        known = all(not one or self.image.is_function_start(one) for one in functions)
        return functions if known else None

    def current_node(self) -> int | None:
        """Operator being initialised or prepared, by the interpreter's own note."""
        try:
            return self._current_node()
        except (KeyError, ValueError):
            return None

    def _lost(self, why: str) -> None:
        if self._described:
            raise LostError(f"no verdict: the firmware lost its interpreter: {why}")

    @abstractmethod
    def _arena_pointers(self) -> tuple[int, int, int, int]:
        """End of the head, begin of the tail, begin and end of the arena."""

    @abstractmethod
    def _nodes(self) -> int:
        """Address of the table of operators of the first subgraph."""

    @abstractmethod
    def _current_node(self) -> int | None: ...

    def _pointers_at(self, allocator: int, struct: str) -> tuple[int, int, int, int]:
        head, tail, start, end = (
            self._word(allocator + self._field(struct, name))
            for name in ("head_", "tail_", "buffer_head_", "buffer_tail_")
        )
        return head, tail, start, end

    def _own(self, name: str) -> int:
        """Address of a field of the interpreter."""
        return self.address + self._field("MicroInterpreter", name)

    def _field(self, struct: str, name: str) -> int:
        return self.offsets[f"tflite::{struct}"][name]

    def _word(self, address: int) -> int:
        return int.from_bytes(self.engine.read(address & 0xFFFFFFFF, 4), "little")


class _Interpreter2020(Interpreter):
    _registration = "TfLiteRegistration"
    _described = True

    def _arena_pointers(self) -> tuple[int, int, int, int]:
        to_memory = self._field("MicroAllocator", "memory_allocator_")  # it lies inside
        return self._pointers_at(
            self._word(self._own("allocator_") + to_memory), "SimpleMemoryAllocator"
        )

    def _nodes(self) -> int:
        return self._word(self._own("node_and_registrations_"))

    def _current_node(self) -> int | None:
        at = self.offsets["tflite::internal::ContextHelper"]["current_node_idx_"]
        node = self._word(self._own("context_helper_") + at)
        return None if node == _NO_INDEX else node


class _Interpreter2026(Interpreter):
    _registration = "TFLMRegistration"
    _described = False

    def _arena_pointers(self) -> tuple[int, int, int, int]:
        allocator = self._word(self._own("allocator_"))
        memory, tail_memory = (
            self._word(allocator + self._field("MicroAllocator", name))
            for name in ("non_persistent_buffer_allocator_", "persistent_buffer_allocator_")
        )
        if tail_memory != memory + 4:  # two arenas, or something else altogether
            raise ValueError("not one arena")
        return self._pointers_at(memory, "SingleArenaBufferAllocator")

    def _nodes(self) -> int:
        subgraphs = self._word(self._in_graph("subgraph_allocations_"))
        return self._word(subgraphs + self._field("SubgraphAllocations", "node_and_registrations"))

    def _current_node(self) -> int | None:
        if self._word(self._in_graph("current_subgraph_index_")):
            return None  # not in the subgraph whose operators are told
        return self._word(self._in_graph("current_operator_index_"))

    def _in_graph(self, name: str) -> int:
        return self._own("graph_") + self._field("MicroInterpreterGraph", name)


def interpreter(engine: Engine, offsets: Offsets, image: Image, address: int) -> Interpreter:
    """The interpreter at an address, of the generation that the image holds."""
    kind = _Interpreter2020 if insides_of(image) is _2020 else _Interpreter2026
    return kind(engine, offsets, image, address)
