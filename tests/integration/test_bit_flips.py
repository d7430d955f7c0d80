"""Sound models with some bits flipped: the lab and TFLM on the host must come to the same answer.

A flipped file that the reader accepts is a model like any other, so the lab owes it a right answer:
the operator gate refuses it, or the target fails, or the target runs. Lab and host *agree* when

* both run, with the same output bits,
* the gate refuses it, and rightly so: the host fails too, or the target would have failed or
  computed something else than the host,
* the target fails, and the host fails too.

The host's TFLM is years newer, built for another processor, and called from Python. What follows
from that is not agreement. Every such difference has to be of one of the kinds of ``DIFFERENCES``,
which say how they are recognised, and there may be few of them.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from op_cases import SUPPORTED
from oracle import ARENA_BYTES, Array, HostJob, HostRun, run_host_many
from target import arrays, dtype_of, load, operator_table, random_inputs

from lab.errors import InputError, NoVerdictError
from lab.measure.failures import Failure
from lab.measure.inference import Inference
from lab.measure.ops import blocking, gate
from lab.model import Model, read_model
from lab.zoo import model_path

SMALL = {"conv, a scale per channel", "depthwise", "dense", "add, broadcast", "concatenation",
         "softmax", "average pool", "quantize"}  # fmt: skip
SOURCES = {case.name: case.model for case in SUPPORTED if case.name in SMALL}
SOURCES["tiny_float"] = model_path("tiny_float").read_bytes()
ACCEPTED = 25  # of each source
MOST_DIFFERENCES = 6
SEED, INVOKES = 1, 2
NOT_YET = HostRun(error="not run on the host yet")


@dataclass(frozen=True)
class Flipped:
    """A model that the reader accepted, and what became of it."""

    source: str
    bits: tuple[int, ...]
    model: Model
    refusal: str  # of the gate; empty: none
    outcome: Inference | Failure | NoVerdictError
    host: HostRun = NOT_YET

    @property
    def ran(self) -> bool:
        return isinstance(self.outcome, Inference)

    @property
    def both_ran(self) -> bool:
        return self.ran and self.host.ok

    @property
    def same(self) -> bool:
        """Both ran and computed the same bits."""
        return self.both_ran and all(
            mine.tobytes() == theirs.tobytes() for mine, theirs in self.outputs
        )

    @property
    def agree(self) -> bool:
        if isinstance(self.outcome, NoVerdictError) and self.host.ok:
            return False
        if self.refusal:
            return not self.same
        return self.same or (not self.ran and not self.host.ok)

    @property
    def outputs(self) -> list[tuple[Array, Array]]:
        """All outputs of target and host."""
        assert isinstance(self.outcome, Inference)
        indices = self.model.outputs
        return [
            (np.frombuffer(mine, dtype_of(self.model, index)), theirs.ravel())
            for got, expected in zip(self.outcome.outputs, self.host.outputs, strict=True)
            for index, mine, theirs in zip(indices, got, expected, strict=True)
        ]

    @property
    def inputs(self) -> tuple[tuple[Array, ...], ...]:
        """What the host gets: the target's inputs, where it ran."""
        if isinstance(self.outcome, Inference):
            return tuple(arrays(self.model, self.model.inputs, one) for one in self.outcome.inputs)
        tensors = [self.model.tensors[index] for index in self.model.inputs]
        if any(tensor.size > ARENA_BYTES for tensor in tensors):
            return ()
        try:
            return (random_inputs(self.model, np.random.default_rng(SEED)),)
        except KeyError:  # a type no NumPy array has; the runtime cannot hold it either
            return ()

    def __str__(self) -> str:
        target = "ran" if isinstance(self.outcome, Inference) else str(self.outcome)
        host = "ran" if self.host.ok else self.host.error or f"signal {self.host.signal}"
        return f"{self.source} {self.bits}: gate {self.refusal!r}, target {target}, host {host}"


