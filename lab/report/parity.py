"""Two engines side by side, for people: what differs, and what all of it comes to."""

from __future__ import annotations

from collections.abc import Iterator

from lab.parity import Compared, ImageParity, ParityResult
from lab.report.columns import aligned
from lab.report.numbers import count_of

NOTE = (
    "Instructions, as each engine counts them, arena and outputs must be equal; the stack is "
    "compared by what was painted and is written over, on both."
)
_TITLES = {
    "equal": "the engines agree",
    "explained": "the engines differ, explained",
    "differs": "THE ENGINES DISAGREE",
}


def show(result: ParityResult) -> None:
    """Print the comparison on standard output; of no images there is nothing to say."""
    for line in render(result):
        print(line)


def render(result: ParityResult) -> list[str]:
    """The comparison as lines of text."""
    lines = [line for image in result.images for line in (*_image(image), "")]
    return [*lines, *([NOTE] if result.images else [])]


def _image(image: ImageParity) -> Iterator[str]:
    memory = "its own memory" if image.memory == "board" else "its core with plenty of memory"
    yield f"{image.model} on {image.board} ({image.core}, {memory}): {_TITLES[image.agreement]}"
    if image.peculiar:
        yield f"  the code depends on the emulator: {', '.join(image.peculiar)}"
    head = ("", *(f"{engine.name} {engine.version}" for engine in image.engines), "")
    lines = aligned([head, *map(_row, _worth_showing(image))], (1, 2))
    yield from (f"  {line}" for line in lines)
    reasons = dict.fromkeys(f.reason for f in image.figures if f.reason)
    yield from (f"  explained: {reason}" for reason in reasons)


def _worth_showing(image: ImageParity) -> Iterator[Compared]:
    """Everything but the operators on which the engines agree: they are one row."""
    agreed = [f for f in image.figures if _is_operator(f) and f.agreement == "equal"]
    yield from (figure for figure in image.figures if figure not in agreed)
    if agreed:
        total = sum(figure.first for figure in agreed if isinstance(figure.first, int))
        title = f"{len(agreed)} operators, in sum"
        yield agreed[0].model_copy(update={"name": title, "first": total, "second": total})


def _is_operator(figure: Compared) -> bool:
    return figure.name.startswith("operator ")


def _row(figure: Compared) -> tuple[str, ...]:
    unit = f", {figure.unit}" if figure.unit else ""
    return (
        f"{figure.name}{unit}",
        _value(figure.first),
        _value(figure.second),
        {"differs": "DIFFERS"}.get(figure.agreement, figure.agreement),
    )


def _value(value: int | str | None) -> str:
    return value if isinstance(value, str) else count_of(value)
