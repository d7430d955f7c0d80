"""The networks of the zoo, written in Keras. Needs TensorFlow: imported by ``make_models`` only.

Their weights are seeded, see ``weights``, except for the sine network, whose weights are computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lab.zoo.recipe import JULY_2020, Network, Recipe
from lab.zoo.weights import centre_scores, randomised

Tensor = Any

layers = tf.keras.layers


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
    return randomised(tf.keras.Model(frame, masks, name=f"separation_w{width}"), gain=3)


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
    model = randomised(tf.keras.Model(features, scores, name="keyword_spotter"), gain=200)
    centre_scores(model)
    return model


def image_classifier() -> Network:
    """ResNet-8 after MLPerf Tiny: a 32 x 32 RGB picture in, 10 class scores out."""

    def conv(x: Tensor, channels: int, name: str, **more: Any) -> Tensor:
        size = more.pop("size", 3)
        return layers.Conv2D(channels, size, padding="same", name=name, **more)(x)

    picture = tf.keras.Input((32, 32, 3), batch_size=1, name="picture")
    x = conv(picture, 16, "stem", activation="relu")
    for stage, channels in enumerate((16, 32, 64), 1):
        strides = 1 if stage == 1 else 2
        y = conv(x, channels, f"conv_{stage}a", strides=strides, activation="relu")
        y = conv(y, channels, f"conv_{stage}b")
        if stage > 1:
            x = conv(x, channels, f"shortcut_{stage}", strides=strides, size=1)
        x = layers.Add(name=f"add_{stage}")([x, y])
        x = layers.ReLU(name=f"relu_{stage}")(x)
    return _classifier(picture, x, 10, "image_classifier", gain=25)


def visual_wake_word() -> Network:
    """MobileNet v1, a quarter as wide, after MLPerf Tiny: 96 x 96 RGB in, person or not out."""
    picture = tf.keras.Input((96, 96, 3), batch_size=1, name="picture")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="conv")(picture)
    blocks = [
        (16, 1),
        (32, 2),
        (32, 1),
        (64, 2),
        (64, 1),
        (128, 2),
        *[(128, 1)] * 5,
        (256, 2),
        (256, 1),
    ]
    for block, (channels, strides) in enumerate(blocks, 1):
        x = layers.DepthwiseConv2D(
            3, strides=strides, padding="same", activation="relu", name=f"depthwise_{block}"
        )(x)
        x = layers.Conv2D(channels, 1, activation="relu", name=f"pointwise_{block}")(x)
    return _classifier(picture, x, 2, "visual_wake_word", gain=200)


def _classifier(source: Tensor, features: Tensor, classes: int, name: str, gain: float) -> Network:
    # Pooling over the whole map, not GlobalAveragePooling2D: see keyword_spotter.
    x = layers.AveragePooling2D((features.shape[1], features.shape[2]), name="pool")(features)
    x = layers.Flatten(name="flatten")(x)
    scores = layers.Dense(classes, activation="softmax", name="scores")(x)
    model = randomised(tf.keras.Model(source, scores, name=name), gain)
    centre_scores(model)
    return model


def anomaly_detector() -> Network:
    """Dense auto-encoder after MLPerf Tiny: 640 spectrogram values in, the same 640 rebuilt."""
    frames = tf.keras.Input((640,), batch_size=1, name="frames")
    x = frames
    for number, units in enumerate((128, 128, 128, 128, 8, 128, 128, 128, 128), 1):
        x = layers.Dense(units, activation="relu", name=f"dense_{number}")(x)
    rebuilt = layers.Dense(640, name="rebuilt")(x)
    return randomised(tf.keras.Model(frames, rebuilt, name="anomaly_detector"))


def speech_recognizer() -> Network:
    """Temporal convolutions: 96 frames of 40 mel bands in, 29 letter scores every second frame.

    Frames lie along the height and bands in the channels, because Conv1D becomes other operators.
    Each output sees 63 frames, and none of what comes later than the one beside it.
    """

    def causal(x: Tensor, name: str, channels: int, size: int, **more: Any) -> Tensor:
        before = (size - 1) * more.get("dilation_rate", (1, 1))[0]
        x = layers.ZeroPadding2D(((before, 0), (0, 0)), name=f"pad_{name}")(x)
        return layers.Conv2D(channels, (size, 1), activation="relu", name=name, **more)(x)

    bands = tf.keras.Input((96, 1, 40), batch_size=1, name="mel_bands")
    x = causal(bands, "conv", 48, 3, strides=(2, 1))
    for block, dilation in enumerate((1, 2, 4, 8), 1):
        y = causal(x, f"dilated_{block}", 48, 3, dilation_rate=(dilation, 1))
        x = layers.Add(name=f"add_{block}")([x, y])
    letters = layers.Conv2D(29, 1, activation="softmax", name="letters")(x)
    return randomised(tf.keras.Model(bands, letters, name="speech_recognizer"))


def sensor_fusion() -> Network:
    """Three inputs and three outputs, all of different shapes: for tools that name tensors."""
    motion = tf.keras.Input((32, 1, 6), batch_size=1, name="motion")
    audio = tf.keras.Input((16, 8, 1), batch_size=1, name="audio")
    context = tf.keras.Input((5,), batch_size=1, name="context")
    m = layers.Conv2D(8, (5, 1), strides=(2, 1), activation="relu", name="motion_conv")(motion)
    m = layers.MaxPooling2D((2, 1), name="motion_pool")(m)
    gate = layers.Dense(4, activation="sigmoid", name="gate")(context)
    gate = layers.Reshape((1, 1, 4), name="gate_map")(gate)
    a = layers.Conv2D(4, 3, padding="same", activation="relu", name="audio_conv")(audio)
    a = layers.Multiply(name="gated")([a, gate])
    heard = layers.Conv2D(2, 1, activation="sigmoid", name="heard")(a)
    a = layers.MaxPooling2D(4, name="audio_pool")(a)
    flat = [layers.Flatten(name=f"flat_{n}")(x) for n, x in enumerate((m, a))]
    x = layers.Concatenate(name="joined")([*flat, context])
    activity = layers.Dense(7, activation="softmax", name="activity")(x)
    effort = layers.Dense(1, activation="tanh", name="effort")(x)
    outputs = [activity, heard, effort]
    return randomised(tf.keras.Model([motion, audio, context], outputs, name="sensor_fusion"), 3)


def depthwise_float() -> Network:
    """Inverted residuals as in MobileNet v2, float32: 32 x 32 RGB in, 6 class scores out."""
    picture = tf.keras.Input((32, 32, 3), batch_size=1, name="picture")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="conv")(picture)
    for block, strides in enumerate((1, 2, 1), 1):
        y = layers.Conv2D(24, 1, activation="relu6", name=f"expand_{block}")(x)
        y = layers.DepthwiseConv2D(
            3, strides=strides, padding="same", activation="relu6", name=f"depthwise_{block}"
        )(y)
        y = layers.Conv2D(8, 1, name=f"project_{block}")(y)
        x = layers.Add(name=f"add_{block}")([x, y]) if strides == 1 else y
    # Becomes MEAN, which the July 2020 runtime has for float32 only.
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    scores = layers.Dense(6, activation="softmax", name="scores")(x)
    model = randomised(tf.keras.Model(picture, scores, name="depthwise_float"), gain=30)
    centre_scores(model)
    return model


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
        fails={JULY_2020: "op_missing"},
    ),
    Recipe(
        "separation_w8_fp32",
        "Speech separation U-Net, width 8, float32",
        "Source of separation_w8: says how much quantization saves.",
        lambda: separation(8),
        format="float32",
    ),
    Recipe(
        "separation_w16_fp32",
        "Speech separation U-Net, width 16, float32",
        "Source of separation_w16: says how much quantization saves.",
        lambda: separation(16),
        format="float32",
    ),
    Recipe(
        "keyword_spotter",
        "Keyword spotter (depthwise-separable CNN), 49 x 10 MFCC, 12 classes, int8",
        "A usual always-on workload made only of operators that the July 2020 runtime has.",
        keyword_spotter,
    ),
    Recipe(
        "image_classifier",
        "Image classifier (ResNet-8), 32 x 32 RGB, 10 classes, int8",
        "Residual connections: tensors that stay alive across layers, and ADD.",
        image_classifier,
    ),
    Recipe(
        "visual_wake_word",
        "Visual wake word (MobileNet v1, width 0.25), 96 x 96 RGB, person or not, int8",
        "A long depthwise-separable network whose first layers need most of the arena.",
        visual_wake_word,
    ),
    Recipe(
        "anomaly_detector",
        "Anomaly detector (dense auto-encoder), 640-128-8-128-640, int8",
        "All weights and hardly any arena: too big for 256 KiB of flash, small enough for 8 KiB "
        "of RAM.",
        anomaly_detector,
    ),
    Recipe(
        "speech_recognizer",
        "Speech recognizer (temporal convolutions), 96 frames x 40 bands, 29 letters, int8",
        "Speech without recurrence: dilated causal convolutions instead of an LSTM.",
        speech_recognizer,
    ),
    Recipe(
        "sensor_fusion",
        "Sensor fusion: motion, audio and context in; activity, sound map and effort out, int8",
        "Three inputs and three outputs, all of different shapes: for what names or counts them.",
        sensor_fusion,
    ),
    Recipe(
        "depthwise_float",
        "Image classifier (inverted residuals), 32 x 32 RGB, 6 classes, float32",
        "The float32 kernels of convolution, depthwise convolution, ADD, MEAN and SOFTMAX.",
        depthwise_float,
        format="float32",
    ),
    Recipe(
        "tiny_float",
        "Dense network 1-16-16-1 drawing a sine, float32",
        "The smallest model: float32, and the right answer is known by formula.",
        sine,
        format="float32",
    ),
)
