"""An engine that sees no blocks: every view says so once, and shows what there is."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import coarse_engine
import jsonschema
import pytest
from robot.api import SkipExecution
from support import NANO, ROOT, Golden, lab

from lab import Options, check, pytest_plugin
from lab.baseline import Accepted, Baseline, accepted
from lab.budgets import Budgets
from lab.ci_file import check_ci_file
from lab.ci_result import CiCheck, CiResult
from lab.cli.main import run
from lab.errors import UsageError
from lab.figures import Figure
from lab.jobs import bench, expect
from lab.jobs.ci import judge
from lab.jobs.ci_plan import planned
from lab.jobs.records import read_record
from lab.report import (
    arena,
    ci,
    ci_annotations,
    ci_html,
    ci_markdown,
    html,
    junit,
    markdown,
    plots,
    profile,
    profile_diff,
    sarif,
    stack,
    terminal,
)
from lab.report.shares import time_shares
from lab.results import CheckResult
from lab.robot_library import RobotLibrary
from lab.yaml_source import parse_yaml

MODEL = "tiny_float"
ONLY = "instructions only: engine renode 1.16.1 counts no cycles"
UNSEEN = "engine renode 1.16.1 does not see functions"
GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture(scope="module")
def record() -> Iterator[CheckResult]:
    with pytest.MonkeyPatch.context() as patch:
        yield coarse_engine.checked(patch, MODEL, NANO, details=True)


@pytest.fixture(scope="module")
def usual() -> CheckResult:
    """The same by the engine that comes with the lab."""
    return check(MODEL, NANO, Options(details=True))


# --- the record ---


def test_the_record_holds_no_figure_that_nobody_measured(record: CheckResult) -> None:
    assert record.run
    assert record.stack
    assert record.details
    assert record.request.engine_version == "1.16.1"
    assert (record.run.cycles, record.run.setup_cycles) == (None, None)
    assert (record.run.milliseconds, record.run.milliseconds_all_waiting) == (None, None)
    assert {operator.cycles for operator in record.operators} == {None}
    assert (record.stack.function, record.stack.exact) == (None, False)
    assert record.details.profile is None
    assert record.details.stack
    assert {point.chain for point in record.details.stack.points} == {()}


def test_all_else_is_as_with_the_usual_engine(record: CheckResult, usual: CheckResult) -> None:
    assert record == coarse_engine.coarse(usual)


def test_the_record_follows_the_schema_and_is_read_back(
    record: CheckResult, tmp_path: Path
) -> None:
    schema = json.loads((ROOT / "docs" / "result.schema.json").read_text())
    jsonschema.validate(json.loads(record.to_json()), schema)
    file = tmp_path / "result.json"
    file.write_text(record.to_json())
    assert read_record(file) == record


# --- views ---


def said_once(text: str) -> None:
    """Why there are no cycles; and there is nothing that looks like some."""
    assert text.count(ONLY) == 1
    for word in (" ms ", "None", "modelled", "zero wait states", "cycles/MAC"):
        assert word not in text, word


def test_the_screen_ranks_by_instructions(record: CheckResult) -> None:
    text = "\n".join(terminal.render(record)) + "\n"
    said_once(text)
    assert "; engine renode 1.16.1\n" in text
    assert "  most instructions\n" in text
    assert ", at least, by what was written of it\n" in text


def test_views_show_what_there_is(record: CheckResult) -> None:
    for view in (stack.render, profile.render):
        text = "\n".join(view(record))
        assert "None" not in text
        assert "cycles" not in text.replace(ONLY, "")
    assert f"the call chain is not known: {UNSEEN}" in "\n".join(stack.render(record))
    assert f"The functions are not known: {UNSEEN}" in "\n".join(profile.render(record))
    said_once("\n".join(profile.render(record)))
    assert arena.render(record)


def test_the_words_as_they_look(golden: Golden) -> None:
    """All that ``lab check``, ``lab stack`` and ``lab profile`` print."""
    record = coarse_engine.coarse(read_record(GOLDEN / "record.json"))
    shown = [*terminal.render(record), "", *stack.render(record), "", *profile.render(record)]
    golden.check("\n".join(shown) + "\n", GOLDEN / "instructions-only.txt")


def test_markdown_leaves_the_cycles_out(record: CheckResult) -> None:
    text = markdown.render(record)
    summary, _, rest = text.partition("<details>")
    said_once(summary)
    assert "| # | operator | share | instructions | MACs | stack B |" in rest
    assert f"| cycles and time of one inference | - | not measured | {ONLY} |" in rest
    assert "what was written of the painted stack" in rest
    assert "--engine renode --details` with engine renode 1.16.1\n" in rest
    assert "owners of arena and flash |" in rest


def test_the_page_leaves_the_cycles_out(record: CheckResult) -> None:
    text = html.render(record)
    assert "None" not in text
    assert "cycles/MAC" not in text
    assert "modelled, " not in text
    assert f'<span class="chip">as the engine counts</span></dt><dd>{record_of(record)}' in text
    assert f"Instructions as the engine counts, stack at least; {ONLY}" in text
    assert f"The functions inside of operators were not measured: {UNSEEN}." in text
    assert f"The call chain is not known: {UNSEEN}." in text
    assert "by what was written of it;" in text
    assert "engine renode 1.16.1</dd>" in text
    table = text.partition('<h2 id="operators">')[2].partition("</table>")[0]
    assert {width(row) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)} == {7}


def width(row: str) -> int:
    """Columns that the cells of a row take."""
    cells = re.findall(r"<t[hd]\b([^>]*)>", row)
    return sum(
        int(span[1]) if (span := re.search(r'colspan="(\d+)"', cell)) else 1 for cell in cells
    )


def record_of(record: CheckResult) -> str:
    assert record.run
    return f'{record.run.instructions:,} instructions <span class="note">{ONLY}</span>'


def test_shares_and_pictures_are_of_instructions(record: CheckResult) -> None:
    assert record.run
    assert sum(share.amount for share in time_shares(record)) == record.run.instructions
    drawn = dict(plots.render(record))
    assert b"instructions of one inference" in drawn["operators.svg"]
    assert b"cycles of one inference" not in drawn["operators.svg"]


@pytest.mark.parametrize("turned", [False, True])
def test_profiles_of_two_engines_are_compared_by_instructions(
    record: CheckResult, usual: CheckResult, turned: bool
) -> None:
    before, after = (record, usual) if turned else (usual, record)
    text = "\n".join(profile_diff.render(before, after))
    names = f"engine {before.request.engine_name} -> {after.request.engine_name}"
    assert f"not the model, but: {names}" in text
    assert text.count(ONLY) == 1
    assert "Operators, instructions: matched" in text
    assert f"Functions are not compared: {UNSEEN}" in text
    assert "+0.0%" in text
    assert "cycles  " not in text


# --- commands ---


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """A command in this process, where the engine is registered: exit code and what it said."""
    coarse_engine.register(monkeypatch)
    code = run(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("name", ["check", "arena", "stack", "profile"])
def test_every_command_takes_the_engine(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = command(
        monkeypatch, capsys, name, MODEL, "-b", NANO, "--engine", "renode", "--json", "-"
    )
    assert code == 0, err
    assert CheckResult.model_validate_json(out).request.engine == "renode"


@pytest.mark.parametrize(
    "arguments",
    [("stack", "--operator", "0"), ("profile", "--operator", "0"), ("profile", "--csv", "x"),
     ("profile", "--collapsed", "x"), ("profile", "--trace", "x")],
)  # fmt: skip
def test_what_needs_functions_is_refused_before_anything_is_measured(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, option, value = arguments
    code, out, err = command(
        monkeypatch, capsys, name, MODEL, "-b", NANO, "--engine", "renode", option, value
    )
    assert (code, out) == (2, "")
    assert f"{option} is of no use here: engine renode does not see functions" in err
    assert not Path("x").exists()


def test_a_stack_that_is_too_small_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    record = coarse_engine.checked(monkeypatch, MODEL, NANO, stack_reserve=256)
    assert (record.verdict.status, record.verdict.limit) == ("does_not_fit", "stack")
    assert "inference needs at least" in record.verdict.summary
    assert "None" not in "\n".join(terminal.render(record))


# --- budgets and baselines ---


Judged = Callable[..., CiResult]


@pytest.fixture
def judged(record: CheckResult, monkeypatch: pytest.MonkeyPatch) -> Judged:
    """Judges the record by budgets, and by what was accepted."""
    coarse_engine.register(monkeypatch)

    def judged(budgets: str, before: Accepted | None = None) -> CiResult:
        group = f"  - models: [{MODEL}]\n    boards: [{NANO}]\n    budgets: {budgets}\n"
        plan = check_ci_file(parse_yaml("lab.yaml", f"checks:\n{group}"))
        checks = planned(plan, "renode")
        assert [one.wanted.options.engine for one in checks] == ["renode"]
        baseline = Baseline(checks={checks[0].name: before}) if before else None
        return judge(plan, checks, [record], baseline, datetime.date(2027, 1, 31))

    return judged


def only(result: CiResult) -> CiCheck:
    (one,) = result.checks
    return one


@pytest.mark.parametrize("budget", ["{cycles: 1G}", "{ms: 1000}", "{ms: +2 %, ram: 64 KiB}"])
def test_a_budget_for_what_is_not_counted_is_no_answer(budget: str, judged: Judged) -> None:
    result = judged(budget)
    assert (only(result).status, only(result).exit_code, only(result).excesses) == (
        "no_answer", 5, (),
    )  # fmt: skip
    name = budget[1:].partition(":")[0]
    told = f"the budget for {name} cannot be judged, {ONLY}"
    assert f"NO ANSWER  {MODEL} on {NANO}: {told} (lab.yaml:4)" in ci.render(result)
    assert only(result).command.endswith(f"--board {NANO} --engine renode")
    for text in (
        junit.render(result), sarif.render(result), ci_html.render(result),
        "\n".join(ci_annotations.render(result)), ci_markdown.render(result),
    ):  # fmt: skip
        assert "cannot be judged" in text
    assert '<error message="the budget' in junit.render(result)


def test_what_is_exceeded_besides_fails_all_the_same(judged: Judged) -> None:
    result = judged("{cycles: 1G, arena: 16 B}")
    assert (only(result).status, only(result).exit_code) == ("fail", 1)
    assert "cannot be judged" in "\n".join(ci.render(result))


def test_what_is_counted_is_judged(judged: Judged) -> None:
    result = judged("{instructions: 1M, stack: 64 KiB}")
    assert (only(result).status, only(result).exit_code) == ("pass", 0)
    (note,) = only(result).notes
    assert note.text == "the budget for stack is judged by what was written of it: at least so much"


def test_a_baseline_of_another_engine_is_said_to_be_one(
    judged: Judged, usual: CheckResult, record: CheckResult
) -> None:
    result = judged("{arena: +0 B}", accepted(usual))
    assert only(result).status == "pass"
    (note,) = only(result).notes
    assert "growth is not judged" in note.text
    assert note.text.endswith(", engine renode 1.16.1")
    assert not judged("{arena: +0 B}", accepted(record)).checks[0].notes


def test_a_baseline_holds_no_cycles(record: CheckResult) -> None:
    figures = accepted(record).figures
    assert "instructions" in figures
    assert not {"cycles", "ms"} & {*figures}


def test_an_expected_figure_that_is_not_counted_is_named(record: CheckResult) -> None:
    with pytest.raises(AssertionError, match=f"cycles of one inference was not measured: {ONLY}"):
        expect.at_most(Figure.CYCLES, record, "1G")


def test_a_robot_test_of_cycles_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse_engine.register(monkeypatch)
    monkeypatch.setattr(bench, "Worker", coarse_engine.InProcess)
    monkeypatch.setattr(bench, "_SHARED", bench._Shared())
    robot = RobotLibrary(engine="renode")
    robot.load_board(NANO)
    robot.load_model(MODEL)
    robot.check()
    robot.figure_should_be_at_most(Figure.INSTRUCTIONS, "1M")
    for keyword in (robot.figure_should_be_at_most, robot.figure_should_be_at_least):
        with pytest.raises(SkipExecution, match=ONLY):
            keyword(Figure.MILLISECONDS, 1)
    with pytest.raises(SkipExecution, match=ONLY):
        robot.get_figure(Figure.CYCLES)


def test_a_budget_of_a_pytest_marker_fails(
    record: CheckResult, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    budgets = Budgets.model_validate({"ms": 1000})
    monkeypatch.setattr(pytest_plugin, "_record", lambda *_: (record, budgets))
    with pytest.raises(pytest.fail.Exception, match=f"budget for ms cannot be judged, {ONLY}"):
        pytest_plugin._judge(request.node, pytest.mark.memory_budget.mark)


@pytest.mark.parametrize("name", ["run", "accept"])
def test_an_unknown_engine_is_refused_before_anything_is_measured(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "lab.yaml").write_text(f"checks:\n  - models: [{MODEL}]\n    boards: [{NANO}]\n")
    ran = lab("ci", name, "--engine", "qemu", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.problems
    assert line.startswith('lab: no engine "qemu"; there is: ')


def test_a_robot_test_with_an_unknown_engine_is_skipped() -> None:
    with pytest.raises(SkipExecution, match='no engine "qemu"'):
        RobotLibrary(engine="qemu").load_board(NANO)


def test_an_unknown_engine_in_a_file_is_a_finding() -> None:
    text = f"options: {{engine: qemu}}\nchecks:\n  - models: [{MODEL}]\n    boards: [{NANO}]\n"
    with pytest.raises(Exception, match='no engine "qemu"') as caught:
        planned(check_ci_file(parse_yaml("lab.yaml", text)))
    assert not isinstance(caught.value, UsageError)  # it has a line
