"""Entry point: wires the commands, turns errors into one line each and an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from lab.cli import (
    arena,
    boards,
    build,
    cache,
    check,
    ci,
    doctor,
    ops,
    parity,
    profile,
    renode,
    report,
    runtime,
    size,
    stack,
    zoo,
)
from lab.cli.arguments import examples
from lab.cli.progress import VERBOSE, be_verbose, tell
from lab.errors import LabError, one_line
from lab.version import VERSION

_HELP_WIDTH = 52
EXIT_USAGE = 2
EXIT_BUG = 70
EXIT_INTERRUPTED = 130  # as shells report a process ended by Ctrl-C
EXIT_READER_GONE = 141  # as shells report a process that writes to a pipe nobody reads

_HELP = {
    "check": examples(
        "lab check model.tflite -b nrf52dk",
        "lab check keyword_spotter -b 'nucleo_*'",
        "lab check *.tflite -b '*' --json all.json",
    ),
    "arena": examples(
        "lab arena model.tflite -b nrf52dk", "lab arena keyword_spotter -b nrf52dk --plot arena.svg"
    ),
    "stack": examples(
        "lab stack model.tflite -b nrf52dk", "lab stack keyword_spotter -b nrf52dk --inputs 10"
    ),
    "profile": examples(
        "lab profile model.tflite -b nrf52dk",
        "lab profile keyword_spotter -b nrf52dk --trace trace.json",
        "lab profile new.tflite -b nrf52dk --against old.json",
    ),
    "build": examples("lab build model.tflite -b nrf52dk -o a.elf"),
    "report": examples(
        "lab report result.json --html report.html",
        "lab report result.json --markdown -",
        "lab report result.json --plots plots",
    ),
    "ops": examples("lab ops model.tflite", "lab ops keyword_spotter --json"),
    "size": examples(
        "lab size model.tflite -b nrf52dk",
        "lab size firmware.elf -b nrf52dk",
        "lab size --diff before.json after.json",
    ),
    "parity": examples(
        "lab parity model.tflite -b nrf52dk",
        "lab parity tiny_float keyword_spotter -b nrf52840dk -b rpi_pico --json parity.json",
    ),
    "doctor": examples("lab doctor"),
    "demo": examples("lab demo"),
}

app = typer.Typer(
    name="lab",
    help="A simulated hardware test lab: does this model run on this board, and why (not)?",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=examples("lab demo", "lab check model.tflite -b nrf52dk", "lab check --help"),
)
app.command("check", epilog=_HELP["check"])(check.check)
app.command("arena", epilog=_HELP["arena"])(arena.arena)
app.command("stack", epilog=_HELP["stack"])(stack.stack)
app.command("profile", epilog=_HELP["profile"])(profile.profile)
app.command("build", epilog=_HELP["build"])(build.build)
app.command("report", epilog=_HELP["report"])(report.report)
app.command("ops", epilog=_HELP["ops"])(ops.ops)
app.command("size", epilog=_HELP["size"])(size.size)
app.command("parity", epilog=_HELP["parity"])(parity.parity)
app.command("doctor", epilog=_HELP["doctor"])(doctor.doctor)
app.command("demo", epilog=_HELP["demo"])(check.demo)
app.add_typer(boards.app, name="boards")
app.add_typer(zoo.app, name="zoo")
app.add_typer(runtime.app, name="runtime")
app.add_typer(ci.app, name="ci")
app.add_typer(renode.app, name="renode")
app.add_typer(cache.app, name="cache")


@app.callback(invoke_without_command=True)
def _lab(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            envvar=VERBOSE,
            show_envvar=False,
            help="Say every step, and every command that is run with its log.",
        ),
    ] = False,
) -> None:
    if verbose:
        be_verbose()
    if version:
        typer.echo(f"lab {VERSION}")
        raise typer.Exit


def main() -> None:
    """Run the command line of this process and exit with its code."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file or pipe gets the same bytes in every locale. Names may hold anything.
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminated)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # until here: lab.__main__
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before the command has begun, or once more while it was ending
        code = _explain(KeyboardInterrupt())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # all has been said: too late
    sys.exit(code)


def _open_closed_streams() -> None:
    """Who closed a stream wants nothing of it; the next file opened must not take its place."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):  # it is open, but not so that Python could use it
                os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def _terminated(number: int, _frame: object) -> None:
    """Leave as after Ctrl-C: with nothing half-made, and none of the tools still at work."""
    raise SystemExit(128 + number)


def run(arguments: list[str]) -> int:
    """Run one command line.

    Returns:
        The exit code, as documented in docs/troubleshooting.md.
    """
    command = typer.main.get_command(app)
    if "--verbose" in arguments:  # wherever it stands, it is meant for all
        arguments = ["--verbose", *(word for word in arguments if word != "--verbose")]
    try:
        code = command.main(
            arguments, prog_name="lab", standalone_mode=False, terminal_width=_narrow()
        )
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        # Typer itself leaves when the reader of a pipe is gone, with the code of a verdict "no".
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # Python would complain again while closing standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_READER_GONE
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("TFLM_LAB_TRACEBACK"):
            raise
        return _explain(error)
    if code == EXIT_INTERRUPTED:  # Typer makes this of Ctrl-C
        return _explain(KeyboardInterrupt())
    return code if isinstance(code, int) else 0


def _narrow() -> int | None:
    """Columns of a terminal that is narrower than help texts are by themselves."""
    width = shutil.get_terminal_size().columns
    return width if width < _HELP_WIDTH else None


def _explain(error: BaseException) -> int:
    """Say in lines for people what ended a command; the exit code that stands for it."""
    if isinstance(error, LabError):
        lines, code = error.lines(), error.exit_code
    elif isinstance(error, KeyboardInterrupt | typer.Abort):
        lines, code = ["interrupted"], EXIT_INTERRUPTED
    elif isinstance(error, TyperException):
        words = _usage(error)
        if words.startswith("Usage:"):  # a group without a command: its help
            print(words)
            return 0
        lines, code = [words], EXIT_USAGE
    elif isinstance(error, OSError):
        lines, code = [f"cannot read or write: {error.strerror or error}"], EXIT_USAGE
    else:  # the last line of defence: one line, never a traceback
        bug = f"internal error: {type(error).__name__}: {error}"
        lines, code = [f"{bug} (a bug of the lab; TFLM_LAB_TRACEBACK=1 shows where)"], EXIT_BUG
    for line in lines:
        tell(one_line(line))
    return code


def _usage(error: TyperException) -> str:
    words = str(getattr(error, "message", "") or error).removeprefix("Value error, ")
    options = getattr(getattr(error, "param", None), "opts", None)
    if not options:
        return words
    if words.startswith("Missing parameter"):
        return f"missing: {options[0]} (lab COMMAND --help says what it takes)"
    return f"{options[0]}: {words}"
