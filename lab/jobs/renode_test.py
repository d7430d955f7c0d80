"""Run suites in Renode's own keywords with renode-test, and collect what came of them."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import toolchain
from lab.crate import Say
from lab.engines.renode.install import (
    find_installation,
    find_renode_test,
    version_of_tree,
)
from lab.engines.renode.versions import NOT_YET_RUN, Generation
from lab.errors import (
    EXIT_OK,
    EXIT_VERDICT_NO,
    LabError,
    NoVerdictError,
    ToolError,
    UsageError,
    gravest,
    one_line,
)
from lab.jobs.renode_image import Prepared, prepare
from lab.measure.worker import Worker
from lab.paths import data_dir
from lab.version import VERSION

RECORD = "renode-test.json"
_RESULTS = "robot_output.xml"  # tests/robot_tests_provider.py of Renode
_LOG = "renode-test.log"


@dataclass(frozen=True)
class Case:
    """One test: its suite and name, PASS, FAIL or SKIP, and Robot's message."""

    suite: str
    name: str
    status: str
    message: str


@dataclass(frozen=True)
class OnBoard:
    """What came of the suites on one board.

    Attributes:
        board: its name or file.
        exit_code: 0: all tests passed; 1: one failed, or the model does not run there; else there
            is no answer.
        reason: of any other code than 0, as one line.
        tests: in the order of running.
    """

    board: str
    exit_code: int
    reason: str
    tests: tuple[Case, ...] = ()


