"""The operator gate for runtimes that the user built: what is known of kernels of August 2026.

Much less is known of them than of the July 2020 kernels: names, types, and what about ninety small
models showed. What nobody looked at is ``unknown``: the model is then built and run, and the run
decides. Operator versions are not looked at by these runtimes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from lab.graph import Model, Operator, Tensor, shorten
from lab.measure.op_findings import (
    BAD_PARAMS,
    QUANTIZED,
    UNSUPPORTED_TYPE,
    Finding,
    missing,
    wrong,
)
from lab.measure.op_table import ANY
from lab.tflite_schema import CUSTOM

Words = Annotated[
    frozenset[str], BeforeValidator(lambda t: frozenset(t.split()) if isinstance(t, str) else t)
]
_HYBRID = "hybrid_or_uint8"
_CMSIS_NN = "cmsis_nn"
_PER_TENSOR = "convert with _experimental_disable_per_channel_quantization_for_dense_layers"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KnownKernel(_Frozen):
    """What is known of one operator; the fields are explained in the YAML file."""

    method: str
    types: Words
    data: int = 0
    refused: Words = frozenset()
    weighted: bool = False
    cmsis_nn: bool = False
    flash: tuple[int, ...] = ()
    rescales: bool = True
    unverified: str = ""

    def flash_bytes(self, kernels: str) -> int | None:
        """Price of the operator alone; None if nobody measured it."""
        if not self.flash:
            return None
        return self.flash[-1] if kernels == _CMSIS_NN else self.flash[0]


class KnownOperators(_Frozen):
    """Everything known of the operators of one generation.

    Attributes:
        generation: of TFLM's API.
        highest_code: highest builtin code its schema knows.
        operators: by builtin name.
        custom: resolver method by custom operator name.
        instead: what to use in place of builtins or types it lacks.
    """

    generation: Literal["2026-08"]
    highest_code: int
    operators: dict[str, KnownKernel]
    custom: dict[str, str]
    instead: dict[str, str]


def operator_findings(
    model: Model, operator: Operator, table: KnownOperators, kernels: str
) -> Iterator[Finding]:
    """What is not plainly supported about one operator of a model's first subgraph."""
    kernel = table.operators.get(operator.name) if operator.code.code != CUSTOM else None
    if kernel is None:
        yield from _lacking(operator, table)
        return
    instead = table.instead.get(operator.name, "")
    if kernel.unverified:
        yield Finding("unknown", "", kernel.unverified)
    data = _tensor(model, operator, kernel.data)
    if data is None:
        return
    if kernel.weighted:
        yield from _weighted(model, operator, data, kernels, instead)
    if data.type in kernel.refused:
        failure_class = _HYBRID if data.type == "uint8" else UNSUPPORTED_TYPE
        yield missing(failure_class, f"{data.type} is refused: no such kernel", instead)
    elif not {data.type, ANY} & kernel.types and not kernel.unverified:
        known = " ".join(sorted(kernel.types))
        yield Finding("unknown", "", f"{data.type} is not among the types known for it: {known}")
    output = _tensor(model, operator, 0, of_outputs=True)
    if not kernel.rescales and data.type in QUANTIZED and output and _scaled_apart(data, output):
        reason = "input and output scale differ, but values are clamped without rescaling"
        yield wrong(reason, "let the converter fuse it into the layer before")


def _weighted(
    model: Model, operator: Operator, data: Tensor, kernels: str, instead: str
) -> Iterator[Finding]:
    weights = _tensor(model, operator, 1)
    if weights is None:
        return
    if data.type == "float32" and weights.type != "float32":
        reason = f"hybrid ({data.type} data, {weights.type} weights) is refused"
        yield missing(_HYBRID, reason, instead)
    elif weights.type not in {data.type, "int8"}:
        yield Finding("unknown", "", f"{weights.type} weights: nobody tried them")
    if operator.name == "FULLY_CONNECTED" and data.type == "int16" and len(weights.scales) > 1:
        if kernels == _CMSIS_NN:
            reason = f"weights have {len(weights.scales)} scales; with int16 data it takes one"
            yield missing(BAD_PARAMS, reason, _PER_TENSOR)
        else:
            yield Finding("unknown", "", "a scale per channel with int16 data: nobody tried it")


def _lacking(operator: Operator, table: KnownOperators) -> Iterator[Finding]:
    code = operator.code
    if code.code == CUSTOM:
        if code.custom_code not in table.custom:
            named = f'custom operator "{shorten(code.custom_code)}"' if code.custom_code else ""
            reason = f"{named} is none that the lab registers" if named else "has no name"
            yield missing("custom_op_missing", reason, "use builtin operators")
        else:
            yield Finding("unknown", "", "a custom operator of this runtime: nobody tried it")
        return
    failure_class = "op_missing" if code.code <= table.highest_code else "op_code_out_of_range"
    yield missing(failure_class, "is not in this runtime", table.instead.get(code.name, ""))


def _tensor(
    model: Model, operator: Operator, position: int, *, of_outputs: bool = False
) -> Tensor | None:
    indices = operator.outputs if of_outputs else operator.inputs
    return next(iter(model.tensors_of(indices[position : position + 1])), None)


def _scaled_apart(one: Tensor, other: Tensor) -> bool:
    return (one.scales, one.zero_points) != (other.scales, other.zero_points)


def subgraph_views(model: Model) -> Iterator[tuple[int, Model]]:
    """Every subgraph by its number, as a model of its own."""
    for number, subgraph in enumerate(model.subgraphs):
        yield number, replace(model, subgraphs=(subgraph,))
