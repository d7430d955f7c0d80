"""Run suites in Renode's own keywords with renode-test, and collect what came of them."""

from __future__ import annotations

import contextlib
import io
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import toolchain
from lab.board import load_board
from lab.crate import Say
from lab.engines.renode.install import (
    find_installation,
    find_renode_test,
    version_of_tree,
)
from lab.engines.renode.versions import NOT_YET_RUN, Generation, generation_in
from lab.errors import (
    EXIT_OK,
    EXIT_VERDICT_NO,
    LabError,
    NoVerdictError,
    ToolError,
    UsageError,
    one_line,
)
from lab.files import WholeFile, unwritable
from lab.jobs.renode_image import Prepared, prepare
from lab.measure.worker import Worker
from lab.paths import data_dir
from lab.renode_test import Case, OnBoard, RenodeTestResult
from lab.version import VERSION
from lab.zoo import model_file

RECORD = "renode-test.json"
_RESULTS = "robot_output.xml"  # tests/robot_tests_provider.py of Renode
_LOG = "renode-test.log"
_JUNIT = "junit.xml"


@dataclass(frozen=True)
class _RenodeTest:
    """How renode-test is run on every board.

    Attributes:
        script: what is run.
        suites: paths.
        seconds: wall clock for one test, or one start of Renode.
        limit: the same for all of it.
    """

    script: Path
    suites: tuple[Path, ...]
    seconds: float
    limit: float

    def command(self, prepared: Prepared) -> list[str]:
        """What is run on one board."""
        command = [str(self.script), *map(str, self.suites), "-r", str(prepared.folder)]
        command += ["--test-timeout", str(round(self.seconds))]
        for name, value in prepared.variables.items():
            command += ["--variable", f"{name}:{value}"]
        return command


def run_suites(
    model: str,
    boards: Sequence[str],
    suites: Sequence[str],
    output: Path,
    *,
    generation: Generation | None,
    seconds: float,
    say: Say,
) -> RenodeTestResult:
    """Run suites with the image of a model, on one board after the other.

    Args:
        model: path of a file, or name of a zoo model.
        boards: names of boards, or board files.
        suites: paths of suites; none: those of the lab.
        output: folder for the record, and one folder for each board.
        generation: of the Renode that is there; None: what its version tells, else 1.16.1.
        seconds: wall clock for one test, or one start of Renode.
        say: told about every long step.

    Raises:
        ToolError: renode-test or another tool is missing.
        UsageError: a suite or a board is none, or ``output`` cannot be written to.
        InputError: the model or a board file is damaged.
    """
    script, name = find_renode_test(), model_file(model).name
    paths = tuple(Path(suite).absolute() for suite in suites or _own_suites())
    test = _RenodeTest(script, paths, seconds, _limit(paths, seconds))
    folders, record = _folders(boards, output), WholeFile(output / RECORD)
    version, version_from = _version(script)
    made_for = generation or _generation(version)
    with Worker() as worker:
        found = [
            _on_board(test, worker, model, board, folder.absolute(), made_for, say)
            for board, folder in folders.items()
        ]
    result = RenodeTestResult(
        lab=VERSION, renode=version, renode_from=version_from, generation=made_for, model=name,
        suites=tuple(path.name for path in paths), boards=tuple(found), note=NOT_YET_RUN,
    )  # fmt: skip
    record.write(result.to_json().encode())
    return result


def _on_board(
    test: _RenodeTest,
    worker: Worker,
    model: str,
    board: str,
    folder: Path,
    generation: Generation,
    say: Say,
) -> OnBoard:
    """What came of it on one board; one without an answer does not keep the others from theirs.

    ``folder`` is absolute: renode-test and Renode run elsewhere.
    """
    name = folder.name
    try:
        prepared = prepare(model, board, folder, generation, worker, say)
        if isinstance(prepared, str):
            reason = f"{Path(model).name} on {name}: {prepared}"
            return OnBoard(board=name, exit_code=EXIT_VERDICT_NO, reason=reason, tests=())
        say(f"running renode-test for {name}")
        return _run(test, prepared)
    except NoVerdictError as error:
        reason = "; ".join(error.lines())
        return OnBoard(board=name, exit_code=error.exit_code, reason=reason, tests=())


def _own_suites() -> list[Path]:
    return sorted((data_dir("robot") / "renode").glob("*.robot"))


