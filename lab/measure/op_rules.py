"""Rules for single operators of ``tflm-2020-07``: what its kernels get wrong, or refuse.

Each was read in the kernel's source; ``tests/op_cases.py`` has a model for each, and says which
were also seen to compute something else than a newer interpreter. A rule looks at one operator
whose tensors have the right number, types and ranks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from lab.graph import Tensor
from lab.measure.op_findings import (
    BAD_MODEL,
    BAD_PARAMS,
    HALTED,
    QUANTIZED,
    Finding,
    Step,
    missing,
    wrong,
)
from lab.tflite_schema import ACTIVATIONS, PADDING_SAME

Rule = Callable[[Step], Iterator[Finding]]

_CONVERT_AGAIN = "convert the model again"
_PER_TENSOR = (
    "convert with _experimental_disable_per_channel_quantization_for_dense_layers, "
    "or use a 1x1 Conv2D instead of Dense"
)
_NOT_RESCALED = "input and output scale differ, but values are not rescaled"
_SIMILAR_SCALES = "calibrate with a representative dataset of the real range"
_MAX_RESIZE = 1 << 16


def _activation(step: Step) -> Iterator[Finding]:
    number = step.option("activation")
    name = ACTIVATIONS[number] if 0 <= number < len(ACTIVATIONS) else f"number {number}"
    if name not in {"NONE", "RELU", "RELU_N1_TO_1", "RELU6"}:
        # No TFLite kernel applies them, so results agree with other interpreters.
        yield Finding("unknown", "", f"fused activation {name} is not applied")


def _window(step: Step) -> Iterator[Finding]:
    """Padding, strides and the like, which no kernel checks."""
    if step.option("padding") not in {0, 1}:
        yield wrong(f"padding {step.option('padding')} is unknown", _CONVERT_AGAIN, BAD_MODEL)
    for name in ("stride_w", "stride_h", "dilation_w", "dilation_h", "filter_w", "filter_h"):
        if name in step.operator.options and step.option(name) < 1:
            reason = f"{name} is {step.option(name)}, nobody checks that"
            yield wrong(reason, _CONVERT_AGAIN, BAD_MODEL)


def _channels(step: Step, dimension: int) -> Iterator[Finding]:
    """Weights against output: ``dimension`` of the weights counts output channels."""
    weights, output = step.need(1), step.output
    if weights.shape[dimension] != output.shape[-1]:
        channels = f"{weights.shape[dimension]} output channels"
        reason = f"weights have {channels}, the output has {output.shape[-1]}"
        yield wrong(reason, _CONVERT_AGAIN, BAD_MODEL)
    if len(weights.scales) > 1 and weights.quantized_dimension != dimension:
        reason = f"weights are quantized along dimension {weights.quantized_dimension}"
        yield missing(BAD_PARAMS, f"{reason}, not {dimension}", _CONVERT_AGAIN)
    if len(weights.scales) > 1 and weights.type == "uint8":
        yield missing(BAD_PARAMS, "uint8 weights with a scale per channel: fails in prepare")


def _conv(step: Step) -> Iterator[Finding]:
    yield from _window(step)
    yield from _activation(step)
    weights, data = step.need(1), step.need(0)
    if len(weights.shape) != 4:
        yield wrong(f"weights have {len(weights.shape)} dimensions, not 4", failure_class=BAD_MODEL)
        return
    yield from _channels(step, 0)
    if weights.shape[3] != data.shape[3]:
        reason = f"grouped: the input has {data.shape[3]} channels, a filter {weights.shape[3]}"
        yield wrong(f"{reason}; reads outside the filter", "use groups=1, or DepthwiseConv2D")


def _depthwise(step: Step) -> Iterator[Finding]:
    yield from _window(step)
    yield from _activation(step)
    weights, data = step.need(1), step.need(0)
    if len(weights.shape) != 4:
        yield wrong(f"weights have {len(weights.shape)} dimensions, not 4", failure_class=BAD_MODEL)
        return
    yield from _channels(step, 3)
    if data.shape[3] * step.option("depth_multiplier") != weights.shape[3]:
        reason = f"depth_multiplier {step.option('depth_multiplier')} does not fit"
        yield wrong(f"{reason} {weights.shape[3]} channels", _CONVERT_AGAIN, BAD_MODEL)
    dilated = [
        size > 1 and step.option(name) > 1
        for name, size in (("dilation_h", weights.shape[1]), ("dilation_w", weights.shape[2]))
    ]
    if any(dilated) and step.option("padding") == PADDING_SAME:
        reason = 'dilation with padding "same" is padded as if not dilated'
        yield wrong(reason, 'use ZeroPadding2D and padding "valid", or dilation_rate=1')
    if step.output.type == "int8" and _clamps(step.output, step.option("activation")):
        name = ACTIVATIONS[step.option("activation")]
        reason = f"fused {name} is not applied to int8, and the output's range does not imply it"
        yield wrong(reason, "make the activation a layer of its own")


def _clamps(output: Tensor, activation: int) -> bool:
    """Whether a fused activation cuts off int8 values this output could otherwise hold."""
    bounds = {1: (0.0, math.inf), 2: (-1.0, 1.0), 3: (0.0, 6.0)}.get(activation)
    if bounds is None or not output.scales or not output.zero_points:
        return False
    low, high = (
        output.zero_points[0] + (bound / output.scales[0] if math.isfinite(bound) else bound)
        for bound in bounds
    )
    return low > -127.5 or high < 126.5


def _fully_connected(step: Step) -> Iterator[Finding]:
    yield from _activation(step)
    weights, output = step.need(1), step.output
    if step.option("weights_format"):
        yield wrong("shuffled weights are read as plain ones", _CONVERT_AGAIN)
    if len(weights.shape) < 2:
        yield wrong(f"weights have {len(weights.shape)} dimensions", failure_class=BAD_MODEL)
        return
    if len(set(weights.scales)) > 1:
        reason = f"weights have {len(weights.scales)} scales, one per channel; only the first"
        yield wrong(f"{reason} is used", _PER_TENSOR)
    if output.type == "int8" and len(output.shape) != 2:
        what = f"output has {len(output.shape)} dimensions"
        reason = f"{what}, only part of it is written"
        yield wrong(reason, "reshape to two dimensions before Dense and back after it")
    elif weights.shape[-2] != output.shape[-1]:
        reason = f"weights have {weights.shape[-2]} rows, the output has {output.shape[-1]} columns"
        yield wrong(reason, _CONVERT_AGAIN, BAD_MODEL)


def _pool(step: Step) -> Iterator[Finding]:
    yield from _window(step)
    yield from _activation(step)
    if step.output.type in QUANTIZED and not _same_scale(step.need(0), step.output):
        yield wrong(_NOT_RESCALED, _CONVERT_AGAIN)


def _softmax(step: Step) -> Iterator[Finding]:
    data, output = step.need(0), step.output
    if data.type not in QUANTIZED:
        return
    expected = {"int8": -128, "uint8": 0, "int16": -32768}[output.type]
    if output.zero_points[0] != expected:
        reason = f"output zero point is {output.zero_points[0]}, must be {expected}"
        yield missing(BAD_PARAMS, f"{reason}: fails in invoke", _CONVERT_AGAIN)
    if output.type == "int8" and output.scales[0] != 1 / 256:
        reason = f"output scale is {output.scales[0]:g}, must be 1/256"
        yield missing(BAD_PARAMS, f"{reason}: fails in invoke", _CONVERT_AGAIN)
    beta = float(step.operator.options["beta"])  # type: ignore[arg-type]  # one number
    if not beta * data.scales[0] * (1 << 26) > 1:
        yield missing(HALTED, f"beta {beta:g} is too small: aborts in invoke", _CONVERT_AGAIN)


def _broadcast(step: Step) -> Iterator[Finding]:
    shapes = [step.need(0).shape, step.need(1).shape]
    rank = max(map(len, shapes))
    if shapes[0] != shapes[1] and rank > 4:
        reason = f"broadcasts over {rank} dimensions, at most 4 work: aborts in invoke"
        yield missing(HALTED, reason, "reshape to 4 dimensions")


def _product(step: Step) -> Iterator[Finding]:
    yield from _activation(step)
    yield from _broadcast(step)


def _sum(step: Step) -> Iterator[Finding]:
    yield from _activation(step)
    yield from _broadcast(step)
    if step.output.type not in {"int8", "uint8"}:
        return
    largest = 2 * max(step.need(0).scales[0], step.need(1).scales[0])
    if largest / ((1 << 20) * step.output.scales[0]) >= 1:
        reason = "input scale is over a million times the output's: aborts in invoke"
        yield missing(HALTED, reason, _SIMILAR_SCALES)


def _svdf(step: Step) -> Iterator[Finding]:
    if step.option("rank") < 1:
        yield wrong(f"rank is {step.option('rank')}", _CONVERT_AGAIN, BAD_MODEL)
    if not step.need(4).is_variable:
        yield wrong(
            "its state is not a variable tensor and is overwritten", failure_class=BAD_MODEL
        )
    if step.need(0).type == "int8" and step.option("activation") != 1:
        yield missing(BAD_PARAMS, "int8 needs fused RELU: fails in invoke", "use activation relu")
    unscaled = [t.label for t in step.tensors if t.type == "int16" and not t.zero_points]
    if unscaled:
        yield wrong(f"{unscaled[0]} has no quantization", _CONVERT_AGAIN, BAD_MODEL)


def _reshape(step: Step) -> Iterator[Finding]:
    data, output = step.need(0), step.output
    if len(step.operator.inputs) == 1 and output.shape == (0,):
        reason = "shape [0] makes it write into the model, which lies in flash"
        yield wrong(reason, "reshape to [1]", "dynamic_tensor")
    elif data.elements != output.elements:
        reason = f"{data.elements:,} elements become {output.elements:,}: fails in prepare"
        yield missing(BAD_PARAMS, reason, _CONVERT_AGAIN)


def _pad(step: Step) -> Iterator[Finding]:
    paddings, before, after = step.integers(1), step.need(0).shape, step.output.shape
    if paddings is None:
        yield missing("dynamic_tensor", "paddings are not constant", "pad by constants")
        return
    padded = [dim + sum(paddings[2 * i : 2 * i + 2]) for i, dim in enumerate(before)]
    if len(paddings) != 2 * len(after) or padded != list(after):
        reason = f"{list(before)} padded is not {list(after)}"
        yield missing(BAD_PARAMS, f"{reason}: fails in prepare", _CONVERT_AGAIN)


def _quantize(step: Step) -> Iterator[Finding]:
    if len(step.output.scales) > 1:
        yield missing(BAD_PARAMS, "output has a scale per channel: fails in prepare")


def _mean(step: Step) -> Iterator[Finding]:
    axes = step.integers(1)
    if axes is None:
        yield missing("dynamic_tensor", "axes are not constant", "use constant axes")
    elif len(step.need(0).shape) != 4 or sorted(axes) != [1, 2]:
        reason = f"{len(step.need(0).shape)} dimensions, axes {list(axes)[:8]}"
        what = "does only axes 1 and 2 of 4: fails in invoke"
        yield missing(BAD_PARAMS, f"{reason}; {what}", step.kernel.instead)


def _concatenation(step: Step) -> Iterator[Finding]:
    if step.option("activation"):
        reason = "has a fused activation: fails in prepare"
        yield missing(BAD_PARAMS, reason, "make the activation a layer of its own")
    rank = len(step.output.shape)
    if not -rank <= step.option("axis") < rank:
        yield wrong(f"axis {step.option('axis')} of {rank}", _CONVERT_AGAIN, BAD_MODEL)
    if step.output.type == "int8" and not all(_same_scale(t, step.output) for t in step.tensors):
        yield wrong(_NOT_RESCALED, "convert again: the converter gives all of them one scale")


def _same_scale(one: Tensor, other: Tensor) -> bool:
    return (one.scales, one.zero_points) == (other.scales, other.zero_points)


def _strided_slice(step: Step) -> Iterator[Finding]:
    rank = len(step.need(0).shape)
    for position, name in enumerate(("begin", "end", "strides"), start=1):
        values = step.integers(position)
        if values is None:
            reason = f"{name} is not constant but is read before the first inference"
            yield wrong(reason, "slice with constants", "dynamic_tensor")
        elif len(values) < rank:
            reason = f"{name} has {len(values)} values for {rank} dimensions"
            yield wrong(reason, "slice every dimension", BAD_MODEL)
    for name in ("ellipsis_mask", "new_axis_mask", "offset"):
        if step.option(name):
            yield wrong(f"{name} is ignored", "slice every dimension, then Reshape")


def _split(step: Step) -> Iterator[Finding]:
    axes = step.integers(0)
    rank = len(step.need(1).shape)
    if not axes:
        yield missing("dynamic_tensor", "axis is not constant: fails in invoke")
    elif not -rank <= axes[0] < rank:
        yield missing(BAD_PARAMS, f"axis {axes[0]} of {rank}: fails in invoke", _CONVERT_AGAIN)


def _count(option: str, *, of_inputs: bool) -> Rule:
    """PACK and UNPACK trust a count in their options."""

    def rule(step: Step) -> Iterator[Finding]:
        tensors = step.operator.inputs if of_inputs else step.operator.outputs
        if step.option(option) != len(tensors):
            reason = f"{option} is {step.option(option)}, its tensors are {len(tensors)}"
            yield wrong(reason, _CONVERT_AGAIN, BAD_MODEL)

    return rule


def _zero_point(expected: int) -> Rule:
    """LOGISTIC and TANH check the zero point and then ignore what they found."""

    def rule(step: Step) -> Iterator[Finding]:
        output = step.output
        if output.type == "int8" and output.zero_points[0] != expected:
            found = output.zero_points[0]
            yield wrong(f"output zero point is {found}, must be {expected}", _CONVERT_AGAIN)

    return rule


def _relu(step: Step) -> Iterator[Finding]:
    data, output = step.need(0), step.output
    if data.type in QUANTIZED and not _same_scale(data, output):
        yield wrong(_NOT_RESCALED, "let the converter fuse it into the layer before")


def _l2_normalization(step: Step) -> Iterator[Finding]:
    if step.option("activation"):
        yield wrong("fused activation is not applied", "make it a layer of its own")


def _resize(step: Step) -> Iterator[Finding]:
    size, shape = step.integers(1), step.output.shape
    if size is None:
        reason = "size is not constant, the output cannot follow it"
        yield wrong(reason, "resize to a constant size", "dynamic_tensor")
        return
    if size != shape[1:3]:
        reason = f"size {list(size)[:4]} does not fit the output {list(shape)}"
        yield wrong(reason, _CONVERT_AGAIN, BAD_MODEL)
    elif step.option("half_pixel_centers"):
        pairs = zip(step.need(0).shape[1:3], shape[1:3], strict=True)
        if any(_half_pixel_matters(*pair, bool(step.option("align_corners"))) for pair in pairs):
            what = f"{list(step.need(0).shape[1:3])} to {list(shape[1:3])}"
            reason = f"half_pixel_centers is ignored, which matters from {what}"
            yield wrong(reason, "enlarge by whole-number factors, without align_corners")


def _half_pixel_matters(before: int, after: int, align_corners: bool) -> bool:
    """Whether adding half a pixel makes any output position take another input position."""
    if after > _MAX_RESIZE:
        return True
    aligned = align_corners and after > 1
    number, of = (before - 1, after - 1) if aligned else (before, after)
    rounding = of if align_corners else 0

    def taken(halves: int) -> int:
        return min((halves * number + rounding) // (2 * of), before - 1)

    return any(taken(2 * position) != taken(2 * position + 1) for position in range(after))


def _comparison(step: Step) -> Iterator[Finding]:
    yield from _broadcast(step)
    for tensor in step.tensors[:2]:
        if tensor.type in QUANTIZED and tensor.scales[0] >= 1:
            reason = f"{tensor.label} has scale {tensor.scales[0]:g}, must be below 1"
            yield missing(HALTED, f"{reason}: aborts in invoke", "scale the data down")


def _circular_buffer(step: Step) -> Iterator[Finding]:
    before, after = step.need(0).shape, step.output.shape
    if before[:3] != (1, 1, 1) or (after[0], after[2]) != (1, 1) or before[3] != after[3]:
        reason = f"takes [1, 1, 1, n] to [1, slots, 1, n], not {list(before)} to {list(after)}"
        yield missing(BAD_PARAMS, f"{reason}: fails in prepare")
    count = sum(op.name == step.operator.name for op in step.model.operators)
    if count > 7:
        reason = f"the model has {count}, its static table has 7 places"
        yield wrong(reason, "use at most 7")
    if after[1] != 5:
        yield Finding("unknown", "", "ends every other inference early, with status -9")


_COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
RULES: dict[str, Rule] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "SOFTMAX": _softmax,
    "ADD": _sum,
    "SUB": _sum,
    "MUL": _product,
    "LOGICAL_OR": _broadcast,
    "LOGICAL_AND": _broadcast,
    "SVDF": _svdf,
    "RESHAPE": _reshape,
    "PAD": _pad,
    "PADV2": _pad,
    "QUANTIZE": _quantize,
    "MEAN": _mean,
    "CONCATENATION": _concatenation,
    "STRIDED_SLICE": _strided_slice,
    "SPLIT": _split,
    "PACK": _count("values_count", of_inputs=True),
    "UNPACK": _count("num", of_inputs=False),
    "LOGISTIC": _zero_point(-128),
    "TANH": _zero_point(0),
    "RELU": _relu,
    "RELU6": _relu,
    "L2_NORMALIZATION": _l2_normalization,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "CIRCULAR_BUFFER": _circular_buffer,
    **dict.fromkeys(_COMPARISONS, _comparison),
}
