"""The operator gate: one model for each rule, and what the firmware is told to register."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from op_cases import CASES, SUPPORTED, Case

from lab.cli.main import run
from lab.errors import InputError
from lab.firmware import Registration
from lab.measure.op_rules import RULES
from lab.measure.op_table import Signature
from lab.measure.ops import OperatorTable, blocking, gate, read_table, registrations
from lab.model import read_model
from lab.model_writer import Graph, Op, T, build, one_op, quantized
from lab.runtimes import load_runtime
from lab.zoo import ZooModel, catalogue

_WORST_FIRST = ["wrong", "missing", "unknown", "supported"]


@pytest.fixture(scope="module")
def table() -> OperatorTable:
    return read_table(load_runtime().operator_table)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(case: Case, table: OperatorTable) -> None:
    verdicts = gate(read_model(case.model), table)
    worst = min(verdicts, key=lambda one: _WORST_FIRST.index(one.verdict))
    assert (worst.verdict, worst.failure_class) == (case.verdict, case.failure_class), worst
    assert case.says in worst.reason
    assert bool(blocking(verdicts)) == (case.verdict in {"missing", "wrong"})
    for one in verdicts:
        assert one.reason.isprintable()
        assert one.instead.isprintable()
        assert bool(one.reason) == (one.verdict != "supported")


def test_each_rule_has_a_case_that_fires_it() -> None:
    fired = {
        operator.name
        for case in CASES
        if case not in SUPPORTED
        for operator in read_model(case.model).operators
    }
    siblings = {"EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS_EQUAL", "SUB", "MUL",
                "LOGICAL_OR", "LOGICAL_AND", "PADV2", "MAX_POOL_2D", "L2_NORMALIZATION",
                "UNPACK"}  # fmt: skip
    assert set(RULES) - fired <= siblings


def test_one_verdict_for_each_operator_in_order(table: OperatorTable) -> None:
    graph = Graph(
        [T([4]), T([4]), T([4])],
        [Op("RELU", [0], [1]), Op("TILE", [1, 1], [2])],
        [0],
        [2],
    )
    first, second = gate(read_model(build(graph)), table)
    assert (first.index, first.name, first.verdict) == (0, "RELU", "supported")
    assert (first.types, first.where) == ("float32 -> float32", "operator 0 RELU")
    assert (second.index, second.name, second.verdict) == (1, "TILE", "missing")
    assert "resize" in second.instead


def test_what_concerns_the_whole_model_comes_first(table: OperatorTable) -> None:
    graph = Graph([T([4]), T([4])], [Op("RELU", [0], [1])], [0], [1])
    verdicts = gate(read_model(build(graph, graph)), table)
    assert [one.where for one in verdicts] == ["model", "operator 0 RELU"]


def test_the_most_serious_finding_is_told(table: OperatorTable) -> None:
    bias = T([6], "int32", [0] * 6, 0.0005)
    weights = T([6, 1, 1, 4], "int8", [1] * 24, 0.01)
    options = {"StrideW": 0, "StrideH": 1}
    model = one_op(
        "CONV_2D", [quantized([1, 8, 8, 4]), weights, bias], [quantized([1, 8, 8, 6])],
        "Conv2DOptions", options, version=9,
    )  # fmt: skip
    (verdict,) = gate(read_model(model), table)
    assert verdict.verdict == "wrong", "stride 0 outweighs the unknown version"


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_zoo(entry: ZooModel, table: OperatorTable) -> None:
    stops = blocking(gate(read_model(entry.path), table))
    # The first one is what a check answers with.
    assert [one.failure_class for one in stops[:1]] == list(entry.fails.values())


def test_registrations_once_in_order_of_use(table: OperatorTable) -> None:
    ops = [
        Op("RELU", [0], [1]),
        Op("ABS", [1], [2]),
        Op("RELU", [2], [3], version=2),
        Op("RING", [3], [4], custom_code="CIRCULAR_BUFFER"),
        Op("TILE", [4, 4], [5]),
    ]
    model = read_model(build(Graph([T([4])] * 6, ops, [0], [5])))
    kernel = "tflite::ops::micro::Register_"
    assert registrations(model, table) == (
        Registration("RELU", "", f"{kernel}RELU()"),
        Registration("ABS", "", f"{kernel}ABS()"),
        Registration("", "CIRCULAR_BUFFER", f"{kernel}CIRCULAR_BUFFER()"),
    )


def test_a_custom_name_never_reaches_the_firmware_unless_known(table: OperatorTable) -> None:
    evil = 'x", 0); } int y = system("'
    model = one_op("X", [T([4])], [T([4])], custom_code=evil)
    assert registrations(read_model(model), table) == ()


@pytest.mark.parametrize(
    ("inputs", "outputs", "fits"),
    [
        (("int8", "int8"), ("int8",), True),
        (("int8", "int8", "int8"), ("int8",), True),
        (("int8", "int8", "float32"), ("int8",), False),
        ((), ("int8",), True),
        (("int8",), ("int8", "int8"), False),
    ],
)
def test_repeating_signature(inputs: tuple[str, ...], outputs: tuple[str, ...], fits: bool) -> None:
    signature = Signature(inputs=("int8*",), outputs=("int8",))
    assert signature.fits(inputs, outputs) is fits


def test_types_of_an_operator_with_very_many_inputs_stay_short(table: OperatorTable) -> None:
    model = one_op("PACK", [T([4])] * 500, [T([500, 4])], "PackOptions", {"ValuesCount": 500})
    (verdict,) = gate(read_model(model), table)
    assert verdict.types.endswith("(and 492 more) -> float32")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("operators: [", "is not YAML"),
        ("highest_code: 1", "tensor_types"),
        ("highest_code: many", "highest_code"),
    ],
)
def test_broken_table(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "own.ops.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        read_table(path)


def test_missing_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "none.yaml")


def _command(path: Path, case: str, *options: str) -> int:
    path.write_bytes(next(one.model for one in CASES if one.name == case))
    return run(["ops", str(path), *options])


def test_command_says_no_and_what_to_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _command(tmp_path / "tile.tflite", "tile") == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == "NO  tile.tflite on tflm-2020-07: 1 missing"
    assert second.split()[:4] == ["0", "TILE", "v1", "missing"]
    assert 'use tf.image.resize(x, size, method="nearest")' in second


def test_command_says_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _command(tmp_path / "conv.tflite", "conv, bias left out") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "YES  conv.tflite on tflm-2020-07: 1 supported"
    assert second.split() == ["0", "CONV_2D", "v3", "supported", "int8", "int8", "-", "->", "int8"]


def test_unknown_does_not_block(tmp_path: Path) -> None:
    assert _command(tmp_path / "new.tflite", "newer version") == 0


def test_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _command(tmp_path / "tile.tflite", "tile", "--json") == 1
    record = json.loads(capsys.readouterr().out)
    assert (record["schema_version"], record["supported"]) == (1, False)
    assert record["operators"][0]["failure_class"] == "op_missing"


def test_command_refuses_a_damaged_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(SUPPORTED[0].model[:200])
    assert run(["ops", str(path)]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1
