"""``lab runtime cost``: prices from real images, checked by other ways to the same numbers.

A few operators always; all of them, on two cores, where it says slow.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from fake_tflm import TREE, build
from named_bytes import named_bytes
from processes import watched
from support import NANO, ROOT, Golden, lab, no_traceback, tflm_tree

from lab.cache import ROOT_VARIABLE, Cache, key
from lab.cores import CORES
from lab.errors import NoVerdictError, Problem
from lab.firmware import Registration
from lab.jobs import prices as jobs
from lab.jobs.images import new_builder
from lab.jobs.prices import Base, Measuring, Prices
from lab.measure.failures import Failure
from lab.measure.inference import Inference, Start
from lab.measure.op_models import standard_models
from lab.measure.ops import available, load_table
from lab.measure.tasks import Device
from lab.report.runtime_cost import HEAD, RIGHT, render, rows
from lab.runner import RUNNER, library_key
from lab.runtime_cost import OperatorPrice, RuntimeCost
from lab.runtimes import load_crate
from lab.toolchain import find_toolchain

PICO = "rpi_pico"
BOARDS = (NANO, PICO)
CORE = {NANO: "cortex-m4f", PICO: "cortex-m0plus"}
FEW = ("CONV_2D", "SVDF", "SIN", "LOGICAL_NOT", "CIRCULAR_BUFFER")
SCHEMA = ROOT / "docs" / "runtime-cost.schema.json"
PAGE = ROOT / "docs" / "runtime-cost.md"
REGISTERING = 128  # bytes of flash for each operator of a large set
CLOSE = 64  # bytes; alignment and merged strings between two ways to count
COMPILER = "arm-none-eabi-gcc 12.2.1"
# Prices that others measured with another runner and other flags, the same tree, core, level and
# compiler: alone, and as part of the full set. The farthest apart is SVDF in the full set, by 304.
NEAR = 320
ELSEWHERE = {
    "CONV_2D": (9160, 4384), "DEPTHWISE_CONV_2D": (8952, 4176), "FULLY_CONNECTED": (6752, 3056),
    "AVERAGE_POOL_2D": (2888, 2184), "MAX_POOL_2D": (2816, 2080), "SOFTMAX": (9024, 3624),
    "ADD": (9848, 5312), "MUL": (8576, 4096), "SUB": (10392, 5824), "MAXIMUM": (5120, 960),
    "MINIMUM": (5120, 960), "PAD": (6232, 64), "PADV2": (6232, 64), "SVDF": (9408, 4720),
    "RESHAPE": (944, 856), "QUANTIZE": (4520, 1480), "DEQUANTIZE": (4536, 1640),
    "MEAN": (2416, 2288), "CONCATENATION": (4088, 3968), "STRIDED_SLICE": (7232, 7000),
    "SPLIT": (2032, 2064), "PACK": (1224, 1248), "UNPACK": (1032, 1064), "LOGISTIC": (6160, 1704),
    "TANH": (6388, 1352), "RELU": (536, 480), "RELU6": (792, 672), "PRELU": (5728, 2616),
    "L2_NORMALIZATION": (2168, 1952), "RESIZE_NEAREST_NEIGHBOR": (2560, 2320),
    "ARG_MAX": (1976, 64), "ARG_MIN": (1976, 64), "EQUAL": (9224, 5856), "NOT_EQUAL": (9224, 5856),
    "GREATER": (8488, 5120), "GREATER_EQUAL": (8488, 5120), "LESS": (8488, 5120),
    "LESS_EQUAL": (8488, 5120), "ABS": (712, 256), "RSQRT": (944, 288), "SIN": (4856, 384),
    "COS": (4856, 384), "LOG": (1456, 896), "SQRT": (944, None), "SQUARE": (712, None),
    "NEG": (264, None), "FLOOR": (584, None), "CEIL": (1080, None), "ROUND": (1144, None),
    "LOGICAL_OR": (1064, None), "LOGICAL_AND": (1064, None), "LOGICAL_NOT": (712, None),
}  # fmt: skip
EMPTY_ELSEWHERE = 22_576


@cache
def few() -> RuntimeCost:
    return priced(NANO, *FEW)


@cache
def everything(board: str) -> RuntimeCost:
    return priced(board)


def priced(board: str, *names: str) -> RuntimeCost:
    asked = [word for name in names for word in ("--op", name)]
    ran = lab("runtime", "cost", "--board", board, *asked, "--json", "-")
    no_traceback(ran)
    assert ran.code == 0, ran.err
    return RuntimeCost.model_validate_json(ran.out)


def price(cost: RuntimeCost, name: str) -> OperatorPrice:
    (found,) = (one for one in cost.operators if one.name == name)
    return found


def test_the_record_is_what_its_schema_says(golden: Golden) -> None:
    schema = RuntimeCost.model_json_schema(mode="serialization")
    golden.check(json.dumps(schema, indent=2) + "\n", SCHEMA)
    jsonschema.validate(json.loads(few().to_json()), schema)
    assert few().kind == "runtime_cost"


def test_sums_of_the_empty_runtime() -> None:
    empty = few().empty
    assert sum(one.flash_bytes for one in empty.sections) == empty.flash_bytes
    assert sum(one.ram_bytes for one in empty.sections) == empty.ram_bytes
    assert 0 < empty.runner_flash_bytes < 2048
    assert 0 < empty.runner_ram_bytes < empty.ram_bytes


def test_the_price_of_an_operator_is_the_only_thing_that_a_filter_changes() -> None:
    one = priced(NANO, "SIN")
    assert one.operators == (price(few(), "SIN"),)
    assert (one.empty, one.full) == (few().empty, few().full)


def test_each_of_a_few_has_every_figure() -> None:
    assert tuple(one.name for one in few().operators) == FEW
    for one in few().operators:
        assert one.problem is None
        assert one.flash_bytes
        assert one.flash_in_full_bytes
        assert one.ram_bytes
        for run in one.runs:
            assert run.instructions > 0
            assert run.persistent_bytes
            assert run.scratch_bytes is not None


# Second ways to the same numbers.


def test_arena_by_the_structures_of_the_runtime() -> None:
    """What is known of the sources: a table entry of 40 bytes; SVDF's two arrays of 16 sums."""
    (sine,) = price(few(), "SIN").runs
    assert (sine.persistent_bytes, sine.scratch_bytes) == (40, 0)
    svdf = price(few(), "SVDF").runs[0]
    assert svdf.scratch_bytes == 2 * 16 * 4
    conv = price(few(), "CONV_2D").runs[0]
    per_channel = 2 * 16 * 4  # multipliers and shifts of 16 channels
    assert conv.persistent_bytes is not None
    assert 40 + per_channel < conv.persistent_bytes < 40 + per_channel + 3 * 32
    ring = price(few(), "CIRCULAR_BUFFER")
    assert ring.ram_bytes is not None
    assert ring.ram_bytes >= price(few(), "SIN").ram_bytes + 7 * 8  # type: ignore[operator]


