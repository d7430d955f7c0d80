"""The price list of a runtime for people: the dearest operator first."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

from lab.report.columns import aligned
from lab.report.numbers import count_of, percent
from lab.runtime_cost import EmptyRuntime, FullRuntime, OperatorPrice, RuntimeCost
from lab.units import format_size

HEAD = (
    "operator", "flash alone", "in full set", "static RAM", "arena a node", "scratch",
    "instructions", "standard shape",
)  # fmt: skip
RIGHT = range(1, 6)
NOTES = (
    "Flash, static RAM and instructions are exact, arena and scratch measured. Flash alone: the "
    "image with just this operator, less the empty runtime. In full set: what leaving it out of "
    "all operators saves. Code that operators share is in each first figure and in no second one: "
    "a set of operators costs about between the sum of the second and the sum of the first.",
    "Arena a node: what one more node keeps there for good, with its options, kernel data and "
    "scratch handles; the structures of its tensors are not in it. It is the average of four more "
    "nodes, rounded up: alignment differs from node to node. Scratch: what the runtime plans, less "
    "the tensors' sizes in the model file, each aligned. Both are of the first type of data on the "
    "standard shape.",
    "Instructions: of the kernel, its set-up included, on the standard shape.",
)
_NONE = "-"
_NO_TERMINAL = 1 << 16  # columns: lines of a file or pipe are not folded


def show(cost: RuntimeCost) -> None:
    """Print the price list on standard output."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _NO_TERMINAL
    print("\n".join(render(cost, width)))


def render(cost: RuntimeCost, width: int) -> list[str]:
    """The price list as lines of text."""
    return [
        f"{cost.runtime.name}, {cost.runtime.kernels} kernels, for {cost.core} ({cost.board})",
        f"  {_how_built(cost)}",
        "",
        "Empty runtime: interpreter, allocator and planner, no operator, no model",
        *_empty(cost.empty),
        "",
        *_full(cost.full, cost.full_problem),
        _shares(cost),
        "",
        *_table(rows(cost.operators), width),
        *_problems(cost.operators),
        "",
        *(line for note in NOTES for line in textwrap.wrap(note, min(width, 100))),
    ]


def rows(prices: Sequence[OperatorPrice]) -> list[tuple[str, ...]]:
    """Cells under ``HEAD``, the dearest operator first; bytes."""
    ranked = sorted(prices, key=lambda price: (-(price.flash_bytes or -1), price.name))
    return [_row(price) for price in ranked]


def _table(prices: Sequence[tuple[str, ...]], width: int) -> list[str]:
    """The prices as a table; where it is too wide without shapes, or as one fact a line."""
    for head in (HEAD, HEAD[:-1]):
        lines = list(aligned([head, *(row[: len(head)] for row in prices)], RIGHT))
        if max(map(len, lines)) <= width:
            return lines
    return [line for row in prices for line in _folded(row)]


def _folded(row: tuple[str, ...]) -> Iterator[str]:
    yield row[0]
    for name, cell in zip(HEAD[1:], row[1:], strict=True):
        if cell != _NONE:
            yield f"  {name:<15} {cell}"


def _row(price: OperatorPrice) -> tuple[str, ...]:
    first = price.runs[0] if price.runs else None
    counts = [f"{run.dtype} {run.instructions_per_work:,.1f}" for run in price.runs]
    return (
        price.name,
        count_of(price.flash_bytes),
        count_of(price.flash_in_full_bytes),
        count_of(price.ram_bytes),
        count_of(first.persistent_bytes if first else None),
        count_of(first.scratch_bytes if first else None),
        f"{', '.join(counts)} per {first.work}" if first else _NONE,
        first.shapes if first else _NONE,
    )


def _how_built(cost: RuntimeCost) -> str:
    own = " (of the runner; the library is as you built it)"
    built = own if cost.runtime.kind == "library" else ""
    return f"-{cost.opt}, {cost.compiler}, {cost.libc}{built}"


def _empty(empty: EmptyRuntime) -> Iterator[str]:
    for one in empty.sections:
        yield _sizes(one.name, one.flash_bytes, one.ram_bytes)
    yield _sizes("sum", empty.flash_bytes, empty.ram_bytes) + ", exact"
    runner = _sizes("of which", empty.runner_flash_bytes, empty.runner_ram_bytes)
    yield f"{runner}: the lab's runner, its start-up code, the interpreter object"


def _full(full: FullRuntime | None, problem: str | None) -> Iterator[str]:
    if full is None:
        yield f"The runtime with all operators cannot be built: {problem}"
        return
    yield f"With all {full.operators} operators"
    yield _sizes("sum", full.flash_bytes, full.ram_bytes) + ", exact"


def _sizes(name: str, flash: int, ram: int) -> str:
    return f"  {name:<12} {flash:>9,} B flash {ram:>9,} B RAM"


def _shares(cost: RuntimeCost) -> str:
    """What the runtime is of the board that was named."""
    share = f"empty {percent(cost.empty.flash_bytes, cost.board_flash_bytes)}"
    if cost.full:
        share += f", with all {percent(cost.full.flash_bytes, cost.board_flash_bytes)}"
    return f"{cost.board} has {format_size(cost.board_flash_bytes)} of flash: {share}"


def _problems(prices: Sequence[OperatorPrice]) -> Iterator[str]:
    told = [f"  {price.name}: {price.problem}" for price in prices if price.problem]
    if told:
        yield ""
        yield "Without a price, or a part of it"
        yield from told
