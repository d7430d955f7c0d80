"""The arena taken apart: what was watched and read on the device, put in order by address.

The model only lends its names. What was read must agree with itself, else there is no map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.details import ArenaItem, ArenaMap
from lab.measure.arena_owners import Owner
from lab.measure.arena_trace import Block, Buffer, Trace


def arena_map(trace: Trace, tensors: Sequence[str], operators: Sequence[str]) -> ArenaMap | None:
    """Take the arena apart; None where the firmware has damaged what it says of it.

    Args:
        trace: of one allocation.
        tensors: their names, by index.
        operators: likewise.
    """
    if not (_persistent_agrees(trace) and _planned_agrees(trace)):
        return None
    live = _live_bytes(trace)
    names = _Names(trace, tensors, operators)
    items = [*map(names.planned, trace.buffers), *map(names.persistent, _spans(trace))]
    return ArenaMap(
        size_bytes=trace.arena_bytes,
        items=tuple(sorted(items, key=lambda item: (item.offset_bytes, item.size_bytes))),
        live_bytes=tuple(live),
        peak_operator=live.index(max(live)) if any(live) else None,
        lower_bound_bytes=max(live, default=0),
        planned_bytes=trace.parts.non_persistent,
        planning=trace.planning,
    )


def _persistent_agrees(trace: Trace) -> bool:
    """Persistent memory lies at the arena's end, each byte given away once."""
    blocks = sorted(trace.blocks, key=lambda block: block.offset)
    begin = trace.arena_bytes - trace.parts.persistent
    ends = [begin, *(block.offset + block.size for block in blocks)]
    begins = [*(block.offset for block in blocks), trace.arena_bytes]
    return all(end <= begin for end, begin in zip(ends, begins, strict=True))


def _planned_agrees(trace: Trace) -> bool:
    """Planned memory lies at the begin, fills it, and lives while operators run."""
    ends = [buffer.offset + buffer.size for buffer in trace.buffers]
    return max(ends, default=0) == trace.parts.non_persistent and all(
        buffer.offset >= 0
        and 0 <= buffer.needed <= buffer.size
        and 0 <= buffer.first <= buffer.last < trace.operators
        for buffer in trace.buffers
    )


def _live_bytes(trace: Trace) -> list[int]:
    """Bytes of the buffers that live at each operator."""
    changes = [0] * (trace.operators + 1)
    for buffer in trace.buffers:
        changes[buffer.first] += buffer.size
        changes[buffer.last + 1] -= buffer.size
    live = 0
    return [live := live + change for change in changes[:-1]]


@dataclass(frozen=True)
class _Span:
    """Persistent memory of one owner; ``owner`` says what it is where there is none."""

    begin: int
    end: int
    owner: Owner | str


def _spans(trace: Trace) -> list[_Span]:
    """All persistent memory by address, with no hole; neighbours of one owner are one."""
    merged: list[_Span] = []
    for span in _each_span(trace):
        if merged and merged[-1].owner == span.owner:
            merged[-1] = _Span(merged[-1].begin, span.end, span.owner)
        else:
            merged.append(span)
    return merged


def _each_span(trace: Trace) -> Iterator[_Span]:
    first = Block(trace.arena_bytes - trace.parts.persistent, 0, 1, None)
    last = Block(trace.arena_bytes, 0, 1, None)
    blocks = sorted(trace.blocks, key=lambda block: block.offset)
    for block, after in pairwise([first, *blocks, last]):
        end = block.offset + block.size
        if block.size:
            yield _Span(block.offset, end, block.owner or "unowned")
        if end < after.offset:
            # Allocated from the end downwards, a piece leaves a gap behind it to be aligned.
            aligned = after.offset - end < block.alignment
            owner = trace.pointed.get(end) or ("alignment" if aligned else "unowned")
            yield _Span(end, after.offset, owner)


@dataclass(frozen=True)
class _Names:
    """Makes items of the record, with the model's names."""

    trace: Trace
    tensors: Sequence[str]
    operators: Sequence[str]

    def planned(self, buffer: Buffer) -> ArenaItem:
        """A tensor, or a scratch buffer of the operator that it lives for."""
        scratch = buffer.tensor is None
        owner = Owner("scratch" if scratch else "tensor", tensor=buffer.tensor,
                      operator=buffer.first if scratch else None)  # fmt: skip
        fields = self._fields(owner)
        return ArenaItem.model_validate(
            {
                **fields,
                "part": "non_persistent",
                "offset_bytes": buffer.offset,
                "size_bytes": buffer.size,
                "data_bytes": buffer.needed,
                "first_operator": buffer.first,
                "last_operator": buffer.last,
            }
        )

    def persistent(self, span: _Span) -> ArenaItem:
        """What is kept."""
        owner, size = span.owner, span.end - span.begin
        if isinstance(owner, str):
            fields = dict.fromkeys(("shape", "dtype", "tensor", "operator")) | {
                "kind": owner, "name": owner,
            }  # fmt: skip
        else:
            fields = self._fields(owner)
        return ArenaItem.model_validate(
            {
                **fields,
                "part": "persistent",
                "offset_bytes": span.begin,
                "size_bytes": size,
                "data_bytes": size if fields["kind"] == "variable" else None,
                "first_operator": None,
                "last_operator": None,
            }
        )

    def _fields(self, owner: Owner) -> dict[str, object]:
        """What an item says of its owner."""
        data = owner.kind in {"tensor", "variable"}
        seen = self.trace.tensors.get(owner.tensor or 0) if data else None
        return {
            "kind": owner.kind,
            "name": self._name(owner),
            "shape": seen.shape if seen else None,
            "dtype": seen.dtype if seen else None,
            "tensor": owner.tensor,
            "operator": owner.operator,
        }

    def _name(self, owner: Owner) -> str:
        if owner.title:
            return owner.title
        if owner.tensor is not None:
            return _named(self.tensors, owner.tensor, "tensor")
        return _named(self.operators, owner.operator or 0, "operator")


def _named(names: Sequence[str], index: int, what: str) -> str:
    name = names[index] if index < len(names) else ""
    return name or f"{what} {index}"
