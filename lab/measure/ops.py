"""The operator gate: will this runtime run the operators of this model, and run them right?

Answered on the host, before anything is built, from the runtime's operator table and from rules
about single kernels. A wrong or missing operator is a verdict "no", not an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from lab.firmware import Registration
from lab.graph import ABSENT, Model, Operator, Tensor, shorten
from lab.measure.op_findings import (
    BAD_MODEL,
    BAD_PARAMS,
    QUANTIZED,
    UNSUPPORTED_TYPE,
    Finding,
    Step,
    Verdict,
    missing,
    wrong,
)
from lab.measure.op_known import KnownOperators, operator_findings, subgraph_views
from lab.measure.op_lifetime import WHOLE_MODEL, connection_findings
from lab.measure.op_rules import RULES
from lab.measure.op_shapes import shape_findings
from lab.measure.op_table import OperatorTable, read_as, read_table
from lab.tflite_schema import BUILTIN_OPERATORS, CUSTOM, PLACEHOLDER_CODE

__all__ = [
    "AnyTable", "OperatorTable", "OperatorVerdict", "Registration", "available", "blocking", "gate",
    "load_table", "read_table", "registrations",
]  # fmt: skip

AnyTable: TypeAlias = OperatorTable | KnownOperators
_MAX_TYPES = 8
_OUT_OF_RANGE = "op_code_out_of_range"
_CONVERT_AGAIN = "convert the model again"
_KERNELS = "tflite::ops::micro::Register_"
_SEVERITY: dict[Verdict, int] = {"wrong": 0, "missing": 1, "unknown": 2, "supported": 3}


@dataclass(frozen=True)
class OperatorVerdict:
    """What the gate says of one operator, or of the model as a whole.

    Attributes:
        index: operator number; -1 for the model as a whole.
        name: builtin or custom name; ``model`` for the model as a whole.
        version: operator version the converter wrote; 0 for the model as a whole.
        types: such as ``int8 int8 int32 -> int8``; ``-`` is an input left out.
        verdict: ``supported``; ``missing``: stops with an error; ``wrong``: known to compute
            something else without an error; ``unknown``: nobody verified this version.
        reason: why, in one line; empty when supported.
        instead: what to use in its place, in one line; may be empty.
        failure_class: what TFLM's failure would be classed as; empty when it does not fail.
        flash_bytes: measured price of the operator alone; None where nobody measured it.
    """

    index: int
    name: str
    version: int
    types: str
    verdict: Verdict
    reason: str = ""
    instead: str = ""
    failure_class: str = ""
    flash_bytes: int | None = None

    @property
    def where(self) -> str:
        """``operator 3 CONV_2D``, or ``model``."""
        return self.name if self.index == WHOLE_MODEL else f"operator {self.index} {self.name}"


def load_table(path: Path, api: str) -> AnyTable:
    """The operator table of a runtime of this generation.

    Raises:
        InputError: it cannot be read or does not follow its schema.
    """
    return read_table(path) if api == "2020-07" else read_as(KnownOperators, path)


def gate(model: Model, table: AnyTable, kernels: str = "reference") -> tuple[OperatorVerdict, ...]:
    """Judge a model: first what concerns it as a whole, then one verdict for each operator.

    Of several findings about one operator the most serious is told.

    Args:
        model: a model.
        table: what is known of the runtime's operators.
        kernels: the runtime's kernel set.
    """
    if isinstance(table, KnownOperators):
        return tuple(_known(model, table, kernels))
    found: dict[int, list[Finding]] = {}
    for index, finding in connection_findings(model):
        found.setdefault(index, []).append(finding)
    whole = [*_model_findings(model, table), *found.get(WHOLE_MODEL, [])]
    verdicts = [_verdict(WHOLE_MODEL, "model", 0, "", finding) for finding in whole]
    for operator in model.operators:
        findings = [*_operator_findings(model, operator, table), *found.get(operator.index, [])]
        worst = min(findings, key=lambda one: _SEVERITY[one.verdict], default=None)
        name, version = operator.name, operator.code.version
        verdicts.append(_verdict(operator.index, name, version, _types(model, operator), worst))
    return tuple(verdicts)


def _known(model: Model, table: KnownOperators, kernels: str) -> Iterator[OperatorVerdict]:
    """Verdicts on the first subgraph's operators, and on those of others that are not plain."""
    for number, view in reversed(list(subgraph_views(model))):
        for operator in view.operators:
            findings = operator_findings(view, operator, table, kernels)
            worst = min(findings, key=lambda one: _SEVERITY[one.verdict], default=None)
            name, version = operator.name, operator.code.version
            if number and worst:
                place = f"subgraph {number} operator {operator.index} {name}"
                yield _verdict(WHOLE_MODEL, place, version, _types(view, operator), worst)
            elif not number:
                one = _verdict(operator.index, name, version, _types(view, operator), worst)
                kernel = table.operators.get(name)
                price = kernel.flash_bytes(kernels) if kernel else None
                yield replace(one, flash_bytes=price)


