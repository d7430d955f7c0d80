"""pytest plugin: memory budgets as a marker, records as fixtures.

    @pytest.mark.memory_budget(model="models/wake.tflite", board="nrf52dk", ram="48 KiB")
    def test_the_wake_word_fits() -> None: ...

Without ``model`` the test's fixture ``lab_model`` says which one. Everything else than the budgets
of ``lab.yaml`` is an option of ``lab check``: ``app_ram="4 KiB"``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args

import pytest

if TYPE_CHECKING:
    from pydantic import ValidationError

    from lab.results import CheckResult

_MARKER = "memory_budget"
_OWNERS = 3
_USAGE = f"{_MARKER}(model=..., board=..., ram=..., arena=..., ...)"

LabCheck = Callable[..., "CheckResult"]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    what = "fail when the model does not fit the board, or takes more than a budget of lab.yaml"
    config.addinivalue_line("markers", f"{_USAGE}: {what}")


@pytest.fixture(scope="session")
def lab_check() -> LabCheck:
    """``lab_check(model, board, **options)``: the record of a check, measured once a session."""
    return _check


@pytest.fixture
def memory_record(request: pytest.FixtureRequest) -> CheckResult:
    """The record of the test's own ``memory_budget``."""
    marker = request.node.get_closest_marker(_MARKER)
    if marker is None:
        pytest.fail(f"memory_record needs the marker {_USAGE}", pytrace=False)
    return _record(request.node, marker)[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Judge the budgets of a test before its body."""
    for marker in item.iter_markers(_MARKER):
        _judge(item, marker)
    return (yield)


def _judge(item: pytest.Item, marker: pytest.Mark) -> None:
    from lab.budgets import METRICS
    from lab.report.engine import not_counted

    record, budgets = _record(item, marker)
    board = record.board.name
    lines = []
    for name, limit in budgets.limits().items():
        actual = METRICS[name].read(record)
        if limit.most is None or limit.needs_baseline:
            pytest.fail(f"{_MARKER}: {name}: growth needs a baseline (lab ci)", pytrace=False)
        if why := not_counted(METRICS[name], record):
            lines.append(f"the budget for {name} cannot be judged, {why}")
        if actual is not None and actual > limit.most:
            lines.append(METRICS[name].above(actual, limit.most, board))
    if record.verdict.status != "fits":
        lines.insert(0, f"{record.model.name} on {board}: {record.verdict.summary}")
    if lines:
        pytest.fail("\n".join([*lines, *_owners(record)]), pytrace=False)


def _record(item: pytest.Item, marker: pytest.Mark) -> tuple[CheckResult, Any]:
    """The record that a marker asks for, and its budgets."""
    from pydantic import ValidationError

    from lab.budgets import METRICS, Budgets

    wanted = dict(marker.kwargs)
    if marker.args or "board" not in wanted:
        pytest.fail(f"{_MARKER} is written {_USAGE}", pytrace=False)
    board = str(wanted.pop("board"))
    model = wanted.pop("model", getattr(item, "funcargs", {}).get("lab_model"))
    if model is None:
        pytest.fail(f"{_MARKER} names no model, and no fixture lab_model does", pytrace=False)
    limits = {name: wanted.pop(name) for name in METRICS if name in wanted}
    try:
        budgets = Budgets.model_validate(limits)
    except ValidationError as error:
        _refuse(_MARKER, error)
    return _check(_found(item, str(model)), _found(item, board), **wanted), budgets


def _refuse(what: str, error: ValidationError) -> NoReturn:
    detail = error.errors(include_url=False)[0]
    pytest.fail(f"{what}: {detail['loc'][0]}: {detail['msg']}", pytrace=False)


def _found(item: pytest.Item, name: str) -> str:
    """A file beside the test or below the root; else a name of the lab's."""
    for folder in (item.path.parent, item.config.rootpath):
        if (folder / name).is_file():
            return str(folder / name)
    return name


_MEASURED: dict[tuple[str, str, str], CheckResult] = {}


def _check(model: str | Path, board: str | Path, **options: Any) -> CheckResult:
    from pydantic import ValidationError

    from lab import Options, check
    from lab.ci_file import CheckOptions
    from lab.errors import LabError

    written = {
        name.replace("_", "-"): list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
    }
    try:
        asked = CheckOptions.model_validate(written)
    except ValidationError as error:
        _refuse("lab check", error)
    values = {name: getattr(asked, name) for name in asked.model_fields_set}
    key = (str(model), str(board), repr(sorted(values.items())))
    if key not in _MEASURED:
        try:
            _MEASURED[key] = check(model, board, Options(details=True, **values))
        except LabError as error:
            pytest.fail("\n".join(error.lines()), pytrace=False)
    return _MEASURED[key]


def _owners(record: CheckResult) -> list[str]:
    """Who takes most, in each memory that has owners."""
    from lab.baseline import Memory, accepted, short

    lines = []
    taken = accepted(record)
    memories: tuple[Memory, ...] = get_args(Memory)
    for memory in memories:
        most = sorted(taken.owners(memory).items(), key=lambda one: -one[1])[:_OWNERS]
        if most:
            told = ", ".join(f"{short(name)} {size:,} B" for name, size in most)
            lines.append(f"most {memory.replace('_', ' ')}: {told}")
    return lines
