"""The whole path with a library of the 2026 generation: our stand-in, the real one is not here.

What passes here is that the lab does what its notes say of that generation; that the notes are
right is not shown by it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_tflm import TREE, Variant, archive, build, for_core
from support import NANO, Ran, lab, no_traceback

from lab.cores import CORES
from lab.model_writer import Graph, Op, T, one_op, quantized
from lab.model_writer import build as build_model
from lab.zoo import model_path

TINY, KEYWORDS = model_path("tiny_float"), model_path("keyword_spotter")
PLAIN = Variant()


def with_defines(*names: str) -> Variant:
    return replace(PLAIN, defines=(*PLAIN.defines, *names))


VARIANTS = {
    "plain": PLAIN,
    "optimised": replace(PLAIN, opt="-O2"),
    "debug": replace(PLAIN, more=("-g",)),
    "checks": replace(PLAIN, defines=PLAIN.defines[:2]),
    "release": with_defines("TF_LITE_STRIP_ERROR_STRINGS"),
    "cmsis_nn": with_defines("FAKE_CMSIS_NN"),
    "generic": with_defines("FAKE_GENERIC"),
    "tangled": with_defines("FAKE_GENERIC", "FAKE_TANGLED"),
    "dynamic": replace(PLAIN, defines=PLAIN.defines[1:]),
}


def added(
    where: Path, variant: Variant, kernels: str = "reference", defines: Sequence[str] = ()
) -> Path:
    """A manifest for the stand-in."""
    path = where / "fake.yaml"
    ran = lab(
        "runtime", "add", "fake", "-o", path, "--library", build(variant), "--include", TREE,
        "--api", "2026-08", "--kernels", kernels, *(f"--define={one}" for one in defines),
    )  # fmt: skip
    assert ran.code == 0, ran.err
    return path


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A manifest for every variant."""
    return {
        name: added(tmp_path_factory.mktemp(name), variant,
                    "cmsis_nn" if name == "cmsis_nn" else "reference")
        for name, variant in VARIANTS.items()
    }  # fmt: skip


def check(manifest: Path, model: Path, *more: str, board: str = NANO) -> tuple[Ran, dict[str, Any]]:
    ran = lab("check", model, "--board", board, "--runtime", manifest, "--json", "-", *more)
    no_traceback(ran)
    return ran, json.loads(ran.out)


@pytest.mark.parametrize("core", CORES)
def test_the_api_compiles_links_and_runs_on_every_core(core: str, tmp_path: Path) -> None:
    manifest = added(tmp_path, for_core(CORES[core]))
    ran = lab("runtime", "verify", manifest, "--core", core)
    assert [line[:5] for line in ran.out.splitlines()] == ["RIGHT", "RIGHT"], ran.out + ran.err


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "dynamic"])
def test_every_variant_fits_and_is_measured(manifests: dict[str, Path], name: str) -> None:
    ran, record = check(manifests[name], KEYWORDS)
    assert ran.code == 0, ran.err
    arena = record["arena"]
    assert arena["persistent_bytes"] + arena["non_persistent_bytes"] <= arena["required_bytes"]
    # T = 38 tensors, O = 12 operators: the structures whose sizes are known.
    assert arena["persistent_bytes"] > 36 + 44 + 36 + 8 + 8 + 38 * 12 + 12 * 32
    assert [one["name"] for one in record["operators"]][:3] == [
        "CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D",
    ]  # fmt: skip
    assert len(record["operators"]) == record["model"]["operators"] == 12
    assert record["peak"]["tensors"][-1]["name"] == "scratch buffer"
    assert record["resolver"][0] == "resolver.AddConv2D();"
    assert record["runtime"]["api"] == "2026-08"
    assert record["runtime"]["source_sha256"] is None
    assert record["failure"] is None
    defined = {flag[2:] for flag in record["build"]["flags"] if flag.startswith("-D")}
    assert ("NDEBUG" in defined) == (name != "checks")
    assert ("TF_LITE_STRIP_ERROR_STRINGS" in defined) == (name == "release")