def blocking(verdicts: Iterable[OperatorVerdict]) -> tuple[OperatorVerdict, ...]:
    """Those that make the answer "no": missing and wrong."""
    return tuple(one for one in verdicts if one.verdict in {"missing", "wrong"})


def available(table: AnyTable) -> tuple[Registration, ...]:
    """Every operator of a runtime, ready to register: builtins first, in the table's order."""
    if isinstance(table, KnownOperators):
        builtins = (Registration(n, "", "", one.method) for n, one in table.operators.items())
        custom = (Registration("", n, "", method) for n, method in table.custom.items())
    else:
        builtins = (Registration(n, "", f"{_KERNELS}{n}()") for n in table.operators)
        custom = (Registration("", n, f"{_KERNELS}{n}()") for n in table.custom)
    return (*builtins, *custom)


def registrations(model: Model, table: AnyTable) -> tuple[Registration, ...]:
    """The operators to register, each once, in the order they are used.

    What the runtime does not have is left out: its own resolver then says so.
    """
    known = {(one.builtin, one.custom_name): one for one in available(table)}
    codes = [operator.code for graph in model.subgraphs for operator in graph.operators]
    wanted = [("", c.custom_code) if c.code == CUSTOM else (c.name, "") for c in codes]
    return tuple({one: known[one] for one in wanted if one in known}.values())


def _verdict(
    index: int, name: str, version: int, types: str, finding: Finding | None
) -> OperatorVerdict:
    if finding is None:
        return OperatorVerdict(index, name, version, types, "supported")
    return OperatorVerdict(
        index, name, version, types, finding.verdict, finding.reason, finding.instead,
        finding.failure_class,
    )  # fmt: skip


def _types(model: Model, operator: Operator) -> str:
    inputs, outputs = (
        [tensor.type if tensor else "-" for tensor in model.tensors_of(indices)]
        for indices in (operator.inputs, operator.outputs)
    )
    return f"{_listed(inputs)} -> {_listed(outputs)}"


def _listed(types: list[str]) -> str:
    shown = types[:_MAX_TYPES]
    if more := len(types) - len(shown):
        shown.append(f"(and {more} more)")
    return " ".join(shown)


def _model_findings(model: Model, table: OperatorTable) -> Iterator[Finding]:
    if len(model.subgraphs) > 1:
        reason = f"has {len(model.subgraphs)} subgraphs, this runtime runs one"
        instead = "control flow and recurrent layers need a newer TFLM"
        yield missing("multi_subgraph", reason, instead)
    odd = [tensor for tensor in model.tensors if tensor.type not in table.tensor_types]
    if odd:
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        reason = f"{odd[0].label}{more} is {odd[0].type}, which this runtime cannot hold"
        instead = "convert with full integer quantization, or to plain float32"
        yield missing(UNSUPPORTED_TYPE, reason, instead)
    unknown = [tensor for tensor in model.tensors if any(dim < 0 for dim in tensor.shape)]
    if unknown:
        reason = f"{unknown[0].label} has a dimension only known at run time"
        yield missing("dynamic_tensor", reason, "give the model a fixed batch and fixed shapes")


def _operator_findings(model: Model, operator: Operator, table: OperatorTable) -> Iterator[Finding]:
    lacking = _lacking(operator, table)
    if lacking:
        yield lacking
        return
    kernels = table.custom if operator.code.code == CUSTOM else table.operators
    step = Step(model, operator, kernels[operator.name])
    finding = _call_finding(step) or _tensor_finding(step)
    if finding:
        yield finding
        return
    rule = RULES.get(operator.name)
    if rule:
        yield from rule(step)
    yield from shape_findings(step)
    yield from _version(step)


def _lacking(operator: Operator, table: OperatorTable) -> Finding | None:
    code = operator.code
    if code.old_code < 0:
        reason = f"operator code {code.old_code} is out of this runtime's range"
        return missing(_OUT_OF_RANGE, reason, _CONVERT_AGAIN)
    if code.old_code != min(code.code, PLACEHOLDER_CODE):
        taken = BUILTIN_OPERATORS[code.old_code]
        return wrong(f"is taken for {taken}: its code is only in the newer field", _CONVERT_AGAIN)
    if code.code == CUSTOM:
        if code.custom_code in table.custom:
            return None
        named = f'custom operator "{shorten(code.custom_code)}"'
        reason = f"{named} is unknown to this runtime" if code.custom_code else "has no name"
        return missing("custom_op_missing", reason, "use builtin operators")
    if code.name in table.operators:
        return None
    newer = (
        f"newer TFLM ({table.newest}) has it" if code.name in table.newer else "nor in newer TFLM"
    )
    known = code.code <= table.highest_code
    failure_class = "op_missing" if known else _OUT_OF_RANGE
    hint = table.instead.get(code.name, "")
    return missing(failure_class, f"is not in this runtime, {newer}", hint)


