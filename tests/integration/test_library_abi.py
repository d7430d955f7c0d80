"""For which processor a library was built: read from it, and refused where it does not fit."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from fake_tflm import TREE, archive, stub
from support import ROOT, Ran, lab, no_traceback

from lab.arm_attributes import core_abi, fitting_cores, mismatch
from lab.cores import CORES
from lab.errors import InputError
from lab.library_facts import examine
from lab.toolchain import find_toolchain
from lab.zoo import model_path

TINY = model_path("tiny_float")
# Rows of the Makefile's table: TARGET_ARCH, what it makes of it, and the cores it fits.
TARGETS = {
    "cortex-m0": ("-mcpu=cortex-m0 -mfloat-abi=soft", ["cortex-m0plus"]),
    "cortex-m0plus": ("-mcpu=cortex-m0plus -mfloat-abi=soft", ["cortex-m0plus"]),
    "cortex-m3": ("-mcpu=cortex-m3 -mfloat-abi=soft", ["cortex-m3"]),
    "cortex-m4": ("-mcpu=cortex-m4+nofp -mfloat-abi=soft", ["cortex-m4"]),
    "cortex-m7": ("-mcpu=cortex-m7+nofp -mfloat-abi=soft", ["cortex-m4"]),
    "cortex-m4+sfp": ("-mcpu=cortex-m4 -mfloat-abi=softfp", []),
    "cortex-m4+fp": (
        "-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=auto",
        ["cortex-m4f", "cortex-m7f", "cortex-m7fd"],
    ),
    "cortex-m7+fp": ("-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=auto", ["cortex-m7fd"]),
    "cortex-m33": ("-mcpu=cortex-m33 -mfloat-abi=hard -mfpu=auto", ["cortex-m33f"]),
    "cortex-m33+nodsp": ("-mcpu=cortex-m33+nodsp -mfloat-abi=soft", []),
    "cortex-m55": ("-mcpu=cortex-m55 -mfloat-abi=hard -mfpu=auto", []),
}
M4F = "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16"


@pytest.mark.parametrize("target", TARGETS)
def test_cores_that_a_target_arch_fits(target: str, tmp_path: Path) -> None:
    flags, cores = TARGETS[target]
    facts = examine(stub(tmp_path, "-mthumb", *flags.split()), "lib.a")
    assert fitting_cores(facts.abi) == cores


@pytest.mark.parametrize("core", CORES.values(), ids=CORES)
def test_what_is_compiled_for_a_core_says_what_the_core_is(core: object, tmp_path: Path) -> None:
    name = core.name  # type: ignore[attr-defined]
    facts = examine(stub(tmp_path, *CORES[name].flags), "lib.a")
    wanted = core_abi(CORES[name])
    assert not mismatch(facts.abi, CORES[name])
    assert (facts.abi.architecture, facts.abi.float_abi) == (wanted.architecture, wanted.float_abi)
    assert (facts.abi.fpu, facts.abi.double) == (wanted.fpu, wanted.double)


def test_the_table_in_the_docs() -> None:
    text = (ROOT / "docs" / "runtimes.md").read_text()
    (table,) = re.findall(r"\| `TARGET_ARCH` .*?\n\n", text, re.DOTALL)
    rows = [line.split("|")[1:3] for line in table.strip().splitlines()[2:]]
    said = {
        target: re.findall("`([^`]+)`", cores)
        for targets, cores in rows
        for target in re.findall("`([^`]+)`", targets)
    }
    assert said == {target: cores for target, (_, cores) in TARGETS.items()}


# Board of each core of the library, and what is refused on it, word for word.
REFUSALS = {
    ("-mcpu=cortex-m3 -mfloat-abi=soft", "nucleo_l4r5zi"): (
        "other processor: it is built for Armv7-M, soft-float ABI, no FPU; cortex-m4f is Armv7E-M "
        "(cortex-m4), hard-float ABI, single-precision VFPv4 (build it with "
        "TARGET=cortex_m_generic TARGET_ARCH=cortex-m4+fp)"
    ),
    ("-mcpu=cortex-m4+nofp -mfloat-abi=soft", "nucleo_l4r5zi"): (
        "other float ABI: it is built for Armv7E-M, soft-float ABI, no FPU; cortex-m4f is Armv7E-M "
        "(cortex-m4), hard-float ABI, single-precision VFPv4 (build it with "
        "TARGET=cortex_m_generic TARGET_ARCH=cortex-m4+fp)"
    ),
    ("-mcpu=cortex-m4 -mfloat-abi=softfp", "nucleo_l4r5zi"): (
        "other float ABI: it is built for Armv7E-M, softfp-float ABI, single-precision VFPv4; "
        "cortex-m4f is Armv7E-M (cortex-m4), hard-float ABI, single-precision VFPv4 (build it with "
        "TARGET=cortex_m_generic TARGET_ARCH=cortex-m4+fp)"
    ),
    ("-mcpu=cortex-m7 -mfloat-abi=hard -mfpu=fpv5-d16", "nucleo_l4r5zi"): (
        "other FPU: it is built for Armv7E-M, hard-float ABI, double-precision FPv5; cortex-m4f is "
        "Armv7E-M (cortex-m4), hard-float ABI, single-precision VFPv4 (build it with "
        "TARGET=cortex_m_generic TARGET_ARCH=cortex-m4+fp)"
    ),
    (f"{M4F} -fno-short-enums", "nucleo_l4r5zi"): (
        "its enums are of size int, those of an image for cortex-m4f are short (build it with "
        "TARGET=cortex_m_generic TARGET_ARCH=cortex-m4+fp, without -fno-short-enums)"
    ),
    ("-mcpu=cortex-m55 -mfloat-abi=hard -mfpu=auto", "nucleo_l4r5zi"): (
        "other processor: it is built for Armv8.1-M mainline (cortex-m55), hard-float ABI, "
        "double-precision FPv5, vector instructions; cortex-m4f is Armv7E-M (cortex-m4), "
        "hard-float ABI, single-precision VFPv4 (build it with TARGET=cortex_m_generic "
        "TARGET_ARCH=cortex-m4+fp)"
    ),
}


def _check(manifest: Path, board: str) -> Ran:
    ran = lab("check", TINY, "--board", board, "--runtime", manifest)
    no_traceback(ran)
    return ran


def _manifest(where: Path, library: Path, **keys: str) -> Path:
    values = {"name": "mine", "kind": "library", "api": "2026-08", "kernels": "reference",
              "library": str(library), "include": f"[{TREE}]"} | keys  # fmt: skip
    path = where / "mine.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in values.items()))
    return path


@pytest.mark.parametrize(("flags", "board"), REFUSALS)
def test_refused_before_linking_with_both_sides_named(
    flags: str, board: str, tmp_path: Path
) -> None:
    library = stub(tmp_path, "-mthumb", *flags.split())
    ran = _check(_manifest(tmp_path, library), board)
    what = REFUSALS[flags, board]
    assert ran.problems == [f"lab: runtime mine: {library}: {what} for {board}"]
    assert ran.code == 2


def test_members_that_disagree(tmp_path: Path) -> None:
    stub(tmp_path / "a", *M4F.split())
    stub(tmp_path / "b", *M4F.replace("m4", "m3").replace("hard", "soft").split())
    (tmp_path / "b" / "stub.o").rename(tmp_path / "other.o")
    library = tmp_path / "mixed.a"
    archive([str(tmp_path / "a" / "stub.o"), "other.o"], library, tmp_path)
    with pytest.raises(InputError) as error:
        examine(library, "mixed.a")
    assert error.value.lines() == [
        "mixed.a: its members disagree: stub.o is built for Armv7E-M, other.o for Armv7-M "
        "(hint: build all of it again)"
    ]


def test_members_whose_float_abi_disagrees(tmp_path: Path) -> None:
    stub(tmp_path / "a", *M4F.split())
    stub(tmp_path / "b", *M4F.replace("hard", "softfp").split())
    (tmp_path / "b" / "stub.o").rename(tmp_path / "other.o")
    library = tmp_path / "mixed.a"
    archive([str(tmp_path / "a" / "stub.o"), "other.o"], library, tmp_path)
    with pytest.raises(InputError) as error:
        examine(library, "mixed.a")
    assert error.value.lines() == [
        "mixed.a: its members disagree: stub.o is built for the hard-float ABI, other.o for the "
        "soft-float ABI (hint: build all of it again)"
    ]


def _run(command: list[str], where: Path) -> None:
    subprocess.run(command, cwd=where, check=True, capture_output=True)


def test_a_library_of_this_computer(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text("int x;\n")
    _run(["gcc", "-c", "x.c"], tmp_path)
    archive(["x.o"], tmp_path / "x.a", tmp_path)
    with pytest.raises(InputError, match=r"x\.a\(x\.o\): built for .*, not for Arm \(hint: build"):
        examine(tmp_path / "x.a", "x.a")


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (
            ["-flto"],
            "x.a: stub.o holds no machine code, only a compiler's own form (LTO) "
            "(hint: build it without -flto)",
        ),
    ],
)
def test_link_time_optimisation(flags: list[str], problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        examine(stub(tmp_path, *M4F.split(), *flags), "x.a")
    assert error.value.lines() == [problem]


def test_bitcode_of_another_compiler(tmp_path: Path) -> None:
    (tmp_path / "x.o").write_bytes(b"BC\xc0\xde and so on")
    archive(["x.o"], tmp_path / "x.a", tmp_path)
    with pytest.raises(InputError) as error:
        examine(tmp_path / "x.a", "x.a")
    assert error.value.lines() == [
        "x.a: x.o holds no machine code, only a compiler's own form (LTO) "
        "(hint: build it without -flto)"
    ]


def test_members_that_do_not_say_what_they_were_built_for(tmp_path: Path) -> None:
    stub(tmp_path, *M4F.split())
    objcopy = find_toolchain().objcopy
    _run([objcopy, "--remove-section", ".ARM.attributes", "stub.o", "bare.o"], tmp_path)
    archive(["bare.o"], tmp_path / "x.a", tmp_path)
    with pytest.raises(InputError) as error:
        examine(tmp_path / "x.a", "x.a")
    assert error.value.lines() == [
        "x.a: no member says for which processor it was built "
        "(hint: build it with a compiler that writes Arm build attributes)"
    ]


def test_an_image_in_an_archive(tmp_path: Path) -> None:
    stub(tmp_path, *M4F.split())
    gcc = find_toolchain().gcc
    _run([gcc, *M4F.split(), "-nostdlib", "-Wl,-e,twice", "stub.o", "-o", "x.elf"], tmp_path)
    archive(["x.elf"], tmp_path / "x.a", tmp_path)
    with pytest.raises(InputError) as error:
        examine(tmp_path / "x.a", "x.a")
    assert error.value.lines() == ["x.a(x.elf): not an object file, but already linked"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--core", "cortex-m9"), 'no core "cortex-m9" (hint: did you mean "cortex-m4"?)'),
        (
            ("--core", "cortex-m4f", "--board", "nucleo_l4r5zi"),
            "give --board or --core, not both",
        ),
    ],
)
def test_verify_asked_for_what_makes_no_sense(arguments: tuple[str, ...], problem: str) -> None:
    ran = lab("runtime", "verify", "tflm-2020-07", *arguments)
    assert (ran.code, ran.problems) == (2, [f"lab: {problem}"])


def test_verify_for_a_core_it_is_not_built_for(tmp_path: Path) -> None:
    library = stub(tmp_path, *M4F.split())
    ran = lab("runtime", "verify", _manifest(tmp_path, library), "--core", "cortex-m3")
    assert ran.code == 2
    assert ran.problems[0].startswith(f"lab: runtime mine: {library}: other processor: ")


def test_a_library_that_is_not_tflm(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text("int x(void) { return 1; }\n")
    _run([find_toolchain().gcc, *M4F.split(), "-c", "x.c"], tmp_path)
    archive(["x.o"], tmp_path / "x.a", tmp_path)
    with pytest.raises(InputError) as error:
        examine(tmp_path / "x.a", "x.a")
    assert error.value.lines() == [
        "x.a: defines no tflite::MicroInterpreter: this is not TFLM "
        "(hint: give the libtensorflow-microlite.a)"
    ]


def test_an_empty_library(tmp_path: Path) -> None:
    archive([], tmp_path / "x.a", tmp_path)
    with pytest.raises(InputError) as error:
        examine(tmp_path / "x.a", "x.a")
    assert error.value.lines() == ["x.a: holds no object files (hint: build it again)"]


def test_another_generation_than_the_manifest_says(tmp_path: Path) -> None:
    library = stub(tmp_path, *M4F.split(), api="2020-07")
    ran = _check(_manifest(tmp_path, library), "nucleo_l4r5zi")
    assert ran.problems == [
        f"lab: {tmp_path / 'mine.yaml'}:3:6: api: is 2026-08, but the library's interpreter is "
        "that of 2020-07 (hint: write 2020-07)"
    ]
    assert ran.code == 3


def test_other_kernels_than_the_manifest_says(tmp_path: Path) -> None:
    library = stub(tmp_path, *M4F.split())
    ran = _check(_manifest(tmp_path, library, kernels="cmsis_nn"), "nucleo_l4r5zi")
    assert ran.problems == [
        f"lab: {tmp_path / 'mine.yaml'}:4:10: kernels: is cmsis_nn, but the library has no "
        "arm_convolve_s8 (hint: write reference)"
    ]
    assert ran.code == 3
