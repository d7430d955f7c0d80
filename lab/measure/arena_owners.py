"""Who points to what in the arena: TFLM's structures walked in the memory of the device.

Everything is read through the offsets of the image's debug information. The firmware may have
damaged any of it: a pointer to nowhere raises, and what makes no sense has no owner.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lab.engines.base import Engine
from lab.errors import NoVerdictError
from lab.measure.guest import LostError, read_guest, read_word
from lab.measure.tflm import Offsets

MOST = 30_000  # elements of a table; no microcontroller's runtime has memory for as many
_MOST_DIMENSIONS = 32
_TYPES = {
    1: "float32", 2: "int32", 3: "uint8", 4: "int64", 5: "string", 6: "bool", 7: "int16",
    8: "complex64", 9: "int8", 10: "float16", 11: "float64", 18: "int4",
}  # fmt: skip

OwnerKind = Literal[
    "tensor", "scratch", "variable", "kernel", "options", "quantization", "structure"
]


@dataclass(frozen=True)
class Owner:
    """Whose memory it is.

    Attributes:
        kind: as in the record.
        title: of a structure.
        tensor: index of the tensor it belongs to.
        operator: index of the operator it belongs to.
    """

    kind: OwnerKind
    title: str = ""
    tensor: int | None = None
    operator: int | None = None


@dataclass(frozen=True)
class TensorSeen:
    """A tensor as the runtime describes it; None: not to be made sense of."""

    shape: tuple[int, ...] | None
    dtype: str | None


@dataclass(frozen=True)
class Table:
    """An array of structures, and its bytes as they were read."""

    address: int
    stride: int
    data: bytes

    def __len__(self) -> int:
        return len(self.data) // self.stride

    def column(self, offset: int) -> Iterator[int]:
        """A word of each element."""
        starts = range(offset, len(self) * self.stride, self.stride)
        return (int.from_bytes(self.data[at : at + 4], "little") for at in starts)

    def byte(self, index: int, offset: int) -> int:
        """A byte of one element."""
        return self.data[index * self.stride + offset]


@dataclass
class Structures(ABC):
    """TFLM's structures in the arena; ``sizes`` are those of allocated memory by address.

    What is read raises ``LostError`` where nothing lies, ``KeyError`` where no offset is known.
    """

    engine: Engine
    offsets: Offsets
    interpreter: int
    sizes: Mapping[int, int]

    tensor_struct = "TfLiteTensor"
    handle_struct = "tflite::ScratchBufferHandle"

    def __post_init__(self) -> None:
        self.tensors = self._allocated(self.tensor_struct, self._tensors())
        self.nodes = self._allocated("tflite::NodeAndRegistration", self._nodes())
        self.handles = self._handles()

    def owners(self) -> dict[int, Owner]:
        """Owners of persistent memory, by address."""
        found = dict(self._more())
        for operator, (user, builtin) in enumerate(
            zip(self._column(self.nodes, "tflite::NodeAndRegistration", "node.user_data"),
                self._column(self.nodes, "tflite::NodeAndRegistration", "node.builtin_data"),
                strict=True)
        ):  # fmt: skip
            found[user] = Owner("kernel", operator=operator)
            found[builtin] = Owner("options", operator=operator)
        for tensor, data in enumerate(self._column(self.tensors, self.tensor_struct, "data")):
            found[data] = Owner("variable", tensor=tensor)
        for table, struct in (
            (self.tensors, self.tensor_struct), (self.nodes, "tflite::NodeAndRegistration")
        ):  # fmt: skip
            found[table.address] = _structure(f"{_bare(struct)}[{len(table)}]")
        return found

    def slot(self, address: int) -> Owner | None:
        """The tensor or scratch buffer whose pointer to its data lies there."""
        for table, struct in (
            (self.tensors, self.tensor_struct), (self.handles, self.handle_struct)
        ):  # fmt: skip
            index, offset = divmod(address - table.address, table.stride)
            if offset == self.offsets[struct]["data"] and 0 <= index < len(table):
                of_tensor = table is self.tensors
                return Owner("tensor", tensor=index) if of_tensor else Owner("scratch")
        return None

    def tensor(self, index: int) -> TensorSeen:
        """Shape and type of a tensor."""
        kind = self.tensors.byte(index, self.offsets[self.tensor_struct]["type"])
        at = self.tensors.address + index * self.tensors.stride
        dims = self.word(at + self.offsets[self.tensor_struct]["dims"])
        return TensorSeen(self._int_array(dims), _TYPES.get(kind))

    def word(self, address: int) -> int:
        """A word of the device."""
        return read_word(self.engine, address, "a structure in its arena")

    @abstractmethod
    def _tensors(self) -> int:
        """Address of the table of tensors."""

    @abstractmethod
    def _nodes(self) -> int:
        """Address of the table of operators."""

    @abstractmethod
    def _handles(self) -> Table:
        """The handles of scratch buffers."""

    @abstractmethod
    def _more(self) -> Iterator[tuple[int, Owner]]:
        """What only this generation keeps in the arena."""

    def _quantization(self, params: int, owner: Owner) -> Iterator[tuple[int, Owner]]:
        """A tensor's quantization: the structure, and the arrays that it points to."""
        if params:
            yield params, owner
            for offset in (self.offsets["TfLiteAffineQuantization"][name]
                           for name in ("scale", "zero_point")):  # fmt: skip
                yield self.word(params + offset), owner

    def _own(self, name: str) -> int:
        """A word of the interpreter."""
        return self.word(self.interpreter + self.offsets["tflite::MicroInterpreter"][name])

    def _allocated(self, struct: str, address: int) -> Table:
        """A table that fills what was allocated at an address."""
        return self._table(struct, address, self.sizes.get(address, 0))

    def _table(self, struct: str, address: int, size: int) -> Table:
        stride = self.offsets[struct]["sizeof"]
        if stride <= 0 or size > MOST * stride:
            raise LostError(f"no verdict: the firmware claims {size:,} B of {struct}")
        return Table(address, stride, read_guest(self.engine, address, size, struct))

    def _column(self, table: Table, struct: str, name: str) -> Iterator[int]:
        return table.column(self.offsets[struct][name])

    def _int_array(self, address: int) -> tuple[int, ...] | None:
        try:
            size = self.word(address)
            if size > _MOST_DIMENSIONS:
                return None
            data = read_guest(self.engine, address + 4, 4 * size, "a shape")
        except NoVerdictError:
            return None
        return tuple(Table(address, 4, data).column(0))


