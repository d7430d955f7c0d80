"""The operator table of a runtime: what its kernels take, as a committed YAML file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from lab.errors import InputError, Problem

ANY = "any"
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Signature(_Frozen):
    """Types of all tensors of an operator; a last one ending in ``*`` repeats."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def fits(self, inputs: tuple[str | None, ...], outputs: tuple[str | None, ...]) -> bool:
        """Whether these types match; None is an input left out."""
        return _fits(self.inputs, inputs) and _fits(self.outputs, outputs)


def _fits(pattern: tuple[str, ...], types: tuple[str | None, ...]) -> bool:
    if pattern[-1].endswith("*"):
        pattern = pattern[:-1] + (pattern[-1][:-1],) * max(1, 1 + len(types) - len(pattern))
    return len(types) <= len(pattern) and all(
        found is None or wanted in {ANY, found}
        for wanted, found in zip(pattern, types, strict=False)
    )


def _signature(text: object) -> object:
    if not isinstance(text, str):
        return text
    inputs, arrow, outputs = text.partition("->")
    if not arrow or not inputs.split() or not outputs.split():
        raise ValueError(f'"{text}" is no signature such as "int8 int32 -> int8"')
    return Signature(inputs=tuple(inputs.split()), outputs=tuple(outputs.split()))


def _words(text: object) -> object:
    return frozenset(text.split()) if isinstance(text, str) else text


class Kernel(_Frozen):
    """What the kernel of one operator takes; the fields are explained in the YAML file."""

    types: tuple[Annotated[Signature, BeforeValidator(_signature)], ...]
    inputs: tuple[int, int]
    outputs: tuple[int, int] = (1, 1)
    absent: tuple[int, ...] = ()
    ranks: tuple[int, int] = (0, 5)
    accepts: int = 0
    right: int = 0
    options: str = ""
    chooses: Literal["in0", "in1", "out0"] = "in0"
    otherwise: Literal["error", "wrong"] = "error"
    stops: Literal["prepare", "invoke"] = "invoke"
    scaled: bool = False
    instead: str = ""

    @property
    def verified_version(self) -> int:
        """Highest version known to be computed right."""
        return max(self.accepts, self.right)


class OperatorTable(_Frozen):
    """Everything the operator gate knows about one runtime.

    Attributes:
        highest_code: highest builtin code its schema knows.
        tensor_types: element types it can hold at all.
        operators: kernels by builtin name.
        custom: kernels by custom operator name.
        newest: date of the newest TFLM that was looked at.
        newer: builtins it lacks that the newest TFLM has.
        instead: what to use in place of builtins it lacks.
    """

    highest_code: int
    tensor_types: frozenset[str]
    operators: dict[str, Kernel]
    custom: dict[str, Kernel]
    newest: str
    newer: Annotated[frozenset[str], BeforeValidator(_words)]
    instead: dict[str, str]


def read_table(path: Path) -> OperatorTable:
    """Read the operator table of a runtime whose kernels the lab knows in detail.

    Raises:
        InputError: it cannot be read or does not follow the schema.
    """
    return read_as(OperatorTable, path)


_Table = TypeVar("_Table", bound=BaseModel)


def read_as(schema: type[_Table], path: Path) -> _Table:
    """Read a table of this schema.

    Raises:
        InputError: it cannot be read or does not follow the schema.
    """
    try:
        return schema.model_validate(yaml.load(path.read_text("utf-8"), Loader=_Loader))
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"is not YAML: {error}")) from None
    except ValidationError as error:
        raise InputError(
            [
                Problem(f"{path}: {'.'.join(map(str, one['loc']))}", one["msg"])
                for one in error.errors()
            ]
        ) from None
