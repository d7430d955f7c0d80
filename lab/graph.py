"""What a model is made of: tensors, operators, subgraphs. ``lab.model`` reads and verifies them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lab.errors import escape
from lab.flatbuffer import Span

ABSENT = -1
_MAX_SHOWN_NAME = 60

# Dimensions of the weights that each output element multiplies with.
_WEIGHT_DIMENSIONS = {
    "CONV_2D": (1, 2, 3),
    "DEPTHWISE_CONV_2D": (1, 2),
    "FULLY_CONNECTED": (1,),
}


def shorten(name: str, limit: int = _MAX_SHOWN_NAME) -> str:
    """A name from a file as messages show it: printable and not too long."""
    name = escape(name)
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


Option = int | float | bool | tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """One tensor of a subgraph.

    Attributes:
        index: position in the subgraph.
        name: name from the file, unprintable characters escaped.
        shape: dimensions as stored; -1 is a dimension only known at run time.
        shape_signature: shape before conversion fixed it, with -1; empty when it is the same.
        type: element type, such as ``int8``.
        size: bytes in memory; unknown dimensions count as 1; 0 for types without a fixed size.
        buffer: index of its buffer.
        data: where its constant contents lie in the file, None when it has none.
        scales: quantization scales: none, one, or one per channel.
        zero_points: as many as there are scales.
        quantized_dimension: dimension the scales count along.
        is_variable: keeps its contents from one inference to the next.
        is_sparse: contents are stored compressed.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    type: str
    size: int
    buffer: int
    data: Span | None
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    quantized_dimension: int
    is_variable: bool
    is_sparse: bool

    @property
    def is_constant(self) -> bool:
        """Contents come with the model."""
        return self.data is not None

    @property
    def elements(self) -> int:
        """Number of elements; unknown dimensions count as 1."""
        return math.prod(1 if dim < 0 else dim for dim in self.shape)

    @property
    def label(self) -> str:
        """How messages call it: ``tensor 5 "conv/weights"``."""
        return f'tensor {self.index} "{shorten(self.name)}"'


@dataclass(frozen=True)
class OperatorCode:
    """One kind of operator the model uses.

    Attributes:
        name: builtin name such as ``CONV_2D``, ``CUSTOM``, or ``BUILTIN_<code>`` when unknown here.
        code: builtin code.
        old_code: what a reader that knows only the first, 8-bit field takes for the code.
        version: operator version.
        custom_code: name of a custom operator, else empty.
    """

    name: str
    code: int
    old_code: int
    version: int
    custom_code: str = ""


@dataclass(frozen=True)
class Operator:
    """One step of the graph.

    Attributes:
        index: position in execution order.
        code: what it computes.
        inputs: tensor indices; -1 is an input left out.
        outputs: tensor indices.
        options_table: name of its table of options such as ``Conv2DOptions``, else empty.
        options: the fields of that table that this project reads.
        has_custom_options: opaque options are present.
    """

    index: int
    code: OperatorCode
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_table: str
    options: Mapping[str, Option]
    has_custom_options: bool

    @property
    def name(self) -> str:
        """Builtin name, or the name of the custom operator."""
        return self.code.custom_code or self.code.name


@dataclass(frozen=True)
class Subgraph:
    """Tensors and the operators that connect them, in execution order."""

    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """A verified model. ``tensors``, ``operators``, ``inputs``, ``outputs``: the first subgraph's.

    Attributes:
        name: file name, without its directory.
        data: the whole file.
        description: text the converter left.
        operator_codes: kinds of operators, in file order.
        buffers: contents of each buffer, None when empty.
        subgraphs: at least one.
    """

    name: str
    data: bytes
    description: str
    operator_codes: tuple[OperatorCode, ...]
    buffers: tuple[Span | None, ...]
    subgraphs: tuple[Subgraph, ...]

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.data)

    @cached_property
    def sha256(self) -> str:
        """Digest of the file."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Tensors of the first subgraph."""
        return self.subgraphs[0].tensors

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Operators of the first subgraph."""
        return self.subgraphs[0].operators

    @property
    def inputs(self) -> tuple[int, ...]:
        """Indices of the tensors the application fills."""
        return self.subgraphs[0].inputs

    @property
    def outputs(self) -> tuple[int, ...]:
        """Indices of the tensors the application reads."""
        return self.subgraphs[0].outputs

    def tensor_bytes(self, tensor: Tensor) -> memoryview:
        """Constant contents of a tensor, without a copy; empty when it has none."""
        if tensor.data is None:
            return memoryview(b"")
        return memoryview(self.data)[tensor.data.offset : tensor.data.offset + tensor.data.size]

    def tensors_of(self, indices: tuple[int, ...]) -> tuple[Tensor | None, ...]:
        """Tensors of an operator's inputs or outputs; None for an input left out."""
        return tuple(None if index == ABSENT else self.tensors[index] for index in indices)

    def macs(self, operator: Operator) -> int | None:
        """Multiply-accumulates of a convolution or a fully connected layer, None for others."""
        if operator.code.name not in _WEIGHT_DIMENSIONS:
            return None
        tensors = self.tensors_of(operator.inputs[1:2] + operator.outputs[:1])
        if len(tensors) < 2 or tensors[0] is None or tensors[1] is None:
            return None
        weights, output = tensors[0], tensors[1]
        dims = _WEIGHT_DIMENSIONS[operator.code.name]
        if len(weights.shape) <= dims[-1]:
            return None
        return output.elements * math.prod([weights.shape[dim] for dim in dims])
