"""The zoo as it is committed: files, catalogue, operators, and answers on the host interpreter."""

from __future__ import annotations

import hashlib
import json
import math
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import oracle
import pytest
import tflite
from support import ROOT, lab
from typer.testing import CliRunner

from lab.cli.zoo import app
from lab.errors import UsageError
from lab.runtimes import load_runtime
from lab.zoo import CATALOGUE, ZooModel, catalogue, model_names, model_path

MODELS = catalogue()
RUNTIME = load_runtime().name
RUNNABLE = [model for model in MODELS if model.runs_on(RUNTIME)]
FAILING = [model for model in MODELS if not model.runs_on(RUNTIME)]
INT8 = [model for model in RUNNABLE if not model.name.endswith(("_fp32", "_float"))]
U_NET = {("CONV_2D", 7), ("RESIZE_NEAREST_NEIGHBOR", 2), ("CONCATENATION", 2), ("LOGISTIC", 1)}
OPERATORS = {
    "separation_w8": U_NET,
    "separation_w16": U_NET,
    "separation_w8_fp32": U_NET,
    "separation_w16_fp32": U_NET,
    "separation_w8_upsampling2d": (U_NET - {("RESIZE_NEAREST_NEIGHBOR", 2)})
    | {("RESHAPE", 6), ("TILE", 4)},
    "keyword_spotter": {
        ("CONV_2D", 5),
        ("DEPTHWISE_CONV_2D", 4),
        ("AVERAGE_POOL_2D", 1),
        ("FULLY_CONNECTED", 1),
        ("SOFTMAX", 1),
    },
    "image_classifier": {
        ("CONV_2D", 9),
        ("ADD", 3),
        ("AVERAGE_POOL_2D", 1),
        ("FULLY_CONNECTED", 1),
        ("SOFTMAX", 1),
    },
    "visual_wake_word": {
        ("CONV_2D", 14),
        ("DEPTHWISE_CONV_2D", 13),
        ("AVERAGE_POOL_2D", 1),
        ("FULLY_CONNECTED", 1),
        ("SOFTMAX", 1),
    },
    "anomaly_detector": {("FULLY_CONNECTED", 10)},
    "speech_recognizer": {("PAD", 5), ("CONV_2D", 6), ("ADD", 4), ("SOFTMAX", 1)},
    "sensor_fusion": {
        ("CONV_2D", 3),
        ("FULLY_CONNECTED", 3),
        ("LOGISTIC", 2),
        ("MUL", 1),
        ("MAX_POOL_2D", 2),
        ("RESHAPE", 2),
        ("CONCATENATION", 1),
        ("SOFTMAX", 1),
        ("TANH", 1),
    },
    "depthwise_float": {
        ("CONV_2D", 7),
        ("DEPTHWISE_CONV_2D", 3),
        ("ADD", 2),
        ("MEAN", 1),
        ("FULLY_CONNECTED", 1),
        ("SOFTMAX", 1),
    },
    "tiny_float": {("FULLY_CONNECTED", 3)},
    "fails_conv_transposed": {("TRANSPOSE_CONV", 1)},
    "fails_dynamic_batch": {
        ("SHAPE", 1),
        ("STRIDED_SLICE", 1),
        ("PACK", 1),
        ("RESHAPE", 1),
        ("FULLY_CONNECTED", 1),
    },
    "fails_gelu": {("FULLY_CONNECTED", 1), ("GELU", 1)},
    "fails_select_tf_ops": {("CUSTOM", 1)},
    "fails_dense_per_channel": {("FULLY_CONNECTED", 1)},
    "fails_dense_3d": {("FULLY_CONNECTED", 1)},
    "fails_conv_grouped": {("CONV_2D", 1)},
    "fails_relu_rescaled": {("CONV_2D", 2), ("RELU", 1), ("ADD", 1)},
    "fails_hybrid_dense": {("FULLY_CONNECTED", 1)},
    "fails_hybrid_conv": {("CONV_2D", 1)},
    "fails_int16x8": {("FULLY_CONNECTED", 1)},
    "fails_float16": {("DEQUANTIZE", 2), ("FULLY_CONNECTED", 1)},
    "fails_mean_int8": {("MEAN", 1)},
    "fails_mean_1d": {("MEAN", 1)},
    "fails_broadcast_5d": {("MUL", 1)},
    "fails_split_unused": {("SPLIT", 1), ("CONV_2D", 1)},
    "fails_lstm": {("RESHAPE", 1), ("WHILE", 1), ("STRIDED_SLICE", 1)},
    "fails_dynamic_slice": {("STRIDED_SLICE", 1)},
    "fails_custom_options": {("RELU", 1)},
}
# What a file of a zoo model can show; the others need a small arena, a full resolver or the like.
SHOWN = {
    "op_missing", "op_code_out_of_range", "custom_op_missing", "silent_wrong_result",
    "unsupported_type", "hybrid_or_uint8", "planner_lifetime", "multi_subgraph", "dynamic_tensor",
    "bad_params", "bad_model", "halted",
}  # fmt: skip


