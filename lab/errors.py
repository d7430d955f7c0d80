"""Every way the lab can say "no answer": one tree, one exit code each.

An error states facts: what happened, where, and what to do about it. Each problem is one line.
A completed verdict "no" is not an error: it is a result, and the command exits with 1.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EXIT_OK = 0
EXIT_VERDICT_NO = 1
_GRAVITY = (70, 4, 3, 2, 5, EXIT_VERDICT_NO, EXIT_OK)
_MAX_LINE = 4000  # characters; nobody reads on, and some terminals choke


def escape(text: str) -> str:
    """Text with everything unprintable as an escape sequence, safe to show on a terminal.

    Names of files are UTF-8 here, whatever the locale took them for.
    """
    if text.isprintable():
        return text
    with contextlib.suppress(UnicodeEncodeError):
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def one_line(text: str) -> str:
    """Text that quotes who knows what, as one printable line; without its middle if it is long."""
    line = escape(" ".join(text.split()))
    half = _MAX_LINE // 2
    return line if len(line) <= _MAX_LINE else f"{line[:half]} … {line[-half:]}"


def gravest(codes: Iterable[int]) -> int:
    """The exit code that stands for several: what hides most of an answer comes first."""
    return min(codes, key=_GRAVITY.index, default=EXIT_OK)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Attributes:
        where: place in the input, such as ``boards/mine.yaml:14:11`` or ``model.tflite``.
        what: what is wrong there.
        hint: what to do about it; empty when the statement says it all.
    """

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        if self.hint:
            line += f" (hint: {self.hint})"
        return one_line(line)


class LabError(Exception):
    """Base of all errors; by itself it means a bug of ours."""

    exit_code = 70

    def lines(self) -> list[str]:
        """One printable line per problem."""
        return [one_line(str(self))]


class UsageError(LabError):
    """The command line or the call asks for something that makes no sense."""

    exit_code = 2


class InputError(LabError):
    """An input file is damaged or breaks its schema; carries every problem found."""

    exit_code = 3

    def __init__(self, problems: Sequence[Problem] | Problem) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        """Survive the way from the measuring process to the command."""
        return type(self), (self.problems,)

    def lines(self) -> list[str]:
        """One printable line per problem."""
        return [str(problem) for problem in self.problems]


class ToolError(LabError):
    """A tool the lab needs is missing, too old, or failed; says how to mend it."""

    exit_code = 4


class NoVerdictError(LabError):
    """The measurement ended without an answer: budget, time limit, or a dead worker."""

    exit_code = 5
