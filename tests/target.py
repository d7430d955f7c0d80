"""Models on the emulated target, with the real firmware: one linked image serves all of them.

The image registers every operator of the runtime. The model is the last thing in flash and nothing
else depends on it, so putting another one there gives the image that linking it would give;
``test_ops_on_target.py`` proves that.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.cache import Cache
from lab.cores import CORES
from lab.elf import Image, read_elf
from lab.engines.base import Machine, Region
from lab.engines.registry import create
from lab.firmware import WINDOW, Builder, Layout, Recipe, Registration, Span
from lab.measure.failures import Failure
from lab.measure.inference import Inference, Limits, Start
from lab.measure.op_runs import with_model
from lab.measure.ops import OperatorTable, available, read_table
from lab.measure.session import Session
from lab.measure.tflm import Offsets, read_offsets
from lab.model import Model, read_model
from lab.runtimes import load_runtime
from lab.toolchain import find_toolchain

Array = npt.NDArray[Any]

CORE = CORES["cortex-m4f"]
_MIB = 1 << 20
_FLASH = Span(0x08000000, 2 * _MIB)
_STATIC = Span(0x20000000, _MIB)
_ARENA = Span(_STATIC.end, 16 * _MIB)
_STACK = Span(_ARENA.end + _MIB, _MIB)  # with a gap below: nothing can meet
_MACHINE = Machine(
    CORE,
    (
        Region("flash", _FLASH.base, _FLASH.size, False, True),
        Region("data", _STATIC.base, _STATIC.size, True, False),
        Region("arena", _ARENA.base, _ARENA.size, True, False),
        Region("stack", _STACK.base, _STACK.size, True, False),
        Region("lab window", WINDOW.base, WINDOW.size, True, False),
    ),
)
_LIMITS = Limits(instructions=200_000_000, seconds=60)
_DTYPES = {
    "float32": "<f4", "int8": "i1", "uint8": "u1", "int16": "<i2", "int32": "<i4", "int64": "<i8",
    "bool": "?", "complex64": "<c8",
}  # fmt: skip


@functools.cache
def operator_table() -> OperatorTable:
    """What the operator gate knows of the runtime."""
    return read_table(load_runtime().operator_table)


def every_operator() -> tuple[Registration, ...]:
    """All that the runtime has, builtin and custom."""
    return available(operator_table())


def link(model: bytes, cache: Cache) -> Path:
    """The image of a model with every operator, at -O2."""
    recipe = Recipe(model, every_operator(), load_runtime(), CORE, "O2")
    layout = Layout(_FLASH, _STATIC, stack_top=_STACK.end)
    return Builder(find_toolchain(), cache, lambda _: None).image(recipe, layout)


@functools.cache
def _linked() -> tuple[Image, Offsets]:
    image = read_elf(link(b"a place for models", Cache()))
    return image, read_offsets(image)


def image_with(model: bytes) -> Image:
    """The linked image with this model in flash."""
    return with_model(_linked()[0], model)


@dataclass(frozen=True)
class Target:
    """A model on the target. Every run begins at reset."""

    model: Model
    session: Session
    arena_bytes: int

    def generated(self, seed: int, invokes: int = 1) -> Inference | Failure:
        """Run with inputs that the firmware makes up, other ones for each inference."""
        return self.session.infer(replace(self.start, seed=seed, invokes=invokes))

    def fed(self, inputs: Sequence[Array]) -> Inference | Failure:
        """Run with these inputs."""
        data = tuple(array.tobytes() for array in inputs)
        return self.session.infer(replace(self.start, inputs=data))

    @property
    def start(self) -> Start:
        """How it is run."""
        return Start(_ARENA.base, self.arena_bytes, _STACK.base, len(self.model.operators))


def load(model: bytes, arena_bytes: int = 256 * 1024) -> Target:
    """Put a model on the target; the arena may have up to 16 MiB."""
    session = Session(create("unicorn"), image_with(model), _MACHINE, _linked()[1], _LIMITS)
    return Target(read_model(model), session, arena_bytes)


def arrays(model: Model, indices: Sequence[int], contents: Sequence[bytes]) -> tuple[Array, ...]:
    """What the runner read from tensors, as arrays of their types and shapes."""
    tensors = [model.tensors[index] for index in indices]
    return tuple(
        np.frombuffer(data, dtype_of(model, index)).reshape(tensor.shape)
        for index, tensor, data in zip(indices, tensors, contents, strict=True)
    )


def dtype_of(model: Model, index: int) -> np.dtype[Any]:
    """Type of a tensor's elements."""
    return np.dtype(_DTYPES[model.tensors[index].type])


def random_inputs(model: Model, rng: np.random.Generator) -> tuple[Array, ...]:
    """Values any model can do something with: integers over their range, indices small."""
    return tuple(_random(model.tensors[index].shape, dtype_of(model, index), rng)
                 for index in model.inputs)  # fmt: skip


def _random(shape: Sequence[int], dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
    if dtype.kind == "f":
        return np.asarray(rng.normal(scale=2, size=shape)).astype(dtype)
    if dtype.itemsize == 1 and dtype.kind != "b":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max + 1
    else:
        low, high = 0, 2 if dtype.kind == "b" else 4
    return np.asarray(rng.integers(low, high, shape)).astype(dtype)


def extreme_inputs(model: Model) -> tuple[tuple[Array, ...], ...]:
    """All elements at the lowest value, and all at the highest."""
    return tuple(
        tuple(np.full(model.tensors[index].shape, _extremes(dtype_of(model, index))[end])
              for index in model.inputs)
        for end in (0, 1)
    )  # fmt: skip


def _extremes(dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":  # as far as quantization goes: beyond, C++ leaves the result open
        return np.array([-6, 6], dtype)
    if dtype.itemsize == 1 and dtype.kind != "b":
        return np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)
    return np.array([0, 1], dtype)
