"""Small models on one image: what the measuring process does for a price list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.elf import Image, Segment, read_elf
from lab.engines.registry import create
from lab.measure.failures import Failure
from lab.measure.inference import Inference, Start
from lab.measure.session import Session
from lab.measure.tasks import Device

_MODEL = "lab_model"


def with_model(image: Image, model: bytes) -> Image:
    """An image with another model in flash: what linking that model would give.

    The model is the last thing in flash, and nothing else depends on it.
    """
    place = image.symbols[_MODEL].address
    kept = tuple(segment for segment in image.segments if segment.address != place)
    return replace(image, segments=(*kept, Segment(place, model)))


def run_models(
    device: Device, starts: Sequence[tuple[bytes, Start]]
) -> tuple[Inference | Failure, ...]:
    """Run models one after the other on the same image, each from reset.

    Args:
        device: an image that has the operators of all of them.
        starts: each model, and how to run it.

    Raises:
        NoVerdictError: one of them did not come to an end within the limits.
    """
    image = read_elf(device.elf)
    sessions = (
        (Session(create(device.engine), with_model(image, model), device.machine, device.offsets,
                 device.limits), start)
        for model, start in starts
    )  # fmt: skip
    return tuple(session.infer(start) for session, start in sessions)
