"""The record of ``lab renode test``: what came of suites in Renode's own keywords.

Like every record it holds no times, host data or paths. ``docs/renode-test.schema.json`` is
generated from these classes.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.details import Record
from lab.errors import gravest


class Case(Record):
    """One test of a suite."""

    suite: str
    name: str
    status: str = Field(description="Robot's: PASS, FAIL or SKIP")
    message: str = Field(description="Robot's, as one line")


class OnBoard(Record):
    """What came of the suites on one board."""

    board: str
    exit_code: int = Field(
        description="0: all tests passed; 1: one failed, or the model does not run there; else "
        "there is no answer"
    )
    reason: str = Field(description="of any other code than 0, as one line")
    tests: tuple[Case, ...] = Field(description="in the order of running")


class RenodeTestResult(Record):
    """A run of renode-test; boards in the order asked for."""

    kind: Literal["renode-test"] = "renode-test"
    schema_version: Literal[1] = 1
    lab: str
    renode: str | None = Field(description="its version; null: not known")
    renode_from: str = Field(description="what told the version")
    generation: str = Field(description="of Renode that the files were made for")
    model: str
    suites: tuple[str, ...]
    boards: tuple[OnBoard, ...]
    note: str = Field(description="how far the lab's use of Renode has been tried")

    @property
    def exit_code(self) -> int:
        """Of all boards together."""
        return gravest(one.exit_code for one in self.boards)

    def to_json(self) -> str:
        """The record as JSON text, fields in a fixed order."""
        return self.model_dump_json(indent=2) + "\n"
