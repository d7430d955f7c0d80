"""The verdict of a check, from what was measured."""

from __future__ import annotations

from lab.engines.painted import MARGIN
from lab.jobs.measured import Measured, Subject
from lab.measure.failures import Failure
from lab.measure.inference import Inference
from lab.results import Verdict


def verdict_of(subject: Subject, measured: Measured) -> Verdict:
    """The answer: fits, does not fit (which limit, by how much), or failed (how)."""
    outcome = measured.probe.outcome
    if isinstance(outcome, Failure):
        return _verdict_failed(outcome, measured)
    for limit in (_arena_asked, _ram, _flash, _stack_asked):
        if verdict := limit(subject, measured):
            return verdict
    assert measured.placement is not None
    if isinstance(measured.on_board, Failure):
        return _verdict_failed(measured.on_board, measured)
    margin = measured.placement.margin
    where = "+".join(measured.placement.arena_run.banks)
    return Verdict(
        status="fits",
        limit="ram",
        margin_bytes=margin,
        failure_class=None,
        summary=f"the arena could grow by {margin:,} B in {where}",
        remedy=None,
    )


def _verdict_failed(failure: Failure, measured: Measured) -> Verdict:
    if failure.is_arena_too_small and measured.placement is None:
        summary = f"needs more arena than the {measured.plenty:,} B tried: {failure.reason}"
    else:
        summary = failure.reason
    return Verdict(
        status="failed",
        limit=None,
        margin_bytes=None,
        failure_class=failure.failure_class,
        summary=summary,
        remedy=REMEDIES.get(failure.failure_class),
    )


def _arena_asked(subject: Subject, measured: Measured) -> Verdict | None:
    asked = subject.request.arena_bytes
    assert measured.probe.required is not None
    if asked is None or asked >= measured.probe.required.size:
        return None
    short = measured.probe.required.size - asked
    return Verdict(
        status="does_not_fit",
        limit="arena",
        margin_bytes=-short,
        failure_class=_class_of(measured, "arena_too_small_persistent"),
        summary=f"the arena of {asked:,} B is {short:,} B too small",
        remedy=f"give the arena {measured.probe.required.size:,} B",
    )


def _ram(_: Subject, measured: Measured) -> Verdict | None:
    placement = measured.placement
    assert placement is not None
    if placement.margin >= 0:
        return None
    where = "+".join(placement.short_run.banks)
    return Verdict(
        status="does_not_fit",
        limit="ram",
        margin_bytes=placement.margin,
        failure_class=_class_of(measured, "ram_overflow"),
        summary=f"{-placement.margin:,} B of RAM are missing in {where}",
        remedy="a smaller model, a smaller reserve, or a board with more RAM",
    )


def _flash(subject: Subject, measured: Measured) -> Verdict | None:
    short = subject.flash_missing(measured.sizes)
    if not short:
        return None
    return Verdict(
        status="does_not_fit",
        limit="flash",
        margin_bytes=-short,
        failure_class="flash_overflow",
        summary=f"{short:,} B of flash are missing",
        remedy="a smaller model, " + ("" if subject.opt == "Os" else "-Os, ") + "or more flash",
    )


def _stack_asked(subject: Subject, measured: Measured) -> Verdict | None:
    """A reserve that was asked for and that inference on the board ran out of."""
    asked, probed = subject.request.stack_reserve_bytes, measured.probe.outcome
    ran_out = isinstance(measured.on_board, Failure) and (
        measured.on_board.failure_class == "stack_overflow"
    )
    if asked is None or not ran_out or not isinstance(probed, Inference):
        return None
    high, function = probed.stack.high_water, probed.stack.function
    needs = f"{'' if probed.stack.exact else 'at least '}{high:,} B"
    # An engine that paints the stack takes one for too deep that comes near its limit.
    short, said = high - asked, f"{high - asked:,} B too small"
    if short <= 0:
        short, said = high + MARGIN - asked, f"less than {MARGIN} B above what was written of it"
    return Verdict(
        status="does_not_fit",
        limit="stack",
        margin_bytes=-short,
        failure_class="stack_overflow",
        summary=f"the stack reserve of {asked:,} B is {said}: "
        f"inference needs {needs}{f', deepest in {function}' if function else ''}",
        remedy="a larger stack reserve, or none: the rule adds a margin to what was measured",
    )


def _class_of(measured: Measured, otherwise: str) -> str:
    failure = measured.on_board
    return failure.failure_class if isinstance(failure, Failure) else otherwise


REMEDIES = {
    "stack_overflow": "a larger stack reserve",
    "op_missing": "register the operator, or change the model",
    "unsupported_type": "see lab ops for the types this runtime computes",
    "hybrid_or_uint8": "quantize fully to int8, with a representative data set",
    "dynamic_tensor": "give the model a fixed batch and fixed shapes",
    "planner_lifetime": "use every output and every input of the graph",
    "guest_fault": "see the call chain; the runtime did not check for this",
    "halted": "the runtime gave up on a check; see the call chain",
}
