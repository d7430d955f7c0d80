"""Arithmetic and reading behind ``lab size``: maps, cutting up by symbols, names, differences."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.details import Owner, SymbolSize
from lab.elf import Image, Section, Segment, Symbol
from lab.errors import InputError
from lab.jobs.size import _changes
from lab.linker_map import read_map
from lab.measure.built_size import BuiltImage, Part
from lab.measure.code_names import library_name, owner_by_name, owner_by_path, runtime_part
from lab.measure.elf_size import _text_bytes, elf_footprint
from lab.measure.footprint import Held, OwnerKey, Portion, Symbols, footprint_of

MAP = """\
Discarded input sections

 .text          0x00000000       0x10 gone.o

Memory Configuration

Linker script and memory map

LOAD main.o

.text           0x08000000       0x40
 *(.vectors)
 .vectors       0x08000000       0x10 a path/main.o
                0x08000000                vector_table
 .text.a_function_with_a_long_name
                0x08000010        0x6 lib/libmine.a(part.o)
                0x08000010                a_function_with_a_long_name(int)
 *fill*         0x08000016        0x2 00
 .rodata.str1.4
                0x08000018        0x8 lib/libmine.a(part.o)
                                 0x1c (size before relaxing)
                0x08000040                . = ALIGN (0x4)

.data           0x20000000        0x4 load address 0x08000040
 COMMON         0x20000000        0x4 main.o
