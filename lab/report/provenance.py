"""Where a record's numbers come from: the command that made them, and how each was obtained."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from lab.report.engine import deepest, how_counted, how_deep, instructions_only, unseen
from lab.results import DEFAULT_ENGINE, CheckResult, Run
from lab.units import format_size

NEEDED_RAM = "measured"  # the sum is as good as its parts, and the arena is one


@dataclass(frozen=True)
class Figure:
    """A number of the record, with its unit, and how it was obtained."""

    name: str
    value: str
    how: str
    why: str


def command(result: CheckResult) -> str:
    """The command line that makes this record; the record does not hold the model's path."""
    return " ".join(["lab check", *map(shlex.quote, _words(result))])


def unknown_words(result: CheckResult) -> list[str]:
    """What the command line may have had besides, and the record does not hold."""
    known = ["the path of the model"]
    if result.request.inputs == "given":
        known.append("the files of its inputs (--input)")
    if result.build is None:
        known.append("the optimisation level (--opt): nothing was built")
    if result.runtime.kind == "library":
        known.append("the manifest of the runtime, if it was given as a file")
    return known


def _words(result: CheckResult) -> Iterator[str]:
    request = result.request
    yield result.model.name
    yield from ("--board", result.board.name)
    yield from ("--runtime", result.runtime.name)
    if result.build:
        yield from ("--opt", result.build.opt)
    for size in result.board.what_if:
        yield from ("--ram", size)
    profile = [one for one in result.board.reserves if one.name == request.reserve_profile]
    ram = request.app_ram_bytes - sum(one.ram_bytes for one in profile)
    flash = request.app_flash_bytes - sum(one.flash_bytes for one in profile)
    for option, value, usual in (
        ("--arena", request.arena_bytes, None),
        ("--arena-bank", request.arena_bank, None),
        ("--stack-reserve", request.stack_reserve_bytes, None),
        ("--app-ram", ram, 0),
        ("--app-flash", flash, 0),
        ("--reserve", request.reserve_profile, None),
        ("--invokes", request.invokes, 1),
        ("--seed", request.seed, 1),
        ("--engine", request.engine, DEFAULT_ENGINE),
    ):
        if value != usual:
            yield from (option, str(value))
    if result.details:
        yield "--details"


def figures(result: CheckResult) -> Iterator[Figure]:
    """Every figure that decides something, in the order of the report."""
    yield from _memory(result)
    yield from _arena(result)
    yield from _stack(result)
    yield from _time(result)
    if result.details and result.run:
        whose = "arena and flash" if unseen(result) else "arena, stack, flash and time"
        yield Figure(
            f"owners of {whose}", "see their tables", "measured",
            "in a map with RAM to spare, at the required arena: they hold for every board with "
            "this core and build",
        )  # fmt: skip


def _memory(result: CheckResult) -> Iterator[Figure]:
    if result.memory is None:
        return
    ram, flash = result.memory.ram, result.memory.flash
    yield Figure("static RAM", format_size(ram.static_bytes), "exact",
                 ".data and .bss of the image")  # fmt: skip
    yield Figure("RAM needed", format_size(ram.needed_bytes), NEEDED_RAM, _sum(result))
    yield Figure("flash needed", format_size(flash.needed_bytes), "exact",
                 "section sizes of the image")  # fmt: skip


def _sum(result: CheckResult) -> str:
    request = result.request
    arena = "required, measured" if request.arena_bytes is None else "as asked"
    stack = "by rule" if request.stack_reserve_bytes is None else "as asked"
    return f"what is placed in the board's banks: static, exact; arena, {arena}; stack, {stack}"


def _arena(result: CheckResult) -> Iterator[Figure]:
    arena = result.arena
    if arena is None:
        return
    below = f": {arena.below}" if arena.below else ""
    yield Figure("required arena", format_size(arena.required_bytes), "measured",
                 f"it runs with this size, and does not with 16 B less{below}")  # fmt: skip
    yield Figure("reported arena", format_size(arena.reported_bytes), "measured",
                 "what arena_used_bytes() says on the target")  # fmt: skip
    if result.peak:
        yield Figure("alive at the peak", format_size(result.peak.live_bytes), "measured",
                     "the buffers given to the memory planner on the target")  # fmt: skip


def _stack(result: CheckResult) -> Iterator[Figure]:
    stack = result.stack
    if stack is None:
        return
    seen = "what was written of the painted stack"
    if stack.function is not None:
        seen = f"lowest stack pointer of every instruction, {deepest(stack)}"
    yield Figure(
        "stack high-water", format_size(stack.high_water_bytes), how_deep(stack),
        f"{seen}; {stack.runner_bytes:,} B of it are frames of the lab's runner",
    )  # fmt: skip
    rule = "high-water + 25 %, at least + 512 B"
    asked = result.request.stack_reserve_bytes is not None
    yield Figure("stack reserve", format_size(stack.reserve_bytes),
                 "as asked" if asked else "by rule", "" if asked else rule)  # fmt: skip


def inference(result: CheckResult, run: Run) -> Figure:
    """What everybody asks for of one inference."""
    count = f"{run.instructions:,} instructions"
    if run.milliseconds is None:
        return Figure("One inference", count, how_counted(run), instructions_only(result))
    time, how = f"{run.milliseconds:,.1f} ms", f"modelled, {run.cycle_class}"
    return Figure("One inference", time, how, f"{count}, exact")


def _time(result: CheckResult) -> Iterator[Figure]:
    run = result.run
    if run is None:
        return
    yield Figure("instructions of one inference", f"{run.instructions:,}", "exact",
                 "counted on the emulated core")  # fmt: skip
    if run.cycles is None or run.milliseconds is None:
        yield Figure("cycles and time of one inference", "-", "not measured",
                     instructions_only(result))  # fmt: skip
        return
    model = f"modelled, {run.cycle_class}"
    yield Figure("cycles of one inference", f"{run.cycles:,}", model,
                 f"cycle model {run.cycle_model}, zero wait states")  # fmt: skip
    waits = ""
    if run.milliseconds_all_waiting is not None and result.board.flash_wait_states:
        waits = (
            f"; flash has {result.board.flash_wait_states} wait states: up to "
            f"{run.milliseconds_all_waiting:,.1f} ms if every cycle waited"
        )
    clock = f"these cycles at {result.board.clock_hz / 1e6:g} MHz"
    yield Figure("time of one inference", f"{run.milliseconds:,.1f} ms", model, clock + waits)