@dataclass(frozen=True)
class TestRecord:
    """A run of renode-test.

    Attributes:
        lab: version of the lab.
        renode: version of Renode; None: not known.
        renode_from: what told it.
        generation: of Renode that the files were made for.
        model: as given.
        suites: as given to renode-test.
        boards: one entry for each.
        note: how far all this was tried.
    """

    __test__ = False  # not a class of tests, whatever pytest makes of its name

    lab: str
    renode: str | None
    renode_from: str
    generation: str
    model: str
    suites: tuple[str, ...]
    boards: tuple[OnBoard, ...]
    note: str = NOT_YET_RUN
    schema_version: int = 1

    @property
    def exit_code(self) -> int:
        """Of all boards together."""
        return gravest(one.exit_code for one in self.boards)

    def to_json(self) -> str:
        """The record as text."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


def run_suites(
    model: str,
    boards: Sequence[str],
    suites: Sequence[str],
    output: Path,
    *,
    generation: Generation,
    seconds: float,
    say: Say,
) -> TestRecord:
    """Run suites with the image of a model, on one board after the other.

    Args:
        model: path of a file, or name of a zoo model.
        boards: names of boards, or board files.
        suites: paths of suites; none: those of the lab.
        output: folder for the record, and one folder for each board.
        generation: of the Renode that is there.
        seconds: wall clock for one test, or one start of Renode.
        say: told about every long step.

    Raises:
        ToolError: renode-test or another tool is missing.
        UsageError: a suite or a board is none, or ``output`` cannot be written to.
        InputError: the model or a board file is damaged.
    """
    script = find_renode_test()
    chosen = [str(Path(suite).absolute()) for suite in suites or _own_suites()]
    limit = seconds * (len(chosen) + _count_tests(chosen))  # Renode is started for each suite
    folders = _folders(boards, output)
    version, version_from = _version(script)

    def run_on(board: str) -> OnBoard:
        folder = folders[board]
        prepared = prepare(model, board, folder, generation, worker, say)
        if isinstance(prepared, str):
            return OnBoard(board, EXIT_VERDICT_NO, f"{model} on {board}: {prepared}")
        say(f"running renode-test for {board}")
        return _run(script, chosen, prepared, seconds, limit)

    with Worker() as worker:
        found = tuple(_guarded(board, run_on) for board in boards)
    record = TestRecord(
        VERSION, version, version_from, str(generation), model, tuple(chosen), found
    )
    (output / RECORD).write_text(record.to_json())
    return record


def _own_suites() -> list[Path]:
    return sorted((data_dir("robot") / "renode").glob("*.robot"))


def _count_tests(suites: Sequence[str]) -> int:
    """How many tests there are; so a suite that is none is found before anything is built."""
    from robot.api import TestSuite
    from robot.errors import DataError

    try:
        return int(TestSuite.from_file_system(*suites).test_count)
    except DataError as error:
        raise UsageError(one_line(str(error))) from None


def _folders(boards: Sequence[str], output: Path) -> dict[str, Path]:
    """A folder for each board, without results of earlier runs."""
    folders = {board: output / Path(board).stem for board in boards}
    if len(set(folders.values())) != len(folders):
        raise UsageError("two of the boards have the same name: their results would mix")
    try:
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
            for stale in (_RESULTS, _LOG, "junit.xml"):
                (folder / stale).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written to: {error.strerror}") from None
    return folders


def _version(script: Path) -> tuple[str | None, str]:
    try:
        found = find_installation()
    except ToolError:  # renode-test is on the search path, and the variables name nothing
        return version_of_tree(script.resolve().parent)
    return found.version, found.version_from


def _guarded(board: str, run_on: Callable[[str], OnBoard]) -> OnBoard:
    """A board without an answer does not keep the others from theirs."""
    try:
        return run_on(board)
    except NoVerdictError as error:
        return OnBoard(board, error.exit_code, "; ".join(error.lines()))


def _run(
    script: Path, suites: Sequence[str], prepared: Prepared, seconds: float, limit: float
) -> OnBoard:
    """Run renode-test on one board.

    Raises:
        NoVerdictError: it did not come to an end, or left no results.
    """
    folder = prepared.folder.absolute()
    command = [str(script), *suites, "-r", str(folder), "--test-timeout", str(round(seconds))]
    for name, value in prepared.variables.items():
        command += ["--variable", f"{name}:{value}"]
    code = _execute(command, folder / _LOG, limit)
    tests = _collect(folder)
    _write_junit(folder, prepared.board)
    failed = [test for test in tests if test.status == "FAIL"]
    if failed:
        reason = f"{len(failed)} of {len(tests)} tests failed"
        return OnBoard(prepared.board, EXIT_VERDICT_NO, reason, tests)
    if code or not any(test.status == "PASS" for test in tests):
        ended = f"renode-test ended with code {code}" if code else "no test was run"
        raise NoVerdictError(f"no verdict: {ended}, and no test failed (log: {folder / _LOG})")
    return OnBoard(prepared.board, EXIT_OK, "", tests)


def _execute(command: Sequence[str], log: Path, limit: float) -> int:
    """Run a command to its end; its exit code."""
    with tempfile.TemporaryDirectory(prefix="renode-test-") as work:
        with (
            log.open("w", encoding="utf-8") as sink,
            toolchain.started(command, Path(work), "renode-test", limit) as process,
        ):
            sink.writelines(process.stdout or ())
        if process.returncode == -signal.SIGKILL:
            raise NoVerdictError(
                f"no verdict: renode-test was stopped after {limit:.0f} s (--timeout gives it "
                f"more; log: {log})"
            )
    return process.returncode


def _collect(folder: Path) -> tuple[Case, ...]:
    """The tests in Robot's output; of Robot 6.1, which Renode asks for, or later."""
    from robot.api import ExecutionResult
    from robot.errors import DataError

    try:
        suite = ExecutionResult(folder / _RESULTS).suite
    except DataError as error:
        raise NoVerdictError(
            f"no verdict: renode-test left no results: {error} (log: {folder / _LOG})"
        ) from None
    return tuple(_cases(suite))


def _cases(suite: object) -> Iterator[Case]:
    for test in suite.all_tests:  # type: ignore[attr-defined]
        yield Case(test.parent.name, test.name, test.status, one_line(test.message))


def _write_junit(folder: Path, board: str) -> None:
    """``junit.xml``, as Robot's own rebot makes it of the output."""
    from robot import rebot

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = rebot(
            str(folder / _RESULTS), name=board, output=None, log=None, report=None,
            xunit=str(folder / "junit.xml"), processemptysuite=True, stdout=said, stderr=said,
        )  # fmt: skip
    if not (folder / "junit.xml").is_file():
        raise LabError(f"rebot wrote no junit.xml (code {code}): {said.getvalue()}")
