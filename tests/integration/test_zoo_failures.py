"""The zoo's failing models fail as the catalogue says: by the gate, and on the real firmware."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from oracle import run_host
from support import NUCLEO, ROOT
from target import Array, Target, arrays, load, operator_table, random_inputs

from lab import Options, check
from lab.measure.failures import Failure
from lab.measure.inference import Inference
from lab.measure.ops import blocking, gate
from lab.model import read_model
from lab.runtimes import load_runtime
from lab.zoo import ZooModel, catalogue, find_model, model_path

RUNTIME = load_runtime().name
FAILING = [model for model in catalogue() if not model.runs_on(RUNTIME)]
SEED = 20200701
# The gate calls it by its cause; the firmware's last words are others.
OTHER_WORDS = {
    "fails_broadcast_5d": "bad_params",  # a condition, and then it stops for ever
    "fails_mean_1d": "failed_without_words",
    "fails_dynamic_slice": "guest_fault",  # reads where to begin at address 0
}


def by_name(model: ZooModel) -> str:
    return model.name


def goes_on(model: ZooModel) -> bool:
    """Whether the firmware is said to go on and compute something else."""
    first, *_ = blocking(gate(read_model(model.path), operator_table()))
    return first.verdict == "wrong" and model.name not in OTHER_WORDS


STOPPING = [model for model in FAILING if not goes_on(model)]
SILENT = [model for model in FAILING if goes_on(model) and model.name != "fails_hybrid_conv"]


@pytest.mark.parametrize("model", FAILING, ids=by_name)
def test_check_answers_with_the_class_and_what_to_do(model: ZooModel) -> None:
    verdict = check(model.path, NUCLEO).verdict
    assert (verdict.status, verdict.failure_class) == ("failed", model.fails[RUNTIME])
    assert verdict.summary
    assert verdict.remedy


@pytest.mark.parametrize("model", STOPPING, ids=by_name)
def test_the_firmware_stops(model: ZooModel) -> None:
    outcome = load(model.path.read_bytes()).generated(SEED)
    assert isinstance(outcome, Failure)
    expected = OTHER_WORDS.get(model.name, model.fails[RUNTIME])
    assert outcome.failure_class == expected, outcome.reason


@pytest.mark.parametrize("model", SILENT, ids=by_name)
def test_the_firmware_goes_on_and_is_wrong(model: ZooModel) -> None:
    target, rng = load(model.path.read_bytes()), np.random.default_rng(SEED)
    sets = [random_inputs(target.model, rng) for _ in range(4)]
    host = run_host(model.path.read_bytes(), sets)
    assert host.ok, "a newer TFLM runs it"
    for inputs, (right,) in zip(sets, host.outputs, strict=True):
        difference = np.abs(answer(target, inputs).astype(int) - right.astype(int))
        assert difference.max() > 10, "more than rounding explains"


def test_hybrid_convolution_goes_on_and_is_wrong() -> None:
    """No TFLM on the host runs it either: the right answer is computed here."""
    target = load(model_path("fails_hybrid_conv").read_bytes())
    (inputs,) = [random_inputs(target.model, np.random.default_rng(SEED))]
    wrong, right = answer(target, inputs), convolution(target, inputs[0])
    assert wrong.shape == right.shape
    with np.errstate(all="ignore"):  # weights read as float are any number, or none
        off = np.abs(wrong - right) > 0.5 * np.abs(right).max()
    assert (off | ~np.isfinite(wrong)).mean() > 0.5


def answer(target: Target, inputs: tuple[Array, ...]) -> Array:
    done = target.fed(inputs)
    assert isinstance(done, Inference), f"it was to go on: {done.reason}"
    (output,) = arrays(target.model, target.model.outputs, done.outputs[0])
    return output


def convolution(target: Target, x: Array) -> Array:
    """Of the model's only layer, with the weights as float again."""
    model = target.model
    tensors = [model.tensors[index] for index in model.operators[0].inputs]
    raw = np.frombuffer(model.tensor_bytes(tensors[1]), "i1").reshape(tensors[1].shape)
    weights = raw * np.asarray(tensors[1].scales)[:, None, None, None]
    bias = np.frombuffer(model.tensor_bytes(tensors[2]), "<f4")
    windows = np.lib.stride_tricks.sliding_window_view(x, weights.shape[1:3], axis=(1, 2))
    result: Array = np.einsum("nyxchw,ohwc->nyxo", windows, weights) + bias
    return result


def test_each_of_them_was_run() -> None:
    assert len(STOPPING) + len(SILENT) + 1 == len(FAILING) == 20
    assert {model.name for model in SILENT} >= {"fails_dense_per_channel", "fails_dense_3d"}


# Not in the catalogue's classes, for it is the board that decides: too big.


def test_anomaly_detector_needs_flash_and_hardly_any_ram(tmp_path: Path) -> None:
    board = tmp_path / "small.yaml"
    text = (ROOT / "platforms" / "nrf52dk.yaml").read_text()
    assert "size: 512 KiB" in text
    board.write_text(text.replace("size: 512 KiB", "size: 256 KiB"))
    options = Options(ram=("8 KiB",))
    result = check(find_model("anomaly_detector").path, board, options)
    assert (result.verdict.status, result.verdict.limit) == ("does_not_fit", "flash")
    assert check(find_model("anomaly_detector").path, "nrf52dk", options).verdict.status == "fits"
