"""The cache: keys tell everything apart, entries are whole or absent, processes do not collide."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import cache as cache_module
from lab.cache import ROOT_VARIABLE, Cache, default_root, key
from lab.errors import ToolError

KEY, OTHER = key("one"), key("two")


def _write(text: str, built: list[str] | None = None) -> Callable[[Path], None]:
    def build(to: Path) -> None:
        (to / "file").write_text(text)
        if built is not None:
            built.append(text)

    return build


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_different_parts_have_different_keys(one: list[str], two: list[str]) -> None:
    assert (key(*one) == key(*two)) == (one == two)


def test_text_and_bytes_differ_and_paths_stand_for_contents(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x")
    second.write_bytes(b"x")
    assert key("x") != key(b"x") != key(first)
    assert key(first) == key(second)
    second.write_bytes(b"y")
    assert key(first) != key(second)


def test_a_directory_stands_for_names_and_contents(tmp_path: Path) -> None:
    keys: set[str] = set()
    for name, text in [("a", "1"), ("b", "1"), ("sub/a", "1"), ("a", "2")]:
        folder = tmp_path / str(len(keys))
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
        keys.add(key(folder))
    assert len(keys) == 4


def test_the_version_is_part_of_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "VERSION", "another")
    assert key("one") != KEY


def test_builds_once(tmp_path: Path) -> None:
    built: list[str] = []
    cache = Cache(tmp_path)
    first = cache.get_or_build("things", KEY, _write("text", built))
    again = cache.get_or_build("things", KEY, _write("text", built))
    assert first == again == cache.entry("things", KEY)
    assert (first / "file").read_text() == "text"
    assert built == ["text"]


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fail(to: Path) -> None:
        (to / "half").write_text("half")
        raise ToolError("compiler says no")

    with pytest.raises(ToolError, match="compiler says no"):
        cache.get_or_build("things", KEY, fail)
    assert list((tmp_path / "things").iterdir()) == []
    assert not cache.has("things", KEY)


BUILDER = """
import sys, time
from pathlib import Path
from lab.cache import Cache
root, key, note = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
def build(to):
    (to / "file").write_text("built")
    with note.open("a") as out:
        out.write("x")
    print("building", flush=True)
    sys.stdin.read()
cache = Cache(root, lambda text: print(text, flush=True))
print(cache.get_or_build("things", key, build), flush=True)
"""


@contextlib.contextmanager
def _builder(root: Path, note: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that builds until its input ends; killed when the test is over before it."""
    command = [sys.executable, "-c", BUILDER, str(root), KEY, str(note)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
            process.wait(timeout=60)
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _let_it_finish(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.close()


def test_of_two_processes_one_builds_and_the_other_waits(tmp_path: Path) -> None:
    root, note = tmp_path / "cache", tmp_path / "note"
    with _builder(root, note) as first:
        assert _line(first) == "building"
        with _builder(root, note) as second:
            assert (
                _line(second) == f"waiting for another process that is building things/{KEY[:12]}"
            )
            _let_it_finish(first)
            assert _line(first) == _line(second) == str(root / "things" / KEY)
    assert note.read_text() == "x"
    assert (first.returncode, second.returncode) == (0, 0)


def test_a_killed_build_is_never_taken_for_whole(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    with _builder(root, tmp_path / "note") as process:
        assert _line(process) == "building"
        process.send_signal(signal.SIGKILL)
    cache = Cache(root)
    (leftover,) = (root / "things").iterdir()
    assert not cache.has("things", KEY)
    assert cache.entries() == []
    cache.get_or_build("things", OTHER, _write("other"))
    assert not leftover.exists()
    assert (cache.get_or_build("things", KEY, _write("new")) / "file").read_text() == "new"


def test_a_build_of_another_process_survives(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    cache = Cache(root)
    with _builder(root, tmp_path / "note") as process:
        assert _line(process) == "building"
        cache.get_or_build("things", OTHER, _write("other"))
        cache.clear()
        _let_it_finish(process)
        assert _line(process) == str(cache.entry("things", KEY))
    assert (cache.entry("things", KEY) / "file").read_text() == "built"


def test_entries_size_and_clear(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("not ours")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("not ours")
    cache = Cache(tmp_path)
    cache.get_or_build("things", KEY, _write("12345"))
    cache.get_or_build("others", KEY, _write("123"))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "image.log").write_text("words")
    assert [(entry.kind, entry.key, entry.size) for entry in cache.entries()] == [
        ("others", KEY, 3),
        ("things", KEY, 5),
    ]
    assert cache.size() == 8
    cache.clear()
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "locks"]
    assert sorted(left) == [tmp_path / "holiday.jpg", tmp_path / "letters" / "dear.txt"]
    assert cache.entries() == []
    assert cache.get_or_build("things", KEY, _write("again")).is_dir()


def test_an_unbuilt_cache_is_empty_and_stays_unmade(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert cache.entries() == []
    cache.clear()
    assert not cache.root.exists()


def test_a_root_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "cache")
    with pytest.raises(ToolError, match=f"cannot write to the cache .*{ROOT_VARIABLE}") as caught:
        cache.get_or_build("things", KEY, _write("text"))
    assert len(caught.value.lines()) == 1


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    def fill(_to: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ToolError, match=r"No space left on device .free space there"):
        Cache(tmp_path).get_or_build("things", KEY, fill)


def test_other_errors_of_a_build_come_through(tmp_path: Path) -> None:
    def lose(_to: Path) -> None:
        raise FileNotFoundError(errno.ENOENT, "gone", "elsewhere")

    with pytest.raises(FileNotFoundError):
        Cache(tmp_path).get_or_build("things", KEY, lose)


def test_the_root_is_chosen_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    assert default_root() == tmp_path / "xdg" / "tflm-lab"
    monkeypatch.setenv(ROOT_VARIABLE, "relative")
    monkeypatch.chdir(tmp_path)
    assert default_root() == tmp_path / "relative"


def test_a_user_without_home_gets_a_temporary_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ROOT_VARIABLE, "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _name: Path("~/x"))
    assert default_root().is_absolute()
    assert str(os.getuid()) in default_root().name