@pytest.mark.parametrize("name", ["plain", "optimised", "debug", "release"])
@pytest.mark.parametrize("model", [TINY, KEYWORDS], ids=lambda path: path.stem)
def test_every_byte_of_the_arena_has_an_owner(
    manifests: dict[str, Path], name: str, model: Path
) -> None:
    ran, record = check(manifests[name], model, "--details")
    assert ran.code == 0, ran.err
    arena, found = record["arena"], record["details"]["arena"]
    kept = [item for item in found["items"] if item["part"] == "persistent"]
    persistent = sum(item["size_bytes"] for item in kept)
    assert persistent == arena["persistent_bytes"]
    assert persistent + found["planned_bytes"] == arena["reported_bytes"]
    assert {item["kind"] for item in kept} <= {"structure", "kernel", "quantization", "alignment"}
    planning = sum(item["size_bytes"] for item in found["planning"])
    assert 0 <= arena["required_bytes"] - max(planning, arena["reported_bytes"]) < 16
    assert found["lower_bound_bytes"] == record["peak"]["live_bytes"]
    scratch = [item for item in found["items"] if item["kind"] == "scratch"]
    assert {item["operator"] for item in scratch} == (set() if model == TINY else {2, 4, 6, 8, 0})


def test_a_runtime_that_does_not_show_its_arena_is_said_not_to(tmp_path: Path) -> None:
    renamed = "AddBuffer=Added"
    other = added(tmp_path, with_defines(renamed), defines=(renamed,))
    ran = lab("arena", TINY, "--board", NANO, "--runtime", other, "--plot", tmp_path / "a.png")
    assert ran.code == 5
    assert ran.out.splitlines()[0].endswith("required 928 B, measured; reported by TFLM 656 B")
    assert "fake does not show who owns it" in ran.out
    assert not (tmp_path / "a.png").exists()


def test_all_kinds_of_log_measure_the_same(manifests: dict[str, Path]) -> None:
    """Whoever formats the log: nothing of it is on the way of a run that succeeds."""
    records = [check(manifests[name], TINY)[1] for name in ("plain", "generic")]
    for one in records:
        one.pop("runtime")
        one["build"].pop("image_sha256")
    assert records[0] == records[1]


FIELDS = (
    "graph_", "subgraph_allocations_", "current_subgraph_index_", "current_operator_index_",
    "non_persistent_buffer_allocator_", "persistent_buffer_allocator_", "head_", "tail_",
    "buffer_head_", "buffer_tail_", "node_and_registrations", "memory_planner_",
    "builtin_data_allocator_", "scratch_buffer_handles_", "input_tensors_", "output_tensors_",
    "max_buffer_count_", "requirements_", "buffer_offsets_",
)  # fmt: skip


def test_fields_under_other_names_are_found_by_their_known_offsets(
    manifests: dict[str, Path], tmp_path: Path
) -> None:
    defines = tuple(f"{name}=other_{name}" for name in FIELDS)
    other = added(tmp_path, with_defines(*defines), defines=defines)
    for more in ("--seed=2", "--arena=16384"):
        records = [
            check(one, KEYWORDS, more, "--details")[1] for one in (manifests["plain"], other)
        ]
        for one in records:
            one.pop("runtime")
            del one["build"]["image_sha256"], one["build"]["flags"]
            assert one["arena"]["persistent_bytes"] > 1000
            assert len(one["operators"]) == 12
            assert one["details"]["arena"]
        assert records[0] == records[1]


ARENA_CLASSES = {
    f"arena_too_small_{part}" for part in ("persistent", "temp", "nonpersistent", "crash")
}


@pytest.mark.parametrize("name", ["plain", "generic", "tangled", "debug"])
def test_a_small_arena_is_named_with_the_runtimes_own_words(
    manifests: dict[str, Path], name: str
) -> None:
    ran, record = check(manifests[name], KEYWORDS, "--arena", "16384")
    assert ran.code == 1
    assert record["verdict"]["limit"] == "arena"
    failure = record["failure"]
    assert failure["failure_class"] == "arena_too_small_nonpersistent"
    assert failure["log"][0].startswith("Failed to resize buffer. Requested: 16064, available ")


def test_every_size_of_arena_up_to_the_required_one_is_classed(manifests: dict[str, Path]) -> None:
    required = check(manifests["plain"], TINY)[1]["arena"]["required_bytes"]
    seen = set()
    for size in range(16, required, 160):
        ran, record = check(manifests["plain"], TINY, "--arena", str(size))
        assert ran.code == 1, ran.err
        assert record["verdict"]["margin_bytes"] == size - required
        seen.add(record["failure"]["failure_class"])
        assert record["failure"]["operator"] in {None, 0, 1, 2}
    assert seen & {"arena_too_small_persistent"}
    assert seen & {"arena_too_small_temp"}
    assert seen <= ARENA_CLASSES | {"guest_fault"}, seen