def by_name(model: ZooModel) -> str:
    return model.name


def graph(model: ZooModel) -> tuple[tflite.Model, tflite.SubGraph]:
    flat = tflite.Model.GetRootAs(model.path.read_bytes(), 0)
    return flat, flat.Subgraphs(0)


def inputs(model: ZooModel, count: int) -> list[list[oracle.Array]]:
    """Seeded inputs over the whole range of the inputs' types."""
    _, subgraph = graph(model)
    tensors = [subgraph.Tensors(subgraph.Inputs(i)) for i in range(subgraph.InputsLength())]
    rng = np.random.default_rng(7)
    return [[drawn(rng, tensor) for tensor in tensors] for _ in range(count)]


def drawn(rng: np.random.Generator, tensor: tflite.Tensor) -> oracle.Array:
    shape = tuple(int(size) for size in tensor.ShapeAsNumpy())
    if tensor.Type() == tflite.TensorType.INT8:
        return rng.integers(-128, 128, shape).astype(np.int8)
    return rng.random(shape).astype(np.float32)


def answers(model: ZooModel, sets: list[list[oracle.Array]]) -> list[oracle.Array]:
    """For each output what it was, one run after the other."""
    run = oracle.run_host(model.path.read_bytes(), sets)
    assert run.ok, run
    return [np.stack(outputs) for outputs in zip(*run.outputs, strict=True)]


@pytest.mark.parametrize("model", MODELS, ids=by_name)
def test_file_is_the_one_in_the_catalogue(model: ZooModel) -> None:
    data = model.path.read_bytes()
    assert len(data) == model.size_bytes < 400_000
    assert hashlib.sha256(data).hexdigest() == model.sha256
    assert tflite.Model.ModelBufferHasIdentifier(data, 0)


def test_catalogue_lists_every_file_and_nothing_else() -> None:
    files = sorted(path.name for path in CATALOGUE.parent.glob("*.tflite"))
    assert files == sorted(model.file for model in MODELS)
    assert len(set(model_names())) == len(MODELS)
    assert {model.float_source for model in MODELS} - {""} <= set(model_names())


@pytest.mark.parametrize("model", MODELS, ids=by_name)
def test_nothing_of_the_machine_is_left_in_the_file(model: ZooModel) -> None:
    data = model.path.read_bytes()
    assert not [mark for mark in (b"/tmp", b"/home", b"/root", b".py") if mark in data]


@pytest.mark.parametrize("model", MODELS, ids=by_name)
def test_operators(model: ZooModel) -> None:
    names = {code: name for name, code in vars(tflite.BuiltinOperator).items() if name.isupper()}
    flat, subgraph = graph(model)
    codes = [flat.OperatorCodes(i) for i in range(flat.OperatorCodesLength())]
    found = Counter(
        names[codes[subgraph.Operators(i).OpcodeIndex()].BuiltinCode()]
        for i in range(subgraph.OperatorsLength())
    )
    assert set(found.items()) == OPERATORS[model.name]
    assert flat.SubgraphsLength() == (3 if model.name == "fails_lstm" else 1)


def test_the_failing_ones_show_every_class_that_a_file_can_show() -> None:
    classes = {how for model in MODELS for how in model.fails.values()}
    assert classes == SHOWN
    told = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert all(f"`{how}`" in told for how in classes)
    names = {model.name for model in FAILING} - {"separation_w8_upsampling2d"}
    assert all(name.startswith("fails_") for name in names)
    assert not [model.name for model in RUNNABLE if model.name.startswith("fails_")]
    # Small enough to read as a whole: nothing distracts from the failure.
    assert all(model.size_bytes < 10_000 for model in FAILING if model.name in names)