def _call_finding(step: Step) -> Finding | None:
    """Number of tensors, options: what the kernel takes for granted before it looks at data."""
    operator, kernel = step.operator, step.kernel
    builtin = operator.code.code != CUSTOM
    if builtin and operator.has_custom_options:
        return missing(BAD_MODEL, "a builtin with custom options: fails in prepare", _CONVERT_AGAIN)
    for what, indices, (low, high) in (
        ("inputs", operator.inputs, kernel.inputs),
        ("outputs", operator.outputs, kernel.outputs),
    ):
        if not low <= len(indices) <= high:
            count = f"{low}" if low == high else f"{low} to {high:,}"
            reason = f"has {len(indices)} {what}, takes {count}"
            return missing(BAD_PARAMS, reason, f"use {count} {what}")
    for position, index in enumerate(operator.inputs):
        if index == ABSENT and position not in kernel.absent:
            return wrong(
                f"input {position} is left out, but the kernel reads it", "give the layer a bias"
            )
    if kernel.options and operator.options_table != kernel.options:
        reason = f"has no {kernel.options}: the kernel uses uninitialised memory"
        return wrong(reason, _CONVERT_AGAIN, BAD_MODEL)
    return None


def _tensor_finding(step: Step) -> Finding | None:
    """Types, ranks and scales of its tensors."""
    return _type_finding(step) or _rank_finding(step) or _scale_finding(step)


def _type_finding(step: Step) -> Finding | None:
    kernel, types = step.kernel, _types(step.model, step.operator)
    inputs, outputs = (
        tuple(tensor.type if tensor else None for tensor in step.model.tensors_of(indices))
        for indices in (step.operator.inputs, step.operator.outputs)
    )
    if any(signature.fits(inputs, outputs) for signature in kernel.types):
        return None
    if _is_hybrid(step.operator.name, inputs):
        return _hybrid(step, types)
    side, position = (outputs if kernel.chooses == "out0" else inputs), int(kernel.chooses[-1])
    known = {
        (one.outputs if kernel.chooses == "out0" else one.inputs)[position].rstrip("*")
        for one in kernel.types
    }
    if side[position] in known and kernel.otherwise == "wrong":
        return wrong(f"{types} is not checked and computed wrong", kernel.instead)
    reason = f"{types} is not supported: fails in {kernel.stops}"
    return missing(UNSUPPORTED_TYPE, reason, kernel.instead)


def _is_hybrid(name: str, inputs: tuple[str | None, ...]) -> bool:
    """Whether data and weights have different types; FULLY_CONNECTED refuses all of these."""
    if name == "FULLY_CONNECTED":
        return inputs[0] != inputs[1]
    weighted = name in {"CONV_2D", "DEPTHWISE_CONV_2D"}
    return weighted and inputs[0] == "float32" and inputs[1] in QUANTIZED


def _hybrid(step: Step, types: str) -> Finding:
    instead = step.kernel.instead
    if step.operator.name == "FULLY_CONNECTED":
        reason = f"hybrid ({types}) is not supported: fails in prepare"
        return missing("hybrid_or_uint8", reason, instead)
    reason = f"hybrid ({types}): the weights are read as float, past their end"
    return wrong(reason, instead, "hybrid_or_uint8")


def _rank_finding(step: Step) -> Finding | None:
    low, high = step.kernel.ranks
    data = 1 if step.kernel.chooses == "in1" else 0
    outputs = step.model.tensors_of(step.operator.outputs)
    for tensor in (step.need(data), *outputs):
        if tensor and not low <= len(tensor.shape) <= high:
            takes = f"{low}" if low == high else f"{low} to {high}"
            reason = f"{tensor.label} has {len(tensor.shape)} dimensions, the kernel takes {takes}"
            return missing(BAD_PARAMS, reason, f"reshape to {high} dimensions")
    return None


def _scale_finding(step: Step) -> Finding | None:
    for tensor in step.tensors:
        if tensor.is_sparse:
            return wrong(f"{tensor.label} is sparse but read as dense", "convert without sparsity")
        if not step.kernel.scaled or tensor.type not in QUANTIZED:
            continue
        if not (tensor.scales and tensor.zero_points):
            return wrong(f"{tensor.label} has no scale or zero point", _CONVERT_AGAIN, BAD_MODEL)
        if len(set(tensor.scales)) > 1 and not _may_be_per_channel(step, tensor):
            reason = f"{tensor.label} has {len(tensor.scales)} scales; only the first is used"
            return wrong(reason, "quantize it with one scale")
    return None


def _may_be_per_channel(step: Step, tensor: Tensor) -> bool:
    weighted = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    return step.operator.name in weighted and tensor.index == step.operator.inputs[1]


def _version(step: Step) -> Iterator[Finding]:
    version, verified = step.operator.code.version, step.kernel.verified_version
    if step.operator.code.code != CUSTOM and not 1 <= version <= verified:
        reason = f"version {version} was not verified in this runtime, 1 to {verified} were"
        yield Finding("unknown", "", reason)
