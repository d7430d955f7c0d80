"""The networks of the zoo, written in Keras. Needs TensorFlow: imported by ``make_models`` only.

Weights come from a seeded integer generator and are not trained: memory, instructions and operator
support depend on the structure alone, and trained weights would depend on the processor that
trained them. The exception is the sine network, whose weights are computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any
Network = Any

layers = tf.keras.layers


@dataclass(frozen=True)
class Recipe:
    """How one zoo model is made.

    Attributes:
        name: name in the catalogue; the file is ``<name>.tflite``.
        title: one line for a list.
        purpose: what the model is in the zoo for.
        build: makes the Keras network, weights included.
        int8: fully quantized to int8, input and output too; otherwise float32.
        float_source: name of the same network in float32, if the zoo has it.
    """

    name: str
    title: str
    purpose: str
    build: Callable[[], Network]
    int8: bool = True
    float_source: str = ""


def _upsample_resize(x: Tensor, name: str) -> Tensor:
    size = (x.shape[1] * 2, x.shape[2] * 2)
    return layers.Lambda(lambda t: tf.image.resize(t, size, method="nearest"), name=name)(x)


def _upsample_keras(x: Tensor, name: str) -> Tensor:
    return layers.UpSampling2D(2, interpolation="nearest", name=name)(x)


def separation(width: int, upsample: Callable[[Tensor, str], Tensor] = _upsample_resize) -> Network:
    """Speech separation U-Net: a 32 x 128 spectrogram frame in, masks for two speakers out.

    Args:
        width: channels at full resolution; the deeper levels have twice and four times as many.
        upsample: how the decoder doubles the resolution.
    """

    def conv(x: Tensor, channels: int, name: str, strides: int = 1) -> Tensor:
        return layers.Conv2D(
            channels, 3, strides=strides, padding="same", activation="relu", name=name
        )(x)

    frame = tf.keras.Input((32, 128, 1), batch_size=1, name="spectrogram")
    full = conv(frame, width, "encode_full")
    half = conv(full, width * 2, "encode_half", strides=2)
    quarter = conv(half, width * 4, "encode_quarter", strides=2)
    x = conv(quarter, width * 4, "bottleneck")
    x = layers.Concatenate(name="skip_half")([upsample(x, "up_half"), half])
    x = conv(x, width * 2, "decode_half")
    x = layers.Concatenate(name="skip_full")([upsample(x, "up_full"), full])
    x = conv(x, width, "decode_full")
    masks = layers.Conv2D(2, 1, activation="sigmoid", name="masks")(x)
    return _randomised(tf.keras.Model(frame, masks, name=f"separation_w{width}"), gain=3)


def keyword_spotter() -> Network:
    """Depthwise-separable keyword spotter: 49 x 10 MFCC features in, 12 class scores out."""
    features = tf.keras.Input((49, 10, 1), batch_size=1, name="mfcc")
    x = layers.Conv2D(64, (10, 4), strides=2, padding="same", activation="relu", name="conv")(
        features
    )
    for block in range(1, 5):
        x = layers.DepthwiseConv2D(3, padding="same", activation="relu", name=f"depthwise_{block}")(
            x
        )
        x = layers.Conv2D(64, 1, activation="relu", name=f"pointwise_{block}")(x)
    # Pooling over the whole map, not GlobalAveragePooling2D: that becomes MEAN, which the July
    # 2020 runtime cannot run in int8.
    x = layers.AveragePooling2D((x.shape[1], x.shape[2]), name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    scores = layers.Dense(12, activation="softmax", name="scores")(x)
    model = _randomised(tf.keras.Model(features, scores, name="keyword_spotter"), gain=200)
    _centre_scores(model)
    return model


def _centre_scores(model: Network) -> None:
    """Set the last bias so that no class wins on average: scores then follow the input."""
    *_, pooled, last = model.layers
    samples = np.random.default_rng(3).random((256, *model.input_shape[1:])).astype(np.float32)
    values = np.asarray(tf.keras.Model(model.input, pooled.output)(samples), np.float64)
    kernel, _ = last.get_weights()
    # Rounded, because sums in float32 differ a little between processors.
    last.set_weights([kernel, np.round(-values.mean(axis=0) @ kernel, 2)])


def sine() -> Network:
    """Tiny dense network that draws sin(2 pi x) for x in 0..1 as 16 straight pieces."""
    phase = tf.keras.Input((1,), batch_size=1, name="phase")
    x = layers.Dense(16, activation="relu", name="knots")(phase)
    x = layers.Dense(16, activation="relu", name="slopes")(x)
    model = tf.keras.Model(phase, layers.Dense(1, name="sine")(x), name="tiny_float")
    model.set_weights([np.asarray(weight, np.float32) for weight in _sine_weights(16)])
    return model


def _sine_weights(pieces: int) -> list[Any]:
    """Unit k of the first layer switches on at knot k; the rest sums the changes of slope."""
    knots = [k / pieces for k in range(pieces + 1)]
    values = [round(math.sin(2 * math.pi * knot), 6) for knot in knots]
    slopes = [(values[k + 1] - values[k]) * pieces for k in range(pieces)]
    changes = np.diff(slopes, prepend=0.0)
    return [
        np.ones((1, pieces)),
        -np.array(knots[:-1]),
        np.diag(np.abs(changes)),
        np.zeros(pieces),
        np.sign(changes).reshape(pieces, 1),
        np.zeros(1),
    ]


def _randomised(model: Network, gain: float = 1.0) -> Network:
    """Give every kernel uniform weights that keep the spread of the signal (He et al.).

    Each unit's weights add up to nothing: it then answers to what differs from one input to the
    next, not to the average all inputs share.

    Args:
        model: changed in place.
        gain: how much stronger than that the last layer is.
    """
    rng = np.random.default_rng(2020)
    for layer in model.layers:
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        scale = gain if layer is model.layers[-1] else 1.0
        weights = [_draw(rng, old.shape, depthwise) * scale for old in layer.get_weights()]
        layer.set_weights([weight.astype(np.float32) for weight in weights])
    return model


def _draw(rng: np.random.Generator, shape: tuple[int, ...], depthwise: bool) -> Any:
    values = rng.random(shape) * 2 - 1
    if len(shape) == 1:
        return values * 0.1
    fan_in = (0, 1) if depthwise else tuple(range(len(shape) - 1))
    values -= values.mean(axis=fan_in, keepdims=True)
    return values * math.sqrt(6 / math.prod(shape[axis] for axis in fan_in))


RECIPES = (
    Recipe(
        "separation_w8",
        "Speech separation U-Net, width 8, int8",
        "Two masks for a 32 x 128 spectrogram frame: a real structure, weights not trained.",
        lambda: separation(8),
        float_source="separation_w8_fp32",
    ),
    Recipe(
        "separation_w16",
        "Speech separation U-Net, width 16, int8",
        "The same network twice as wide: how the RAM grows, against the size of the file.",
        lambda: separation(16),
        float_source="separation_w16_fp32",
    ),
    Recipe(
        "separation_w8_upsampling2d",
        "Speech separation U-Net, width 8, int8, written with UpSampling2D",
        "The same network; UpSampling2D becomes TILE, an operator that no TFLM has.",
        lambda: separation(8, _upsample_keras),
        float_source="separation_w8_fp32",
    ),
    Recipe(
        "separation_w8_fp32",
        "Speech separation U-Net, width 8, float32",
        "Source of separation_w8: says how much quantization saves.",
        lambda: separation(8),
        int8=False,
    ),
    Recipe(
        "separation_w16_fp32",
        "Speech separation U-Net, width 16, float32",
        "Source of separation_w16: says how much quantization saves.",
        lambda: separation(16),
        int8=False,
    ),
    Recipe(
        "keyword_spotter",
        "Keyword spotter (depthwise-separable CNN), 49 x 10 MFCC, 12 classes, int8",
        "A usual always-on workload made only of operators that the July 2020 runtime has.",
        keyword_spotter,
    ),
    Recipe(
        "tiny_float",
        "Dense network 1-16-16-1 drawing a sine, float32",
        "The smallest model: float32, and the right answer is known by formula.",
        sine,
        int8=False,
    ),
)
