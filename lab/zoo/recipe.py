"""How one model of the zoo is made; what ``make_models`` works through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Network = Any
ModelObject = Any  # a ModelT: all of a .tflite file as objects

JULY_2020 = "tflm-2020-07"  # name of the runtime the networks are written for

Format = Literal[
    "float32", "int8", "int8_per_channel", "int16x8", "hybrid", "float16", "select_tf_ops"
]
"""How a network becomes a file.

``float32``: as it is. ``int8``: fully quantized, input and output too, one scale for each dense
layer. ``int8_per_channel``: the converter's own choice, a scale for each unit of a dense layer.
``int16x8``: int16 activations. ``hybrid``: int8 weights with float activations. ``float16``:
float16 weights. ``select_tf_ops``: float32, with operators of TensorFlow itself where TFLite has
none.
"""


@dataclass(frozen=True)
class Recipe:
    """How one zoo model is made.

    Attributes:
        name: name in the catalogue; the file is ``<name>.tflite``.
        title: one line for a list.
        purpose: what the model is in the zoo for.
        build: makes the Keras network, weights included.
        format: how the network is converted.
        float_source: name of the same network in float32, if the zoo has it.
        fails: runtimes that cannot run it, by intention, each with the failure class.
        edit: changes the converted model, for what no converter writes.
    """

    name: str
    title: str
    purpose: str
    build: Callable[[], Network]
    format: Format = "int8"
    float_source: str = ""
    fails: Mapping[str, str] = field(default_factory=dict)
    edit: Callable[[ModelObject], None] | None = None
