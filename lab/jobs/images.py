"""The images of one check: for the probe map, and for the board's own banks."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from lab.cache import Cache, key
from lab.cores import CORES
from lab.crate import Say
from lab.elf import Image, read_elf
from lab.firmware import Builder, Layout, Recipe
from lab.jobs.measured import Subject
from lab.jobs.plan import Footprint, footprint, probe_layout, real_layout
from lab.measure import tflm
from lab.measure.tflm import Offsets, read_offsets
from lab.placement import Demand, Placement, place
from lab.runner import library_key
from lab.toolchain import find_toolchain


@dataclass(frozen=True)
class ProbeImage:
    """The image for the probe map, and what it tells before it runs.

    Attributes:
        elf: the file.
        layout: where its parts lie.
        sizes: static memory.
        offsets: fields of TFLM's structures.
    """

    elf: Path
    layout: Layout
    sizes: Footprint
    offsets: Offsets


def new_builder(say: Say) -> Builder:
    """The tool chain of this machine, with the cache; told about every long step.

    Raises:
        ToolError: a tool is missing.
    """
    return Builder(find_toolchain(), Cache(say=say), say)


@dataclass(frozen=True)
class Images:
    """Builds what one check runs; each image once.

    Attributes:
        subject: what is checked.
        builder: tool chain and cache.
    """

    subject: Subject
    builder: Builder

    @functools.cached_property
    def recipe(self) -> Recipe:
        """What the images are made of."""
        subject = self.subject
        return Recipe(
            model=subject.model.data,
            registrations=subject.registrations,
            runtime=subject.runtime,
            core=CORES[subject.board.core],
            opt=subject.opt,
        )

    @functools.cached_property
    def probe(self) -> ProbeImage:
        """The image for memory as large as needed."""
        layout = probe_layout(self.subject.model)
        elf = self.builder.image(self.recipe, layout)
        image = read_elf(elf)
        offsets = offsets_of(image, self.recipe, self.builder)
        return ProbeImage(elf, layout, footprint(image, layout), offsets)

    def on_board(self, placement: Placement) -> Path:
        """The image linked for the board's banks."""
        return self.builder.image(self.recipe, real_layout(self.subject.board, placement))

    def for_board(self) -> Path | str:
        """The image for the board's largest run of RAM, or why there is none.

        It is the one that ``check`` runs, unless there are several runs and that needs another.
        """
        run = min(self.subject.board.stretches(), key=lambda run: run.needs_setup)
        placement = place([run], Demand(self.probe.sizes.static, arena=0, stack=0))
        if placement.margin < 0:
            return f".data and .bss are {-placement.margin:,} B larger than the board's RAM"
        if short := self.subject.flash_missing(self.probe.sizes):
            return f"the image is {short:,} B larger than the board's flash"
        return self.on_board(placement)


def offsets_of(image: Image, recipe: Recipe, builder: Builder) -> Offsets:
    """Structure offsets, read from the DWARF once for each build of the runtime."""
    library = library_key(recipe.runtime, recipe.core, recipe.opt, builder.chain)

    def build(to: Path) -> None:
        (to / "offsets.json").write_text(json.dumps(read_offsets(image)))

    name = key(library, Path(tflm.__file__))
    found = builder.cache.get_or_build("offsets", name, build)
    offsets: Offsets = json.loads((found / "offsets.json").read_text())
    return offsets
