"""What renode-test gets to run: an image, the machine for it, and what is to come out."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.board import Board, load_board
from lab.crate import Say
from lab.elf import Image, read_elf
from lab.engines.base import Machine
from lab.engines.renode import monitor
from lab.engines.renode.platform import EXACT_MIPS, MHZ, Platform, repl
from lab.engines.renode.versions import Generation
from lab.firmware import WINDOW
from lab.jobs.check import judged, subject_of
from lab.jobs.images import Images, new_builder
from lab.jobs.options import Options
from lab.jobs.trial import Trial
from lab.measure.inference import Inference, Start
from lab.measure.markers import MARKERS, Marked, run_to_markers
from lab.measure.ops import blocking
from lab.measure.tasks import Device
from lab.measure.worker import Worker

_COMPARED = 64  # bytes of each output; each is one command


@dataclass(frozen=True)
class Prepared:
    """Files and variables for the suites in ``robot/renode``.

    Attributes:
        board: name of the board.
        folder: holds ``image.elf``, ``board.repl`` and ``board.resc``.
        variables: of the suites, by name.
    """

    board: str
    folder: Path
    variables: dict[str, str]


def prepare(
    model: str, board: str, folder: Path, generation: Generation, worker: Worker, say: Say
) -> Prepared | str:
    """Build the image that ``check`` runs, and run it on engine ``unicorn``.

    Args:
        model: path of a file, or name of a zoo model.
        board: name of a board, or path of a board file.
        folder: where the files go; it exists.
        generation: of the Renode that is to run it.
        worker: runs the image.
        say: told about every long step.

    Returns:
        What was prepared; or why there is nothing to run, as one line.

    Raises:
        LabError: as for ``lab.jobs.check.check``; UsageError too for memory that Renode cannot map.
    """
    described = load_board(board)
    subject = subject_of(judged(model), described, Options())
    if refusals := blocking(subject.verdicts):
        return f"{refusals[0].where}: {refusals[0].reason}"
    trial = Trial(Images(subject, new_builder(say)), Options(), worker, say, None)
    measured = trial.on_board(trial.probe())
    if not isinstance(measured.on_board, Inference):
        return "it does not run there (lab check says why)"
    assert measured.placement is not None
    assert measured.probe.required is not None
    device, start = trial.set_up(measured.placement, measured.probe.required.size)
    marked = worker.call(run_to_markers, device, start, seconds=trial.patience)
    return _write(described, model, device, start, marked, folder, generation)


def _write(
    board: Board,
    model: str,
    device: Device,
    start: Start,
    marked: Marked,
    folder: Path,
    generation: Generation,
) -> Prepared:
    image, machine = read_elf(device.elf), device.machine
    platform = Platform(machine.core, machine.regions, EXACT_MIPS * MHZ)
    shutil.copyfile(device.elf, folder / "image.elf")
    (folder / "board.repl").write_text(repl(platform, generation))
    script = folder / "board.resc"
    lines = _script(board.name, image, device, start, generation)
    script.write_text("\n".join(lines) + "\n")
    mailbox, fields = image.symbols["lab_mailbox"].address, device.offsets["LabMailbox"]
    seconds = 1 + 2 * marked.instructions["lab_end"] / EXACT_MIPS * MHZ
    return Prepared(
        board.name,
        folder,
        {
            "BOARD": board.name,
            "MODEL": Path(model).stem,
            "RESC": str(script),
            "VIRTUAL_SECONDS": str(math.ceil(seconds)),
            "LAB_END": monitor.number(image.symbols["lab_end"].address),
            "STATUS_AT": monitor.number(mailbox + fields["status"]),
            "ARENA_USED_AT": monitor.number(mailbox + fields["arena_used"]),
            "ARENA_USED": str(marked.words["arena_used"]),
            "COUNTS": ",".join(_counts(marked)),
            "OUTPUTS": ",".join(_output_bytes(marked)),
            "LAST_WORDS": ",".join(monitor.number(region.end - 4) for region in machine.regions),
            "BEYOND": ",".join(monitor.number(address) for address in beyond(machine)),
        },
    )


def _script(
    name: str, image: Image, device: Device, start: Start, generation: Generation
) -> Iterator[str]:
    """The script that sets everything up; the suite starts the emulation."""
    at = {symbol: image.symbols[symbol].address for symbol in (*MARKERS, "lab_mailbox")}
    fields = device.offsets["LabMailbox"]
    assert at["lab_mailbox"] + fields["sizeof"] <= _slot(MARKERS[0])
    yield f"# For Renode {generation}, for the suites in robot/renode."
    yield from monitor.new_machine(name, ["$ORIGIN/board.repl"], generation)
    yield monitor.load_elf("$ORIGIN/image.elf")
    yield monitor.vector_table(image.symbols["vector_table"].address)
    told = {"arena": start.arena_base, "arena_bytes": start.arena_bytes,
            "invokes": start.invokes, "seed": start.seed}  # fmt: skip
    for field, value in told.items():
        yield monitor.write_word(at["lab_mailbox"] + fields[field], value)
    for marker in MARKERS:
        yield monitor.add_hook(at[marker], _note(_slot(marker)))
    yield monitor.add_hook(at["lab_end"], monitor.PAUSE)


def _note(slot: int) -> str:
    """Body of a hook that notes the count of instructions; the first time only, lab_end loops.

    What a hook can reach, machine and cpu, is as in Renode's tests/unit-tests/hooks.robot.
    """
    bus, count = "machine.SystemBus", "cpu.ExecutedInstructions % 0x100000000"
    at = monitor.number(slot)
    return f"{bus}.ReadDoubleWord({at}) or {bus}.WriteDoubleWord({at}, {count})"


def _slot(marker: str) -> int:
    """Where the count at a marker is noted: at the end of the lab's own memory."""
    return WINDOW.end - 4 * (len(MARKERS) - MARKERS.index(marker))


def _counts(marked: Marked) -> Iterator[str]:
    for marker, count in marked.instructions.items():
        yield f"{marker}={monitor.number(_slot(marker))}={count % (1 << 32)}"


def _output_bytes(marked: Marked) -> Iterator[str]:
    for address, contents in marked.outputs:
        for offset, byte in enumerate(contents[:_COMPARED]):
            yield f"{monitor.number(address + offset)}={byte}"


def beyond(machine: Machine) -> list[int]:
    """First address after each stretch of memory: nothing is there."""
    places = [place for region in machine.regions for place in region.places]
    ends = {place.stop for place in places}
    return sorted(end for end in ends if not any(end in place for place in places))
