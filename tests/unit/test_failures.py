from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.engines.base import Fault, Stop, StopReason
from lab.measure.failures import causes, classify, failure_classes, log_lines

FAULT = Stop(StopReason.FAULT, 0x100, Fault("write_unmapped", 0x100, 0x4))
REQUESTED = "Failed to allocate memory. Requested: 64, available 12, missing: 52"

# Texts as TFLM of July 2020 prints them, in the order it prints them.
CASES = [
    (
        [REQUESTED, "Failed to allocate memory for context->tensors, 640 bytes required",
         "MicroAllocator: Failed to initialize."],
        None, "arena_too_small_persistent",
    ),
    (
        [REQUESTED, "Failed to allocate memory for allocation_info, 440 bytes required"],
        None, "arena_too_small_temp",
    ),
    (["Too many buffers (max is 11)"], None, "arena_too_small_temp"),
    (
        ["Arena size is too small for activation buffers. Needed 55296 but only 51200 was "
         "available."],
        None, "arena_too_small_nonpersistent",
    ),
    ([REQUESTED], FAULT, "arena_too_small_crash"),
    (
        ["Didn't find op for builtin opcode 'TILE' version '1'",
         "Failed to get registration from op code TILE"],
        None, "op_missing",
    ),
    (
        ["Op builtin_code out of range: 127. Are you using old TFLite binary with newer model?"],
        None, "op_code_out_of_range",
    ),
    (["Failed to get registration from op code CUSTOM"], None, "custom_op_missing"),
    (["Type INT8 (9) not supported.", "Node MEAN (number 3) failed to invoke with status 1"],
     None, "unsupported_type"),
    (["tflm/x.cc:10 Hybrid models are not supported on TFLite Micro."], None, "hybrid_or_uint8"),
    (["Logic error in memory planner, tensor 4 has an invalid lifetime: first_created: 1, "
      "last_used: -1"], None, "planner_lifetime"),
    (["Only 1 subgraph is currently supported."], None, "multi_subgraph"),
    (["tflm/y.cc:7 a->dims->size != 4 (3 != 4)"], None, "bad_params"),
    (["Missing registration for opcode_index 9"], None, "bad_model"),
    ([], FAULT, "guest_fault"),
    ([], Stop(StopReason.HALTED, 0), "halted"),
    ([], Stop(StopReason.INSTRUCTION_BUDGET, 0), "hang"),
    ([], Stop(StopReason.STACK_LIMIT, 0), "stack_overflow"),
    ([], None, "failed_without_words"),
]  # fmt: skip

TAIL, TEMP, HEAD = (f"Failed to {what}. Requested: 64, available 12, missing: 52" for what in
                    ("allocate tail memory", "allocate temp memory", "resize buffer"))  # fmt: skip
