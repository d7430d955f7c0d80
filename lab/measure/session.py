"""One emulated device with the runner's image on it: start, allocate, infer, and look.

The firmware is not instrumented: the engine stops at symbols of the runner and of TFLM, and what
there is to know is read from registers and memory.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, Self

from lab.demangle import demangle
from lab.elf import Image
from lab.engines.base import Engine, Machine, Stop, StopReason, Totals
from lab.errors import NoVerdictError
from lab.measure.failures import Failure, classify
from lab.measure.guest import LostError
from lab.measure.mailbox import Mailbox
from lab.measure.tflm import (
    INVOKE,
    ArenaParts,
    Interpreter,
    Offsets,
    PlannedBuffer,
    insides_of,
    interpreter,
)
from lab.measure.unwind import call_chain


@dataclass(frozen=True)
class Limits:
    """When to give up: a budget in instructions decides, wall clock only protects the host.

    Attributes:
        instructions: of one phase: start-up with allocation, or one inference.
        seconds: of wall clock for the same.
    """

    instructions: int = 50_000_000_000
    seconds: float = 600.0


DEFAULT_LIMITS = Limits()
_AN_INSTANT = 1e-6  # seconds; what is left when time is up
_MOST_BUFFERS = 10_000  # of a plan; no runtime has memory for as many


@dataclass(frozen=True)
class Start:
    """How to run: what the host tells the runner, and the ceiling of the stack.

    Attributes:
        arena_base: address of the arena, a multiple of 16.
        arena_bytes: its size, a multiple of 16.
        stack_limit: lowest address SP may reach.
        operators: how many the model has.
        invokes: inferences.
        seed: of the runner's input generator.
        inputs: bytes of every graph input, written before each inference; None: generated.
    """

    arena_base: int
    arena_bytes: int
    stack_limit: int
    operators: int
    invokes: int = 1
    seed: int = 1
    inputs: tuple[bytes, ...] | None = None


@dataclass(frozen=True)
class OperatorRun:
    """One operator of the first inference; instructions exact, cycles modelled, stack in bytes."""

    index: int
    kernel: str
    instructions: int
    cycles: int
    stack_bytes: int


@dataclass(frozen=True)
class StackUse:
    """Deepest point of the stack.

    Attributes:
        high_water: initial SP minus minimum SP, in bytes.
        function: the function that moved SP there.
        runner: bytes of it that are frames of the runner, below the interpreter.
        exact: the minimum SP is exact; else the stack is at least this deep.
    """

    high_water: int
    function: str
    runner: int
    exact: bool


@dataclass(frozen=True)
class Inference:
    """Everything one successful run gave.

    Attributes:
        instructions: of one ``Invoke``, the first; exact.
        cycles: of the same; modelled.
        setup_instructions: constructor and ``AllocateTensors``.
        setup_cycles: of the same; modelled.
        operators: of the first inference; none where the runtime's structures are not known.
        stack: over the whole run up to the last inference.
        inputs: bytes of each input of each inference, as they were when ``Invoke`` began.
        outputs: bytes of each output of each inference.
        reported: ``arena_used_bytes()``.
        persistent: bytes at the arena's tail; None where the runtime's structures are not known.
        non_persistent: bytes at the arena's head; likewise.
    """

    instructions: int
    cycles: int
    setup_instructions: int
    setup_cycles: int
    operators: tuple[OperatorRun, ...]
    stack: StackUse
    inputs: tuple[tuple[bytes, ...], ...]
    outputs: tuple[tuple[bytes, ...], ...]
    reported: int
    persistent: int | None
    non_persistent: int | None

    @property
    def outputs_sha256(self) -> str:
        """Over all outputs of all inferences, in order."""
        digest = hashlib.sha256()
        for outputs in self.outputs:
            for data in outputs:
                digest.update(data)
        return digest.hexdigest()


@dataclass(frozen=True)
class _Cost:
    """Instructions and cycles between two looks at the totals."""

    instructions: int
    cycles: int

    @classmethod
    def between(cls, before: Totals, after: Totals) -> Self:
        return cls(after.instructions - before.instructions, after.cycles - before.cycles)


@dataclass(frozen=True)
class _Invoke:
    """One inference as it was seen."""

    cost: _Cost
    operators: tuple[OperatorRun, ...]
    runner_sp: int
    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]


class _EndedError(Exception):
    """The firmware did not get where it was going."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure


