"""The text of a script (.resc): load a platform and a firmware, run it to its end.

Names as ``$bin`` can be given from outside: ``renode -e '$bin=@other.elf; i @SCRIPT'``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.engines.renode import monitor
from lab.engines.renode.platform import CONSOLE, HEAD
from lab.engines.renode.versions import Generation, semihosting_uart
from lab.errors import one_line


@dataclass(frozen=True)
class LabRun:
    """How an image of the lab's is run.

    Attributes:
        mailbox: address of ``lab_mailbox``.
        offsets: where its fields lie in it.
        arena: address of the tensor arena.
        arena_bytes: its size.
    """

    mailbox: int
    offsets: dict[str, int]
    arena: int
    arena_bytes: int


@dataclass(frozen=True)
class Script:
    """What a script does.

    Attributes:
        name: of the machine, and begin of the names of its files.
        title: for the head of the text.
        platforms: file names of the descriptions, in the order of loading.
        elf: file name of the firmware.
        console: whether the platform has a console.
        vectors: address of the vector table; None: Renode guesses that it is the allocated section
            with the lowest address, even if that is empty (renode issue #314).
        lab: how the image is run, if it is one of the lab's.
    """

    name: str
    title: str
    platforms: tuple[str, ...]
    elf: str
    console: bool = False
    vectors: int | None = None
    lab: LabRun | None = None


def resc(script: Script, generation: Generation) -> str:
    """The script."""
    parts = [
        [f"# {one_line(script.title)}", f"# For Renode {generation}. {HEAD}"],
        [*_variables(script)],
        [*_machine(script, generation)],
        [*_outputs(script, generation)],
        ["macro reset", '"""', *(f"    {line}" for line in _reset(script)), '"""'],
        ["runMacro $reset"],
        [*_end(script)],
        [monitor.START],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _variables(script: Script) -> Iterator[str]:
    yield f"# Other values come from outside: renode -e '$bin=@other.elf; i @{script.name}.resc'"
    yield f"$bin?=$ORIGIN/{script.elf}"
    if script.lab:
        yield f"$arena?={monitor.number(script.lab.arena)}"
        yield f"$arena_bytes?={script.lab.arena_bytes}"
        yield "$invokes?=1"
    elif script.vectors is not None:
        yield f"$vectors?={monitor.number(script.vectors)}"


def _machine(script: Script, generation: Generation) -> Iterator[str]:
    yield "# The machine, and the same run every time, as fast as it goes."
    if monitor.strict_memory(generation):
        yield "# Accesses to where nothing is mapped fault, as on silicon. Firmware that sets up"
        yield "# clocks and pins, which are not described, needs the last of these lines taken out."
    platforms = [f"$ORIGIN/{file}" for file in script.platforms]
    yield from monitor.new_machine(script.name, platforms, generation)


def _outputs(script: Script, generation: Generation) -> Iterator[str]:
    if script.console:
        yield monitor.copy_output(f"sysbus.{CONSOLE}", f"$ORIGIN/{script.name}.{CONSOLE}.txt")
    file = f"$ORIGIN/{script.name}.semihosting.txt"
    yield monitor.copy_output(semihosting_uart(generation), file)


def _reset(script: Script) -> Iterator[str]:
    yield monitor.load_elf("$bin")
    if script.lab:
        yield monitor.vector_table(monitor.symbol("vector_table"))
        for field in ("arena", "arena_bytes", "invokes"):
            address = script.lab.mailbox + script.lab.offsets[field]
            yield monitor.write_word(address, f"${field}")
    elif script.vectors is not None:
        yield monitor.vector_table("$vectors")


def _end(script: Script) -> Iterator[str]:
    if not script.lab:
        yield "# To stop where the firmware is done, name a function of it:"
        yield f"# {monitor.add_hook(monitor.symbol('NAME'), monitor.PAUSE)}"
        return
    status = monitor.number(script.lab.mailbox + script.lab.offsets["status"])
    used = monitor.number(script.lab.mailbox + script.lab.offsets["arena_used"])
    yield "# The run is over in lab_end. Then, on the monitor:"
    yield f"#   sysbus ReadDoubleWord {status}   TfLiteStatus: 0 is OK"
    yield f"#   sysbus ReadDoubleWord {used}   bytes of the arena that were used"
    yield "#   cpu ExecutedInstructions   what was executed before it"
    yield monitor.add_hook(monitor.symbol("lab_end"), monitor.PAUSE)
