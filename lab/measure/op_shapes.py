"""Whether the shape of an output follows from those of the inputs.

A converter writes both, and the kernels of ``tflm-2020-07`` compare next to none of them: some loop
over the output, others over an input, so where they disagree memory outside a tensor is read or
written, without a word. Kernels that do compare (PAD, RESHAPE, STRIDED_SLICE, SVDF) are not here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import zip_longest

from lab.measure.op_findings import BAD_MODEL, Finding, Step, wrong
from lab.tflite_schema import PADDING_SAME

Shape = tuple[int, ...]


def shape_findings(step: Step) -> Iterator[Finding]:
    """What does not follow; nothing for operators and options whose shapes are not judged here."""
    follows = _FOLLOWS.get(step.operator.name)
    if follows is None or any(dim < 0 for tensor in step.tensors for dim in tensor.shape):
        return
    if follows(step) is False:
        inputs = [tensor for tensor in step.model.tensors_of(step.operator.inputs) if tensor]
        shapes = ", ".join(str(list(tensor.shape)) for tensor in inputs[:4])
        reason = f"the output's shape {list(step.output.shape)} does not follow from {shapes}"
        yield wrong(reason, "convert the model again", BAD_MODEL)


def _same_size(step: Step) -> bool:
    """Element by element, in any shape."""
    return step.output.elements == step.need(0).elements


def _same_rows(step: Step) -> bool:
    """Row by row, a row being the last dimension."""
    return _same_size(step) and step.output.shape[-1:] == step.need(0).shape[-1:]


def _broadcast(step: Step) -> bool:
    """Element by element, where a dimension of 1 fits any other."""
    shapes = [step.need(0).shape, step.need(1).shape]
    pairs = list(zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1))
    fits = all(one == other or 1 in {one, other} for one, other in pairs)
    result = tuple(other if one == 1 else one for one, other in reversed(pairs))
    return fits and _stripped(result) == _stripped(step.output.shape)


def _stripped(shape: Shape) -> Shape:
    """Without leading ones."""
    leading = next((i for i, dim in enumerate(shape) if dim != 1), len(shape))
    return shape[leading:]


def _windowed(step: Step, window: Shape, dilation: Shape, channels: int) -> bool | None:
    """A window that moves over height and width."""
    strides = (step.option("stride_h"), step.option("stride_w"))
    if min(strides) < 1:
        return None
    batch, *sizes = step.need(0).shape[:3]
    places = []
    for size, extent, stride, apart in zip(sizes, window, strides, dilation, strict=True):
        covered = 0 if step.option("padding") == PADDING_SAME else (extent - 1) * apart
        places.append(-(-(size - covered) // stride))
    return step.output.shape == (batch, *places, channels)


def _conv(step: Step) -> bool | None:
    weights = step.need(1).shape
    dilation = (step.option("dilation_h"), step.option("dilation_w"))
    if len(weights) != 4:
        return None
    channels = weights[3] if step.operator.name == "DEPTHWISE_CONV_2D" else weights[0]
    return _has_bias_for(step, channels) and _windowed(step, weights[1:3], dilation, channels)


def _pool(step: Step) -> bool | None:
    window = (step.option("filter_h"), step.option("filter_w"))
    return _windowed(step, window, (1, 1), step.need(0).shape[3])


def _dense(step: Step) -> bool | None:
    weights = step.need(1).shape
    if len(weights) < 2:
        return None
    rows, columns = weights[-2:]
    fits = step.need(0).elements * rows == step.output.elements * columns
    return fits and _has_bias_for(step, rows)


def _has_bias_for(step: Step, channels: int) -> bool:
    bias = step.input(2)
    return bias is None or bias.elements == channels


def _resize(step: Step) -> bool:
    before, after = step.need(0).shape, step.output.shape
    return (before[0], before[3]) == (after[0], after[3])


def _mean(step: Step) -> bool | None:
    shape, axes = step.need(0).shape, step.integers(1)
    if len(shape) != 4 or axes is None or sorted(axes) != [1, 2]:
        return None
    return step.output.elements == shape[0] * shape[3]


def _argument(step: Step) -> bool | None:
    """The dimension that is searched disappears."""
    axes, shape = step.integers(1), step.need(0).shape
    if not axes or not -len(shape) <= axes[0] < len(shape):
        return None
    return step.output.elements * shape[axes[0]] == step.need(0).elements


def _concatenation(step: Step) -> bool | None:
    return _joined(step, step.operator.inputs, step.output.shape)


def _split(step: Step) -> bool | None:
    axes = step.integers(0)
    return _joined(step, step.operator.outputs, step.need(1).shape, axes[0]) if axes else None


def _joined(
    step: Step, indices: tuple[int, ...], whole: Shape, axis: int | None = None
) -> bool | None:
    """Parts that differ along one axis only, and fill it."""
    axis = step.option("axis") if axis is None else axis
    if not -len(whole) <= axis < len(whole):
        return None
    axis %= len(whole)
    parts = [step.model.tensors[index].shape for index in indices]
    if any(len(part) != len(whole) for part in parts):
        return False
    around = {part[:axis] + part[axis + 1 :] for part in parts}
    return (
        around == {whole[:axis] + whole[axis + 1 :]}
        and sum(part[axis] for part in parts) == whole[axis]
    )


def _stacked(step: Step) -> bool:
    """PACK and UNPACK: parts of one size make the whole."""
    inputs, outputs = (
        [step.model.tensors[index].elements for index in indices]
        for indices in (step.operator.inputs, step.operator.outputs)
    )
    parts, whole = (inputs, outputs) if step.operator.name == "PACK" else (outputs, inputs)
    return len(set(parts)) == 1 and sum(parts) == math.prod(whole)


_FOLLOWS: dict[str, Callable[[Step], bool | None]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _conv,
    "FULLY_CONNECTED": _dense,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "MEAN": _mean,
    "ARG_MAX": _argument,
    "ARG_MIN": _argument,
    "CONCATENATION": _concatenation,
    "SPLIT": _split,
    "PACK": _stacked,
    "UNPACK": _stacked,
    **dict.fromkeys(("SOFTMAX", "L2_NORMALIZATION"), _same_rows),
    **dict.fromkeys(
        ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "PRELU", "LOGICAL_OR", "LOGICAL_AND", "EQUAL",
         "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"), _broadcast,
    ),
    **dict.fromkeys(
        ("RELU", "RELU6", "LOGISTIC", "TANH", "QUANTIZE", "DEQUANTIZE", "LOGICAL_NOT", "ABS",
         "RSQRT", "SIN", "COS", "LOG", "SQRT", "SQUARE", "NEG", "FLOOR", "CEIL", "ROUND"),
        _same_size,
    ),
}  # fmt: skip
