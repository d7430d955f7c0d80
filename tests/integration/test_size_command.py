"""Flash and static RAM by owner: sums against GNU's tools, owners against what the linker does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fake_tflm import TREE, Variant, build, for_core
from planted import MODEL_BYTES, TABLE_BYTES, firmware
from proving import roomy, trial
from support import NANO, NUCLEO, ROOT, Golden, lab, no_traceback, runnable_models, tflm_tree

from lab import Options
from lab.cache import Cache
from lab.cores import CORES
from lab.details import Footprint, Owner, Record
from lab.elf import read_elf
from lab.jobs import size
from lab.jobs.size import elf_size, size_diff
from lab.measure.built_size import BuiltImage, Part, built_footprint, flash_by_name
from lab.measure.elf_size import elf_footprint
from lab.measure.op_models import standard_models
from lab.runner import library
from lab.runtimes import load_crate
from lab.size_records import ElfSize, SizeDiff
from lab.toolchain import find_toolchain
from lab.zoo import model_path

THREE = ("cortex-m0plus", "cortex-m4f", "cortex-m33f")
SOME = ("keyword_spotter", "tiny_float", "separation_w8")
SPOTTER = model_path("keyword_spotter")
SCHEMAS: dict[str, type[Record]] = {"elf-size": ElfSize, "size-diff": SizeDiff}


@cache
def probe_image(model: Path, core: str, runtime: str = load_crate().name) -> Path:
    """The image that a check of this model runs first."""
    one = trial(model, roomy(core), Options(runtime=runtime))
    return one.images.probe.elf


def tool(name: str, *arguments: str | Path) -> list[list[str]]:
    command = [f"arm-none-eabi-{name}", *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.split() for line in done.stdout.splitlines()]


def section_sizes(elf: Path) -> dict[str, int]:
    """What GNU size says of the sections that take the board's memory."""
    rows = tool("size", "-A", elf)
    named = {row[0]: (int(row[1]), int(row[2])) for row in rows
             if len(row) == 3 and row[1].isdigit()}  # fmt: skip
    allocated = {row[1] for row in (
        line.replace("[", "").replace("]", "").split()
        for line in subprocess.run(
            ["arm-none-eabi-readelf", "-SW", str(elf)], check=True, capture_output=True, text=True
        ).stdout.splitlines()
    ) if len(row) > 8 and row[0].isdigit() and "A" in row[7]}  # fmt: skip
    return {name: size for name, (size, _) in named.items()
            if size and name in allocated and name != ".lab"}  # fmt: skip


def sums(footprint: Footprint) -> tuple[int, int]:
    owners = footprint.owners
    return sum(o.flash_bytes for o in owners), sum(o.ram_bytes for o in owners)


def exact(footprint: Footprint, elf: Path) -> None:
    """Both lists of a footprint have the sums of GNU size, section by section and in all."""
    told = section_sizes(elf)
    assert {s.name: max(s.flash_bytes, s.ram_bytes) for s in footprint.sections} == told
    in_ram = {".data", ".bss", ".heap"} & set(told)
    in_flash = set(told) - {".bss", ".heap"}
    flash, ram = (sum(told[name] for name in names) for names in (in_flash, in_ram))
    assert sums(footprint) == (flash, ram)
    assert sum(s.flash_bytes for s in footprint.sections) == flash
    assert sum(s.ram_bytes for s in footprint.sections) == ram
    keys = Counter((owner.group, owner.name) for owner in footprint.owners)
    assert set(keys.values()) == {1}


def one_owner_each(elf: Path) -> None:
    """Portions cover every section without gap or overlap, and no symbol has two owners."""
    built = BuiltImage(elf)
    portions = sorted(built.portions(), key=lambda p: p.address)
    for held in built.held:
        at = held.section.address
        for portion in (p for p in portions if p.held is held):
            assert portion.address == at
            assert portion.size > 0
            at += portion.size
        assert at == held.section.address + held.section.size
    owner = {
        address: portion.owner
        for portion in portions
        for address in range(portion.address, portion.address + portion.size)
    }
    found = 0
    for row in tool("nm", "-S", "--defined-only", elf):
        if len(row) == 4:
            address, size = int(row[0], 16), int(row[1], 16)
            owners = {owner.get(a) for a in range(address, address + size)}
            assert len(owners) == 1, row
            found += None not in owners
    assert found > 100


