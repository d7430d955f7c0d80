"""SARIF 2.1.0: problems as code scanning services show them, each at its line."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from lab.budgets import METRICS
from lab.ci_result import CiCheck, CiResult
from lab.report.ci_words import Problem, by_gravity, problems
from lab.version import VERSION

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_HELP: dict[str, tuple[str, str]] = {
    "fit": (
        "Model does not run on the board",
        "The firmware with this model does not fit the board's memory, or fails there. "
        "lab check says why, what would help, and which boards would do.",
    ),
    "no_answer": (
        "Check gave no answer",
        "An input file is damaged, a tool is missing, or the measurement did not come to an end. "
        "docs/troubleshooting.md of tflm-lab has the reasons.",
    ),
    **{
        name: (
            f"Budget for {name} exceeded",
            f"The {metric.title} is above its budget in lab.yaml. Make it smaller, raise the "
            "budget, or allow it until a day. Where growth is limited, lab ci accept takes the "
            "new figure as the baseline.",
        )
        for name, metric in METRICS.items()
    },
}  # fmt: skip
_RULES = list(_HELP)


def render(result: CiResult) -> str:
    """The result as a SARIF log with one run; what is allowed is suppressed."""
    driver = {
        "name": "tflm-lab",
        "version": VERSION,
        "rules": [_rule(name, *texts) for name, texts in _HELP.items()],
    }
    found = [_result(check, problem) for check in by_gravity(result)
             for problem in problems(result, check)]  # fmt: skip
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": found}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(name: str, title: str, text: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("_")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": text},
        "help": {"text": text},
        "defaultConfiguration": {"level": "error"},
    }


def _result(check: CiCheck, problem: Problem) -> dict[str, Any]:
    """One problem. The fingerprint stays when lines move, so that it is the same alert."""
    place = {
        "artifactLocation": {"uri": quote(problem.file), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": problem.line},
    }
    identity = hashlib.sha256(f"{check.name}\0{problem.what}".encode()).hexdigest()
    found = {
        "ruleId": problem.what,
        "ruleIndex": _RULES.index(problem.what),
        "level": "note" if problem.reason else "error",
        "message": {"text": f"{check.name}: {problem.text}"},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"check/v1": identity},
    }
    if problem.reason:
        found["suppressions"] = [{"kind": "external", "justification": problem.reason}]
    return found
