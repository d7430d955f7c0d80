"""Models nobody would make and converters do: right results, or a verdict that says why not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import NANO, Ran, lab, no_traceback

from lab import Options, check
from lab.errors import NoVerdictError
from lab.model_writer import Graph, Op, T, build
from lab.results import CheckResult

ADD = Op("ADD", [0, 1], [2], 1, "AddOptions", {})
RELU = Op("RELU", [0], [1])
LONG = "x" * 10_000
ODD_NAMES = ("in put =1", "größe\n\x1b[31m", "", LONG)


def f4(name: str = "t", shape: list[int] | None = None, data: object = None) -> T:
    return T([1, 4] if shape is None else shape, "float32", data, name=name)


def two(names: tuple[str, ...] = ("a", "b", "sum", "relu")) -> bytes:
    """Two inputs, two outputs: their sum, and the first one without what is negative."""
    return build(Graph([f4(name) for name in names], [ADD, Op("RELU", [0], [3])], [0, 1], [2, 3]))


def written(directory: Path, model: bytes, name: str = "model.tflite") -> Path:
    path = directory / name
    path.write_bytes(model)
    return path


def arrays(directory: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.load(path) for path in directory.glob("*.npy")}


def checked(*arguments: str | Path) -> Ran:
    ran = lab("check", *arguments)
    no_traceback(ran)
    return ran


@pytest.mark.parametrize("names", [("a", "b", "sum", "relu"), ODD_NAMES, ("same",) * 4],
                         ids=["plain", "odd", "same"])  # fmt: skip
def test_several_inputs_by_their_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    model = written(tmp_path, two(names))
    one, other = np.array([[1, -2, 3, -4]], "f4"), np.array([[10, 20, 30, 40]], "f4")
    np.save(tmp_path / "one.npy", one)
    np.save(tmp_path / "other.npy", other)
    given: list[str | Path] = []
    order = [(names[0], "one.npy"), (names[1], "other.npy")]
    for name, file in order if names[0] == names[1] else reversed(order):
        given += ["--input", f"{name}={tmp_path / file}"]
    out, record = tmp_path / "out", tmp_path / "record.json"
    ran = checked(model, "-b", NANO, *given, "--save-outputs", out, "--json", record)
    assert ran.code == 0, ran
    assert max(map(len, ran.out.splitlines())) < 300
    assert all(line.isprintable() for line in ran.out.splitlines())
    saved = arrays(out)
    np.testing.assert_array_equal(saved["input_0_0"], one)
    np.testing.assert_array_equal(saved["input_1_0"], other)
    np.testing.assert_array_equal(saved["output_0_0"], one + other)
    np.testing.assert_array_equal(saved["output_1_0"], np.maximum(one, 0))
    CheckResult.model_validate(json.loads(record.read_text()))


def test_an_input_of_that_name_has_been_given(tmp_path: Path) -> None:
    model = written(tmp_path, two(ODD_NAMES))
    np.save(tmp_path / "x.npy", np.zeros((1, 4), "f4"))
    same = ["--input", f"größe\n\x1b[31m={tmp_path / 'x.npy'}"]
    for words, says in (
        ([*same, *same], 'input "größe\\n\\x1b[31m" is given twice'),
        (same, "no file for input in put =1 ("),
        (["--input", f"nosuch={tmp_path / 'x.npy'}"], 'no input "nosuch"; the model has: in put'),
        (["--input", str(tmp_path / "x.npy")] * 3, "the model has 2 inputs, 3 were given"),
    ):
        ran = checked(model, "-b", NANO, *words)
        assert ran.code == 2
        (line,) = ran.problems
        assert says in line
        assert len(line) < 300


# (what, graph, outputs computed from the inputs)
RIGHT: list[tuple[str, Graph, int]] = [
    ("no shape", Graph([T(None), T(None)], [RELU], [0], [1]), 1),
    ("scalar", Graph([f4(shape=[]), f4(shape=[])], [RELU], [0], [1]), 1),
    ("zero-size", Graph([f4(shape=[0, 4]), f4(shape=[0, 4])], [RELU], [0], [1]), 1),
    ("input that is an output", Graph([f4("a"), f4("b")], [RELU], [0], [1, 0]), 1),
    ("twice the same", Graph([f4(), f4()], [RELU], [0, 0], [1, 1]), 1),
    ("in place", Graph([f4()], [Op("RELU", [0], [0])], [0], [0]), 1),
    ("constant as an output",
     Graph([f4(), f4(), f4(data=[[1, 2, 3, 4]])], [RELU], [0], [1, 2]), 1),
    ("no input", Graph([f4(data=[[-1, 2, -3, 4]]), f4()], [RELU], [], [1]), 0),
    ("nothing at all", Graph([], [], [], []), 0),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "inputs"), [case[1:] for case in RIGHT],
                         ids=[case[0] for case in RIGHT])  # fmt: skip
def test_right_results(tmp_path: Path, graph: Graph, inputs: int) -> None:
    model = written(tmp_path, build(graph))
    out = tmp_path / "out"
    result = check(model, NANO, Options(save_outputs=out, invokes=2))
    assert result.verdict.status == "fits"
    saved = arrays(out)
    assert len(saved) == 2 * (len(graph.inputs) + len(graph.outputs))
    for invoke in range(2):
        if inputs:
            given = saved[f"input_0_{invoke}"]
            tensor = graph.tensors[graph.inputs[0]]
            assert given.shape == tuple(tensor.shape or ())
            np.testing.assert_array_equal(saved[f"output_0_{invoke}"], np.maximum(given, 0))
        for number, index in enumerate(graph.outputs):
            if (data := graph.tensors[index].data) is not None:
                np.testing.assert_array_equal(saved[f"output_{number}_{invoke}"], data)
        if graph.ops and not inputs:
            np.testing.assert_array_equal(saved[f"output_0_{invoke}"], [[0, 2, 0, 4]])


NOT_RUN = [
    ("no operators", Graph([f4(), f4()], [], [0], [1]), "planner_lifetime"),
    ("no operators and one tensor", Graph([f4()], [], [0], [0]), "planner_lifetime"),
    ("no output", Graph([f4(), f4()], [RELU], [0], []), "planner_lifetime"),
    ("an input nobody uses", Graph([f4(), f4(), f4()], [RELU], [0, 2], [1]), "planner_lifetime"),
    ("constant as an input", Graph([f4(), f4(data=[[1, 2, 3, 4]]), f4()], [ADD], [0, 1], [2]),
     "bad_model"),
    ("eight dimensions", Graph([f4(shape=[1] * 8), f4(shape=[1] * 8)], [RELU], [0], [1]),
     "bad_params"),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "name"), [case[1:] for case in NOT_RUN],
                         ids=[case[0] for case in NOT_RUN])  # fmt: skip
def test_a_verdict_that_says_why_not(tmp_path: Path, graph: Graph, name: str) -> None:
    result = check(written(tmp_path, build(graph)), NANO)
    assert (result.verdict.status, result.verdict.failure_class) == ("failed", name)


@pytest.mark.parametrize("which", ["inputs", "outputs"])
def test_more_than_the_runner_can_describe(tmp_path: Path, which: str) -> None:
    tensors = [f4(shape=[1]) for _ in range(71)]
    if which == "inputs":
        graph = Graph(tensors, [Op("RELU", [i], [70]) for i in range(70)], list(range(70)), [70])
    else:
        ops = [Op("RELU", [0], [i]) for i in range(1, 71)]
        graph = Graph(tensors, ops, [0], list(range(1, 71)))
    with pytest.raises(NoVerdictError, match=f"70 graph {which}, the runner can describe 64"):
        check(written(tmp_path, build(graph)), NANO)


@pytest.mark.parametrize("name", ["größe 音.tflite", "-%s{}.tflite"])
def test_names_of_files_are_the_same_in_every_locale(tmp_path: Path, name: str) -> None:
    model = written(tmp_path, two(("größe", "b", "c", "d")), name)
    np.save(tmp_path / "x.npy", np.zeros((1, 4), "f4"))
    inputs = ["--input", f"größe={tmp_path / 'x.npy'}", "--input", f"b={tmp_path / 'x.npy'}"]
    locales = (
        {"LC_ALL": "C.UTF-8"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"} | {"PYTHONCOERCECLOCALE": "0"},
    )
    runs = [
        lab("check", *inputs, "-b", NANO, "--json", "-", "--", model, env=env) for env in locales
    ]
    assert [ran.code for ran in runs] == [0, 0], runs
    assert runs[0].out == runs[1].out
    assert json.loads(runs[0].out)["model"]["name"] == name
    errors = [lab("ops", "--", tmp_path / f"no {name}", env=env).err for env in locales]
    assert errors[0] == errors[1]
    assert f"no {name}: cannot be read" in errors[0]
