"""A bench to test at: put a board and a model on it, set it up, check, run, and look.

The benches of one process share what costs time and changes nothing: the measuring worker, the
tool chain, and what the probe map told of the same image run in the same way.
"""

from __future__ import annotations

import atexit
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from lab.board import Board, load_board
from lab.crate import Say
from lab.errors import LabError, NoVerdictError, UsageError
from lab.firmware import Builder
from lab.jobs.check import build, finish, judged, subject_of, usable
from lab.jobs.images import Images, new_builder
from lab.jobs.inputs import read_inputs, unlike
from lab.jobs.options import Options, validate
from lab.jobs.record import refused
from lab.jobs.trial import Probed, Trial
from lab.measure.inference import Inference
from lab.measure.ops import blocking
from lab.measure.until import Ended, Goal, run_until
from lab.measure.worker import Worker
from lab.model import Model
from lab.placement import ARENA_STEP, Placement, place
from lab.results import DEFAULT_ENGINE, CheckResult

T = TypeVar("T")


class Bench:
    """One board, one model, and how they are to be run.

    Changing any of them forgets what was measured before.
    """

    def __init__(self, engine: str = DEFAULT_ENGINE, say: Say = lambda _: None) -> None:
        self._options = Options(engine=engine)
        self._say = say
        self._board: tuple[str, Board] | None = None
        self._model: str | None = None
        self._record: CheckResult | None = None
        self._inference: Inference | None = None
        self._ended: Ended | None = None

    def load_board(self, board: str, ram: Sequence[str] = ()) -> Board:
        """Put a board on the bench.

        Args:
            board: name, or board file.
            ram: what-if sizes, ``[BANK=]SIZE`` each.

        Returns:
            The board with the RAM that was asked for.

        Raises:
            InputError: the file is damaged.
            UsageError: there is no such board or bank, or what was set makes no sense for it.
        """
        loaded = load_board(board)
        options = replace(self._options, ram=tuple(ram))
        validate(options)
        changed = usable(loaded, options)
        self._board, self._options = (board, loaded), options
        self._forget()
        return changed

    def load_model(self, model: str) -> Model:
        """Put a model on the bench: a file, or the name of a zoo model.

        Raises:
            InputError: there is none, or it is damaged.
        """
        read = judged(model, self._options.runtime).model
        self._model = model
        self._forget()
        return read

    def set_up(self, **changes: object) -> None:
        """Change options of the check; see ``lab.Options``.

        Raises:
            UsageError: they make no sense.
        """
        options = replace(self._options, **changes)  # type: ignore[arg-type]
        validate(options)
        if self._board:
            usable(self._board[1], options)
        self._options = options
        self._forget()

    def build(self, output: Path) -> None:
        """Write the image that a check runs.

        Raises:
            AssertionError: there is none for this board; says why.
            LabError: as for ``lab.jobs.check.build``.
        """
        model, (board, _) = self._loaded()
        if refusal := build(model, board, output, self._options, self._say):
            raise AssertionError(f"no image of {model} for {board}: {refusal}")

    def check(self, details: bool = False) -> CheckResult:
        """Does it fit, and why not? ``record`` from then on.

        Args:
            details: measure also who owns every byte and every cycle.

        Raises:
            LabError: as for ``lab.check``.
        """
        self.set_up(details=details)
        trial = self._trial()
        if blocking(trial.subject.verdicts):
            self._record = refused(trial.subject)
        else:
            probed = _SHARED.probed(trial)
            outcome = probed.probe.outcome
            self._inference = outcome if isinstance(outcome, Inference) else None
            self._record = _SHARED.guarded(lambda: finish(trial, probed))
        return self._record

    @property
    def record(self) -> CheckResult:
        """Of the last check. Raises UsageError when nothing was checked since the last change."""
        if self._record is None:
            raise UsageError("nothing was checked since the last change")
        return self._record

    @property
    def name(self) -> str:
        """What a baseline calls this check. Raises UsageError as ``check`` does."""
        model, (board, _) = self._loaded()
        return f"{model} on {board}"

    def run(self, goal: Goal) -> Ended:
        """Run the image in the board's own memory, up to a goal. ``ended`` from then on.

        Arena and stack reserve are those that were set; what was not is measured first, as a check
        does. An arena that does not place is cut to what does: so the runtime says what it lacks.

        Raises:
            LabError: as for ``lab.check``.
        """
        trial = self._trial()
        if refusals := blocking(trial.subject.verdicts):
            first = refusals[0]
            self._ended = Ended(goal, False, first.failure_class, f"{first.where}: {first.reason}")
        else:
            self._ended = self._run(trial, goal)
        return self._ended

    @property
    def ended(self) -> Ended:
        """The last run. Raises UsageError when there was none since the last change."""
        if self._ended is None:
            raise UsageError("nothing was run since the last change")
        return self._ended

    @property
    def console(self) -> tuple[str, ...]:
        """What the firmware printed: in the last run, or where the last check failed."""
        if self._ended is not None:
            return self._ended.console
        return self.record.failure.log if self.record.failure else ()

    def compare_outputs(self, files: Sequence[str], tolerance: float = 0.0) -> None:
        """Compare the outputs of the check's first inference with ``.npy`` files.

        Args:
            files: one for each output of the model, in order.
            tolerance: largest difference that is none.

        Raises:
            AssertionError: an output differs; says where and by how much.
            InputError: a file is no array, or not of the output's type and shape.
        """
        model, _ = self._loaded()
        if self._inference is None:
            raise AssertionError(f"there are no outputs: {self.record.verdict.summary}")
        read = judged(model, self._options.runtime).model
        if found := unlike(read, self._inference.outputs[0], files, tolerance):
            raise AssertionError(found)

    def _forget(self) -> None:
        self._record = self._inference = self._ended = None

    def _loaded(self) -> tuple[str, tuple[str, Board]]:
        if self._model is None or self._board is None:
            raise UsageError("load a model and a board first")
        return self._model, self._board

    def _trial(self) -> Trial:
        model, (_, board) = self._loaded()
        options = self._options
        subject = subject_of(judged(model, options.runtime), board, options)
        inputs = read_inputs(subject.model, options.inputs)
        images = Images(subject, _SHARED.builder(self._say))
        return Trial(images, options, _SHARED.worker(), self._say, inputs)

    def _run(self, trial: Trial, goal: Goal) -> Ended:
        sizes = trial.images.probe.sizes
        if short := trial.subject.flash_missing(sizes):
            return Ended(goal, False, "flash_overflow", f"{short:,} B of flash are missing")
        required, high_water = self._needs(trial)
        demand = trial.subject.demand(sizes, required, high_water)
        placement = place(trial.subject.board.stretches(), demand, trial.subject.arena_bank)
        if placement.arena_space < ARENA_STEP:
            return Ended(goal, False, "ram_overflow", _missing(placement))
        device, start = trial.set_up(placement, min(demand.arena, placement.arena_space))
        return _SHARED.guarded(
            lambda: trial.worker.call(run_until, device, start, goal, seconds=trial.patience)
        )

    def _needs(self, trial: Trial) -> tuple[int, int]:
        """Required arena and stack high-water; measured only where they are not given."""
        if self._options.arena is not None and self._options.stack_reserve is not None:
            return self._options.arena, 0
        probe = _SHARED.probed(trial).probe
        if probe.required is None or not isinstance(probe.outcome, Inference):
            raise UsageError(
                "the model does not run with plenty of memory, so nothing tells how much to give "
                "it: set the arena and the stack reserve"
            )
        return probe.required.size, probe.outcome.stack.high_water


