"""Read a record that ``--json`` wrote, perhaps long ago, perhaps damaged, perhaps something else.

Whatever the file holds, the answer is a record that can be shown, or one InputError: numbers are
such that can be printed, text has no control characters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pydantic_core

from lab.errors import InputError, Problem, escape
from lab.files import read_input
from lab.results import BatchResult, CheckResult
from lab.runtime_cost import RuntimeCost
from lab.size_records import ElfSize, SizeDiff

AnyRecord = CheckResult | BatchResult | ElfSize | SizeDiff | RuntimeCost
MAKERS: dict[type, str] = {
    ElfSize: "lab size of a firmware image",
    SizeDiff: "lab size --diff",
    RuntimeCost: "lab runtime cost",
}
_KINDS: dict[object, type[AnyRecord]] = {
    "elf_size": ElfSize,
    "size_diff": SizeDiff,
    "runtime_cost": RuntimeCost,
}
MAX_BYTES = 64 << 20  # a record with details of a large model is about 1 MB
_MOST = 1 << 64  # no size and no count of a measurement is as large
_AGAIN = "make it again: lab check MODEL --board B --details --json FILE"


def read_record(path: Path | str) -> CheckResult:
    """The record of one check.

    Args:
        path: a file that a command wrote with ``--json``.

    Raises:
        InputError: it cannot be read, or is no such record.
    """
    result = read_result(path)
    if isinstance(result, BatchResult):
        what = "holds several checks", "give the record of one: lab check with one model and board"
        raise InputError(Problem(escape(str(path)), *what))
    return result


def read_result(path: Path | str) -> CheckResult | BatchResult:
    """What a check wrote: one record, or those of a batch.

    Args:
        path: a file that a command wrote with ``--json``.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    result = read_any(path)
    if isinstance(result, CheckResult | BatchResult):
        return result
    what = f"is what {MAKERS[type(result)]} wrote, no record of a check"
    raise InputError(Problem(escape(str(path)), what, _AGAIN))


def read_any(path: Path | str) -> AnyRecord:
    """What any command wrote.

    Args:
        path: a file that a command wrote with ``--json``.

    Raises:
        InputError: it cannot be read, or is nothing that can be shown again.
    """
    where = escape(str(path))
    text = read_input(path, MAX_BYTES)
    try:
        # Strings and numbers are made harmless first, while they are still plain values.
        plain = _harmless(pydantic_core.from_json(text, allow_inf_nan=False))
    except ValueError as error:
        raise InputError(Problem(where, f"is no JSON the lab wrote: {error}", _AGAIN)) from None
    if what := _foreign(plain):
        raise InputError(Problem(where, *what))
    checked = BatchResult if "records" in plain else CheckResult
    kind = _KINDS.get(str(plain.get("kind")), checked)
    try:
        return kind.model_validate_json(pydantic_core.to_json(plain), strict=True)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        what = (f"is no record of this version of the lab: {place}: {first['msg']}", _AGAIN)
        raise InputError(Problem(where, *what)) from None


def _harmless(value: Any) -> Any:
    """The same with printable text only; ValueError for a number that no record holds."""
    if isinstance(value, dict):
        return {escape(key): _harmless(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_harmless(one) for one in value]
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, int | float) and not abs(value) < _MOST:
        raise ValueError("a number is beyond every measurement")
    return value


def _foreign(value: Any) -> tuple[str, str] | None:
    """What a file is that is no record, and what to do about it; None if it may be one."""
    if not isinstance(value, dict) or "schema_version" not in value:
        return "is JSON, but no record of the lab", _AGAIN
    if value["schema_version"] != 1:
        what = f"has schema version {value['schema_version']!s:.20}; this lab reads version 1"
        return what, _AGAIN
    return None
