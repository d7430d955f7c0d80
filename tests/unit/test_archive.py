"""Reading ar archives of every make, and refusing what is none."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.archive import members, read_file
from lab.errors import InputError


def header(name: str, size: int) -> bytes:
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{'644':<8}{size:<10}`\n".encode()


def entry(name: str, data: bytes) -> bytes:
    return header(name, len(data)) + data + b"\n" * (len(data) % 2)


def read(data: bytes) -> list[tuple[str, bytes]]:
    return [(one.name, bytes(one.data)) for one in members(data, "lib.a")]


MAGIC = b"!<arch>\n"


def test_gnu_archive_with_index_and_long_names() -> None:
    names = b"a_name_longer_than_sixteen.o/\nanother_quite_long_name.o/\n"
    data = (
        MAGIC + entry("/", b"\0\0\0\0") + entry("//", names) + entry("/0", b"one")
        + entry("/30", b"two!") + entry("short.o/", b"3")
    )  # fmt: skip
    assert read(data) == [
        ("a_name_longer_than_sixteen.o", b"one"),
        ("another_quite_long_name.o", b"two!"),
        ("short.o", b"3"),
    ]


def test_bsd_archive_with_names_in_the_data() -> None:
    data = (
        MAGIC + entry("#1/12", b"__.SYMDEF\0\0\0index")
        + entry("#1/20", b"long name of it.o\0\0\0abc") + entry("plain.o", b"x")
    )  # fmt: skip
    assert read(data) == [("long name of it.o", b"abc"), ("plain.o", b"x")]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "lib.a: is empty"),
        (b"hello", "lib.a: is no ar archive (hint: give the libtensorflow-microlite.a)"),
        (
            b"\x7fELF and more",
            "lib.a: is an ELF file, not a static library "
            "(hint: give the libtensorflow-microlite.a)",
        ),
        (
            b"!<thin>\n" + entry("/0", b""),
            "lib.a: is a thin archive: it only names object files that lie elsewhere "
            "(hint: make a whole one: ar rcs, without T)",
        ),
        (
            MAGIC + b"short",
            "lib.a: damaged archive: no member header at byte 8 (hint: build it again)",
        ),
        (
            MAGIC + header("cut.o/", 100) + b"abc",
            "lib.a: damaged archive: member cut.o/ is cut off (hint: build it again)",
        ),
        (MAGIC + entry("/7", b"abc"), "lib.a: damaged archive: no name at 7 in its table"),
        (
            MAGIC + entry("#1/99", b"abc"),
            "lib.a: damaged archive: a name longer than its member",
        ),
    ],
)
def test_what_is_no_archive_is_said_in_one_line(data: bytes, problem: str) -> None:
    with pytest.raises(InputError) as error:
        read(data)
    assert error.value.lines() == [problem]


def test_a_directory_and_a_lost_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="x: is a directory"):
        read_file(tmp_path, "x")
    with pytest.raises(InputError, match="x: cannot be read: No such file"):
        read_file(tmp_path / "none", "x")


@given(st.lists(st.tuples(st.text("abcxyz_.", min_size=1, max_size=15), st.binary(max_size=40))))
def test_what_was_written_is_read(files: list[tuple[str, bytes]]) -> None:
    files = [(name, data) for name, data in files if not name.startswith("__.SYMDEF")]
    data = MAGIC + b"".join(entry(f"{name}/", body) for name, body in files)
    assert read(data) == files


@given(st.binary(max_size=400))
def test_anything_behind_the_magic_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InputError):
        read(MAGIC + data)