def test_a_release_library_fails_without_words(manifests: dict[str, Path]) -> None:
    ran, record = check(manifests["release"], KEYWORDS, "--arena", "16384")
    assert ran.code == 1
    assert record["failure"]["log"] == []
    assert record["failure"]["failure_class"] == "failed_without_words"
    assert record["verdict"]["limit"] == "arena"


def test_model_too_big_for_the_board(manifests: dict[str, Path]) -> None:
    ran, record = check(manifests["plain"], KEYWORDS, "--ram", "16 KiB")
    assert ran.code == 1
    assert record["verdict"]["status"] == "does_not_fit"
    assert record["verdict"]["limit"] == "ram"


def test_operators_that_the_generation_lacks(manifests: dict[str, Path]) -> None:
    ran, record = check(manifests["plain"], model_path("separation_w8_upsampling2d"))
    assert ran.code == 1
    verdict = record["verdict"]
    assert verdict["failure_class"] == "op_missing"
    assert verdict["summary"] == "operator 5 TILE: is not in this runtime"


def _write(where: Path, data: bytes) -> Path:
    path = where / "model.tflite"
    path.write_bytes(data)
    return path


def test_a_runtime_that_halts_is_said_to_halt(manifests: dict[str, Path], tmp_path: Path) -> None:
    model = _write(tmp_path, one_op("CEIL", [T([4])], [T([4])]))
    ran, record = check(manifests["plain"], model)
    assert ran.code == 1
    assert record["failure"]["failure_class"] == "halted"
    assert record["failure"]["log"] == ["HALTED"]
    assert record["failure"]["operator"] == 0


def test_unknown_types_are_built_and_the_run_decides(
    manifests: dict[str, Path], tmp_path: Path
) -> None:
    weights = T([1, 1, 1, 1], "int8", data=[1], scale=[0.1])
    tensors = [T([1, 1, 1, 1], "int32"), weights, T([1, 1, 1, 1], "int32")]
    conv = Op("CONV_2D", [0, 1], [2], 3, "Conv2DOptions", {"StrideW": 1, "StrideH": 1})
    model = _write(tmp_path, build_model(Graph(tensors, [conv], [0], [2])))
    ran, record = check(manifests["plain"], model)
    assert ran.code == 1
    assert record["findings"][0]["verdict"] == "unknown"
    assert record["failure"]["failure_class"] == "unsupported_type"
    assert record["failure"]["phase"] == "invoke"


def test_operators_inside_an_operator(manifests: dict[str, Path], tmp_path: Path) -> None:
    """Control flow: the operators that run inside return to the same place as those around."""
    shape = [1, 64]
    steps = [Op("RESHAPE", [0], [1]), Op("CALL_ONCE", [1], [2], 1, "CallOnceOptions"),
             Op("RESHAPE", [1], [3])]  # fmt: skip
    tensors = [quantized(shape), quantized(shape), quantized(shape), quantized(shape)]
    model = _write(tmp_path, build_model(Graph(tensors, steps, [0], [3])))
    ran, record = check(manifests["plain"], model)
    assert ran.code == 0, ran.err
    first, inner, last = (one["instructions"] for one in record["operators"])
    assert inner > first + last
    assert first + inner + last < record["run"]["instructions"]


def test_verify_finds_structures_that_differ(manifests: dict[str, Path]) -> None:
    ran = lab("runtime", "verify", manifests["dynamic"])
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[0].startswith(("WRONG  tiny_float on cortex-m4f: ", "FAILS  tiny_float on "))
    assert lines[-1] == (
        "likely: the library was built without TF_LITE_STATIC_MEMORY (it defines "
        "TfLiteIntArrayCreate): build it with TARGET=cortex_m_generic"
    )


