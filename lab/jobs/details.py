"""The details of a record: what was seen on the device, with the model's and runtime's names."""

from __future__ import annotations

from lab.details import Details
from lab.jobs.images import Images
from lab.jobs.measured import Measured
from lab.measure.built_size import built_footprint
from lab.measure.footprint import MOST_SYMBOLS
from lab.measure.session import Inference


def details_of(images: Images, measured: Measured) -> Details | None:
    """Who owns every byte and every cycle; None for a model that does not run.

    Args:
        images: of what was checked.
        measured: in the probe map, with details asked for.
    """
    if not isinstance(measured.probe.outcome, Inference):
        return None
    footprint = built_footprint(images.probe.elf, MOST_SYMBOLS)
    return Details(arena=None, stack=None, footprint=footprint, profile=None)
