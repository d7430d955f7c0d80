"""The profile as files for other programs: CSV, collapsed stacks, a trace for Perfetto's viewer."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.details import Profile
from lab.report.operators import OUTSIDE, label
from lab.report.profile import RUNTIME
from lab.results import CheckResult

Weight = Literal["instructions", "cycles"]
COLUMNS = (
    "operator", "name", "output", "function", "calls", "instructions", "cycles",
)  # fmt: skip
_PROCESS, _SETUP, _INFERENCE = 1, 1, 2  # numbers of the trace's process and its two tracks


def as_csv(result: CheckResult) -> str:
    """One row for each operator and function; ``operator`` is empty for the runtime."""
    operators = {one.index: one for one in result.operators}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in _profile(result).functions:
        owner = operators.get(-1 if one.operator is None else one.operator)
        name, output = (owner.name, owner.output) if owner else (RUNTIME, None)
        index = "" if one.operator is None else one.operator
        writer.writerow(
            (index, name, output or "", one.function, one.calls, one.instructions, one.cycles)
        )
    return text.getvalue()


def as_collapsed(result: CheckResult, weight: Weight) -> str:
    """One line for each path, as flame graph tools take it: names joined by ``;``, then a number.

    The first name is the operator's, or ``runtime``.
    """
    names = _names(result)
    lines = []
    for one in _profile(result).paths:
        count = getattr(one, weight)
        frames = [names.get(one.operator, RUNTIME), *one.path]
        if count:
            lines.append(f"{';'.join(frame.replace(';', ':') for frame in frames)} {count}\n")
    return "".join(lines)


def as_trace(result: CheckResult) -> str:
    """Trace events as JSON: slices in modelled time, functions nested by path.

    Operators follow each other as they ran. Inside one, functions are drawn one after the other:
    how much each took is known, not when. What is outside of them is drawn at the end.
    """
    assert result.run
    clock = result.board.clock_hz
    trace = _Trace(clock)
    trace.name("process_name", 0, f"{result.model.name} on {result.board.name}")
    trace.name("thread_name", _SETUP, "set-up")
    trace.name("thread_name", _INFERENCE, "inference")
    setup = result.run.setup_cycles
    assert setup is not None  # there is a profile, so there are cycles
    trace.slice(_SETUP, "constructor and AllocateTensors", 0, setup, {"cycles": setup})
    _draw_inference(trace, result, setup)
    about = {
        "time": f"modelled by {result.run.cycle_model} ({result.run.cycle_class}) at {clock} Hz "
        "and zero wait states",
        "order": f"operators in order; functions inside one in no order of time; what is {OUTSIDE} "
        "is drawn at the end",
        "callers": "a function with several callers is split by the number of calls",
    }
    events = ",\n".join(json.dumps(event) for event in trace.events)
    head = json.dumps({"displayTimeUnit": "ns", "otherData": about})[:-1]
    return f'{head}, "traceEvents": [\n{events}\n]}}\n'


def _draw_inference(trace: _Trace, result: CheckResult, begin: int) -> None:
    names = _names(result)
    trees: dict[int | None, _Node] = {one.index: _Node() for one in result.operators}
    trees[None] = _Node()
    for one in _profile(result).paths:
        trees.setdefault(one.operator, _Node()).add(one.path, one.instructions, one.cycles)
    live = result.details.arena.live_bytes if result.details and result.details.arena else ()
    stack = {one.index: one.stack_bytes for one in result.operators}
    for operator, tree in sorted(trees.items(), key=lambda item: (item[0] is None, item[0] or 0)):
        trace.tree(names.get(operator, f"{RUNTIME} ({OUTSIDE})"), tree, begin)
        if operator in stack:
            trace.counter("stack, deepest", begin, stack[operator])
        if operator is not None and 0 <= operator < len(live):
            trace.counter("arena, planned buffers alive", begin, live[operator])
        begin += tree.cycles


def _names(result: CheckResult) -> dict[int | None, str]:
    return {one.index: label(one) for one in result.operators}


def _profile(result: CheckResult) -> Profile:
    assert result.details
    assert result.details.profile
    return result.details.profile


@dataclass
class _Node:
    """A function on a path, or an operator; figures include what is below."""

    instructions: int = 0
    cycles: int = 0
    below: dict[str, _Node] = field(default_factory=dict)

    def add(self, path: tuple[str, ...], instructions: int, cycles: int) -> None:
        self.instructions += instructions
        self.cycles += cycles
        if path:
            self.below.setdefault(path[0], _Node()).add(path[1:], instructions, cycles)


@dataclass
class _Trace:
    """Trace events, see the document "Trace Event Format"; times are microseconds."""

    clock_hz: int
    events: list[dict[str, Any]] = field(default_factory=list)

    def name(self, kind: str, track: int, name: str) -> None:
        self._add("M", kind, track, args={"name": name})

    def tree(self, name: str, node: _Node, begin: int) -> None:
        """A slice, and those inside it."""
        waiting: list[tuple[str, _Node, int]] = [(name, node, begin)]
        while waiting:
            name, node, begin = waiting.pop()
            figures = {"instructions": node.instructions, "cycles": node.cycles}
            self.slice(_INFERENCE, name, begin, node.cycles, figures)
            for inner, below in node.below.items():
                waiting.append((inner, below, begin))
                begin += below.cycles

    def slice(self, track: int, name: str, begin: int, cycles: int, args: dict[str, int]) -> None:
        start, end = self._time(begin), self._time(begin + cycles)
        self._add("X", name, track, ts=start / 1000, dur=(end - start) / 1000, args=args)

    def counter(self, name: str, at: int, value: int) -> None:
        self._add("C", name, _INFERENCE, ts=self._time(at) / 1000, args={"bytes": value})

    def _time(self, cycles: int) -> int:
        """Nanoseconds; whole ones, so that slices stay inside each other."""
        return cycles * 1_000_000_000 // self.clock_hz

    def _add(self, phase: str, name: str, track: int, **rest: Any) -> None:
        self.events.append({"ph": phase, "name": name, "pid": _PROCESS, "tid": track, **rest})
