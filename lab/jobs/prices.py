"""Prices of a runtime's operators, each made from images that are linked for it.

Flash and static RAM are differences between images without operators, with one, with all, and with
all but one. All hold the same small model, which is not counted. What an operator takes of the
arena, and how many instructions, is seen by running models of it on the very image that is priced.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from lab.cache import key
from lab.cores import Core
from lab.details import Record, SectionSize
from lab.elf import Image, read_elf
from lab.errors import LabError, NoVerdictError
from lab.firmware import Builder, Layout, Recipe, Registration
from lab.jobs.images import offsets_of
from lab.jobs.plan import (
    Footprint,
    arena_base,
    footprint,
    plenty,
    probe_layout,
    probe_machine,
    probe_stack_limit,
)
from lab.linker_map import read_map
from lab.measure.failures import Failure
from lab.measure.inference import Inference, Limits, Start
from lab.measure.op_known import KnownOperators
from lab.measure.op_models import StandardModel, standard_models
from lab.measure.op_runs import run_models
from lab.measure.ops import AnyTable, available, blocking, gate
from lab.measure.tasks import Device
from lab.measure.worker import Worker
from lab.model import Model, read_model
from lab.placement import align_up
from lab.runner import RUNNER, library_key
from lab.runtime_cost import EmptyRuntime, FullRuntime, KernelRun, OperatorPrice
from lab.runtimes import Runtime

_PLACEHOLDER = "RESHAPE"  # any: its standard model lies in every image and is not counted
_NODES = 5  # of the larger model; CIRCULAR_BUFFER of July 2020 has room for seven
_LIMITS = Limits(instructions=5_000_000_000, seconds=120)
_RUNNER_FILES = {"runner.o", "startup.o"}
_NOT_COUNTED = {".model", ".lab"}
_IN_RAM = {".data", ".bss"}
_PACKAGE = Path(__file__).parents[1]
_SOURCES = {".py", ".c"}

T = TypeVar("T", bound=Record)


class _PartialError(Exception):
    """Some part of a price could not be had, which may be possible another time."""

    def __init__(self, price: OperatorPrice) -> None:
        super().__init__(price.problem)
        self.price = price


@dataclass(frozen=True)
class Base:
    """What all prices are relative to; ``full_problem`` says why there is no full runtime."""

    empty: EmptyRuntime
    full: FullRuntime | None
    full_problem: str | None


class Measuring:
    """The measuring process that all prices share: one at a time, begun when it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: Worker | None = None

    def __enter__(self) -> Measuring:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run(
        self, device: Device, starts: Sequence[tuple[bytes, Start]]
    ) -> tuple[Inference | Failure, ...]:
        """Run models on an image.

        Raises:
            NoVerdictError: there was no answer; another process takes over.
        """
        with self._lock:
            self._worker = self._worker or Worker()
            try:
                seconds = (device.limits.seconds + 60.0) * len(starts)
                return self._worker.call(run_models, device, starts, seconds=seconds)
            except NoVerdictError:
                self._end()
                raise

    def _end(self) -> None:
        if self._worker:
            self._worker.close()
        self._worker = None


@dataclass(frozen=True)
class Linked:
    """An image while it is there."""

    elf: Path
    image: Image
    sizes: Footprint

    @property
    def flash(self) -> int:
        """Bytes in flash, without the model and what aligns it."""
        return self.sizes.code + self.sizes.data