# Every text of the notes: July 2020 in the first part, August 2026 in the second.
TEXTS = {
    "arena_too_small_persistent": [
        "Failed to allocate memory for context->tensors, 640 bytes required",
        "Unable to allocate TfLiteAffineQuantization.",
        "Unable to allocate quantization->zero_point.",
        "Unable to allocate quantization->scale.",
        "Failed to allocate memory for node_and_registrations.",
        "tflm/flatbuffer_conversions.cc:12 params != nullptr was not true.",
        "Failed to allocate persistent buffer of size 32",
        "Failed to register scratch buffer handle for node 1",
        "Failed to allocate variables. Please increase arena size.",
        "Failed to initialize tensor 3",
        "Failed to allocate memory for model metadata.",
        "Failed to allocate memory for context->eval_tensors, 120 bytes required",
        "Failed starting model allocation.",
        "Failed to allocate variable tensor of size 64",
        "Failed to allocate memory for context->input_tensors_, 4 bytes required",
        "Failed to allocate memory for context->output_tensors_, 4 bytes required",
        "Failed to allocate memory for persistent TfLiteTensor",
        "Failed to populate a persistent TfLiteTensor struct from flatbuffer data!",
        "Failed to initialize input tensor 0",
        "Failed to initialize output tensor 0",
        TAIL,
    ],
    "arena_too_small_temp": [
        "Failed to allocate memory for allocation_info, 440 bytes required",
        "Too many buffers (max is 11)",
        "Failed to allocate temp. memory for tensor 4, subgraph 0",
        "Failed to populate a temp TfLiteTensor struct from flatbuffer data!",
        "Failed to allocate memory for memory planning, 480 bytes required",
        "Number of allocated temp buffers: 2. Checksum passing status: 1",
        "All temp buffers must be freed before calling ResetTempAllocations()",
        TEMP,
    ],
    "arena_too_small_nonpersistent": [
        "Arena size is too small for activation buffers. Needed 9 but only 8 was available.",
        HEAD,
    ],
    "op_missing": [
        "Didn't find op for builtin opcode 'TILE' version '1'",
        "Didn't find op for builtin opcode 'TILE'",
    ],
    "op_code_out_of_range": [
        "Op builtin_code out of range: 127. Are you using old TFLite binary with newer model?",
        "Op builtin_code out of range: 210.",
    ],
    "custom_op_missing": [
        "Failed to get registration from op code CUSTOM",
        "Operator with CUSTOM builtin_code has no custom_code.",
    ],
    "resolver_full": [
        "Couldn't register builtin op #3, resolver size is too small (2)",
        "Couldn't register builtin op #3, resolver size ",
    ],
    "resolver_duplicate": ["Calling AddBuiltin with the same op more than "],
    "unsupported_type": [
        "Type INT8 (9) not supported.",
        "Only float32 is supported currently, got INT8",
        "tflm/x.cc:1 input->type != expected_type (9 != 1)",
        "Input INT8, output INT16 not supported.",
        "tflm/x.cc Currently, only float32 input type is supported.",
        "Unsupported data type 9 in tensor",
        "Type FLOAT16 (10) not is not supported",
        "tflm/x.cc:1 input->type != kTfLiteFloat32 (INT8 != FLOAT32)",
        "Only float32, int8, and int16 types are supported.",
    ],
    "hybrid_or_uint8": [
        "tflm/x.cc Hybrid models are not supported on TFLite Micro.",
        "Input type: UINT8 with filter type: UINT8 not supported.",
    ],
    "bad_params": ["tflm/x.cc:7 a != b (3 != 4)", "tflm/x.cc:7 expr was not true."],
    "planner_lifetime": [
        "Logic error in memory planner, tensor 4 has an invalid lifetime: first_created: 1, "
        "last_used: -1"
    ],
    "multi_subgraph": ["Only 1 subgraph is currently supported."],
    "dynamic_tensor": [
        "Op#1 (WHERE) of subgraph 0 has dynamic tensor #3",
        "Dynamic tensors are not supported",
    ],
    "resource_variables_missing": [
        "VAR_HANDLE requires resource variables. Please create ResourceVariables and pass it to "
        "the interpreter.",
        "READ_VARIABLE requires resource variables. Please create ResourceVariables and pass it "
        "to the interpreter.",
        "Failed to allocate resource variable. Maximum resource variable count (1) reached.",
    ],
    "scratch_limit": [
        "Internal error: AllocateFromTail can not be called between two "
        "RequestScratchBufferInArena calls.",
        "Scratch buffer request exceeds limit per operator (12)",
    ],
    "offline_plan": ["Nbr of offline buffer offsets (3) in metadata not equal nbr tensors (4)"],
    "bad_model": [
        "Missing registration for opcode_index 9",
        "Skipping op for opcode_index 9",
        "Unsupported behavior: found builtin operator ADD with custom options.",
        "Input array not provided for operation 'reshape'.",
        "Found too many dimensions in the input array of operation 'reshape'.",
        "Did not find a parser for TILE",
        "Accessing subgraph 2 but only 1 subgraphs found",
        "Does not support intermediate tensor with non-zero size: 1",
    ],
    "misuse": [
        "Invoke() called after initialization failed",
        "Input index 1 out of range (length is 1)",
        "MicroAllocator: Model allocation started before finishing previously allocated model",
        "GetTensor requires all tensors to be preserved",
    ],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts]
)
def test_class_of_every_text(name: str, text: str) -> None:
    wrapped = (text, "Node ADD (number 3) failed to prepare with status 1")
    assert classify(wrapped, None) == name
    assert causes(wrapped)[0] == text


def test_the_first_line_after_a_failed_allocation_says_for_what() -> None:
    planning = "Failed to allocate memory for memory planning, 480 bytes required"
    start = "Failed starting model allocation."
    assert classify((TEMP, planning), None) == "arena_too_small_temp"
    assert classify((TAIL, start), None) == "arena_too_small_persistent"
    assert classify((HEAD, start), None) == "arena_too_small_temp"
    assert classify((HEAD,), None, planned=1) == "arena_too_small_temp"
    assert classify((TAIL, "HALTED"), FAULT) == "arena_too_small_crash"


@pytest.mark.parametrize(("log", "stop", "expected"), CASES)
def test_class_of_the_first_cause(log: list[str], stop: Stop | None, expected: str) -> None:
    assert classify(tuple(log), stop) == expected


def test_a_crash_after_a_failed_allocation_names_the_allocation() -> None:
    halted = Stop(StopReason.HALTED, 0)
    assert classify((REQUESTED, "HALTED"), halted) == "arena_too_small_crash"


def test_the_line_that_names_the_cause_is_found_behind_other_lines() -> None:
    log = ("hello", REQUESTED, "bye")
    assert causes(log) == [REQUESTED]


def test_every_class_is_explained() -> None:
    page = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
    explained = set(re.findall(r"`([a-z0-9_]+)`", page.read_text()))
    assert failure_classes() <= explained


def test_log_lines_are_printable_whatever_the_guest_wrote() -> None:
    lines = log_lines(b"one\r\ntwo\x1b[31m\xff\n\n three\n")
    assert lines == ("one", "two�[31m�", " three")
    assert all(line.isprintable() for line in lines)
