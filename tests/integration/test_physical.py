"""The definitions hold on the device: what was measured is enough, and less is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from proving import checked, roomy, trial, worker
from support import runnable_models

from lab import Options
from lab.board import Board, load_board
from lab.cores import CORES
from lab.jobs.plan import real_machine
from lab.measure import tasks
from lab.measure.failures import Failure
from lab.measure.inference import Start
from lab.measure.tasks import Device
from lab.placement import Demand, Placement, place
from lab.results import CheckResult

MODELS = runnable_models()
KIB = 1024
# On every core in the normal run: a float model, one with several inputs, and a usual one.
EVERYWHERE = ("tiny_float", "sensor_fusion", "keyword_spotter")
# Floating point in software takes minutes for these.
HEAVY = {"separation_w8_fp32", "separation_w16_fp32", "separation_w16"}


def cases() -> list[object]:
    """Every model on every core; the slow ones only in the long run."""
    return [
        pytest.param(
            core,
            name,
            marks=[pytest.mark.slow] if slow(core, name) else [],
            id=f"{name}-{core}",
        )
        for core in CORES
        for name in MODELS
    ]


def slow(core: str, name: str) -> bool:
    return name in HEAVY or (core != "cortex-m4f" and name not in EVERYWHERE)


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


@pytest.mark.parametrize(("core", "name"), cases())
def test_what_was_measured_is_enough_and_less_is_not(core: str, name: str) -> None:
    board, measured = roomy(core), checked(MODELS[name], roomy(core))
    assert measured.arena
    assert measured.stack
    reserve = measured.stack.high_water_bytes
    ram = (f"{exact_ram(measured)} KiB",)

    tight = checked(MODELS[name], board, Options(ram=ram, stack_reserve=reserve))
    assert tight.verdict.status == "fits", tight.verdict
    assert tight.verdict.margin_bytes is not None
    assert 0 <= tight.verdict.margin_bytes < KIB
    assert (tight.run, tight.arena) == (measured.run, measured.arena)

    arena = measured.arena.required_bytes - 16
    less = checked(MODELS[name], board, Options(ram=ram, stack_reserve=reserve, arena=arena))
    assert (less.verdict.status, less.verdict.limit) == ("does_not_fit", "arena")
    assert less.verdict.margin_bytes == -16
    assert less.failure, "the failure must come from a run, not from the comparison"
    assert less.failure.failure_class.startswith("arena_too_small")
    assert less.failure.log

    # Same arena, same stack, one KiB less of RAM: nothing checks the sum, the device fails.
    assert not isinstance(squeezed(board, name, measured, 0), Failure), "the control run"
    assert isinstance(squeezed(board, name, measured, 1), Failure)


def squeezed(board: Board, name: str, measured: CheckResult, less: int) -> object:
    assert measured.arena
    assert measured.memory
    small = board.with_ram([f"{exact_ram(measured) - less} KiB"])
    one = trial(MODELS[name], small)
    ram = small.runs()[0]
    used = ram.base + measured.memory.ram.static_bytes
    base = -(-used // 16) * 16
    required = measured.arena.required_bytes
    # The stack may go down to the arena and no further: beyond it would be silent corruption.
    end = base + required
    placement = Placement(ram, ram, base, ram.end, end, 0, 0)
    elf = one.images.on_board(placement)
    device = Device(elf, real_machine(small), one.images.probe.offsets, "unicorn")
    start = Start(base, required, end, len(one.subject.model.operators))
    return worker().call(tasks.run, device, start, seconds=600)


# --- boards whose memory is unusual ---

UNUSUAL = {
    "stm32f103_bluepill": "tiny_float",  # 20 KiB, no FPU
    "arduino_zero": "sensor_fusion",  # M0+, 32 KiB
    "rpi_pico": "keyword_spotter",  # M0+, code in external flash behind a reserved boot block
    "stm32f4_discovery": "keyword_spotter",  # CCM: a second RAM elsewhere
    "nucleo_l476rg": "keyword_spotter",  # two RAMs
    "mbed_lpc1768": "speech_recognizer",  # M3, two RAMs of 32 KiB
    "nucleo_h743zi": "separation_w8",  # M7, five runs, some off after reset
    "nucleo_f767zi": "keyword_spotter",  # DTCM and SRAM in one piece
    "stm32f746g_disco": "keyword_spotter",  # M7 with single precision
    "frdm_k64f": "keyword_spotter",  # two halves that are not one piece; a hole in the flash
    "lpcxpresso55s69": "keyword_spotter",  # M33, three RAMs, code at 0
    "cy8ckit_062_ble": "keyword_spotter",  # the other core has both ends of the RAM
    "arduino_due": "keyword_spotter",  # M3, RAM not where Armv7-M puts it
    "mimxrt1060_evk": "keyword_spotter",  # tightly coupled memory and OCRAM
    "apollo4p_evb": "separation_w16",  # most of the RAM is off after reset, and needed here
    "mps2_an386": "keyword_spotter",  # code in RAM at 0
}


def demand_on(board: Board, name: str) -> Demand:
    one = trial(MODELS[name], board)
    measured = checked(MODELS[name], roomy(board.core))
    assert measured.arena
    assert measured.stack
    return one.subject.demand(
        one.images.probe.sizes, measured.arena.required_bytes, measured.stack.high_water_bytes
    )


def smallest(board: Board, name: str) -> Board:
    """The board with every RAM bank cut as far as everything still places."""
    demand = demand_on(board, name)
    # What must be set up goes first, so that what needs nothing is what is left.
    for bank in sorted((b for b in board.ram if b.data), key=lambda b: not b.setup):
        low, high = 0, bank.size // KIB  # of KiB: 0 does not do, this does
        while high - low > 1:
            middle = (low + high) // 2
            if fits(board, bank.name, middle, demand):
                high = middle
            else:
                low = middle
        board = board.with_ram([f"{bank.name}={high} KiB"])
    return board


def fits(board: Board, bank: str, kib: int, demand: Demand) -> bool:
    cut = board.with_ram([f"{bank}={kib} KiB"])
    return place(cut.stretches(), demand).margin >= 0


@pytest.mark.parametrize("name", UNUSUAL)
def test_every_bank_of_an_unusual_board_is_needed(name: str) -> None:
    model = UNUSUAL[name]
    board = smallest(load_board(name), model)
    tight = checked(MODELS[model], board)
    assert tight.verdict.status == "fits", tight.verdict
    roomier = checked(MODELS[model], roomy(board.core))
    assert tight.run
    assert roomier.run
    assert tight.run.outputs_sha256 == roomier.run.outputs_sha256
    failed = 0
    for bank in board.ram:
        if not bank.data or bank.size == KIB:
            continue
        less = board.with_ram([f"{bank.name}={bank.size // KIB - 1} KiB"])
        result = checked(MODELS[model], less)
        assert (result.verdict.status, result.verdict.limit) == ("does_not_fit", "ram")
        if result.failure:
            assert result.failure.failure_class.startswith("arena_too_small")
            failed += 1
    assert failed, "no bank was so short that the device itself failed"


def test_models_are_files() -> None:
    assert all(isinstance(path, Path) and path.is_file() for path in MODELS.values())
