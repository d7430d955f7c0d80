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
