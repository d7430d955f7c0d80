"""Outputs are the same on every core; where floating point differs, by how much and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from proving import probed
from support import runnable_models

from lab.cores import CORES
from lab.measure.inference import Inference
from lab.model import read_model

MODELS = runnable_models()
REFERENCE = "cortex-m4f"  # its outputs are compared with the host's in test_oracle_outputs.py
OTHERS = [core for core in CORES if core != REFERENCE]
QUICK = {
    "keyword_spotter", "sensor_fusion", "anomaly_detector", "speech_recognizer", "tiny_float",
    "depthwise_float",
}  # fmt: skip
# The same operations in another order or width: an FPU multiplies and adds in one rounding, the
# library that stands in for it in two. The result of a layer differs by a few units in the last
# place, and layers pass it on.
BOUND = 1e-5  # of the largest output


def is_int8(path: Path) -> bool:
    model = read_model(path)
    return all(model.tensors[index].type == "int8" for index in (*model.inputs, *model.outputs))


def cases(*, int8: bool) -> list[object]:
    return [
        pytest.param(
            core, name, marks=[] if name in QUICK else [pytest.mark.slow], id=f"{name}-{core}"
        )
        for core in OTHERS
        for name, path in MODELS.items()
        if is_int8(path) == int8
    ]


def outputs(name: str, core: str) -> tuple[bytes, ...]:
    outcome = probed(MODELS[name], core).probe.outcome
    assert isinstance(outcome, Inference), outcome.reason
    return outcome.outputs[0]


@pytest.mark.parametrize(("core", "name"), cases(int8=True))
def test_int8_outputs_are_the_same_to_the_bit(core: str, name: str) -> None:
    assert outputs(name, core) == outputs(name, REFERENCE)


@pytest.mark.parametrize(("core", "name"), cases(int8=False))
def test_float_outputs_differ_by_rounding_only(core: str, name: str) -> None:
    model = read_model(MODELS[name])
    types = [model.tensors[index].type for index in model.outputs]
    for kind, mine, theirs in zip(
        types, outputs(name, core), outputs(name, REFERENCE), strict=True
    ):
        if kind != "float32":
            assert mine == theirs
            continue
        here, there = np.frombuffer(mine, "<f4"), np.frombuffer(theirs, "<f4")
        apart = float(np.max(np.abs(here - there)))
        largest = float(np.max(np.abs(there)))
        print(f"{name} on {core}: largest difference {apart:.2g} of outputs up to {largest:.2g}")
        assert apart <= BOUND * largest


def test_both_kinds_are_there() -> None:
    assert len(cases(int8=True)) >= 5 * len(OTHERS)
    assert len(cases(int8=False)) >= 2 * len(OTHERS)
