"""``lab arena``: who is in the arena, when it is fullest, and what would make it smaller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from lab.details import ArenaItem, ArenaMap
from lab.report.arena_chart import chart
from lab.report.names import tensor_name
from lab.report.numbers import percent
from lab.report.operators import label_of
from lab.report.persistent import PERSISTENT
from lab.report.terminal import trouble
from lab.results import Arena, CheckResult
from lab.units import format_size

_T = TypeVar("_T")
_MOST_ALIVE = 8
_MOST_OPERATORS = 8
_STEP = 16  # bytes in which the required arena is searched


def show(result: CheckResult) -> None:
    """Print the view on standard output."""
    print("\n".join(render(result)))


def render(result: CheckResult) -> list[str]:
    """The view as lines of text; of a record with an arena."""
    arena, details = result.arena, result.details
    assert arena
    if details is None or details.arena is None:
        return [*_headline(result, arena), "", *_parts(arena), "", *_not_shown(result)]
    view = _View(result, arena, details.arena)
    return [
        *_headline(result, arena),
        *view.culprit(),
        "",
        *_parts(arena),
        "",
        *view.persistent(),
        "",
        *view.by_operator(),
        *view.why_more(),
        "",
        *chart(details.arena),
    ]


def _headline(result: CheckResult, arena: Arena) -> Iterator[str]:
    yield (
        f"ARENA  {result.model.name} on {result.board.name}: required "
        f"{format_size(arena.required_bytes)}, measured; reported by TFLM "
        f"{arena.reported_bytes:,} B"
    )
    yield from trouble(result)


def _parts(arena: Arena) -> Iterator[str]:
    yield "Parts, measured on the target in the probe map"
    for name, size, what in (
        ("persistent", arena.persistent_bytes, "always there: listed below"),
        ("non-persist.", arena.non_persistent_bytes, "planned: activations and scratch buffers"),
        ("headroom", arena.planning_headroom_bytes, "needed only while allocating"),
    ):
        if size is not None:
            yield _row(size, arena.required_bytes, f"{name:<12}  {what}")


def _not_shown(result: CheckResult) -> Iterator[str]:
    yield f"{result.runtime.name} does not show who owns it: its allocator or its structures are"
    yield "other than the lab knows, or a model of several subgraphs is none it can follow."


@dataclass(frozen=True)
class _View:
    result: CheckResult
    arena: Arena
    map: ArenaMap

    def culprit(self) -> Iterator[str]:
        """Who is alive when the planned part is fullest, and what limits a better plan."""
        peak = self.map.peak_operator
        if peak is None:
            yield "       no operator needs planned memory"
            return
        count = len(self.map.live_bytes)
        alive = [item for item in self.map.items if self.map.is_at_peak(item)]
        alive.sort(key=lambda item: (-item.size_bytes, item.name))
        yield (
            f"       fullest at operator {label_of(self.result, peak)}: {len(alive)} buffers "
            f"alive, {format_size(self.map.lower_bound_bytes)}"
        )
        shown = alive[:_MOST_ALIVE]
        whens = [_when(item.life(count)) for item in shown]
        width = max(map(len, whens), default=0)
        for item, when in zip(shown, whens, strict=True):
            yield f"  {item.size_bytes:>11,} B  {when:<{width}}  {_what(item)}"
        if rest := alive[_MOST_ALIVE:]:
            size = sum(item.size_bytes for item in rest)
            yield f"  {size:>11,} B  in {len(rest)} more"
        yield from self._limit(peak)

    def _limit(self, peak: int) -> Iterator[str]:
        lost = self.map.planned_bytes - self.map.lower_bound_bytes
        if lost:
            yield (
                f"       TFLM planned {self.map.planned_bytes:,} B: {lost:,} B are gaps between "
                "buffers that another plan might"
            )
            yield f"       save; none can do with less than those alive at operator {peak}"
        else:
            yield (
                "       no plan can do with less: make these tensors smaller, or fewer at "
                f"operator {peak}"
            )

    def persistent(self) -> Iterator[str]:
        """What is always there, by kind."""
        yield "Persistent part, every byte by its address"
        kept = [item for item in self.map.items if item.part == "persistent"]
        sizes = _sums((item.kind, item.size_bytes) for item in kept)
        for kind, size in sizes:
            yield _row(
                size, self.arena.required_bytes, f"{kind:<12}  {''.join(PERSISTENT.get(kind, ()))}"
            )
            if kind == "structure":
                for name, part in _sums((i.name, i.size_bytes) for i in kept if i.kind == kind):
                    yield f"{'':22}{part:>9,} B  {name}"
            elif kind in {"variable", "quantization"}:
                largest = max((i for i in kept if i.kind == kind), key=lambda i: i.size_bytes)
                name = tensor_name(largest.name)
                yield f"{'':22}{largest.size_bytes:>9,} B  the largest: {name}"

    def by_operator(self) -> Iterator[str]:
        """What is kept for operators, the most first."""
        items = [item for item in self.map.items if item.part == "persistent"]
        owned = _sums((i.operator, i.size_bytes) for i in items if i.operator is not None)
        if not owned:
            return
        yield "Persistent by operator, its kernel's data and its options"
        for index, size in owned[:_MOST_OPERATORS]:
            yield _row(size, self.arena.required_bytes, label_of(self.result, index))
        if rest := owned[_MOST_OPERATORS:]:
            size = sum(size for _, size in rest)
            yield _row(size, self.arena.required_bytes, f"in {len(rest)} more")
        yield ""

    def why_more(self) -> Iterator[str]:
        """Why more is required than reported, by name; or that it is not."""
        planning = sum(item.size_bytes for item in self.map.planning)
        required, reported = self.arena.required_bytes, self.arena.reported_bytes
        if planning <= reported:
            yield (
                f"Planning costs nothing: {planning:,} B were in the arena then, no more than "
                "afterwards"
            )
        else:
            yield f"Why {required:,} B are required, but {reported:,} B reported: while allocating,"
            yield "the arena holds at once"
            for item in self.map.planning:
                yield f"  {item.size_bytes:>11,} B  {item.name}"
            yield f"  {planning:>11,} B  together, measured; the search goes in steps of {_STEP} B"
        if (unexplained := required - max(planning, reported)) >= _STEP:
            yield f"  {unexplained:>11,} B  more are required: why is not known"
        if self.arena.below:
            yield f"With {_STEP} B less: {self.arena.below}"


def _when(span: range) -> str:
    first, last = span.start, span.stop - 1
    return f"operator {first}" if first == last else f"operators {first} to {last}"


def _what(item: ArenaItem) -> str:
    if item.kind == "scratch":
        return f"scratch buffer of {item.name}"
    shape = "?" if item.shape is None else ",".join(map(str, item.shape))
    return f"{item.dtype or '?'}[{shape}]  {tensor_name(item.name)}"


def _sums(pairs: Iterator[tuple[_T, int]]) -> list[tuple[_T, int]]:
    """Sizes added up by what they belong to, largest first."""
    sums: dict[_T, int] = {}
    for what, size in pairs:
        sums[what] = sums.get(what, 0) + size
    return sorted(sums.items(), key=lambda pair: -pair[1])


def _row(size: int, of: int, what: str) -> str:
    return f"  {size:>11,} B  {percent(size, of):>6}  {what}"
