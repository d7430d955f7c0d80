"""Which boards of the library would do for this model: by rule from one measurement, or measured.

The rule is that of the check itself: the same placement, the same room in flash. It holds for
boards with the core that was measured, because then the image is the same but for its addresses.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lab import banks, cores, results, yaml_source
from lab import board as board_module
from lab.board import Board, Run, board_names, load_board
from lab.cache import Cache, key
from lab.errors import InputError
from lab.jobs.measured import Measured, Subject
from lab.measure.inference import Inference
from lab.paths import data_dir
from lab.placement import Demand, place
from lab.results import CheckResult

MOST = 5  # boards named in a record


@dataclass(frozen=True)
class Candidate:
    """What there is to know of a board of the library before anything is placed there.

    Attributes:
        name: of the board.
        title: of the board.
        core: its core.
        ram: bytes of RAM for data.
        flash: bytes of flash.
        runs: RAM for data, as ``Board.runs``.
        flash_run: bytes of flash in one piece.
        reserves: bytes of RAM and flash of every reserve profile.
    """

    name: str
    title: str
    core: str
    ram: int
    flash: int
    runs: tuple[Run, ...]
    flash_run: int
    reserves: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, board: Board) -> Candidate:
        """The candidate that a board is."""
        return cls(
            name=board.name,
            title=board.title,
            core=board.core,
            ram=board.ram_total,
            flash=board.flash_total,
            runs=board.stretches(),
            flash_run=board.flash_run().size,
            reserves={name: (one.ram, one.flash) for name, one in board.reserves.items()},
        )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Candidate:
        """A candidate as ``asdict`` and JSON left it."""
        runs = tuple(Run(**run | {"banks": tuple(run["banks"])}) for run in data["runs"])
        reserves = {name: (ram, flash) for name, (ram, flash) in data["reserves"].items()}
        return cls(**data | {"runs": runs, "reserves": reserves})


@functools.cache
def library(cache: Cache) -> tuple[Candidate, ...]:
    """All boards of the library, the smallest first.

    Reading tens of board files takes longer than a small check, so the facts are kept in the cache.
    """
    makers = [Path(str(module.__file__)) for module in (banks, board_module, yaml_source, cores)]
    name = key(data_dir("platforms"), *makers, Path(__file__))

    def build(to: Path) -> None:
        found = [asdict(Candidate.of(board)) for board in library_boards()]
        (to / "boards.json").write_text(json.dumps(found))

    path = cache.get_or_build("boards", name, build) / "boards.json"
    found = (Candidate.from_json(data) for data in json.loads(path.read_text()))
    return tuple(sorted(found, key=lambda one: (one.ram, one.flash, one.name)))


def computed(
    subject: Subject, measured: Measured, boards: Sequence[Candidate]
) -> results.WouldDo | None:
    """Boards with the same core that would do, by rule from this measurement.

    Args:
        subject: what was checked.
        measured: what came out.
        boards: of the library, the smallest first.

    Returns:
        None for a model that does not run, and where the arena or stack that was asked for is too
        small, which no board mends.
    """
    outcome, required = measured.probe.outcome, measured.probe.required
    if not isinstance(outcome, Inference) or required is None:
        return None
    if subject.request.arena_bank:  # other boards have other banks
        return None
    alike = [board for board in boards if board.core == subject.board.core]
    demand = subject.demand(measured.sizes, required.size, outcome.stack.high_water)
    if demand.arena < required.size or demand.stack < outcome.stack.high_water:
        return None
    fitting = list(_fitting(subject, measured, demand, alike))
    return results.WouldDo(
        how="computed from this measurement",
        core=subject.board.core,
        considered=len(alike),
        fitting=len(fitting),
        boards=tuple(fitting[:MOST]),
    )


def measured_on(records: Iterable[CheckResult]) -> results.WouldDo:
    """The boards on which one model was measured, and fits."""
    listed = list(records)
    fitting = sorted(
        (_measured(record) for record in listed if record.verdict.status == "fits"),
        key=lambda board: (board.ram_bytes, board.flash_bytes, board.name),
    )
    return results.WouldDo(
        how="measured",
        core=None,
        considered=len(listed),
        fitting=len(fitting),
        boards=tuple(fitting[:MOST]),
    )


def library_boards() -> Iterator[Board]:
    """Boards of the library; without those whose file is damaged."""
    for name in board_names():
        with contextlib.suppress(InputError):  # whoever is writing it hears of it from lab boards
            yield load_board(name)


def _fitting(
    subject: Subject, measured: Measured, demand: Demand, boards: Iterable[Candidate]
) -> Iterator[results.BoardThatFits]:
    """The boards with room in RAM and flash; what a reserve profile takes differs among them."""
    request, profile = subject.request, subject.request.reserve_profile
    own = subject.board.reserves[profile] if profile else None
    app_ram = request.app_ram_bytes - (own.ram if own else 0)
    app_flash = request.app_flash_bytes - (own.flash if own else 0)
    for board in boards:
        if profile and profile not in board.reserves:
            continue  # lab check refuses it there
        ram, flash = board.reserves[profile] if profile else (0, 0)
        placement = place(board.runs, replace(demand, application=app_ram + ram))
        if placement.margin >= 0 and measured.sizes.flash + app_flash + flash <= board.flash_run:
            yield results.BoardThatFits(
                name=board.name,
                title=board.title,
                core=board.core,
                ram_bytes=board.ram,
                flash_bytes=board.flash,
                margin_bytes=placement.margin,
                setup=placement.setup,
            )


def _measured(record: CheckResult) -> results.BoardThatFits:
    assert record.memory
    assert record.verdict.margin_bytes is not None
    return results.BoardThatFits(
        name=record.board.name,
        title=record.board.title,
        core=record.board.core,
        ram_bytes=record.board.ram_data_bytes,
        flash_bytes=sum(bank.size_bytes for bank in record.board.flash),
        margin_bytes=record.verdict.margin_bytes,
        setup=record.memory.ram.setup,
    )
