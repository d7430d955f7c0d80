"""``lab arena``: every byte has its owner, seen on the target and agreeing with other counts."""

from __future__ import annotations

import contextlib
import json
import math
import re
from itertools import combinations
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest
import tflite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from op_cases import SUPPORTED, UNCOMPARED, Case
from proving import roomy, trial
from support import NANO, lab, no_traceback, runnable_models
from target import load

from lab import Options
from lab.details import ArenaItem, ArenaMap
from lab.engines.base import Engine
from lab.errors import NoVerdictError
from lab.measure.arena_map import arena_map
from lab.measure.arena_trace import Trace, trace
from lab.measure.inference import Inference
from lab.model import Model, read_model
from lab.model_writer import Graph, Op, build, quantized
from lab.zoo import model_path

MODELS = runnable_models()
CORES = ("cortex-m0plus", "cortex-m4f", "cortex-m33f")
QUICK = {"anomaly_detector", "keyword_spotter", "sensor_fusion", "speech_recognizer", "tiny_float"}
SMALL = "arduino_uno_r4_minima"  # 32 KiB of RAM
OPERATORS = [*SUPPORTED, *UNCOMPARED]
SVDF = next(case.model for case in UNCOMPARED if case.name.startswith("svdf"))
BYTES = {"FLOAT32": 4, "INT32": 4, "UINT8": 1, "INT64": 8, "BOOL": 1, "INT16": 2, "INT8": 1}


def cases() -> list[object]:
    return [
        pytest.param(core, name, marks=[] if name in QUICK else [pytest.mark.slow],
                     id=f"{name}-{core}")
        for core in CORES
        for name in MODELS
    ]  # fmt: skip


def agrees(arena: ArenaMap, reported: int) -> None:
    """What must be so in every arena, whatever the model."""
    kept = [item for item in arena.items if item.part == "persistent"]
    planned = [item for item in arena.items if item.part == "non_persistent"]
    persistent = sum(item.size_bytes for item in kept)
    assert persistent + arena.planned_bytes == reported
    at = arena.size_bytes - persistent
    for item in kept:
        assert item.offset_bytes == at
        at += item.size_bytes
    assert at == arena.size_bytes
    assert not [item for item in kept if item.kind == "unowned"]
    assert max((i.offset_bytes + i.size_bytes for i in planned), default=0) == arena.planned_bytes
    overlap_in_memory_or_in_time(planned)
    assert arena.lower_bound_bytes == max(arena.live_bytes) <= arena.planned_bytes


def overlap_in_memory_or_in_time(planned: list[ArenaItem]) -> None:
    """But never in both."""
    for one, other in combinations(planned, 2):
        assert not (_meet(*_place(one), *_place(other)) and _meet(*_time(one), *_time(other))), (
            one, other,
        )  # fmt: skip


def _place(item: ArenaItem) -> tuple[int, int]:
    return item.offset_bytes, item.offset_bytes + item.size_bytes


def _time(item: ArenaItem) -> tuple[int, int]:
    assert item.first_operator is not None
    assert item.last_operator is not None
    return item.first_operator, item.last_operator + 1


def _meet(begin: int, end: int, other_begin: int, other_end: int) -> bool:
    return begin < other_end and other_begin < end


@pytest.mark.parametrize(("core", "name"), cases())
def test_every_byte_has_an_owner_and_a_reason(core: str, name: str) -> None:
    model = read_model(MODELS[name])
    probe = trial(MODELS[name], roomy(core), Options(details=True)).probe().probe
    outcome, required = probe.outcome, probe.required
    assert isinstance(outcome, Inference)
    assert required is not None
    arena = named(probe.arena, model)
    agrees(arena, outcome.reported)
    assert arena.size_bytes == required.size
    assert len(arena.live_bytes) == len(model.operators)
    # What planning took explains the required size, to within the steps it is searched in.
    planning = sum(item.size_bytes for item in arena.planning)
    assert 0 <= required.size - max(planning, outcome.reported) < 16
    assert tensors_of(arena) == not_constant(MODELS[name])


