"""What two records of one check may differ in when another engine made the second.

Said out loud here, field by field; everything else must be equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Record = dict[str, Any]
Rule = Callable[[Any, Any], bool]
ABSENT = "absent"


def _any(_: object, __: object) -> bool:
    return True


def _uncounted(exact: object, other: object) -> bool:
    """The embedded engine counts it, the other one does not."""
    return exact not in (None, ABSENT) and other is None


def _at_most(exact: int, other: int) -> bool:
    """What was written of the stack is at most what was used of it."""
    return 0 <= other <= exact


# By the path in the record, list indices left out.
_ALLOWED: dict[str, Rule] = {
    # which engine it was
    r"\.request\.engine(_version)?": _any,
    # cycles, and what is computed of them
    r"\.run\.(setup_)?cycles": _uncounted,
    r"\.run\.milliseconds(_all_waiting)?": _uncounted,
    r"\.operators\.cycles": _uncounted,
    # functions and blocks: not seen
    r"\.details\.profile": _uncounted,
    r"\.details\.stack\.points\.chain": lambda exact, other: bool(exact) and other == [],
    r"\.stack\.function": _uncounted,
    # the stack: at least what was written
    r"\.stack\.exact": lambda exact, other: other is False,
    r"\.stack\.high_water_bytes": _at_most,
    r"\.(operators|failure)\.stack_bytes": _at_most,
    r"\.details\.stack\.points\.depth_bytes": _at_most,
    r"\.details\.stack\.(inference|failing_path)_bytes": _at_most,
}
# What follows from the stack that is set aside, where the high-water mark differs.
_OF_STACK = (
    r"\.stack\.reserve_bytes",
    r"\.memory\.ram\.(stack_reserve|needed|alignment)_bytes",
    r"\.memory\.ram\.layout\.(base|size_bytes)",
    r"\.verdict\.(margin_bytes|summary)",
    r"\.would_do\.boards\.margin_bytes",
)


def same_but_for_the_engine(embedded: Record, other: Record) -> None:
    """Assert that two records of ``lab check --json`` agree in what both engines can know.

    Args:
        embedded: made with ``unicorn``.
        other: made with an engine that sees no blocks.
    """
    assert embedded["request"]["engine"] == "unicorn"
    assert other["request"]["engine"] != "unicorn"
    rules = dict(_ALLOWED)
    stacks = [
        record["stack"] and record["stack"]["high_water_bytes"] for record in (embedded, other)
    ]
    if stacks[0] != stacks[1]:
        rules |= dict.fromkeys(_OF_STACK, _any)
    wrong = [
        f"{path}: {exact} and {said}"
        for path, exact, said in _differences(embedded, other)
        if not _allows(rules, re.sub(r"\[\d+\]", "", path), exact, said)
    ]
    assert not wrong, "\n".join(wrong)


def _allows(rules: dict[str, Rule], path: str, exact: object, other: object) -> bool:
    return any(re.fullmatch(one, path) and rule(exact, other) for one, rule in rules.items())


def _differences(first: Any, second: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(first, dict) and isinstance(second, dict):
        for name in first.keys() | second.keys():
            pair = first.get(name, ABSENT), second.get(name, ABSENT)
            yield from _differences(*pair, f"{path}.{name}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for index, pair in enumerate(zip(first, second, strict=True)):
            yield from _differences(*pair, f"{path}[{index}]")
    elif first != second:
        yield path, first, second
