"""The details of a record: what was seen on the device, with the model's and runtime's names."""

from __future__ import annotations

from lab.details import (
    ArenaMap,
    CallPath,
    Details,
    FunctionCost,
    Profile,
    StackDetails,
    StackFrame,
    StackPoint,
)
from lab.jobs.images import Images
from lab.measure.arena_map import arena_map
from lab.measure.built_size import built_footprint
from lab.measure.callpaths import path_costs
from lab.measure.depths import StackDepths
from lab.measure.flows import Flow
from lab.measure.footprint import MOST_SYMBOLS
from lab.measure.inference import Inference
from lab.measure.tasks import Probe


def details_of(images: Images, probe: Probe) -> Details:
    """Who owns every byte and every cycle; of a model that does not run, what its image holds.

    Args:
        images: of what was checked.
        probe: what the probe map told, with details asked for.
    """
    outcome = probe.outcome
    footprint = built_footprint(images.probe.elf, MOST_SYMBOLS)
    if not isinstance(outcome, Inference) or outcome.apart is None:
        return Details(arena=None, stack=None, footprint=footprint, profile=None)
    return Details(
        arena=_arena(images, probe),
        stack=_stack(outcome.apart.depths, probe),
        footprint=footprint,
        profile=_profile(outcome.apart.flows) if outcome.apart.flows else None,
    )


def _arena(images: Images, probe: Probe) -> ArenaMap | None:
    trace, model = probe.arena, images.subject.model
    if trace is None:
        return None
    tensors = [tensor.name for tensor in model.tensors]
    return arena_map(trace, tensors, [operator.name for operator in model.operators])


def _stack(depths: StackDepths, probe: Probe) -> StackDetails:
    below = probe.required.below if probe.required else None
    return StackDetails(
        points=tuple(
            StackPoint(
                phase=point.place.phase,
                operator=point.place.operator,
                depth_bytes=point.depth,
                chain=tuple(StackFrame(function=frame.function, frame_bytes=frame.size)
                            for frame in point.chain),
            )
            for point in depths.points
        ),
        inference_bytes=depths.inferences,
        failing_path_bytes=below.stack_bytes if below else None,
    )  # fmt: skip


def _profile(flows: tuple[Flow, ...]) -> Profile:
    functions = []
    paths = []
    for flow in flows:
        for name, cost in sorted(flow.costs.items(), key=lambda one: (-one[1].cycles, one[0])):
            functions.append(
                FunctionCost(
                    operator=flow.operator,
                    function=name,
                    instructions=cost.instructions,
                    cycles=cost.cycles,
                    calls=flow.entries(name),
                )
            )
        paths += [
            CallPath(
                operator=flow.operator,
                path=one.path,
                instructions=one.cost.instructions,
                cycles=one.cost.cycles,
            )
            for one in path_costs(flow)
        ]
    around = [one for one in functions if one.operator is None]
    return Profile(
        functions=tuple(functions),
        paths=tuple(paths),
        runtime_instructions=sum(one.instructions for one in around),
        runtime_cycles=sum(one.cycles for one in around),
    )
