"""Entry point: wires the commands, turns errors into one line each and an exit code."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from lab.cli import boards, build, cache, check, doctor, ops, runtime, zoo
from lab.errors import LabError
from lab.version import VERSION

EXIT_USAGE = 2
EXIT_BUG = 70
EXIT_INTERRUPTED = 130  # as shells report a process ended by Ctrl-C

app = typer.Typer(
    name="lab",
    help="A simulated hardware test lab: does this model run on this board, and why (not)?",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("check")(check.check)
app.command("build")(build.build)
app.command("ops")(ops.ops)
app.command("doctor")(doctor.doctor)
app.command("demo")(check.demo)
app.add_typer(boards.app, name="boards")
app.add_typer(zoo.app, name="zoo")
app.add_typer(runtime.app, name="runtime")
app.add_typer(cache.app, name="cache")


@app.callback(invoke_without_command=True)
def _lab(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"lab {VERSION}")
        raise typer.Exit


def main() -> None:
    """Run the command line of this process and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files and tensors may hold anything
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line.

    Returns:
        The exit code, as documented in docs/troubleshooting.md.
    """
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="lab", standalone_mode=False)
    except LabError as error:
        _complain(error.lines())
        return error.exit_code
    except TyperException as error:
        _complain([" ".join(str(getattr(error, "message", "") or error).split())])
        return EXIT_USAGE
    except (KeyboardInterrupt, typer.Abort):
        _complain(["interrupted"])
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough. Python would complain again while closing standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the last line of defence: one line, never a traceback
        if os.environ.get("TFLM_LAB_TRACEBACK"):
            raise
        _complain([f"internal error: {type(error).__name__}: {error} "
                   "(a bug of the lab; TFLM_LAB_TRACEBACK=1 shows where)"])  # fmt: skip
        return EXIT_BUG
    return code if isinstance(code, int) else 0


def _complain(lines: list[str]) -> None:
    for line in lines:
        print(f"lab: {line}", file=sys.stderr)
