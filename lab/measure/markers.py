"""The runner's markers: what had been executed at each, for engines that only stop at addresses."""

from __future__ import annotations

from dataclasses import dataclass

from lab.engines.base import StopReason
from lab.errors import NoVerdictError
from lab.measure.guest import read_guest
from lab.measure.inference import Start
from lab.measure.mailbox import Mailbox
from lab.measure.tasks import Device

MARKERS = ("lab_allocated", "lab_before_invoke", "lab_after_invoke", "lab_end")


@dataclass(frozen=True)
class Marked:
    """A run of one inference, from reset to its end.

    Attributes:
        instructions: executed since reset when each of ``MARKERS`` was reached.
        words: fields of the mailbox at the end.
        outputs: address and contents of every graph output.
    """

    instructions: dict[str, int]
    words: dict[str, int]
    outputs: tuple[tuple[int, bytes], ...]


def run_to_markers(device: Device, start: Start) -> Marked:
    """Run the runner's image of one inference from marker to marker.

    Raises:
        NoVerdictError: it did not come to its end.
    """
    session = device.session()
    session.begin(start)
    engine, symbols = session.engine, session.image.symbols
    counted = {}
    for name in MARKERS:
        stop = engine.run(
            {symbols[name].address},
            instructions=device.limits.instructions,
            seconds=device.limits.seconds,
            stack_limit=start.stack_limit,
        )
        if stop.reason is not StopReason.ADDRESS:
            raise NoVerdictError(f"no verdict: {name} was not reached ({stop.reason})")
        counted[name] = engine.totals().instructions
    mailbox = Mailbox(engine, device.offsets, symbols["lab_mailbox"].address)
    outputs = tuple(
        (address, read_guest(engine, address, size, "a graph output"))
        for address, size in mailbox.places("output")
    )
    words = {name: mailbox.word(name) for name in ("status", "arena_used")}
    return Marked(counted, words, outputs)
