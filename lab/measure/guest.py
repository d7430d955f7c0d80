"""Reading what the firmware has written: it may be damaged, so nothing it says is believed."""

from __future__ import annotations

from lab.engines.base import Engine
from lab.errors import NoVerdictError


class LostError(NoVerdictError):
    """The firmware points to where nothing is."""


def read_guest(engine: Engine, address: int, size: int, what: str) -> bytes:
    """Bytes at an address that the firmware gave; ``what`` is what should lie there.

    Raises:
        LostError: nothing lies there.
    """
    try:
        return engine.read(address, size)
    except ValueError as error:
        raise LostError(f"no verdict: the firmware lost {what}: {error}") from None


def read_word(engine: Engine, address: int, what: str) -> int:
    """A word at an address that the firmware gave; raises as ``read_guest``."""
    return int.from_bytes(read_guest(engine, address & 0xFFFFFFFF, 4, what), "little")
