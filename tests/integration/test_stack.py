"""``lab stack``: how deep, where, and who is on the stack there."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from proving import apart, cases, roomy, trial
from support import NANO, lab, no_traceback, runnable_models
from tracing import between, traced

from lab import Options
from lab.jobs.check import finish
from lab.measure.depths import Place
from lab.measure.tflm import ALLOCATE, INVOKE

MODELS = runnable_models()
CASES = cases()


@functools.cache
def record(*arguments: str) -> Any:
    ran = lab("stack", *arguments, "--json", "-")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


@pytest.mark.parametrize(("name", "core"), CASES)
def test_every_chain_is_whole_and_the_deepest_is_the_high_water(name: str, core: str) -> None:
    outcome, parts = apart(MODELS[name], core)
    points = parts.depths.points
    assert max(point.depth for point in points) == outcome.stack.high_water
    assert [point.place for point in points[:3]] == [
        Place("constructor"), Place("allocate"), Place("invoke"),
    ]  # fmt: skip
    assert {p.place.operator: p.depth for p in points[3:]} == {
        one.index: one.stack_bytes for one in outcome.operators
    }
    for point in points:
        assert sum(frame.size or 0 for frame in point.chain) == point.depth, point
        assert point.chain[-1].function == "Reset_Handler"
        assert all(frame.size is not None for frame in point.chain)


def test_depths_are_those_of_a_trace_of_every_instruction() -> None:
    """An independent oracle: SP before each instruction of plain Unicorn."""
    outcome, parts, image, steps = traced(MODELS["tiny_float"], "cortex-m4f")
    at = {name: symbol.address for name, symbol in image.symbols.items()}
    top = steps[0][1]
    reset, allocated = steps[0][0], at["lab_allocated"]
    (constructor,) = between(steps, reset, at[ALLOCATE])
    (allocate,) = between(steps, at[ALLOCATE], allocated)
    (invoke,) = between(steps, allocated, at["lab_measured"])
    expected = [top - min(sp for _, sp in part) for part in (constructor, allocate, invoke)]
    found = [point.depth for point in parts.depths.points]
    assert found[:3] == expected
    assert parts.depths.inferences == (expected[2],)
    (inference,) = between(steps, at[INVOKE], at["lab_after_invoke"])
    kernel = next(symbol.address for name, symbol in image.symbols.items()
                  if image.function_at(symbol.address) == outcome.operators[0].kernel)  # fmt: skip
    begins = [index for index, (pc, _) in enumerate(inference) if pc == kernel]
    assert len(begins) == len(outcome.operators) == 3
    for begin, depth in zip(begins, found[3:], strict=True):
        sp = inference[begin][1]
        pushed = [one for _, one in inference[begin:]]
        # Until SP is back where it was and the next instruction is the caller's.
        end = next(i for i, (pc, one) in enumerate(inference[begin:]) if i and one == sp
                   and image.function_at(pc) != outcome.operators[0].kernel)  # fmt: skip
        assert top - min(pushed[:end]) == depth


@pytest.mark.parametrize("name", ["tiny_float", "keyword_spotter", "sensor_fusion", "magic_wand"])
def test_taking_a_run_apart_changes_nothing_else(name: str) -> None:
    """The rest of the record is the same, byte for byte; cores with and without an FPU."""
    for core in ("cortex-m0plus", "cortex-m4f"):
        plain, details = (
            finish(one, one.probe())
            for one in (trial(MODELS[name], roomy(core), Options(details=d)) for d in (False, True))
        )
        assert details.details
        assert details.model_copy(update={"details": None}).to_json() == plain.to_json()


def test_the_command_and_its_record_agree() -> None:
    ran = lab("stack", "keyword_spotter", "-b", NANO)
    data = record("keyword_spotter", "-b", NANO)
    high_water = data["stack"]["high_water_bytes"]
    points = data["details"]["stack"]["points"]
    assert max(point["depth_bytes"] for point in points) == high_water
    assert ran.out.startswith(f"STACK  keyword_spotter.tflite on {NANO}: {high_water:,} B, exact\n")
    chain = next(p for p in points if p["depth_bytes"] == high_water and p["operator"])["chain"]
    for frame in chain:
        assert f"{frame['frame_bytes']:>9,} B  {frame['function']}" in ran.out
    failing = data["details"]["stack"]["failing_path_bytes"]
    assert f"at least {failing:,} B deep" in ran.out
    assert f"{data['stack']['runner_bytes']} B of it are frames of the lab's runner" in ran.out
    assert f"set aside by rule: {data['stack']['reserve_bytes']:,} B" in ran.out
    of_one = lab("stack", "keyword_spotter", "-b", NANO, "--operator", "11").out
    assert "Deepest in operator 11 SOFTMAX, innermost first" in of_one
    assert "SoftmaxQuantized" in of_one


def test_several_inputs_give_the_maximum_of_each() -> None:
    data = record("sensor_fusion", "-b", NANO, "--inputs", "5")
    alone = record("sensor_fusion", "-b", NANO)
    stack = data["details"]["stack"]
    assert len(stack["inference_bytes"]) == 5
    assert max(stack["inference_bytes"]) == stack["points"][2]["depth_bytes"]
    for several, one in zip(stack["points"], alone["details"]["stack"]["points"], strict=True):
        assert several["depth_bytes"] >= one["depth_bytes"]
        assert sum(frame["frame_bytes"] for frame in several["chain"]) == several["depth_bytes"]
    shown = lab("stack", "sensor_fusion", "-b", NANO, "--inputs", "5").out
    assert "Over 5 generated inputs" in shown
    same = lab("stack", "tiny_float", "-b", NANO, "--inputs", "2").out
    assert "Over 2 generated inputs" in same
    assert "Over" not in lab("stack", "tiny_float", "-b", NANO).out


def test_what_cannot_be_asked_is_one_line(tmp_path: Path) -> None:
    measured = tmp_path / "measured.json"
    for arguments, code in (
        (("tiny_float", "--inputs", "0"), 2),
        (("tiny_float", "--inputs", "10001"), 2),
        (("tiny_float", "--operator", "3", "--json", measured), 2),
        (("tiny_float", "--operator", "-1"), 2),
        (("tiny_float", "--json", tmp_path), 2),
        (("no such model",), 3),
    ):
        ran = lab("stack", *arguments, "-b", NANO)
        no_traceback(ran)
        assert (ran.code, len(ran.problems)) == (code, 1), ran.err
        assert ran.out == ""
        assert "invokes" not in ran.err, "not an option of this command"
    assert json.loads(measured.read_text())["details"]["stack"], "measured all the same"


def test_a_model_that_does_not_run_says_why() -> None:
    for arguments in (("separation_w8_upsampling2d",), ("fails_mean_1d", "--operator", "99")):
        ran = lab("stack", *arguments, "-b", NANO)
        assert ran.code == 1, ran.err
        assert ran.out.startswith("FAILS  ")


def test_an_overflow_still_shows_what_is_known() -> None:
    ran = lab("stack", "tiny_float", "-b", NANO, "--stack-reserve", "256")
    assert ran.code == 1
    depth = int(re.findall(r"([\d,]+) B  together", ran.out)[0].replace(",", ""))
    assert depth > 256
    assert "set aside as asked for: 256 B" in ran.out
    assert f"DOES NOT FIT this board: short by {depth - 256:,} B of STACK" in ran.out


def test_one_that_does_not_fit_is_measured_all_the_same() -> None:
    ran = lab("stack", "separation_w8", "-b", "nrf52dk")
    assert ran.code == 0
    assert ran.out.startswith("STACK  separation_w8.tflite on nrf52dk: ")
    head, *rows = ran.out.partition("\n    depth")[2].split("\n\n")[0].splitlines()
    assert "RESIZE_NEAREST_NEIGHBOR" in ran.out, "a long name"
    columns = {re.split(r"  +", row.strip())[-1] for row in rows}
    where = head.index("deepest function") + len("    depth")
    assert {row[where:] for row in rows} == columns
