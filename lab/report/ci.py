"""The report of ``lab ci run`` on one screen: what fails first, one line each, then the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from lab.ci_result import CiCheck, CiResult
from lab.report.ci_words import (
    WORDS,
    by_gravity,
    figures_told,
    problems,
    remarks,
    since_baseline,
    summary,
)

_COLOURS = {"FAIL": "bold red", "NO ANSWER": "bold red", "allowed": "yellow", "pass": "green"}
_WIDTH = max(map(len, WORDS.values()))


def show(result: CiResult) -> None:
    """Print the report on standard output, the verdicts in colour where colours are shown."""
    if not sys.stdout.isatty():
        print("\n".join(render(result)))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    for line in render(result):
        text = Text(line)
        word = line[:_WIDTH].rstrip()
        text.stylize(_COLOURS.get(word, ""), 0, len(word))
        console.print(text)


def render(result: CiResult) -> list[str]:
    """The report as lines of text."""
    lines = [line for check in by_gravity(result) for line in _check(result, check)]
    notes = [f"note: {': '.join(filter(None, [one.subject, one.text]))}" for one in remarks(result)]
    return [*lines, "", *notes, summary(result)]


def _check(result: CiResult, check: CiCheck) -> Iterator[str]:
    word = WORDS[check.status]
    found = problems(result, check)
    if not found:
        yield f"{word:<{_WIDTH}}  {check.name}: {figures_told(check)}"
    for problem in found:
        told = "allowed" if problem.reason else word
        place = f"({problem.file}:{problem.line})"
        yield f"{told:<{_WIDTH}}  {check.name}: {problem.text} {place}"
        if problem.reason:
            yield _more(problem.reason)
    if told := since_baseline(check):
        yield _more(f"since the baseline: {told}")
    if check.status in {"fail", "no_answer"}:
        yield _more(f"again: {check.command}")


def _more(text: str) -> str:
    return f"{'':<{_WIDTH}}    {text}"