def named(seen: Trace | None, model: Model) -> ArenaMap:
    """The map with the model's names."""
    assert seen is not None
    made = arena_map(seen, [tensor.name for tensor in model.tensors],
                     [operator.name for operator in model.operators])  # fmt: skip
    assert made is not None
    return made


def tensors_of(arena: ArenaMap) -> dict[int | None, dict[str, Any]]:
    """The tensors in the arena, as they were seen."""
    return {
        item.tensor: {
            "name": item.name, "shape": item.shape, "dtype": (item.dtype or "").upper(),
            "bytes": item.data_bytes, "variable": item.kind == "variable",
            "first": item.first_operator, "last": item.last_operator,
        }
        for item in arena.items
        if item.kind in {"tensor", "variable"}
    }  # fmt: skip


def not_constant(path: Path) -> dict[int | None, dict[str, Any]]:
    """The same of a file, by another reader than the lab's."""
    return {index: one for index, one in _tensors(path).items() if not one.pop("constant")}


def _tensors(path: Path) -> dict[int | None, dict[str, Any]]:
    """All tensors of a file, read with the ``tflite`` package."""
    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    ends = {index: graph.OperatorsLength() - 1 for index in graph.OutputsAsNumpy()}
    begins = dict.fromkeys(graph.InputsAsNumpy(), 0)
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        for index in operator.OutputsAsNumpy():
            begins.setdefault(index, number)
        for index in operator.InputsAsNumpy():
            ends[index] = max(number, ends.get(index, 0))
    types = {code: name for name, code in vars(tflite.TensorType).items() if name in BYTES}
    found: dict[int | None, dict[str, Any]] = {}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        shape = tuple(tensor.Shape(axis) for axis in range(tensor.ShapeLength()))
        kept = bool(tensor.IsVariable())
        found[index] = {
            "name": (tensor.Name() or b"").decode(), "shape": shape,
            "dtype": types[tensor.Type()],
            "bytes": math.prod(shape) * BYTES[types[tensor.Type()]], "variable": kept,
            "first": None if kept else begins.get(index),
            "last": None if kept else ends.get(index),
            "constant": model.Buffers(tensor.Buffer()).DataLength() > 0,
        }  # fmt: skip
    return found


def mapped(model: bytes) -> ArenaMap:
    """The arena of a model that is put into an image with all operators."""
    target = load(model)
    ran = target.generated(seed=1)
    assert isinstance(ran, Inference), ran.reason
    made = named(trace(target.session, target.start), target.model)
    agrees(made, ran.reported)
    return made


@pytest.mark.parametrize("case", OPERATORS, ids=[case.name for case in OPERATORS])
def test_no_operator_leaves_memory_without_an_owner(case: Case) -> None:
    mapped(case.model)


@st.composite
def graphs(draw: st.DrawFn) -> bytes:
    """Operators that join or copy what any before them made; what nobody reads is an output."""
    tensors = [quantized([1, draw(st.integers(1, 400))], name="t0")]
    operators, unread = [], {0}
    for number in range(1, draw(st.integers(2, 14))):
        sources = draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=3))
        size = sum((tensors[source].shape or (1, 1))[1] for source in sources)
        if size > 4000:
            sources = sources[:1]
            size = (tensors[sources[0]].shape or (1, 1))[1]
        tensors.append(quantized([1, size], name=f"t{number}"))
        operators.append(
            Op("CONCATENATION", sources, [number], 1, "ConcatenationOptions", {"Axis": 1})
        )
        unread = unread - set(sources) | {number}
    return build(Graph(tensors, operators, [0], sorted(unread)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
def test_buffers_overlap_in_memory_or_in_time_but_never_in_both(model: bytes) -> None:
    arena = mapped(model)
    assert {item.name for item in arena.items if item.kind == "tensor"} == {
        tensor.name for tensor in read_model(model).tensors
    }


# ---- a firmware whose memory is damaged ----


class Damaged:
    """An engine that reads some words as others; all else is that of a real one."""

    def __init__(self, engine: Engine, damage: dict[int, int]) -> None:
        self._engine, self._damage, self._reads = engine, damage, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def read(self, address: int, size: int) -> bytes:
        data = self._engine.read(address, size)
        self._reads += 1
        wild = self._damage.get(self._reads % 401)
        return data if wild is None else (wild.to_bytes(4, "little") + data[4:])[:size]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.integers(0, 400), st.integers(0, (1 << 32) - 1), min_size=1, max_size=3))
