"""The measuring part of a check: build images, have them run, place what they need."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lab.cache import Cache
from lab.cores import CORES
from lab.elf import read_elf
from lab.errors import NoVerdictError, UsageError
from lab.firmware import Builder, Layout, Recipe
from lab.jobs.options import Options
from lab.jobs.plan import (
    MAX_ARENA,
    Footprint,
    arena_base,
    footprint,
    plenty,
    probe_layout,
    probe_machine,
    probe_stack_limit,
    real_layout,
    real_machine,
)
from lab.jobs.record import Measured, Subject
from lab.measure import tasks
from lab.measure.failures import Failure
from lab.measure.session import Inference, Start
from lab.measure.tasks import Device, Probe, is_arena_failure, with_arena
from lab.measure.tflm import Offsets, read_offsets
from lab.measure.worker import Worker
from lab.placement import ARENA_STEP, Demand, Placement, place
from lab.toolchain import find_toolchain

Say = Callable[[str], None]
STACK_GUARD = 512  # bytes; the stack reserve is the larger of this and a quarter on top
_STACK_STEP = 8


@dataclass(frozen=True)
class Trial:
    """The measuring part of a check.

    Attributes:
        subject: what is checked.
        options: what was asked for.
        worker: runs the images.
        say: told about every long step.
        inputs: bytes of every graph input; None: generated in the firmware.
    """

    subject: Subject
    options: Options
    worker: Worker
    say: Say
    inputs: tuple[bytes, ...] | None = None

    @functools.cached_property
    def builder(self) -> Builder:
        """Builds images for this check."""
        return Builder(find_toolchain(), Cache(say=self.say), self.say)

    @functools.cached_property
    def recipe(self) -> Recipe:
        """What its images are made of."""
        subject = self.subject
        return Recipe(
            subject.model.data, subject.registrations, subject.runtime, CORES[subject.board.core],
            subject.opt,
        )  # fmt: skip

    def measure(self) -> Measured:
        """Measure on the probe map, place, and run on the board's map."""
        board, model = self.subject.board, self.subject.model
        layout = probe_layout(board, model)
        elf = self.builder.image(self.recipe, layout)
        image = read_elf(elf)
        offsets = read_offsets(image)
        sizes = footprint(image, layout)
        device, start, probe = self._probe(elf, layout, sizes, offsets)
        measured = Measured(self.builder.chain, sizes, start.arena_bytes, probe)
        if probe.required is None:
            return measured
        measured = replace(measured, placement=self._place(probe, sizes))
        measured = self._on_board(measured, offsets)
        return self._first_cause(measured, device, start)

    def write_image(self, output: Path) -> str:
        """Write the image for the board's banks; says why when it cannot be linked for them."""
        board = self.subject.board
        layout = probe_layout(board, self.subject.model)
        sizes = footprint(read_elf(self.builder.image(self.recipe, layout)), layout)
        placement = place(board.runs(), Demand(sizes.static, arena=0, stack=0))
        if placement.margin < 0:
            return f".data and .bss are {-placement.margin:,} B larger than the board's RAM"
        if self._flash_short(sizes):
            short = sizes.flash - board.flash[0].size
            return f"the image is {short:,} B larger than the board's flash"
        elf = self.builder.image(self.recipe, real_layout(board, placement))
        try:
            output.write_bytes(elf.read_bytes())
        except OSError as error:
            raise UsageError(f"cannot write {output}: {error.strerror}") from None
        return ""

    def _probe(
        self, elf: Path, layout: Layout, sizes: Footprint, offsets: Offsets
    ) -> tuple[Device, Start, Probe]:
        model, options = self.subject.model, self.options
        self.say("measuring arena and stack in the probe map")
        base = arena_base(sizes.static, layout)
        start = self._start(base, plenty(model), probe_stack_limit(layout))
        while True:
            machine = probe_machine(self.subject.board, layout, start.arena_bytes)
            device = Device(elf, machine, offsets, options.engine, options.limits)
            probe = self.worker.call(tasks.probe, device, start, seconds=self._patience)
            failed = isinstance(probe.outcome, Failure) and is_arena_failure(probe.outcome)
            if not failed or start.arena_bytes >= MAX_ARENA:
                return device, start, probe
            start = with_arena(start, min(start.arena_bytes * 4, MAX_ARENA))

    def _start(self, arena_base: int, arena_bytes: int, stack_limit: int) -> Start:
        return Start(
            arena_base=arena_base,
            arena_bytes=arena_bytes,
            stack_limit=stack_limit,
            operators=len(self.subject.model.operators),
            invokes=self.options.invokes,
            seed=self.options.seed,
            inputs=self.inputs,
        )

    @property
    def _patience(self) -> float:
        # The engine ends a phase at its own limit; this is for a worker that does not answer.
        return (self.options.limits.seconds + 60.0) * (self.options.invokes + 2)

    def _place(self, probe: Probe, sizes: Footprint) -> Placement:
        assert isinstance(probe.outcome, Inference)
        assert probe.required is not None
        demand = Demand(
            static=sizes.static,
            arena=self.options.arena if self.options.arena is not None else probe.required.size,
            stack=self._stack_reserve(probe.outcome),
            application=self.subject.request.app_ram_bytes,
        )
        return place(self.subject.board.runs(), demand)

    def _stack_reserve(self, outcome: Inference) -> int:
        if self.options.stack_reserve is not None:
            return self.options.stack_reserve
        high = outcome.stack.high_water
        reserve = max(high + -(-high // 4), high + STACK_GUARD)
        return -(-reserve // _STACK_STEP) * _STACK_STEP

    def _on_board(self, measured: Measured, offsets: Offsets) -> Measured:
        """Link for the board's banks and run there, as far as the image places at all."""
        placement = measured.placement
        assert placement is not None
        if self._flash_short(measured.sizes) or placement.arena_space < ARENA_STEP:
            return measured
        self.say(f"running on {self.subject.board.name}")
        layout = real_layout(self.subject.board, placement)
        elf = self.builder.image(self.recipe, layout)
        device = Device(
            elf, real_machine(self.subject.board), offsets, self.options.engine, self.options.limits
        )
        arena = self._arena_on_board(measured)
        start = self._start(placement.arena_base, arena, placement.stack_limit)
        outcome = self.worker.call(tasks.run, device, start, seconds=self._patience)
        self._agree(outcome, measured)
        digest = hashlib.sha256(elf.read_bytes()).hexdigest()
        return replace(measured, on_board=outcome, image_sha256=digest)

    def _arena_on_board(self, measured: Measured) -> int:
        """The arena that is asked for or required, or as much of it as places."""
        assert measured.probe.required is not None
        assert measured.placement is not None
        wanted = self.options.arena
        wanted = measured.probe.required.size if wanted is None else wanted
        return min(wanted, measured.placement.arena_space)

    def _first_cause(self, measured: Measured, device: Device, start: Start) -> Measured:
        """Tell a small arena from the stack that its error message did not find.

        To say what is missing the runtime needs more stack than to succeed. When that overflows,
        the same arena on the probe map tells what it would have said.
        """
        outcome, required = measured.on_board, measured.probe.required
        assert required is not None
        if isinstance(outcome, Failure) and outcome.failure_class == "stack_overflow":
            arena = self._arena_on_board(measured)
            if arena < required.size:
                cause = self.worker.call(
                    tasks.run, device, with_arena(start, arena), seconds=self._patience
                )
                return replace(measured, on_board=cause)
        return measured

    def _flash_short(self, sizes: Footprint) -> bool:
        bank = self.subject.board.flash[0]
        return sizes.flash + self.subject.request.app_flash_bytes > bank.size

    def _agree(self, outcome: Inference | Failure, measured: Measured) -> None:
        """The same image must compute the same in both maps; anything else is no answer."""
        probed = measured.probe.outcome
        if (
            isinstance(outcome, Inference)
            and isinstance(probed, Inference)
            and outcome.outputs != probed.outputs
        ):
            raise NoVerdictError(
                "no verdict: outputs on the board's map differ from those on the probe map"
            )
