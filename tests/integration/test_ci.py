"""``lab ci``: what is judged how, and where the results go; everything with one measured model."""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from support import ROOT, Golden, lab, no_traceback

from lab import Options, check
from lab.baseline import Accepted, Baseline, accepted, made_with
from lab.budgets import Budgets, MetricName
from lab.ci_file import Allowance, CheckOptions, CiFile, Group, check_ci_file
from lab.ci_result import CiCheck, CiResult, read_results
from lab.details import Details, Footprint, Owner, Record
from lab.errors import InputError, LabError, NoVerdictError, Problem, ToolError
from lab.jobs.ci import judge
from lab.jobs.ci_plan import planned
from lab.jobs.parallel import Outcome
from lab.results import CheckResult
from lab.yaml_source import parse_yaml

MODEL, BOARD = "tiny_float", "nrf52dk"
TODAY = datetime.date(2027, 1, 31)
GROUP = "  - models: [tiny_float]\n    boards: [nrf52dk]\n"
SCHEMAS: dict[str, type[Record]] = {
    "ci-result.schema.json": CiResult,
    "baseline.schema.json": Baseline,
}


@pytest.fixture(scope="module")
def record() -> CheckResult:
    """A record of a model that fits."""
    return check(MODEL, BOARD, Options(details=True))


Judged = Callable[..., CiCheck]


@pytest.fixture
def judged(record: CheckResult) -> Judged:
    """Judges the record by the text of a file; the first check's verdict."""

    def judged(
        text: str, before: Accepted | None = None, outcome: Outcome = record, groups: str = GROUP
    ) -> CiCheck:
        plan = check_ci_file(parse_yaml("lab.yaml", f"checks:\n{groups}{text}"))
        checks = planned(plan)
        baseline = Baseline(checks={checks[0].name: before}) if before else None
        return judge(plan, checks, [outcome] * len(checks), baseline, TODAY).checks[0]

    return judged


def figures(record: CheckResult, **other: float) -> Accepted:
    """What was accepted of a record, with other figures."""
    whole = accepted(record)
    return Accepted.model_validate({**whole.model_dump(), "figures": {**whole.figures, **other}})


# --- judging ---


def test_at_the_limit_is_within_it(judged: Judged, record: CheckResult) -> None:
    assert record.arena
    assert record.run
    arena, time = record.arena.required_bytes, record.run.milliseconds
    assert time
    exact = judged(f"    budgets: {{arena: {arena} B, ms: {time}}}\n")
    assert (exact.status, exact.excesses, exact.exit_code) == ("pass", (), 0)
    below = judged(f"    budgets: {{arena: {arena - 1} B, ms: {time - 0.001:.3f}}}\n")
    assert (below.status, below.exit_code) == ("fail", 1)
    assert [(e.metric, e.difference, e.line) for e in below.excesses] == [
        ("arena", 1, 4), ("ms", 0.001, 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "before", "difference"),
    [
        ("+0 B", 0, None),
        ("+0 B", -1, 1),
        ("+16 B", -16, None),
        ("+16 B", -17, 1),
        ("[1 MiB, +16 B]", -17, 1),
        ("[16 B, +1 MiB]", 0, "all but 16"),
        ("+0 %", -1, 1),
        ("+100 %", "half", None),
    ],
)
def test_growth(
    limit: str, before: int | str, difference: int | str | None, judged: Judged,
    record: CheckResult,
) -> None:  # fmt: skip
    assert record.arena
    arena = record.arena.required_bytes
    then = arena // 2 if isinstance(before, str) else arena + before
    found = judged(f"    budgets: {{arena: {limit}}}\n", figures(record, arena=then))
    wanted = arena - 16 if isinstance(difference, str) else difference
    assert [excess.difference for excess in found.excesses] == ([wanted] if wanted else [])
    assert [excess.growth for excess in found.excesses] == [limit[0] == "+" or "[1 M" in limit] * (
        wanted is not None
    )


def test_a_share_of_growth_is_exact(judged: Judged, record: CheckResult) -> None:
    small = record.model_copy(
        update={"arena": record.arena and record.arena.model_copy(update={"required_bytes": 104})}
    )
    for now, status in ((102, "pass"), (103, "fail")):
        arena = small.arena and small.arena.model_copy(update={"required_bytes": now})
        outcome = small.model_copy(update={"arena": arena})
        found = judged("    budgets: {arena: +2.5 %}\n", figures(record, arena=100), outcome)
        assert found.status == status
    assert [(e.limit, e.difference) for e in found.excesses] == [(102, 1)]


def test_a_groups_own_budget_comes_before_that_of_the_file(judged: Judged) -> None:
    common = "budgets: {ram: 1 B, stack: 1 B}\n"
    found = judged(f"    budgets: {{ram: 1 MiB, arena: 2 B}}\n{common}")
    assert [(e.metric, e.line) for e in found.excesses] == [("arena", 4), ("stack", 5)]