def test_damaged_memory_gives_no_map_or_one_that_adds_up(damage: dict[int, int]) -> None:
    target = load(SVDF)
    target.session.engine = cast("Engine", Damaged(target.session.engine, damage))
    with contextlib.suppress(NoVerdictError):
        if (seen := trace(target.session, target.start)) and (made := arena_map(seen, [], [])):
            kept = [item.size_bytes for item in made.items if item.part == "persistent"]
            assert sum(kept) == seen.parts.persistent


# ---- the command ----


def view(*arguments: str | Path) -> str:
    ran = lab("arena", *arguments, "--board", NANO)
    no_traceback(ran)
    assert ran.code == 0, ran.err
    return ran.out


def wasteful(where: Path) -> Path:
    """Two large tensors wait for a late concatenation, while small ones are worked on."""
    big, small = [1, 64, 64, 4], [1, 16]
    tensors = [
        quantized(big, name="camera"), quantized(big, name="left_branch"),
        quantized(big, name="right_branch"), quantized(small, name="tag"),
        *(quantized(small, name=f"tag_{number}") for number in range(4)),
        quantized([1, 64, 64, 8], name="late_concat"),
    ]  # fmt: skip
    copies = [Op("RELU", [0], [1]), Op("RELU", [0], [2])]
    copies += [Op("RELU", [number], [number + 1]) for number in range(3, 7)]
    late = Op("CONCATENATION", [1, 2], [8], 1, "ConcatenationOptions", {"Axis": 3})
    path = where / "wasteful.tflite"
    path.write_bytes(build(Graph(tensors, [*copies, late], [0, 3], [7, 8])))
    return path


def test_the_first_lines_name_the_culprit(tmp_path: Path) -> None:
    lines = view(wasteful(tmp_path)).splitlines()
    assert lines[0].startswith("ARENA  wasteful.tflite on arduino_nano33ble_sense: required 6")
    assert lines[1] == (
        "       fullest at operator 6 CONCATENATION: 4 buffers alive, 65,552 B (64.0 KiB)"
    )
    assert lines[2] == "       32,768 B  operator 6        int8[1,64,64,8]  late_concat"
    assert lines[3] == "       16,384 B  operators 0 to 6  int8[1,64,64,4]  left_branch"
    assert lines[4] == "       16,384 B  operators 1 to 6  int8[1,64,64,4]  right_branch"
    assert lines[6].startswith("       no plan can do with less")
    drawn = "".join(line.partition(" |")[2] for line in lines)
    (hidden,) = (line for line in lines if line.startswith("  not in the map, too small"))
    named = hidden.partition(": ")[2].split(", ")
    assert "".join(named) == "EFGHI"
    assert not set(named) & set(drawn)
    assert set("ABCD") <= set(drawn)


@pytest.mark.parametrize("name", ["anomaly_detector", "tiny_float"])
def test_why_more_is_required_than_reported_is_said_by_name(name: str) -> None:
    """And the sum is right: 16 bytes less fail, for want of what is named last."""
    path = model_path(name)
    text = view(path)
    model = read_model(path)
    sizes = re.search(r"Why ([\d,]+) B are required, but ([\d,]+) B reported", text)
    assert sizes
    required, reported = (int(size.replace(",", "")) for size in sizes.groups())
    persistent, infos, planner, together = (
        int(found.replace(",", ""))
        for found in re.findall(
            r"^ +([\d,]+) B  (?:persistent data so far|AllocationInfo|memory planner|together)",
            text,
            re.MULTILINE,
        )
    )
    assert together == persistent + infos + planner > reported
    assert infos == 20 * len(model.tensors)
    planned = sum(not tensor.is_constant for tensor in model.tensors)
    assert planner == 36 * planned
    assert 0 <= required - together < 16
    assert text.count(f"With 16 B less: Too many buffers (max is {planned - 1})") == 1
    less = lab("check", path, "--board", NANO, "--arena", str(required - 16), "--json", "-")
    assert json.loads(less.out)["failure"]["log"][0] == f"Too many buffers (max is {planned - 1})"


