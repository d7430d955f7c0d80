"""One table for many checks: what does not fit first, so that it is found at once."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from lab.report.columns import aligned
from lab.report.numbers import bytes_of
from lab.results import BatchResult, CheckResult, NoRecord

VERDICTS = {"failed": "FAILS", "does_not_fit": "DOES NOT FIT", "fits": "fits"}
_NO_RECORD = "NO ANSWER"
_ORDER = (_NO_RECORD, *VERDICTS.values())
_COUNTED = {"fits": "fit", "DOES NOT FIT": "do not fit", "FAILS": "fail", _NO_RECORD: "no answer"}
_COLOURS = {
    _NO_RECORD: "bold red",
    "FAILS": "bold red",
    "DOES NOT FIT": "bold red",
    "fits": "green",
}
_HEAD = (
    "verdict", "model", "board", "RAM needed", "RAM margin", "arena", "flash", "instructions",
    "why",
)  # fmt: skip
_RIGHT = range(3, 8)
_NO_TERMINAL = 1 << 16  # columns: lines of a file or pipe are not folded


@dataclass(frozen=True)
class _Row:
    cells: tuple[str, ...]

    @property
    def verdict(self) -> str:
        return self.cells[0]


def show(batch: BatchResult) -> None:
    """Print the table on standard output, the verdicts in colour where colours are shown."""
    if not sys.stdout.isatty():
        print("\n".join(render(batch, _NO_TERMINAL)))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    for line in render(batch, shutil.get_terminal_size().columns):
        text = Text(line)
        for word, colour in _COLOURS.items():
            if line.startswith(f"{word} ") or line == word:
                text.stylize(colour, 0, len(word))
        console.print(text)


def render(batch: BatchResult, width: int) -> list[str]:
    """The batch as lines of text: a table, or where that is too wide a few lines for each check."""
    rows = _rows(batch)
    lines = list(aligned([_HEAD, *(row.cells for row in rows)], _RIGHT))
    if max(map(len, lines)) > width:
        lines = [line for row in rows for line in _folded(row)]
    return [*lines, "", *textwrap.wrap(summary(batch), width)]


def _row(record: CheckResult) -> _Row:
    verdict, memory = record.verdict, record.memory
    margin = verdict.margin_bytes if verdict.limit == "ram" else None
    return _Row(
        (
            VERDICTS[verdict.status],
            record.model.name,
            record.board.name,
            bytes_of(memory.ram.needed_bytes if memory else None),
            bytes_of(margin),
            bytes_of(record.arena.required_bytes if record.arena else None),
            bytes_of(memory.flash.needed_bytes if memory else None),
            f"{record.run.instructions:,}" if record.run else "-",
            why(record),
        )
    )


def _trouble(problem: NoRecord) -> _Row:
    why = f"exit code {problem.exit_code}, see the message"
    return _Row((_NO_RECORD, problem.model, problem.board, *"-----", why))


def why(record: CheckResult) -> str:
    """The reason in a few words; the single check has all of them."""
    verdict = record.verdict
    if verdict.status == "fits":
        setup = record.memory.ram.setup if record.memory else ()
        return f"firmware must first: {'; '.join(setup)}" if setup else ""
    if verdict.status == "does_not_fit":
        short = f"{-(verdict.margin_bytes or 0):,} B of {verdict.limit} missing"
        return short if verdict.limit != "ram" else f"RAM: {verdict.failure_class}"
    operators = {f"{f.name} v{f.version}": None for f in record.findings if f.verdict != "unknown"}
    where = record.failure.operator_name if record.failure else next(iter(operators), "")
    return f"{verdict.failure_class}{f': {where}' if where else ''}"


def _folded(row: _Row) -> Iterator[str]:
    """A check as its verdict, and below that one fact after the other."""
    yield row.verdict
    for name, cell in zip(_HEAD[1:], row.cells[1:], strict=True):
        if cell not in {"", "-"}:
            yield f"  {cell}" if name in {"model", "board", "why"} else f"  {name:<12} {cell:>13}"


def summary(batch: BatchResult) -> str:
    """How many checks there were, and how they ended."""
    rows = _rows(batch)
    counts = {
        word: sum(row.verdict == verdict for row in rows) for verdict, word in _COUNTED.items()
    }
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{len(rows)} checks: {told}"


def _rows(batch: BatchResult) -> list[_Row]:
    rows = [*map(_trouble, batch.problems), *map(_row, batch.records)]
    rows.sort(key=lambda row: _ORDER.index(row.verdict))  # stable: as asked for within a verdict
    return rows
