"""The measuring part of a check: have the images run, place what they need."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from lab.crate import Say
from lab.details import Details
from lab.engines.base import StopReason
from lab.errors import NoVerdictError
from lab.jobs.details import details_of
from lab.jobs.images import Images
from lab.jobs.measured import Measured, Subject
from lab.jobs.options import Options
from lab.jobs.plan import (
    MAX_ARENA,
    Footprint,
    arena_base,
    plenty,
    probe_machine,
    probe_stack_limit,
    real_machine,
)
from lab.measure import tasks
from lab.measure.failures import Failure
from lab.measure.inference import Inference, Start
from lab.measure.tasks import Device, Probe, with_arena
from lab.measure.worker import Worker
from lab.placement import ARENA_STEP, Placement, place


@dataclass(frozen=True)
class Probed:
    """What the probe map told; it holds for every board with this core.

    Attributes:
        sizes: static memory.
        device: what was run.
        start: how it was run, with plenty of arena.
        probe: what came out.
        details: who owns every byte and every cycle; None: not asked for.
    """

    sizes: Footprint
    device: Device
    start: Start
    probe: Probe
    details: Details | None = None


@dataclass(frozen=True)
class Trial:
    """The measuring part of a check.

    Attributes:
        images: of what is checked.
        options: what was asked for.
        worker: runs the images.
        say: told about every long step.
        inputs: bytes of every graph input; None: generated in the firmware.
    """

    images: Images
    options: Options
    worker: Worker
    say: Say
    inputs: tuple[bytes, ...] | None

    @property
    def subject(self) -> Subject:
        """What is checked."""
        return self.images.subject

    def probe(self) -> Probed:
        """Measure on the probe map: what does not depend on the board, only on its core."""
        image, options = self.images.probe, self.options
        self.say("measuring arena and stack in the probe map")
        base = arena_base(image.sizes.static, image.layout)
        arena = plenty(self.subject.model)
        start = self._start(base, arena, probe_stack_limit(image.layout))
        while True:
            machine = probe_machine(self.images.recipe.core, image.layout, start.arena_bytes)
            device = Device(image.elf, machine, image.offsets, options.engine, options.limits)
            probe = self.worker.call(
                tasks.probe, device, start, options.details, seconds=self.patience
            )
            _refuse_variables(probe.outcome)
            failed = isinstance(probe.outcome, Failure) and probe.outcome.may_want_arena
            if not failed or start.arena_bytes >= MAX_ARENA:
                self._believe(probe.outcome)
                details = details_of(self.images, probe) if options.details else None
                return Probed(image.sizes, device, start, probe, details)
            start = with_arena(start, min(start.arena_bytes * 4, MAX_ARENA))

    def on_board(self, probed: Probed) -> Measured:
        """Place what the probe map asks for, and run on the board's map."""
        probe = probed.probe
        measured = Measured(
            self.images.builder.chain, probed.sizes, probed.start.arena_bytes, probe
        )
        if probe.required is None:
            return measured
        assert isinstance(probe.outcome, Inference)
        demand = self.subject.demand(
            probed.sizes, probe.required.size, probe.outcome.stack.high_water
        )
        placement = place(self.subject.board.stretches(), demand, self.subject.arena_bank)
        measured = replace(measured, placement=placement)
        return self._first_cause(self._on_board(measured), probed)

    def set_up(self, placement: Placement, arena: int) -> tuple[Device, Start]:
        """The board's own memory with the image linked for it, and how to run there.

        Args:
            placement: of what the image needs.
            arena: its size in bytes.
        """
        banks = {*placement.data.banks, *placement.arena_run.banks}
        device = Device(
            self.images.on_board(placement),
            real_machine(self.subject.board, banks),
            self.images.probe.offsets,
            self.options.engine,
            self.options.limits,
        )
        return device, self._start(placement.arena_base, arena, placement.stack_limit)

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
    def patience(self) -> float:
        """Seconds after which a worker that does not answer is given up."""
        # The engine ends a phase at its own limit; this is for a worker that does not answer.
        # A probe runs some dozens of allocations, and inference at sizes that are in doubt.
        return (self.options.limits.seconds + 60.0) * (self.options.invokes + 100)

    def _on_board(self, measured: Measured) -> Measured:
        """Link for the board's banks and run there, as far as the image places at all."""
        placement = measured.placement
        assert placement is not None
        if self.subject.flash_missing(measured.sizes) or placement.arena_space < ARENA_STEP:
            return measured
        self.say(f"running on {self.subject.board.name}")
        arena = self.arena_on_board(measured)
        device, start = self.set_up(placement, arena)
        outcome = self.worker.call(tasks.run, device, start, seconds=self.patience)
        outcome = _overflowed(outcome, measured.probe.outcome, placement) or outcome
        assert measured.probe.required is not None
        if arena >= measured.probe.required.size:  # with less, it may compute anything
            self._agree(outcome, measured)
        digest = hashlib.sha256(device.elf.read_bytes()).hexdigest()
        return replace(measured, on_board=outcome, image_sha256=digest)

    def arena_on_board(self, measured: Measured) -> int:
        """The arena that is asked for or required, or as much of it as places."""
        assert measured.probe.required is not None
        assert measured.placement is not None
        wanted = self.subject.arena_wanted(measured.probe.required.size)
        return min(wanted, measured.placement.arena_space)

    def _first_cause(self, measured: Measured, probed: Probed) -> Measured:
        """Tell a small arena from the stack that its error message did not find.

        To say what is missing the runtime needs more stack than to succeed. When that overflows,
        the same arena on the probe map tells what it would have said.
        """
        outcome, required = measured.on_board, measured.probe.required
        assert required is not None
        if isinstance(outcome, Failure) and outcome.failure_class == "stack_overflow":
            arena = self.arena_on_board(measured)
            if arena < required.size:
                start = with_arena(probed.start, arena)
                cause = self.worker.call(tasks.run, probed.device, start, seconds=self.patience)
                return replace(measured, on_board=cause)
        return measured

    def _believe(self, outcome: Inference | Failure) -> None:
        """The firmware must have run this model: as many inputs and outputs as it has."""
        if not isinstance(outcome, Inference):
            return
        model = self.subject.model
        for which, runs, indices in (
            ("inputs", outcome.inputs, model.inputs),
            ("outputs", outcome.outputs, model.outputs),
        ):
            for tensors in runs:
                if len(tensors) != len(indices):
                    raise NoVerdictError(
                        f"no verdict: the firmware has {len(tensors)} graph {which}, "
                        f"the model has {len(indices)}"
                    )

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


def _overflowed(
    outcome: Inference | Failure, probed: Inference | Failure, placement: Placement
) -> Failure | None:
    """A stack that was too deep, which an engine may not notice that looks for what was written.

    The same image goes as deep as on the probe map, where nothing was below its stack.
    """
    if not isinstance(outcome, Inference) or not isinstance(probed, Inference):
        return None
    depth = probed.stack.high_water
    if depth <= placement.stack_top - placement.stack_limit:
        return None
    return Failure(
        failure_class="stack_overflow",
        phase="invoke",
        log=(),
        status=0,
        operator=next((one.index for one in probed.operators if one.stack_bytes == depth), None),
        stop=StopReason.STACK_LIMIT,
        fault=None,
        chain=(),
        stack_bytes=depth,
    )


def _refuse_variables(outcome: Inference | Failure) -> None:
    """What fails for want of something that the runner does not do says nothing about a product."""
    if isinstance(outcome, Failure) and outcome.failure_class == "resource_variables_missing":
        raise NoVerdictError(
            "no verdict: the model keeps state in resource variables, which the lab's runner does "
            f"not create ({outcome.reason})"
        )
