"""Arguments and options that several commands take: one name, one help text, one completion."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

SECONDS = 600.0  # default of --timeout
ENGINE = "unicorn"  # default of --engine


def examples(*lines: str) -> str:
    """The end of a help text: commands to copy, unfolded."""
    return "\n".join(["Examples:", "", "\b", *(f"  {line}" for line in lines)])


def _boards(incomplete: str) -> Iterator[str]:
    from lab.paths import data_dir  # lab.board is slow to import, and Tab must not wait

    names = sorted(path.stem for path in data_dir("platforms").glob("*.yaml"))
    return (name for name in names if name.startswith(incomplete))


def _models(incomplete: str) -> Iterator[str]:
    """Zoo models and model files; where nothing matches, the shell completes paths itself."""
    yield from _zoo(incomplete)
    files = sorted(Path(os.path.dirname(incomplete)).glob("*.tflite"))  # noqa: PTH120 - "" for none
    yield from (str(path) for path in files if str(path).startswith(incomplete))


def _zoo(incomplete: str) -> Iterator[str]:
    from lab.zoo import model_names

    return (name for name in model_names() if name.startswith(incomplete))


def _runtimes(incomplete: str) -> Iterator[str]:
    from lab.runtimes import runtime_names, user_manifests

    names = [*runtime_names(), *user_manifests()]
    return (name for name in names if name.startswith(incomplete))


Model = Annotated[
    str, typer.Argument(help="A .tflite file, or the name of a zoo model.", autocompletion=_models)
]
Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        help=".tflite files, or names of zoo models.",
        autocompletion=_models,
    ),
]
Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL|ELF",
        help="A .tflite file, a zoo model, or a firmware image; with --diff two.",
        autocompletion=_models,
    ),
]
Board = Annotated[
    str,
    typer.Option("--board", "-b", help="Name of a board, or a board file.", autocompletion=_boards),
]
_BOARDS = typer.Option(
    "--board",
    "-b",
    help="Name of a board, a board file, or a pattern such as 'nucleo_*'; may be repeated.",
    autocompletion=_boards,
)
Boards = Annotated[list[str], _BOARDS]
BoardsIfAny = Annotated[list[str] | None, _BOARDS]
BoardArgument = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE", help="Board name or board file.", autocompletion=_boards),
]
ZooName = Annotated[
    str, typer.Argument(help="Name of a model, see `lab zoo list`.", autocompletion=_zoo)
]
Opt = Annotated[
    str,
    typer.Option(
        "--opt",
        help="Optimisation level: O2, O3 or Os.",
        autocompletion=lambda: ["O2", "O3", "Os"],
    ),
]
Ram = Annotated[
    list[str] | None,
    typer.Option(metavar="[BANK=]SIZE", help="What if the board had this much RAM?"),
]
Runtime = Annotated[
    str,
    typer.Option(
        help="Name of a runtime (lab runtime list), or a manifest file.",
        autocompletion=_runtimes,
    ),
]
RuntimeArgument = Annotated[
    str, typer.Argument(help="Name of a runtime, or a manifest file.", autocompletion=_runtimes)
]
Timeout = Annotated[
    float, typer.Option(min=1, help="Seconds for one phase (allocation, one inference).")
]
Engine = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What executes the image: unicorn, or renode, which counts instructions only.",
        autocompletion=lambda: ["unicorn", "renode"],
    ),
]
WholeRecord = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE", help="Write the whole record as JSON; - for stdout."),
]