def test_dense_layer_of_the_keyword_spotter_has_one_scale() -> None:
    model = next(model for model in MODELS if model.name == "keyword_spotter")
    flat, subgraph = graph(model)
    dense = [
        subgraph.Operators(i)
        for i in range(subgraph.OperatorsLength())
        if flat.OperatorCodes(subgraph.Operators(i).OpcodeIndex()).BuiltinCode()
        == tflite.BuiltinOperator.FULLY_CONNECTED
    ]
    weights = [subgraph.Tensors(operator.Inputs(1)) for operator in dense]
    assert [tensor.Quantization().ScaleLength() for tensor in weights] == [1]


@pytest.mark.parametrize("model", INT8, ids=by_name)
def test_input_and_output_are_int8_and_batch_is_one(model: ZooModel) -> None:
    _, subgraph = graph(model)
    for index in (*subgraph.InputsAsNumpy(), *subgraph.OutputsAsNumpy()):
        tensor = subgraph.Tensors(int(index))
        assert tensor.Type() == tflite.TensorType.INT8
        assert tensor.Shape(0) == 1
        assert tensor.ShapeSignatureLength() == 0 or tensor.ShapeSignature(0) == 1


@pytest.mark.parametrize("model", RUNNABLE, ids=by_name)
def test_output_follows_the_input(model: ZooModel) -> None:
    for outputs in answers(model, inputs(model, 6)):
        quantized = outputs.dtype == np.int8
        # Only int8 can give one number for two inputs.
        assert len({output.tobytes() for output in outputs}) >= (5 if outputs[0].size == 1 else 6)
        # A saturated net changes a few bits only; these spread over a good part of their range.
        spread = float(outputs.astype(np.float64).std(axis=0).mean())
        assert spread > (4 if quantized else 0.05)
        at_an_end = np.isin(outputs, [-128, 127] if quantized else [0, 1])
        assert at_an_end.mean() < 0.05


def test_upsampling2d_is_refused_for_tile() -> None:
    data = model_path("separation_w8_upsampling2d").read_bytes()
    run = oracle.run_host(data, [])
    assert "Didn't find op for builtin opcode 'TILE'" in run.error


@pytest.mark.parametrize("model", [m for m in MODELS if m.float_source], ids=by_name)
def test_int8_is_smaller_than_its_source(model: ZooModel) -> None:
    source = next(other for other in MODELS if other.name == model.float_source)
    assert model.size_bytes < 0.4 * source.size_bytes


@pytest.mark.parametrize("name", ["separation_w8", "separation_w16"])
def test_int8_computes_nearly_the_same_as_its_source(name: str) -> None:
    model, source = (next(m for m in MODELS if m.name == n) for n in (name, f"{name}_fp32"))
    sets = inputs(model, 3)
    reals = [[((array.astype(np.float32) + 128) / 255).astype(np.float32)] for (array,) in sets]
    (quantized,), (exact,) = answers(model, sets), answers(source, reals)
    masks = (quantized.astype(np.float64) + 128) / 256
    assert float(np.abs(masks - exact).mean()) < 0.02


def test_tiny_float_draws_a_sine() -> None:
    model = next(model for model in MODELS if model.name == "tiny_float")
    phases = np.linspace(0, 1, 33, dtype=np.float32)
    (curve,) = answers(model, [[np.array([[phase]], np.float32)] for phase in phases])
    assert np.abs(curve.ravel() - np.sin(2 * math.pi * phases)).max() < 0.03


