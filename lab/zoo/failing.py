"""Networks that fail on a device, each in one way. Needs TensorFlow: for ``make_models`` only.

Nearly all are what Keras and the converter make of an innocent layer. Each is as small as its
failure allows, so that nothing else distracts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lab.zoo.recipe import JULY_2020, Format, ModelObject, Network, Recipe
from lab.zoo.weights import randomised

Tensor = Any

layers = tf.keras.layers


def _network(shape: tuple[int, ...], *steps: Callable[[Tensor], Tensor]) -> Network:
    """A chain of layers on one input with a batch of one."""
    x = source = tf.keras.Input(shape, batch_size=1, name="x")
    for step in steps:
        x = step(x)
    return randomised(tf.keras.Model(source, x))


def _dense_per_channel() -> Network:
    model = _network((16,), layers.Dense(8, name="dense"))
    kernel, bias = model.layers[-1].get_weights()
    # Units of very different size: where one scale is used for all of them, it shows.
    model.layers[-1].set_weights([kernel * np.float32(2.0) ** -np.arange(8, dtype="f4"), bias])
    return model


def _relu_rescaled() -> Network:
    """Pre-activation residual: RELU cannot be fused, for its input is needed once more."""
    source = tf.keras.Input((4, 4, 2), batch_size=1, name="x")
    x = layers.Conv2D(4, 1, name="before")(source)
    y = layers.Conv2D(4, 1, name="after")(layers.ReLU(name="relu")(x))
    return randomised(tf.keras.Model(source, layers.Add(name="add")([x, y])))


def _dynamic_batch() -> Network:
    source = tf.keras.Input((4, 4, 1), name="x")
    x = layers.Flatten(name="flatten")(source)
    return randomised(tf.keras.Model(source, layers.Dense(4, name="dense")(x)))


def _dynamic_slice() -> Network:
    source = tf.keras.Input((6, 4), batch_size=1, name="x")
    begin = tf.keras.Input(batch_shape=(3,), dtype="int32", name="begin")

    def row(pair: tuple[Tensor, Tensor]) -> Tensor:
        # Of the three numbers only the second counts: which row; the row is left without its axis.
        masks = {"begin_mask": 0b101, "end_mask": 0b101, "shrink_axis_mask": 0b010}
        return tf.strided_slice(*pair, [1, 1, 4], [1, 1, 1], **masks)

    taken = layers.Lambda(row, output_shape=(4,), name="row")([source, begin])
    return tf.keras.Model([source, begin], taken)


def _recurrent() -> Network:
    return _network((6, 4), layers.LSTM(4, name="lstm"))


def _half_of_split() -> Network:
    return _network(
        (4, 4, 4),
        layers.Lambda(lambda x: tf.split(x, 2, axis=-1)[0], name="split"),
        layers.Conv2D(2, 1, name="conv"),
    )


def _patches(x: Tensor) -> Tensor:
    return tf.image.extract_patches(x, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID")


def _without_node(model: ModelObject) -> None:
    """Drop TensorFlow's own record of an operator: random order, and TFLM reads the name only."""
    model.subgraphs[0].operators[0].customOptions = None


def _custom_options(model: ModelObject) -> None:
    """Give a builtin operator what only custom operators have."""
    model.subgraphs[0].operators[0].customOptions = np.frombuffer(b"lab", np.uint8)


def _fails(
    what: str,
    failure_class: str,
    title: str,
    purpose: str,
    build: Callable[[], Network],
    format: Format = "int8",  # noqa: A002 - as in Recipe
    **more: Any,
) -> Recipe:
    fails = {JULY_2020: failure_class}
    return Recipe(f"fails_{what}", title, purpose, build, format, fails=fails, **more)