def test_the_record_has_the_map_and_the_check_the_same(tmp_path: Path) -> None:
    ran = lab("arena", model_path("tiny_float"), "--board", NANO, "--json", tmp_path / "a.json")
    assert ran.code == 0
    record = json.loads((tmp_path / "a.json").read_text())
    checked = lab("check", model_path("tiny_float"), "--board", NANO, "--details", "--json", "-")
    assert json.loads(checked.out)["details"]["arena"] == record["details"]["arena"]
    assert record["peak"]["live_bytes"] == record["details"]["arena"]["lower_bound_bytes"]
    assert lab("arena", model_path("tiny_float"), "--board", NANO, "--json", "-").out == (
        (tmp_path / "a.json").read_text()
    )


def test_a_model_that_does_not_fit_is_measured_all_the_same() -> None:
    ran = lab("arena", model_path("keyword_spotter"), "--board", SMALL)
    assert ran.code == 0
    assert "fullest at operator 1 DEPTHWISE_CONV_2D: 2 buffers alive, 16,000 B" in ran.out


@pytest.mark.parametrize("command", ["arena", "stack", "profile", "size"])
def test_every_view_says_that_it_does_not_fit(command: str) -> None:
    ran = lab(command, "keyword_spotter", "--board", SMALL)
    assert ran.code == 0
    line = ran.out.splitlines()[1]
    assert line.startswith("DOES NOT FIT this board: short by ")
    assert line.endswith(" of RAM (lab check says why); measured in the probe map")
    late = lab(command, "keyword_spotter", "--board", SMALL, "--timeout", "2000000")
    assert (late.code, late.problems) == (2, ["lab: timeout must be up to 1,000,000 s, got 2e+06"])


def test_a_model_that_does_not_run_says_why(tmp_path: Path) -> None:
    picture = tmp_path / "none.svg"
    ran = lab("arena", model_path("fails_gelu"), "--board", NANO, "--plot", picture)
    assert not picture.exists()
    assert ran.code == 1
    assert ran.out.startswith("FAILS  ")
    assert "GELU" in ran.out


@pytest.mark.parametrize("ending", ["png", "SVG"])
def test_the_picture_is_the_same_each_time(ending: str, tmp_path: Path) -> None:
    pictures = [tmp_path / f"{number}.{ending}" for number in range(2)]
    for picture in pictures:
        view(model_path("tiny_float"), "--plot", picture)
    first, second = (picture.read_bytes() for picture in pictures)
    assert first == second
    assert first.startswith({"png": b"\x89PNG", "SVG": b"<?xml"}[ending])
    assert str(tmp_path).encode() not in first


def test_odd_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    """Nothing in a name is a formula or markup."""
    shape = [1, 4096]
    tensors = [quantized(shape, name="$\\frac{"), quantized(shape, name="<层&\x01\x7f\n>")]
    (tmp_path / "odd.tflite").write_bytes(build(Graph(tensors, [Op("RELU", [0], [1])], [0], [1])))
    for ending in ("png", "svg"):
        view(tmp_path / "odd.tflite", "--plot", tmp_path / f"odd.{ending}")
    ElementTree.parse(tmp_path / "odd.svg")


@pytest.mark.parametrize(
    ("picture", "words"),
    [("arena.pdf", "--plot: ends neither in .png nor in .svg: arena.pdf"), ("", "--plot: ends"),
     ("nowhere/arena.svg", "cannot write nowhere/arena.svg: No such file or directory")],
)  # fmt: skip
def test_a_picture_that_cannot_be_is_refused_at_once(picture: str, words: str) -> None:
    ran = lab("arena", "no_such_model", "--board", NANO, "--plot", picture)
    assert ran.code == 2
    assert ran.problems[0].startswith(f"lab: {words}")
    assert len(ran.problems) == 1


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cut.tflite").write_bytes(model_path("tiny_float").read_bytes()[:700])
    ran = lab("arena", tmp_path / "cut.tflite", "--board", NANO)
    no_traceback(ran)
    assert (ran.code, len(ran.problems)) == (3, 1)