def test_unknown_name_is_answered_with_the_nearest_one() -> None:
    assert model_path("tiny_float") == CATALOGUE.parent / "tiny_float.tflite"
    with pytest.raises(UsageError, match='called "keyword_spoter"; did you mean "keyword_spotter"'):
        model_path("keyword_spoter")
    with pytest.raises(UsageError, match='called "qqqq"; lab zoo list'):
        model_path("qqqq")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_list_is_readable(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    listing = CliRunner().invoke(app, ["list"])
    assert listing.exit_code == 0
    lines = listing.output.splitlines()
    assert max(map(len, lines)) <= min(columns, 100)
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(model_names())
    words = " ".join(listing.output.split())
    for model in MODELS:
        assert f"{model.name} {model.size_bytes:,} B {model.title}. {model.purpose}" in words
        for runtime, how in model.fails.items():
            assert f"{model.purpose} Fails on {runtime}: {how}" in words


def test_list_as_json() -> None:
    listing = CliRunner().invoke(app, ["list", "--json"])
    assert [ZooModel(**entry) for entry in json.loads(listing.output)] == list(MODELS)


def test_names_and_purposes_in_the_docs() -> None:
    table = re.findall(r"^\| (`.+?) \| (.+?) \|$", (ROOT / "docs" / "zoo.md").read_text(), re.M)
    named = [re.findall(r"`(\w+)`", cell)[0] for cell, *_ in table]
    assert named == list(model_names())
    told = {re.findall(r"`(\w+)`", cell)[0]: purpose for cell, purpose in table}
    for model in FAILING:
        assert told[model.name].startswith(f"`{model.fails[RUNTIME]}`: ")


def exported(*arguments: str | Path) -> tuple[int, list[str], list[str]]:
    ran = lab("zoo", "export", *arguments)
    return ran.code, ran.out.splitlines(), ran.problems


def test_export_some(tmp_path: Path) -> None:
    to = tmp_path / "new" / "models"
    code, lines, problems = exported("tiny_float", "fails_gelu", "tiny_float", "-o", to)
    files = [to / "tiny_float.tflite", to / "fails_gelu.tflite"]
    assert (code, lines, problems) == (0, [str(file) for file in files], [])
    assert [file.read_bytes() for file in files] == [
        model_path(file.stem).read_bytes() for file in files
    ]
    assert sorted(to.iterdir()) == sorted(files)


def test_export_all(tmp_path: Path) -> None:
    code, lines, _ = exported("-o", tmp_path)
    assert (code, len(lines)) == (0, len(MODELS))
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {model.file: model.path.read_bytes() for model in MODELS}


def test_export_replaces_other_files_only_when_told(tmp_path: Path) -> None:
    own, same = tmp_path / "tiny_float.tflite", tmp_path / "fails_gelu.tflite"
    own.write_bytes(b"my own")
    same.write_bytes(model_path("fails_gelu").read_bytes())
    before = (same.stat().st_ino, same.stat().st_mtime_ns)
    code, lines, problems = exported("fails_gelu", "fails_lstm", "tiny_float", "-o", tmp_path)
    assert (code, lines) == (2, [])
    assert problems == [
        f"lab: {tmp_path} has other files named tiny_float.tflite (--force replaces them)"
    ]
    assert own.read_bytes() == b"my own"
    assert sorted(tmp_path.iterdir()) == [same, own], "nothing is written when one is in the way"
    assert exported("fails_gelu", "tiny_float", "-o", tmp_path, "--force")[0] == 0
    assert own.read_bytes() == model_path("tiny_float").read_bytes()
    assert (same.stat().st_ino, same.stat().st_mtime_ns) == before, "left alone: it was the same"


@pytest.mark.parametrize("arguments", [("tiny",), ("tiny_float", "tiny_flot"), ()])
def test_export_that_cannot_be(arguments: tuple[str, ...], tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    to = tmp_path / "out" if arguments else in_the_way
    code, lines, problems = exported(*arguments, "-o", to)
    assert (code, lines, len(problems)) == (2, [], 1)
    assert list(tmp_path.iterdir()) == [in_the_way]


def test_commands() -> None:
    shown = CliRunner().invoke(app, ["path", "tiny_float"])
    assert Path(shown.output.strip()) == model_path("tiny_float")
    wrong = CliRunner().invoke(app, ["path", "tiny"])
    assert isinstance(wrong.exception, UsageError)


def test_using_the_zoo_needs_no_tensorflow() -> None:
    code = (
        "import sys; import lab.zoo, lab.cli.zoo; lab.zoo.catalogue();"
        "sys.exit('tensorflow' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_script_without_tensorflow_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = None;"
        "from lab.zoo.make_models import main; sys.exit(main(['--check']))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert run.returncode == 4
    assert run.stderr == 'making the models needs TensorFlow: pip install "tflm-lab[models]"\n', (
        run.stderr
    )
    assert not run.stdout
