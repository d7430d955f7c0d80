"""Several models on several boards: which checks those are, and what came out of them all."""

from __future__ import annotations

import fnmatch
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lab.board import Board, board_names, load_board
from lab.cores import CORES
from lab.crate import Say
from lab.errors import (
    EXIT_OK,
    EXIT_VERDICT_NO,
    InputError,
    LabError,
    Problem,
    UsageError,
    gravest,
)
from lab.jobs.check import judged, usable
from lab.jobs.inputs import read_inputs
from lab.jobs.options import Options, validate
from lab.jobs.parallel import Cell, Outcome, Unit, run_units
from lab.jobs.would_do import library_boards, measured_on
from lab.results import BatchResult, CheckResult, NoRecord
from lab.runtimes import load_runtime

MAX_JOBS = 256


@dataclass(frozen=True)
class Wanted:
    """One check that is wanted: a model, a board as it was named, and what became of its file."""

    model: str
    board: str
    described: Board | InputError
    options: Options

    @property
    def key(self) -> tuple[str, str, object, object]:
        """What tells it from the others of its batch."""
        return self.model, self.board, tuple(self.options.ram), self.options.arena_bank


def check_all(
    models: Sequence[str],
    boards: Sequence[str],
    options: Options = Options(),  # noqa: B008 - frozen
    jobs: int | None = None,
    say: Say = lambda _: None,
) -> BatchResult:
    """Check every model on every board.

    Args:
        models: paths, or names of zoo models.
        boards: names, board files, or patterns of names such as ``nucleo_*``.
        options: of every check.
        jobs: processes; None: one for each processor. Changes nothing in the result.
        say: told about every long step and every check that is done.

    Returns:
        All records, and what went wrong where there is none.

    Raises:
        UsageError: an option or name makes no sense; nothing was run then.
    """
    wanted = wanted_checks(models, named(boards), options)
    return _result(wanted, run_all(wanted, jobs, say))


def measure_all(
    models: Sequence[str],
    boards: Sequence[str],
    options: Options = Options(),  # noqa: B008 - frozen
    jobs: int | None = None,
    say: Say = lambda _: None,
) -> BatchResult:
    """The same, and which boards of the library would do is measured on all of them.

    What names a bank of one board (``ram``, ``arena_bank``) is left out there, and so are boards
    without the reserve profile that was asked for. A board of the library that gave no answer is
    not among those considered.
    """
    wanted = wanted_checks(models, named(boards), options)
    library = wanted_checks(models, _library(options), replace(options, ram=(), arena_bank=None))
    every = list({one.key: one for one in [*wanted, *library]}.values())
    outcomes = {
        one.key: outcome for one, outcome in zip(every, run_all(every, jobs, say), strict=True)
    }
    for one in wanted:
        outcome = outcomes[one.key]
        if isinstance(outcome, CheckResult) and outcome.would_do:
            found = (outcomes[other.key] for other in library if other.model == one.model)
            would_do = measured_on(other for other in found if isinstance(other, CheckResult))
            outcomes[one.key] = outcome.model_copy(update={"would_do": would_do})
    return _result(wanted, [outcomes[one.key] for one in wanted])


def exit_code(batch: BatchResult) -> int:
    """The exit code that stands for a batch."""
    fits = (record.verdict.status == "fits" for record in batch.records)
    verdicts = (EXIT_OK if yes else EXIT_VERDICT_NO for yes in fits)
    return gravest([*verdicts, *(problem.exit_code for problem in batch.problems)])


def named(boards: Sequence[str]) -> list[str]:
    """Boards with patterns replaced by the names they match; each board once.

    Raises:
        UsageError: a pattern matches nothing.
    """
    found: dict[str, None] = {}
    for board in boards:
        if not set(board) & set("*?[") or os.path.lexists(board):
            found[board] = None
            continue
        matching = fnmatch.filter(board_names(), board)
        if not matching:
            what = f'no board of the library matches "{board}"'
            raise UsageError(str(Problem("", what, "lab boards lists them")))
        found.update(dict.fromkeys(matching))
    return list(found)


def wanted_checks(models: Sequence[str], boards: Sequence[str], options: Options) -> list[Wanted]:
    """Every model on every board, in order.

    Args:
        models: paths, or names of zoo models.
        boards: names or files.
        options: of every check.

    Raises:
        UsageError: something makes no sense; nothing was run then.
    """
    validate(options)
    if options.save_outputs:
        raise UsageError("save-outputs: name one model and one board")
    described = {board: _described(board, options) for board in boards}
    if options.inputs:
        for model in models:
            read_inputs(judged(model, options.runtime).model, options.inputs)
    pairs = itertools.product(dict.fromkeys(models), boards)
    return [Wanted(model, board, described[board], options) for model, board in pairs]


def _described(board: str, options: Options) -> Board | InputError:
    try:
        described = load_board(board)
    except InputError as error:
        return error
    usable(described, options)
    return described


def _library(options: Options) -> list[str]:
    """Boards of the library, without those that the runtime or the reserve profile is not for."""
    runtime = load_runtime(options.runtime)
    return [
        board.name
        for board in library_boards()
        if not runtime.mismatch(CORES[board.core])
        and (not options.reserve or options.reserve in board.reserves)
    ]


def run_all(wanted: Sequence[Wanted], jobs: int | None, say: Say) -> list[Outcome]:
    """The outcome of every check, in their order."""
    outcomes: dict[int, Outcome] = {
        number: one.described
        for number, one in enumerate(wanted)
        if isinstance(one.described, InputError)
    }
    most = min(jobs or len(os.sched_getaffinity(0)), MAX_JOBS, len(wanted) - len(outcomes))
    units = _split(list(_units(wanted)), most)
    for number, outcome in run_units(units, most, say):
        outcomes[number] = outcome
        one = wanted[number]
        say(f"{len(outcomes)} of {len(wanted)}: {one.model} on {one.board}: {_word(outcome)}")
    return [outcomes[number] for number in range(len(wanted))]


def _units(wanted: Sequence[Wanted]) -> Iterator[Unit]:
    """What shares a probe run: the same model, core, and options but for those of one board."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for number, one in enumerate(wanted):
        if isinstance(one.described, Board):
            cell = Cell(number, one.described, one.options)
            common = str(replace(one.options, ram=(), arena_bank=None))
            groups.setdefault((one.model, one.described.core, common), []).append(cell)
    for (model, _, _), cells in groups.items():
        yield Unit(model, tuple(cells))


def _split(units: list[Unit], jobs: int) -> list[Unit]:
    """As many units as there are jobs; the probe run that this repeats costs no time then."""
    while units and len(units) < jobs:
        longest = max(units, key=lambda unit: len(unit.cells))
        middle = len(longest.cells) // 2
        units.remove(longest)
        units += [replace(longest, cells=longest.cells[:middle])] if middle else []
        units.append(replace(longest, cells=longest.cells[middle:]))
    return units


def _word(outcome: Outcome) -> str:
    if isinstance(outcome, LabError):
        return "no answer"
    return outcome.verdict.status.replace("_", " ")


def _result(wanted: Sequence[Wanted], outcomes: Sequence[Outcome]) -> BatchResult:
    pairs = list(zip(wanted, outcomes, strict=True))
    return BatchResult(
        records=tuple(outcome for _, outcome in pairs if isinstance(outcome, CheckResult)),
        problems=tuple(_no_record(one, e) for one, e in pairs if isinstance(e, LabError)),
    )


def _no_record(one: Wanted, error: LabError) -> NoRecord:
    return NoRecord(
        model=one.model, board=one.board, exit_code=error.exit_code, lines=tuple(error.lines())
    )