@pytest.mark.parametrize("name", ["CONV_2D", "SIN"])
def test_instructions_are_those_of_a_check(name: str, tmp_path: Path) -> None:
    runs = {run.dtype: run for run in price(few(), name).runs}
    for standard in standard_models(name):
        if standard.dtype in runs:
            (tmp_path / "one.tflite").write_bytes(standard.write(1))
            ran = lab("check", tmp_path / "one.tflite", "--board", NANO, "--json", "-")
            assert ran.code == 0, ran.err
            (operator,) = json.loads(ran.out)["operators"]
            assert operator["instructions"] == runs[standard.dtype].instructions


@cache
def prices(board: str) -> Prices:
    runtime = load_crate()
    table = load_table(runtime.operator_table, runtime.api)
    core = CORES[CORE[board]]
    return Prices(runtime, core, "O2", table, new_builder(lambda _: None), Measuring())


def registration(name: str) -> Registration:
    (found,) = (one for one in available(prices(NANO).table) if one.name == name)
    return found


def assert_symbols_agree(board: str, names: Iterable[str], cost: RuntimeCost) -> None:
    with prices(board).linked(()) as empty:
        nothing = named_bytes(empty.elf)
    apart = {}
    for name in names:
        with prices(board).linked((registration(name),)) as alone:
            found = price(cost, name).flash_bytes
            assert found is not None
            apart[name] = found - (named_bytes(alone.elf) - nothing)
    assert {name: rest for name, rest in apart.items() if abs(rest) > CLOSE} == {}