def test_show_and_list(manifests: dict[str, Path], tmp_path: Path) -> None:
    shown = lab("runtime", "show", manifests["checks"]).out
    assert "built for Armv7E-M, hard-float ABI, single-precision VFPv4" in shown
    assert "cores     cortex-m4f, cortex-m7f, cortex-m7fd" in shown
    assert "checks    on: slower than a release build" in shown
    config = {"TFLM_LAB_CONFIG": str(tmp_path)}
    library = build(PLAIN)
    more = ("--library", library, "--include", TREE, "--api", "2026-08", "--kernels", "reference")
    assert lab("runtime", "add", "mine", *more, env=config).code == 0
    again = lab("runtime", "add", "mine", *more, env=config)
    assert again.code == 2
    place = tmp_path / "runtimes" / "mine.yaml"
    assert again.problems == [f"lab: there is a runtime mine already (remove {place} first)"]
    listed = lab("runtime", "list", env=config).out.splitlines()
    assert listed[0].startswith("tflm-2020-07  ")
    assert listed[1].startswith("mine  TensorFlow Lite Micro, August 2026 or near")
    ran = lab("check", TINY, "--board", NANO, "--runtime", "mine", env=config)
    assert ran.code == 0, ran.err
    place.write_text(place.read_text().replace("microlite", "macrolite"))
    listed = lab("runtime", "list", env=config).out.splitlines()
    assert listed[1].startswith("mine  not usable: ")
    lost = lab("check", TINY, "--board", NANO, "--runtime", "mina", env=config)
    assert lost.problems == ['lab: no runtime "mina" (hint: did you mean "mine"?)']
    assert lost.code == 2


def test_stack_and_profile(manifests: dict[str, Path]) -> None:
    """Without debug information counts are as exact, but who called is known only in part."""
    for name, whole in (("plain", False), ("debug", True)):
        options = ("-b", NANO, "--runtime", manifests[name])
        ran = lab("profile", TINY, *options, "--json", "-")
        assert ran.code == 0, ran.err
        record = json.loads(ran.out)
        functions = record["details"]["profile"]["functions"]
        for unit in ("instructions", "cycles"):
            assert sum(one[unit] for one in functions) == record["run"][unit]
        chains = [point["chain"] for point in record["details"]["stack"]["points"]]
        assert all(chains)
        ends = {chain[-1]["function"] == "Reset_Handler" for chain in chains}
        assert ends == ({True} if whole else {False})
        shown = lab("stack", TINY, *options).out
        assert ("of callers that are not known" in shown) == (not whole)


def test_ops_with_prices(manifests: dict[str, Path]) -> None:
    lines = lab("ops", KEYWORDS, "--runtime", manifests["cmsis_nn"]).out.splitlines()
    assert lines[0] == "YES  keyword_spotter.tflite on fake: 12 supported"
    assert lines[1].endswith("int8 int8 int32 -> int8; flash 34,024 B")
    assert lines[-1].startswith("flash: one operator alone, measured with TFLM of August 2026")
    lines = lab("ops", KEYWORDS, "--runtime", manifests["plain"]).out.splitlines()
    assert lines[1].endswith("flash 12,832 B")


def test_a_library_whose_log_cannot_be_left_out(tmp_path: Path) -> None:
    library = build(with_defines("FAKE_TANGLED"))
    ran = lab(
        "runtime", "add", "fake", "-o", tmp_path / "x.yaml", "--library", library, "--include",
        TREE, "--api", "2026-08", "--kernels", "reference",
    )  # fmt: skip
    assert ran.problems == [
        f"lab: {library}: debug_log.o defines DebugLog together with functions that others need "
        "(hint: build it with TARGET=cortex_m_generic)"
    ]
    assert ran.code == 3
    assert not (tmp_path / "x.yaml").exists()


def test_a_library_of_which_a_part_is_missing(tmp_path: Path) -> None:
    """The linker's word, one line: what it lacks."""
    whole = build(PLAIN)
    objects = [str(one) for one in sorted(whole.parent.glob("*.o")) if one.stem != "planner"]
    archive(objects, tmp_path / "part.a", tmp_path)
    manifest = tmp_path / "part.yaml"
    ran = lab(
        "runtime", "add", "part", "-o", manifest, "--library", tmp_path / "part.a", "--include",
        TREE, "--api", "2026-08", "--kernels", "reference",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    ran = lab("check", TINY, "--board", NANO, "--runtime", manifest)
    no_traceback(ran)
    assert ran.code == 4
    assert "undefined reference to" in ran.problems[-1]