def all_is_reached(elf: Path) -> None:
    """Whatever the linker kept is reached: no reference is missed."""
    built = BuiltImage(elf)
    reached = built.of_runtime | set(built.users)
    assert [part for _, _, part in built.parts if part not in reached] == []


@pytest.mark.parametrize("core", THREE)
@pytest.mark.parametrize("model", SOME)
def test_sums_are_those_of_gnu_size(model: str, core: str) -> None:
    elf = probe_image(model_path(model), core)
    exact(built_footprint(elf), elf)
    one_owner_each(elf)
    all_is_reached(elf)


@pytest.mark.slow
@pytest.mark.parametrize("core", THREE)
def test_sums_are_those_of_gnu_size_for_every_model(core: str) -> None:
    models = runnable_models()
    assert len(models) > 10
    for model in models.values():
        elf = probe_image(model, core)
        exact(built_footprint(elf), elf)
        one_owner_each(elf)
        all_is_reached(elf)


@pytest.mark.parametrize("operator", ["SOFTMAX", "CONV_2D", "AVERAGE_POOL_2D"])
def test_what_an_operator_owns_goes_with_it(operator: str) -> None:
    """The linker itself is asked: linked again without the operator, just its code is gone."""
    images = trial(SPOTTER, roomy("cortex-m4f")).images
    rest = tuple(one for one in images.recipe.registrations if one.builtin != operator)
    without = images.builder.image(replace(images.recipe, registrations=rest), images.probe.layout)
    full, less = BuiltImage(images.probe.elf), BuiltImage(without)
    alone = {part for part, users in full.users.items() if users == {operator}}
    gone = code_of(part for _, _, part in full.parts) - code_of(p for _, _, p in less.parts)
    assert gone == code_of(alone - full.of_runtime)
    assert sum("tflite" in name for _, name in gone) > 3
    owners = {o.name: o for o in built_footprint(images.probe.elf).owners if o.group == "kernels"}
    assert operator in owners
    assert operator not in {o.name for o in built_footprint(without).owners}


def code_of(parts: Iterable[Part]) -> set[tuple[str, str]]:
    """What archives gave. String literals aside: of equal ones the linker keeps one for all.

    Of an inline function it takes that of the first file, so the mangled name stands alone.
    """
    return {
        ("" if "_Z" in part.section else part.member, part.section)
        for part in parts
        if part.member and ".str1." not in part.section
    }


def test_prices_by_names_are_those_of_sections() -> None:
    """A price is a difference of images: by sections, and name by name, it is the same."""
    images = trial(SPOTTER, roomy("cortex-m4f")).images
    rest = images.recipe.registrations[1:]
    without = images.builder.image(replace(images.recipe, registrations=rest), images.probe.layout)
    names, less = flash_by_name(images.probe.elf), flash_by_name(without)
    by_name = sum(size - less.get(name, 0) for name, size in names.items())
    by_name -= sum(size for name, size in less.items() if name not in names)
    sections = [sums(built_footprint(elf))[0] for elf in (images.probe.elf, without)]
    assert by_name == sections[0] - sections[1] > 0
    assert sum(names.values()) == sections[0]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("record") / "spotter.json"
    ran = lab("size", SPOTTER, "--board", NUCLEO, "--json", path)
    assert ran.code == 0, ran.err
    (path.parent / "shown.txt").write_text(ran.out)
    return path


def test_the_record_agrees_with_the_memory_of_the_check(record: Path) -> None:
    result = json.loads(record.read_text())
    footprint = Footprint.model_validate(result["details"]["footprint"])
    flash, ram = result["memory"]["flash"], result["memory"]["ram"]
    needed = flash["needed_bytes"] - flash["application_bytes"] - flash["padding_bytes"]
    assert sums(footprint) == (needed, ram["static_bytes"])
    assert max(len(owner.largest) for owner in footprint.owners) == 8
    owners = {(owner.group, owner.name): owner for owner in footprint.owners}
    assert owners["model", "model data"].flash_bytes == result["model"]["size_bytes"]
    softmax = owners["kernels", "SOFTMAX"]
    assert softmax.ram_bytes == 32  # its registration: facts of TFLM, 2020
    assert "SoftmaxQuantized" in softmax.largest[0].name
    assert owners["operator data", "option parsing"].largest[0].name == "tflite::ParseOpData"
    groups = {owner.group for owner in footprint.owners}
    assert groups == {
        "model", "kernels", "shared kernels", "interpreter", "allocation", "operator data",
        "error texts", "library", "start-up", "runner", "padding",
    }  # fmt: skip


