"""Shapes that do not follow are found, and those that do are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from op_cases import SUPPORTED, UNCOMPARED, UNKNOWN, Case

from lab.graph import Model, Tensor
from lab.measure.op_findings import Finding, Step
from lab.measure.op_shapes import shape_findings
from lab.measure.op_table import OperatorTable, read_table
from lab.model import read_model
from lab.runtimes import load_runtime
from lab.zoo import catalogue

# They compare shapes themselves, or say more about them in their own rule.
OTHERS = {"RESHAPE", "PAD", "STRIDED_SLICE", "SVDF", "CIRCULAR_BUFFER"}
JUDGED = [
    case for case in SUPPORTED if {op.name for op in read_model(case.model).operators}.isdisjoint(
        OTHERS)
]  # fmt: skip


@pytest.fixture(scope="module")
def table() -> OperatorTable:
    return read_table(load_runtime().operator_table)


def found(model: Model, table: OperatorTable) -> list[Finding]:
    kernels = table.operators | table.custom
    return [
        finding
        for operator in model.operators
        if operator.name in kernels
        for finding in shape_findings(Step(model, operator, kernels[operator.name]))
    ]


def grown(model: Model, tensor: Tensor) -> Iterator[Model]:
    """The model with one dimension of a tensor larger by one, for each dimension."""
    graph = model.subgraphs[0]
    for place, dim in enumerate(tensor.shape):
        shape = (*tensor.shape[:place], dim + 1, *tensor.shape[place + 1 :])
        tensors = tuple(
            replace(one, shape=shape) if one is tensor else one for one in graph.tensors
        )
        yield replace(model, subgraphs=(replace(graph, tensors=tensors),))


@pytest.mark.parametrize("case", [*SUPPORTED, *UNCOMPARED, *UNKNOWN], ids=lambda case: case.name)
def test_sound_shapes(case: Case, table: OperatorTable) -> None:
    assert not found(read_model(case.model), table)


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_shapes_a_converter_wrote(entry: object, table: OperatorTable) -> None:
    path: Path = entry.path  # type: ignore[attr-defined]  # a record of the zoo
    assert not found(read_model(path), table)


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_any_other_output(case: Case, table: OperatorTable) -> None:
    model = read_model(case.model)
    of_resize = "RESIZE_NEAREST_NEIGHBOR" in {operator.name for operator in model.operators}
    for place, other in enumerate(grown(model, model.tensors[model.outputs[0]])):
        if of_resize and place in {1, 2}:  # compared with its size input elsewhere
            continue
        (finding,) = found(other, table)
        assert (finding.verdict, finding.failure_class) == ("wrong", "bad_model")
        assert "does not follow from [" in finding.reason


@pytest.mark.parametrize("name", ["conv, a scale per channel", "depthwise", "dense"])
def test_another_bias(name: str, table: OperatorTable) -> None:
    model = read_model(next(case.model for case in SUPPORTED if case.name == name))
    (longer,) = grown(model, model.tensors[2])
    assert len(found(longer, table)) == 1


def test_a_shape_that_is_not_known_is_not_judged(table: OperatorTable) -> None:
    model = read_model(next(case.model for case in SUPPORTED if case.name == "add, broadcast"))
    graph = model.subgraphs[0]
    open_ended = replace(graph.tensors[2], shape=(-1, 12))
    tensors = (*graph.tensors[:2], open_ended)
    assert not found(replace(model, subgraphs=(replace(graph, tensors=tensors),)), table)
