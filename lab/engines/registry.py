"""Engines by name; a library that only one of them needs is imported only for that one."""

from __future__ import annotations

from collections.abc import Callable

from lab.engines.base import Engine
from lab.errors import UsageError


def _unicorn() -> type[Engine]:
    from lab.engines.unicorn_engine import UnicornEngine

    return UnicornEngine


ENGINES: dict[str, Callable[[], type[Engine]]] = {"unicorn": _unicorn}


def create(name: str) -> Engine:
    """A new engine, nothing loaded.

    Raises:
        UsageError: there is no such engine.
    """
    return _kind(name)()


def sees_blocks(name: str) -> bool:
    """Whether an engine of this name does; see ``Engine``. Raises UsageError as ``create`` does."""
    return _kind(name).sees_blocks


def check_name(name: str) -> None:
    """Raise UsageError unless there is such an engine."""
    if name not in ENGINES:
        raise UsageError(f'no engine "{name}"; there is: {", ".join(sorted(ENGINES))}')


def _kind(name: str) -> type[Engine]:
    check_name(name)
    return ENGINES[name]()
