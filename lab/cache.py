"""One directory of built things, each found by a key made of everything that determines it.

``ROOT/KIND/KEY/`` is an entry. It is built in a temporary directory beside its place and renamed
in one step, so an entry that is there is whole. A lock per entry, which the system drops with the
process that holds it, lets two processes want the same entry at once: one builds, the other waits.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from lab.errors import ToolError
from lab.version import VERSION

ROOT_VARIABLE = "TFLM_LAB_CACHE"
_KEY = re.compile(r"[0-9a-f]{64}")
_DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO}
_NO_PERMISSION = {errno.EACCES, errno.EPERM}
_LOCKS, _LOGS = "locks", "logs"


def default_root() -> Path:
    """``$TFLM_LAB_CACHE``, else the user's cache directory, else one in the temporary directory.

    The last is for processes whose user has no home directory at all, as in some containers.
    """
    if chosen := os.environ.get(ROOT_VARIABLE):
        return _real(Path(chosen))
    of_user = platformdirs.user_cache_path("tflm-lab")
    if of_user.is_absolute():
        return _real(of_user)
    return _real(Path(tempfile.gettempdir()) / f"tflm-lab-{os.getuid()}")


def _real(path: Path) -> Path:
    """Without links: a compiler writes real paths, which builds keep out. A loop stays one."""
    return Path(os.path.realpath(path))


def key(*parts: str | bytes | Path) -> str:
    """Name for whatever is fully determined by these parts and the lab's version.

    Args:
        parts: text, bytes, or a path, which stands for what it holds: a file for its contents, a
            directory for the relative names and contents of all files below it.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for part in (VERSION, *parts):
        tag, data = _part(part)
        # Tag and length in front: no two lists of parts run together to the same bytes.
        digest.update(tag + len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def _part(part: str | bytes | Path) -> tuple[bytes, bytes]:
    if isinstance(part, str):
        return b"s", part.encode("utf-8", "surrogateescape")
    if isinstance(part, bytes):
        return b"b", part
    if part.is_dir():
        return b"d", "".join(
            key(path.relative_to(part).as_posix(), path)
            for path in sorted(part.rglob("*"))
            if path.is_file()
        ).encode()
    return b"f", part.read_bytes()


@dataclass(frozen=True)
class Entry:
    """Something built and kept.

    Attributes:
        kind: what sort of thing, such as ``libraries``.
        key: its full name.
        path: its directory.
        size: bytes of the files in it.
    """

    kind: str
    key: str
    path: Path
    size: int


def _silent(_message: str) -> None:
    pass


@dataclass(frozen=True)
class Cache:
    """A cache directory; nothing is created before something is built.

    Attributes:
        root: the directory.
        say: told when another process is building what is wanted here.
    """

    root: Path = field(default_factory=default_root)
    say: Callable[[str], None] = field(default=_silent, compare=False)

    def entry(self, kind: str, key: str) -> Path:
        """Where an entry is or would be."""
        return self.root / kind / key

    def has(self, kind: str, key: str) -> bool:
        """Whether an entry is there."""
        return os.path.isdir(self.entry(kind, key))  # noqa: PTH112 - never raises

    def get_or_build(self, kind: str, key: str, build: Callable[[Path], None]) -> Path:
        """Directory of an entry, built first when it is not there.

        Args:
            kind: a short plural noun, used as directory name.
            key: from ``key``.
            build: fills the empty directory it is given, whose name differs every time and must
                not get into what is built. When it raises, nothing is kept.

        Raises:
            ToolError: the cache cannot be written to, or the disk is full.
        """
        if self.has(kind, key):
            return self.entry(kind, key)
        self._directory(kind)
        self._remove_leftovers(kind)
        with self._lock(kind, key):
            if not self.has(kind, key):
                with self._explained():
                    self._build(kind, key, build)
        return self.entry(kind, key)

    def _build(self, kind: str, key: str, build: Callable[[Path], None]) -> None:
        temporary = self._temporary(kind, key)
        try:
            build(temporary)
            temporary.rename(self.entry(kind, key))
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def entries(self) -> list[Entry]:
        """Everything in the cache, by kind and key."""
        return [
            Entry(path.parent.name, path.name, path, _size(path))
            for path in sorted(self.root.glob("*/*"))
            if _KEY.fullmatch(path.name) and path.is_dir()
        ]

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(entry.size for entry in self.entries())

    def check_writable(self) -> None:
        """Make the directory if need be and see that something can be written there.

        Raises:
            ToolError: it cannot.
        """
        self._directory(_LOCKS)
        with self._explained(), tempfile.TemporaryFile(dir=self.root):
            pass

    def clear(self) -> None:
        """Remove all entries, leftovers and logs, but nothing that is not the lab's.

        What other processes are building at this moment is left alone.

        Raises:
            ToolError: something cannot be removed.
        """
        with self._explained():
            for entry in self.entries():
                with self._lock(entry.kind, entry.key):
                    # Renamed first: a clearing that is killed leaves no half entry either.
                    trash = self._temporary(entry.kind, entry.key)
                    entry.path.rename(trash / entry.key)
            for kind in {path.parent.name for path in self.root.glob("*/*.partial*")}:
                self._remove_leftovers(kind)
            for log in self.root.glob(f"{_LOGS}/*.log"):
                log.unlink()

    def _temporary(self, kind: str, key: str) -> Path:
        # The name is new each time: a compiler that outlives its killed parent cannot write into
        # the directory of the next attempt.
        directory = tempfile.mkdtemp(prefix=f"{key}.", suffix=".partial", dir=self.root / kind)
        return Path(directory)

    def _remove_leftovers(self, kind: str) -> None:
        """Remove temporary directories nobody is working in: their lock is free."""
        for path in (self.root / kind).glob("*.partial*"):
            with self._lock(kind, path.name.split(".")[0], wait=False) as held:
                if held:
                    shutil.rmtree(path, ignore_errors=True)

    @contextlib.contextmanager
    def _lock(self, kind: str, key: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold an entry's lock; yields whether it is held (always, when waiting)."""
        path = self._directory(_LOCKS) / f"{kind}-{key}"
        with self._explained():
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            held = _try_lock(descriptor)
            if wait and not held:
                self.say(f"waiting for another process that is building {kind}/{key[:12]}")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                held = True
            yield held
        finally:
            os.close(descriptor)

    def _directory(self, name: str) -> Path:
        directory = self.root / name
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        return directory

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn a full or read-only disk, or lacking permission in the cache, into one line."""
        try:
            yield
        except OSError as error:
            inside = Path(str(error.filename)).is_relative_to(self.root)
            if error.errno in _DISK_TROUBLE or (inside and error.errno in _NO_PERMISSION):
                raise self._unusable(error) from error
            raise

    def _unusable(self, error: OSError) -> ToolError:
        return ToolError(
            f"cannot write to the cache {self.root}: {error.strerror} "
            f"(free space there, or set {ROOT_VARIABLE} to another directory)"
        )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _size(directory: Path) -> int:
    return sum(path.lstat().st_size for path in directory.rglob("*") if path.is_file())
