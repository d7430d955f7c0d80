"""``lab profile``: sums that are exact, files that other programs read, runs compared."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from proving import apart, cases
from support import NANO, Ran, lab, no_traceback, runnable_models
from tracing import between, calls, traced

from lab.measure.callpaths import path_costs
from lab.measure.tflm import INVOKE
from lab.report.profile_diff import matched
from lab.results import Operator

MODELS = runnable_models()
CASES = cases()


@pytest.mark.parametrize(("name", "core"), CASES)
def test_sums_are_exact(name: str, core: str) -> None:
    outcome, parts = apart(MODELS[name], core)
    assert [flow.operator for flow in parts.flows] == [o.index for o in outcome.operators] + [None]
    for flow, operator in zip(parts.flows, outcome.operators, strict=False):
        assert flow.root == operator.kernel
        own = flow.costs.values()
        assert sum(cost.instructions for cost in own) == operator.instructions
        assert sum(cost.cycles for cost in own) == operator.cycles
    every = [cost for flow in parts.flows for cost in flow.costs.values()]
    assert sum(cost.instructions for cost in every) == outcome.instructions
    assert sum(cost.cycles for cost in every) == outcome.cycles
    for flow in parts.flows:
        paths = Counter[str]()
        for one in path_costs(flow):
            paths[one.path[-1]] += one.cost.instructions
        assert paths == {name: cost.instructions for name, cost in flow.costs.items()}


@pytest.mark.parametrize(("name", "core"), CASES)
def test_every_function_was_entered_and_only_kernels_through_a_pointer(
    name: str, core: str
) -> None:
    _, parts = apart(MODELS[name], core)
    for flow in parts.flows:
        assert flow.indirect == {flow.root: 1}
        assert all(flow.entries(function) for function in flow.costs)


def test_costs_and_calls_are_those_of_a_trace_of_every_instruction() -> None:
    """An independent oracle: plain Unicorn, every instruction looked at by itself.

    On a core without IT: what one skips is an instruction for the lab, but nothing to a hook.
    """
    _, parts, image, steps = traced(MODELS["hello_world"], "cortex-m0plus")
    at = {name: symbol.address for name, symbol in image.symbols.items()}
    (inference,) = between(steps, at[INVOKE], at["lab_after_invoke"])
    # What the runner does after Invoke has returned is not part of it.
    last = max(i for i, (pc, _) in enumerate(inference) if image.function_at(pc) != "main")
    inference = inference[: last + 1]
    instructions, counted = Counter[str](), Counter[tuple[str, str]]()
    for flow in parts.flows:
        for function, cost in flow.costs.items():
            instructions[function] += cost.instructions
        counted.update(flow.calls)
        if flow.operator is not None:
            counted[parts.flows[-1].root, flow.root] += 1
    assert Counter(image.function_at(pc) or "" for pc, _ in inference) == instructions
    assert calls(image, inference) == counted


@dataclass(frozen=True)
class Files:
    """What one run of the command wrote."""

    ran: Ran
    folder: Path

    @property
    def record(self) -> Any:
        return json.loads((self.folder / "result.json").read_text())

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


def profiled(folder: Path, *arguments: str | Path) -> Files:
    names = {"json": "result.json", "csv": "p.csv", "collapsed": "p.txt", "trace": "trace.json"}
    outputs = [part for option, name in names.items() for part in (f"--{option}", folder / name)]
    ran = lab("profile", *arguments, "-b", NANO, *outputs)
    assert ran.code == 0, ran.err
    return Files(ran, folder)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return profiled(tmp_path_factory.mktemp("profile"), "sensor_fusion")


def test_the_table_says_what_the_record_holds(files: Files) -> None:
    run, out = files.record["run"], files.ran.out
    assert out.startswith(
        f"PROFILE  sensor_fusion.tflite on {NANO}: {run['instructions']:,} instructions, exact; "
        f"{run['cycles']:,} cycles, modelled\n"
    )
    assert f"{run['setup_instructions']:,} instructions, {run['setup_cycles']:,} cycles" in out
    rows = dict(re.findall(r"^(\d+ \w+|runtime|total) +([\d,]+) ", out, re.MULTILINE))
    for operator in files.record["operators"]:
        label = f"{operator['index']} {operator['name']}"
        assert rows.pop(label) == f"{operator['instructions']:,}"
    profile = files.record["details"]["profile"]
    assert rows.pop("runtime") == f"{profile['runtime_instructions']:,}"
    assert rows.pop("total") == f"{run['instructions']:,}"
    assert not rows
    assert "share" in out
    assert "cycles/MAC" in out


def test_csv_has_a_row_for_each_operator_and_function(files: Files) -> None:
    rows = list(csv.DictReader(files.text("p.csv").splitlines()))
    record = files.record
    columns = ["operator", "name", "output", "function", "calls", "instructions", "cycles"]
    assert list(rows[0]) == columns
    assert len({(row["operator"], row["function"]) for row in rows}) == len(rows)
    for unit in ("instructions", "cycles"):
        assert sum(int(row[unit]) for row in rows) == record["run"][unit]
        for operator in record["operators"]:
            mine = [row for row in rows if row["operator"] == str(operator["index"])]
            assert {(row["name"], row["output"]) for row in mine} == {
                (operator["name"], operator["output"])
            }
            assert sum(int(row[unit]) for row in mine) == operator[unit]
    assert {row["name"] for row in rows if not row["operator"]} == {"runtime"}


def test_collapsed_stacks_add_up(files: Files, tmp_path: Path) -> None:
    counts = Counter[str]()
    for line in files.text("p.txt").splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        assert len(frames) >= 2
        counts[frames[0]] += int(count)
        assert int(count) > 0
    record = files.record
    expected = {f"{o['index']} {o['name']}": o["instructions"] for o in record["operators"]}
    expected["runtime"] = record["details"]["profile"]["runtime_instructions"]
    assert counts == expected
    ran = lab("profile", "sensor_fusion", "-b", NANO, "--collapsed", "-", "--weight", "cycles")
    assert (
        sum(int(line.rpartition(" ")[2]) for line in ran.out.splitlines())
        == (record["run"]["cycles"])
    )


def test_the_trace_follows_the_format(files: Files) -> None:
    """The format as its document describes it: slices nest, times are microseconds."""
    data = json.loads(files.text("trace.json"))
    assert set(data) == {"traceEvents", "displayTimeUnit", "otherData"}
    assert data["displayTimeUnit"] in {"ms", "ns"}
    events = data["traceEvents"]
    for event in events:
        assert event["ph"] in {"M", "X", "C"}
        assert {"name", "pid", "tid", "args"} <= set(event)
        if event["ph"] != "M":
            assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0
    named = {(e["name"], e["args"]["name"]) for e in events if e["ph"] == "M"}
    assert ("process_name", f"sensor_fusion.tflite on {NANO}") in named
    assert {("thread_name", "set-up"), ("thread_name", "inference")} <= named
    run, clock = files.record["run"], files.record["board"]["clock_hz"]
    for _, track in itertools.groupby(
        sorted((e for e in events if e["ph"] == "X"), key=lambda e: e["tid"]), lambda e: e["tid"]
    ):
        nest(sorted(track, key=lambda e: (e["ts"], -e["dur"])))
    slices = [e for e in events if e["ph"] == "X" and e["tid"] == 2]
    begin, end = min(e["ts"] for e in slices), max(e["ts"] + e["dur"] for e in slices)
    assert begin == pytest.approx(run["setup_cycles"] / clock * 1e6, abs=0.01)
    assert end - begin == pytest.approx(run["cycles"] / clock * 1e6, abs=0.01)
    top = [e for e in slices if re.match(r"\d+ |runtime ", e["name"])]
    assert sum(e["args"]["cycles"] for e in top) == run["cycles"]
    counters = [e["args"]["bytes"] for e in events if e["name"] == "stack, deepest"]
    assert counters == [o["stack_bytes"] for o in files.record["operators"]]


def nest(slices: list[Any]) -> None:
    """Slices of one track lie inside each other or apart, in whole nanoseconds."""
    around: list[int] = []
    for event in slices:
        begin, length = (round(event[key] * 1000) for key in ("ts", "dur"))
        while around and around[-1] <= begin and length:
            around.pop()
        assert not around or begin + length <= around[-1]
        around.append(begin + length)


def test_same_bytes_every_time(files: Files, tmp_path: Path) -> None:
    again = profiled(tmp_path, "sensor_fusion")
    for name in ("result.json", "p.csv", "p.txt", "trace.json"):
        assert again.text(name) == files.text(name)
    assert again.ran.out == files.ran.out


def test_one_operator_with_its_paths(files: Files) -> None:
    out = lab("profile", "sensor_fusion", "-b", NANO, "--operator", "0").out
    name = files.record["operators"][0]["name"]
    kernel = files.record["operators"][0]["kernel"]
    assert f"Functions of 0 {name}: own instructions" in out
    assert "of several callers by the number of calls" in out
    assert re.search(rf"^ +[\d,]+  {re.escape(kernel)}$", out, re.MULTILINE)


def test_against_itself_nothing_changes(files: Files) -> None:
    ran = lab("profile", "sensor_fusion", "-b", NANO, "--against", files.folder / "result.json")
    assert ran.code == 0
    assert "the same model, built and run in the same way" in ran.out
    assert "Functions: no change" in ran.out
    assert set(re.findall(r"[+-]\d[\d,.]*%?", ran.out)) == {"+0", "+0.0%"}


def test_against_another_build_it_is_not_the_models_fault(files: Files) -> None:
    before = files.folder / "result.json"
    ran = lab("profile", "sensor_fusion", "-b", NANO, "--opt", "Os", "--against", before)
    assert "not the model, but: level -O2 -> -Os" in ran.out
    ran = lab("profile", "sensor_fusion", "-b", "arduino_zero", "--against", before)
    assert "not the model, but: core cortex-m4f -> cortex-m0plus" in ran.out
    assert "and: cycle model cortex-m4-table -> cortex-m0plus-table" in ran.out


def test_against_another_model_operators_without_a_partner_are_named(files: Files) -> None:
    ran = lab("profile", "tiny_float", "-b", NANO, "--against", files.folder / "result.json")
    assert ran.code == 0
    assert "only the model differs" in ran.out
    assert ran.out.count("  only after") == 3
    assert ran.out.count("  only before") == len(files.record["operators"])


def operator(index: int, name: str, output: str) -> Operator:
    return Operator(
        index=index, name=name, version=1, kernel="k", instructions=1, cycles=1, macs=None,
        stack_bytes=0, output=output,
    )  # fmt: skip


def test_partners() -> None:
    a, b, c = operator(0, "ADD", "x"), operator(1, "ADD", "x"), operator(2, "MUL", "y")
    moved, fresh = operator(1, "MUL", "y"), operator(0, "SUB", "x")
    assert matched([a, b, c], [a, b, c]) == [(a, a), (b, b), (c, c)]
    assert matched([a, c], [fresh, moved]) == [(None, fresh), (c, moved), (a, None)]
    assert matched([a], [b]) == [(a, b)], "as near as it gets"
    assert matched([], [a]) == [(None, a)]
    assert matched([a, b], [b]) == [(b, b), (a, None)]


def test_what_cannot_be_asked_is_one_line(files: Files, tmp_path: Path) -> None:
    plain = tmp_path / "plain.json"
    assert lab("check", "tiny_float", "-b", NANO, "--json", plain).code == 0
    broken = tmp_path / "broken.json"
    broken.write_text(files.text("result.json")[:-100])
    for arguments, code, what in (
        (("--against", tmp_path / "none"), 3, "No such file"),
        (("--against", broken), 3, "no JSON the lab wrote"),
        (("--against", plain), 3, "has no profile to compare with (hint: make it: lab profile"),
        (("--operator", "3"), 2, "there is no operator 3: tiny_float.tflite has from 0 to 2"),
        (("--weight", "seconds"), 2, "neither instructions nor cycles"),
        (("--csv", "-", "--trace", "-"), 2, "only one of"),
        (("--weight", "cycles"), 2, "--weight is of --collapsed"),
        (("--against", plain, "--operator", "1"), 2, "leave out --operator"),
        (("--csv", tmp_path / "none" / "x"), 2, "cannot write"),
    ):
        ran = lab("profile", "tiny_float", "-b", NANO, *arguments)
        no_traceback(ran)
        assert (ran.code, len(ran.problems)) == (code, 1), ran.err
        assert what in ran.err
        assert ran.out == ""


def test_a_model_that_does_not_run_says_why(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b", "c")]
    ran = lab(
        "profile", "separation_w8_upsampling2d", "-b", NANO, "--csv", files[0], "--collapsed",
        files[1], "--trace", files[2],
    )  # fmt: skip
    assert ran.code == 1
    assert ran.out.startswith("FAILS  ")
    assert not [file for file in files if file.exists()]


def test_one_that_does_not_fit_is_measured_all_the_same() -> None:
    ran = lab("profile", "separation_w8", "-b", "nrf52dk")
    assert ran.code == 0
    assert ran.out.startswith("PROFILE  separation_w8.tflite on nrf52dk: ")
