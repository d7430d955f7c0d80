"""The result of ``lab ci run`` as one HTML page that needs nothing else."""

from __future__ import annotations

import functools

import jinja2

from lab.budgets import METRICS
from lab.ci_result import CiResult
from lab.report.ci_words import (
    WORDS,
    by_gravity,
    figure,
    problems,
    remarks,
    since_baseline,
    summary,
)


def render(result: CiResult) -> str:
    """The page. Everything that is filled in is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lab.report", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("ci_page.html.j2").render(
        result=result,
        checks=by_gravity(result),
        summary=summary(result),
        remarks=list(remarks(result)),
        metrics=METRICS,
        words=WORDS,
        figure=figure,
        since=since_baseline,
        problems=functools.partial(problems, result),
    )