def test_flash_by_symbols_of_a_few() -> None:
    assert_symbols_agree(NANO, FEW, few())


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_flash_by_symbols_of_all(board: str) -> None:
    cost = everything(board)
    assert_symbols_agree(board, [one.name for one in cost.operators], cost)


def assert_near_elsewhere(cost: RuntimeCost) -> None:
    if not cost.compiler.startswith(COMPILER):  # other figures: only the symbols can be compared
        return
    for one in cost.operators:
        alone, in_full = ELSEWHERE.get(one.name, (None, None))
        for mine, theirs in ((one.flash_bytes, alone), (one.flash_in_full_bytes, in_full)):
            if theirs is not None:
                assert mine is not None
                assert abs(mine - theirs) <= NEAR, one.name
    own = cost.empty.flash_bytes - cost.empty.runner_flash_bytes
    assert abs(own - EMPTY_ELSEWHERE) <= 512  # theirs has a small program of its own in it


def test_prices_of_a_few_are_near_those_measured_elsewhere() -> None:
    assert_near_elsewhere(few())


@pytest.mark.slow
def test_all_prices_are_near_those_measured_elsewhere() -> None:
    cost = everything(NANO)
    assert set(ELSEWHERE) | {"CIRCULAR_BUFFER"} == {one.name for one in cost.operators}
    assert_near_elsewhere(cost)


def test_a_set_costs_about_between_the_sums() -> None:
    """About, because how much code registering takes depends on how many there are."""
    with prices(NANO).linked([registration(name) for name in FEW]) as linked:
        together = linked.flash - few().empty.flash_bytes
    first = sum(one.flash_bytes or 0 for one in few().operators)
    second = sum(one.flash_in_full_bytes or 0 for one in few().operators)
    slack = REGISTERING * len(FEW)
    assert second - slack <= together <= first + slack


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_every_operator_is_priced_and_runs(board: str) -> None:
    cost = everything(board)
    assert cost.full
    assert [one.name for one in cost.operators if one.problem or not one.runs] == []
    assert cost.full.operators == len(cost.operators) == 53
    second = sum(one.flash_in_full_bytes or 0 for one in cost.operators)
    first = sum(one.flash_bytes or 0 for one in cost.operators)
    assert second < cost.full.flash_bytes - cost.empty.flash_bytes < first


# What cannot be had.


class Silent(Measuring):
    """Gives no answer."""

    def run(
        self, device: Device, starts: Sequence[tuple[bytes, Start]]
    ) -> tuple[Inference | Failure, ...]:
        raise NoVerdictError(Problem("the measuring process", "gave no answer"))


def test_each_part_of_a_price_stands_alone() -> None:
    """What was measured is told beside what failed; and it is tried again the next time."""
    known, one = prices(NANO), registration("SIN")
    base = Base(few().empty, few().full, None)
    whole = price(few(), "SIN")
    broken = replace(one, expression="tflite::there_is_none()")
    for measuring, others, says in (
        (Silent(), known.full_set, "not run: the measuring process: gave no answer"),
        (known.measuring, (one, broken), "not in the full set: "),
    ):
        asked = replace(known, measuring=measuring)
        vars(asked)["full_set"] = others
        vars(asked)["_identity"] = key("never kept", says)
        for _ in range(2):
            got = asked.price(one, base)
            assert got.problem
            assert got.problem.startswith(says)
            assert (got.flash_bytes, got.ram_bytes) == (whole.flash_bytes, whole.ram_bytes)
            assert (got.runs == whole.runs) == (others != known.full_set)
            in_full = whole.flash_in_full_bytes if others == known.full_set else None
            assert got.flash_in_full_bytes == in_full