def test_the_biggest_owner_is_in_the_first_line(record: Path) -> None:
    shown = (record.parent / "shown.txt").read_text().splitlines()
    assert shown[0] == (
        f"keyword_spotter.tflite on {NUCLEO}: most is model data, 46,392 B of flash"
    )
    assert re.search(r"46,392 B +\d+\.\d% +0 B +model data", "\n".join(shown))
    assert max(map(len, shown)) < 140
    assert len(shown) < 60


def test_what_does_not_run_has_no_owners_but_a_reason() -> None:
    ran = lab("size", model_path("separation_w8_upsampling2d"), "--board", NANO)
    assert ran.code == 1
    assert "TILE" in ran.out
    assert "owner" not in ran.out


def test_what_links_but_does_not_run_has_owners_and_a_reason(tmp_path: Path) -> None:
    """A kernel that stops: the other views say why, this one shows the image besides."""
    runtime = manifest(tmp_path, build(for_core(CORES["cortex-m4f"])), TREE, "2026-08")
    model, file = tmp_path / "ceil.tflite", tmp_path / "ceil.json"
    model.write_bytes(next(standard_models("CEIL")).write(1))
    asked = (model, "--board", NANO, "--runtime", runtime)
    ran = lab("size", *asked)
    assert ran.code == 1
    assert ran.out.startswith("FAIL")
    assert "halted" in ran.out
    assert re.search(r" B +operator data|kernels: CEIL", ran.out)
    for view in ("arena", "stack", "profile"):
        ran = lab(view, *asked, "--json", file)
        assert ran.code == 1
        assert "halted" in ran.out
        details = json.loads(file.read_text())["details"]
        assert [name for name, what in details.items() if what] == ["footprint"]
    assert lab("report", file).code == 0
    assert "halted" in lab("report", file, "--html", "-").out


