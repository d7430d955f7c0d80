"""Structurally damaged models, made from sound ones, each damage by design.

``damaged_models`` gives a few dozen of every kind; ``structural_damage`` all there are of a model.
The places to damage are found with the ``tflite`` package's reader, not with the lab's own.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tflite

from lab.model_writer import Graph, Op, T, build, quantized

_HUGE = (0xFFFFFFFF, 0x7FFFFFFF, 0x40000000)


@dataclass(frozen=True)
class Damaged:
    """A damaged file. ``kind`` says how, for people reading a failure."""

    kind: str
    data: bytes


def sound_model(seed: int = 0) -> bytes:
    """A sound model with all that can be damaged: options, weights, per-channel scales, names."""
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(2, 7))
    weights = T([channels, 3, 3, 4], "int8", rng.integers(-9, 9, (channels, 3, 3, 4)),
                list(rng.uniform(0.01, 0.1, channels)), name="weights")  # fmt: skip
    tensors = [
        quantized([1, 8, 8, 4], name="input"),
        weights,
        T([channels], "int32", rng.integers(-9, 9, channels), 0.001, name="bias"),
        quantized([1, 8, 8, channels], name="conv"),
        T([2], "int32", [1, 64 * channels], name="shape"),
        quantized([1, 64 * channels], name="flat"),
        T([3, 64 * channels], "int8", rng.integers(-9, 9, (3, 64 * channels)), 0.01, name="dense"),
        quantized([1, 3], name="output"),
    ]
    conv = {"Padding": 0, "StrideW": 1, "StrideH": 1}
    shape = {"NewShape": [1, 64 * channels]}
    ops = [
        Op("CONV_2D", [0, 1, 2], [3], 3, "Conv2DOptions", conv),
        Op("RESHAPE", [3, 4], [5], 1, "ReshapeOptions", shape),
        Op("FULLY_CONNECTED", [5, 6, -1], [7], 4, "FullyConnectedOptions", {}),
    ]
    return build(Graph(tensors, ops, [0], [7]))


def damaged_models(seed: int, each: int = 4) -> list[Damaged]:
    """Up to ``each`` models of every kind of structural damage, and some hand-made ones."""
    rng = random.Random(seed)
    kinds: dict[str, list[Damaged]] = {}
    for one in structural_damage(sound_model(seed)):
        kinds.setdefault(one.kind, []).append(one)
    chosen = [one for some in kinds.values() for one in rng.sample(some, min(each, len(some)))]
    return [*chosen, *crafted_damage()]


def structural_damage(model: bytes) -> Iterator[Damaged]:
    """Every single damage of a sound model, one at a time."""
    yield from _header_damage(model)
    places = _Places(model)
    for kind, position, values in places.found:
        size = 8 if kind in {"zero point"} else 4
        for value in values:
            packed = struct.pack("<f" if isinstance(value, float) else "<Q", value)[:size]
            yield Damaged(kind, _put(model, position, packed))
    for position in places.vtables:
        for what, value in (("odd", 7), ("empty", 0), ("two", 2), ("beyond the file", 0xFFFE)):
            yield Damaged(f"vtable size {what}", _put(model, position, struct.pack("<H", value)))
        yield Damaged("table size", _put(model, position + 2, b"\x02\x00"))
        yield Damaged("table size", _put(model, position + 2, b"\xff\xff"))
    for position in places.field_entries:
        for value in (2, 0xFFFC):
            yield Damaged(
                "field outside its table", _put(model, position, struct.pack("<H", value))
            )
    for position in places.string_ends:
        yield Damaged("string without end", _put(model, position, b"x"))


def _header_damage(model: bytes) -> Iterator[Damaged]:
    for size in (0, 1, 4, 7, 8, 12, 40):
        yield Damaged("cut", model[:size])
    for part in range(1, 50):
        yield Damaged("cut", model[: len(model) * part // 50])
    for identifier in (b"TFL2", b"tfl3", b"\0\0\0\0", b"ONNX"):
        yield Damaged("identifier", _put(model, 4, identifier))
    for root in (0, 1, 2, 3, 5, len(model) - 2, len(model), *_HUGE):
        yield Damaged("root offset", _put(model, 0, struct.pack("<I", root)))
    yield Damaged("shifted", b"\0" + model)
    yield Damaged("shifted", b"\0\0\0\0" + model)
    yield Damaged("zeros", bytes(len(model)))
    yield Damaged("ones", b"\xff" * len(model))


def _put(data: bytes, position: int, value: bytes) -> bytes:
    return data[:position] + value + data[position + len(value) :]


class _Places:
    """Where in a sound model to write what."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.found: list[tuple[str, int, tuple[int | float, ...]]] = []
        self.vtables: set[int] = set()
        self.field_entries: set[int] = set()
        self.string_ends: list[int] = []
        self.model = tflite.Model.GetRootAs(data)
        self._model()

    def _model(self) -> None:
        model, graph = self.model, self.model.Subgraphs(0)
        self._table(model, {1: "v", 2: "v", 3: "s", 4: "v"})
        self._number("schema version", model, 0, (0, 2, 4, 0xFFFFFFFF))
        for i in range(model.OperatorCodesLength()):
            self._table(model.OperatorCodes(i), {})
        for i in range(model.BuffersLength()):
            self._table(model.Buffers(i), {0: "v"})
        self._table(graph, {0: "v", 1: "v", 2: "v", 3: "v", 4: "s"})
        self._indices(graph, (1, 2), graph.TensorsLength(), optional=False)
        for i in range(graph.TensorsLength()):
            self._tensor(graph.Tensors(i))
        for i in range(graph.OperatorsLength()):
            self._operator(graph.Operators(i), graph.TensorsLength())

    def _tensor(self, tensor: Any) -> None:
        self._table(tensor, {0: "v", 3: "s", 4: "t"})
        buffers = self.model.BuffersLength()
        self._number("buffer index", tensor, 2, (buffers, buffers + 1, *_HUGE))
        dims = self._vector(tensor, 0)
        for i in range(tensor.ShapeLength()):
            self.found.append(("dimension", dims + 4 * i, (0xFFFFFFFE, 0x80000000)))
            if self.model.Buffers(tensor.Buffer()).DataLength():
                more = (tensor.Shape(i) + 1, tensor.Shape(i) * 1000)
                self.found.append(("shape larger than the weights", dims + 4 * i, more))
        if tensor.ShapeLength() > 1:
            self.found.append(("shape beyond 32 bits", dims, (0x7FFFFFFF,)))
        quantization = tensor.Quantization()
        if quantization is None:
            return
        self._table(quantization, {2: "v", 3: "v"})
        scales, points = self._vector(quantization, 2), self._vector(quantization, 3)
        bad = (0.0, -0.5, float("nan"), float("inf"), float("-inf"))
        for i in range(quantization.ScaleLength()):
            self.found.append(("scale", scales + 4 * i, bad))
            self.found.append(("zero point", points + 8 * i, (1 << 40, 1 << 63)))
        if quantization.ScaleLength() > 1:
            self.found.append(("number of scales", scales - 4, (1, quantization.ScaleLength() - 1)))
            self.found.append(("number of zero points", points - 4, (1,)))

    def _operator(self, operator: Any, tensors: int) -> None:
        self._table(operator, {1: "v", 2: "v", 4: "t"})
        codes = self.model.OperatorCodesLength()
        self._number("operator code index", operator, 0, (codes, *_HUGE))
        self._indices(operator, (2,), tensors, optional=False)
        self._indices(operator, (1,), tensors, optional=True)
        options = tflite.Conv2DOptions()
        options.Init(self.data, operator.BuiltinOptions().Pos)
        code = self.model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        kinds = {0: "v"} if code == tflite.BuiltinOperator.RESHAPE else {}
        self._table(options, kinds)

    def _indices(self, table: Any, slots: tuple[int, ...], tensors: int, *, optional: bool) -> None:
        bad = (tensors, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE)
        for slot in slots:
            start = self._vector(table, slot)
            for i in range(struct.unpack_from("<I", self.data, start - 4)[0]):
                absent = () if optional else (0xFFFFFFFF,)
                self.found.append(("tensor index", start + 4 * i, (*bad, *absent)))

    def _table(self, table: Any, offsets: dict[int, str]) -> None:
        """Note the table's vtable, and its fields that are offsets: to vector, string, table."""
        position = table._tab.Pos
        vtable = position - struct.unpack_from("<i", self.data, position)[0]
        self.vtables.add(vtable)
        away = (position + 4, (1 << 31) - 1, 0x80000000)
        self.found.append(("vtable offset", position, away))
        for slot, kind in offsets.items():
            place = self._field(table, slot)
            if not place:
                continue
            self.field_entries.add(vtable + 4 + 2 * slot)
            old = struct.unpack_from("<I", self.data, place)[0]
            self.found.append(
                ("offset", place, (0, 1, 2, old + 1, old + 2, len(self.data), *_HUGE))
            )
            self.found.append(("offset pointing back", place, (0xFFFFFFFC, 0xFFFFFFF0)))
            if kind in {"v", "s"}:
                self.found.append(("length", place + old, (*_HUGE, len(self.data))))
            if kind == "s":
                length = struct.unpack_from("<I", self.data, place + old)[0]
                self.string_ends.append(place + old + 4 + length)

    def _number(self, kind: str, table: Any, slot: int, values: tuple[int, ...]) -> None:
        if place := self._field(table, slot):
            self.found.append((kind, place, values))

    def _field(self, table: Any, slot: int) -> int:
        offset = table._tab.Offset(4 + 2 * slot)
        return table._tab.Pos + offset if offset else 0

    def _vector(self, table: Any, slot: int) -> int:
        place = self._field(table, slot)
        return place + int(struct.unpack_from("<I", self.data, place)[0]) + 4


