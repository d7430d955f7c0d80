"""``lab doctor``: what the lab needs, and what of it is missing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lab.jobs.doctor import Finding

_NAME_WIDTH = 24


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is there, what is missing and how to get it; exit code 4 if anything is missing."""
    from lab.cache import Cache
    from lab.errors import ToolError
    from lab.jobs.doctor import complete, examine

    findings = examine(Cache())
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        show(findings)
    if not complete(findings):
        raise typer.Exit(ToolError.exit_code)


def show(findings: Sequence[Finding]) -> None:
    """Print one line for each finding."""
    for finding in findings:
        mark = "ok" if finding.found else "MISSING" if finding.needed else "absent"
        note = "" if finding.needed else " (optional)"
        typer.echo(f"{mark:8}{finding.name:{_NAME_WIDTH}}{finding.detail}{note}")
