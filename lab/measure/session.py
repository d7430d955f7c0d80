"""One emulated device with the runner's image on it: start, allocate, infer, and look.

The firmware is not instrumented: the engine stops at symbols of the runner and of TFLM, and what
there is to know is read from registers and memory.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.demangle import demangle
from lab.elf import Image
from lab.engines.base import BlockCount, Engine, Machine, Stop, StopReason, Totals
from lab.errors import NoVerdictError
from lab.measure.depths import Depths, Place
from lab.measure.failures import Failure, classify
from lab.measure.flows import Flow, Reader, difference, rest
from lab.measure.guest import LostError
from lab.measure.inference import (
    DEFAULT_LIMITS,
    Apart,
    Inference,
    Limits,
    OperatorRun,
    StackUse,
    Start,
)
from lab.measure.mailbox import Mailbox
from lab.measure.tflm import (
    ALLOCATE,
    INVOKE,
    ArenaParts,
    Interpreter,
    Offsets,
    PlannedBuffer,
    insides_of,
    interpreter,
)
from lab.measure.unwind import Frame, call_chain

_AN_INSTANT = 1e-6  # seconds; what is left when time is up
_MOST_BUFFERS = 10_000  # of a plan; no runtime has memory for as many


def _spent(before: Totals, after: Totals) -> Totals:
    cycles = None
    if before.cycles is not None and after.cycles is not None:
        cycles = after.cycles - before.cycles
    return Totals(after.instructions - before.instructions, cycles)


@dataclass(frozen=True)
class _Invoke:
    """One inference as it was seen."""

    cost: Totals
    operators: tuple[OperatorRun, ...]
    flows: tuple[Flow, ...]
    runner_sp: int
    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]


@dataclass(frozen=True)
class _Operator:
    """One operator as it was seen: its kernel's address, and what was counted while it ran."""

    run: OperatorRun
    function: int
    counts: list[BlockCount]


