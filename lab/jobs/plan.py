"""Probe map and real map: the two memories one check runs an image in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lab.board import Board
from lab.cores import CORES, Core
from lab.elf import Image
from lab.engines.base import Machine, Region
from lab.firmware import WINDOW, Layout, Span
from lab.model import Model
from lab.placement import Placement, align_up

_KIB = 1024
_MIB = 1024 * _KIB
# The probe map is a core with memory as large as needed, the same for all boards with that core, so
# that one image and one run serve them all: statics and arena first, the stack far above, so that
# nothing can meet. Nothing lies at address 0: a null pointer that is followed is found.
_PROBE_FLASH = 0x08000000
_PROBE_RAM = 0x20000000
_PROBE_STATIC = 1 * _MIB
_PROBE_STACK = 512 * _KIB
_PROBE_SPAN = 96 * _MIB
_PROBE_CODE = 2 * _MIB
# What only the lab has: the mailbox and log of its images.
WINDOW_REGION = Region("lab window", WINDOW.base, WINDOW.size, True, False)
MAX_ARENA = _PROBE_SPAN - _PROBE_STATIC - _PROBE_STACK


@dataclass(frozen=True)
class Footprint:
    """Static memory of an image: exact section sizes, in bytes.

    Attributes:
        code: instructions, constants, vectors and tables in flash, without the model.
        model: the model in flash.
        data: initial values of .data in flash.
        flash: everything in flash from its base on, padding included.
        static: .data and .bss in RAM, from the base of their bank on.
    """

    code: int
    model: int
    data: int
    flash: int
    static: int

    @property
    def padding(self) -> int:
        """Flash lost to alignment."""
        return self.flash - self.code - self.model - self.data


def footprint(image: Image, layout: Layout) -> Footprint:
    """Sum the sections of an image by what they are for."""
    sizes = {section.name: section.size for section in image.sections}
    in_flash = [
        segment
        for segment in image.segments
        if layout.flash.base <= segment.address < layout.flash.end
    ]
    end = max(segment.address + len(segment.data) for segment in in_flash)
    model, data = sizes.get(".model", 0), sizes.get(".data", 0)
    code = sum(sizes.get(name, 0) for name in (".text", ".ARM.extab", ".ARM.exidx", ".init_array"))
    static = image.symbols["__bss_end"].address - layout.ram.base
    return Footprint(code, model, data, end - layout.flash.base, static)


def plenty(model: Model) -> int:
    """An arena that is almost surely enough: twice all activations, and the structures.

    Not a measurement: where it is not enough, the caller tries more.
    """
    activations = sum(tensor.size for tensor in model.tensors if not tensor.is_constant)
    structures = sum(128 + 16 * len(tensor.scales) for tensor in model.tensors)
    operators = 256 * len(model.operators)
    size = 2 * (activations + structures + operators) + 64 * _KIB
    return min(align_up(size, _KIB), MAX_ARENA)


def probe_layout(model: Model) -> Layout:
    """Layout of the image for the probe map."""
    flash = Span(_PROBE_FLASH, _PROBE_CODE + align_up(model.size, _MIB))
    assert flash.end <= _PROBE_RAM, "models are smaller than that"
    return Layout(flash, Span(_PROBE_RAM, _PROBE_STATIC), stack_top=_PROBE_RAM + _PROBE_SPAN)


def probe_machine(core: Core, layout: Layout, arena: int) -> Machine:
    """A core with memory as large as needed for an arena of this size."""
    top = layout.stack_top
    low = align_up(_PROBE_STATIC + arena, _KIB)
    flash = layout.flash.base // _KIB * _KIB  # it may start behind a reserved area
    return _machine(
        core,
        (
            Region("probe flash", flash, align_up(layout.flash.end - flash, _KIB), False, True),
            Region("probe RAM", layout.ram.base, low, True, False),
            Region("probe stack", top - _PROBE_STACK, _PROBE_STACK, True, False),
        ),
    )


def probe_stack_limit(layout: Layout) -> int:
    """Lowest stack address of the probe map."""
    return layout.stack_top - _PROBE_STACK


def real_layout(board: Board, placement: Placement) -> Layout:
    """Layout of the image in the board's own banks."""
    flash, data = board.flash_run(), placement.data
    return Layout(Span(flash.base, flash.size), Span(data.base, data.size), placement.stack_top)


def real_machine(board: Board, set_up: Collection[str] = ()) -> Machine:
    """The board's core with the board's memory, and nothing else.

    Args:
        board: which board.
        set_up: RAM banks that are off after reset and that the firmware has set up.
    """
    return _machine(CORES[board.core], bank_regions(board, set_up))


def bank_regions(board: Board, set_up: Collection[str] = ()) -> tuple[Region, ...]:
    """The board's memory.

    Args:
        board: which board.
        set_up: RAM banks that are off after reset and are wanted all the same.
    """
    ram = [bank for bank in board.ram if not bank.setup or bank.name in set_up]
    return (
        *(Region(b.name, b.base, b.size, False, True, b.aliases) for b in board.flash),
        *(Region(b.name, b.base, b.size, True, False, b.aliases) for b in ram),
    )


def _machine(core: Core, regions: tuple[Region, ...]) -> Machine:
    return Machine(core, (*regions, WINDOW_REGION))


def arena_base(used_static: int, layout: Layout) -> int:
    """First place for an arena behind the statics."""
    return align_up(layout.ram.base + used_static)
