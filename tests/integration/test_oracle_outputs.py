"""Outputs bit for bit those of TFLM on the host, for every int8 model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from oracle import run_host
from support import NUCLEO, runnable_models

from lab import Options, check
from lab.model import read_model

MODELS = {
    name: path
    for name, path in runnable_models().items()
    if all(t.type == "int8" for t in map(read_model(path).tensors.__getitem__,
                                         read_model(path).inputs))
}  # fmt: skip
SEEDS = (1, 2, 3)
LONGEST = "separation_w16"  # two thousand million instructions an inference, six of them


def test_there_are_int8_models() -> None:
    assert len(MODELS) >= 3


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n == LONGEST else ()) for n in MODELS]
)
def test_outputs_are_those_of_the_host(name: str, tmp_path: Path) -> None:
    sets = []
    for seed in SEEDS:
        to = tmp_path / str(seed)
        result = check(
            MODELS[name], NUCLEO, Options(ram=("8 MiB",), seed=seed, save_outputs=to, invokes=2)
        )
        assert result.verdict.status == "fits"
        sets += [saved(to, "input", invoke) for invoke in range(2)]
    host = run_host(MODELS[name].read_bytes(), sets)
    assert host.ok, host
    assert host.outputs is not None
    target = [saved(tmp_path / str(s), "output", i) for s in SEEDS for i in range(2)]
    distinct = {b"".join(array.tobytes() for array in outputs) for outputs in target}
    assert len(distinct) > 1, "outputs that do not depend on the input prove nothing"
    for ours, theirs in zip(target, host.outputs, strict=True):
        for mine, reference in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, reference)


def saved(directory: Path, which: str, invoke: int) -> list[np.ndarray]:
    paths = sorted(directory.glob(f"{which}_*_{invoke}.npy"))
    assert paths
    return [np.load(path) for path in paths]
