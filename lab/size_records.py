"""Records of ``lab size``: what is in a firmware image, and what changed between two.

``docs/elf-size.schema.json`` and ``docs/size-diff.schema.json`` are generated from these classes.
Sizes are bytes, exact.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.details import Footprint, Record


class Firmware(Record):
    """The identity of an image, and what it tells about itself."""

    name: str
    sha256: str
    size_bytes: int = Field(description="of the file")
    symbols: int
    debug: bool = Field(description="it has debug information")
    compilers: tuple[str, ...] = Field(description="what compilers wrote into it")


class BankUse(Record):
    """What sections take of one memory bank."""

    memory: Literal["flash", "ram"]
    name: str
    base: int
    size_bytes: int
    used_bytes: int


class Outside(Record):
    """A section that lies, in part or as a whole, in no bank of the board."""

    section: str
    address: int
    outside_bytes: int


class ElfSize(Record):
    """Flash and static RAM of a firmware image on a board; nothing of it was run."""

    kind: Literal["elf_size"] = "elf_size"
    schema_version: Literal[1] = 1
    firmware: Firmware
    board: str
    core: str
    fits: bool = Field(description="every section lies in the board's banks; the stack not counted")
    banks: tuple[BankUse, ...]
    outside: tuple[Outside, ...]
    footprint: Footprint

    def to_json(self) -> str:
        """The record as JSON text, fields in a fixed order."""
        return self.model_dump_json(indent=2) + "\n"


class Side(Record):
    """One of the two that are compared."""

    name: str
    kind: Literal["record", "image"]
    sha256: str = Field(description="of the model, or of the image")
    compilers: tuple[str, ...]
    flash_bytes: int
    ram_bytes: int


class Change(Record):
    """What changed: of an owner, or of one symbol of it."""

    group: str
    owner: str
    symbol: str | None = Field(
        description="null: the owner as a whole, or all of it that the records do not name"
    )
    flash_before_bytes: int
    flash_after_bytes: int
    ram_before_bytes: int
    ram_after_bytes: int

    @property
    def flash(self) -> int:
        """Bytes of flash more than before."""
        return self.flash_after_bytes - self.flash_before_bytes

    @property
    def ram(self) -> int:
        """Bytes of RAM more than before."""
        return self.ram_after_bytes - self.ram_before_bytes


class SizeDiff(Record):
    """Two footprints compared. The changes of both lists add up to that of the totals."""

    kind: Literal["size_diff"] = "size_diff"
    schema_version: Literal[1] = 1
    before: Side
    after: Side
    notes: tuple[str, ...] = Field(description="why the two are hard to compare")
    owners: tuple[Change, ...] = Field(description="the largest change first; equal ones left out")
    symbols: tuple[Change, ...] = Field(description="likewise")

    def to_json(self) -> str:
        """The record as JSON text, fields in a fixed order."""
        return self.model_dump_json(indent=2) + "\n"
