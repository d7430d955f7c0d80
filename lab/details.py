"""The details of a record: who owns every byte and every cycle.

They are measured in the probe map at the required arena, so they hold for every board with this
core and build. Sizes are bytes; instructions are exact, cycles are the core's cycle model.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Part of a record: read only, and nothing in it that is not described."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class ArenaItem(Record):
    """One thing in the arena after allocation.

    The persistent ones lie side by side: together they are the persistent part. The others share
    memory with those that live at other times.
    """

    part: Literal["persistent", "non_persistent"]
    kind: Literal[
        "tensor", "scratch", "variable", "kernel", "options", "quantization", "structure",
        "alignment", "unowned",
    ] = Field(
        description="tensor, scratch: planned buffers; variable: a tensor that keeps its value; "
        "kernel: what an operator's kernel keeps; options: an operator's, read from the model; "
        "quantization: of one tensor; structure: of the runtime; unowned: allocated, but nothing "
        "is known to point to it"
    )  # fmt: skip
    name: str = Field(description="of the tensor, operator or structure it belongs to")
    offset_bytes: int = Field(description="from the begin of the arena")
    size_bytes: int = Field(description="memory it occupies")
    data_bytes: int | None = Field(description="of the tensor or buffer itself, before rounding")
    shape: tuple[int, ...] | None
    dtype: str | None
    tensor: int | None
    operator: int | None = Field(description="operator it belongs to")
    first_operator: int | None = Field(description="it is needed from this operator on")
    last_operator: int | None = Field(description="to this one, inclusive; null: always")

    def life(self, operators: int) -> range:
        """The operators that a planned buffer is needed by; empty for what is not planned.

        Args:
            operators: how many there are; one whose last operator is not known lives to the end.
        """
        if self.part == "persistent":
            return range(0)
        end = operators if self.last_operator is None else self.last_operator + 1
        return range(self.first_operator or 0, end)


class PlanningItem(Record):
    """What memory planning needed when the arena was fullest."""

    name: str
    size_bytes: int


class ArenaMap(Record):
    """The arena taken apart, as it was on the device.

    ``lower_bound_bytes`` is the largest sum of buffers that live at once: no plan can do with
    less. The planner's result is ``planned_bytes``.
    """

    size_bytes: int = Field(description="of the arena that was taken apart: the required one")
    items: tuple[ArenaItem, ...] = Field(description="by address")
    live_bytes: tuple[int, ...] = Field(description="planned buffers alive, for each operator")
    peak_operator: int | None
    lower_bound_bytes: int
    planned_bytes: int
    planning: tuple[PlanningItem, ...] = Field(
        description="all that was in the arena while memory was planned; where this is more than "
        "the arena holds afterwards, it explains why more is required than reported"
    )

    def is_at_peak(self, item: ArenaItem) -> bool:
        """Whether an item is a planned buffer that is alive at the peak."""
        return self.peak_operator in item.life(len(self.live_bytes))


class StackFrame(Record):
    """One function of a call chain; ``frame_bytes`` of stack are its own, null: not known."""

    function: str
    frame_bytes: int | None


class StackPoint(Record):
    """The deepest point of a phase or of an operator; the chain is innermost first.

    It is empty where the engine does not see who is there.
    """

    phase: Literal["constructor", "allocate", "invoke"]
    operator: int | None = Field(description="null: the phase as a whole")
    depth_bytes: int = Field(description="from the initial SP")
    chain: tuple[StackFrame, ...]


class StackDetails(Record):
    """Where the stack is deep."""

    points: tuple[StackPoint, ...] = Field(description="phases in order, then operators in order")
    inference_bytes: tuple[int, ...] = Field(description="high-water of each inference")
    failing_path_bytes: int | None = Field(
        description="at least this deep when allocation fails with 16 bytes of arena less"
    )


class SymbolSize(Record):
    """A function or object and what it takes."""

    name: str
    flash_bytes: int
    ram_bytes: int


class Owner(Record):
    """Who takes flash and static RAM, from linker map, symbols and debug information."""

    group: Literal[
        "model", "kernels", "shared kernels", "interpreter", "allocation", "operator data",
        "error texts", "runtime", "library", "start-up", "runner", "application", "padding",
    ] = Field(
        description="kernels: of one operator; shared kernels: code that several operators use; "
        "allocation: allocator and memory planner; operator data: reading the model's options; "
        "runtime: its code that nothing tells the part of; library: C, C++ and compiler library; "
        "application: everything else"
    )  # fmt: skip
    name: str
    operators: tuple[str, ...] = Field(description="operators that need it; empty: the runtime")
    flash_bytes: int
    ram_bytes: int
    largest: tuple[SymbolSize, ...]


class SectionSize(Record):
    """A section of the image; .data counts in both memories."""

    name: str
    flash_bytes: int
    ram_bytes: int


class Footprint(Record):
    """Static memory by owner. Both lists have the same sums."""

    sections: tuple[SectionSize, ...]
    owners: tuple[Owner, ...]


class FunctionCost(Record):
    """One function's own instructions in one operator; callees are not included."""

    operator: int | None = Field(description="null: the runtime around the operators")
    function: str
    instructions: int
    cycles: int
    calls: int


class CallPath(Record):
    """Instructions of a function reached on one path, for flame graphs.

    A function's own cost is exact; where it has several callers inside one operator, it is split
    by the number of calls.
    """

    operator: int | None
    path: tuple[str, ...] = Field(description="outermost first, the function itself last")
    instructions: int
    cycles: int


class Profile(Record):
    """One inference by function. The sum over ``functions`` is that of the inference."""

    functions: tuple[FunctionCost, ...]
    paths: tuple[CallPath, ...]
    runtime_instructions: int = Field(description="outside of all operators")
    runtime_cycles: int


class Details(Record):
    """What ``lab check --details`` adds.

    Null: this runtime or engine does not show it, or it did not run.
    """

    arena: ArenaMap | None
    stack: StackDetails | None
    footprint: Footprint | None
    profile: Profile | None
