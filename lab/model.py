"""Reading a ``.tflite`` file that nobody vouches for.

TFLM checks next to nothing in a model: it follows offsets, indices and sizes wherever they lead.
So everything the runtime will follow is verified here, before anything else happens. What is
structurally damaged is an InputError; what is merely different (operators no runtime has, several
subgraphs, odd types) is a Model, for the operator gate to judge.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from lab.errors import InputError, Problem, escape
from lab.flatbuffer import Flatbuffer, FlatbufferError, LimitError, Span, Table
from lab.graph import (
    ABSENT,
    Model,
    Operator,
    OperatorCode,
    Option,
    Subgraph,
    Tensor,
)
from lab.tflite_schema import (
    BUILTIN_OPERATORS,
    CUSTOM,
    FILE_IDENTIFIER,
    OPTION_FIELDS,
    OPTION_TABLES,
    OPTIONAL_INPUTS,
    SCHEMA_VERSION,
    TENSOR_TYPES,
    ElementType,
)

__all__ = ["Model", "Operator", "OperatorCode", "Subgraph", "Tensor", "read_model"]

MAX_FILE_BYTES = 64 << 20
MAX_TENSOR_BYTES = (1 << 31) - 1
MAX_RANK = 32
_MAX_PROBLEMS = 20

# Zero points outside the range of the type cannot stand for any stored value.
_ZERO_POINT_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}

# What people hand over instead of a model: first bytes, what it is, what to do.
_OTHER_FILES = (
    (b"PK\x03\x04", "a zip archive such as a .keras file", "convert it with TFLiteConverter"),
    (b"\x89HDF", "an HDF5 file such as a Keras .h5", "convert it with TFLiteConverter"),
    (b"\x7fELF", "an ELF image", "give the .tflite file it was built from"),
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the file with git lfs pull"),
    (b"unsigned char", "a C array", "give the .tflite file it was made from"),
    (b"#include", "C source", "give the .tflite file it was made from"),
)

_T = TypeVar("_T")


def read_model(source: Path | str | bytes, name: str = "") -> Model:
    """Read and verify a model.

    Args:
        source: path of the file, or its contents.
        name: what to call it in messages and results; the file name unless given.

    Raises:
        InputError: the file cannot be read, is no TFLite model, or is structurally damaged; one
            line per independent problem.
    """
    if isinstance(source, bytes):
        return _Reader(name or "model", name or "model", source).model()
    path = Path(source)
    shown = escape(str(path))
    return _Reader(name or escape(path.name), name or shown, _read_file(path, shown)).model()


def _read_file(path: Path, where: str) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(Problem(where, "is a directory", "give the .tflite file in it"))
        if not stat.S_ISREG(status.st_mode):
            raise InputError(Problem(where, "is not a regular file"))
        _refuse_large(where, status.st_size)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(Problem(where, f"cannot be read: {reason}")) from None


def _refuse_large(where: str, size: int) -> None:
    if size > MAX_FILE_BYTES:
        what = f"{size:,} B are more than the {MAX_FILE_BYTES:,} B this lab reads"
        raise InputError(Problem(where, what, "no microcontroller holds such a model"))


def _refuse_other_files(where: str, data: bytes) -> None:
    if not data:
        raise InputError(Problem(where, "is empty"))
    for start, what, remedy in _OTHER_FILES:
        if data.startswith(start):
            raise InputError(Problem(where, f"is {what}, not a .tflite model", remedy))


class _Reader:
    """One pass over a file. Problems of one stage are collected, the next stage builds on it."""

    def __init__(self, name: str, where: str, data: bytes) -> None:
        self.name = name
        self.where = where
        self.data = data
        self.problems: list[Problem] = []
        self.codes: tuple[OperatorCode, ...] = ()
        self.buffers: tuple[Span | None, ...] = ()
        self.tensors: tuple[Tensor, ...] = ()

    def model(self) -> Model:
        """The model, or an InputError with the problems found."""
        _refuse_large(self.where, len(self.data))
        _refuse_other_files(self.where, self.data)
        try:
            return self._model()
        except FlatbufferError as error:
            self._damage(error)
            raise InputError(self._kept_problems()) from None

    def _model(self) -> Model:
        root = Flatbuffer(self.data).root(FILE_IDENTIFIER)
        version = root.scalar(0, "version", "I", 0)
        if version != SCHEMA_VERSION:
            raise FlatbufferError("schema version", f"is {version:,}, not {SCHEMA_VERSION}")
        description = root.string(3, "description") or ""
        self.codes = self._each(root, 1, "operator_codes", self._operator_code)
        self.buffers = self._each(root, 4, "buffers", self._buffer)
        self._stop_if_damaged()
        subgraphs = self._each(root, 2, "subgraphs", self._subgraph)
        if not subgraphs:
            self._problem("subgraphs", "are none")
        self._stop_if_damaged()
        return Model(self.name, self.data, description, self.codes, self.buffers, subgraphs)

    def _each(
        self, table: Table, slot: int, name: str, read: Callable[[int, Table], _T]
    ) -> tuple[_T, ...]:
        """Read a vector of tables, noting every damaged one."""
        span = table.elements(slot, name)
        found = []
        for index in range(span.count):
            try:
                found.append(read(index, table.element(span, index, name)))
            except LimitError:
                raise
            except FlatbufferError as error:
                self._damage(error)
        return tuple(found)

    def _damage(self, error: FlatbufferError) -> None:
        cut = "outside the file" in error.what
        self._problem(error.where, error.what, "the file is damaged or cut" if cut else "")

    def _problem(self, place: str, what: str, hint: str = "") -> None:
        self.problems.append(Problem(f"{self.where}: {place}", what, hint))

    def _kept_problems(self) -> list[Problem]:
        kept = self.problems[:_MAX_PROBLEMS]
        if more := len(self.problems) - len(kept):
            kept.append(Problem(self.where, f"and {more:,} more problems"))
        return kept

    def _stop_if_damaged(self) -> None:
        if self.problems:
            raise InputError(self._kept_problems())

    def _operator_code(self, index: int, table: Table) -> OperatorCode:
        old_code = table.scalar(0, "deprecated_builtin_code", "b", 0)
        code = max(old_code, table.scalar(3, "builtin_code", "i", 0))
        if code < 0:
            self._problem(f"operator code {index}", f"{code} is no builtin code")
        known = 0 <= code < len(BUILTIN_OPERATORS)
        name = BUILTIN_OPERATORS[code] if known else f"BUILTIN_{code}"
        custom = table.string(1, "custom_code")
        version = table.scalar(2, "version", "i", 1)
        return OperatorCode(name, code, old_code, version, (custom or "") if code == CUSTOM else "")

    def _buffer(self, _index: int, table: Table) -> Span | None:
        self._refuse_outside(table, 1, "data")
        span = table.span(0, "data", "B")
        return span if span and span.count else None

    def _refuse_outside(self, table: Table, slot: int, what: str) -> None:
        """Files beyond 2 GB keep contents after the flatbuffer; slots: offset, then size."""
        if table.scalar(slot, "offset", "Q", 0) or table.scalar(slot + 1, "size", "Q", 0):
            hint = "only files beyond 2 GB need that; convert the model again"
            self._problem(table.where, f"keeps its {what} outside the flatbuffer", hint)

    def _subgraph(self, _index: int, table: Table) -> Subgraph:
        self.tensors = self._each(table, 0, "tensors", self._tensor)
        self._stop_if_damaged()
        inputs = self._tensor_indices(table, 1, "inputs", table.place("inputs"))
        outputs = self._tensor_indices(table, 2, "outputs", table.place("outputs"))
        operators = self._each(table, 3, "operators", self._operator)
        name = table.string(4, "name") or ""
        return Subgraph(name, self.tensors, operators, inputs, outputs)

    def _tensor(self, index: int, table: Table) -> Tensor:
        number = table.scalar(1, "type", "b", 0)
        known = 0 <= number < len(TENSOR_TYPES)
        kind = TENSOR_TYPES[number] if known else ElementType(f"type_{number}", 0)
        buffer = table.scalar(2, "buffer", "I", 0)
        shape = table.numbers(0, "shape", "i") or ()
        scales, zero_points, dimension = self._quantization(table)
        tensor = Tensor(
            index=index,
            name=table.string(3, "name") or "",
            shape=shape,
            shape_signature=table.numbers(7, "shape_signature", "i") or (),
            type=kind.name,
            size=_tensor_size(shape, kind.bits),
            buffer=buffer,
            data=self.buffers[buffer] if buffer < len(self.buffers) else None,
            scales=scales,
            zero_points=zero_points,
            quantized_dimension=dimension,
            is_variable=table.scalar(5, "is_variable", "?", False),
            is_sparse=table.has(6),
        )
        for what, hint in _tensor_problems(tensor, len(self.buffers)):
            self._problem(tensor.label, what, hint)
        return tensor

    def _quantization(self, table: Table) -> tuple[tuple[float, ...], tuple[int, ...], int]:
        quantization = table.table(4, "quantization")
        if quantization is None:
            return (), (), 0
        scales = quantization.numbers(2, "scale", "f") or ()
        zero_points = quantization.numbers(3, "zero_point", "q") or ()
        return scales, zero_points, quantization.scalar(6, "quantized_dimension", "i", 0)

    def _tensor_indices(
        self, table: Table, slot: int, name: str, where: str, *, optional: bool = False
    ) -> tuple[int, ...]:
        indices: tuple[int, ...] | None = table.numbers(slot, name, "i")
        if indices is None:
            self._problem(where, f"has no list of {name}" if "." not in where else "are missing")
            return ()
        lowest = ABSENT if optional else 0
        for position, index in enumerate(indices):
            if not lowest <= index < len(self.tensors):
                what = f"{name[:-1]} {position} is tensor {index:,} of {len(self.tensors):,}"
                self._problem(where, "leaves out a required input" if index == ABSENT else what)
                break
        return indices

    def _operator(self, index: int, table: Table) -> Operator:
        opcode = table.scalar(0, "opcode_index", "I", 0)
        if opcode >= len(self.codes):
            what = f"uses operator code {opcode:,} of {len(self.codes):,}"
            raise FlatbufferError(f"operator {index}", what)
        code = self.codes[opcode]
        where = f"operator {index} {code.name}"
        self._refuse_outside(table, 9, "custom options")
        options_table, options = _options(table)
        return Operator(
            index=index,
            code=code,
            inputs=self._tensor_indices(
                table, 1, "inputs", where, optional=code.name in OPTIONAL_INPUTS
            ),
            outputs=self._tensor_indices(table, 2, "outputs", where),
            options_table=options_table,
            options=options,
            has_custom_options=table.span(5, "custom_options", "B") is not None,
        )


def _tensor_size(shape: tuple[int, ...], bits: int) -> int:
    if len(shape) > MAX_RANK:
        return 0
    return (math.prod(1 if dim < 0 else dim for dim in shape) * bits + 7) // 8


def _tensor_problems(tensor: Tensor, buffers: int) -> Iterator[tuple[str, str]]:
    """What is damaged about one tensor, each with a hint."""
    if len(tensor.shape) > MAX_RANK:
        yield f"has {len(tensor.shape):,} dimensions", ""
    elif any(dim < -1 for dim in tensor.shape):
        yield f"shape {list(tensor.shape)} has a negative dimension", ""
    elif tensor.size > MAX_TENSOR_BYTES:
        yield f"shape {list(tensor.shape)} needs {tensor.size:,} B", "no 32-bit core addresses that"
    if tensor.buffer >= buffers:
        yield f"uses buffer {tensor.buffer:,} of {buffers:,}", ""
    elif tensor.data and not tensor.is_sparse and tensor.data.size < tensor.size:
        held = f"its buffer {tensor.buffer} holds {tensor.data.size:,} B"
        yield f"shape needs {tensor.size:,} B but {held}", "shape and weights do not match"
    yield from _quantization_problems(tensor)


def _quantization_problems(tensor: Tensor) -> Iterator[tuple[str, str]]:
    scales, zero_points = tensor.scales, tensor.zero_points
    for scale in scales:
        if not (math.isfinite(scale) and scale > 0):
            yield f"quantization scale {scale} is not a positive number", "convert the model again"
            break
    if not scales or not zero_points:
        return
    if len(scales) != len(zero_points):
        yield f"has {len(scales):,} scales but {len(zero_points):,} zero points", ""
    low, high = _ZERO_POINT_RANGES.get(tensor.type, (-(1 << 31), (1 << 31) - 1))
    for zero_point in zero_points:
        if not low <= zero_point <= high:
            yield f"zero point {zero_point:,} is outside {low}..{high} of {tensor.type}", ""
            break
    if len(scales) > 1:
        dimension = tensor.quantized_dimension
        if not 0 <= dimension < len(tensor.shape):
            yield f"is quantized along dimension {dimension:,} of {len(tensor.shape)}", ""
        elif tensor.shape[dimension] != len(scales):
            channels = tensor.shape[dimension]
            yield f"has {len(scales):,} scales for {channels:,} channels", ""


def _options(table: Table) -> tuple[str, Mapping[str, Option]]:
    number = table.scalar(3, "builtin_options_type", "B", 0)
    options = table.table(4, "builtin_options") if number else None
    if options is None:
        return "", {}
    name = OPTION_TABLES[number] if number < len(OPTION_TABLES) else f"options_{number}"
    read: dict[str, Option] = {}
    for field in OPTION_FIELDS.get(name, ()):
        if field.code == "i*":
            read[field.name] = options.numbers(field.slot, field.name, "i") or ()
        else:
            read[field.name] = options.scalar(field.slot, field.name, field.code, field.default)
    return name, read