class EndedError(Exception):
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
    _depths: Depths = field(init=False)
    _apart: bool = field(init=False, default=False)
    _operator: int | None = field(init=False, default=None)
    _stage: str = field(init=False, default="start")
    _lines_before_planning: int | None = field(init=False, default=None)
    _budget_end: int = field(init=False, default=0)
    _deadline: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.engine.load(self.machine, self.image.segments, self._at("vector_table"))
        self._top = self.engine.register("sp")
        self._reader = Reader(self.engine, self.image, self.machine.core.cycles.taken)
        self._insides = insides_of(self.image)
        self._mailbox = Mailbox(self.engine, self.offsets, self._at("lab_mailbox"))

    def allocate(self, start: Start, instructions: int | None = None) -> Failure | None:
        """Reset and run up to the end of ``AllocateTensors``; None when it succeeded.

        Args:
            start: how to run.
            instructions: budget in place of that of ``limits``; using it up is a failure too.
        """
        try:
            self.begin(start, instructions)
            self._allocate_tensors()
            self._check_status()
        except EndedError as ended:
            return ended.failure
        return None

    def allocate_until(self, stops: Collection[int]) -> int | None:
        """Go on to one of these addresses, and which; None: allocation has ended, or failed."""
        end = self._at("lab_allocated")
        try:
            pc = self._run({end, *stops}).pc
        except EndedError:
            return None
        return None if pc == end else pc

    def plan(self, start: Start) -> tuple[PlannedBuffer, ...]:
        """Allocate, and note every buffer the memory planner is told of until it ends or fails."""
        buffers: list[PlannedBuffer] = []
        add_buffer = self.image.symbols.get(self._insides.add_buffer)
        if add_buffer is None:  # part of its only caller
            return ()
        self.begin(start)
        with contextlib.suppress(LostError):
            while len(buffers) < _MOST_BUFFERS and self.allocate_until({add_buffer.address}):
                buffers.append(self._insides.planned_buffer(self.engine))
        return tuple(buffers)

    def infer(self, start: Start, lows: Mapping[Place, int] | None = None) -> Inference | Failure:
        """Reset, allocate and run all inferences of ``start``.

        Args:
            start: how to run.
            lows: take the run apart as well, and find the call chains where SP is as low as this;
                None: do not.

        Raises:
            NoVerdictError: it did not come to an end within the limits.
        """
        try:
            return self._infer(start, lows)
        except EndedError as ended:
            if ended.failure.stop is StopReason.INSTRUCTION_BUDGET:
                raise NoVerdictError(
                    f"no verdict: still in {self._phase} after {self.limits.instructions:,} "
                    f"instructions{_in(ended.failure)}"
                ) from None
            return ended.failure

    def _infer(self, start: Start, lows: Mapping[Place, int] | None) -> Inference:
        self.begin(start, lows=lows)
        setup = self._setup()
        invokes = [self._invoke(number) for number in range(start.invokes)]
        self._run({self._at("lab_measured")})
        stack = self._stack(invokes[0].runner_sp)
        parts = self.interpreter().arena_parts(start.arena_base, start.arena_bytes)
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
            apart=Apart(self._depths.found(), invokes[0].flows) if self._apart else None,
        )

    def _setup(self) -> Totals:
        """Constructor and AllocateTensors."""
        self._run({self._at(self._insides.constructor)})
        before = self.engine.totals()
        self._allocate_tensors()
        cost = _spent(before, self.engine.totals())
        self._check_status()
        return cost

    def _allocate_tensors(self) -> None:
        """Run to the end of AllocateTensors; note when operators are prepared, as far as told."""
        allocated = self._at("lab_allocated")
        begin = self.image.symbols.get(ALLOCATE)
        if begin:
            if self._run({allocated, begin.address}).pc == allocated:
                return
            self._depths.enter("allocate")
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
        self._depths.begin_inference()
        self._run({self._at("lab_before_invoke")})
        if self._start.inputs is not None:
            self._mailbox.write_inputs(self._start.inputs)
        inputs = self._mailbox.tensors("input")
        runner_sp = self.engine.register("sp")
        self._run({self._at(INVOKE)})
        before, counts = self.engine.totals(), self._counts(number)
        back = self.engine.register("lr") & ~1
        ran = self._operators(number, back) if number == 0 or self._apart else []
        self._run({back})
        cost = _spent(before, self.engine.totals())
        flows = self._flows(difference(counts, self._counts(number)), ran)
        self._run({self._at("lab_after_invoke")})
        self._depths.end_inference()
        self._check_status()
        return _Invoke(
            cost, tuple(one.run for one in ran), flows, runner_sp, inputs,
            self._mailbox.tensors("output"),
        )  # fmt: skip

    def _operators(self, number: int, back: int) -> list[_Operator]:
        """Run an inference operator by operator; ``back`` is where ``Invoke`` returns to."""
        functions = self.interpreter().invoke_functions(self._start.operators) or []
        ran: list[_Operator] = []
        for index, function in enumerate(functions):
            if not function:
                continue
            if self._run({function, back}).pc == back:
                break  # the one before returned an error: it stays the one to blame
            self._operator = index
            self._depths.enter("invoke", index)
            before, counts = self.engine.totals(), self._counts(number)
            self._return()
            after = self.engine.totals()
            counted = difference(counts, self._counts(number))
            cost, depth = _spent(before, after), self._top - self.engine.lowest_sp().sp
            self._depths.enter("invoke")
            run = OperatorRun(
                index, self._function(function), cost.instructions, cost.cycles, depth
            )
            ran.append(_Operator(run, function, counted))
        return ran

    def _counts(self, number: int) -> list[BlockCount]:
        """Counts of the blocks until now, where the inference of this number is taken apart."""
        wanted = self._apart and number == 0 and self.engine.sees_blocks
        return self.engine.profile() if wanted else []

    def _flows(self, whole: list[BlockCount], ran: list[_Operator]) -> tuple[Flow, ...]:
        """What an inference executed: operator by operator, and around them."""
        if not whole:
            return ()
        around = rest(whole, [one.counts for one in ran])
        flows = [self._reader.flow(one.run.index, one.function, one.counts) for one in ran]
        return (*flows, self._reader.flow(None, self._at(INVOKE), around))

    def _return(self) -> None:
        """Run the function that begins here to its end.

        Control flow runs other operators inside one, and those return to the same place.
        """
        back, sp = self.engine.register("lr") & ~1, self.engine.register("sp")
        while self._run({back}) and self.engine.register("sp") < sp:
            pass

    def begin(
        self,
        start: Start,
        instructions: int | None = None,
        lows: Mapping[Place, int] | None = None,
    ) -> None:
        """Reset and tell the runner how to run; ``allocate_until`` goes on from there.

        Args:
            start: how to run.
            instructions: as for ``allocate``.
            lows: as for ``infer``.
        """
        self._start, self._operator, self._apart = start, None, lows is not None
        # Where nothing tells when operators are prepared, the interpreter's own note does.
        self._stage = "start" if self._insides.preparing else "prepare"
        self._lines_before_planning = None
        self.engine.reset()
        # An engine that notices a stack limit late cannot stop where the chains are to be seen.
        expected = lows if lows and self.engine.sees_blocks else {}
        self._depths = Depths(self.engine, self.image, expected)
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
        """Run to one of these addresses; on the way, see who is where the stack is deepest."""
        limit = self._depths.limit()
        if limit > self._start.stack_limit:
            stop = self._execute(until, limit)
            if stop.reason is StopReason.STACK_LIMIT:
                self._depths.arrived()
                stop = (
                    Stop(StopReason.ADDRESS, stop.pc)
                    if stop.pc in until
                    else self._execute(until, self._start.stack_limit)
                )
        else:
            stop = self._execute(until, self._start.stack_limit)
        if stop.reason is StopReason.ADDRESS:
            return stop
        if stop.reason is StopReason.WALL_CLOCK:
            raise NoVerdictError(
                f"no verdict: still in {self._phase} after {self.limits.seconds:g} s "
                "(--timeout gives it more)"
            )
        raise EndedError(self._failure(stop))

    def _execute(self, until: Collection[int], stack_limit: int) -> Stop:
        return self.engine.run(
            until,
            instructions=max(1, self._budget_end - self.engine.totals().instructions),
            seconds=max(_AN_INSTANT, self._deadline - time.monotonic()),
            stack_limit=stack_limit,
        )

    @property
    def _phase(self) -> Literal["allocate", "invoke"]:
        return "invoke" if self._depths.place.phase == "invoke" else "allocate"

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
            raise EndedError(self._failure(None))

    def _failure(self, stop: Stop | None) -> Failure:
        log = self._mailbox.log()
        self._depths.settle()
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
            chain=self._chain(stop) if stop else (),
            stack_bytes=self._top - self._depths.lowest[0],
        )

    def _chain(self, stop: Stop) -> tuple[Frame, ...]:
        if stop.fault and stop.fault.late:  # where it happened is all that is left of it
            pc = stop.fault.pc
            return (Frame(self._function(pc), pc, self.image.line_at(pc)),)
        return call_chain(self.engine, self.image)

    def _preparing(self) -> int | None:
        """The operator that is being initialised or prepared, if one is."""
        if self._stage != "prepare" or not self._mailbox.word("interpreter"):
            return None
        try:
            node = self.interpreter().current_node()
        except LostError:  # it failed because its memory is damaged
            return None
        return node if node is not None and node < self._start.operators else None

    def interpreter(self) -> Interpreter:
        """The interpreter on the device; at address 0 while it is being constructed."""
        address = self._mailbox.word("interpreter")
        return interpreter(self.engine, self.offsets, self.image, address)

    def console(self) -> tuple[str, ...]:
        """What the firmware has printed since reset, as far as its window holds it."""
        return self._mailbox.log()

    def _stack(self, runner_sp: int) -> StackUse:
        self._depths.settle()
        sp, pc = self._depths.lowest
        function = None if pc is None else self._function(pc)
        exact = self.engine.lowest_sp().exact
        return StackUse(self._top - sp, function, self._top - runner_sp, exact)

    def _function(self, address: int) -> str:
        return self.image.function_at(address) or f"0x{address:08x}"

    def _at(self, symbol: str) -> int:
        if symbol not in self.image.symbols:  # another runtime than it says, or optimised away
            raise NoVerdictError(f'no verdict: the image has no "{demangle(symbol)}"')
        return self.image.symbols[symbol].address


def _in(failure: Failure) -> str:
    return f", in {failure.chain[0].function}" if failure.chain else ""
