"""What a reviewer reads in a pull request: one screen, everything else folded.

Names and texts come from models, firmware and files, so none of them is taken as Markdown.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from lab.budgets import METRICS
from lab.ci_result import CiCheck, CiResult
from lab.report.ci_words import (
    by_gravity,
    ended,
    figure,
    problems,
    remarks,
    since_baseline,
    summary,
)
from lab.report.markdown_parts import cell, folded, table

_SHOWN = {"fail": "❌ **fail**", "no_answer": "❌ **no answer**", "allowed": "⚠️ allowed",
          "pass": "✅ pass"}  # fmt: skip
_PASS = _SHOWN["pass"]
_GRAVEST = list(_SHOWN)
_MOST_COLUMNS = 6
_MOST_ROWS = 12
_MOST_LINES = 12
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$])")


def render(result: CiResult) -> str:
    """The result as Markdown."""
    bad = sum(check.status in {"fail", "no_answer"} for check in result.checks)
    parts = [
        [f"### {'❌' if bad else '✅'} tflm-lab: {ended(result)}"],
        list(_verdicts(result)),
        list(_section("What is wrong", list(_wrong(result)))),
        list(_section("Since the baseline", list(_changes(result)))),
        list(_section("To note", list(_notes(result)))),
        list(folded("All figures", _figures(result))),
        list(folded("Run again", _commands(result))) if bad else [],
        [prose(summary(result))],
    ]
    return "\n\n".join("\n".join(part).strip("\n") for part in parts if part) + "\n"


def prose(text: str) -> str:
    """Text as itself: no formatting, no HTML, nobody is mentioned and no issue is linked."""
    escaped = _SPECIAL.sub(r"\\\1", text).replace("&", "&amp;")
    return re.sub("([@/:])(?=[A-Za-z0-9/])", "\\1&#8203;", escaped.replace("\\#", "\\#&#8203;"))


def _verdicts(result: CiResult) -> Iterator[str]:
    """Model by board; of very many only what is wrong."""
    rows = list(dict.fromkeys(check.model for check in result.checks))
    columns = list(dict.fromkeys(check.board for check in result.checks))
    cells: dict[tuple[str, str], list[CiCheck]] = {}
    for check in result.checks:
        cells.setdefault((check.model, check.board), []).append(check)
    if len(columns) > _MOST_COLUMNS:
        rows, columns = columns, rows
        cells = {(board, model): found for (model, board), found in cells.items()}
    if len(columns) > _MOST_COLUMNS:
        return
    shown = rows
    if len(rows) > _MOST_ROWS:
        bad = (
            row for row in rows if any(_gravest(cells, row, c) not in {"", _PASS} for c in columns)
        )
        shown = list(itertools.islice(bad, _MOST_ROWS))
    if shown:
        body = [[cell(row), *(_gravest(cells, row, c) for c in columns)] for row in shown]
        yield from table(["", *map(cell, columns)], body)
        yield ""
    if left := len(rows) - len(shown):
        yield f"{left} of {len(rows)} rows are left out, those first in which everything passes."


def _gravest(cells: dict[tuple[str, str], list[CiCheck]], row: str, column: str) -> str:
    """The gravest verdict on a model and board; empty: no check has them."""
    found = [check.status for check in cells.get((row, column), ())]
    return _SHOWN[min(found, key=_GRAVEST.index)] if found else ""


def _wrong(result: CiResult) -> Iterator[str]:
    for check in by_gravity(result):
        for problem in problems(result, check):
            place = f"{problem.file}:{problem.line}"
            reason = f" — {prose(problem.reason)}" if problem.reason else ""
            yield f"{cell(check.name)}: {prose(problem.text)} ({cell(place)}){reason}"


def _changes(result: CiResult) -> Iterator[str]:
    """What changed, each change once with all the checks it is seen in."""
    seen: dict[str, list[str]] = {}
    for check in by_gravity(result):
        if told := since_baseline(check):
            seen.setdefault(told, []).append(check.name)
    for told, names in seen.items():
        yield f"{_names(names)}: {prose(told)}"


def _notes(result: CiResult) -> Iterator[str]:
    for one in remarks(result):
        told = prose(one.text)
        yield f"{_names(one.checks)}: {told}" if one.checks else told


def _names(names: Sequence[str]) -> str:
    return cell(names[0]) + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _section(title: str, items: Sequence[str]) -> Iterator[str]:
    """A list under a title, a long one folded from some item on."""
    if not items:
        return
    yield f"**{title}**"
    yield ""
    yield from (f"- {item}" for item in items[:_MOST_LINES])
    if rest := items[_MOST_LINES:]:
        yield ""
        yield from folded(f"{len(rest)} more", [f"- {item}" for item in rest])


def _figures(result: CiResult) -> list[str]:
    head = ["check", "verdict", *(metric.title for metric in METRICS.values())]
    rows = [
        [cell(check.name), _SHOWN[check.status], *(figure(check, name) for name in METRICS)]
        for check in result.checks
    ]
    return list(table(head, rows))


def _commands(result: CiResult) -> list[str]:
    bad = (check for check in by_gravity(result) if check.status in {"fail", "no_answer"})
    return [f"- {cell(check.command)}" for check in bad]
