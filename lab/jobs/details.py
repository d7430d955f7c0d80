"""The details of a record: what was seen on the device, with the model's and runtime's names."""

from __future__ import annotations

from lab.details import ArenaMap, Details
from lab.jobs.images import Images
from lab.jobs.measured import Measured
from lab.measure.arena_map import arena_map
from lab.measure.session import Inference


def details_of(images: Images, measured: Measured) -> Details | None:
    """Who owns every byte and every cycle; None for a model that does not run.

    Args:
        images: of what was checked.
        measured: in the probe map, with details asked for.
    """
    if not isinstance(measured.probe.outcome, Inference):
        return None
    return Details(arena=_arena(images, measured), stack=None, footprint=None, profile=None)


def _arena(images: Images, measured: Measured) -> ArenaMap | None:
    trace, model = measured.probe.arena, images.subject.model
    if trace is None:
        return None
    tensors = [tensor.name for tensor in model.tensors]
    return arena_map(trace, tensors, [operator.name for operator in model.operators])
