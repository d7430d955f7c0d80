"""Workflow commands of GitHub Actions: each problem at its line, shown in the pull request."""

from __future__ import annotations

from collections.abc import Iterator

from lab.ci_result import CiResult
from lab.report.ci_words import by_gravity, problems, remarks

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = {**_DATA, **str.maketrans({":": "%3A", ",": "%2C"})}


def render(result: CiResult) -> list[str]:
    """One line for each annotation, errors first: only the first ones of a step are shown."""
    lines = [*_problems(result), *_notes(result)]
    return sorted(lines, key=lambda line: not line.startswith("::error"))


def _problems(result: CiResult) -> Iterator[str]:
    for check in by_gravity(result):
        for problem in problems(result, check):
            level = "notice" if problem.reason else "error"
            text = f"{problem.text}; {problem.reason}" if problem.reason else problem.text
            yield _command(level, problem.file, problem.line, check.name, text)


def _notes(result: CiResult) -> Iterator[str]:
    for one in remarks(result):
        yield _command("warning", result.file, one.line, one.subject or "baseline", one.text)


def _command(level: str, file: str, line: int, title: str, text: str) -> str:
    place = f"file={file.translate(_PROPERTY)},line={line},title={title.translate(_PROPERTY)}"
    return f"::{level} {place}::{text.translate(_DATA)}"