class Structures2020(Structures):
    """Of July 2020: whole tensors, with a copy of their quantization."""

    handle_struct = "tflite::internal::ScratchBufferHandle"

    def _tensors(self) -> int:
        return self._own("context_.tensors")

    def _nodes(self) -> int:
        return self._own("node_and_registrations_")

    def _handles(self) -> Table:
        count = self._own("allocator_.scratch_buffer_count_")
        size = count * self.offsets[self.handle_struct]["sizeof"]
        return self._table(
            self.handle_struct, self._own("allocator_.scratch_buffer_handles_"), size
        )

    def _more(self) -> Iterator[tuple[int, Owner]]:
        yield self._own("allocator_.memory_allocator_"), _structure("SimpleMemoryAllocator")
        for index, params in enumerate(
            self._column(self.tensors, self.tensor_struct, "quantization.params")
        ):
            yield from self._quantization(params, Owner("quantization", tensor=index))
        for index, node in enumerate(self._column(self.handles, self.handle_struct, "node_idx")):
            address = self.handles.address + index * self.handles.stride
            yield address, Owner("structure", "ScratchBufferHandle", operator=node)


class Structures2026(Structures):
    """Of August 2026: small tensors; whole ones for graph inputs and outputs only."""

    tensor_struct = "TfLiteEvalTensor"

    def _subgraph(self) -> int:
        graph = self.offsets["tflite::MicroInterpreter"]["graph_"]
        at = self.offsets["tflite::MicroInterpreterGraph"]["subgraph_allocations_"]
        return self.word(self.interpreter + graph + at)

    def _tensors(self) -> int:
        return self.word(self._subgraph() + self.offsets["tflite::SubgraphAllocations"]["tensors"])

    def _nodes(self) -> int:
        at = self.offsets["tflite::SubgraphAllocations"]["node_and_registrations"]
        return self.word(self._subgraph() + at)

    def _handles(self) -> Table:
        return self._allocated(self.handle_struct, self._own("scratch_buffer_handles_"))

    def _more(self) -> Iterator[tuple[int, Owner]]:
        allocator = self._own("allocator_")
        yield allocator, _structure("MicroAllocator")
        for name, title in (
            ("non_persistent_buffer_allocator_", "SingleArenaBufferAllocator"),
            ("memory_planner_", "GreedyMemoryPlanner"),
            ("builtin_data_allocator_", "builtin data allocator"),
        ):
            yield (
                self.word(allocator + self.offsets["tflite::MicroAllocator"][name]),
                (_structure(title)),
            )
        yield self._subgraph(), _structure("SubgraphAllocations")
        yield self.handles.address, _structure(f"ScratchBufferHandle[{len(self.handles)}]")
        for name, which in (("input_tensors_", "inputs"), ("output_tensors_", "outputs")):
            yield from self._graph_tensors(self._own(name), which)

    def _graph_tensors(self, pointers: int, which: str) -> Iterator[tuple[int, Owner]]:
        """The array of pointers to graph inputs or outputs, and those tensors."""
        yield pointers, _structure(f"pointers to graph {which}")
        indices = {data: index for index, data in
                   enumerate(self._column(self.tensors, self.tensor_struct, "data"))}  # fmt: skip
        size = min(self.sizes.get(pointers, 0), 4 * MOST)
        data = read_guest(self.engine, pointers, size, f"its graph {which}")
        for tensor in Table(pointers, 4, data).column(0):
            index = indices.get(self.word(tensor + self.offsets["TfLiteTensor"]["data"]))
            yield tensor, Owner("structure", "TfLiteTensor", tensor=index)
            params = self.word(tensor + self.offsets["TfLiteTensor"]["quantization.params"])
            yield from self._quantization(params, Owner("quantization", tensor=index))


def _structure(title: str) -> Owner:
    return Owner("structure", title)


def _bare(struct: str) -> str:
    """Name without its namespace."""
    return struct.rsplit("::", maxsplit=1)[-1]


STRUCTURES: Mapping[str, type[Structures]] = {
    "2020-07": Structures2020, "2026-08": Structures2026,
}  # fmt: skip