def test_without_a_baseline_growth_is_said_not_to_be_judged(judged: Judged) -> None:
    found = judged("    budgets: {arena: +0 B}\n")
    assert found.status == "pass"
    assert [note.text for note in found.notes] == [
        "not in the baseline, so its growth is not judged (lab ci accept)"
    ]
    assert judged("    budgets: {arena: 1 MiB}\n").notes == ()


def test_other_tools_are_said_and_growth_is_not_blamed_on_the_commit(
    judged: Judged, record: CheckResult
) -> None:
    then = figures(record, arena=16).model_copy(update={"made_with": "another compiler"})
    found = judged("    budgets: {arena: [2 MiB, +0 B], stack: 1 B}\n", then)
    assert [(e.metric, e.growth) for e in found.excesses] == [("stack", False)], "absolute holds"
    assert [note.text for note in found.notes] == [
        "differences are not this commit's alone, so growth is not judged (lab ci accept): the "
        f"baseline was made with another compiler; this run with {made_with(record)}"
    ]


def test_a_model_that_was_not_built_says_nothing_of_tools(
    judged: Judged, record: CheckResult
) -> None:
    refused = check("separation_w8_upsampling2d", BOARD)
    assert made_with(refused) is None
    found = judged("    budgets: {arena: +0 B}\n", figures(record), refused)
    assert found.status == "fail"
    assert found.notes == ()
    assert found.changes == ()


@pytest.mark.parametrize(
    ("allow", "status", "notes"),
    [
        ("{what: arena, reason: r, until: 2027-01-31}", "allowed", []),
        ("{what: arena, reason: r, until: 2027-01-30}", "fail",
         ["the allowance for arena ended on 2027-01-30: r"]),
        ("{what: arena, model: 'tiny_*', board: 'nrf*', reason: r, until: 2028-01-01}", "allowed",
         []),
        ("{what: fit, reason: r, until: 2028-01-01}", "fail",
         ["the allowance for fit is not needed any more: r"]),
        ("{what: stack, reason: r, until: 2028-01-01}", "fail",
         ["the allowance for stack is not needed any more: r"]),
        ("{what: arena, model: keyword_spotter, reason: r, until: 2028-01-01}", "fail", []),
        ("{what: arena, board: rpi_pico, reason: r, until: 2028-01-01}", "fail", []),
        ("{what: stack, reason: r, until: 2000-01-01}", "fail",
         ["the allowance for stack is not needed any more: r"]),
    ],
)  # fmt: skip
def test_allowances(allow: str, status: str, notes: list[str], judged: Judged) -> None:
    groups = "  - models: [tiny_float, keyword_spotter]\n    boards: [nrf52dk, rpi_pico]\n"
    text = f"    budgets: {{arena: 16 B, stack: 1 MiB}}\n    allow: [{allow}]\n"
    found = judged(text, groups=groups)
    assert (found.status, found.exit_code) == (status, int(status == "fail"))
    assert [note.text for note in found.notes] == notes
    assert all(note.line == 5 for note in found.notes)


def test_every_wrong_thing_needs_its_allowance(judged: Judged) -> None:
    one = "{what: arena, reason: r, until: 2028-01-01}"
    other = one.replace("arena", "stack")
    text = "    budgets: {arena: 16 B, stack: 1 B}\n    allow: ["
    assert judged(f"{text}{one}]\n").status == "fail"
    assert judged(f"{text}{one}, {other}]\n").status == "allowed"


def with_owners(record: CheckResult, **flash: int) -> CheckResult:
    """The record with these owners of flash."""
    owners = tuple(
        Owner(group="kernels", name=name, operators=(name,), flash_bytes=size, ram_bytes=0,
              largest=())
        for name, size in flash.items()
    )  # fmt: skip
    footprint = Footprint(sections=(), owners=owners)
    details = Details(arena=None, stack=None, footprint=footprint, profile=None)
    return record.model_copy(update={"details": details})


def test_who_grew_most_is_named_or_who_takes_most(judged: Judged, record: CheckResult) -> None:
    now = with_owners(record, ADD=900, CONV_2D=5000)
    then = figures(with_owners(record, ADD=100, CONV_2D=4990, TANH=9))
    text = "    budgets: {flash: 1 B, stack: 1 B}\n"

    def owners(before: Accepted | None) -> list[str | None]:
        return [excess.owner for excess in judged(text, before, now).excesses]

    assert owners(then) == ["kernels: ADD +800 B", None]
    assert owners(None) == ["kernels: CONV_2D 5,000 B", None]
    other = then.model_copy(update={"made_with": "another compiler"})
    assert owners(other) == ["kernels: CONV_2D 5,000 B", None], "growth is not this commit's alone"
    changes = judged(text, then, now).changes
    assert [(one.owner, one.difference) for one in changes] == [
        ("kernels: ADD", 800), ("kernels: CONV_2D", 10), ("kernels: TANH", -9),
    ]  # fmt: skip


