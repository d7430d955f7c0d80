"""The standard models of a price list: one for every operator, with the work that they say."""

from __future__ import annotations

import math

import pytest

from lab.firmware import Registration
from lab.graph import Model, Tensor
from lab.measure.op_models import StandardModel, standard_models
from lab.measure.ops import available, blocking, gate, load_table
from lab.model import read_model
from lab.runtimes import load_runtime

RUNTIME = load_runtime()
TABLE = load_table(RUNTIME.operator_table, RUNTIME.api)
OPERATORS = available(TABLE)


def accepted(name: str) -> list[tuple[StandardModel, Model]]:
    models = [(one, read_model(one.write(1))) for one in standard_models(name)]
    return [(one, model) for one, model in models if not blocking(gate(model, TABLE))]


@pytest.mark.parametrize("one", OPERATORS, ids=lambda one: one.name)
def test_every_operator_has_a_model_that_the_runtime_takes(one: Registration) -> None:
    models = accepted(one.name)
    assert models, "no standard model"
    for standard, model in models:
        (operator,) = model.operators
        assert operator.name == one.name
        data = {model.tensors[index].type for index in (*model.inputs, *model.outputs)}
        assert standard.dtype in data


def test_int8_comes_first_where_the_kernel_takes_it() -> None:
    kinds = {one.name: [standard.dtype for standard, _ in accepted(one.name)] for one in OPERATORS}
    assert kinds["CONV_2D"] == ["int8", "float32"]
    assert kinds["MEAN"] == kinds["SIN"] == ["float32"]
    assert kinds["LOGICAL_OR"] == ["bool"]
    assert kinds["CIRCULAR_BUFFER"] == ["int8"]


def test_an_operator_nobody_thought_of_has_none() -> None:
    assert list(standard_models("UNHEARD_OF")) == []


@pytest.mark.parametrize("one", OPERATORS, ids=lambda one: one.name)
def test_more_nodes_are_on_the_same_tensors(one: Registration) -> None:
    for standard, model in accepted(one.name):
        more = read_model(standard.write(3))
        assert len(more.operators) == 3
        assert [t.shape for t in more.tensors] == [t.shape for t in model.tensors]
        assert {o.inputs for o in more.operators} == {model.operators[0].inputs}
        assert {o.outputs for o in more.operators} == {model.operators[0].outputs}


@pytest.mark.parametrize("one", OPERATORS, ids=lambda one: one.name)
def test_the_work_is_what_the_shapes_ask_for(one: Registration) -> None:
    for standard, model in accepted(one.name):
        assert standard.amount == work(one.name, standard, model)


def work(name: str, standard: StandardModel, model: Model) -> int:
    """The same from the tensors of the model that was read back."""
    operator = model.operators[0]
    inputs = [model.tensors[index] for index in operator.inputs]
    out = math.prod(model.tensors[operator.outputs[0]].shape)
    if name in {"CONV_2D", "FULLY_CONNECTED"}:  # every output needs one filter's worth
        return out * math.prod(inputs[1].shape[1:])
    if name == "DEPTHWISE_CONV_2D":
        return out * math.prod(inputs[1].shape[1:3])
    if name == "SVDF":  # over the features, then over the time
        return out * (inputs[1].shape[1] + inputs[2].shape[1])
    tensors = model.inputs if standard.work == "input element" else model.outputs
    return sum(elements(model.tensors[index]) for index in tensors)


def elements(tensor: Tensor) -> int:
    return math.prod(tensor.shape)
