"""Several models on several boards, as a user runs them: real processes, real exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import jsonschema
import pytest
from processes import watched
from support import NANO, NUCLEO, ROOT, Golden, Ran, lab, no_traceback

from lab import Options, check
from lab.board import board_names, load_board
from lab.errors import gravest
from lab.jobs.batch import check_all, measure_all
from lab.report.table import render
from lab.report.terminal import render as report
from lab.results import BatchResult, CheckResult, NoRecord
from lab.zoo import model_path

SCHEMA = ROOT / "docs" / "batch.schema.json"
FITS, TOO_LARGE, REFUSED = "keyword_spotter", "separation_w16", "separation_w8_upsampling2d"
DAMAGED = b"\x18\x00\x00\x00TFL3" + bytes(100)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    file = tmp_path / "damaged.tflite"
    file.write_bytes(DAMAGED)
    return file


@pytest.fixture
def bad_board(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text((ROOT / "platforms" / f"{NANO}.yaml").read_text().replace("64 MHz", "64"))
    return file


def batch(*arguments: str | Path) -> tuple[Ran, BatchResult]:
    ran = lab("check", *arguments, "--json", "-")
    no_traceback(ran)
    jsonschema.validate(json.loads(ran.out), json.loads(SCHEMA.read_text()))
    return ran, BatchResult.model_validate_json(ran.out)


def test_one_cell_gone_wrong_does_not_stop_the_others(damaged: Path, bad_board: Path) -> None:
    boards = ("-b", NANO, "-b", bad_board, "-b", "nrf52dk")
    ran, result = batch(FITS, damaged, TOO_LARGE, "no_such_model", *boards)
    assert ran.code == 3
    got = [(record.model.name, record.board.name) for record in result.records]
    assert got == [
        (f"{model}.tflite", board) for model in (FITS, TOO_LARGE) for board in (NANO, "nrf52dk")
    ]
    missing = {(problem.model, problem.board) for problem in result.problems}
    models = (FITS, str(damaged), TOO_LARGE, "no_such_model")
    assert missing == {(model, str(bad_board)) for model in models} | {
        (model, board) for model in (str(damaged), "no_such_model") for board in (NANO, "nrf52dk")
    }
    # Each thing that is wrong is said once, however many checks it ends.
    assert len(ran.problems) == len(set(ran.problems))
    for words in ("damaged.tflite", "bad.yaml:", "no zoo model of that name"):
        assert any(words in line for line in ran.problems), words


def test_the_bytes_do_not_depend_on_the_number_of_jobs(damaged: Path) -> None:
    arguments = (FITS, "tiny_float", REFUSED, damaged, "-b", "nrf52*", "-b", NANO)
    one, _ = batch(*arguments, "--jobs", "1")
    two, _ = batch(*arguments, "--jobs", "2")
    many, _ = batch(*arguments, "--jobs", "9")
    assert one.out == two.out == many.out
    assert one.err == two.err == many.err


def test_each_record_is_that_of_a_single_check() -> None:
    _, result = batch(FITS, TOO_LARGE, REFUSED, "-b", NANO, "-b", NUCLEO)
    for record in result.records:
        alone = lab("check", model_path(Path(record.model.name).stem), "-b", record.board.name,
                    "--json", "-")  # fmt: skip
        assert record.to_json() == alone.out


def test_one_model_on_one_board_stays_one_record() -> None:
    ran = lab("check", FITS, "-b", NANO, "--jobs", "2", "--json", "-")
    assert CheckResult.model_validate_json(ran.out).verdict.status == "fits"


def test_exit_codes_of_batches(damaged: Path) -> None:
    assert lab("check", FITS, "tiny_float", "-b", NANO).code == 0
    assert lab("check", FITS, TOO_LARGE, "-b", NANO).code == 1
    assert lab("check", "tiny_float", damaged, "-b", NANO).code == 3
    late = lab("check", "tiny_float", TOO_LARGE, damaged, "-b", NANO, "--timeout", "1")
    assert late.code == 3
    late = lab("check", "tiny_float", TOO_LARGE, "-b", NANO, "--timeout", "1")
    assert late.code == 5
    assert "no verdict" in late.err


def test_a_missing_tool_is_one_line_however_many_checks(tmp_path: Path) -> None:
    ran = lab("check", FITS, "tiny_float", "-b", "*", env={"PATH": str(tmp_path)})
    no_traceback(ran)
    assert ran.code == 4
    assert len(ran.problems) == 1
    assert "apt-get install" in ran.err


def test_what_hides_most_decides_the_exit_code() -> None:
    order = [70, 4, 3, 5, 1, 0]
    for number, code in enumerate(order):
        assert gravest(reversed(order[number:])) == code
    assert gravest([]) == 0


def test_patterns_paths_and_names_that_say_the_same_are_one(tmp_path: Path) -> None:
    _, result = batch("tiny_float", "tiny_float", "-b", "nrf52*", "-b", "nrf52dk", "-b", "nrf52dk")
    expected = [name for name in board_names() if name.startswith("nrf52")]
    assert [record.board.name for record in result.records] == expected
    copy = tmp_path / "tiny_float"  # a file that exists is meant, not the model of that name
    copy.write_bytes(model_path(FITS).read_bytes())
    ran = lab("check", "tiny_float", "-b", NANO, "--json", "-", cwd=tmp_path,
              env={"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert json.loads(ran.out)["model"]["size_bytes"] == copy.stat().st_size


def test_the_table_is_complete(damaged: Path) -> None:
    ran = lab("check", FITS, TOO_LARGE, REFUSED, damaged, "-b", NANO, "-b", NUCLEO)
    head, *rows, blank, summary = ran.out.splitlines()
    assert head.split()[:3] == ["verdict", "model", "board"], ran.err
    assert [re.split(r"  +", row)[0] for row in rows] == [
        *["NO ANSWER"] * 2, *["FAILS"] * 2, "DOES NOT FIT", *["fits"] * 3,
    ]  # fmt: skip
    assert (blank, summary) == ("", "8 checks: 3 fit, 1 do not fit, 2 fail, 2 no answer")


def test_the_table_as_it_looks(golden: Golden) -> None:
    """Made of figures nobody measured, so that no compiler changes it."""
    record = check("tiny_float", NANO)
    assert record.memory
    assert record.arena
    assert record.run
    size = {"needed_bytes": 400_000}
    memory = record.memory.model_copy(
        update={
            "ram": record.memory.ram.model_copy(update=size),
            "flash": record.memory.flash.model_copy(update=size),
        }
    )
    arena = record.arena.model_copy(update={"required_bytes": 402_176})
    run = record.run.model_copy(update={"instructions": 2_074_874_494})
    fits = record.model_copy(update={"memory": memory, "arena": arena, "run": run})
    short = record.verdict.model_copy(
        update={
            "status": "does_not_fit",
            "margin_bytes": -141_800,
            "failure_class": "arena_too_small_temp",
        }
    )
    problem = NoRecord(model="broken.tflite", board="nrf52dk", exit_code=3, lines=("broken",))
    records = (fits, fits.model_copy(update={"verdict": short}), check(REFUSED, NANO))
    result = BatchResult(records=records, problems=(problem,))
    verdict = fits.verdict.model_copy(update={"margin_bytes": 1234})
    result = result.model_copy(
        update={"records": (fits.model_copy(update={"verdict": verdict}), *records[1:])}
    )
    text = "\n".join(["wide", *render(result, 200), "", "narrow", *render(result, 40), ""])
    golden.check(text, ROOT / "tests" / "golden" / "table.txt")
    assert all(len(line) <= 40 for line in render(result, 40))


def test_the_schema_in_docs_is_the_one_of_batches(golden: Golden) -> None:
    schema = BatchResult.model_json_schema(mode="serialization")
    golden.check(json.dumps(schema, indent=2) + "\n", SCHEMA)


def test_a_batch_to_a_file_and_the_table_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    ran = lab("check", "tiny_float", FITS, "-b", NANO, "--json", file)
    assert ran.out.startswith("verdict")
    assert len(json.loads(file.read_text())["records"]) == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_batch_that_is_ended(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "lab", "--verbose", "check", TOO_LARGE, "separation_w16_fp32"]
    with watched([*command, "-b", NANO, "--jobs", "2"]) as running:
        for _ in range(2):
            running.wait_for("measuring")
        if how == signal.SIGINT:  # as a terminal does: to all of them
            os.killpg(running.process.pid, how)
        else:
            running.process.send_signal(how)
        ran = running.finish()
        running.nothing_is_left()
    no_traceback(ran)
    expected = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
    assert ran.code == expected[how]


def test_a_job_that_dies_costs_one_check() -> None:
    command = [sys.executable, "-m", "lab", "--verbose", "check", TOO_LARGE, "tiny_float"]
    with watched([*command, "-b", NANO, "-b", NUCLEO, "--jobs", "1"]) as running:
        running.wait_for("measuring")
        os.kill(running.started("lab.jobs.parallel"), signal.SIGKILL)
        ran = running.finish()
        running.nothing_is_left()
    no_traceback(ran)
    assert ran.code == 5
    assert sum("a job ended by signal SIGKILL" in line for line in ran.problems) == 1
    assert "4 checks: " in ran.err
    assert "1 no answer" in ran.err


# What is computed for other boards of a core must be what measuring there gives.


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (FITS, Options()),
        (FITS, Options(app_ram=40_000, app_flash=460_000)),
        ("separation_w8", Options(stack_reserve=2048)),
    ],
)
def test_boards_that_would_do_are_those_that_do(model: str, options: Options) -> None:
    core = load_board(NANO).core
    alike = [name for name in board_names() if load_board(name).core == core]
    some = sorted(alike, key=lambda name: load_board(name).ram_total)
    some = list(dict.fromkeys([*some[:2], NANO, *some[-2:]]))
    records = check_all([model], some, options).records
    computed = records[-1].would_do
    assert computed
    assert computed.how == "computed from this measurement"
    assert (computed.core, computed.considered) == (core, len(alike))
    assert all(record.would_do == computed for record in records), "from whichever board"
    promised = {board.name: board for board in computed.boards}
    largest_promised = max(board.ram_bytes for board in computed.boards)
    for record in records:
        name = record.board.name
        if record.verdict.status != "fits":
            assert name not in promised
        elif name in promised:
            assert promised[name].margin_bytes == record.verdict.margin_bytes
        else:
            assert record.board.ram_data_bytes >= largest_promised


def test_measured_on_every_board(monkeypatch: pytest.MonkeyPatch) -> None:
    library = sorted({NANO, NUCLEO, "nrf52dk"})
    boards = [load_board(name) for name in library]
    monkeypatch.setattr("lab.jobs.batch.library_boards", lambda: boards)
    (record,) = measure_all(["tiny_float"], [NANO], Options(ram=["32 KiB"]), jobs=2).records
    assert record.board.what_if
    found = record.would_do
    assert found
    assert (found.how, found.core, found.considered, found.fitting) == ("measured", None, 3, 3)
    assert [board.name for board in found.boards] == ["nrf52dk", NANO, NUCLEO]
    for board in found.boards:
        assert board.margin_bytes == check("tiny_float", board.name).verdict.margin_bytes
    line = "Smaller boards that would do (measured; 3 of 3 boards in the library)"
    assert line not in report(record), "none of them is smaller than what was asked about"
    (record,) = measure_all(["tiny_float"], [NUCLEO], jobs=2).records
    assert line in report(record)


@pytest.mark.slow
def test_measured_on_every_board_of_the_library() -> None:
    ran = lab("check", "tiny_float", "-b", NANO, "--measure-all", "--json", "-")
    found = CheckResult.model_validate_json(ran.out).would_do
    assert found
    assert found.considered == len(board_names())
