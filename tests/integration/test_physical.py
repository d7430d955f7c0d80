"""The definitions hold on the device: what was measured is enough, and less is not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from support import NUCLEO, runnable_models

from lab import Options, check
from lab.board import load_board
from lab.cache import Cache
from lab.cores import CORES
from lab.elf import read_elf
from lab.firmware import Builder, Layout, Recipe, Span
from lab.jobs.plan import real_machine
from lab.measure.failures import Failure
from lab.measure.ops import gate, read_table, registrations
from lab.measure.session import Start
from lab.measure.tasks import Device, run
from lab.measure.tflm import read_offsets
from lab.model import read_model
from lab.results import CheckResult
from lab.runtimes import load_runtime
from lab.toolchain import find_toolchain

MODELS = runnable_models()
ROOMY = Options(ram=("8 MiB",))
KIB = 1024


@cache
def measured(name: str) -> CheckResult:
    """What the check says with RAM to spare."""
    return check(MODELS[name], NUCLEO, ROOMY)


def exact_ram(result: CheckResult) -> int:
    """Static, arena and stack as measured, nothing on top, in whole KiB."""
    assert result.memory
    assert result.arena
    assert result.stack
    ram = result.memory.ram
    total = (
        ram.static_bytes + ram.alignment_bytes + result.arena.required_bytes
        + result.stack.high_water_bytes
    )  # fmt: skip
    return -(-total // KIB)


def tight(result: CheckResult, **changes: object) -> Options:
    assert result.stack
    options = Options(
        ram=(f"{exact_ram(result)} KiB",), stack_reserve=result.stack.high_water_bytes
    )
    return replace(options, **changes)  # type: ignore[arg-type]  # test helper


@pytest.mark.parametrize("name", MODELS)
def test_runs_with_exactly_what_was_measured(name: str) -> None:
    result = check(MODELS[name], NUCLEO, tight(measured(name)))
    assert result.verdict.status == "fits", result.verdict
    assert result.verdict.margin_bytes is not None
    assert 0 <= result.verdict.margin_bytes < KIB
    assert result.run == measured(name).run
    assert result.arena == measured(name).arena


@pytest.mark.parametrize("name", MODELS)
def test_fails_with_16_bytes_less_arena(name: str) -> None:
    arena = measured(name).arena
    assert arena
    result = check(MODELS[name], NUCLEO, tight(measured(name), arena=arena.required_bytes - 16))
    assert (result.verdict.status, result.verdict.limit) == ("does_not_fit", "arena")
    assert result.verdict.margin_bytes == -16
    assert result.failure, "the failure must come from a run, not from the comparison"
    assert result.failure.failure_class.startswith("arena_too_small")
    assert result.failure.log


@pytest.mark.parametrize("name", MODELS)
def test_fails_in_the_engine_with_1_kib_less_ram(name: str) -> None:
    """Same arena, same stack, one KiB less of RAM: nothing checks the sum, the device fails."""
    assert isinstance(squeezed(name, KIB), Failure)
    assert not isinstance(squeezed(name, 0), Failure), "the control run must succeed"


def squeezed(name: str, less: int) -> object:
    result = measured(name)
    assert result.arena
    board = load_board(NUCLEO).with_ram([f"{exact_ram(result) - less // KIB} KiB"])
    model = read_model(MODELS[name])
    runtime = load_runtime()
    table = read_table(runtime.operator_table)
    assert gate(model, table)
    ram = board.runs()[0]
    flash = board.flash[0]
    layout = Layout(Span(flash.base, flash.size), Span(ram.base, ram.size), ram.end)
    builder = Builder(find_toolchain(), Cache(), lambda _: None)
    core = CORES[board.core]
    recipe = Recipe(model.data, registrations(model, table), runtime, core, "O2")
    elf: Path = builder.image(recipe, layout)
    image = read_elf(elf)
    base = -(-image.symbols["__bss_end"].address // 16) * 16
    device = Device(elf, real_machine(board), read_offsets(image), "unicorn")
    end = base + result.arena.required_bytes
    # The stack may go down to the arena and no further: beyond it would be silent corruption.
    start = Start(base, result.arena.required_bytes, end, len(model.operators))
    return run(device, start)
