"""Names as a hostile file might have them, and records full of them."""

from __future__ import annotations

from typing import Any

from lab.results import CheckResult

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)' x=\"",
    "</style><style>*{display:none}",
    "a|b\\|c`d``e`",
    "@everyone #1 http://example.org www.example.org ![x](y) [x](y) $a$",
    "&lt;b&gt; &#64;",
    "{{ 7 * 7 }}{% raw %}",
    "line\nfeed\r\u2028\u2029\u202eright to left\x1b[2J\0",
    "\ud800 lone",
    "",
    "x" * 3000,
)


def hostile(record: CheckResult) -> CheckResult:
    """The record with every free text replaced; its numbers are as before."""
    plain: dict[str, Any] = record.model_dump(mode="python")
    count = 0

    def replaced(value: Any, key: str) -> Any:
        nonlocal count
        if isinstance(value, dict):
            return {name: replaced(one, name) for name, one in value.items()}
        if isinstance(value, tuple | list):
            return tuple(replaced(one, key) for one in value)
        if isinstance(value, str) and key not in _CHOICES:
            count += 1
            return HOSTILE[count % len(HOSTILE)]
        return value

    return CheckResult.model_validate(replaced(plain, ""))


_CHOICES = {
    "status", "limit", "kind", "part", "group", "what", "how", "phase", "cycle_class", "inputs",
    "verdict", "schema_version",
}  # fmt: skip