@pytest.mark.parametrize(
    "name", ["lab/engines/_meter.c", "lab/units.py", "runner/runner.cc", "runner/image.ld.j2"]
)
def test_a_price_depends_on_every_source(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "lab", tmp_path / "lab")
    shutil.copytree(RUNNER, tmp_path / "runner")
    monkeypatch.setattr(jobs, "_PACKAGE", tmp_path / "lab")
    monkeypatch.setattr(jobs, "RUNNER", tmp_path / "runner")
    before = replace(prices(NANO))._identity
    (tmp_path / name).write_text((tmp_path / name).read_text() + "\n")
    assert replace(prices(NANO))._identity != before


# What people see.


def test_the_list_is_told_dearest_first() -> None:
    asked = [word for name in FEW for word in ("--op", name)]
    ran = lab("runtime", "cost", "--board", NANO, *asked)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines == render(few(), 1 << 16)
    head = next(i for i, line in enumerate(lines) if line.startswith("operator "))
    told = [line.split()[:2] for line in lines[head + 1 : head + 1 + len(FEW)]]
    ranked = sorted(few().operators, key=lambda one: -(one.flash_bytes or 0))
    assert told == [[one.name, f"{one.flash_bytes:,}"] for one in ranked]
    assert f"{few().empty.flash_bytes:,} B flash" in ran.out
    assert "sum " in ran.out
    assert few().compiler in ran.out


@pytest.mark.parametrize("width", [60, 110, 400])
def test_no_line_of_the_table_is_wider_than_the_terminal(width: int) -> None:
    lines = render(few(), width)
    first = next(i for i, line in enumerate(lines) if "flash alone" in line)
    assert all(len(line) <= width for line in lines[first:])
    shapes = any("16x3x3x8" in line for line in lines)
    assert shapes == (width != 110)


def test_what_is_cached_needs_no_tool() -> None:
    few()
    asked = [word for name in FEW for word in ("--op", name)]
    ran = lab("--verbose", "runtime", "cost", "--board", NANO, *asked)
    assert ran.code == 0
    assert "g++" not in ran.err
    assert "compiling" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--op", "CONV2D"), 'no operator "CONV2D" (hint: did you mean "CONV_2D"?)'),
        (("--op", "softmax"), 'no operator "softmax" (hint: did you mean "SOFTMAX"?)'),
        (("--op", ""), 'no operator ""'),
        (("--opt", "O9"), "O9"),
        (("--board", "nrf52kd"), "nrf52dk"),
        (("--runtime", "tflm"), "no runtime"),
        (("--json", "/nowhere/x.json"), "cannot write"),
        (("--jobs", "0"), "--jobs"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments: tuple[str, ...], says: str) -> None:
    board = () if "--board" in arguments else ("--board", NANO)
    ran = lab("runtime", "cost", *board, *arguments)
    no_traceback(ran)
    assert ran.code == 2
    (line,) = ran.problems
    assert says in line


def test_a_library_has_prices_as_far_as_it_goes(tmp_path: Path) -> None:
    """Our stand-in for a TFLM of 2026 has a few kernels only: the rest cannot be linked."""
    manifest = tmp_path / "fake.yaml"
    added = lab("runtime", "add", "fake", "-o", manifest, "--library", build(), "--include", TREE,
                "--api", "2026-08", "--kernels", "reference")  # fmt: skip
    assert added.code == 0, added.err
    names = ("SOFTMAX", "TRANSPOSE", "SignalPCAN", "CALL_ONCE", "CEIL")
    asked = [word for name in names for word in ("--op", name)]
    ran = lab("runtime", "cost", "--board", NANO, "--runtime", manifest, *asked, "--json", "-")
    no_traceback(ran)
    assert ran.code == 0, ran.err
    cost = RuntimeCost.model_validate_json(ran.out)
    assert cost.runtime.kind == "library"
    assert sum(one.flash_bytes for one in cost.empty.sections) == cost.empty.flash_bytes
    assert cost.full is None
    assert cost.full_problem
    assert "\n" not in cost.full_problem
    there = price(cost, "SOFTMAX")
    assert there.flash_bytes
    assert there.flash_in_full_bytes is None
    assert [run.dtype for run in there.runs] == ["int8", "float32"]
    assert there.runs[0].persistent_bytes
    reasons = {one.name: one.problem for one in cost.operators}
    lines = render(cost, 1 << 16)
    for name, says in (
        ("TRANSPOSE", "undefined reference to `tflite::Register_TRANSPOSE()'"),
        ("SignalPCAN", "has no member named 'AddPCAN'"),
        ("CALL_ONCE", "there is no standard model of it"),
        ("CEIL", "int8: halted: the firmware stopped itself"),
    ):
        assert says in (reasons[name] or "")
        assert f"  {name}: {reasons[name]}" in lines
    assert price(cost, "TRANSPOSE").flash_bytes is price(cost, "SignalPCAN").flash_bytes is None
    assert price(cost, "CEIL").flash_bytes


