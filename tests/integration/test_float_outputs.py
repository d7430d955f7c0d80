"""Float models: how far the target's outputs are from those of TFLM on the host, and why.

The Cortex-M4F computes a product and a sum with one rounding (VFMA), the host with two. Without
the FPU the target rounds twice as well; then only exponentials differ, which the C libraries
compute each in its own way. Both are shown here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from oracle import Array, run_host
from support import NUCLEO, ROOT, runnable_models

from lab import Options, check
from lab.model import Model, read_model

MODELS = {
    name: path
    for name, path in runnable_models().items()
    if all(read_model(path).tensors[i].type == "float32" for i in read_model(path).inputs)
}
INVOKES = 2
EPSILON = float(np.finfo("f4").eps)
EXPONENTIALS = {"LOGISTIC", "SOFTMAX", "TANH"}


def but_slow(*names: str) -> list[object]:
    """All float models; those named have so many operations that only make test-all runs them."""
    return [pytest.param(n, marks=pytest.mark.slow if n in names else ()) for n in MODELS]


def test_there_are_float_models_with_the_usual_layers() -> None:
    operators = {op.name for path in MODELS.values() for op in read_model(path).operators}
    assert operators >= {
        "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MEAN", "SOFTMAX", "LOGISTIC",
        "CONCATENATION", "RESIZE_NEAREST_NEIGHBOR",
    }  # fmt: skip


@pytest.mark.parametrize("name", but_slow("separation_w16_fp32"))
def test_with_fused_multiply_add(name: str, tmp_path: Path) -> None:
    """Within the rounding errors of its sums.

    A sum of n products is off by at most about n epsilon of its terms' size, and a layer passes on
    what it was given without making it larger, for the weights keep the spread of the signal. To
    first order the errors of the layers add up. Seen: a tenth of that or less, which leaves room
    for output layers that are louder.
    """
    bound = additions(read_model(MODELS[name])) * EPSILON
    for mine, theirs in compared(name, NUCLEO, tmp_path):
        report(name, mine, theirs)
        assert np.abs(mine - theirs).max() <= bound * np.abs(theirs).max()


@pytest.mark.parametrize("name", but_slow("separation_w8_fp32", "separation_w16_fp32"))
def test_without_fused_multiply_add(name: str, tmp_path: Path) -> None:
    """Bit for bit, but for exponentials: an error of the last place or so in each library."""
    board = tmp_path / "soft.yaml"
    text = (ROOT / "platforms" / f"{NUCLEO}.yaml").read_text()
    assert "core: cortex-m4f\n" in text
    board.write_text(text.replace("core: cortex-m4f\n", "core: cortex-m4\n"))
    last = read_model(MODELS[name]).operators[-1].name
    for mine, theirs in compared(name, board, tmp_path):
        report(name, mine, theirs)
        if last in EXPONENTIALS:
            np.testing.assert_allclose(mine, theirs, rtol=4 * EPSILON, atol=0)
        else:
            np.testing.assert_array_equal(mine, theirs)


def compared(name: str, board: str | Path, to: Path) -> list[tuple[Array, Array]]:
    """Outputs of the target and of the host, for the inputs that the firmware made up."""
    options = Options(ram=("8 MiB",), save_outputs=to, invokes=INVOKES)
    assert check(MODELS[name], board, options).verdict.status == "fits"
    sets, outputs = (
        [[np.load(path) for path in sorted(to.glob(f"{which}_*_{i}.npy"))] for i in range(INVOKES)]
        for which in ("input", "output")
    )
    host = run_host(MODELS[name].read_bytes(), sets)
    assert host.ok, host
    pairs = [
        pair
        for mine, theirs in zip(outputs, host.outputs, strict=True)
        for pair in zip(mine, theirs, strict=True)
    ]
    assert len({mine.tobytes() for mine, _ in pairs}) == len(pairs), "the same for every input"
    return pairs


def report(name: str, mine: Array, theirs: Array) -> None:
    absolute = np.abs(mine.astype("f8") - theirs)
    relative = absolute / np.maximum(np.abs(theirs), np.finfo("f4").tiny)
    print(f"{name}: at most {absolute.max():.3g} of {np.abs(theirs).max():.3g},"
          f" relative {relative.max():.3g}")  # fmt: skip


def additions(model: Model) -> int:
    """On the way from input to output: numbers added up for one element, over all layers."""
    total = 0
    for operator in model.operators:
        output = model.tensors[operator.outputs[0]]
        macs = model.macs(operator)
        if macs is not None:
            total += macs // output.elements + 1
        elif operator.name in {"ADD", "MEAN", "AVERAGE_POOL_2D", "SOFTMAX", "LOGISTIC"}:
            data = model.tensors[operator.inputs[0]]
            total += max(1, data.elements // output.elements) + 1
    return total
