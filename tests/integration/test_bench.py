"""The bench: what it forgets, what it shares, and runs up to a goal on the real firmware."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

import lab
from lab import Options
from lab.errors import NoVerdictError, UsageError
from lab.jobs import bench as module
from lab.jobs.bench import Bench
from lab.measure.until import Goal
from lab.zoo import model_path


@pytest.fixture
def bench() -> Bench:
    """The smallest model on a usual board."""
    one = Bench()
    one.load_board("nrf52dk")
    one.load_model("tiny_float")
    return one


def test_a_check_says_what_lab_check_says(bench: Bench) -> None:
    options = Options(seed=7, invokes=2, app_ram=1024)
    bench.set_up(seed=7, invokes=2, app_ram=1024)
    first = bench.check()
    assert first == lab.check(model_path("tiny_float"), "nrf52dk", options)
    assert bench.check() == first  # this time from what is shared


def test_what_is_shared_is_told_apart(bench: Bench) -> None:
    outputs = set()
    for changes in ({"seed": 1}, {"seed": 2}, {"seed": 2, "invokes": 3}):
        bench.set_up(**changes)
        record = bench.check()
        assert record.run
        outputs.add(record.run.outputs_sha256)
    assert len(outputs) == 3


def test_a_change_forgets_what_was_measured(bench: Bench) -> None:
    bench.check()
    bench.run(Goal("end"))
    bench.set_up(stack_reserve=2048)
    with pytest.raises(UsageError, match="nothing was checked"):
        _ = bench.record
    with pytest.raises(UsageError, match="nothing was run"):
        _ = bench.ended


def test_a_board_that_makes_no_sense_changes_nothing(bench: Bench) -> None:
    bench.load_board("nucleo_l4r5zi")
    bench.set_up(arena_bank="SRAM3")
    record = bench.check()
    with pytest.raises(UsageError, match='no RAM bank "SRAM3"'):
        bench.load_board("nrf52dk")
    assert bench.record is record


def test_a_run_to_its_end_is_the_run_of_a_check(bench: Bench) -> None:
    ended = bench.run(Goal("end"))
    assert ended.reached
    assert ended.failure_class is None
    assert ended.chain[0].function == "lab_end"
    assert bench.run(Goal("end")) == ended


@pytest.mark.parametrize("name", ["tflite::MicroInterpreter::Invoke", "main", "Reset_Handler"])
def test_a_function_by_its_readable_name(bench: Bench, name: str) -> None:
    ended = bench.run(Goal("symbol", name))
    assert ended.reached
    assert ended.chain[0].function == name


def test_a_function_by_its_symbol(bench: Bench) -> None:
    by_symbol = bench.run(Goal("symbol", "_ZN6tflite16MicroInterpreter6InvokeEv"))
    by_name = bench.run(Goal("symbol", "tflite::MicroInterpreter::Invoke"))
    assert by_symbol.chain == by_name.chain
    assert by_symbol.instructions == by_name.instructions


def test_a_line_is_there_as_soon_as_it_is_written(bench: Bench) -> None:
    bench.set_up(arena=880)
    ended = bench.run(Goal("console", "Failed to allocate memory. Requested"))
    assert ended.reached
    assert len(ended.console) == 1
    assert "AllocateTensors" in " ".join(frame.function for frame in ended.chain)
    later = bench.run(Goal("console", "for allocation_info"))
    assert later.reached
    assert len(later.console) == 2
    assert later.instructions > ended.instructions


@pytest.mark.parametrize("count", [1, 1000, 7000, 9000])
def test_a_number_of_instructions(bench: Bench, count: int) -> None:
    ended = bench.run(Goal("instructions", instructions=count))
    assert ended.reached
    assert count <= ended.instructions < count + 100


def test_what_ends_before_its_goal_says_how(bench: Bench) -> None:
    ended = bench.run(Goal("instructions", instructions=10**6))
    assert not ended.reached
    assert (ended.failure_class, ended.reason) == (None, "the firmware came to its end")
    bench.set_up(stack_reserve=64)
    ended = bench.run(Goal("symbol", "tflite::MicroInterpreter::Invoke"))
    assert not ended.reached
    assert ended.failure_class == "stack_overflow"


def test_a_goal_that_is_not_in_the_image(bench: Bench) -> None:
    with pytest.raises(NoVerdictError, match='has no function "nobody"'):
        bench.run(Goal("symbol", "nobody"))


def test_what_is_never_built_says_why(bench: Bench) -> None:
    bench.load_model("fails_gelu")
    ended = bench.run(Goal("end"))
    assert not ended.reached
    assert ended.failure_class == "op_code_out_of_range"
    assert ended.instructions == 0


def test_memory_that_is_too_small_for_anything(bench: Bench) -> None:
    bench.load_board("nrf52dk", ["1 KiB"])
    bench.set_up(arena=1056, stack_reserve=1024)
    ended = bench.run(Goal("end"))
    assert ended.failure_class == "ram_overflow"
    bench.load_board("stm32f103_bluepill")
    bench.load_model("visual_wake_word")
    assert bench.run(Goal("end")).failure_class == "flash_overflow"


class _TooLateError(Exception):
    """What a test runner raises at a time limit."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt what is inside, as Robot's time limits do."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise _TooLateError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_an_interrupted_check_leaves_no_answer_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module._SHARED, "_probed", {})
    expected = bench.check()
    monkeypatch.setattr(module._SHARED, "_probed", {})
    bench.load_model("separation_w8")
    with pytest.raises(_TooLateError), time_limit(0.3):
        bench.check()
    bench.load_model("tiny_float")
    assert bench.check() == expected
