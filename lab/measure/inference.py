"""How to run the runner, and what one successful run gives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lab.measure.depths import StackDepths
from lab.measure.flows import Flow


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
    """One operator of the first inference; instructions exact, cycles modelled, stack in bytes.

    No cycles where the engine does not see blocks, here and below.
    """

    index: int
    kernel: str
    instructions: int
    cycles: int | None
    stack_bytes: int


@dataclass(frozen=True)
class StackUse:
    """Deepest point of the stack.

    Attributes:
        high_water: initial SP minus minimum SP, in bytes.
        function: the function that moved SP there; None: the engine does not know.
        runner: bytes of it that are frames of the runner, below the interpreter.
        exact: the minimum SP is exact; else the stack is at least this deep.
    """

    high_water: int
    function: str | None
    runner: int
    exact: bool


@dataclass(frozen=True)
class Apart:
    """A run taken apart.

    Attributes:
        depths: where the stack was deep.
        flows: what the first inference executed: one for each operator, then the runtime's.
    """

    depths: StackDepths
    flows: tuple[Flow, ...]


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
        apart: stack and time by operator and function; None: not asked for.
    """

    instructions: int
    cycles: int | None
    setup_instructions: int
    setup_cycles: int | None
    operators: tuple[OperatorRun, ...]
    stack: StackUse
    inputs: tuple[tuple[bytes, ...], ...]
    outputs: tuple[tuple[bytes, ...], ...]
    reported: int
    persistent: int | None
    non_persistent: int | None
    apart: Apart | None = None

    @property
    def outputs_sha256(self) -> str:
        """Over all outputs of all inferences, in order."""
        digest = hashlib.sha256()
        for outputs in self.outputs:
            for data in outputs:
                digest.update(data)
        return digest.hexdigest()
