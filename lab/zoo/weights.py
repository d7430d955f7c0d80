"""Seeded weights for networks that nobody trains. Needs TensorFlow.

Weights come from a seeded integer generator and are not trained: memory, instructions and operator
support depend on the structure alone, and trained weights would depend on the processor that
trained them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from lab.zoo.recipe import Network

layers = tf.keras.layers


def randomised(model: Network, gain: float = 1.0) -> Network:
    """Give every kernel uniform weights that keep the spread of the signal (He et al.).

    Each unit's weights add up to nothing: it then answers to what differs from one input to the
    next, not to the average all inputs share.

    Args:
        model: changed in place.
        gain: how much stronger than that the output layers are.
    """
    rng = np.random.default_rng(2020)
    for layer in model.layers:
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        scale = gain if layer.name in model.output_names else 1.0
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


def centre_scores(model: Network) -> None:
    """Set the last bias so that no class wins on average: scores then follow the input."""
    *_, pooled, last = model.layers
    samples = np.random.default_rng(3).random((256, *model.input_shape[1:])).astype(np.float32)
    values = np.asarray(tf.keras.Model(model.input, pooled.output)(samples), np.float64)
    kernel, _ = last.get_weights()
    # Rounded, because sums in float32 differ a little between processors.
    last.set_weights([kernel, np.round(-values.mean(axis=0) @ kernel, 2)])