.debug_info     0x00000000     0x1000
"""


def test_a_map() -> None:
    found = read_map(MAP)
    assert list(found) == [".text", ".data", ".debug_info"]
    assert [(s.address & 0xFF, s.size, s.section, s.file, s.member) for s in found[".text"]] == [
        (0x00, 0x10, ".vectors", "a path/main.o", ""),
        (0x10, 0x06, ".text.a_function_with_a_long_name", "lib/libmine.a", "part.o"),
        (0x16, 0x02, "*fill*", "", ""),
        (0x18, 0x08, ".rodata.str1.4", "lib/libmine.a", "part.o"),
    ]
    assert [s.is_fill for s in found[".text"]] == [False, False, True, False]
    assert found[".data"][0].section == "COMMON"


@given(st.text())
def test_what_is_no_map_has_no_stretches(text: str) -> None:
    assert read_map(text) == {}
    assert all(name for name in read_map("\nLinker script and memory map\n" + text))


def symbols(places: dict[int, int]) -> Symbols:
    named = [(f"s{at}", Symbol(at, size, "object")) for at, size in places.items()]
    return Symbols(cast(Image, SimpleNamespace(named=named)))


@given(
    st.dictionaries(st.integers(0, 200), st.integers(0, 80), max_size=20),
    st.integers(0, 150),
    st.integers(0, 100),
)
def test_every_byte_falls_into_one_part(places: dict[int, int], start: int, size: int) -> None:
    at = start
    for address, length, name in symbols(places).within(start, start + size):
        assert address == at
        assert length > 0
        at += length
        covered = [s for s, n in places.items() if s < at and address < s + n]
        assert bool(name) == bool(covered) or f"s{covered[0]}" != name
        if name:
            first = int(name[1:])
            assert first <= address < at <= first + places[first]
    assert at == start + size


def test_of_two_names_for_one_thing_one_counts() -> None:
    named = [("alias", Symbol(8, 4, "function")), ("whole", Symbol(8, 8, "function")),
             ("edge", Symbol(16, 0, "object")), ("end", Symbol(12, 4, "notype"))]  # fmt: skip
    found = Symbols(cast(Image, SimpleNamespace(named=named))).within(0, 20)
    assert list(found) == [(0, 8, ""), (8, 8, "whole"), (16, 4, "")]


@given(st.binary(), st.lists(st.sampled_from([b"text\0", b"abc", b"\0", b"\xff", b"a\n"])))
def test_texts_are_those_of_a_pattern(noise: bytes, words: list[bytes]) -> None:
    """The pattern itself needs quadratic time where a long text has no end."""
    data = noise + b"".join(words)
    found = re.finditer(rb"[\t\n\r\x20-\x7e]{4,}\0{1,16}", data)
    assert _text_bytes(data) == sum(len(match[0]) for match in found)
    assert _text_bytes(b"x" * 10_000_000) == 0


def test_a_large_empty_table_behind_a_text_is_no_text() -> None:
    assert _text_bytes(b"hello world\0" + bytes(30_000)) == len("hello world") + 16


def image(sections: list[Section], segments: list[Segment], symbols: int = 1) -> Image:
    named = [(f"s{at}", Symbol(at, 1, "object")) for at in range(symbols)]
    return cast(Image, SimpleNamespace(
        name="x.elf", sections=sections, segments=segments, named=named,
        source_at=lambda _: None,
    ))  # fmt: skip


def section(address: int, size: int, load: int | None, flags: int = 2) -> Section:
    return Section(f".s{address}", address, size, flags, load)


@pytest.mark.parametrize(
    "sections",
    [
        [section(0, 99, 0), section(98, 9, None)],
        [section(0, 99, 0), section(0, 99, 0)],
        [section(0, 99, 0), section(1 << 29, 9, 98)],
    ],
)
def test_bytes_of_two_sections_are_refused(sections: list[Section]) -> None:
    with pytest.raises(InputError, match="overlap at 0x"):
        elf_footprint(image(sections, []))


def test_what_threads_have_of_their_own_overlaps_nothing() -> None:
    both = [section(0, 99, None, 0x403), section(0, 9, None, 3)]
    assert sum(one.ram_bytes for one in elf_footprint(image(both, [])).owners) == 9


def test_segments_count_as_work() -> None:
    many = [Segment(16 * at, b"x" * 16) for at in range(20_000)]
    with pytest.raises(InputError, match="1 sections, 20,000 segments and 1,001 symbols"):
        elf_footprint(image([section(0, 99, 0)], many, 1001))
    found = elf_footprint(image([section(160, 16, 160)], many, 999))
    assert found.owners[0].flash_bytes == 16


KEYS = st.builds(
    OwnerKey, st.sampled_from(["kernels", "library", "runner"]), st.text("ab", max_size=2)
)


@given(st.lists(st.tuples(KEYS, st.text("xyz\x1b", min_size=1, max_size=2), st.integers(1, 99))))
def test_both_lists_have_the_same_sums(parts: list[tuple[OwnerKey, str, int]]) -> None:
    size = sum(size for _, _, size in parts)
    held = Held(Section(".data", 0x20000000, size, 3, 0x08000000), flash=True, ram=True)
    portions = [Portion(name, key, held, 0, size) for key, name, size in parts]
    for most in (1, None):
        footprint = footprint_of([held], portions, most)
        assert sum(o.flash_bytes for o in footprint.owners) == size
        assert sum(o.ram_bytes for o in footprint.owners) == footprint.sections[0].ram_bytes
        sizes = [owner.flash_bytes for owner in footprint.owners]
        assert sizes == sorted(sizes, reverse=True)
    for owner in footprint.owners:
        assert sum(symbol.flash_bytes for symbol in owner.largest) == owner.flash_bytes
        assert all(symbol.name.isprintable() for symbol in owner.largest)


def test_operators_that_one_section_registers_all_own_it() -> None:
    """As in a library without a section for each function."""
    built = object.__new__(BuiltImage)
    kernels = Part("lib.a", "kernels.o", ".text")
    symbols = {
        f"_ZN6tflite12Register_{name}Ev": Symbol(0, 4, "function") for name in ("ADD", "SUB")
    }
    vars(built).update(
        _image=SimpleNamespace(symbols=symbols),
        parts=[(0, 8, kernels)],
        _references={Part("ops.o", "", ".text"): {(symbol, "") for symbol in symbols}},
    )
    assert built.users == {kernels: {"ADD", "SUB"}}


SIZES = st.dictionaries(st.text("ab", min_size=1, max_size=2), st.integers(1, 50), max_size=6)


def owner(sizes: dict[str, int], told: int) -> Owner:
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    total = sum(sizes.values())
    largest = tuple(SymbolSize(name=n, flash_bytes=s, ram_bytes=0) for n, s in ranked[:told])
    return Owner(group="kernels", name="x", operators=(), flash_bytes=total, ram_bytes=0,
                 largest=largest)  # fmt: skip


@given(SIZES, SIZES, st.integers(0, 6), st.integers(0, 6))
def test_changes_of_symbols_add_up_and_claim_nothing_unknown(
    before: dict[str, int], after: dict[str, int], some: int, others: int
) -> None:
    whole, parts = _changes(("kernels", "x"), owner(before, some), owner(after, others))
    assert sum(p.flash for p in parts) == whole.flash == sum(after.values()) - sum(before.values())
    for part in parts:
        if part.symbol is not None:  # never "gone" because a list was cut
            assert part.flash_before_bytes == before.get(part.symbol, 0)
            assert part.flash_after_bytes == after.get(part.symbol, 0)


def test_an_owner_that_came_or_went() -> None:
    whole, parts = _changes(("kernels", "x"), None, owner({"a": 4}, 1))
    assert (whole.flash, parts[0].symbol, parts[0].flash) == (4, "a", 4)
    assert parts[1].flash == 0


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("memcpy", ("library", "libc")),
        ("_vfiprintf_r", ("library", "libc")),
        ("__aeabi_dmul", ("library", "libgcc")),
        ("__udivmoddi4", ("library", "libgcc")),
        ("expf", ("library", "libm")),
        ("_ZNSt6vectorIiSaIiEE9push_backEOi", ("library", "libstdc++")),
        ("arm_convolve_s8", ("kernels", "CMSIS-NN")),
        ("_ZN6tflite14MicroAllocator22FinishTensorAllocationEv", ("allocation", "allocator")),
        ("_ZTVN6tflite19GreedyMemoryPlannerE", ("allocation", "memory planner")),
        ("_ZN6tflite11ParseConv2DEPKNS_8OperatorE", ("operator data", "option parsing")),
        ("Reset_Handler", ("start-up", "start-up")),
        # An application's own, however like the others they may sound.
        ("main", None),
        ("arm_fir_f32", None),
        ("arm_padding", None),
        ("sinus_table", None),
        ("memcpy_fast", None),
        ("log_message", None),
        ("_ZN3app14MicroAllocator3newEv", None),
    ],
)  # fmt: skip
def test_owners_by_name(symbol: str, expected: tuple[str, str] | None) -> None:
    found = owner_by_name(symbol)
    assert (found and (found.group, found.name)) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("third_party/tensorflow/lite/micro/kernels/conv.cc", ("kernels", "conv")),
        ("tensorflow/lite/micro/kernels/cmsis_nn/add.cc", ("kernels", "add")),
        ("lib/cmsis_nn/Source/NNSupportFunctions/arm_nn_mat_mult.c", ("kernels", "CMSIS-NN")),
        ("tflm/tensorflow/lite/kernels/kernel_util.cc", ("shared kernels", "kernel helpers")),
        ("tensorflow/lite/micro/micro_allocator.cc", ("allocation", "allocator")),
        ("tensorflow/lite/micro/new_thing.cc", ("runtime", "other code of the runtime")),
        ("newlib/libm/math/ef_exp.c", ("library", "libm")),
        ("libgcc/config/arm/ieee754-df.S", ("library", "libgcc")),
        ("Core/Startup/startup_stm32l4r5.s", ("start-up", "start-up")),
        ("app/micro_allocator.c", None),
        ("src/main.c", None),
    ],
)
def test_owners_by_path(path: str, expected: tuple[str, str] | None) -> None:
    found = owner_by_path(path)
    assert (found and (found.group, found.name)) == expected


def test_names_of_archives_and_their_members() -> None:
    names = ("libc_nano.a", "libm.a", "libstdc++_nano.a", "libsupc++.a", "libtflm.a", "libx.so")
    assert list(map(library_name, names)) == ["libc", "libm", "libstdc++", "libstdc++", None, None]
    part = runtime_part("tensorflow_lite_micro_memory_planner_greedy_memory_planner.cc.o")
    assert part is not None
    assert part.name == "memory planner"
    assert runtime_part("tensorflow_lite_micro_kernels_add.cc.o") is None
