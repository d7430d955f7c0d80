"""The memory of a record: what every byte of RAM and flash is for, and where it lies."""

from __future__ import annotations

from itertools import pairwise

from lab import results
from lab.board import Board, Run
from lab.jobs.measured import Measured, Subject
from lab.placement import ARENA_STEP, Placement


def memory_of(subject: Subject, measured: Measured) -> results.Memory | None:
    """RAM and flash by use; None for a model that does not run."""
    if measured.placement is None:
        return None
    return results.Memory(
        ram=_memory_ram(subject, measured, measured.placement),
        flash=_memory_flash(subject, measured),
    )


def _memory_ram(subject: Subject, measured: Measured, placement: Placement) -> results.Ram:
    application = subject.request.app_ram_bytes
    assert measured.probe.required is not None
    arena = subject.arena_wanted(measured.probe.required.size)
    stack = placement.stack_top - placement.stack_limit
    static = measured.sizes.static
    alignment = _alignment(placement, static + application)
    return results.Ram(
        static_bytes=static,
        arena_bytes=arena,
        stack_reserve_bytes=stack,
        application_bytes=application,
        alignment_bytes=alignment,
        needed_bytes=static + arena + stack + application + alignment,
        available_bytes=sum(run.size for run in _runs(placement)),
        setup=placement.setup,
        layout=(
            _layout(subject.board, placement, static, application, arena)
            if placement.margin >= 0
            else ()
        ),
    )


def _runs(placement: Placement) -> tuple[Run, ...]:
    """The runs that are used, each byte once."""
    if placement.together:
        return (placement.data,)
    return placement.data, placement.arena_run


def _alignment(placement: Placement, below: int) -> int:
    """Bytes lost in front of the arena; where it had to begin at a bank, nothing is lost."""
    gap = placement.arena_base - placement.data.base - below
    return gap if placement.together and 0 <= gap < ARENA_STEP else 0


def _layout(
    board: Board, placement: Placement, static: int, application: int, arena: int
) -> tuple[results.Span, ...]:
    """What lies where, in the order of addresses, the free stretches between included."""
    data = placement.data
    used = [
        (data.base, static, "static"),
        (data.base + static, application, "application"),
        (placement.arena_base, arena, "arena"),
        (placement.stack_limit, placement.stack_top - placement.stack_limit, "stack"),
    ]
    spans = []
    for run in _runs(placement):
        inside = sorted(one for one in used if one[1] and run.base <= one[0] < run.end)
        edges = [(run.base, 0, ""), *inside, (run.end, 0, "")]
        for (base, size, what), (following, _, _) in pairwise(edges):
            if what:
                spans.append(_span(board, what, base, size))
            if following > base + size:
                spans.append(_span(board, "free", base + size, following - base - size))
    return tuple(sorted(spans, key=lambda span: span.base))


def _span(board: Board, what: str, base: int, size: int) -> results.Span:
    banks = [bank.name for bank in board.ram if bank.base < base + size and base < bank.end]
    return results.Span.model_validate(
        {"what": what, "banks": banks, "base": base, "size_bytes": size}
    )


def _memory_flash(subject: Subject, measured: Measured) -> results.Flash:
    sizes, application = measured.sizes, subject.request.app_flash_bytes
    return results.Flash(
        code_bytes=sizes.code,
        model_bytes=sizes.model,
        data_bytes=sizes.data,
        padding_bytes=sizes.padding,
        application_bytes=application,
        needed_bytes=sizes.flash + application,
        available_bytes=subject.board.flash_run().size,
    )
