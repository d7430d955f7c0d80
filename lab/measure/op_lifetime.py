"""How tensors are connected: what the runtime's memory planner refuses or gets wrong."""

from __future__ import annotations

from collections.abc import Iterator

from lab.graph import ABSENT, Model, Tensor
from lab.measure.op_findings import BAD_MODEL, Finding, missing, wrong

WHOLE_MODEL = -1
_PLANNER = "planner_lifetime"


def connection_findings(model: Model) -> Iterator[tuple[int, Finding]]:
    """Findings about tensors, each with the operator it belongs to or ``WHOLE_MODEL``."""
    written, read = _written(model), _read(model)
    loose = []
    for tensor in model.tensors:
        writers, readers = written.get(tensor.index, []), read.get(tensor.index, [])
        if tensor.is_constant:
            if writers:
                yield writers[0], _writes_constant(tensor)
        elif not tensor.is_variable:
            yield from _half_connected(tensor, writers, readers)
            loose += [tensor] if not writers and not readers else []
    if loose:
        yield WHOLE_MODEL, _unconnected(loose)
    yield from _out_of_order(model, written)


def _written(model: Model) -> dict[int, list[int]]:
    """Who writes each tensor, first to last; the application writes graph inputs."""
    writers: dict[int, list[int]] = {index: [WHOLE_MODEL] for index in model.inputs}
    for operator in model.operators:
        for index in operator.outputs:
            writers.setdefault(index, []).append(operator.index)
    return writers


def _read(model: Model) -> dict[int, list[int]]:
    """Who reads each tensor; the application reads graph outputs, after the last operator."""
    readers: dict[int, list[int]] = {}
    for operator in model.operators:
        for index in operator.inputs:
            readers.setdefault(index, []).append(operator.index)
    if model.operators:
        for index in model.outputs:
            readers.setdefault(index, []).append(WHOLE_MODEL)
    return readers


def _half_connected(
    tensor: Tensor, writers: list[int], readers: list[int]
) -> Iterator[tuple[int, Finding]]:
    if readers and not writers:
        reason = f"{tensor.label} is read but nothing writes it: the runtime reads address 0"
        yield readers[0], wrong(reason, "convert the model again", BAD_MODEL)
    if writers and not readers:
        what = "is used by nothing" if writers[0] == WHOLE_MODEL else "is an output nobody uses"
        instead = "use every output, or leave the operator out"
        yield writers[0], missing(_PLANNER, f"{tensor.label} {what}: fails in planning", instead)


def _unconnected(tensors: list[Tensor]) -> Finding:
    more = f" (and {len(tensors) - 1:,} more)" if len(tensors) > 1 else ""
    reason = f"{tensors[0].label}{more} is not connected to anything: fails in planning"
    return missing(_PLANNER, reason, "convert the model again")


def _writes_constant(tensor: Tensor) -> Finding:
    reason = f"writes into {tensor.label}, a constant in flash"
    return wrong(reason, "convert the model again", BAD_MODEL)


def _out_of_order(model: Model, written: dict[int, list[int]]) -> Iterator[tuple[int, Finding]]:
    for operator in model.operators:
        for index in operator.inputs:
            writers = written.get(index) if index != ABSENT else None
            tensor = model.tensors[index]
            fixed = tensor.is_constant or tensor.is_variable
            if writers and not fixed and writers[0] >= operator.index:
                reason = f"reads {tensor.label}, which only operator {writers[0]} writes"
                instead = "operators must stand in execution order; convert the model again"
                yield operator.index, wrong(reason, instead, BAD_MODEL)
