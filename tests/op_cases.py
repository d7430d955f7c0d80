"""One small model for each rule of the operator gate, with the verdict it must get.

``verdict`` is that of the whole model. Run with this runtime, the models of ``SUPPORTED`` give the
bytes that a newer interpreter gives; those marked ``differs`` were seen to give others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.model_writer import Graph, Op, T, build, one_op, quantized


@dataclass(frozen=True)
class Case:
    """A model and what the gate must say; ``says`` is part of the reason."""

    name: str
    model: bytes
    verdict: str = "supported"
    failure_class: str = ""
    says: str = ""
    differs: bool = False


_RANDOM = np.random.default_rng(20200701)
_X = quantized([1, 8, 8, 4], 0.05, 3)
_F = quantized([2, 12], 0.05, 3)
_Y = quantized([1, 8, 8, 6], 0.1, -5)
_D = quantized([1, 8, 8, 4], 0.1, -5)


def _w(*shape: int, scale: Any = 0.01, **more: Any) -> T:
    return T(shape, "int8", _RANDOM.integers(-127, 128, shape), scale, **more)


def _b(count: int) -> T:
    return T([count], "int32", _RANDOM.integers(-500, 500, count), 0.0005)


def _i(*values: int) -> T:
    return T([len(values)], "int32", values)


def _u(*shape: int, scale: float = 0.05, zero_point: int = 128, data: Any = None) -> T:
    return T(shape, "uint8", data, scale, zero_point)


def _f(*shape: int, data: bool = False) -> T:
    return T(shape, "float32", _RANDOM.normal(size=shape) if data else None)


def _conv(
    *inputs: T | None, out: T = _Y, version: int = 3, table: str = "Conv2DOptions", **options: int
) -> bytes:
    fields = {"Padding": 0, "StrideW": 1, "StrideH": 1} | options
    return one_op("CONV_2D", inputs, [out], table, fields if table else {}, version=version)


def _depthwise(*inputs: T | None, out: T = _D, version: int = 3, **options: int) -> bytes:
    fields = {"Padding": 0, "StrideW": 1, "StrideH": 1, "DepthMultiplier": 1} | options
    table = "DepthwiseConv2DOptions"
    return one_op("DEPTHWISE_CONV_2D", inputs, [out], table, fields, version=version)


def _dense(*inputs: T | None, out: T | None = None, version: int = 4, **options: int) -> bytes:
    out = out or quantized([2, 5], 0.1, 1)
    table = "FullyConnectedOptions"
    return one_op("FULLY_CONNECTED", inputs, [out], table, options, version=version)


def _unary(name: str, before: T, after: T, version: int = 1) -> bytes:
    return one_op(name, [before], [after], version=version)


def _binary(name: str, table: str, *tensors: T, version: int = 2) -> bytes:
    *inputs, out = tensors
    return one_op(name, inputs, [out], table, {}, version=version)


def _resize(before: int, after: int, version: int = 3, size: T | None = None, **on: bool) -> bytes:
    inputs = [quantized([1, before, before, 3]), size or _i(after, after)]
    out = quantized([1, after, after, 3])
    table = "ResizeNearestNeighborOptions"
    return one_op("RESIZE_NEAREST_NEIGHBOR", inputs, [out], table, on, version=version)


def _slice(before: T, values: Sequence[Sequence[int]], after: T, **options: int) -> bytes:
    inputs = [before, *(_i(*value) for value in values)]
    return one_op("STRIDED_SLICE", inputs, [after], "StridedSliceOptions", options, version=2)


def _svdf(activation: int, *, variable: bool = True) -> bytes:
    state = T([1, 12], "int16", scale=0.001, variable=variable)
    time = T([4, 3], "int16", _RANDOM.integers(-3000, 3000, (4, 3)), 0.001)
    inputs = [quantized([1, 8]), _w(4, 8), time, _b(4), state]
    options = {"Rank": 1, "FusedActivationFunction": activation}
    return one_op("SVDF", inputs, [quantized([1, 4], 0.1, -128)], "SVDFOptions", options, version=3)


def _relu_graph(
    tensors: Sequence[T], ops: Sequence[Op], inputs: list[int], outputs: list[int]
) -> bytes:
    return build(Graph(tensors, ops, inputs, outputs))


def _supported() -> list[Case]:
    channels = list(np.linspace(0.001, 0.02, 6))
    pool = {"Padding": 1, "StrideW": 2, "StrideH": 2, "FilterWidth": 2, "FilterHeight": 2}
    half = quantized([1, 4, 4, 4], 0.05, 3)
    keep = {"KeepDims": True}
    split = [quantized([2, 6], 0.05, 3)] * 2
    pads = T([4, 2], "int32", [[0, 0], [1, 1], [2, 2], [0, 0]])
    return [
        Case("conv, a scale per channel", _conv(_X, _w(6, 3, 3, 4, scale=channels), _b(6))),
        Case("conv, bias left out", _conv(_X, _w(6, 3, 3, 4), None)),
        Case("conv, two inputs", _conv(_X, _w(6, 3, 3, 4))),
        Case("conv, dilated", _conv(_X, _w(6, 3, 3, 4), _b(6), DilationWFactor=2)),
        Case("conv, relu6", _conv(_X, _w(6, 3, 3, 4), _b(6), FusedActivationFunction=3)),
        Case("depthwise", _depthwise(_X, _w(1, 3, 3, 4, dim=3), _b(4))),
        Case("depthwise, two inputs", _depthwise(_X, _w(1, 3, 3, 4))),
        Case("depthwise, relu implied by the range", _depthwise(
            _X, _w(1, 3, 3, 4), _b(4), out=quantized([1, 8, 8, 4], 0.1, -128),
            FusedActivationFunction=1)),
        Case("depthwise, relu6 implied by the range", _depthwise(
            _X, _w(1, 3, 3, 4, scale=0.1), _b(4), out=quantized([1, 8, 8, 4], 6 / 255, -128),
            FusedActivationFunction=3)),
        Case("depthwise, dilated, valid", _depthwise(
            _X, _w(1, 3, 3, 4), _b(4), out=quantized([1, 4, 4, 4], 0.1), Padding=1,
            DilationWFactor=2, DilationHFactor=2)),
        Case("dense", _dense(_F, _w(5, 12), _b(5))),
        Case("dense, bias left out", _dense(_F, _w(5, 12), None)),
        Case("dense, two inputs", _dense(_F, _w(5, 12), version=6)),
        Case("dense, equal scales per channel", _dense(_F, _w(5, 12, scale=[0.01] * 5), _b(5))),
        Case("dense, float, three dimensions", _dense(
            _f(1, 3, 12), _f(5, 12, data=True), _f(5, data=True), out=_f(1, 3, 5), version=5,
            KeepNumDims=True)),
        Case("relu, one scale", _unary("RELU", _X, quantized([1, 8, 8, 4], 0.05, 3), 2)),
        Case("softmax", one_op("SOFTMAX", [_F], [quantized([2, 12], 1 / 256, -128)],
                               "SoftmaxOptions", {"Beta": 1.0}, version=2)),
        Case("add, broadcast", _binary("ADD", "AddOptions", _F, quantized([1, 12]), _F)),
        Case("add, five dimensions", _binary(
            "ADD", "AddOptions", *[quantized([1, 1, 2, 2, 3])] * 3)),
        Case("sub", _binary("SUB", "SubOptions", _F, _F, _F)),
        Case("mul", _binary("MUL", "MulOptions", _F, _F, _F)),
        Case("mul, float", _binary("MUL", "MulOptions", _f(4), _f(4), _f(4), version=1)),
        Case("maximum v2", _binary("MAXIMUM", "MaximumMinimumOptions", _F, _F, _F)),
        Case("arg_max v2", one_op("ARG_MAX", [_F, _i(1)], [T([2], "int32")], "ArgMaxOptions",
                                  {"OutputType": 2}, version=2)),
        Case("tanh v2", _unary("TANH", _F, quantized([2, 12], 1 / 128, 0), 2)),
        Case("logistic v2", _unary("LOGISTIC", _F, quantized([2, 12], 1 / 256, -128), 2)),
        Case("prelu", one_op("PRELU", [_X, _w(1, 1, 4)], [_D])),
        Case("l2_normalization v2", one_op("L2_NORMALIZATION", [_F],
             [quantized([2, 12], 1 / 128)], "L2NormOptions", {}, version=2)),
        Case("resize by two", _resize(4, 8, 2)),
        Case("resize by one and a half", _resize(4, 6, 2)),
        Case("resize without options", one_op(
            "RESIZE_NEAREST_NEIGHBOR", [quantized([1, 4, 4, 3]), _i(8, 8)],
            [quantized([1, 8, 8, 3])])),
        Case("resize by two, half pixel", _resize(4, 8, HalfPixelCenters=True)),
        Case("resize, corners", _resize(4, 7, AlignCorners=True)),
        Case("concatenation", one_op("CONCATENATION", [_F, quantized([2, 3], 0.05, 3)],
             [quantized([2, 15], 0.05, 3)], "ConcatenationOptions", {"Axis": 1}, version=2)),
        Case("mean, float", one_op("MEAN", [_f(1, 4, 4, 3), _i(1, 2)], [_f(1, 1, 1, 3)],
                                   "ReducerOptions", keep)),
        Case("slice v2", _slice(_F, [(0, 2), (2, 8), (1, 2)], quantized([2, 3], 0.05, 3))),
        Case("split", one_op("SPLIT", [T([], "int32", [1]), _F], split, "SplitOptions",
                             {"NumSplits": 2}, version=2)),
        Case("pack", one_op("PACK", [_F, _F], [quantized([2, 2, 12], 0.05, 3)], "PackOptions",
                            {"ValuesCount": 2}, version=2)),
        Case("unpack", one_op("UNPACK", [_F], [quantized([12], 0.05, 3)] * 2, "UnpackOptions",
                              {"Num": 2}, version=2)),
        Case("pad", one_op("PAD", [_X, pads], [quantized([1, 10, 12, 4], 0.05, 3)], version=2)),
        Case("quantize", _unary("QUANTIZE", _f(4), quantized([4]))),
        Case("dequantize", _unary("DEQUANTIZE", _F, _f(2, 12), 2)),
        Case("equal", one_op("EQUAL", [_F, _F], [T([2, 12], "bool")], version=2)),
        Case("reshape", one_op("RESHAPE", [_F, _i(4, 6)], [quantized([4, 6], 0.05, 3)],
                               "ReshapeOptions", {"NewShape": [4, 6]})),
        Case("reshape to seven dimensions", one_op(
            "RESHAPE", [_F], [quantized([1, 1, 1, 1, 1, 4, 6], 0.05, 3)], "ReshapeOptions", {})),
        Case("max pool", one_op("MAX_POOL_2D", [_X], [half], "Pool2DOptions", pool, version=2)),
        Case("average pool", one_op("AVERAGE_POOL_2D", [_X], [half], "Pool2DOptions", pool,
                                    version=2)),
        Case("fixed shape that was dynamic", _unary(
            "RELU", T([1, 4], signature=[-1, 4]), T([1, 4], signature=[-1, 4]))),
    ]  # fmt: skip


def _uncompared() -> list[Case]:
    """Supported, but the newer interpreter has no such kernel to compare with."""
    weights = _u(6, 3, 3, 4, scale=0.01, data=_RANDOM.integers(0, 256, (6, 3, 3, 4)))
    return [
        Case("conv, uint8", _conv(_u(1, 8, 8, 4), weights, _b(6), out=_u(1, 8, 8, 6, scale=0.1),
                                  version=1)),
        Case("svdf", _svdf(1)),
    ]  # fmt: skip


def _unknown() -> list[Case]:
    ring = one_op("R", [quantized([1, 1, 1, 4])], [quantized([1, 3, 1, 4])],
                  custom_code="CIRCULAR_BUFFER")  # fmt: skip
    plain = (_X, _w(6, 3, 3, 4), _b(6))
    return [
        Case("newer version", _conv(*plain, version=9), "unknown", says="version 9"),
        Case("version 0", _conv(*plain, version=0), "unknown", says="version 0"),
        Case("fused tanh", _conv(*plain, FusedActivationFunction=4), "unknown", says="TANH"),
        Case("circular buffer", ring, "unknown", says="status -9"),
    ]


def _wrong() -> list[Case]:
    silent, hybrid, bad = "silent_wrong_result", "hybrid_or_uint8", "bad_model"
    scales = list(np.linspace(0.001, 0.02, 5))
    weights, bias = _w(6, 3, 3, 4), _b(6)
    three = (quantized([1, 3, 12]), _w(5, 12), _b(5))
    float_bias = _f(6, data=True)
    dilated: dict[str, Any] = {"DilationWFactor": 2, "DilationHFactor": 2}
    other = quantized([1, 8, 8, 4], 0.02, -128)
    join = [_F, quantized([2, 3], 0.02, 3)]
    no_axis = _slice(_F, [(0, 0, 2), (0, 2, 8), (1, 1, 2)], quantized([1, 2, 3]), NewAxisMask=1)
    return [
        Case("add, shapes",
             _binary("ADD", "AddOptions", quantized([2, 28], 0.05, 3), quantized([1, 12]), _F),
             "wrong", bad, "does not follow"),
        Case("conv, grouped", _conv(_X, _w(6, 3, 3, 2), bias, version=6), "wrong", silent,
             "grouped", differs=True),
        Case("conv, hybrid", _conv(_f(1, 8, 8, 4), weights, float_bias, out=_f(1, 8, 8, 6),
                                   version=2), "wrong", hybrid, "past their end"),
        Case("depthwise, hybrid", _depthwise(_f(1, 8, 8, 4), _w(1, 3, 3, 4), _f(4, data=True),
                                             out=_f(1, 8, 8, 4), version=4), "wrong", hybrid),
        Case("conv, no options", _conv(_X, weights, bias, table=""), "wrong", bad,
             "no Conv2DOptions"),
        Case("conv, stride 0", _conv(_X, weights, bias, StrideW=0), "wrong", bad, "stride_w is 0"),
        Case("conv, channels", _conv(_X, _w(5, 3, 3, 4), _b(5)), "wrong", bad, "output channels",
             differs=True),
        Case("depthwise, relu", _depthwise(
            _X, _w(1, 3, 3, 4), _b(4), out=quantized([1, 8, 8, 4], 0.01, -5),
            FusedActivationFunction=1), "wrong", silent, "RELU is not applied", differs=True),
        Case("depthwise, relu6", _depthwise(
            _X, _w(1, 3, 3, 4, scale=0.1), _b(4), out=quantized([1, 8, 8, 4], 10 / 255, -128),
            FusedActivationFunction=3), "wrong", silent, "RELU6 is not", differs=True),
        Case("depthwise, dilated, same", _depthwise(_X, _w(1, 3, 3, 4), _b(4), **dilated),
             "wrong", silent, "padded as if", differs=True),
        Case("depthwise, bias left out", _depthwise(_X, _w(1, 3, 3, 4), None), "wrong", silent,
             "left out"),
        Case("depthwise, multiplier", _depthwise(_X, _w(1, 3, 3, 4), _b(4), DepthMultiplier=0),
             "wrong", bad, "depth_multiplier 0", differs=True),
        Case("dense, a scale per channel", _dense(_F, _w(5, 12, scale=scales), _b(5)), "wrong",
             silent, "only the first", differs=True),
        Case("dense, three dimensions", _dense(
            *three, out=quantized([1, 3, 5], 0.1, 1), version=5, KeepNumDims=True), "wrong", silent,
            "only part", differs=True),
        Case("relu, two scales", _unary("RELU", _X, other, 2), "wrong", silent, "not rescaled",
             differs=True),
        Case("relu6, two scales", _unary("RELU6", _X, other, 2), "wrong", silent, "not rescaled"),
        Case("average pool, two scales", one_op(
            "AVERAGE_POOL_2D", [_X], [quantized([1, 4, 4, 4], 0.1)], "Pool2DOptions",
            {"Padding": 1, "StrideW": 2, "StrideH": 2, "FilterWidth": 2, "FilterHeight": 2},
            version=2), "wrong", silent, "not rescaled"),
        Case("concatenation, two scales", one_op(
            "CONCATENATION", join, [quantized([2, 15], 0.05, 3)], "ConcatenationOptions",
            {"Axis": 1}, version=2), "wrong", silent, "not rescaled"),
        Case("resize by one and a half, half pixel", _resize(4, 6, HalfPixelCenters=True), "wrong",
             silent, "half_pixel_centers", differs=True),
        Case("resize down, half pixel", _resize(8, 4, HalfPixelCenters=True), "wrong", silent,
             "half_pixel_centers", differs=True),
        Case("resize by two, half pixel, corners", _resize(
            3, 6, HalfPixelCenters=True, AlignCorners=True), "wrong", silent, differs=True),
        Case("resize to another size", _resize(4, 8, size=_i(9, 9)), "wrong", bad, "size [9, 9]"),
        Case("resize, size not constant", _resize(4, 8, size=T([2], "int32")), "wrong",
             "dynamic_tensor", "not constant"),
        Case("tanh, zero point", _unary("TANH", _F, quantized([2, 12], 1 / 128, 5), 2), "wrong",
             silent, "zero point is 5", differs=True),
        Case("logistic, zero point", _unary("LOGISTIC", _F, quantized([2, 12], 1 / 256, 0), 2),
             "wrong", silent, "zero point is 0"),
        Case("new axis", no_axis, "wrong", silent, "new_axis_mask"),
        Case("pack, count", one_op("PACK", [_F, _F], [quantized([2, 2, 12])], "PackOptions",
                                   {"ValuesCount": 3}, version=2), "wrong", bad, "values_count"),
        Case("add, types", _binary("ADD", "AddOptions", quantized([4]), _f(4), quantized([4])),
             "wrong", silent, "not checked"),
        Case("add, no scales", _binary("ADD", "AddOptions", *[T([4], "int8")] * 3), "wrong", bad,
             "no scale"),
        Case("dequantize, a scale per channel", _unary(
            "DEQUANTIZE", T([2, 12], "int8", scale=[0.05, 0.1]), _f(2, 12), 2), "wrong", silent,
            "only the first"),
        Case("sparse", _conv(_X, _w(6, 3, 3, 4, sparse=True), bias), "wrong", silent, "sparse"),
        Case("code in the newer field only", one_op("GELU", [_f(4)], [_f(4)], codes=(0, 150)),
             "wrong", silent, "taken for ADD"),
        Case("svdf, state not variable", build(Graph(
            [quantized([1, 8]), _w(4, 8), T([4, 3], "int16", np.ones((4, 3)), 0.001), _b(4),
             T([1, 12], "int16", scale=0.001), quantized([1, 4], 0.1)],
            [Op("SVDF", [0, 1, 2, 3, 4], [5], 3, "SVDFOptions",
                {"Rank": 1, "FusedActivationFunction": 1})], [0, 4], [5])), "wrong", bad, "state"),
        Case("reshape to nothing", one_op("RESHAPE", [_f(1)], [_f(0)], "ReshapeOptions", {}),
             "wrong", "dynamic_tensor", "in flash", differs=True),
        Case("never written", _relu_graph([_f(4)] * 3, [
            Op("ADD", [0, 2], [1], 1, "AddOptions")], [0], [1]), "wrong", bad, "nothing writes it"),
        Case("out of order", _relu_graph([_f(4)] * 3, [
            Op("RELU", [1], [2]), Op("RELU", [0], [1])], [0], [2]), "wrong", bad,
            "only operator 1 writes", differs=True),
        Case("writes a constant", _relu_graph([_f(4), _f(4, data=True)], [Op("RELU", [0], [1])],
                                              [0], [1]), "wrong", bad, "a constant in flash"),
    ]  # fmt: skip


def _missing() -> list[Case]:
    types, params, planner = "unsupported_type", "bad_params", "planner_lifetime"
    float_bias = _f(5, data=True)
    five = [quantized([1, 1, 2, 2, 3]), quantized([1, 1, 1, 2, 3]), quantized([1, 1, 2, 2, 3])]
    soft = quantized([2, 12], 1 / 256, -128)
    mean = "ReducerOptions"
    relu = Graph([_f(4), _f(4)], [Op("RELU", [0], [1])], [0], [1])
    wide = T([1, 8, 8, 4], "int16", scale=0.001)
    halves = [quantized([2, 6], 0.05, 3)] * 2
    return [
        Case("tile", one_op("TILE", [_F, _i(1, 2)], [quantized([2, 24])]), "missing", "op_missing",
             "nor in newer TFLM"),
        Case("transpose_conv", one_op("TRANSPOSE_CONV", [_i(1, 2), _w(1, 2, 2, 1), _X], [_X]),
             "missing", "op_missing", "newer TFLM (August 2026) has it"),
        Case("gelu", one_op("GELU", [_f(4)], [_f(4)]), "missing", "op_code_out_of_range"),
        Case("custom", one_op("X", [_f(4)], [_f(4)], custom_code="Flex\x1b[31mPow"), "missing",
             "custom_op_missing", "Flex\\x1b[31mPow"),
        Case("custom without a name", one_op("X", [_f(4)], [_f(4)], custom_code=""), "missing",
             "custom_op_missing", "no name"),
        Case("mean, int8", one_op("MEAN", [_X, _i(1, 2)], [quantized([1, 4])], mean, {}, version=2),
             "missing", types, "fails in invoke"),
        Case("mean, other axes", one_op("MEAN", [_f(1, 4, 4, 3), _i(3)], [_f(1, 4, 4)], mean, {}),
             "missing", params, "axes [3]"),
        Case("abs, int8", _unary("ABS", _F, _F, 2), "missing", types, "fails in invoke"),
        Case("maximum, int16", _binary("MAXIMUM", "MaximumMinimumOptions", *[wide] * 3), "missing",
             types),
        Case("conv, int16", _conv(wide, _w(6, 3, 3, 4), _b(6), out=T(
            [1, 8, 8, 6], "int16", scale=0.001)), "missing", types),
        Case("dense, hybrid", _dense(_f(2, 12), _w(5, 12), float_bias, out=_f(2, 5), version=3),
             "missing", "hybrid_or_uint8", "hybrid"),
        Case("requantize", _unary("QUANTIZE", quantized([4]), quantized([4], 0.1), 2), "missing",
             types, "fails in prepare"),
        Case("float16", _unary("RELU", T([4], "float16"), T([4], "float16")), "missing", types,
             "cannot hold"),
        Case("arg_max to int64", one_op("ARG_MAX", [_F, _i(1)], [T([2], "int64")], "ArgMaxOptions",
                                        {"OutputType": 4}, version=2), "missing", types),
        Case("concatenation of eleven", one_op(
            "CONCATENATION", [_F] * 11, [quantized([2, 132], 0.05, 3)], "ConcatenationOptions",
            {"Axis": 1}, version=2), "missing", params, "has 11 inputs"),
        Case("concatenation in five dimensions", one_op(
            "CONCATENATION", five[:1] * 2, [quantized([1, 1, 2, 2, 6])], "ConcatenationOptions",
            {"Axis": 4}, version=2), "missing", params, "5 dimensions"),
        Case("slice in five dimensions", _slice(
            five[0], [(0,) * 5, (1, 1, 2, 2, 3), (1,) * 5], five[0]), "missing", params),
        Case("six dimensions", _binary("ADD", "AddOptions", *[quantized([1] * 6)] * 3), "missing",
             params, "6 dimensions"),
        Case("broadcast in five dimensions", _binary("ADD", "AddOptions", *five), "missing",
             "halted", "at most 4"),
        Case("add, scales apart", _binary("ADD", "AddOptions", quantized([4], 60000.0),
                                          quantized([4]), quantized([4])), "missing", "halted"),
        Case("less, scale above one", one_op("LESS", [quantized([4], 1.5)] * 2, [T([4], "bool")],
                                             version=2), "missing", "halted", "must be below 1"),
        Case("softmax, zero point", one_op("SOFTMAX", [_F], [quantized([2, 12], 1 / 256)],
             "SoftmaxOptions", {"Beta": 1.0}, version=2), "missing", params, "zero point is 0"),
        Case("softmax, scale", one_op("SOFTMAX", [_F], [quantized([2, 12], 1 / 128, -128)],
             "SoftmaxOptions", {"Beta": 1.0}, version=2), "missing", params, "must be 1/256"),
        Case("softmax, beta 0", one_op("SOFTMAX", [_F], [soft], "SoftmaxOptions", {"Beta": 0.0},
                                       version=2), "missing", "halted"),
        Case("svdf without relu", _svdf(0), "missing", params, "needs fused RELU"),
        Case("split, axis not constant", one_op(
            "SPLIT", [T([], "int32"), _F], halves, "SplitOptions", {"NumSplits": 2}, version=2),
            "missing", "dynamic_tensor"),
        Case("pad, not constant", one_op("PAD", [_X, T([4, 2], "int32")], [_X], version=2),
             "missing", "dynamic_tensor"),
        Case("pad, other size", one_op("PAD", [_X, T([4, 2], "int32", np.zeros((4, 2)))],
             [quantized([1, 9, 8, 4], 0.05, 3)], version=2), "missing", params, "padded is not"),
        Case("reshape, other size", one_op("RESHAPE", [_F], [quantized([5, 5])], "ReshapeOptions",
                                           {}), "missing", params, "24 elements become 25"),
        Case("custom options", one_op("RELU", [_f(4)], [_f(4)], custom_options=b"x"), "missing",
             "bad_model", "custom options"),
        Case("split, unused output", build(Graph(
            [T([], "int32", [1]), _F, *halves],
            [Op("SPLIT", [0, 1], [2, 3], 2, "SplitOptions", {"NumSplits": 2})], [1], [2])),
            "missing", planner, "an output nobody uses"),
        Case("unused input", build(Graph([_f(4)] * 3, [Op("RELU", [0], [1])], [0, 2], [1])),
             "missing", planner, "used by nothing"),
        Case("unconnected", build(Graph([_f(4)] * 3, [Op("RELU", [0], [1])], [0], [1])), "missing",
             planner, "not connected"),
        Case("no operators", build(Graph([_f(4)], [], [0], [0])), "missing", planner),
        Case("two subgraphs", build(relu, relu), "missing", "multi_subgraph", "2 subgraphs"),
        Case("dynamic shape", build(Graph([_f(-1, 4), _f(-1, 4)], [Op("RELU", [0], [1])],
                                          [0], [1])), "missing", "dynamic_tensor"),
    ]  # fmt: skip


SUPPORTED = _supported()
UNCOMPARED = _uncompared()
UNKNOWN = _unknown()
WRONG = _wrong()
MISSING = _missing()
CASES = [*SUPPORTED, *UNCOMPARED, *UNKNOWN, *WRONG, *MISSING]
