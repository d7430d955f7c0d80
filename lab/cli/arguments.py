"""Arguments and options that several commands take: one name, one help text, one completion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer


def _boards(incomplete: str) -> Iterator[str]:
    from lab.paths import data_dir  # lab.board is slow to import, and Tab must not wait

    names = sorted(path.stem for path in data_dir("platforms").glob("*.yaml"))
    return (name for name in names if name.startswith(incomplete))


def _models(incomplete: str) -> Iterator[str]:
    from lab.zoo import model_names

    yield from (name for name in model_names() if name.startswith(incomplete))
    folder = Path(incomplete).parent if "/" in incomplete else Path()
    if incomplete.endswith("/"):
        folder = Path(incomplete)
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.is_dir() or path.suffix == ".tflite":
            text = f"{path}/" if path.is_dir() else str(path)
            yield from [text] if text.startswith(incomplete) else []


Model = Annotated[
    str, typer.Argument(help="A .tflite file, or the name of a zoo model.", autocompletion=_models)
]
Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        help=".tflite files, or names of zoo models.",
        autocompletion=_models,
    ),
]
Board = Annotated[
    str,
    typer.Option("--board", "-b", help="Name of a board, or a board file.", autocompletion=_boards),
]
Boards = Annotated[
    list[str],
    typer.Option(
        "--board",
        "-b",
        help="Name of a board, a board file, or a pattern such as 'nucleo_*'; may be repeated.",
        autocompletion=_boards,
    ),
]
BoardArgument = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE", help="Board name or board file.", autocompletion=_boards),
]
ZooName = Annotated[
    str, typer.Argument(help="Name of a model, see `lab zoo list`.", autocompletion=_models)
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