def crafted_damage() -> list[Damaged]:
    """Files written by hand to cost much, or to break one rule that a flip cannot reach."""
    relu = [Op("RELU", [0], [1])]
    plain = Graph([T([4]), T([4])], relu, [0], [1])

    many = T([1 << 16], "int8", scale=[1.0] * (1 << 16))

    def with_tensor(tensor: T) -> bytes:
        return build(Graph([tensor, T([4])], relu, [0], [1]))

    return [
        Damaged("weights outside the file", build(plain, extra_buffers=[{"Offset": 4096}])),
        Damaged("weights outside the file", build(plain, extra_buffers=[{"Size": 64}])),
        Damaged("shape of a million dimensions", with_tensor(T([2] * 1_000_000))),
        Damaged("shape of forty dimensions", with_tensor(T([1] * 40))),
        Damaged("beyond 32 bits", with_tensor(T([65536, 65536]))),
        Damaged("one scale too many", with_tensor(T([4], "int8", scale=[1.0] * 5))),
        Damaged("no such dimension", with_tensor(T([4], "int8", scale=[1.0] * 4, dim=1))),
        Damaged("zero points missing", with_tensor(
            T([4], "int8", scale=[1.0] * 4, zero_point=[0]))),
        Damaged("int8 zero point", with_tensor(T([4], "int8", scale=1.0, zero_point=200))),
        Damaged("uint8 zero point", with_tensor(T([4], "uint8", scale=1.0, zero_point=-1))),
        Damaged("no subgraph", build()),
        Damaged("input left out", build(Graph(plain.tensors, [Op("RELU", [-1], [1])], [0], [1]))),
        Damaged("no such operator code", build(
            Graph(plain.tensors, [Op("RELU", [0], [1], code_index=9)], [0], [1]))),
        Damaged("negative operator code", build(
            Graph(plain.tensors, [Op("RELU", [0], [1], codes=(-1, -2))], [0], [1]))),
        Damaged("tables without end", build(plain, repeat_buffers=200_000)),
        Damaged("tables without end", build(replace(plain, repeat_tensors=100_000))),
        Damaged("vectors without end", build(Graph([many], [], [0], [0], repeat_tensors=1_000))),
    ]  # fmt: skip