def _missing(placement: Placement) -> str:
    where = "+".join(placement.short_run.banks)
    return f"{-placement.margin:,} B of RAM are missing in {where}"


class _Shared:
    """What the benches of this process have in common."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._say: Say = lambda _: None
        self._probed: dict[object, Probed] = {}

    def worker(self) -> Worker:
        """The measuring process."""
        if self._worker is None:
            self._worker = Worker()
            atexit.register(self._worker.close)
        return self._worker

    def builder(self, say: Say) -> Builder:
        """Tool chain and cache; from now on it tells its steps to ``say``."""
        self._say = say
        return self._builder

    @functools.cached_property
    def _builder(self) -> Builder:
        return new_builder(self._tell)

    def _tell(self, text: str) -> None:
        self._say(text)

    def guarded(self, action: Callable[[], T]) -> T:
        """Do something with the worker, and take a new one when it is no longer fit for work.

        A test's time limit may interrupt it anywhere: its answer would be taken for another's.
        """
        try:
            return action()
        except BaseException as error:
            if isinstance(error, NoVerdictError) or not isinstance(error, LabError):
                self._give_up()
            raise

    def probed(self, trial: Trial) -> Probed:
        """What the probe map tells of an image; measured once for each way to run it."""
        asked = trial.options
        how = (asked.engine, asked.limits, asked.details, asked.invokes, asked.seed, trial.inputs)
        key = (trial.images.probe.elf, trial.subject.board.core, how)
        if key not in self._probed:
            self._probed[key] = self.guarded(trial.probe)
        return self._probed[key]

    def _give_up(self) -> None:
        if self._worker is not None:
            atexit.unregister(self._worker.close)
            self._worker.close()
            self._worker = None


_SHARED = _Shared()
