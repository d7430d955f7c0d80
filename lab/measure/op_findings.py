"""What the operator gate finds, and the view of one operator that its rules look at."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from lab.graph import Model, Operator, Tensor
from lab.measure.op_table import Kernel

Verdict = Literal["supported", "missing", "wrong", "unknown"]

SILENT = "silent_wrong_result"
BAD_MODEL = "bad_model"
BAD_PARAMS = "bad_params"
UNSUPPORTED_TYPE = "unsupported_type"
HALTED = "halted"

_MAX_CONSTANT_ELEMENTS = 1024
QUANTIZED = frozenset({"int8", "uint8", "int16"})


@dataclass(frozen=True)
class Finding:
    """Why an operator is not plainly supported."""

    verdict: Verdict
    failure_class: str
    reason: str
    instead: str = ""


def wrong(reason: str, instead: str = "", failure_class: str = SILENT) -> Finding:
    """The runtime would go on and compute something else, without a word."""
    return Finding("wrong", failure_class, reason, instead)


def missing(failure_class: str, reason: str, instead: str = "") -> Finding:
    """The runtime cannot do it and would stop with an error."""
    return Finding("missing", failure_class, reason, instead)


@dataclass(frozen=True)
class Step:
    """One operator with its tensors, its numbers of inputs and outputs already checked."""

    model: Model
    operator: Operator
    kernel: Kernel

    def input(self, position: int) -> Tensor | None:
        """Tensor of an input; None when it is left out."""
        indices = self.operator.inputs[position : position + 1]
        return next(iter(self.model.tensors_of(indices)), None)

    def need(self, position: int) -> Tensor:
        """Tensor of an input that is known to be there."""
        return self.model.tensors[self.operator.inputs[position]]

    @property
    def output(self) -> Tensor:
        """Tensor of the first output."""
        return self.model.tensors[self.operator.outputs[0]]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors of the operator that are there."""
        indices = self.operator.inputs + self.operator.outputs
        return tuple(tensor for tensor in self.model.tensors_of(indices) if tensor)

    def option(self, name: str) -> int:
        """A whole-number or boolean option; 0 where an operator may do without its options."""
        value = self.operator.options.get(name, 0)
        assert not isinstance(value, tuple), "only RESHAPE and SQUEEZE have vectors"
        return int(value)

    def integers(self, position: int) -> tuple[int, ...] | None:
        """Contents of a constant int32 input; None when they are not known on the host."""
        tensor = self.need(position)
        usable = tensor.is_constant and tensor.type == "int32" and not tensor.is_sparse
        if not usable or tensor.elements > _MAX_CONSTANT_ELEMENTS:
            return None
        data = self.model.tensor_bytes(tensor)[: tensor.size]
        return struct.unpack(f"<{tensor.elements}i", data)
