"""JUnit XML, in the dialect that CI services read: one test case for each check."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from lab.ci_result import CiCheck, CiResult
from lab.report.ci_words import figures_told, problems, since_baseline


def render(result: CiResult) -> str:
    """The result as JUnit XML: one suite; what is allowed counts as skipped."""
    counts = {
        "tests": len(result.checks),
        "failures": _count(result, "fail"),
        "errors": _count(result, "no_answer"),
        "skipped": _count(result, "allowed"),
    }
    totals = {name: str(count) for name, count in counts.items()}
    root = ET.Element("testsuites", {"name": "lab ci", **totals})
    suite = ET.SubElement(root, "testsuite", {"name": result.file, **totals})
    for check in result.checks:
        _case(suite, result, check)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _count(result: CiResult, status: str) -> int:
    return sum(check.status == status for check in result.checks)


def _case(suite: ET.Element, result: CiResult, check: CiCheck) -> None:
    """One check; the attributes ``file`` and ``line`` are those of pytest and GitLab."""
    case = ET.SubElement(
        suite, "testcase", classname=check.model, name=check.name, file=result.file,
        line=str(check.line), time="0",
    )  # fmt: skip
    found = problems(result, check)
    if found:
        kind = {"fail": "failure", "no_answer": "error"}.get(check.status, "skipped")
        message = found[0].reason if kind == "skipped" else found[0].text
        told = ET.SubElement(case, kind, message=message or "")
        if kind != "skipped":
            told.set("type", found[0].what)
        told.text = "\n".join(
            [f"{one.text} ({one.file}:{one.line})" for one in found] + [f"again: {check.command}"]
        )
    since = since_baseline(check)
    lines = [figures_told(check), f"since the baseline: {since}" if since else ""]
    lines += [note.text for note in check.notes]
    ET.SubElement(case, "system-out").text = "\n".join(filter(None, lines))
