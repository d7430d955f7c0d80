"""The record of ``lab runtime cost``: what a runtime takes before there is a model.

Sizes are bytes, of images that were linked for this; instructions were counted on the emulated
core. They hold for the core, whatever board has it, and are compared only within one compiler.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.details import Record, SectionSize
from lab.results import Runtime


class EmptyRuntime(Record):
    """Interpreter, allocator and planner without any operator; the model is not counted.

    The runner and its start-up code are the lab's own: a product has its ``main`` instead.
    """

    flash_bytes: int
    ram_bytes: int = Field(description=".data and .bss")
    sections: tuple[SectionSize, ...] = Field(description="they sum up to the two sizes above")
    runner_flash_bytes: int = Field(description="of them, the lab's runner and start-up code")
    runner_ram_bytes: int = Field(description="of them, objects of the runner: the interpreter")


class FullRuntime(Record):
    """The runtime with all operators at once."""

    operators: int
    flash_bytes: int
    ram_bytes: int


class KernelRun(Record):
    """One node of the operator on its standard shape.

    ``persistent_bytes`` is what a further node takes in the arena for good: its entry in the table
    of nodes, its options as the runtime keeps them, what its kernel keeps, and handles of scratch
    buffers, with alignment; the average of four more nodes on the same tensors, rounded up. The
    structures of tensors are not in it: all nodes have the same.
    """

    dtype: str
    shapes: str = Field(description="inputs -> outputs")
    instructions: int = Field(description="of the kernel in one inference, exact")
    work: Literal["MAC", "output element", "input element"]
    amount: int = Field(description="how many of these it computes")
    persistent_bytes: int | None = Field(description="null: this runtime does not show it")
    scratch_bytes: int | None = Field(
        description="what the runtime plans, less the tensors as large as the model says, each "
        "aligned; null: likewise"
    )

    @property
    def instructions_per_work(self) -> float:
        """Instructions for each MAC or element, the kernel's set-up included."""
        return self.instructions / self.amount if self.amount else 0.0


class OperatorPrice(Record):
    """What one operator costs.

    Alone: the image with just this operator less the empty one; the first operator also brings the
    resolver's code that registers. In the full set: what leaving it out of the full runtime saves;
    code that it shares with others is not in that.
    """

    name: str
    flash_bytes: int | None = Field(description="alone; null: it cannot be built")
    flash_in_full_bytes: int | None = Field(description="null: not one of the full set")
    ram_bytes: int | None = Field(description=".data and .bss, alone")
    runs: tuple[KernelRun, ...] = Field(description="for each type of data: int8 first")
    problem: str | None = Field(description="why a price, or all of them, could not be had")


class RuntimeCost(Record):
    """The record of ``lab runtime cost``; operators in the order of the runtime's table."""

    kind: Literal["runtime_cost"] = "runtime_cost"
    schema_version: Literal[1] = 1
    lab: str
    runtime: Runtime
    board: str = Field(description="the board that was named; the prices are those of its core")
    board_flash_bytes: int
    board_ram_bytes: int = Field(description="of all RAM that data may use")
    core: str
    opt: str
    compiler: str
    libc: str
    empty: EmptyRuntime
    full: FullRuntime | None = Field(description="null: it cannot be built")
    full_problem: str | None = Field(description="why not")
    operators: tuple[OperatorPrice, ...]

    def to_json(self) -> str:
        """The record as JSON text, fields in a fixed order."""
        return self.model_dump_json(indent=2) + "\n"
