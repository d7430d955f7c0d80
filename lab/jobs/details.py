"""The details of a record: what was seen on the device, with the model's and runtime's names."""

from __future__ import annotations

from pathlib import Path

from lab.cache import key
from lab.details import Details, Footprint
from lab.jobs.images import Images
from lab.jobs.measured import Measured
from lab.measure import built_size, code_names, footprint
from lab.measure.session import Inference


def details_of(images: Images, measured: Measured) -> Details | None:
    """Who owns every byte and every cycle; None for a model that does not run.

    Args:
        images: of what was checked.
        measured: in the probe map, with details asked for.
    """
    if not isinstance(measured.probe.outcome, Inference):
        return None
    return Details(arena=None, stack=None, footprint=_footprint(images), profile=None)


def _footprint(images: Images) -> Footprint:
    """Static memory by owner, read from the image's map once for each image."""
    elf = images.probe.elf
    code = [Path(str(one.__file__)) for one in (built_size, code_names, footprint)]

    def build(to: Path) -> None:
        found = built_size.built_footprint(elf, footprint.MOST_SYMBOLS)
        (to / "footprint.json").write_text(found.model_dump_json())

    entry = images.builder.cache.get_or_build("footprints", key(elf.parent.name, *code), build)
    return Footprint.model_validate_json((entry / "footprint.json").read_text())