def test_options_are_those_of_lab_check_and_paths_are_relative_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ci").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "m.tflite").write_bytes(b"x")
    text = (
        "options: {app-ram: 4 KiB, opt: Os}\nchecks:\n"
        "  - models: [../m.tflite, tiny_float]\n    boards: ['nrf52*']\n    name: small\n"
        "    options: {opt: O3, stack-reserve: 2 KiB, ram: [32 KiB], seed: 7}\n"
    )
    monkeypatch.chdir(tmp_path)
    plan = check_ci_file(parse_yaml("ci/lab.yaml", text))
    checks = planned(plan)
    assert [one.name for one in checks] == [
        f"{model} on {board}, small"
        for model in ("../m.tflite", "tiny_float")
        for board in ("nrf52840dk", "nrf52dk")
    ]
    options = checks[0].wanted.options
    assert (options.opt, options.app_ram, options.stack_reserve, options.seed) == (
        "O3", 4096, 2048, 7,
    )  # fmt: skip
    outcomes = [check(MODEL, BOARD)] * 4
    result = judge(plan, checks, outcomes, None, TODAY)
    assert result.file == "ci/lab.yaml"
    assert [one.model_file for one in result.checks] == ["m.tflite"] * 2 + [None] * 2
    assert result.checks[1].command == (
        "lab check ci/../m.tflite --board nrf52dk --app-ram 4096 --opt O3 --ram '32 KiB' --seed 7 "
        "--stack-reserve 2048"
    )


