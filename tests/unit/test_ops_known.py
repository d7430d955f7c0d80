"""The operator gate for runtimes of the 2026 generation: what is known, and what is not."""

from __future__ import annotations

import functools

import pytest

from lab.generations import GENERATIONS
from lab.measure.op_known import KnownOperators
from lab.measure.op_table import read_as
from lab.measure.ops import OperatorVerdict, blocking, gate, load_table, registrations
from lab.model import read_model
from lab.model_writer import Graph, Op, T, build, one_op, quantized
from lab.paths import data_dir
from lab.tflite_schema import BUILTIN_OPERATORS

FILE = data_dir("firmware") / "runtimes" / f"{GENERATIONS['2026-08'].operator_table}.ops.yaml"


@functools.cache
def table() -> KnownOperators:
    return read_as(KnownOperators, FILE)


def judged(model: bytes, kernels: str = "reference") -> tuple[OperatorVerdict, ...]:
    return gate(read_model(model), load_table(FILE, "2026-08"), kernels)


def only(model: bytes, kernels: str = "reference") -> OperatorVerdict:
    (verdict,) = judged(model, kernels)
    return verdict


def test_the_table_holds_all_hundred_builtins() -> None:
    assert len(table().operators) == 100
    assert set(table().operators) <= set(BUILTIN_OPERATORS)
    methods = [kernel.method for kernel in table().operators.values()]
    assert len(set(methods)) == 100
    assert {"AddAdd", "AddAddN", "AddConv2D", "AddUnidirectionalSequenceLSTM"} <= set(methods)


DENSE_OPTIONS = {"table": "FullyConnectedOptions"}


def dense(data: str, weights: str, channels: int = 1) -> bytes:
    scale = [0.1] * channels if channels > 1 else 0.1
    if weights == "int8" and channels > 1:
        scale = [0.1, 0.2]
    tensors = [
        T([1, 4], data, scale=None if data == "float32" else 0.1),
        T([2, 4], weights, data=[1] * 8, scale=None if weights == "float32" else scale),
        T([1, 2], data, scale=None if data == "float32" else 0.1),
    ]
    op = Op("FULLY_CONNECTED", [0, 1], [2], 4, "FullyConnectedOptions")
    return build(Graph(tensors, [op], [0], [2]))


@pytest.mark.parametrize(
    ("model", "kernels", "verdict", "failure_class"),
    [
        (dense("int8", "int8"), "reference", "supported", ""),
        (dense("int8", "int8", 2), "cmsis_nn", "supported", ""),
        (dense("float32", "float32"), "reference", "supported", ""),
        (dense("float32", "int8"), "reference", "missing", "hybrid_or_uint8"),
        (dense("uint8", "uint8"), "reference", "missing", "hybrid_or_uint8"),
        (dense("int16", "int8"), "cmsis_nn", "supported", ""),
        (dense("int16", "int8", 2), "cmsis_nn", "missing", "bad_params"),
        (dense("int16", "int8", 2), "reference", "unknown", ""),
        (dense("int32", "int8"), "reference", "unknown", ""),
        (one_op("TILE", [T([4])], [T([4])]), "reference", "missing", "op_missing"),
        (one_op("EXP", [quantized([4])], [quantized([4])]), "reference", "missing",
         "unsupported_type"),
        (one_op("EXP", [T([4])], [T([4])]), "reference", "supported", ""),
        (one_op("RELU6", [quantized([4])], [quantized([4])]), "reference", "supported", ""),
        (one_op("RELU6", [quantized([4])], [quantized([4], 0.02)]), "reference", "wrong",
         "silent_wrong_result"),
        (one_op("RELU", [quantized([4])], [quantized([4], 0.02)]), "reference", "supported", ""),
        (one_op("VAR_HANDLE", [T([4])], [T([4])]), "reference", "unknown", ""),
        (one_op("GATHER_ND", [T([4])], [T([4])]), "reference", "unknown", ""),
        (one_op("REVERSE_V2", [T([4])], [T([4])]), "reference", "unknown", ""),
    ],
)  # fmt: skip
def test_verdicts(model: bytes, kernels: str, verdict: str, failure_class: str) -> None:
    found = only(model, kernels)
    assert (found.verdict, found.failure_class) == (verdict, failure_class), found.reason


def test_versions_are_not_looked_at() -> None:
    tensors = [quantized([4]), quantized([4])]
    op = Op("LOGISTIC", [0], [1], 99)
    assert only(build(Graph(tensors, [op], [0], [1]))).verdict == "supported"


def test_custom_operators() -> None:
    tensors = [quantized([1, 1, 1, 4]), quantized([1, 2, 1, 4])]
    known = Op("CUSTOM", [0], [1], custom_code="CIRCULAR_BUFFER")
    other = Op("CUSTOM", [0], [1], custom_code="SignalOfOurs")
    model = build(Graph(tensors, [known], [0], [1]))
    assert only(model).verdict == "unknown"  # nobody tried one
    assert registrations(read_model(model), table())[0].method == "AddCircularBuffer"
    signal = Op("CUSTOM", [0], [1], custom_code="SignalDelay")
    model = build(Graph(tensors, [signal], [0], [1]))
    assert registrations(read_model(model), table())[0].method == "AddDelay"
    found = only(build(Graph(tensors, [other], [0], [1])))
    assert found.failure_class == "custom_op_missing"
    assert found.reason == 'custom operator "SignalOfOurs" is none that the lab registers'


def test_operators_of_all_subgraphs_are_judged_and_registered() -> None:
    main = Graph([T([4]), T([4])], [Op("RELU", [0], [1])], [0], [1])
    body = Graph([T([4]), T([4])], [Op("SQRT", [0], [1])], [0], [1])
    gone = Graph([T([4]), T([4])], [Op("TILE", [0], [1])], [0], [1])
    model = build(main, body)
    assert [one.name for one in judged(model)] == ["RELU"]
    methods = [one.method for one in registrations(read_model(model), table())]
    assert methods == ["AddRelu", "AddSqrt"]
    (stop,) = blocking(judged(build(main, gone)))
    assert stop.where == "subgraph 1 operator 0 TILE"


def test_prices_are_those_of_the_kernel_set() -> None:
    model = dense("int8", "int8")
    assert only(model).flash_bytes == 10_000
    assert only(model, "cmsis_nn").flash_bytes == 23_464