@dataclass(frozen=True)
class Prices:
    """Makes prices for one runtime, core and level; kept in the cache.

    Attributes:
        runtime: the runtime.
        core: the core.
        opt: optimisation level.
        table: the runtime's operators.
        builder: tool chain and cache.
        measuring: where models are run.
    """

    runtime: Runtime
    core: Core
    opt: str
    table: AnyTable
    builder: Builder
    measuring: Measuring

    def base(self) -> Base:
        """The empty and the full runtime.

        Raises:
            ToolError: a tool is missing, or not even the empty runtime can be built.
        """
        empty = self._kept("empty", EmptyRuntime, self._empty)
        try:
            return Base(empty, self._kept("full", FullRuntime, self._full), None)
        except LabError as error:  # a library that lacks an operator still has the others' prices
            return Base(empty, None, error.lines()[0])

    def price(self, one: Registration, base: Base) -> OperatorPrice:
        """What an operator costs, or why that could not be found out."""
        try:
            # With the base: a full runtime that failed for want of disk space may be there later.
            return self._kept(repr((one, base)), OperatorPrice, lambda: self._price(one, base))
        except _PartialError as partial:  # not kept
            return partial.price
        except LabError as error:
            return OperatorPrice(
                name=one.name, flash_bytes=None, flash_in_full_bytes=None, ram_bytes=None, runs=(),
                problem=error.lines()[0],
            )  # fmt: skip

    @functools.cached_property
    def full_set(self) -> tuple[Registration, ...]:
        """The operators of the full runtime: custom ones only where they are known to be there."""
        known = available(self.table)
        unsure = isinstance(self.table, KnownOperators)
        return tuple(one for one in known if one.builtin or not unsure)

    def _empty(self) -> EmptyRuntime:
        with self.linked(()) as linked:
            sections = tuple(_sections(linked))
            runner_flash, runner_ram = _runner(linked, sections)
            return EmptyRuntime(
                flash_bytes=linked.flash,
                ram_bytes=linked.sizes.static,
                sections=sections,
                runner_flash_bytes=runner_flash,
                runner_ram_bytes=runner_ram,
            )

    def _full(self) -> FullRuntime:
        with self.linked(self.full_set) as linked:
            return FullRuntime(
                operators=len(self.full_set),
                flash_bytes=linked.flash,
                ram_bytes=linked.sizes.static,
            )

    def _price(self, one: Registration, base: Base) -> OperatorPrice:
        """The price.

        Raises:
            ToolError: not even the image with this operator alone can be built.
            _PartialError: another part of it could not be had.
        """
        failed: list[str] = []
        runs: tuple[KernelRun, ...] = ()
        problem = in_full = None
        with self.linked((one,)) as alone, _noted(failed, "not run"):
            runs, problem = self._runs(one.name, alone)
        with _noted(failed, "not in the full set"):
            in_full = self._in_full(one, base)
        price = OperatorPrice(
            name=one.name,
            flash_bytes=alone.flash - base.empty.flash_bytes,
            flash_in_full_bytes=in_full,
            ram_bytes=alone.sizes.static - base.empty.ram_bytes,
            runs=runs,
            problem="; ".join([*([problem] if problem else []), *failed]) or None,
        )
        if failed:
            raise _PartialError(price)
        return price

    def _in_full(self, one: Registration, base: Base) -> int | None:
        """Flash that leaving it out of the full set saves; None: it is not one of that."""
        if not base.full or one not in self.full_set:
            return None
        with self.linked([other for other in self.full_set if other != one]) as without:
            return base.full.flash_bytes - without.flash

    def _runs(self, name: str, linked: Linked) -> tuple[tuple[KernelRun, ...], str | None]:
        """What its standard models give; where none does, why not."""
        runs, problems = [], []
        for standard in standard_models(name):
            model = read_model(standard.write(1))
            if refusals := blocking(gate(model, self.table, self.runtime.kernels)):
                problems.append(f"{standard.dtype}: {refusals[0].reason}")
            elif isinstance(run := self._run(standard, model, linked), KernelRun):
                runs.append(run)
            else:
                problems.append(f"{standard.dtype}: {run}")
        if runs:
            return tuple(runs), None
        return (), problems[0] if problems else "not run: there is no standard model of it"

    def _run(self, standard: StandardModel, model: Model, linked: Linked) -> KernelRun | str:
        layout = self._layout
        start = Start(
            arena_base(linked.sizes.static, layout), plenty(model), probe_stack_limit(layout), 1
        )
        machine = probe_machine(self.core, layout, start.arena_bytes)
        offsets = offsets_of(linked.image, self._recipe(()), self.builder)
        device = Device(linked.elf, machine, offsets, "unicorn", _LIMITS)
        starts = [(standard.write(nodes), replace(start, operators=nodes)) for nodes in (1, _NODES)]
        one, more = self.measuring.run(device, starts)
        for outcome in (one, more):
            if isinstance(outcome, Failure):
                return f"{outcome.failure_class}: {outcome.reason}"
        assert isinstance(one, Inference)
        assert isinstance(more, Inference)
        if not one.operators:
            return "the runtime does not show where its kernels are"
        return KernelRun(
            dtype=standard.dtype,
            shapes=standard.shapes,
            instructions=one.operators[0].instructions,
            work=standard.work,
            amount=standard.amount,
            persistent_bytes=_per_node(one.persistent, more.persistent),
            scratch_bytes=_scratch(model, one.non_persistent),
        )

    @contextlib.contextmanager
    def linked(self, registrations: Sequence[Registration]) -> Iterator[Linked]:
        """An image with these operators, its map beside it; it goes when it has been looked at.

        Raises:
            ToolError: a tool is missing or failed.
        """
        with tempfile.TemporaryDirectory() as temporary:
            directory = Path(temporary) / key(self._identity, repr(registrations))
            directory.mkdir()
            elf = self.builder.link(self._recipe(registrations), self._layout, directory)
            image = read_elf(elf)
            yield Linked(elf, image, footprint(image, self._layout))

    def _recipe(self, registrations: Sequence[Registration]) -> Recipe:
        model = _placeholder().data
        return Recipe(model, tuple(registrations), self.runtime, self.core, self.opt)

    @functools.cached_property
    def _layout(self) -> Layout:
        return probe_layout(_placeholder())

    @functools.cached_property
    def _identity(self) -> str:
        """Everything that a price depends on, but for the operator."""
        return key(
            library_key(self.runtime, self.core, self.opt, self.builder.chain),
            repr(self.full_set),
            RUNNER,
            # All of the lab: which files can change a price, nobody keeps a list of for long.
            *sorted(path for path in _PACKAGE.rglob("*") if path.suffix in _SOURCES),
            self.runtime.operator_table,
        )

    def _kept(self, what: str, record: type[T], make: Callable[[], T]) -> T:
        """A record from the cache, where it is kept once it is made."""

        def build(to: Path) -> None:
            (to / "price.json").write_text(make().model_dump_json())

        name = key(self._identity, what)
        found = self.builder.cache.get_or_build("prices", name, build)
        return record.model_validate_json((found / "price.json").read_text())


