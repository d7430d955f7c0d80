"""Writes small models, well-formed or odd, with the ``tflite`` package's own writer functions.

``one_op`` makes the usual small model: one operator, its data tensors as graph inputs and outputs.
``build`` takes whole graphs. Option fields have the writer's names, such as ``StrideW``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

DTYPES: dict[str, str] = {
    "float32": "<f4", "float16": "<f2", "float64": "<f8", "int8": "i1", "uint8": "u1",
    "int16": "<i2", "int32": "<i4", "int64": "<i8", "bool": "?", "complex64": "<c8",
}  # fmt: skip


@dataclass(frozen=True)
class T:
    """A tensor. ``scale``: None for none, one number, or one per channel."""

    shape: Sequence[int] | None
    type: str = "float32"
    data: Any = None
    scale: float | Sequence[float] | None = None
    zero_point: int | Sequence[int] = 0
    dim: int = 0
    name: str = "t"
    variable: bool = False
    signature: Sequence[int] | None = None
    sparse: bool = False
    buffer: int | None = None

    @property
    def contents(self) -> bytes | None:
        """Bytes of the constant."""
        if self.data is None or isinstance(self.data, bytes):
            return self.data
        return np.asarray(self.data, dtype=DTYPES[self.type]).tobytes()


@dataclass(frozen=True)
class Op:
    """An operator. ``codes``: what the old and the new code field hold, instead of its own code."""

    name: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    version: int = 1
    table: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    custom_code: str | None = None
    custom_options: bytes | None = None
    codes: tuple[int, int] | None = None
    code_index: int | None = None


@dataclass(frozen=True)
class Graph:
    """A subgraph. ``repeat_tensors``: list the very same tensors in the file again and again."""

    tensors: Sequence[T]
    ops: Sequence[Op]
    inputs: Sequence[int]
    outputs: Sequence[int]
    name: str = "main"
    repeat_tensors: int = 1


def quantized(shape: Sequence[int], scale: float = 0.05, zero_point: int = 0, **more: Any) -> T:
    """An int8 tensor."""
    return T(shape, more.pop("type", "int8"), scale=scale, zero_point=zero_point, **more)


def one_op(
    name: str,
    inputs: Sequence[T | None],
    outputs: Sequence[T],
    table: str = "",
    options: Mapping[str, Any] | None = None,
    *,
    version: int = 1,
    nodes: int = 1,
    **more: Any,
) -> bytes:
    """A model of one operator; inputs without data become graph inputs, None is left out.

    With several nodes it is there several times, and each reads and writes the same tensors.
    """
    present = [tensor for tensor in inputs if tensor is not None]
    numbers = iter(range(len(present)))
    indices = [-1 if tensor is None else next(numbers) for tensor in inputs]
    results = list(range(len(present), len(present) + len(outputs)))
    fed = [i for i, t in enumerate(present) if t.data is None and not t.variable]
    op = Op(name, indices, results, version, table, options or {}, **more)
    return build(Graph([*present, *outputs], [op] * nodes, fed, results))


def build(
    *graphs: Graph,
    version: int = 3,
    identifier: bytes = b"TFL3",
    description: str = "written by tflm-lab",
    extra_buffers: Sequence[Mapping[str, int]] = (),
    repeat_buffers: int = 1,
) -> bytes:
    """A model file of these subgraphs."""
    builder = _Builder(repeat_buffers)
    return builder.model(graphs, version, identifier, description, extra_buffers)


class _Builder:
    def __init__(self, repeat_buffers: int) -> None:
        self.repeat_buffers = repeat_buffers
        self.fb = flatbuffers.Builder(1024)
        self.buffers: list[bytes | None] = [None]
        self.codes: list[tuple[int, int, int, str | None]] = []

    def model(
        self,
        graphs: Sequence[Graph],
        version: int,
        identifier: bytes,
        description: str,
        extra_buffers: Sequence[Mapping[str, int]],
    ) -> bytes:
        fb = self.fb
        subgraphs = self.offsets([self.subgraph(graph) for graph in graphs])
        codes = self.offsets([self.code(*code) for code in self.codes])
        made = [self.buffer(data) for data in self.buffers]
        made += [self.table("Buffer", extra) for extra in extra_buffers]
        buffers = self.offsets(made * self.repeat_buffers)
        text = fb.CreateString(description)
        tflite.ModelStart(fb)
        tflite.ModelAddVersion(fb, version)
        tflite.ModelAddOperatorCodes(fb, codes)
        tflite.ModelAddSubgraphs(fb, subgraphs)
        tflite.ModelAddDescription(fb, text)
        tflite.ModelAddBuffers(fb, buffers)
        fb.Finish(tflite.ModelEnd(fb), file_identifier=identifier)
        return bytes(fb.Output())

    def table(self, name: str, fields: Mapping[str, Any]) -> int:
        fb = self.fb
        ready = {
            key: self.numbers(value, "<i4") if isinstance(value, list | tuple) else value
            for key, value in fields.items()
        }
        getattr(tflite, f"{name}Start")(fb)
        for key, value in ready.items():
            getattr(tflite, f"{name}Add{key}")(fb, value)
        return int(getattr(tflite, f"{name}End")(fb))

    def offsets(self, made: Sequence[int]) -> int:
        self.fb.StartVector(4, len(made), 4)
        for offset in reversed(made):
            self.fb.PrependUOffsetTRelative(offset)
        return int(self.fb.EndVector())

    def numbers(self, values: Sequence[float], dtype: str) -> int:
        return int(self.fb.CreateNumpyVector(np.asarray(values, dtype=dtype)))

    def buffer(self, data: bytes | None) -> int:
        fb = self.fb
        vector = None
        if data is not None:
            fb.StartVector(1, len(data), 16)
            fb.head -= len(data)
            fb.Bytes[fb.Head() : fb.Head() + len(data)] = data
            vector = fb.EndVector()
        tflite.BufferStart(fb)
        if vector is not None:
            tflite.BufferAddData(fb, vector)
        return int(tflite.BufferEnd(fb))

    def code(self, old: int, new: int, version: int, custom: str | None) -> int:
        name = None if custom is None else self.fb.CreateString(custom)
        tflite.OperatorCodeStart(self.fb)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.fb, old)
        tflite.OperatorCodeAddBuiltinCode(self.fb, new)
        tflite.OperatorCodeAddVersion(self.fb, version)
        if name is not None:
            tflite.OperatorCodeAddCustomCode(self.fb, name)
        return int(tflite.OperatorCodeEnd(self.fb))

    def subgraph(self, graph: Graph) -> int:
        fb = self.fb
        made = [self.tensor(tensor) for tensor in graph.tensors]
        tensors = self.offsets(made * graph.repeat_tensors)
        operators = self.offsets([self.operator(op) for op in graph.ops])
        inputs, outputs = self.numbers(graph.inputs, "<i4"), self.numbers(graph.outputs, "<i4")
        name = fb.CreateString(graph.name)
        tflite.SubGraphStart(fb)
        tflite.SubGraphAddTensors(fb, tensors)
        tflite.SubGraphAddInputs(fb, inputs)
        tflite.SubGraphAddOutputs(fb, outputs)
        tflite.SubGraphAddOperators(fb, operators)
        tflite.SubGraphAddName(fb, name)
        return int(tflite.SubGraphEnd(fb))

    def tensor(self, tensor: T) -> int:
        fb = self.fb
        shape = None if tensor.shape is None else self.numbers(tensor.shape, "<i4")
        signature = None if tensor.signature is None else self.numbers(tensor.signature, "<i4")
        quantization = self.quantization(tensor)
        sparsity = self.table("SparsityParameters", {}) if tensor.sparse else None
        name = fb.CreateString(tensor.name)
        index = tensor.buffer
        if index is None:
            index = len(self.buffers) if tensor.contents is not None else 0
            if tensor.contents is not None:
                self.buffers.append(tensor.contents)
        tflite.TensorStart(fb)
        if shape is not None:
            tflite.TensorAddShape(fb, shape)
        tflite.TensorAddType(fb, getattr(tflite.TensorType, tensor.type.upper()))
        tflite.TensorAddBuffer(fb, index)
        tflite.TensorAddName(fb, name)
        if quantization is not None:
            tflite.TensorAddQuantization(fb, quantization)
        tflite.TensorAddIsVariable(fb, tensor.variable)
        if sparsity is not None:
            tflite.TensorAddSparsity(fb, sparsity)
        if signature is not None:
            tflite.TensorAddShapeSignature(fb, signature)
        return int(tflite.TensorEnd(fb))

    def quantization(self, tensor: T) -> int | None:
        if tensor.scale is None:
            return None
        fb = self.fb
        scales = list(np.atleast_1d(tensor.scale))
        points = tensor.zero_point
        zero_points = [points] * len(scales) if isinstance(points, int) else list(points)
        scale, zero_point = self.numbers(scales, "<f4"), self.numbers(zero_points, "<i8")
        tflite.QuantizationParametersStart(fb)
        tflite.QuantizationParametersAddScale(fb, scale)
        tflite.QuantizationParametersAddZeroPoint(fb, zero_point)
        tflite.QuantizationParametersAddQuantizedDimension(fb, tensor.dim)
        return int(tflite.QuantizationParametersEnd(fb))

    def operator(self, op: Op) -> int:
        fb = self.fb
        inputs, outputs = self.numbers(op.inputs, "<i4"), self.numbers(op.outputs, "<i4")
        options = self.table(op.table, op.options) if op.table else None
        custom = None
        if op.custom_options is not None:
            custom = fb.CreateByteVector(op.custom_options)
        index = self.code_index(op) if op.code_index is None else op.code_index
        tflite.OperatorStart(fb)
        tflite.OperatorAddOpcodeIndex(fb, index)
        tflite.OperatorAddInputs(fb, inputs)
        tflite.OperatorAddOutputs(fb, outputs)
        if options is not None:
            kind = getattr(tflite.BuiltinOptions, op.table)
            tflite.OperatorAddBuiltinOptionsType(fb, kind)
            tflite.OperatorAddBuiltinOptions(fb, options)
        if custom is not None:
            tflite.OperatorAddCustomOptions(fb, custom)
        return int(tflite.OperatorEnd(fb))

    def code_index(self, op: Op) -> int:
        custom = op.custom_code is not None
        number = getattr(tflite.BuiltinOperator, "CUSTOM" if custom else op.name)
        old, new = op.codes or (min(number, 127), number)
        code = (old, new, op.version, op.custom_code)
        if code not in self.codes:
            self.codes.append(code)
        return self.codes.index(code)
