"""Is a difference between two engines explained, and by what? Otherwise it is a disagreement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.cores import Core
from lab.engines.renode.versions import generation_in, known_differences
from lab.measure.failures import Failure
from lab.measure.inference import Inference
from lab.measure.tasks import Seen
from lab.parity import Compared

Value = int | str | None

# What a known difference of Renode's machine is about, by the fault that it hides or changes.
_ABOUT = {
    "undefined_instruction": {"instructions", "fpu"},
    "no_coprocessor": {"fpu"},
    "divide_by_zero": {"divide"},
    "unaligned": {"unaligned"},
    "write_protected": {"flash"},
    "fetch_protected": {"execute"},
    "read_unmapped": {"faults"},
    "write_unmapped": {"faults"},
}
_UNWRITTEN = "stack that a frame takes and does not write is not seen there"
_LATE = "a stack limit is noticed there only after it was passed"


@dataclass(frozen=True)
class Judge:
    """Compares what two engines saw of one image.

    Attributes:
        core: that both emulate.
        first: seen by the engine that sees blocks.
        second: seen by Renode.
        operators: names of the model's.
    """

    core: Core
    first: Seen
    second: Seen
    operators: Sequence[str]

    def figures(self) -> Iterator[Compared]:
        """Every figure that both engines give, the outcome first."""
        one, other = self.first.outcome, self.second.outcome
        yield self._outcome()
        yield self._compared("console", _digest(self.first.console), _digest(self.second.console))
        if isinstance(one, Inference) and isinstance(other, Inference):
            yield self._compared("inputs", _data(one.inputs), _data(other.inputs))
            yield self._compared("outputs", _data(one.outputs), _data(other.outputs))
            yield from self._arena(one, other)
            yield from self._stack(one, other)
            yield from self._counts(one, other)

    def _outcome(self) -> Compared:
        one, other = self.first.outcome, self.second.outcome
        words, others = _words(one), _words(other)
        return _figure("outcome", words, others, self._why_otherwise() if words != others else None)

    def _why_otherwise(self) -> str | None:
        """What explains that the firmware ended in another way."""
        one = self.first.outcome
        if not isinstance(one, Failure):
            return None
        if one.failure_class == "stack_overflow":
            return _LATE
        about = set(_ABOUT.get(one.fault.kind, ())) if one.fault else set()
        if not is_floating_point(self.first.faulting):
            about.discard("fpu")
        known = known_differences(self.core, generation_in(self.second.engine_version))
        return next((difference.what for difference in known if difference.about in about), None)

    def _arena(self, one: Inference, other: Inference) -> Iterator[Compared]:
        for name in ("reported", "persistent", "non_persistent"):
            title = f"arena, {name.replace('_', '-')}"
            yield self._compared(title, getattr(one, name), getattr(other, name), "B")

    def _stack(self, one: Inference, other: Inference) -> Iterator[Compared]:
        """What is painted is compared with what is painted; the exact figure is an upper bound."""
        yield self._compared("stack, painted", self.first.painted, self.second.painted, "B")
        exact, found = one.stack.high_water, other.stack.high_water
        less = _UNWRITTEN if one.stack.exact and found < exact else None
        yield _figure("stack, high-water mark", exact, found, less, "B")

    def _counts(self, one: Inference, other: Inference) -> Iterator[Compared]:
        starting, inferring = _why(self.first.starting), _why(self.first.inferring)
        counted, others = one.setup_instructions, other.setup_instructions
        yield _figure("start-up", counted, others, starting, "instructions")
        yield _figure("inference", one.instructions, other.instructions, inferring, "instructions")
        yield from self._operators(_by_operator(one), _by_operator(other), inferring)

    def _operators(
        self, counts: dict[int, int], others: dict[int, int], why: str | None
    ) -> Iterator[Compared]:
        for index in sorted({*counts, *others}):
            name = self.operators[index] if index < len(self.operators) else "?"
            title = f"operator {index}, {name}"
            yield _figure(title, counts.get(index), others.get(index), why, "instructions")

    def _compared(self, title: str, one: Value, other: Value, unit: str = "") -> Compared:
        return _figure(title, one, other, None, unit)


def is_floating_point(code: bytes) -> bool:
    """Whether an instruction is one of the FPU's: coprocessors 10 and 11 (Armv7-M ARM, A6.4)."""
    first, second = int.from_bytes(code[:2], "little"), int.from_bytes(code[2:4], "little")
    return first & 0xEC00 == 0xEC00 and second & 0x0E00 == 0x0A00


def _why(peculiar: Sequence[str]) -> str | None:
    """What explains another number of instructions in a phase."""
    if not peculiar:
        return None
    return f"code executed in this phase depends on the emulator: {', '.join(peculiar)}"


def _figure(
    name: str, first: Value, second: Value, explanation: str | None, unit: str = ""
) -> Compared:
    agreement = "equal" if first == second else "explained" if explanation else "differs"
    reason = explanation if agreement == "explained" else None
    return Compared.model_validate(
        {"name": name, "unit": unit, "first": first, "second": second, "agreement": agreement,
         "reason": reason}
    )  # fmt: skip


def _words(outcome: Inference | Failure) -> str:
    """What came out, as far as both engines can tell it."""
    if isinstance(outcome, Inference):
        return "runs"
    kind = f", {outcome.fault.kind.replace('_', ' ')}" if outcome.fault else ""
    return f"{outcome.failure_class} in {outcome.phase}{kind}"


def _by_operator(outcome: Inference) -> dict[int, int]:
    return {operator.index: operator.instructions for operator in outcome.operators}


def _data(tensors: Sequence[Sequence[bytes]]) -> str:
    return _digest(tuple(data.hex() for invoke in tensors for data in invoke))


def _digest(parts: Sequence[str]) -> str:
    """Short enough to be shown, long enough to tell two apart."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16] if parts else "none"
