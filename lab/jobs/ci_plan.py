"""Which checks a ``lab.yaml`` stands for: its paths, patterns and names looked up."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.board import board_path, is_board_file
from lab.ci_file import Allowance, Plan
from lab.errors import InputError, Problem, UsageError, escape
from lab.jobs.batch import Wanted, named, wanted_checks
from lab.jobs.options import Options
from lab.yaml_source import Finding, Place, nearest, shown
from lab.zoo import model_names


@dataclass(frozen=True)
class Planned:
    """One check of the file.

    Attributes:
        name: what it is called in a baseline.
        group: number of the group it is from.
        model: as the file names it; of a pattern, the path that matched.
        board: likewise.
        place: where the file names the model.
        wanted: what is measured.
    """

    name: str
    group: int
    model: str
    board: str
    place: Place
    wanted: Wanted

    def concerns(self, allowance: Allowance) -> bool:
        """Whether an allowance of its group is for this check."""
        return _is(self.model, allowance.model) and _is(self.board, allowance.board)


@dataclass(frozen=True)
class _Named:
    """What a file calls a model or board, and where."""

    text: str
    place: Place


def planned(plan: Plan, engine: str | None = None) -> list[Planned]:
    """All checks of a file, in its order.

    Args:
        plan: the file.
        engine: what executes the images, whatever the file says; None: as it says.

    Raises:
        InputError: a model or board is not there, or an option makes no sense for it; every
            problem at once.
    """
    findings: list[Finding] = []
    found: dict[str, Planned] = {}
    for number in range(len(plan.file.checks)):
        for check in _group(plan, number, engine, findings):
            first = found.setdefault(check.name, check)
            if first is not check:
                what = f"{check.name} is also in checks[{first.group}]"
                hint = "give one of the two groups a name"
                findings.append(plan.source.finding(check.place, what, hint))
    if findings:
        raise plan.source.error(findings)
    return list(found.values())


def _group(plan: Plan, number: int, engine: str | None, findings: list[Finding]) -> list[Planned]:
    """The checks of one group; what is wrong is added to the findings."""
    group, before = plan.file.checks[number], len(findings)
    models = _look_up(plan, ("checks", number, "models"), group.models, _models, findings)
    boards = _look_up(plan, ("checks", number, "boards"), group.boards, _boards, findings)
    if len(findings) == before:  # otherwise it is not known what there is
        findings += _for_nothing(plan, number, models, boards)
    try:
        asked = _options(plan, number) | ({"engine": engine} if engine else {})
        options = Options(details=True, **asked)  # type: ignore[arg-type]
        wanted = wanted_checks(list(models), list(boards), options)
    except (UsageError, InputError) as error:
        own: Place = ("checks", number, "options")
        place = own if own in plan.source.values else ("options",)
        first, *rest = error.lines()
        more = f" (and {len(rest)} more problems)" if rest else ""
        findings.append(plan.source.finding(place, f"{first}{more}"))
        return []
    suffix = f", {group.name}" if group.name else ""
    return [
        Planned(f"{model.text} on {board}{suffix}", number, model.text, board, model.place, one)
        for one in wanted
        for model, board in [(models[one.model], boards[one.board].text)]
    ]


def _look_up(
    plan: Plan,
    place: Place,
    names: tuple[str, ...],
    find: Callable[[Path, str], dict[str, str]],
    findings: list[Finding],
) -> dict[str, _Named]:
    """Models or boards by what ``lab check`` takes for them."""
    found: dict[str, _Named] = {}
    for index, name in enumerate(names):
        where = (*place, index)
        try:
            for path, text in find(plan.folder, name).items():
                found.setdefault(path, _Named(escape(text), where))
        except UsageError as error:
            findings.append(plan.source.finding(where, str(error)))
    return found


def _models(folder: Path, name: str) -> dict[str, str]:
    """Paths or zoo models that a name of the file stands for, each with what to call it."""
    if os.path.lexists(folder / name):
        return {str(folder / name): name}
    if set(name) & set("*?["):
        found = {str(path): os.path.relpath(path, folder) for path in _matching(folder, name)}
        if not found:
            raise UsageError(f"no file matches {shown(name)}")
        return found
    if name in model_names():
        return {name: name}
    hint = nearest(name, model_names()) if "/" not in name else ""
    hint = hint if hint.startswith("did") else "lab zoo list shows the models of the zoo"
    what = f"no file {shown(name)}, and no zoo model of that name"
    raise UsageError(str(Problem("", what, hint)))


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(path for path in folder.glob(pattern) if path.is_file())
    except (OSError, ValueError, NotImplementedError):  # a pattern that can match nothing
        return []


def _boards(folder: Path, name: str) -> dict[str, str]:
    """Files or names that a name of the file stands for, each with what to call it."""
    if is_board_file(name):
        if not os.path.lexists(folder / name):
            raise UsageError(f"no file {shown(name)}")
        return {str(folder / name): name}
    if set(name) & set("*?["):
        return {board: board for board in named([name])}
    board_path(name)  # is there such a board?
    return {name: name}


def _options(plan: Plan, number: int) -> dict[str, object]:
    """The options of a group as ``lab.Options`` takes them: with paths from here."""
    found = plan.options(number)
    runtime, inputs = found.get("runtime"), found.get("inputs", ())
    if isinstance(runtime, str) and os.path.lexists(plan.folder / runtime):
        found["runtime"] = str(plan.folder / runtime)
    if isinstance(inputs, tuple):
        parts = [str(text).rpartition("=") for text in inputs]
        found["inputs"] = tuple(f"{name}{eq}{plan.folder / path}" for name, eq, path in parts)
    return found


def _for_nothing(
    plan: Plan, number: int, models: dict[str, _Named], boards: dict[str, _Named]
) -> Iterator[Finding]:
    """Allowances that name what is not in their group."""
    for index, allowance in enumerate(plan.file.checks[number].allow):
        for key, named_there in (("model", models), ("board", boards)):
            wanted = getattr(allowance, key)
            if not any(_is(one.text, wanted) for one in named_there.values()):
                place: Place = ("checks", number, "allow", index, key)
                what = f"{shown(wanted)} is not among the {key}s of this group"
                yield plan.source.finding(place, what, "write it as it stands there")


def _is(name: str, wanted: str | None) -> bool:
    return wanted is None or name == wanted or fnmatch.fnmatchcase(name, wanted)