def test_the_command_gives_the_same_verdict(tmp_path: Path) -> None:
    options = "    options: {app-ram: 40 KiB, ram: [48 KiB], opt: Os, stack-reserve: 4 KiB}\n"
    (tmp_path / "lab.yaml").write_text(f"checks:\n{GROUP}{options}")
    ran = lab("ci", "run", "--json", "-", cwd=tmp_path)
    (one,) = CiResult.model_validate_json(ran.out).checks
    again = subprocess.run(
        [sys.executable, "-m", *one.command.replace("'48 KiB'", "48KiB").split(), "--json", "-"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    record = CheckResult.model_validate_json(again.stdout)
    assert one.verdict == record.verdict.summary
    assert one.measured == Accepted(
        **{**accepted(record).model_dump(), **one.measured.model_dump(
            include={"flash", "static_ram", "arena"})}
    ) if one.measured else False  # fmt: skip


# --- the record and its schemas ---


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_in_docs_are_those_of_the_records(name: str, golden: Golden) -> None:
    schema = SCHEMAS[name].model_json_schema(mode="serialization")
    golden.check(json.dumps(schema, indent=2) + "\n", ROOT / "docs" / name)


def test_a_baseline_is_read_from_either(
    judged: Judged, record: CheckResult, tmp_path: Path
) -> None:
    plan = check_ci_file(parse_yaml("lab.yaml", f"checks:\n{GROUP}"))
    result = judge(plan, planned(plan), [record], None, TODAY)
    baseline = Baseline(checks={result.checks[0].name: accepted(record)})
    (tmp_path / "ci.json").write_text(result.to_json())
    (tmp_path / "baseline.json").write_text(baseline.to_json())
    assert (
        read_results(tmp_path / "ci.json") == baseline == read_results(tmp_path / "baseline.json")
    )
    docs = {name: json.loads((ROOT / "docs" / name).read_text()) for name in SCHEMAS}
    jsonschema.validate(json.loads(result.to_json()), docs["ci-result.schema.json"])
    jsonschema.validate(json.loads(baseline.to_json()), docs["baseline.schema.json"])


# --- where the results go ---


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "lab.yaml").write_text(f"checks:\n{GROUP}    budgets: {{arena: 16 B}}\n")
    return tmp_path


def test_one_result_on_standard_output_and_the_rest_in_files(repository: Path) -> None:
    files = ["--junit", "ci.xml", "--sarif", "ci.sarif", "--html", "ci.html", "--markdown", "ci.md"]
    ran = lab("ci", "run", "--json", "-", *files, "--jobs", "2", cwd=repository)
    assert (ran.code, ran.err) == (1, "")
    result = CiResult.model_validate_json(ran.out)
    assert result.to_json() == ran.out
    printed = lab("ci", "run", "--json", "/dev/stdout", cwd=repository)
    assert printed.out.startswith(ran.out)
    assert "\nFAIL  " in printed.out
    assert sorted(path.name for path in repository.iterdir()) == [
        "ci.html", "ci.md", "ci.sarif", "ci.xml", "lab.yaml",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--json", "-", "--junit", "-"),
         "only one of these can have standard output: --json, --junit"),
        (("--html", "-", "--annotations"),
         "only one of these can have standard output: --html, --annotations"),
        (("--json", "a", "--html", "./a"), "two results in one file: a, ./a"),
        (("--json", "none/a.json"), "cannot write none/a.json: there is no such directory"),
        (("--json", "lab.yaml/a.json"), "cannot write lab.yaml/a.json: Not a directory"),
        (("--json", "."), "cannot write .: Is a directory"),
        (("--json", "x" * 300), f"cannot write {'x' * 300}: File name too long"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_said_first(
    arguments: tuple[str, ...], problem: str, repository: Path
) -> None:
    ran = lab("--verbose", "ci", "run", *arguments, cwd=repository)
    no_traceback(ran)
    assert ran.code == 2
    assert ran.problems[0].startswith(f"lab: {problem}")
    assert "measuring" not in ran.err


def test_an_old_result_is_gone_when_there_is_no_new_one(repository: Path) -> None:
    (repository / "ci.json").write_text("old")
    (repository / "lab.yaml").write_text("checks: []\n")
    assert lab("ci", "run", "--json", "ci.json", cwd=repository).code == 3
    assert not (repository / "ci.json").exists()


def test_a_link_stays_a_link(repository: Path) -> None:
    (repository / "real").mkdir()
    (repository / "ci.json").symlink_to("real/ci.json")
    assert lab("ci", "run", "--json", "ci.json", cwd=repository).code == 1
    assert (repository / "ci.json").is_symlink()
    assert (repository / "real" / "ci.json").stat().st_size > 100


def test_in_a_workflow(repository: Path) -> None:
    summary = repository / "summary.md"
    summary.write_text("before\n")
    env = {"GITHUB_STEP_SUMMARY": str(summary)}
    ran = lab("ci", "run", "--github", "--markdown", "own.md", cwd=repository, env=env)
    assert ran.out.startswith("::error file=lab.yaml,line=4,title=tiny_float on nrf52dk::required")
    own = (repository / "own.md").read_text()
    assert summary.read_text() == "before\n" + own
    lab("ci", "run", "--markdown", str(summary), cwd=repository, env=env)
    lab("ci", "run", "--markdown", str(summary), "--github", cwd=repository, env=env)
    assert summary.read_text() == "before\n" + own * 3
    outside = {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}
    plain = subprocess.run(
        [sys.executable, "-m", "lab", "ci", "run", "--github"], cwd=repository, env=outside,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert plain.stdout == ran.out


def test_a_batch_is_the_same_whatever_the_number_of_jobs(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(
        "checks:\n  - {models: [tiny_float, sensor_fusion], boards: [nrf52dk, rpi_pico]}\n"
    )
    one, two = (lab("ci", "run", "--json", "-", "-j", str(n), cwd=tmp_path).out for n in (1, 2))
    assert one == two
    result = CiResult.model_validate_json(one)
    assert [c.name for c in result.checks] == [
        "tiny_float on nrf52dk", "tiny_float on rpi_pico", "sensor_fusion on nrf52dk",
        "sensor_fusion on rpi_pico",
    ]  # fmt: skip
    metrics: list[MetricName] = ["ram", "flash", "arena", "stack", "instructions", "cycles", "ms"]
    assert all(c.measured and list(c.measured.figures) == metrics for c in result.checks)
    assert not re.search(r"/(home|root|tmp|work)/", one), "no paths of this machine"


def test_the_file_in_the_docs_is_sound_and_says_every_key() -> None:
    text = (ROOT / "docs" / "ci.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(check_ci_file(parse_yaml("ci.md", example)).file.checks) == 2
    for model in (CiFile, Group, CheckOptions, Budgets, Allowance):
        for name, field in model.model_fields.items():
            assert re.search(rf"[`.]{field.alias or name}`", text), f"{name} is not in docs/ci.md"


@pytest.mark.parametrize(
    ("error", "is_cause"),
    [
        (InputError(Problem("tiny_float", "is cut short")), True),
        (InputError(Problem("boards/mine.yaml:3:1", "core: is missing")), False),
        (ToolError("no arm-none-eabi-gcc"), False),
        (NoVerdictError("no verdict: time limit"), False),
    ],
)
def test_what_gave_no_answer(error: LabError, is_cause: bool, judged: Judged) -> None:
    found = judged("    allow: [{what: fit, reason: r, until: 2028-01-01}]\n", outcome=error)
    assert (found.status, found.exit_code) == ("no_answer", error.exit_code), "never allowed"
    assert (found.measured, found.model_is_cause) == (None, is_cause)
    assert found.verdict == str(error)
