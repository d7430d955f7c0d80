"""``lab stack``: how deep the stack gets, in which phase and operator, and who is on it there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.details import StackDetails, StackPoint
from lab.report.columns import aligned
from lab.report.engine import unseen
from lab.report.operators import label_of
from lab.report.terminal import trouble
from lab.results import CheckResult, Stack
from lab.units import format_size

_PHASES = {
    "constructor": "start-up, resolver, constructor",
    "allocate": "AllocateTensors",
    "invoke": "inference",
}
_MOST_INPUTS = 8


def render(result: CheckResult, operator: int | None = None) -> list[str]:
    """The view as lines of text.

    Args:
        result: a record with stack details.
        operator: show the call chain of this one; None: that of the deepest point of all.
    """
    assert result.details
    assert result.details.stack
    view = _View(result, result.details.stack)
    return [
        *view.headline(),
        "",
        *view.chain(operator),
        "",
        *view.points(),
        *view.inputs(),
        *view.failing_path(),
    ]


@dataclass(frozen=True)
class _View:
    result: CheckResult
    details: StackDetails

    def headline(self) -> Iterator[str]:
        stack = self.result.stack
        deepest = max((point.depth_bytes for point in self.details.points), default=0)
        yield (
            f"STACK  {self.result.model.name} on {self.result.board.name}: "
            f"{_at_least(stack)}{format_size(deepest)}, {'exact' if _exact(stack) else 'measured'}"
        )
        yield from trouble(self.result)
        lowest = "word that was written" if self._painted else "in the whole run"
        yield f"       from the initial SP to the lowest {lowest}, at the required arena"
        if stack:
            how = "by rule" if self.result.request.stack_reserve_bytes is None else "as asked for"
            yield (
                f"       {stack.runner_bytes:,} B of it are frames of the lab's runner; set aside "
                f"{how}: {stack.reserve_bytes:,} B"
            )

    def chain(self, operator: int | None) -> Iterator[str]:
        """The call chain of an operator's deepest point, or of the deepest of all."""
        point = self._deepest() if operator is None else self._of(operator)
        if point is None:
            yield f"Operator {operator} did not run"
            return
        if not point.chain:
            why = f": {unseen(self.result)}" if unseen(self.result) else ""
            yield f"Deepest in {self._place(point)}"
            yield f"{point.depth_bytes:>9,} B  the call chain is not known{why}"
            return
        yield f"Deepest in {self._place(point)}, innermost first; each function's own bytes"
        known = 0
        for frame in point.chain:
            size = "?" if frame.frame_bytes is None else f"{frame.frame_bytes:,}"
            known += frame.frame_bytes or 0
            yield f"{size:>9} B  {frame.function}"
        if rest := point.depth_bytes - known:
            yield f"{rest:>9,} B  of callers that are not known (code built with -g tells)"
        yield f"{point.depth_bytes:>9,} B  together"

    def points(self) -> Iterator[str]:
        """Depth of every phase and operator."""
        rows = [
            ("    depth", "where", "deepest function"),
            *(
                (f"{one.depth_bytes:>9,} B", self._place(one), _innermost(one))
                for one in self.details.points
            ),
        ]
        shown = 2 if unseen(self.result) else 3
        yield from aligned([row[:shown] for row in rows], ())

    def inputs(self) -> Iterator[str]:
        """How inferences differ, if there were several."""
        depths = self.details.inference_bytes
        if len(depths) < 2:
            return
        yield ""
        deepest = max(depths)
        of = f"Over {len(depths):,} generated inputs"
        if min(depths) == deepest:
            yield f"{of}: {deepest:,} B deep with every one"
            return
        yield f"{of}: {min(depths):,} to {deepest:,} B deep; deepest with"
        numbers = [index for index, depth in enumerate(depths) if depth == deepest]
        shown = ", ".join(str(number) for number in numbers[:_MOST_INPUTS])
        more = f" and {len(numbers) - _MOST_INPUTS:,} more" if len(numbers) > _MOST_INPUTS else ""
        yield f"inputs {shown}{more} (counted from 0, seed {self.result.request.seed})"

    def failing_path(self) -> Iterator[str]:
        """The path that a product does not take."""
        depth = self.details.failing_path_bytes
        if depth is not None:
            yield ""
            yield (
                f"With 16 B of arena less, allocation fails, at least {depth:,} B deep: saying why "
                "takes stack too."
            )
            yield "Not part of the figures above."

    @property
    def _painted(self) -> bool:
        """Whether what was written is all that is known of the stack."""
        return self.result.stack is not None and self.result.stack.function is None

    def _deepest(self) -> StackPoint | None:
        """An operator's point rather than that of the whole inference, if it is the deepest."""
        deepest = max((point.depth_bytes for point in self.details.points), default=0)
        found = [point for point in self.details.points if point.depth_bytes == deepest]
        return next((one for one in found if one.operator is not None), found[0] if found else None)

    def _of(self, operator: int) -> StackPoint | None:
        return next((one for one in self.details.points if one.operator == operator), None)

    def _place(self, point: StackPoint) -> str:
        if point.operator is None:
            return _PHASES[point.phase]
        return f"operator {label_of(self.result, point.operator)}"


def _innermost(point: StackPoint) -> str:
    return point.chain[0].function if point.chain else "-"


def _exact(stack: Stack | None) -> bool:
    return stack is not None and stack.exact


def _at_least(stack: Stack | None) -> str:
    return "" if _exact(stack) else "at least "