RECIPES = (
    _fails(
        "conv_transposed",
        "op_missing",
        "Conv2DTranspose, int8",
        "Becomes TRANSPOSE_CONV, which newer TFLM has.",
        lambda: _network((4, 4, 2), layers.Conv2DTranspose(2, 3, strides=2, name="conv")),
    ),
    _fails(
        "dynamic_batch",
        "op_missing",
        "Flatten with a free batch size, int8",
        "Becomes SHAPE, STRIDED_SLICE and PACK before the RESHAPE; batch_size=1 mends it.",
        _dynamic_batch,
    ),
    _fails(
        "gelu",
        "op_code_out_of_range",
        "GELU, float32",
        "An operator so new that its code does not fit the old field for it.",
        lambda: _network((8,), layers.Dense(8, name="dense"), layers.Activation("gelu")),
        "float32",
    ),
    _fails(
        "select_tf_ops",
        "custom_op_missing",
        "extract_patches, float32, through operators of TensorFlow",
        "Becomes the custom operator FlexExtractImagePatches, which no TFLM has.",
        lambda: _network((4, 4, 1), layers.Lambda(_patches, name="patches")),
        "select_tf_ops",
        edit=_without_node,
    ),
    _fails(
        "dense_per_channel",
        "silent_wrong_result",
        "Dense with a scale for each unit, int8",
        "What the converter does by default: wrong results without a message.",
        _dense_per_channel,
        "int8_per_channel",
    ),
    _fails(
        "dense_3d",
        "silent_wrong_result",
        "Dense on three dimensions, int8",
        "Only part of the output is written, without a message.",
        lambda: _network((6, 8), layers.Dense(4, name="dense")),
    ),
    _fails(
        "conv_grouped",
        "silent_wrong_result",
        "Conv2D in two groups, int8",
        "The kernel knows no groups and reads outside the filter, without a message.",
        lambda: _network((6, 6, 4), layers.Conv2D(4, 3, groups=2, name="conv")),
    ),
    _fails(
        "relu_rescaled",
        "silent_wrong_result",
        "ReLU before a convolution, in a residual block, int8",
        "RELU stands alone with another scale after it than before: it does not rescale.",
        _relu_rescaled,
    ),
    _fails(
        "hybrid_dense",
        "hybrid_or_uint8",
        "Dense, dynamic range quantization",
        "optimizations=[DEFAULT] without a representative dataset: float data, int8 weights.",
        lambda: _network((32,), layers.Dense(32, name="dense")),
        "hybrid",
    ),
    _fails(
        "hybrid_conv",
        "hybrid_or_uint8",
        "Conv2D, dynamic range quantization",
        "The same, and nothing stops it: int8 weights are read as float.",
        lambda: _network((6, 6, 8), layers.Conv2D(16, 3, name="conv")),
        "hybrid",
    ),
    _fails(
        "int16x8",
        "hybrid_or_uint8",
        "Dense, int16 activations with int8 weights",
        "A quantization that only newer kernels know.",
        lambda: _network((8,), layers.Dense(4, name="dense")),
        "int16x8",
    ),
    _fails(
        "float16",
        "unsupported_type",
        "Dense, float16 weights",
        "The runtime cannot hold a float16 tensor.",
        lambda: _network((32,), layers.Dense(32, name="dense")),
        "float16",
    ),
    _fails(
        "mean_int8",
        "unsupported_type",
        "GlobalAveragePooling2D, int8",
        "Becomes MEAN, for float32 only: allocation succeeds and the first inference fails.",
        lambda: _network((4, 4, 2), layers.GlobalAveragePooling2D(name="pool")),
    ),
    _fails(
        "mean_1d",
        "bad_params",
        "GlobalAveragePooling1D, float32",
        "Becomes MEAN over one of three dimensions: the kernel does only height and width of four.",
        lambda: _network((8, 4), layers.GlobalAveragePooling1D(name="pool")),
        "float32",
    ),
    _fails(
        "broadcast_5d",
        "halted",
        "Multiplication in five dimensions, float32",
        "The kernel broadcasts over four at most, and the firmware stops for ever.",
        lambda: _network((2, 2, 2, 2), layers.Lambda(lambda x: x * [2.0, 3.0], name="scaled")),
        "float32",
    ),
    _fails(
        "split_unused",
        "planner_lifetime",
        "Split with one half unused, float32",
        "The memory planner takes an output that nobody reads for a mistake.",
        _half_of_split,
        "float32",  # in int8 the converter does not always treat the unused half alike
    ),
    _fails(
        "lstm",
        "multi_subgraph",
        "LSTM, float32",
        "Becomes WHILE with two more subgraphs; the runtime runs one.",
        _recurrent,
        "float32",
    ),
    _fails(
        "dynamic_slice",
        "dynamic_tensor",
        "Row picked by a second input, float32",
        "STRIDED_SLICE reads where to begin before the first inference, when nobody knows it.",
        _dynamic_slice,
        "float32",
    ),
    _fails(
        "custom_options",
        "bad_model",
        "ReLU with options of a custom operator, float32",
        "Edited after conversion: no converter writes it, and the runtime refuses it.",
        lambda: _network((4,), layers.ReLU(name="relu")),
        "float32",
        edit=_custom_options,
    ),
)
