"""Guests that misbehave end in the same way with both engines, but for what is known to differ."""

from __future__ import annotations

import pytest
import renode_fake
from misbehaving import ENDLESS, FAILURES, guest, session, start

from lab.errors import NoVerdictError
from lab.measure.failures import Failure
from lab.measure.inference import Inference

CORE = "cortex-m4f"
Outcome = Inference | Failure | str

# Renode's memory has no rights: all of it can be written and executed. What then happens is up to
# the firmware.
NO_RIGHTS = {"executes its data", "executes its stack", "executes its mailbox",
             "writes over its vectors", "writes over its code"}  # fmt: skip
# SP moves below the limit and past the end of memory at once: which of both is the cause is a
# matter of taste.
STACK_TOO = {"has a stack of its own"}
# The fake repeats the run for every access to nowhere, and here are thousands.
TOO_SLOW = {("1.16.1", "invokes itself for ever")}


def outcome(engine: str, place: str, lines: str) -> Outcome:
    try:
        return session(guest(CORE, **{place: lines}), CORE, engine=engine).infer(start())
    except NoVerdictError as error:
        return str(error)


CASES = [
    pytest.param(generation, case, id=f"{generation}-{case[0]}")
    for generation in renode_fake.GENERATIONS
    for case in FAILURES
    if CORE in case[5] and case[0] not in NO_RIGHTS and (generation, case[0]) not in TOO_SLOW
]


@pytest.mark.parametrize(("generation", "case"), CASES)
def test_a_guest_that_fails(
    generation: str,
    case: tuple[str, str, str, str, str | None, tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    what, place, lines, failure_class, kind, _ = case
    renode_fake.use(monkeypatch, generation)
    embedded, renode = (outcome(engine, place, lines) for engine in ("unicorn", "renode"))
    assert isinstance(embedded, Failure)
    assert isinstance(renode, Failure), renode
    if what in STACK_TOO:
        failure_class, kind = "stack_overflow", None
    assert renode.failure_class == failure_class
    assert renode.phase == embedded.phase
    assert (renode.fault.kind if renode.fault else None) == kind
    if kind is None:
        return
    assert renode.fault is not None
    assert embedded.fault is not None
    assert renode.stack_bytes <= embedded.stack_bytes
    if kind != "invalid_state":  # Renode tells where it went, not from where
        assert renode.fault.pc == embedded.fault.pc
    if not renode.fault.late and kind not in ("invalid_state", "exception_return"):
        assert renode.chain == embedded.chain


@pytest.mark.parametrize(
    ("place", "lines"), [case[1:3] for case in ENDLESS[:-1]], ids=[case[0] for case in ENDLESS[:-1]]
)
def test_a_guest_that_does_not_end(place: str, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    renode_fake.use(monkeypatch)
    assert outcome("renode", place, lines) == outcome("unicorn", place, lines)
