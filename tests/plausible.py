"""Details of a record as they might be, for reports of what no model at hand shows."""

from __future__ import annotations

from lab.details import (
    ArenaItem,
    ArenaMap,
    Details,
    Footprint,
    FunctionCost,
    Owner,
    PlanningItem,
    Profile,
    SectionSize,
    StackDetails,
    StackFrame,
    StackPoint,
    SymbolSize,
)
from lab.results import CheckResult


def with_details(record: CheckResult) -> CheckResult:
    """The record with every detail filled in; sums agree with what was measured."""
    details = Details(
        arena=_arena(record),
        stack=_stack(record),
        footprint=_footprint(record),
        profile=_profile(record),
    )
    return record.model_copy(update={"details": details})


def _item(kind: str, name: str, offset: int, size: int, **rest: object) -> ArenaItem:
    planned = kind in {"tensor", "scratch"}
    plain = {"data_bytes": None, "shape": None, "dtype": None, "tensor": None, "operator": None,
             "first_operator": 0, "last_operator": None}  # fmt: skip
    part = "non_persistent" if planned else "persistent"
    given = {"part": part, "kind": kind, "name": name, "offset_bytes": offset, "size_bytes": size}
    return ArenaItem.model_validate(plain | given | rest)


def _arena(record: CheckResult) -> ArenaMap:
    """A chain: each operator reads what the one before wrote, from one end or from the other."""
    arena = record.arena
    assert arena
    assert arena.non_persistent_bytes
    assert arena.persistent_bytes
    count, planned = len(record.operators), arena.non_persistent_bytes
    sizes = [planned // 2 // (1 + abs(number - 1)) // 16 * 16 for number in range(count)]
    items = [
        _item(
            "tensor", f"net/layer_{number}/Relu;net/layer_{number}/BiasAdd",
            0 if number % 2 else planned - size, size, data_bytes=size - 1, shape=(1, size - 1),
            dtype="int8", tensor=number, first_operator=number, last_operator=number + 1,
        )
        for number, size in enumerate(sizes)
    ]  # fmt: skip
    items.sort(key=lambda item: item.offset_bytes)
    offset, left = planned, arena.persistent_bytes
    for number in range(40):
        kind = ("quantization", "kernel", "structure")[number % 3]
        size = (
            left if number == 39 else min(left, 16 if number % 5 else arena.persistent_bytes // 9)
        )
        items.append(_item(kind, f"{kind} {number}", offset, size, operator=number % count))
        offset, left = offset + size, left - size
    live = [
        sum(i.size_bytes for i in items[:count] if i.first_operator in {number, number - 1})
        for number in range(count)
    ]
    return ArenaMap(
        size_bytes=arena.required_bytes,
        items=tuple(items),
        live_bytes=tuple(live),
        peak_operator=live.index(max(live)),
        lower_bound_bytes=max(live),
        planned_bytes=planned,
        planning=(PlanningItem(name="lists of the planner", size_bytes=512),),
    )


def _stack(record: CheckResult) -> StackDetails:
    def chain(depth: int, *functions: str) -> tuple[StackFrame, ...]:
        nothing = dict.fromkeys(StackFrame.model_fields)  # what is not of interest here
        return tuple(
            StackFrame.model_validate({**nothing, "function": name, "frame_bytes": depth // 4})
            for name in functions
        )

    assert record.stack
    points = [
        StackPoint(
            phase=phase, operator=None, depth_bytes=depth, chain=chain(depth, "deep", "main")
        )
        for phase, depth in (("constructor", 200), ("allocate", 400), ("invoke", 640))
    ]
    points += [
        StackPoint(
            phase="invoke", operator=operator.index, depth_bytes=operator.stack_bytes,
            chain=chain(operator.stack_bytes, operator.kernel, "tflite::Invoke", "main"),
        )
        for operator in record.operators
    ]  # fmt: skip
    high = record.stack.high_water_bytes
    return StackDetails(points=tuple(points), inference_bytes=(high,), failing_path_bytes=high + 8)


def _footprint(record: CheckResult) -> Footprint:
    assert record.memory
    ram, flash = record.memory.ram, record.memory.flash
    code, static = flash.code_bytes + flash.data_bytes + flash.padding_bytes, ram.static_bytes

    def owner(group: str, name: str, share: int, ram_bytes: int = 0) -> Owner:
        symbol = SymbolSize(name=f"tflite::{name}::Eval(TfLiteContext*)", flash_bytes=share,
                            ram_bytes=ram_bytes)  # fmt: skip
        size = {"group": group, "name": name, "operators": (), "flash_bytes": share}
        return Owner.model_validate({**size, "ram_bytes": ram_bytes, "largest": (symbol,)})

    owners = [owner("model", record.model.name, flash.model_bytes)]
    for number, name in enumerate(sorted({operator.name for operator in record.operators})):
        owners.append(owner("kernels", name, code // (8 + number)))
    owners.append(owner("interpreter", "MicroInterpreter", code // 9))
    owners.append(owner("library", "C library", code // 10, static // 2))
    owners.append(owner("runner", "runner", code // 16, static - static // 2))
    rest = code + flash.model_bytes - sum(one.flash_bytes for one in owners)
    owners.append(owner("padding", "alignment", rest))
    total = code + flash.model_bytes
    sections = (SectionSize(name=".text", flash_bytes=total, ram_bytes=0),
                SectionSize(name=".bss", flash_bytes=0, ram_bytes=static))  # fmt: skip
    return Footprint(sections=sections, owners=tuple(owners))


def _profile(record: CheckResult) -> Profile:
    assert record.run
    functions = [
        FunctionCost(
            operator=operator.index, function=name, instructions=operator.instructions // 2,
            cycles=(operator.cycles or 0) // 2, calls=1,
        )
        for operator in record.operators
        for name in (operator.kernel, "tflite::MultiplyByQuantizedMultiplier(int, int, int)")
    ]  # fmt: skip
    inside = sum(operator.instructions for operator in record.operators)
    cycles = sum(operator.cycles or 0 for operator in record.operators)
    return Profile(
        functions=tuple(functions),
        paths=(),
        runtime_instructions=record.run.instructions - inside,
        runtime_cycles=(record.run.cycles or 0) - cycles,
    )
