"""Robot Framework library: one keyword, one call into the lab. See docs/robot.md."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from robot.api import SkipExecution, logger
from robot.api.deco import library

from lab.baseline import Accepted, accepted, accepted_as
from lab.board import Board
from lab.budgets import Value, parse_count
from lab.engines.registry import check_name
from lab.errors import UsageError
from lab.figures import Figure
from lab.files import open_output, write_output
from lab.jobs import expect
from lab.jobs.bench import Bench
from lab.measure.until import Ended, Goal
from lab.model import Model
from lab.report import robot_log, terminal
from lab.report.engine import not_counted
from lab.results import DEFAULT_ENGINE, CheckResult
from lab.units import parse_size
from lab.version import VERSION


class Size(int):
    """Bytes."""


class Count(int):
    """A number of instructions."""


_NOTHING = Size(0)


def _size(value: int | str) -> Size:
    """A size such as ``64 KiB``, ``64K``, ``1.5 MiB`` or ``512 B``; a number is bytes."""
    return Size(parse_size(value, bare=True))


def _count(value: int | str) -> Count:
    """A count such as ``2500k``, ``100M`` or ``87,287,939``."""
    return Count(parse_count(str(value)))


@library(
    scope="TEST",
    version=VERSION,
    auto_keywords=True,
    converters={Size: _size, Count: _count},
)
class RobotLibrary:
    """A bench for TensorFlow Lite Micro models on Cortex-M boards that need not be there.

    Put a board and a model on the bench, then ``Check`` them: real firmware runs on the emulated
    core with exactly the board's memory. The other keywords read what was measured, and fail with
    one line that has numbers and units.

    Each test has a bench of its own, with nothing on it. What a process has measured of an image
    it does not measure again, so it costs little to check in every test.

    Sizes are written ``64 KiB`` or as a number of bytes; KiB is 1024 bytes. Wrong input fails with
    the lab's line, its kind first: ``InputError`` for a damaged file, ``UsageError``,
    ``ToolError``, ``NoVerdictError``. A test whose engine is not there is skipped.
    """

    def __init__(self, engine: str = DEFAULT_ENGINE) -> None:
        """``engine`` executes the images; ``unicorn`` comes with the lab.

        ``renode`` counts instructions only: a test that reads cycles or milliseconds is skipped.
        """
        self._engine = engine
        self._own = Bench(engine, say=logger.debug)
        self._baseline: tuple[str, str | None] | None = None

    # What is on the bench

    def load_board(self, board: str, ram: str | None = None, **banks: str) -> Board:
        """Put a board on the bench: the name of one of the lab's, or a board file.

        ``ram`` asks what if all its RAM were of another size; ``SRAM1=64 KiB`` what if that bank
        were. Returns the board: ``${board.core}``, ``${board.clock_hz}``.
        """
        sizes = ([ram] if ram else []) + [f"{name}={size}" for name, size in banks.items()]
        return self._bench.load_board(board, sizes)

    def load_model(self, model: str) -> Model:
        """Put a model on the bench: a ``.tflite`` file, or the name of a zoo model.

        Returns the model: ``${model.size}``, ``${model.operators}``.
        """
        return self._bench.load_model(model)

    def build_firmware(self, output: Path) -> None:
        """Write the image that ``Check`` runs on the board, an ELF, to a file.

        Fails with the reason when there is none for this board.
        """
        self._bench.build(output)

    # How it is set up

    def set_arena(self, size: Size, bank: str | None = None) -> None:
        """Give the arena this size, a multiple of 16 bytes, instead of the required one.

        ``bank`` names the RAM bank in which all of it must lie.
        """
        self._bench.set_up(arena=size, arena_bank=bank)

    def set_stack_reserve(self, size: Size) -> None:
        """Keep this much for the stack, instead of a margin over what was measured."""
        self._bench.set_up(stack_reserve=size)

    def set_application_memory(
        self, ram: Size = _NOTHING, flash: Size = _NOTHING, profile: str | None = None
    ) -> None:
        """Leave memory to the application: bytes, and a reserve profile of the board's."""
        self._bench.set_up(app_ram=ram, app_flash=flash, reserve=profile)

    def set_inputs(self, *files: str, **named: str) -> None:
        """Give the model these ``.npy`` files, in order or by name, instead of generated inputs."""
        by_name = (f"{name}={file}" for name, file in named.items())
        self._bench.set_up(inputs=(*files, *by_name))

    def set_seed(self, seed: int) -> None:
        """Generate other inputs."""
        self._bench.set_up(seed=seed)

    def set_inferences(self, count: int) -> None:
        """Run several inferences one after the other; figures are those of the first."""
        self._bench.set_up(invokes=count)

    def set_build(
        self, opt: Literal["O2", "O3", "Os"] = "O2", runtime: str = "tflm-2020-07"
    ) -> None:
        """Build in another way: optimisation level, and the runtime's name or manifest."""
        self._bench.set_up(opt=opt, runtime=runtime)

    # What is done

    def check(self, details: bool = False) -> CheckResult:
        """Measure whether the model fits, and why not: everything that ``lab check`` does.

        ``details`` adds who owns every byte and every cycle. Does not fail when the answer is no.
        Returns the record: ``${record.arena.required_bytes}``, ``${record.verdict.summary}``.
        """
        record = self._bench.check(details)
        logger.info(terminal.render(record)[0])
        return record

    def run_until_end(self) -> Ended:
        """Run the image in the board's memory to the end of the last inference.

        Arena and stack reserve are as set; what was not set is measured first. No run keyword
        fails when the firmware does: see ``Run Should Reach Its Goal``, ``Run Should Fail With``.
        """
        return self._bench.run(Goal("end"))

    def run_until_symbol(self, function: str) -> Ended:
        """Run until a function is entered, such as ``tflite::MicroInterpreter::Invoke``."""
        return self._bench.run(Goal("symbol", function))

    def run_until_console_line(self, text: str) -> Ended:
        """Run until the firmware has printed a line that holds a text."""
        return self._bench.run(Goal("console", text))

    def run_instructions(self, count: Count) -> Ended:
        """Run so many instructions from reset, to the end of the block that reaches them."""
        return self._bench.run(Goal("instructions", instructions=count))

    # What came of a check

    def get_figure(self, figure: Figure) -> Value:
        """A figure of the record, in bytes, instructions, cycles or milliseconds."""
        return expect.read(figure, self._record_with(figure))

    def figure_should_be_at_most(self, figure: Figure, limit: int | float | str) -> None:
        """Fail if a figure is above a limit.

        The limit is a size, a count (``2500k``, ``100M``), milliseconds, or growth over the
        baseline: ``+1 KiB``, ``+2 %`` (see ``Load Baseline``).
        """
        accepted = self._accepted() if str(limit).lstrip().startswith("+") else None
        expect.at_most(figure, self._record_with(figure), limit, accepted)

    def figure_should_be_at_least(self, figure: Figure, limit: int | float | str) -> None:
        """Fail if a figure is below a limit."""
        expect.at_least(figure, self._record_with(figure), limit)

    def figure_should_be(self, figure: Figure, value: int | float | str) -> None:
        """Fail if a figure is not exactly this."""
        expect.equal(figure, self._record_with(figure), value)

    def model_should_fit(self) -> None:
        """Fail with the verdict unless the model fits the board."""
        expect.fits(self._bench.record)

    def model_should_not_fit(
        self, limit: Literal["ram", "flash", "arena", "stack"] | None = None
    ) -> None:
        """Fail unless the model runs but does not fit; ``limit`` is what must bind."""
        expect.does_not_fit(self._bench.record, limit)

    def model_should_fail_with(self, failure_class: str, operator: str | None = None) -> None:
        """Fail unless the model does not fit or does not run, for this reason.

        Classes are those of docs/troubleshooting.md, such as ``op_missing``; ``operator`` is the
        name of one that must be at fault, such as ``TILE``.
        """
        expect.fails(self._bench.record, failure_class, operator)

    def outputs_should_be(self, sha256: str) -> None:
        """Fail unless the checksum over all outputs of all inferences is this."""
        expect.outputs(self._bench.record, sha256)

    def outputs_should_match_files(self, *files: str, tolerance: float = 0.0) -> None:
        """Fail unless the first inference's outputs are those of ``.npy`` files, one for each.

        ``tolerance`` is the largest difference of a value that is none.
        """
        self._bench.compare_outputs(files, tolerance)

    # What came of a run

    def run_should_reach_its_goal(self) -> None:
        """Fail with what happened instead unless the last run got where it was to go."""
        expect.reaches(self._bench.ended)

    def run_should_fail_with(self, failure_class: str, function: str | None = None) -> None:
        """Fail unless the last run failed for this reason, in or below this function."""
        expect.ends_with(self._bench.ended, failure_class, function)

    def get_console_text(self) -> str:
        """What the firmware printed: in the last run, or where the last check failed."""
        return "\n".join(self._bench.console)

    def console_should_contain(self, text: str) -> None:
        """Fail unless a line of the console holds a text."""
        expect.printed(self._bench.console, text)

    # Baseline and log

    def load_baseline(self, file: str, name: str | None = None) -> None:
        """Compare with a baseline of ``lab ci accept``.

        ``name`` is what the file calls the check: ``MODEL on BOARD`` unless given. A comparison
        with figures that another compiler, C library or lab made is skipped, with the reason.
        """
        self._baseline = (file, name)

    def figures_should_be_as_accepted(self) -> None:
        """Fail with every difference unless all figures are those of the baseline."""
        expect.unchanged(self._bench.record, self._accepted())

    def log_report(self) -> None:
        """Put the report of the check into Robot's log."""
        logger.info(robot_log.report(self._bench.record), html=True)

    def log_arena_map(self) -> None:
        """Put the arena's map into Robot's log; after ``Check    details=True``."""
        logger.info(robot_log.arena_map(self._bench.record), html=True)

    def save_record(self, file: Path) -> None:
        """Write the record to a JSON file, as ``lab check --json`` does."""
        write_output(file, open_output(file), self._bench.record.to_json().encode())

    @property
    def _bench(self) -> Bench:
        try:
            check_name(self._engine)
        except UsageError as error:
            raise SkipExecution(str(error)) from None
        return self._own

    def _record_with(self, figure: Figure) -> CheckResult:
        """The record; a figure that the engine does not count is not there to be judged."""
        record = self._bench.record
        if why := not_counted(figure.metric, record):
            raise SkipExecution(f"{figure.metric.title}: {why}")
        return record

    def _accepted(self) -> Accepted:
        if self._baseline is None:
            raise UsageError("load a baseline first")
        file, name = self._baseline
        before, now = (
            accepted_as(Path(file), name or self._bench.name),
            accepted(self._bench.record),
        )
        if before.other_tools(now):
            raise SkipExecution(
                f"not comparable: {file} was made with {before.made_with}; this is {now.made_with}"
            )
        return before
