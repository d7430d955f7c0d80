"""A model of one operator on a standard shape, to price the operator with.

The models are plain: every type of data the operator may have is tried, int8 first, and the
operator gate says which of them a runtime takes. Shapes are large enough for the inner loop to
count and small enough to run in no time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from lab.model_writer import T, one_op

Work = Literal["MAC", "output element", "input element"]
_WEIGHTS_SEED = 20200701
_SOFTMAX = (1 / 256, -128)  # scale and zero point that the kernels ask for
_TANH = (1 / 128, 0)


@dataclass(frozen=True)
class StandardModel:
    """One operator on a standard shape.

    Attributes:
        dtype: type of its data.
        shapes: of its tensors, such as ``1x256, 64x256, 64 -> 1x64``.
        work: what its instructions are counted by.
        amount: how many of these it computes.
        write: the model with so many nodes of the operator, all on the same tensors.
    """

    dtype: str
    shapes: str
    work: Work
    amount: int
    write: Callable[[int], bytes] = field(compare=False)


@dataclass(frozen=True)
class _Plan:
    """What an operator is tried on; ``macs`` None: it is counted by elements."""

    inputs: Sequence[T]
    outputs: Sequence[T]
    table: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    macs: int | None = None
    work: Work = "output element"


@dataclass(frozen=True)
class _Kind:
    """Makes tensors of one type of data: scales only where it is quantized."""

    dtype: str

    def data(
        self, *shape: int, scale: float = 0.05, zero_point: int = 3, contents: Any = None
    ) -> T:
        if self.dtype != "int8":
            return T(shape, self.dtype, contents)
        return T(shape, "int8", contents, scale, zero_point)

    def weights(self, *shape: int, channels: int = 0, dim: int = 0) -> T:
        """Constants; with a scale for each of so many channels where they are quantized."""
        rng = np.random.default_rng(_WEIGHTS_SEED)
        if self.dtype == "float32":
            return T(shape, "float32", rng.normal(scale=0.1, size=shape))
        scale = list(np.linspace(0.001, 0.002, channels)) if channels else 0.001
        return T(shape, "int8", rng.integers(-127, 128, shape), scale, dim=dim)

    def bias(self, count: int) -> T:
        if self.dtype == "float32":
            return T([count], "float32", np.full(count, 0.1))
        return T([count], "int32", np.full(count, 100), 0.0001)


def standard_models(name: str) -> Iterator[StandardModel]:
    """The models of an operator, one for each type of data; none for one nobody thought of.

    Args:
        name: a builtin's, or a custom operator's.
    """
    maker = _MAKERS.get(name)
    if maker is None:
        return
    for dtype in _DTYPES.get(name, ("int8", "float32")):
        yield _standard_model(name, dtype, maker(_Kind(dtype)))


def _standard_model(name: str, dtype: str, plan: _Plan) -> StandardModel:
    custom = {"custom_code": name} if name in _CUSTOM else {}
    tensors = plan.inputs if plan.work == "input element" else plan.outputs
    elements = sum(int(np.prod(tensor.shape or ())) for tensor in tensors if tensor.data is None)
    return StandardModel(
        dtype=dtype,
        shapes=f"{_shapes(plan.inputs)} -> {_shapes(plan.outputs)}",
        work="MAC" if plan.macs else plan.work,
        amount=plan.macs or elements,
        write=lambda nodes: one_op(
            name, plan.inputs, plan.outputs, plan.table, plan.options, version=plan.version,
            nodes=nodes, **custom,
        ),
    )  # fmt: skip


def _shapes(tensors: Sequence[T]) -> str:
    return ", ".join("x".join(map(str, tensor.shape or ())) or "1" for tensor in tensors)


def _ints(*values: Any) -> T:
    return T(np.shape(values), "int32", values)


# ---- operators ----


def _conv(kind: _Kind) -> _Plan:
    filters = kind.weights(16, 3, 3, 8, channels=16)
    return _Plan(
        [kind.data(1, 18, 18, 8), filters, kind.bias(16)], [kind.data(1, 16, 16, 16)],
        "Conv2DOptions", {"Padding": 1, "StrideW": 1, "StrideH": 1}, 3,
        macs=16 * 16 * 16 * 3 * 3 * 8,
    )  # fmt: skip


def _depthwise(kind: _Kind) -> _Plan:
    filters = kind.weights(1, 3, 3, 8, channels=8, dim=3)
    return _Plan(
        [kind.data(1, 18, 18, 8), filters, kind.bias(8)], [kind.data(1, 16, 16, 8)],
        "DepthwiseConv2DOptions",
        {"Padding": 1, "StrideW": 1, "StrideH": 1, "DepthMultiplier": 1}, 3,
        macs=16 * 16 * 8 * 3 * 3,
    )  # fmt: skip


def _dense(kind: _Kind) -> _Plan:
    return _Plan(
        [kind.data(1, 256), kind.weights(64, 256), kind.bias(64)], [kind.data(1, 64)],
        "FullyConnectedOptions", {}, 4, macs=64 * 256,
    )  # fmt: skip


def _svdf(kind: _Kind) -> _Plan:
    """Rank 1: 32 inputs, 16 units, and a memory of 8 steps for each."""
    quantized = kind.dtype == "int8"
    rng = np.random.default_rng(_WEIGHTS_SEED)
    time = T([16, 8], "int16", rng.integers(-3000, 3000, (16, 8)), 0.001)
    state = T([1, 16 * 8], "int16", scale=0.001) if quantized else T([1, 16 * 8])
    return _Plan(
        [
            kind.data(1, 32), kind.weights(16, 32), time if quantized else kind.weights(16, 8),
            kind.bias(16), replace(state, variable=True),
        ],
        [kind.data(1, 16, scale=0.1, zero_point=-128)],
        "SVDFOptions", {"Rank": 1, "FusedActivationFunction": 1}, 3, macs=16 * (32 + 8),
    )  # fmt: skip


def _pool(kind: _Kind) -> _Plan:
    options = {"Padding": 1, "StrideW": 2, "StrideH": 2, "FilterWidth": 2, "FilterHeight": 2}
    return _Plan([_map(kind)], [kind.data(1, 8, 8, 8)], "Pool2DOptions", options, 2)


def _map(kind: _Kind) -> T:
    return kind.data(1, 16, 16, 8)


def _unary(kind: _Kind) -> _Plan:
    return _Plan([_map(kind)], [_map(kind)])


def _activation(scale: float, zero_point: int) -> Callable[[_Kind], _Plan]:
    def make(kind: _Kind) -> _Plan:
        return _Plan([_map(kind)], [kind.data(1, 16, 16, 8, scale=scale, zero_point=zero_point)])

    return make


def _softmax(kind: _Kind) -> _Plan:
    scale, zero_point = _SOFTMAX
    out = kind.data(1, 256, scale=scale, zero_point=zero_point)
    return _Plan([kind.data(1, 256)], [out], "SoftmaxOptions", {"Beta": 1.0}, 2)


def _l2_normalization(kind: _Kind) -> _Plan:
    scale, zero_point = _TANH
    out = kind.data(1, 256, scale=scale, zero_point=zero_point)
    return _Plan([kind.data(1, 256, zero_point=0)], [out], "L2NormOptions")


def _prelu(kind: _Kind) -> _Plan:
    return _Plan([_map(kind), kind.weights(1, 1, 8)], [_map(kind)])


def _binary(table: str = "") -> Callable[[_Kind], _Plan]:
    return lambda kind: _Plan([_map(kind), _map(kind)], [_map(kind)], table)


def _comparison(kind: _Kind) -> _Plan:
    return _Plan([_map(kind), _map(kind)], [T([1, 16, 16, 8], "bool")])


def _pad(kind: _Kind) -> _Plan:
    return _Plan([_map(kind), _PADDING], [kind.data(1, 18, 18, 8)])


def _padv2(kind: _Kind) -> _Plan:
    value = kind.data(1, contents=[1])
    return _Plan([_map(kind), _PADDING, value], [kind.data(1, 18, 18, 8)], version=2)


_PADDING = _ints([0, 0], [1, 1], [1, 1], [0, 0])


def _reshape(kind: _Kind) -> _Plan:
    options = {"NewShape": [1, 2048]}
    return _Plan([_map(kind), _ints(1, 2048)], [kind.data(1, 2048)], "ReshapeOptions", options)


def _quantize(kind: _Kind) -> _Plan:
    return _Plan([_map(kind)], [_map(_Kind("int8"))])


def _dequantize(kind: _Kind) -> _Plan:
    return _Plan([_map(kind)], [_map(_Kind("float32"))], version=2)


def _mean(kind: _Kind) -> _Plan:
    return _Plan(
        [_map(kind), _ints(1, 2)], [kind.data(1, 1, 1, 8)], "ReducerOptions", {"KeepDims": True},
        work="input element",
    )  # fmt: skip


def _arg(table: str) -> Callable[[_Kind], _Plan]:
    return lambda kind: _Plan(
        [kind.data(1, 256), _ints(1)], [T([1], "int32")], table, {"OutputType": 2},
        work="input element",
    )  # fmt: skip


def _concatenation(kind: _Kind) -> _Plan:
    out = kind.data(1, 16, 16, 16)
    return _Plan([_map(kind), _map(kind)], [out], "ConcatenationOptions", {"Axis": 3}, 2)


def _strided_slice(kind: _Kind) -> _Plan:
    bounds = [_ints(0, 0, 0, 0), _ints(1, 16, 16, 8), _ints(1, 2, 2, 1)]
    return _Plan([_map(kind), *bounds], [kind.data(1, 8, 8, 8)], "StridedSliceOptions")


def _split(kind: _Kind) -> _Plan:
    axis, half = T([], "int32", [3]), kind.data(1, 16, 16, 4)
    return _Plan([axis, _map(kind)], [half, half], "SplitOptions", {"NumSplits": 2})


def _pack(kind: _Kind) -> _Plan:
    out = kind.data(2, 1, 16, 16, 8)
    return _Plan([_map(kind), _map(kind)], [out], "PackOptions", {"ValuesCount": 2})


def _unpack(kind: _Kind) -> _Plan:
    half = kind.data(16, 16, 8)
    return _Plan([kind.data(2, 16, 16, 8)], [half, half], "UnpackOptions", {"Num": 2})


def _resize(kind: _Kind) -> _Plan:
    inputs = [kind.data(1, 8, 8, 8), _ints(16, 16)]
    return _Plan(inputs, [_map(kind)], "ResizeNearestNeighborOptions", version=2)


def _circular_buffer(kind: _Kind) -> _Plan:
    """Of length 5: with any other its kernel ends most inferences early."""
    return _Plan([kind.data(1, 1, 1, 64)], [kind.data(1, 5, 1, 64)])


_CUSTOM = {"CIRCULAR_BUFFER"}
_MAKERS: dict[str, Callable[[_Kind], _Plan]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "SVDF": _svdf,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "SOFTMAX": _softmax,
    "L2_NORMALIZATION": _l2_normalization,
    "LOGISTIC": _activation(*_SOFTMAX),
    "TANH": _activation(*_TANH),
    "PRELU": _prelu,
    "ADD": _binary("AddOptions"),
    "SUB": _binary("SubOptions"),
    "MUL": _binary("MulOptions"),
    "PAD": _pad,
    "PADV2": _padv2,
    "RESHAPE": _reshape,
    "QUANTIZE": _quantize,
    "DEQUANTIZE": _dequantize,
    "MEAN": _mean,
    "ARG_MAX": _arg("ArgMaxOptions"),
    "ARG_MIN": _arg("ArgMinOptions"),
    "CONCATENATION": _concatenation,
    "STRIDED_SLICE": _strided_slice,
    "SPLIT": _split,
    "PACK": _pack,
    "UNPACK": _unpack,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "CIRCULAR_BUFFER": _circular_buffer,
    **dict.fromkeys(("RELU", "RELU6", "ABS", "RSQRT", "SIN", "COS", "LOG", "SQRT", "SQUARE",
                     "NEG", "FLOOR", "CEIL", "ROUND", "LOGICAL_NOT"), _unary),
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "LOGICAL_OR", "LOGICAL_AND"), _binary()),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"),
                    _comparison),
}  # fmt: skip
_DTYPES: dict[str, tuple[str, ...]] = {
    "QUANTIZE": ("float32",),
    "DEQUANTIZE": ("int8",),
    **dict.fromkeys(("LOGICAL_OR", "LOGICAL_AND", "LOGICAL_NOT"), ("bool",)),
}
