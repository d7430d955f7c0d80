"""``lab doctor``: what the lab needs, and what of it is missing."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

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
        for finding in findings:
            mark = "ok" if finding.found else "MISSING" if finding.needed else "absent"
            note = "" if finding.needed else " (optional)"
            typer.echo(f"{mark:8}{finding.name:{_NAME_WIDTH}}{finding.detail}{note}")
    if not complete(findings):
        raise typer.Exit(ToolError.exit_code)
