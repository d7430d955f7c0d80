"""The required arena is proved by inference, not by allocation alone."""

from __future__ import annotations

from typing import Any

import pytest

from lab.errors import NoVerdictError
from lab.measure.arena import Required
from lab.measure.failures import Failure
from lab.measure.inference import Inference, StackUse, Start
from lab.measure.tasks import proved

START = Start(arena_base=0x20001000, arena_bytes=65536, stack_limit=0, operators=1)
FAILED = Failure("guest_fault", "invoke", (), 0, 0, None, None, (), 100)


def inference(output: bytes) -> Inference:
    stack = StackUse(100, "f", 10, exact=True)
    return Inference(1, 1, 1, 1, (), stack, ((),), ((output,),), 1000, 500, 500)


class Stub:
    """A session whose outcome depends on the size of the arena."""

    def __init__(self, outcomes: dict[int, Inference | Failure], otherwise: Inference) -> None:
        self.outcomes = outcomes
        self.otherwise = otherwise

    def infer(self, start: Start, _: object) -> Inference | Failure:
        return self.outcomes.get(start.arena_bytes, self.otherwise)


def prove(outcomes: dict[int, Inference | Failure], otherwise: bytes = b"good") -> Any:
    session: Any = Stub(outcomes, inference(otherwise))
    return proved(session, START, inference(b"good"), Required(1024, None, 5))


def test_the_size_found_is_right() -> None:
    outcome, required = prove({})
    assert (required.size, outcome.outputs) == (1024, ((b"good",),))


def test_a_size_at_which_inference_differs_or_fails_is_too_small() -> None:
    _, required = prove({1024: inference(b"bad"), 1040: FAILED})
    assert (required.size, required.below) == (1056, FAILED)
    _, required = prove({1024: inference(b"bad")})
    assert (required.size, required.below) == (1040, None)


def test_where_it_never_agrees_there_is_no_verdict() -> None:
    with pytest.raises(NoVerdictError, match="the runtime uses memory it did not allocate"):
        prove({}, otherwise=b"bad")
