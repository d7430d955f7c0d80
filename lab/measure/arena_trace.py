"""One allocation watched: every piece of the arena as the allocator hands it out.

The engine stops at the allocator's own functions, and what they have made is read from memory;
nothing is computed from the model. Offsets are from the begin of the arena.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lab.details import PlanningItem
from lab.measure.arena_owners import MOST, STRUCTURES, Owner, Structures, Table, TensorSeen
from lab.measure.guest import LostError, read_guest, read_word
from lab.measure.inference import Start
from lab.measure.session import Session
from lab.measure.tflm import ArenaParts, PlannedBuffer, insides_of

_PLANNER = "tflite::GreedyMemoryPlanner"
_INFO = "tflite::AllocationInfo"
_INT = 4  # bytes of the last of the planner's arrays for each buffer


@dataclass(frozen=True)
class Block:
    """Persistent memory as it was handed out; ``owner`` None: nobody is known to use it."""

    offset: int
    size: int
    alignment: int
    owner: Owner | None


@dataclass(frozen=True)
class Buffer:
    """A planned buffer, needed from operator ``first`` to ``last``; ``tensor`` None: scratch.

    ``size`` is what the planner was told, ``needed`` what the tensor or kernel needs.
    """

    offset: int
    size: int
    needed: int
    first: int
    last: int
    tensor: int | None


@dataclass(frozen=True)
class Trace:
    """The arena after an allocation that succeeded.

    Attributes:
        arena_bytes: of the arena.
        parts: how much of it the allocator says is used.
        operators: how many the runtime has.
        blocks: persistent memory.
        pointed: where the runtime's structures point to in it, and whose that is.
        buffers: planned memory.
        tensors: those in the arena, by index.
        planning: all that was in the arena when it was fullest while allocating.
    """

    arena_bytes: int
    parts: ArenaParts
    operators: int
    blocks: tuple[Block, ...]
    pointed: Mapping[int, Owner]
    buffers: tuple[Buffer, ...]
    tensors: Mapping[int, TensorSeen]
    planning: tuple[PlanningItem, ...]


def trace(session: Session, start: Start) -> Trace | None:
    """Allocate and watch; None where this runtime does not show it.

    Args:
        session: the image.
        start: a run whose allocation succeeds.
    """
    try:
        return _Tracer(session, start).trace()
    except (LostError, LookupError, ValueError):  # damaged, or no offset or symbol is known
        return None


@dataclass(frozen=True)
class _Call:
    """What an allocator was asked for and gave."""

    address: int
    size: int
    alignment: int
    operator: int | None  # that is being initialised or prepared

    @property
    def end(self) -> int:
        return self.address + self.size


@dataclass
class _Tracer:
    session: Session
    start: Start
    persistent: list[_Call] = field(default_factory=list)
    temporary: list[_Call] = field(default_factory=list)
    planned: list[PlannedBuffer] = field(default_factory=list)
    infos: list[tuple[int, int]] = field(default_factory=list)  # bytes, where its pointer lies
    before_planning: tuple[PlanningItem, ...] = ()  # without the planner's own arrays
    planner_bytes: int = 0  # for each buffer
    fullest: tuple[PlanningItem, ...] = ()  # while operators were prepared

    def __post_init__(self) -> None:
        self.engine = self.session.engine
        self.offsets = self.session.offsets
        self.insides = insides_of(self.session.image)
        # Without symbols for it, the note of the current operator itself says when it is valid.
        self.preparing = self.insides.preparing is None

    def trace(self) -> Trace:
        """Run to the end of the allocation, then look at what it left."""
        actions = {self.insides.allocate: self._allocated,
                   self.insides.add_buffer: self._buffer_added}  # fmt: skip
        if self.insides.allocate_temporary:
            actions[self.insides.allocate_temporary] = self._allocated_temporary
        if self.insides.preparing:
            prepare, plan = self.insides.preparing
            actions |= {prepare: self._prepares, plan: self._plans}
        symbols = self.session.image.symbols
        stops = {symbols[name].address: action for name, action in actions.items()}
        self.session.begin(self.start)
        while (pc := self.session.allocate_until(stops)) is not None:
            stops[pc]()
        return self._result()

    def _prepares(self) -> None:
        self.preparing = True

    def _plans(self) -> None:
        self.preparing = False
        self.temporary.clear()

    def _allocated(self) -> None:
        """At the function that hands out persistent memory."""
        borrowed = self._borrowed()
        if call := self._call():
            (self.temporary if borrowed else self.persistent).append(call)

    def _borrowed(self) -> bool:
        """Whether another allocator than the arena's own is at work, one for temporary memory."""
        interpreter = self.session.interpreter().address
        if self.insides.allocate_temporary or not interpreter:
            return False
        at = self.offsets["tflite::MicroInterpreter"]["allocator_.memory_allocator_"]
        own = read_word(self.engine, interpreter + at, "its allocator")
        return self.engine.register("r0") != own

    def _allocated_temporary(self) -> None:
        if call := self._call():
            self.temporary.append(call)
            if self.preparing:
                self._note_preparing(call)

    def _call(self) -> _Call | None:
        """Run the function that begins here to its end; None: it had no memory to give."""
        if len(self.persistent) + len(self.temporary) > MOST:
            raise LostError("no verdict: the firmware allocates without end")
        size, alignment = (self.engine.register(name) for name in ("r1", "r2"))
        known = self.preparing and self.session.interpreter().address
        operator = self.session.interpreter().current_node() if known else None
        self.session.allocate_until({self.engine.register("lr") & ~1})
        address = self.engine.register("r0")
        return _Call(address, size, alignment, operator) if address and size else None

    def _buffer_added(self) -> None:
        if not self.planned:
            self._note_planning()
        if len(self.planned) >= MOST:
            raise LostError("no verdict: the firmware plans without end")
        self.planned.append(self.insides.planned_buffer(self.engine))

    def _note_planning(self) -> None:
        """What lies in the arena when planning begins; all but the planner's own arrays."""
        most, arrays, last = self._planner()
        self.planner_bytes = (last - arrays) // most + _INT
        *others, info = (one for one in self.temporary if one.address != arrays)
        room = sum(one.size for one in self.temporary if one.address == arrays)
        parts, count = self._parts(), self._note_infos(info)
        sizes = {
            "persistent data so far": parts.persistent,
            "requests for scratch buffers": parts.non_persistent,
            "offsets of subgraphs": sum(one.size for one in others),
            f"AllocationInfo of {count} tensors and scratch buffers": info.size,
        }
        rest = self.start.arena_bytes - (room or info.address - arrays) - sum(sizes.values())
        if rest < 0:
            raise LostError("no verdict: the firmware lost its memory planner")
        self.before_planning = _items(sizes | {"alignment": rest})

    def _planner(self) -> tuple[int, int, int]:
        """Of the memory planner: buffers it has room for, its first array and its last."""
        planner, offsets = self.engine.register("r0"), self.offsets[_PLANNER]
        most, arrays, last = (
            read_word(self.engine, planner + offsets[name], "its memory planner")
            for name in ("max_buffer_count_", "requirements_", "buffer_offsets_")
        )
        if not most or arrays >= last:
            raise LostError("no verdict: the firmware lost its memory planner")
        return most, arrays, last

    def _note_infos(self, info: _Call) -> int:
        """Which buffers are going to be planned, in the planner's order; how many there may be."""
        offsets = self.offsets[_INFO]
        if info.size > MOST * offsets["sizeof"]:
            raise LostError(f"no verdict: the firmware plans with {info.size:,} B")
        data = read_guest(self.engine, info.address, info.size, "its memory plan")
        table = Table(info.address, offsets["sizeof"], data)
        columns = (table.column(offsets[name]) for name in ("bytes", "output_ptr"))
        self.infos = [
            pair
            for index, pair in enumerate(zip(*columns, strict=True))
            if table.byte(index, offsets["needs_allocating"])
        ]
        return len(table)

    def _note_preparing(self, call: _Call) -> None:
        """Temporary memory of one operator, where there has not been as much before."""
        parts = self._parts()
        temporary = call.end - self.start.arena_base - parts.non_persistent
        items = _items(
            {
                "persistent data so far": parts.persistent,
                "requests for scratch buffers": parts.non_persistent,
                f"tensors looked at to prepare operator {call.operator}": temporary,
            }
        )
        self.fullest = max(self.fullest, items, key=_total)

    def _result(self) -> Trace:
        sizes = {call.address: call.size for call in self.persistent}
        structures = STRUCTURES[self.insides.api](
            self.engine, self.offsets, self.session.interpreter().address, sizes
        )
        parts = self._parts()
        owners = self._owners(structures, parts)
        buffers = tuple(self._buffers(structures))
        data = {one.tensor for one in buffers}
        data |= {one.tensor for one in owners.values() if one.kind == "variable"}
        name = f"memory planner, {len(buffers)} buffers of {self.planner_bytes} B"
        arrays = _items({name: len(buffers) * self.planner_bytes})
        return Trace(
            arena_bytes=self.start.arena_bytes,
            parts=parts,
            operators=len(structures.nodes),
            blocks=tuple(self._block(call, owners) for call in self.persistent),
            pointed=owners,
            buffers=buffers,
            tensors={index: structures.tensor(index) for index in data if index is not None},
            planning=max(self.fullest, self.before_planning + arrays, key=_total),
        )

    def _owners(self, structures: Structures, parts: ArenaParts) -> dict[int, Owner]:
        """Where the runtime's structures point to persistent memory, and whose that is."""
        base, end = self.start.arena_base, self.start.arena_base + self.start.arena_bytes
        return {
            address - base: owner
            for address, owner in structures.owners().items()
            if end - parts.persistent <= address < end
        }

    def _block(self, call: _Call, owners: Mapping[int, Owner]) -> Block:
        """Memory of the one who points to it, or else whose kernel asked for it."""
        offset = call.address - self.start.arena_base
        owner = owners.get(offset)
        if owner is None and call.operator is not None:
            owner = Owner("kernel", operator=call.operator)
        return Block(offset, call.size, call.alignment, owner)

    def _buffers(self, structures: Structures) -> Iterator[Buffer]:
        for (needed, pointer), plan in zip(self.infos, self.planned, strict=True):
            if (slot := structures.slot(pointer)) is None:
                raise LostError("no verdict: the firmware plans memory for nobody")
            offset = structures.word(pointer) - self.start.arena_base
            yield Buffer(offset, plan.size, needed, plan.first, plan.last, slot.tensor)

    def _parts(self) -> ArenaParts:
        arena = self.start.arena_base, self.start.arena_bytes
        parts = self.session.interpreter().arena_parts(*arena)
        if parts is None:
            raise LostError("no verdict: the firmware's arena is not known")
        return parts


def _items(sizes: Mapping[str, int]) -> tuple[PlanningItem, ...]:
    return tuple(PlanningItem(name=name, size_bytes=size) for name, size in sizes.items() if size)


def _total(items: tuple[PlanningItem, ...]) -> int:
    return sum(item.size_bytes for item in items)