def _limit(suites: Sequence[Path], seconds: float) -> float:
    """Seconds for all suites; so one that is none is found before anything is built."""
    from robot.api import TestSuite
    from robot.errors import DataError

    try:
        tests = int(TestSuite.from_file_system(*suites).test_count)
    except DataError as error:
        raise UsageError(one_line(str(error))) from None
    return seconds * (len(suites) + tests)  # Renode is started for each suite


def _folders(boards: Sequence[str], output: Path) -> dict[str, Path]:
    """A folder for each board, named after it and without results of earlier runs."""
    folders = {board: output / load_board(board).name for board in boards}
    if len(set(folders.values())) != len(folders):
        raise UsageError("two of the boards have the same name: their results would mix")
    try:
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
            for stale in (_RESULTS, _LOG, _JUNIT):
                (folder / stale).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(error.filename, error) from None
    return folders


def _version(script: Path) -> tuple[str | None, str]:
    try:
        found = find_installation()
    except ToolError:  # renode-test is on the search path, and the variables name nothing
        return version_of_tree(script.resolve().parent)
    return found.version, found.version_from


def _generation(version: str | None) -> Generation:
    return generation_in(version) if version else Generation.V1_16


def _run(test: _RenodeTest, prepared: Prepared) -> OnBoard:
    """Run renode-test on one board.

    Raises:
        NoVerdictError: it did not come to an end, or left no results.
    """
    folder, board = prepared.folder, prepared.board
    code = _execute(test.command(prepared), folder / _LOG, test.limit)
    tests = _collect(folder)
    _write_junit(folder, board)
    failed = [case for case in tests if case.status == "FAIL"]
    if failed:
        reason = f"{len(failed)} of {len(tests)} tests failed"
        return OnBoard(board=board, exit_code=EXIT_VERDICT_NO, reason=reason, tests=tests)
    if code or not any(case.status == "PASS" for case in tests):
        ended = f"renode-test ended with code {code}" if code else "no test was run"
        raise _no_verdict(f"{ended}, and no test failed", folder)
    return OnBoard(board=board, exit_code=EXIT_OK, reason="", tests=tests)


def _no_verdict(what: str, folder: Path) -> NoVerdictError:
    """The error that goes into the record; the log lies beside that, wherever both are."""
    return NoVerdictError(f"no verdict: {what} (log: {folder.name}/{_LOG})")


def _execute(command: Sequence[str], log: Path, limit: float) -> int:
    """Run a command to its end; its exit code."""
    with tempfile.TemporaryDirectory(prefix="renode-test-") as work:
        with (
            log.open("w", encoding="utf-8") as sink,
            toolchain.started(command, Path(work), "renode-test", limit) as process,
        ):
            sink.writelines(process.stdout or ())
        if process.returncode == -signal.SIGKILL:
            what = f"renode-test was stopped after {limit:.0f} s, --timeout gives it more"
            raise _no_verdict(what, log.parent)
    return process.returncode


def _collect(folder: Path) -> tuple[Case, ...]:
    """The tests in Robot's output; of Robot 6.1, which Renode asks for, or later."""
    from robot.api import ExecutionResult
    from robot.errors import DataError

    try:
        suite = ExecutionResult(folder / _RESULTS).suite
    except DataError as error:
        why = _without_place(str(error), folder)
        raise _no_verdict(f"renode-test left no results: {why}", folder) from None
    return tuple(_cases(suite, folder))


def _without_place(text: str, folder: Path) -> str:
    """A message as it would be wherever the results lie."""
    return one_line(text).replace(str(folder), folder.name)


def _cases(suite: object, folder: Path) -> Iterator[Case]:
    for test in suite.all_tests:  # type: ignore[attr-defined]
        message = _without_place(test.message, folder)
        yield Case(suite=test.parent.name, name=test.name, status=test.status, message=message)


def _write_junit(folder: Path, board: str) -> None:
    """``junit.xml``, as Robot's own rebot makes it of the output."""
    from robot import rebot

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = rebot(
            str(folder / _RESULTS), name=board, output=None, log=None, report=None,
            xunit=str(folder / _JUNIT), processemptysuite=True, stdout=said, stderr=said,
        )  # fmt: skip
    if not (folder / _JUNIT).is_file():
        raise LabError(f"rebot wrote no junit.xml (code {code}): {said.getvalue()}")
