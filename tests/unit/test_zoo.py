"""The zoo as it is committed: files, catalogue, operators, and answers on the host interpreter."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import oracle
import pytest
import tflite
from typer.testing import CliRunner

from lab.cli.zoo import app
from lab.errors import UsageError
from lab.zoo import CATALOGUE, ZooModel, catalogue, model_names, model_path

MODELS = catalogue()
INT8 = [model for model in MODELS if not model.name.endswith(("_fp32", "_float"))]
RUNNABLE = [model for model in MODELS if "upsampling2d" not in model.name]
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
    "tiny_float": {("FULLY_CONNECTED", 3)},
}


def by_name(model: ZooModel) -> str:
    return model.name


def graph(model: ZooModel) -> tuple[tflite.Model, tflite.SubGraph]:
    flat = tflite.Model.GetRootAs(model.path.read_bytes(), 0)
    return flat, flat.Subgraphs(0)


def inputs(model: ZooModel, count: int) -> list[list[oracle.Array]]:
    """Seeded inputs over the whole range of the input's type."""
    _, subgraph = graph(model)
    tensor = subgraph.Tensors(subgraph.Inputs(0))
    shape = tuple(int(size) for size in tensor.ShapeAsNumpy())
    rng = np.random.default_rng(7)
    if tensor.Type() == tflite.TensorType.INT8:
        return [[rng.integers(-128, 128, shape).astype(np.int8)] for _ in range(count)]
    return [[rng.random(shape).astype(np.float32)] for _ in range(count)]


def answers(model: ZooModel, sets: list[list[oracle.Array]]) -> oracle.Array:
    run = oracle.run_host(model.path.read_bytes(), sets)
    assert run.ok, run
    return np.stack([outputs[0] for outputs in run.outputs])


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
    assert flat.SubgraphsLength() == 1


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
    for index in (subgraph.Inputs(0), subgraph.Outputs(0)):
        tensor = subgraph.Tensors(index)
        assert tensor.Type() == tflite.TensorType.INT8
        assert tensor.Shape(0) == 1
        assert tensor.ShapeSignatureLength() == 0 or tensor.ShapeSignature(0) == 1


@pytest.mark.parametrize("model", RUNNABLE, ids=by_name)
def test_output_follows_the_input(model: ZooModel) -> None:
    outputs = answers(model, inputs(model, 6))
    assert len({output.tobytes() for output in outputs}) == 6
    # A saturated net changes a few bits only; these spread over a good part of their range.
    spread = float(outputs.astype(np.float64).std(axis=0).mean())
    assert spread > (4 if outputs.dtype == np.int8 else 0.05)


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
    masks = (answers(model, sets).astype(np.float64) + 128) / 256
    assert float(np.abs(masks - answers(source, reals)).mean()) < 0.02


def test_tiny_float_draws_a_sine() -> None:
    model = next(model for model in MODELS if model.name == "tiny_float")
    phases = np.linspace(0, 1, 33, dtype=np.float32)
    drawn = answers(model, [[np.array([[phase]], np.float32)] for phase in phases]).ravel()
    assert np.abs(drawn - np.sin(2 * math.pi * phases)).max() < 0.03


def test_unknown_name_is_answered_with_the_nearest_one() -> None:
    assert model_path("tiny_float") == CATALOGUE.parent / "tiny_float.tflite"
    with pytest.raises(UsageError, match='called "keyword_spoter"; did you mean "keyword_spotter"'):
        model_path("keyword_spoter")
    with pytest.raises(UsageError, match=r"there are separation_w8, .*tiny_float"):
        model_path("qqqq")


def test_commands() -> None:
    listing = CliRunner().invoke(app, ["list"], env={"COLUMNS": "100"})
    assert listing.exit_code == 0
    assert all(name in listing.output for name in model_names())
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