@dataclass
class Session:
    """An image loaded on an engine. Runs may be repeated: each begins at reset."""

    engine: Engine
    image: Image
    machine: Machine
    offsets: Offsets
    limits: Limits = DEFAULT_LIMITS
    _start: Start = field(init=False)
    _lowest: tuple[int, int] = field(init=False)  # SP and PC, of phases before a restart
    _operator: int | None = field(init=False, default=None)
    _phase: Literal["allocate", "invoke"] = field(init=False, default="allocate")
    _stage: str = field(init=False, default="start")
    _lines_before_planning: int | None = field(init=False, default=None)
    _budget_end: int = field(init=False, default=0)
    _deadline: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.engine.load(self.machine, self.image.segments, self._at("vector_table"))
        self._top = self.engine.register("sp")
        self._insides = insides_of(self.image)
        self._mailbox = Mailbox(self.engine, self.offsets, self._at("lab_mailbox"))

    def allocate(self, start: Start, instructions: int | None = None) -> Failure | None:
        """Reset and run up to the end of ``AllocateTensors``; None when it succeeded.

        Args:
            start: how to run.
            instructions: budget in place of that of ``limits``; using it up is a failure too.
        """
        try:
            self._begin(start, instructions)
            self._allocate_tensors()
            self._check_status()
        except _EndedError as ended:
            return ended.failure
        return None

    def plan(self, start: Start) -> tuple[PlannedBuffer, ...]:
        """Allocate, and note every buffer the memory planner is told of until it ends or fails."""
        buffers = []
        add_buffer = self.image.symbols.get(self._insides.add_buffer)
        if add_buffer is None:  # part of its only caller
            return ()
        ends = {self._at("lab_allocated"), add_buffer.address}
        try:
            self._begin(start)
            while self._run(ends).pc == add_buffer.address:
                buffers.append(self._insides.planned_buffer(self.engine))
                if len(buffers) == _MOST_BUFFERS:
                    break
        except (_EndedError, LostError):
            pass
        return tuple(buffers)

    def infer(self, start: Start) -> Inference | Failure:
        """Reset, allocate and run all inferences of ``start``.

        Raises:
            NoVerdictError: it did not come to an end within the limits.
        """
        try:
            return self._infer(start)
        except _EndedError as ended:
            if ended.failure.stop is StopReason.INSTRUCTION_BUDGET:
                raise NoVerdictError(
                    f"no verdict: still in {self._phase} after {self.limits.instructions:,} "
                    f"instructions{_in(ended.failure)}"
                ) from None
            return ended.failure

    def _infer(self, start: Start) -> Inference:
        self._begin(start)
        setup = self._setup()
        self._phase = "invoke"
        invokes = [self._invoke(number) for number in range(start.invokes)]
        self._run({self._at("lab_measured")})
        stack = self._stack(invokes[0].runner_sp)
        parts = self._interpreter().arena_parts(start.arena_base, start.arena_bytes)
        self._run({self._at("lab_end")})
        reported = self._mailbox.word("arena_used")
        self._check_arena(parts, reported)
        return Inference(
            instructions=invokes[0].cost.instructions,
            cycles=invokes[0].cost.cycles,
            setup_instructions=setup.instructions,
            setup_cycles=setup.cycles,
            operators=invokes[0].operators,
            stack=stack,
            inputs=tuple(invoke.inputs for invoke in invokes),
            outputs=tuple(invoke.outputs for invoke in invokes),
            reported=reported,
            persistent=parts.persistent if parts else None,
            non_persistent=parts.non_persistent if parts else None,
        )

    def _setup(self) -> _Cost:
        """Constructor and AllocateTensors."""
        self._run({self._at(self._insides.constructor)})
        before = self.engine.totals()
        self._allocate_tensors()
        cost = _Cost.between(before, self.engine.totals())
        self._check_status()
        return cost

    def _allocate_tensors(self) -> None:
        """Run to the end of AllocateTensors; note when operators are prepared, as far as told."""
        allocated = self._at("lab_allocated")
        for stage, symbol in zip(("prepare", "plan"), self._insides.preparing or (), strict=False):
            place = self.image.symbols.get(symbol)
            if place is None:  # part of its only caller
                continue
            if self._run({allocated, place.address}).pc == allocated:
                return
            self._stage = stage
            self._lines_before_planning = len(self._mailbox.log()) if stage == "plan" else None
        self._run({allocated})

    def _invoke(self, number: int) -> _Invoke:
        """One inference; the first one operator by operator."""
        self._allow(self.limits.instructions)
        self._operator = None
        self._run({self._at("lab_before_invoke")})
        if self._start.inputs is not None:
            self._mailbox.write_inputs(self._start.inputs)
        inputs = self._mailbox.tensors("input")
        runner_sp = self.engine.register("sp")
        self._run({self._at(INVOKE)})
        before = self.engine.totals()
        back = self.engine.register("lr") & ~1
        operators = self._operators(back) if number == 0 else ()
        self._run({back})
        cost = _Cost.between(before, self.engine.totals())
        self._run({self._at("lab_after_invoke")})
        self._check_status()
        return _Invoke(cost, operators, runner_sp, inputs, self._mailbox.tensors("output"))

    def _operators(self, back: int) -> tuple[OperatorRun, ...]:
        """Run an inference operator by operator; ``back`` is where ``Invoke`` returns to."""
        functions = self._interpreter().invoke_functions(self._start.operators) or []
        runs: list[OperatorRun] = []
        for index, function in enumerate(functions):
            if not function:
                continue
            if self._run({function, back}).pc == back:
                return tuple(runs)  # the one before returned an error: it stays the one to blame
            self._operator = index
            self._lowest = min(self._lowest, self._minimum())
            self.engine.restart_minimum_sp()
            before = self.engine.totals()
            self._return()
            after = self.engine.totals()
            self._lowest = min(self._lowest, self._minimum())
            cost = _Cost.between(before, after)
            depth = self._top - after.minimum_sp
            kernel = self._function(function)
            runs.append(OperatorRun(index, kernel, cost.instructions, cost.cycles, depth))
        return tuple(runs)

    def _return(self) -> None:
        """Run the function that begins here to its end.

        Control flow runs other operators inside one, and those return to the same place.
        """
        back, sp = self.engine.register("lr") & ~1, self.engine.register("sp")
        while self._run({back}) and self.engine.register("sp") < sp:
            pass

    def _begin(self, start: Start, instructions: int | None = None) -> None:
        self._start, self._phase, self._operator = start, "allocate", None
        # Where nothing tells when operators are prepared, the interpreter's own note does.
        self._stage = "start" if self._insides.preparing else "prepare"
        self._lines_before_planning = None
        self._lowest = (self._top, 0)
        self.engine.reset()
        self._allow(instructions or self.limits.instructions)
        self._mailbox.tell(
            {
                "arena": start.arena_base,
                "arena_bytes": start.arena_bytes,
                "invokes": start.invokes,
                "seed": start.seed,
                "host_inputs": int(start.inputs is not None),
            }
        )

    def _allow(self, instructions: int) -> None:
        """Begin a phase: its budget and its time count from here."""
        self._budget_end = self.engine.totals().instructions + instructions
        self._deadline = time.monotonic() + self.limits.seconds

    def _run(self, until: Collection[int]) -> Stop:
        stop = self.engine.run(
            until,
            instructions=max(1, self._budget_end - self.engine.totals().instructions),
            seconds=max(_AN_INSTANT, self._deadline - time.monotonic()),
            stack_limit=self._start.stack_limit,
        )
        if stop.reason is StopReason.ADDRESS:
            return stop
        if stop.reason is StopReason.WALL_CLOCK:
            raise NoVerdictError(
                f"no verdict: still in {self._phase} after {self.limits.seconds:g} s "
                "(--timeout gives it more)"
            )
        raise _EndedError(self._failure(stop))

    def _check_arena(self, parts: ArenaParts | None, reported: int) -> None:
        """What the firmware says of its arena must be possible."""
        most = self._start.arena_bytes
        used = (parts.persistent, parts.non_persistent, reported) if parts else (reported,)
        if not all(0 <= size <= most for size in used):
            raise NoVerdictError(
                f"no verdict: the firmware claims to use {used} B of an arena of {most:,} B"
            )

    def _check_status(self) -> None:
        if self._mailbox.word("status"):
            raise _EndedError(self._failure(None))

    def _failure(self, stop: Stop | None) -> Failure:
        log = self._mailbox.log()
        sp = min(self._lowest, self._minimum())[0]
        operator = self._operator if self._phase == "invoke" else self._preparing()
        planned = self._lines_before_planning if self._stage == "plan" else len(log)
        return Failure(
            failure_class=classify(log, stop, planned=planned),
            phase=self._phase,
            log=log,
            status=self._mailbox.word("status"),
            operator=operator,
            stop=stop.reason if stop else None,
            fault=stop.fault if stop else None,
            chain=call_chain(self.engine, self.image) if stop else (),
            stack_bytes=self._top - sp,
        )

    def _preparing(self) -> int | None:
        """The operator that is being initialised or prepared, if one is."""
        if self._stage != "prepare" or not self._mailbox.word("interpreter"):
            return None
        try:
            node = self._interpreter().current_node()
        except LostError:  # it failed because its memory is damaged
            return None
        return node if node is not None and node < self._start.operators else None

    def _interpreter(self) -> Interpreter:
        address = self._mailbox.word("interpreter")
        return interpreter(self.engine, self.offsets, self.image, address)

    def _stack(self, runner_sp: int) -> StackUse:
        sp, pc = min(self._lowest, self._minimum())
        exact = self.engine.totals().minimum_sp_exact
        return StackUse(self._top - sp, self._function(pc), self._top - runner_sp, exact)

    def _minimum(self) -> tuple[int, int]:
        totals = self.engine.totals()
        return totals.minimum_sp, totals.minimum_sp_pc

    def _function(self, address: int) -> str:
        return self.image.function_at(address) or f"0x{address:08x}"

    def _at(self, symbol: str) -> int:
        if symbol not in self.image.symbols:  # another runtime than it says, or optimised away
            raise NoVerdictError(f'no verdict: the image has no "{demangle(symbol)}"')
        return self.image.symbols[symbol].address


def _in(failure: Failure) -> str:
    return f", in {failure.chain[0].function}" if failure.chain else ""
