"""The committed operator table against the runtime's own sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.measure.ops import OperatorTable, read_table
from lab.runtimes import load_runtime
from lab.tflite_schema import BUILTIN_OPERATORS

_MICRO = Path("tensorflow/lite/micro")
_KERNELS = _MICRO / "kernels"
_C_TYPES = {
    "Float32": "float32", "Int8": "int8", "UInt8": "uint8", "Int16": "int16", "Int32": "int32",
    "Int64": "int64", "Bool": "bool", "Complex64": "complex64",
}  # fmt: skip


@pytest.fixture(scope="module")
def table() -> OperatorTable:
    return read_table(load_runtime().operator_table)


def _text(path: Path) -> str:
    """A source file without comments, on one line."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    return " ".join(text.split())


def test_versions_are_those_of_all_ops_resolver(table: OperatorTable, tflm_sources: Path) -> None:
    text = _text(tflm_sources / _KERNELS / "all_ops_resolver.cc")
    call = r"AddBuiltin\(BuiltinOperator_(\w+), Register_(\w+)\(\)(?:, (\d+), (\d+))?\)"
    found = re.findall(call, text)
    assert len(found) == 52
    assert all(name == registered for name, registered, _, _ in found)
    assert all(low in {"", "1"} for _, _, low, _ in found)
    versions = {name: int(high or 1) for name, _, _, high in found}
    assert versions == {name: kernel.accepts for name, kernel in table.operators.items()}


def test_every_kernel_is_declared(table: OperatorTable, tflm_sources: Path) -> None:
    text = _text(tflm_sources / _KERNELS / "micro_ops.h")
    declared = set(re.findall(r"TfLiteRegistration\* Register_(\w+)\(\);", text))
    assert declared == set(table.operators) | set(table.custom)


def test_highest_code_is_the_schemas(table: OperatorTable, tflm_sources: Path) -> None:
    text = _text(tflm_sources / "tensorflow/lite/schema/schema_generated.h")
    enum = re.search(r"enum BuiltinOperator \{(.*?)\}", text)
    assert enum
    codes = {
        name: int(code) for name, code in re.findall(r"BuiltinOperator_(\w+) = (\d+)", enum[1])
    }
    assert max(codes.values()) == table.highest_code
    assert all(BUILTIN_OPERATORS[code] == name for name, code in codes.items())


def test_tensor_types_are_those_it_has_a_size_for(table: OperatorTable, tflm_sources: Path) -> None:
    text = _text(tflm_sources / _MICRO / "memory_helpers.cc")
    sizes = re.search(r"TfLiteTypeSizeOf\(.*?default:", text)
    assert sizes
    found = {_C_TYPES[name] for name in re.findall(r"case kTfLite(\w+):", sizes[0])}
    assert found == table.tensor_types


# Kernels whose switch on types says all there is; the others check types elsewhere.
@pytest.mark.parametrize(
    ("source", "operators", "where"),
    [
        ("conv.cc", ["CONV_2D"], r"TfLiteStatus Eval\("),
        ("depthwise_conv.cc", ["DEPTHWISE_CONV_2D"], r"TfLiteStatus Eval\("),
        ("fully_connected.cc", ["FULLY_CONNECTED"], r"TfLiteStatus Eval\("),
        ("pooling.cc", ["AVERAGE_POOL_2D"], r"TfLiteStatus AverageEval\("),
        ("pooling.cc", ["MAX_POOL_2D"], r"TfLiteStatus MaxEval\("),
        ("softmax.cc", ["SOFTMAX"], r"TfLiteStatus SoftmaxEval\("),
        ("mul.cc", ["MUL"], r"TfLiteStatus Eval\("),
        ("maximum_minimum.cc", ["MAXIMUM", "MINIMUM"], r"TfLiteStatus Eval\("),
        ("pad.cc", ["PAD", "PADV2"], r"TfLiteStatus Eval\("),
        ("concatenation.cc", ["CONCATENATION"], r"TfLiteStatus Eval\("),
        ("strided_slice.cc", ["STRIDED_SLICE"], r"TfLiteStatus Eval\("),
        ("split.cc", ["SPLIT"], r"TfLiteStatus Eval\("),
        ("pack.cc", ["PACK"], r"TfLiteStatus Eval\("),
        ("unpack.cc", ["UNPACK"], r"TfLiteStatus Eval\("),
        ("activations.cc", ["RELU"], r"TfLiteStatus ReluEval\("),
        ("activations.cc", ["RELU6"], r"TfLiteStatus Relu6Eval\("),
        ("prelu.cc", ["PRELU"], r"TfLiteStatus PreluEval\("),
        ("reduce.cc", ["MEAN"], r"TfLiteStatus EvalMean\("),
        ("svdf.cc", ["SVDF"], r"TfLiteStatus Eval\("),
        ("arg_min_max.cc", ["ARG_MAX", "ARG_MIN"], r"TfLiteStatus Eval\("),
        ("comparisons.cc", ["EQUAL"], r"TfLiteStatus EqualEval\("),
        ("comparisons.cc", ["NOT_EQUAL"], r"TfLiteStatus NotEqualEval\("),
        ("comparisons.cc", ["GREATER"], r"TfLiteStatus GreaterEval\("),
        ("comparisons.cc", ["GREATER_EQUAL"], r"TfLiteStatus GreaterEqualEval\("),
        ("comparisons.cc", ["LESS"], r"TfLiteStatus LessEval\("),
        ("comparisons.cc", ["LESS_EQUAL"], r"TfLiteStatus LessEqualEval\("),
        ("neg.cc", ["NEG"], r"TfLiteStatus Eval\("),
    ],
)
def test_types_are_the_cases_of_the_kernel(
    source: str, operators: list[str], where: str, table: OperatorTable, tflm_sources: Path
) -> None:
    text = _text(tflm_sources / _KERNELS / source)
    body = re.search(where + r".*?switch \((.*?default:)", text)
    assert body
    found = {_C_TYPES[name] for name in re.findall(r"case kTfLite(\w+):", body[1])}
    for operator in operators:
        kernel = table.operators[operator]
        position = int(kernel.chooses[-1])
        of_output = kernel.chooses == "out0"
        types = {
            (one.outputs if of_output else one.inputs)[position].rstrip("*") for one in kernel.types
        }
        assert types == found, operator


def test_options_are_those_the_parser_reads(table: OperatorTable, tflm_sources: Path) -> None:
    text = _text(tflm_sources / "tensorflow/lite/core/api/flatbuffer_conversions.cc")
    read: dict[str, set[str]] = {}
    body = text.split("switch (op_type) {", 1)[1]
    for part in re.finditer(
        r"((?:case BuiltinOperator_\w+: )+)(.*?)(?=case BuiltinOperator_)", body
    ):
        tables = set(re.findall(r"builtin_options_as_(\w+)\(\)", part[2]))
        for name in re.findall(r"BuiltinOperator_(\w+)", part[1]):
            read[name] = tables
    for name, kernel in table.operators.items():
        # Without options these two take sensible defaults.
        expected = set() if name in {"RESHAPE", "RESIZE_NEAREST_NEIGHBOR"} else read[name]
        assert ({kernel.options} - {""}) == expected, name


def test_hints_are_for_operators_it_lacks(table: OperatorTable) -> None:
    lacked = set(table.instead) | table.newer
    assert lacked <= set(BUILTIN_OPERATORS)
    assert not lacked & set(table.operators)