@functools.cache
def _placeholder() -> Model:
    return read_model(next(standard_models(_PLACEHOLDER)).write(1))


def _sections(linked: Linked) -> Iterator[SectionSize]:
    """What takes memory, but for the model; padding between .data and .bss is a line of its own."""
    left = linked.sizes.static
    for one in linked.image.sections:
        if one.is_allocated and one.name not in _NOT_COUNTED:
            section = _section(one.name, one.size)
            left -= section.ram_bytes
            yield section
    if left:
        yield SectionSize(name="padding", flash_bytes=0, ram_bytes=left)


def _section(name: str, size: int) -> SectionSize:
    """A section, or a part of one, in the memories that it takes."""
    flash = size if name != ".bss" else 0
    return SectionSize(name=name, flash_bytes=flash, ram_bytes=size if name in _IN_RAM else 0)


def _runner(linked: Linked, sections: Sequence[SectionSize]) -> tuple[int, int]:
    """Bytes of flash and RAM that the lab's runner and its start-up code take."""
    stretches = read_map((linked.elf.parent / "image.map").read_text())
    own = [
        _section(section.name, stretch.size)
        for section in sections
        for stretch in stretches.get(section.name, ())
        if Path(stretch.file).name in _RUNNER_FILES
    ]
    return sum(part.flash_bytes for part in own), sum(part.ram_bytes for part in own)


@contextlib.contextmanager
def _noted(failed: list[str], what: str) -> Iterator[None]:
    """Go on when a part of a price cannot be had, and note why."""
    try:
        yield
    except LabError as error:
        failed.append(f"{what}: {error.lines()[0]}")


def _per_node(one: int | None, more: int | None) -> int | None:
    """Persistent bytes of a further node; between nodes, alignment differs."""
    if one is None or more is None or more < one:
        return None
    return -(-(more - one) // (_NODES - 1))


def _scratch(model: Model, non_persistent: int | None) -> int | None:
    """What lies beside the tensors: all those of a single operator are alive at once."""
    if non_persistent is None:
        return None
    planned = [t for t in model.tensors if not t.is_constant and not t.is_variable]
    beside = non_persistent - sum(align_up(tensor.size) for tensor in planned)
    return beside if beside >= 0 else None
