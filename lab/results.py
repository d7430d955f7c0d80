"""The record of one check: what every report reads, what ``--json`` prints, what CI compares.

A record holds no times, host data or paths: the same inputs give the same record, byte for byte.
``docs/result.schema.json`` is generated from these classes.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.details import Details, Record

DEFAULT_ENGINE = "unicorn"  # it comes with the lab


class Verdict(Record):
    """The answer. ``margin_bytes`` is negative when something is missing."""

    status: Literal["fits", "does_not_fit", "failed"]
    limit: Literal["ram", "flash", "arena", "stack"] | None = Field(
        description="the limit that binds: RAM or flash of the board, or arena or stack as asked"
    )
    margin_bytes: int | None = Field(
        description="bytes the arena could grow and everything still places; negative: shortfall"
    )
    failure_class: str | None
    summary: str
    remedy: str | None


class Bank(Record):
    """A memory bank of the board as checked."""

    name: str
    base: int
    size_bytes: int


class Reserve(Record):
    """What boot code or a core library takes on this board: a profile for ``--reserve``."""

    name: str
    title: str
    ram_bytes: int
    flash_bytes: int


class Board(Record):
    """The board as checked; ``what_if`` lists what the caller changed."""

    name: str
    title: str
    mcu: str
    core: str
    clock_hz: int
    flash: tuple[Bank, ...]
    ram: tuple[Bank, ...]
    ram_data_bytes: int = Field(description="bytes of all RAM that data may use")
    flash_wait_states: int | None
    reserves: tuple[Reserve, ...]
    unverified: tuple[str, ...]
    what_if: tuple[str, ...]


class Model(Record):
    """The model's identity."""

    name: str
    sha256: str
    size_bytes: int
    operators: int
    tensors: int


class Runtime(Record):
    """The runtime's identity: the checksum of the crate it comes from, or of the user's library.

    How a user's library was optimised is not known: ``build.opt`` is then the runner's alone.
    """

    name: str
    title: str
    kind: Literal["crate", "library"]
    api: str
    kernels: str
    source_sha256: str | None
    library_sha256: str | None
    headers_sha256: str | None = Field(description="of all headers the runner may include")
    library_compilers: tuple[str, ...]


class Build(Record):
    """What the image was made with. Numbers of different builds are not comparable."""

    lab: str
    opt: str
    compiler: str
    libc: str
    flags: tuple[str, ...]
    image_sha256: str | None = Field(
        description="ELF for the real banks; null if it was not linked"
    )


class Request(Record):
    """What was asked for, beyond model and board."""

    engine: str
    engine_version: str | None
    arena_bytes: int | None
    arena_bank: str | None = Field(description="bank in which the arena was asked to lie")
    stack_reserve_bytes: int | None
    app_ram_bytes: int
    app_flash_bytes: int
    reserve_profile: str | None
    invokes: int
    seed: int
    inputs: Literal["generated", "given"]

    @property
    def engine_name(self) -> str:
        """With its version, if one was started: ``renode 1.16.1``."""
        return f"{self.engine} {self.engine_version or ''}".rstrip()


class Span(Record):
    """A stretch of RAM and what lies there."""

    what: Literal["static", "application", "arena", "free", "stack"]
    banks: tuple[str, ...]
    base: int
    size_bytes: int


class Ram(Record):
    """RAM by use. ``alignment_bytes`` is lost in front of the arena's 16-byte boundary.

    ``available_bytes`` is the run of banks everything is placed in, or the two.
    """

    static_bytes: int
    arena_bytes: int
    stack_reserve_bytes: int
    application_bytes: int
    alignment_bytes: int
    needed_bytes: int
    available_bytes: int
    setup: tuple[str, ...] = Field(
        description="what firmware must do before it can use this memory; empty: nothing"
    )
    layout: tuple[Span, ...]


class Flash(Record):
    """Flash by use. ``data_bytes`` are the initial values of .data, ``padding_bytes`` alignment."""

    code_bytes: int
    model_bytes: int
    data_bytes: int
    padding_bytes: int
    application_bytes: int
    needed_bytes: int
    available_bytes: int


class Memory(Record):
    """Static memory and placement; section sizes are exact."""

    ram: Ram
    flash: Flash


class Arena(Record):
    """The arena, at the required size. ``trials`` allocations were run to find it."""

    reported_bytes: int
    required_bytes: int
    persistent_bytes: int | None
    non_persistent_bytes: int | None
    planning_headroom_bytes: int | None
    trials: int
    below: str | None = Field(description="the runtime's words with 16 bytes less")