def flip(source: str, bits: Iterable[int]) -> bytes:
    data = bytearray(SOURCES[source])
    for bit in bits:
        data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def flipped(source: str) -> list[Flipped]:
    """Models the reader accepts, each run on the target and on the host."""
    rng = random.Random(f"{source} {SEED}")
    found: list[Flipped] = []
    while len(found) < ACCEPTED:
        bits = tuple(rng.randrange(8 * len(SOURCES[source])) for _ in range(rng.choice((1, 1, 2))))
        try:
            model = read_model(flip(source, bits))
        except InputError:
            continue
        refusals = blocking(gate(model, operator_table()))
        reason = refusals[0].reason if refusals else ""
        found.append(Flipped(source, bits, model, reason, on_target(model)))
    return on_host(found)


def on_target(model: Model) -> Inference | Failure | NoVerdictError:
    try:
        return load(model.data, ARENA_BYTES).generated(SEED, INVOKES)
    except NoVerdictError as error:
        return error


def on_host(found: list[Flipped]) -> list[Flipped]:
    runs = run_host_many([HostJob(one.model.data, one.inputs) for one in found])
    return [replace(one, host=run) for one, run in zip(found, runs, strict=True)]


# Kinds of differences, and how each is recognised.


def unread(one: Flipped) -> bool:
    """The wheel's Python stumbles over parts of the file that TFLM never follows.

    It turns the whole file into objects before TFLM sees it. With the bits put back that are
    nothing to the lab's reader either, the host must agree.
    """
    if not one.ran or one.refusal or not one.host.error or "RuntimeError" in one.host.error:
        return False
    read = [bit for bit in one.bits if view(flip(one.source, [bit])) != view(SOURCES[one.source])]
    (mended,) = on_host([replace(one, model=read_model(flip(one.source, read)))])
    return mended.agree or rounded(mended)


def view(data: bytes) -> object:
    """All that the lab's reader takes from a file."""
    try:
        model = read_model(data)
    except InputError as error:
        return error.lines()
    contents = [bytes(model.tensor_bytes(tensor)) for tensor in model.tensors]
    return contents, model.subgraphs, model.operator_codes


def rounded(one: Flipped) -> bool:
    """Floats differ by their rounding: the target multiplies and adds in one step."""
    return one.both_ran and not one.refusal and all(
        mine.dtype.kind == "f"
        and np.allclose(mine, theirs, rtol=1e-5, atol=1e-6, equal_nan=True)
        for mine, theirs in one.outputs
    )  # fmt: skip


def left_open(one: Flipped) -> bool:
    """Quantizing beyond 32 bits, which C++ leaves open: Arm saturates, x86 gives the lowest."""
    quantize = [op for op in one.model.operators if op.name == "QUANTIZE"]
    return one.both_ran and any(
        scale < 1 / (1 << 31)
        for op in quantize
        for scale in one.model.tensors[op.outputs[0]].scales
    )


# Refusals of the gate that are right in general and happen to do no harm here.
HARMLESS = (
    r"the output's shape .* does not follow from", r"has \d+ outputs, takes \d+",
    r"the kernel uses uninitialised memory", r"depth_multiplier \d+ does not fit",
)  # fmt: skip


def harmless(one: Flipped) -> bool:
    """The gate refuses what happens to come out right."""
    return one.same and listed(one.refusal, HARMLESS)


def listed(text: str, patterns: Iterable[str]) -> bool:
    return any(re.search(pattern, text) for pattern in patterns)


def too_long(one: Flipped) -> bool:
    """A shape grew so much that the lab gives up, and says so."""
    return isinstance(one.outcome, NoVerdictError)


DIFFERENCES: tuple[Callable[[Flipped], bool], ...] = (
    unread, rounded, left_open, harmless, too_long,
)  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_lab_and_host_come_to_the_same_answer(source: str) -> None:
    found = flipped(source)
    kinds: Counter[str] = Counter()
    unnamed: list[str] = []
    for one in found:
        if one.agree:
            continue
        name = next((kind.__name__ for kind in DIFFERENCES if kind(one)), "")
        kinds[name] += 1
        unnamed += [] if name else [str(one)]
    assert not unnamed
    assert kinds.total() <= MOST_DIFFERENCES, kinds
    assert sum(one.same for one in found) >= ACCEPTED // 3
