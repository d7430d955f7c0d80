"""The page of the library's keywords, from what Robot's own libdoc knows of it."""

from __future__ import annotations

from typing import Any

_HEAD = """\
# Keywords of `lab.robot_library`

Made of the library by `pytest tests/integration/test_robot.py --update-golden`; do not edit it.
`python -m robot.libdoc lab.robot_library keywords.html` makes a page to search in. How they are
used: [robot.md](robot.md).
"""


def page(library: dict[str, Any]) -> str:
    """The page of a library, as libdoc's JSON describes it."""
    parts = [_HEAD, library["doc"], "", "## Importing", ""]
    parts += [_entry("Library    lab.robot_library", one) for one in library["inits"]]
    parts += ["## Keywords", ""]
    in_order = sorted(library["keywords"], key=lambda one: one["lineno"])
    parts += [_entry(one["name"], one, "### ") for one in in_order]
    parts += ["## Types", ""]
    parts += [_type(one) for one in library["typedocs"] if one["type"] in {"Enum", "Custom"}]
    return "\n".join(parts).rstrip() + "\n"


def _entry(name: str, entry: dict[str, Any], level: str = "") -> str:
    arguments = [_argument(one) for one in entry["args"]]
    head = f"{level}{name}" if level else f"`{name}`"
    listed = [f"Arguments: {', '.join(arguments)}.", ""] if arguments else []
    return "\n".join([head, "", *listed, entry["doc"], ""])


def _argument(argument: dict[str, Any]) -> str:
    return f"`{argument['repr']}`"


def _type(described: dict[str, Any]) -> str:
    names = [one["name"].lower().replace("_", " ") for one in described.get("members", ())]
    listed = [f"One of: {', '.join(f'`{name}`' for name in names)}.", ""] if names else []
    return "\n".join([f"### {described['name']}", "", described["doc"], "", *listed])
