"""Engines by name; a library that only one of them needs is imported only for that one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lab.engines.base import Engine
from lab.errors import UsageError


def _unicorn() -> type[Engine]:
    from lab.engines.unicorn_engine import UnicornEngine

    return UnicornEngine


def _renode() -> type[Engine]:
    from lab.engines.renode.engine import RenodeEngine

    return RenodeEngine


def _require_renode() -> None:
    from lab.engines.renode.install import installation_here

    installation_here()


class Entry(NamedTuple):
    """How to get an engine's class, and what raises ToolError unless what it needs is here."""

    load: Callable[[], type[Engine]]
    require: Callable[[], None] | None = None


ENGINES = {"unicorn": Entry(_unicorn), "renode": Entry(_renode, _require_renode)}


def create(name: str) -> Engine:
    """A new engine, nothing loaded.

    Raises:
        UsageError: there is no such engine.
        ToolError: what it needs is not here.
    """
    return _kind(name)()


def sees_blocks(name: str) -> bool:
    """Whether an engine of this name does; see ``Engine``. Raises UsageError as ``create`` does."""
    return _kind(name).sees_blocks


def check_name(name: str) -> None:
    """See early, before anything is built, that there is such an engine.

    Raises:
        UsageError: there is none.
        ToolError: what it needs is not here.
    """
    if name not in ENGINES:
        raise UsageError(f'no engine "{name}"; there is: {", ".join(sorted(ENGINES))}')
    if require := ENGINES[name].require:
        require()


def _kind(name: str) -> type[Engine]:
    check_name(name)
    return ENGINES[name].load()