class Stack(Record):
    """High-water mark; ``runner_bytes`` of it are frames of the runner.

    ``exact`` is false if a function moved SP in a way that cannot be followed, or if the engine
    knows only what was written of the stack; then the stack is at least this deep.
    """

    high_water_bytes: int
    exact: bool
    reserve_bytes: int
    function: str | None = Field(description="that moved SP there; null: the engine cannot tell")
    runner_bytes: int


class Run(Record):
    """One inference. Instructions exact; cycles by a model, at zero wait states.

    ``milliseconds_all_waiting`` is the other end of the bracket: every cycle waits for flash.
    """

    instructions: int
    cycles: int | None = Field(description="null: the engine counts instructions only")
    cycle_model: str
    cycle_class: Literal["calibrated", "uncalibrated"]
    milliseconds: float | None
    milliseconds_all_waiting: float | None
    setup_instructions: int
    setup_cycles: int | None
    invokes: int
    outputs_sha256: str


class Operator(Record):
    """One operator of the first inference."""

    index: int
    name: str
    version: int
    kernel: str
    instructions: int
    cycles: int | None
    macs: int | None = Field(description="multiply-accumulates by the shapes; null: no such op")
    stack_bytes: int = Field(description="from the initial SP down to the lowest while it ran")
    output: str | None = Field(
        default=None, description="name of the first tensor it writes; null: not recorded"
    )


class Finding(Record):
    """What the operator gate has to say of an operator that is not plainly supported."""

    index: int
    name: str
    version: int
    verdict: Literal["missing", "wrong", "unknown"]
    reason: str
    instead: str


class PeakTensor(Record):
    """A buffer that is alive at the peak: a tensor of the model, or a kernel's scratch buffer."""

    name: str
    size_bytes: int


class Peak(Record):
    """Where the most planned memory is alive at once; a lower bound for any plan."""

    operator: int
    operator_name: str
    live_bytes: int
    tensors: tuple[PeakTensor, ...]


class Frame(Record):
    """One function of a call chain, innermost first."""

    function: str
    line: str | None


class Failure(Record):
    """Why it does not run: the runtime's words, or what the engine saw, on the board's memory."""

    failure_class: str
    phase: str
    reason: str
    log: tuple[str, ...]
    operator: int | None
    operator_name: str | None
    fault: str | None
    fault_pc: int | None
    fault_address: int | None
    call_chain: tuple[Frame, ...]
    stack_bytes: int


class BoardThatFits(Record):
    """A board of the library on which the model fits; ``setup`` as in ``Ram``."""

    name: str
    title: str
    core: str
    ram_bytes: int = Field(description="bytes of all RAM that data may use")
    flash_bytes: int
    margin_bytes: int
    setup: tuple[str, ...]


class WouldDo(Record):
    """The smallest boards of the library that would do: by RAM for data, then flash.

    Computed ones have the core that was measured; the request's reserves and sizes are applied, but
    not what names a bank of one board. ``boards`` are the first of the ``fitting`` ones.
    """

    how: Literal["computed from this measurement", "measured"]
    core: str | None = Field(description="the core they all have; null: any")
    considered: int = Field(description="boards that were looked at")
    fitting: int = Field(description="boards of these on which the model fits")
    boards: tuple[BoardThatFits, ...]


class CheckResult(Record):
    """The record of ``lab check``. What was not measured is null, never zero."""

    schema_version: Literal[1] = 1
    verdict: Verdict
    board: Board
    model: Model
    runtime: Runtime
    build: Build | None
    request: Request
    memory: Memory | None
    arena: Arena | None
    stack: Stack | None
    run: Run | None
    operators: tuple[Operator, ...]
    findings: tuple[Finding, ...]
    peak: Peak | None
    failure: Failure | None
    would_do: WouldDo | None = Field(
        description="null: the model does not run at all, or not with what was asked for"
    )
    resolver: tuple[str, ...] = Field(description="C++ lines that register the model's operators")
    details: Details | None = Field(
        default=None, description="null: not asked for, or the model does not run"
    )

    def to_json(self) -> str:
        """The record as JSON text, fields in a fixed order."""
        return self.model_dump_json(indent=2) + "\n"


class NoRecord(Record):
    """A check of a batch that gave no record; ``lines`` is what a single check would have said."""

    model: str
    board: str
    exit_code: int
    lines: tuple[str, ...]


class BatchResult(Record):
    """What ``lab check`` prints for several models or boards; everything in the order asked for."""

    schema_version: Literal[1] = 1
    records: tuple[CheckResult, ...]
    problems: tuple[NoRecord, ...]

    def to_json(self) -> str:
        """The batch as JSON text, fields in a fixed order."""
        return self.model_dump_json(indent=2) + "\n"
