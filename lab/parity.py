"""The record of ``lab parity``: one image on two engines, figure by figure.

Like every record it holds no times, host data or paths.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.details import Record
from lab.results import NoRecord

Agreement = Literal["equal", "explained", "differs"]


class EngineUsed(Record):
    """One of the two engines."""

    name: str
    version: str


class Compared(Record):
    """One figure on both engines; ``first`` and ``second`` as the record's engines."""

    name: str
    unit: Literal["", "B", "instructions"]
    first: int | str | None
    second: int | str | None
    agreement: Agreement
    reason: str | None = Field(description="what explains a difference")


class ImageParity(Record):
    """One image on both engines."""

    model: str
    model_sha256: str
    board: str
    core: str
    memory: Literal["board", "probe map"] = Field(
        description="where it ran: the board's own memory, or the same core with plenty, for what "
        "does not fit the board"
    )
    image_sha256: str
    arena_bytes: int
    peculiar: tuple[str, ...] = Field(
        description="executed code that depends on the emulator: WFI, semihosting, SysTick, DWT"
    )
    engines: tuple[EngineUsed, EngineUsed]
    figures: tuple[Compared, ...]

    @property
    def agreement(self) -> Agreement:
        """The worst of all figures."""
        found = {figure.agreement for figure in self.figures}
        worst: Agreement = "differs" if "differs" in found else "equal"
        return "explained" if worst == "equal" and "explained" in found else worst


class ParityResult(Record):
    """Several images; everything in the order asked for."""

    kind: Literal["parity"] = "parity"
    schema_version: Literal[1] = 1
    lab: str
    compiler: str | None = Field(description="null: nothing was compared")
    libc: str | None
    images: tuple[ImageParity, ...]
    problems: tuple[NoRecord, ...] = Field(description="what could not be compared, and why")

    def to_json(self) -> str:
        """The record as JSON text, fields in a fixed order."""
        return self.model_dump_json(indent=2) + "\n"