@pytest.fixture(scope="module")
def with_symbols(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return firmware(tmp_path_factory.mktemp("user"), "-g")


def test_a_planted_table_is_named_with_its_source_file(with_symbols: Path) -> None:
    ran = lab("size", with_symbols, "--board", NUCLEO)
    assert ran.code == 0, ran.err
    first = ran.out.splitlines()[0]
    assert "app/dsp/sine_table.c" in first
    assert f"sine_table {TABLE_BYTES:,} B" in first


def test_owners_of_an_image_that_nobody_prepared(with_symbols: Path) -> None:
    footprint = elf_footprint(read_elf(with_symbols))
    exact(footprint, with_symbols)
    owners = {(o.group, o.name.split("/")[-1]): o for o in footprint.owners}
    assert owners["application", "sine_table.c"].flash_bytes == TABLE_BYTES
    assert owners["model", "model data"].flash_bytes == MODEL_BYTES
    main = {one.name: one for one in owners["application", "main.c"].largest}
    assert main["work"].ram_bytes == 200
    assert main["half"].flash_bytes == main["half"].ram_bytes == 8
    assert owners["library", "libm"].flash_bytes > 400
    assert owners["library", "libgcc"].flash_bytes > 400
    assert owners["library", "libc"].flash_bytes > 100
    assert owners["application", "no symbol, in .heap"].ram_bytes == 1024
    assert owners["application", "string literals"].flash_bytes >= len("twelve dozen of them")


BLOB = b"\x1c\0\0\0TFL3" + bytes(range(1, 256)) * 80
INCBIN = """
.syntax unified
.section .rodata.model, "a"
.balign 16
.global model
model: .incbin "model.bin"
model_end:
.asciz "text that is none of the model's"
"""


@pytest.mark.parametrize("way", ["incbin", "objcopy"])
def test_a_model_without_a_size_is_found(tmp_path: Path, way: str) -> None:
    """As xxd is not the only way: labels around .incbin, or a file made an object."""
    (tmp_path / "model.bin").write_bytes(BLOB)
    file = tmp_path / "model.s"
    file.write_text(INCBIN)
    if way == "objcopy":
        file = tmp_path / "model.o"
        command = [
            find_toolchain().objcopy, "-I", "binary", "-O", "elf32-littlearm", "-B", "arm",
            "--rename-section", ".data=.rodata.model,alloc,load,readonly,data,contents",
            "--redefine-sym", "_binary_model_bin_start=model", "model.bin", "model.o",
        ]  # fmt: skip
        subprocess.run(command, cwd=tmp_path, check=True)
    # objcopy's symbol for the size is an address in the model here, and does not cut it.
    elf = firmware(tmp_path, "-g", flash=0, model=file)
    start = read_elf(elf).symbols["model"].address
    assert start < len(BLOB) < start + len(BLOB)
    footprint = elf_footprint(read_elf(elf))
    exact(footprint, elf)
    owners = {(o.group, o.name): o.flash_bytes for o in footprint.owners}
    assert owners["model", "model data"] == len(BLOB)


def test_without_debug_information_names_tell(tmp_path: Path) -> None:
    elf = firmware(tmp_path, "-Wl,--strip-debug")
    footprint = elf_footprint(read_elf(elf))
    exact(footprint, elf)
    owners = {(o.group, o.name): o for o in footprint.owners}
    untold = owners["application", "source not known"]
    assert untold.largest[0].name == "sine_table"
    assert owners["start-up", "start-up"].largest[0].name == "Reset_Handler"
    assert {"libc", "libgcc", "libm"} <= {name for group, name in owners if group == "library"}
    shown = lab("size", elf, "--board", NUCLEO).out
    assert "no debug information" in shown
    assert f"sine_table {TABLE_BYTES:,} B" in shown.splitlines()[0]


def test_without_symbols_nothing_is_guessed(tmp_path: Path) -> None:
    elf = firmware(tmp_path, "-s")
    footprint = elf_footprint(read_elf(elf))
    exact(footprint, elf)
    assert {(o.group, o.name) for o in footprint.owners} <= {
        ("application", "unknown, no symbols"), ("padding", "alignment"),
    }  # fmt: skip
    assert "it has no symbols" in lab("size", elf, "--board", NUCLEO).out


def test_an_image_that_reaches_out_of_the_board(tmp_path: Path) -> None:
    elf = firmware(tmp_path, "-g", heap=700 * 1024)
    ran = lab("size", elf, "--board", NUCLEO, "--json", tmp_path / "size.json")
    assert ran.code == 1
    assert ran.out.startswith("DOES NOT FIT  firmware.elf on ")
    size = ElfSize.model_validate_json((tmp_path / "size.json").read_text())
    (outside,) = size.outside
    heap = read_elf(elf).symbols["end"].address
    assert outside.section == ".heap"
    assert outside.outside_bytes == heap + 700 * 1024 - (0x20000000 + 640 * 1024)
    assert f"{outside.outside_bytes:,} B of it are in no bank" in ran.out


def test_an_image_for_another_board(with_symbols: Path) -> None:
    """All of its flash is outside, its initial values too; RAM begins where it does everywhere."""
    size = elf_size(with_symbols, "nrf52dk")
    assert not size.fits
    assert {one.section for one in size.outside} >= {".text", ".data"}
    exact(size.footprint, with_symbols)


def test_banks_and_their_aliases(tmp_path: Path) -> None:
    """On this board SRAM2 appears at 0x10000000 too."""
    size = elf_size(firmware(tmp_path, "-g", ram=0x10000000), NUCLEO)
    assert size.fits
    used = {bank.name: bank.used_bytes for bank in size.banks}
    assert used["SRAM2"] == sum(o.ram_bytes for o in size.footprint.owners) > 1024
    assert used["FLASH"] == sum(o.flash_bytes for o in size.footprint.owners)


def test_the_lab_s_own_window_takes_no_memory_of_the_board(tmp_path: Path) -> None:
    assert lab("build", SPOTTER, "--board", NANO, "-o", tmp_path / "a.elf").code == 0
    size = elf_size(tmp_path / "a.elf", NANO)
    assert size.fits
    exact(size.footprint, tmp_path / "a.elf")


# ---- user's libraries ----


def manifest(where: Path, archive: Path, include: Path, api: str) -> Path:
    path = where / f"{archive.stem}.yaml"
    ran = lab(
        "runtime", "add", archive.stem, "-o", path, "--library", archive, "--include", include,
        "--api", api, "--kernels", "reference",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    return path


@pytest.mark.parametrize("core", THREE)
def test_a_library_of_the_2026_generation(tmp_path: Path, core: str) -> None:
    runtime = manifest(tmp_path, build(for_core(CORES[core])), TREE, "2026-08")
    elf = probe_image(SPOTTER, core, str(runtime))
    footprint = built_footprint(elf)
    exact(footprint, elf)
    one_owner_each(elf)
    operators = {name for o in footprint.owners for name in o.operators}
    assert {"CONV_2D", "SOFTMAX", "FULLY_CONNECTED"} <= operators


def test_a_library_without_a_section_for_each_function(tmp_path: Path) -> None:
    variant = replace(Variant(), more=("-fno-function-sections", "-fno-data-sections"))
    runtime = manifest(tmp_path, build(variant), TREE, "2026-08")
    elf = probe_image(SPOTTER, "cortex-m4f", str(runtime))
    exact(built_footprint(elf), elf)


def test_the_lab_s_own_library_as_a_user_s_has_the_same_owners(tmp_path: Path) -> None:
    core = CORES["cortex-m4f"]
    own = library(load_crate(), core, "O2", find_toolchain(), Cache(), lambda _: None)
    shutil.copy(own / "libtflm.a", tmp_path / "libmine.a")
    runtime = manifest(tmp_path, tmp_path / "libmine.a", tflm_tree(), "2020-07")
    elves = [probe_image(SPOTTER, core.name, name) for name in (load_crate().name, str(runtime))]
    first, second = (built_footprint(elf) for elf in elves)
    exact(second, elves[1])
    assert first == second


# ---- what changed ----


def changes_add_up(diff: SizeDiff) -> None:
    flash = diff.after.flash_bytes - diff.before.flash_bytes
    ram = diff.after.ram_bytes - diff.before.ram_bytes
    for listed in (diff.owners, diff.symbols):
        assert (sum(c.flash for c in listed), sum(c.ram for c in listed)) == (flash, ram)
        sizes = [abs(c.flash) + abs(c.ram) for c in listed]
        assert sizes == sorted(sizes, reverse=True)
        assert 0 not in sizes


def test_diff_of_two_images(tmp_path: Path, with_symbols: Path) -> None:
    other = firmware(tmp_path, "-g", "-DTABLE_IN_RAM")
    diff = size_diff(with_symbols, other)
    changes_add_up(diff)
    first = diff.symbols[0]
    assert (first.symbol, first.flash, first.ram) == ("sine_table", 0, TABLE_BYTES)
    assert first.owner.endswith("sine_table.c")
    assert diff.notes == ()
    ran = lab("size", "--diff", with_symbols, other)
    assert ran.code == 0
    assert re.search(rf"\+0 B +\+{TABLE_BYTES:,} B  sine_table$", ran.out, re.MULTILINE)


def test_owners_of_each_side_are_looked_up_once(
    with_symbols: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for every owner takes half a minute where there are 10,000."""
    seen: list[Footprint] = []

    def counted(footprint: Footprint) -> dict[tuple[str, str], Owner]:
        seen.append(footprint)
        return {(owner.group, owner.name): owner for owner in footprint.owners}

    monkeypatch.setattr(size, "_owners", counted)
    size_diff(with_symbols, with_symbols)
    assert len(seen) == 2


def test_diff_of_two_records(record: Path, tmp_path: Path) -> None:
    other = tmp_path / "small.json"
    assert lab("size", SPOTTER, "--board", NUCLEO, "--opt", "Os", "--json", other).code == 0
    diff = size_diff(record, other)
    changes_add_up(diff)
    assert diff.notes == ("optimisation differs: -O2; -Os",)
    assert diff.owners[0].owner == "option parsing"
    # A record names the largest symbols only: the others are told together, never as gone.
    assert any(change.symbol is None for change in diff.symbols)
    again = lab("size", "--diff", record, record)
    assert again.out.endswith("No owner has changed.\n")


def test_diff_says_when_compilers_differ(record: Path, tmp_path: Path) -> None:
    result = json.loads(record.read_text())
    result["build"]["compiler"] = "arm-none-eabi-gcc 14.3.1"
    (tmp_path / "other.json").write_text(json.dumps(result))
    ran = lab("size", "--diff", record, tmp_path / "other.json")
    assert ran.code == 0
    assert "compiler differs: " in ran.out
    assert "14.3.1" in ran.out


def test_a_record_and_an_image_can_be_compared(record: Path, with_symbols: Path) -> None:
    diff = size_diff(record, with_symbols)
    changes_add_up(diff)
    assert any(note.startswith("how owners were found differs") for note in diff.notes)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_in_docs(name: str, golden: Golden) -> None:
    schema = SCHEMAS[name].model_json_schema(mode="serialization")
    golden.check(json.dumps(schema, indent=2) + "\n", ROOT / "docs" / f"{name}.schema.json")


@pytest.mark.parametrize(("name", "asked"), [
    ("elf-size", ("ELF", "--board", NUCLEO)), ("size-diff", ("--diff", "ELF", "ELF")),
])  # fmt: skip
def test_json_on_standard_output_follows_the_schema(
    name: str, asked: tuple[str, ...], with_symbols: Path
) -> None:
    ran = lab("size", *(with_symbols if a == "ELF" else a for a in asked), "--json", "-")
    schema: dict[str, Any] = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
    jsonschema.validate(json.loads(ran.out), schema)
    assert json.loads(ran.out)["kind"] == name.replace("-", "_")


# ---- usage and bad input ----


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tiny_float",), "missing: --board"),
        (("tiny_float", "mnist", "-b", NANO), "give one model or firmware image"),
        (("--diff", "a.json"), "--diff compares two"),
        (("--diff", "a", "b", "c"), "--diff compares two"),
        (("--diff", "a", "b", "-b", NANO), "--board is of no use here"),
        (("--diff", "a", "b", "--opt", "O2"), "--opt is of no use here"),
    ],
)
def test_usage(arguments: tuple[str, ...], words: str) -> None:
    ran = lab("size", *arguments)
    assert ran.code == 2
    assert words in ran.err
    assert len(ran.problems) == 1


def test_an_image_is_not_built_again(with_symbols: Path, tmp_path: Path) -> None:
    result = tmp_path / "size.json"
    for option in (("--opt", "O9"), ("--runtime", "nosuch"), ("--timeout", "9")):
        ran = lab("size", with_symbols, "-b", NUCLEO, *option, "--json", result)
        assert ran.code == 2
        assert ran.problems == [
            f"lab: {option[0]} is of no use here: a firmware image is neither built nor run"
        ]
    assert not result.exists()


def test_an_input_may_give_way_to_the_result(record: Path, tmp_path: Path) -> None:
    one = tmp_path / "one.json"
    one.write_bytes(record.read_bytes())
    ran = lab("size", "--diff", one, record, "--json", one)
    assert ran.code == 0, ran.err
    assert SizeDiff.model_validate_json(one.read_text()).owners == ()


def test_inputs_that_are_none(record: Path, with_symbols: Path, tmp_path: Path) -> None:
    plain = json.loads(record.read_text()) | {"details": None}
    cut = tmp_path / "cut.elf"
    cut.write_bytes(with_symbols.read_bytes()[:200])
    for name, text in {"plain.json": json.dumps(plain), "no.json": "{}", "empty": ""}.items():
        (tmp_path / name).write_text(text)
        ran = lab("size", "--diff", record, tmp_path / name)
        assert (ran.code, len(ran.problems)) == (3, 1), ran.err
        no_traceback(ran)
    for asked in (("--diff", cut, record), (cut, "--board", NANO), (tmp_path, "--board", NANO)):
        ran = lab("size", *asked)
        assert (ran.code, len(ran.problems)) == (3, 1), ran.err
        no_traceback(ran)