# Interrupted.


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    root, temporary = with_library(tmp_path / "cache"), tmp_path / "temporary"
    temporary.mkdir()
    env = {ROOT_VARIABLE: str(root), "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "lab", "--verbose", "runtime", "cost", "--board", NANO]
    with watched(command, env=env) as running:
        running.wait_for("priced ")
        os.killpg(running.process.pid, signal.SIGINT)
        ran = running.finish()
        running.nothing_is_left()
    no_traceback(ran)
    assert ran.code == 130
    assert ran.problems[-1] == "lab: interrupted"
    assert list(root.glob("*/*.partial*")) == []
    assert list(temporary.iterdir()) == []
    kept = {entry.kind for entry in Cache(root).entries()}
    assert "prices" in kept, "what was priced is there for the next time"


def with_library(root: Path) -> Path:
    """A cache that has the runtime, and nothing else."""
    runtime, chain = load_crate(), find_toolchain()
    core = CORES[CORE[NANO]]
    prices(NANO).base()
    crate = tflm_tree().parents[1]
    for entry in (
        Cache().entry("libraries", library_key(runtime, core, "O2", chain)),
        Cache().root / "crates" / crate.name,
    ):
        shutil.copytree(entry, root / entry.parent.name / entry.name, copy_function=_link)
    return root


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy(source, target)


# The page in the docs.

MARK = "<!-- Made by pytest tests/integration/test_runtime_cost.py --update-golden -->\n"


def page(costs: Iterable[RuntimeCost]) -> str:
    written, _, _ = PAGE.read_text().partition(MARK)
    return written + MARK + "".join(line for cost in costs for line in section(cost))


def section(cost: RuntimeCost) -> Iterator[str]:
    empty, full = cost.empty, cost.full
    assert full
    yield f"\n## {cost.core}\n\n"
    yield f"As on `{cost.board}`. `{cost.runtime.name}` at -{cost.opt}, {built_with()}\n"
    yield "\n| | flash, B | static RAM, B |\n| --- | --: | --: |\n"
    for name, flash, ram in (
        ("empty runtime", empty.flash_bytes, empty.ram_bytes),
        ("of which the lab's runner", empty.runner_flash_bytes, empty.runner_ram_bytes),
        (f"with all {full.operators} operators", full.flash_bytes, full.ram_bytes),
    ):
        yield f"| {name} | {flash:,} | {ram:,} |\n"
    yield f"\n| {' | '.join(HEAD)} |\n"
    yield f"| {' | '.join('--:' if number in RIGHT else '---' for number in range(len(HEAD)))} |\n"
    for row in rows(cost.operators):
        yield f"| {' | '.join(row)} |\n"


def built_with() -> str:
    chain = find_toolchain()
    return f"{chain.compiler}, {chain.libc}."


def same_compiler() -> bool:
    return built_with() in PAGE.read_text()


def test_the_page_says_what_a_few_cost() -> None:
    written = set(PAGE.read_text().splitlines())
    made = [f"| {' | '.join(row)} |" for row in rows(few().operators)]
    if same_compiler():
        assert [row for row in made if row not in written] == []
    names = {line.split(" | ")[0] for line in written}
    assert {row.split(" | ")[0] for row in made} <= names


@pytest.mark.slow
def test_the_page_is_what_is_measured(golden: Golden, request: pytest.FixtureRequest) -> None:
    made = page(everything(board) for board in BOARDS)
    if same_compiler() or request.config.getoption("--update-golden"):
        golden.check(made, PAGE)
    else:  # other figures: the same lines all the same
        assert len(made.splitlines()) == len(PAGE.read_text().splitlines())
