"""Sizes: one parser, one printer, 1,024-based."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.units import MAX_SIZE, format_size, parse_size

SIZES = st.integers(0, MAX_SIZE)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0 B", 0),
        ("512 B", 512),
        ("512B", 512),
        ("64 KiB", 65_536),
        ("64K", 65_536),
        ("64 kib", 65_536),
        ("  64 KiB ", 65_536),
        ("1.5 KiB", 1_536),
        ("0.5 MiB", 524_288),
        ("13.5 KiB", 13_824),
        ("2M", 2_097_152),
        ("4096 MiB", MAX_SIZE),
        ("1,024 B", 1_024),
        ("1_024 B", 1_024),
    ],
)
def test_sizes_with_a_unit(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(text, bare=True) == size


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("131072", 'needs a unit, got 131072 (write "128 KiB")'),
        (131072, 'needs a unit, got 131072 (write "128 KiB")'),
        ("2097152", 'needs a unit, got 2097152 (write "2 MiB")'),
        ("1000", 'needs a unit, got 1000 (write "1000 B")'),
        ("0", 'needs a unit, got 0 (write "0 B")'),
        ("64 KB", 'ambiguous unit "KB" (write KiB, which is 1024-based)'),
        ("64 mb", 'ambiguous unit "mb" (write MiB, which is 1024-based)'),
        ("64 GiB", 'unknown unit "GiB" (use B, KiB or MiB)'),
        ("-1 KiB", 'not a size: "-1 KiB" (write for example "64 KiB")'),
        ("", 'not a size: "" (write for example "64 KiB")'),
        ("KiB", 'not a size: "KiB" (write for example "64 KiB")'),
        ("1 2 KiB", 'not a size: "1 2 KiB" (write for example "64 KiB")'),
        ("0x100 B", "not a size"),
        ("1e3 B", "not a size"),
        ("0.3 B", '"0.3 B" is not a whole number of bytes'),
        ("1.3 KiB", '"1.3 KiB" is not a whole number of bytes'),
        ("4097 MiB", '"4097 MiB" is beyond a 32-bit address space'),
    ],
)
def test_what_is_not_a_size(text: str | int, what: str) -> None:
    with pytest.raises(ValueError, match=re.escape(what)) as caught:
        parse_size(text)
    assert str(caught.value).startswith(what)


def test_a_bare_number_is_bytes_only_when_asked_for() -> None:
    assert parse_size("4096", bare=True) == 4096
    assert parse_size(4096, bare=True) == 4096
    with pytest.raises(ValueError, match="needs a unit"):
        parse_size("4096")


@given(SIZES)
def test_what_is_printed_is_read_back(size: int) -> None:
    exact = format_size(size).partition(" (")[0]
    assert parse_size(exact) == size


@given(SIZES)
def test_kib_in_brackets_is_within_its_rounding(size: int) -> None:
    exact, _, kib = format_size(size).partition(" (")
    assert bool(kib) == (size >= 1024)
    assert exact == f"{size:,} B"
    if kib:
        value = float(kib.removesuffix(" KiB)").replace(",", ""))
        assert abs(value * 1024 - size) <= 0.05 * 1024 + 1e-6


def test_negative_sizes_print_with_their_sign() -> None:
    assert format_size(-2048) == "-2,048 B (-2.0 KiB)"
    assert format_size(-5) == "-5 B"


@given(st.integers(0, 4096), st.sampled_from(["K", "KiB", " KiB", " k", " kib"]))
def test_kib_in_any_spelling(count: int, unit: str) -> None:
    assert parse_size(f"{count}{unit}") == count * 1024


@given(SIZES)
def test_the_suggested_spelling_is_right(size: int) -> None:
    with pytest.raises(ValueError, match="needs a unit") as caught:
        parse_size(size)
    suggestion = str(caught.value).split('"')[1]
    assert parse_size(suggestion) == size


@given(st.text(max_size=40), st.booleans())
def test_any_text_is_a_size_or_a_value_error(text: str, bare: bool) -> None:
    try:
        size = parse_size(text, bare=bare)
    except ValueError:
        return
    assert 0 <= size <= MAX_SIZE
