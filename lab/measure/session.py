"""One emulated device with the runner's image on it: start, allocate, infer, and look.

The firmware is not instrumented: the engine stops at symbols of the runner and of TFLM, and what
there is to know is read from registers and memory.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection
from dataclasses import dataclass, field

from lab.elf import Image
from lab.engines.base import Engine, Machine, Stop, StopReason, Totals
from lab.errors import NoVerdictError
from lab.measure.failures import Failure, Frame, classify, log_lines
from lab.measure.tflm import ADD_BUFFER, CONSTRUCTOR, INVOKE, Interpreter, Offsets
from lab.measure.unwind import call_chain

MAX_TENSORS = 64  # kLabMaxTensors of runner.h


@dataclass(frozen=True)
class Limits:
    """When to give up: a budget in instructions decides, wall clock only protects the host.

    Attributes:
        instructions: of one phase (allocation, or one inference).
        seconds: of wall clock for the same.
    """

    instructions: int = 50_000_000_000
    seconds: float = 600.0


DEFAULT_LIMITS = Limits()


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
class PlannedBuffer:
    """One buffer as the memory planner was told: bytes, first and last operator that needs it."""

    size: int
    first: int
    last: int


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
        operators: of the first inference.
        stack: over the whole run up to the last inference.
        inputs: bytes of each input of each inference, as they were when ``Invoke`` began.
        outputs: bytes of each output of each inference.
        reported: ``arena_used_bytes()``.
        persistent: bytes at the arena's tail.
        non_persistent: bytes at the arena's head.
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
    persistent: int
    non_persistent: int

    @property
    def outputs_sha256(self) -> str:
        """Over all outputs of all inferences, in order."""
        digest = hashlib.sha256()
        for outputs in self.outputs:
            for data in outputs:
                digest.update(data)
        return digest.hexdigest()


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
    _lowest: tuple[int, int] = field(init=False)
    _operator: int | None = field(init=False, default=None)
    _phase: str = field(init=False, default="allocate")

    def __post_init__(self) -> None:
        self.engine.load(
            self.machine,
            self.image.segments,
            self.image.symbols["vector_table"].address,
        )
        self._top = self.engine.register("sp")
        self._mailbox = self.image.symbols["lab_mailbox"].address

    def allocate(self, start: Start, instructions: int | None = None) -> Failure | None:
        """Reset and run up to the end of ``AllocateTensors``; None when it succeeded."""
        try:
            self._begin(start)
            self._run({self._at("lab_allocated")}, instructions)
            self._check_status()
        except _EndedError as ended:
            return ended.failure
        return None

    def plan(self, start: Start) -> tuple[PlannedBuffer, ...]:
        """Allocate, and note every buffer the memory planner is told of until it ends or fails."""
        buffers = []
        try:
            self._begin(start)
            while self._run({self._at("lab_allocated"), self._at(ADD_BUFFER)}).pc == self._at(
                ADD_BUFFER
            ):
                size, first = (self.engine.register(name) for name in ("r2", "r3"))
                last = self._signed(self.engine.register("sp"))
                buffers.append(PlannedBuffer(size, first, last))
        except _EndedError:
            pass
        return tuple(buffers)

    def infer(self, start: Start) -> Inference | Failure:
        """Reset, allocate and run all inferences of ``start``."""
        try:
            return self._infer(start)
        except _EndedError as ended:
            return ended.failure

    def _infer(self, start: Start) -> Inference:
        self._begin(start)
        self._run({self._at(CONSTRUCTOR)})
        before = self.engine.totals()
        self._run({self._at("lab_allocated")})
        setup = self.engine.totals()
        self._check_status()
        self._check_tensors()
        self._phase = "invoke"
        inputs, outputs, runs = [], [], []
        spans: list[tuple[Totals, Totals]] = []
        for number in range(start.invokes):
            self._run({self._at("lab_before_invoke")})
            self._write_inputs()
            inputs.append(self._tensors("input"))
            runner_sp = self.engine.register("sp")
            self._run({self._at(INVOKE)})
            first = self.engine.totals()
            back = self.engine.register("lr") & ~1
            if number == 0:
                runs = self._operators(back)
            self._run({back})
            spans.append((first, self.engine.totals()))
            self._run({self._at("lab_after_invoke")})
            self._check_status()
            outputs.append(self._tensors("output"))
        self._run({self._at("lab_measured")})
        parts = self._interpreter().arena_parts()
        sp, pc = min(self._lowest, self._minimum())
        exact = self.engine.totals().minimum_sp_exact
        self._run({self._at("lab_end")})
        first, last = spans[0]
        return Inference(
            instructions=last.instructions - first.instructions,
            cycles=last.cycles - first.cycles,
            setup_instructions=setup.instructions - before.instructions,
            setup_cycles=setup.cycles - before.cycles,
            operators=tuple(runs),
            stack=StackUse(self._top - sp, self._function(pc), self._top - runner_sp, exact),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            reported=self._field("arena_used"),
            persistent=parts.persistent,
            non_persistent=parts.non_persistent,
        )

    def _operators(self, back: int) -> list[OperatorRun]:
        """Run the first inference operator by operator; ``back`` is where ``Invoke`` returns to."""
        functions = self._interpreter().invoke_functions(self._start.operators)
        runs = []
        for index, function in enumerate(functions):
            if not function:
                continue
            if self._run({function, back}).pc == back:
                break
            self._operator = index
            self._lowest = min(self._lowest, self._minimum())
            self.engine.restart_minimum_sp()
            before = self.engine.totals()
            self._run({self.engine.register("lr") & ~1})
            after = self.engine.totals()
            self._lowest = min(self._lowest, self._minimum())
            runs.append(
                OperatorRun(
                    index=index,
                    kernel=self._function(function),
                    instructions=after.instructions - before.instructions,
                    cycles=after.cycles - before.cycles,
                    stack_bytes=self._top - after.minimum_sp,
                )
            )
        return runs

    def _begin(self, start: Start) -> None:
        self._start, self._phase, self._operator = start, "allocate", None
        self._lowest = (self._top, 0)
        self.engine.reset()
        host = {
            "arena": start.arena_base,
            "arena_bytes": start.arena_bytes,
            "invokes": start.invokes,
            "seed": start.seed,
            "host_inputs": int(start.inputs is not None),
        }
        for name, value in host.items():
            self.engine.write(self._mailbox + self.offsets["LabMailbox"][name],
                              struct.pack("<I", value))  # fmt: skip

    def _run(self, until: Collection[int], instructions: int | None = None) -> Stop:
        stop = self.engine.run(
            until,
            instructions=instructions or self.limits.instructions,
            seconds=self.limits.seconds,
            stack_limit=self._start.stack_limit,
        )
        if stop.reason is StopReason.ADDRESS:
            return stop
        if stop.reason is StopReason.WALL_CLOCK:
            raise NoVerdictError(
                f"no verdict: still running after {self.limits.seconds:.0f} s of wall clock "
                "(give more time, or check a smaller model)"
            )
        raise _EndedError(self._failure(stop))

    def _check_status(self) -> None:
        if self._field("status"):
            raise _EndedError(self._failure(None))

    def _check_tensors(self) -> None:
        most = max(self._field("inputs"), self._field("outputs"))
        if most > MAX_TENSORS:
            raise NoVerdictError(
                f"no verdict: the model has {most} graph inputs or outputs, the runner can "
                f"describe {MAX_TENSORS}"
            )

    def _failure(self, stop: Stop | None) -> Failure:
        log = self._log()
        chain = call_chain(self.engine, self.image) if stop else ()
        sp = min(self._lowest, self._minimum())[0]
        return Failure(
            failure_class=classify(log, stop),
            phase=self._phase,
            log=log,
            status=self._field("status"),
            operator=self._operator if self._phase == "invoke" else self._preparing(),
            stop=stop.reason if stop else None,
            fault=stop.fault if stop else None,
            chain=tuple(Frame(f.function, f.line, f.address) for f in chain),
            stack_bytes=self._top - sp,
        )

    def _preparing(self) -> int | None:
        if not self._field("interpreter"):
            return None
        node = self._interpreter().current_node()
        return node if node is not None and node < self._start.operators else None

    def _write_inputs(self) -> None:
        for index, data in enumerate(self._start.inputs or ()):
            address, _ = self._tensor("input", index)
            self.engine.write(address, data)

    def _tensors(self, which: str) -> tuple[bytes, ...]:
        places = [self._tensor(which, i) for i in range(self._field(f"{which}s"))]
        return tuple(self.engine.read(address, size) for address, size in places)

    def _tensor(self, which: str, index: int) -> tuple[int, int]:
        at = self._mailbox + self.offsets["LabMailbox"][which] + 8 * index
        address, size = struct.unpack("<II", self.engine.read(at, 8))
        return address, size

    def _log(self) -> tuple[str, ...]:
        at = self._mailbox + self.offsets["LabMailbox"]["log"]
        return log_lines(self.engine.read(at, self._field("log_bytes")))

    def _interpreter(self) -> Interpreter:
        return Interpreter(self.engine, self.offsets, self._field("interpreter"))

    def _field(self, name: str) -> int:
        return self._word(self._mailbox + self.offsets["LabMailbox"][name])

    def _word(self, address: int) -> int:
        return int.from_bytes(self.engine.read(address, 4), "little")

    def _signed(self, address: int) -> int:
        return int.from_bytes(self.engine.read(address, 4), "little", signed=True)

    def _minimum(self) -> tuple[int, int]:
        totals = self.engine.totals()
        return totals.minimum_sp, totals.minimum_sp_pc

    def _function(self, address: int) -> str:
        return self.image.function_at(address) or f"0x{address:08x}"

    def _at(self, symbol: str) -> int:
        return self.image.symbols[symbol].address
