"""The driver touches nothing of Renode but what somebody has read to exist.

The real Renode is not here to be asked. So every name of it that our code uses stands in
``tests/renode_surface.py`` with its place in the sources, and these tests read our code.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from renode_surface import (
    ANSWERS,
    ATTRIBUTES,
    COMMANDS,
    IMPORTS,
    OF_SCRIPTS,
    answer,
    boolean,
    cpu_state,
)

from lab.engines.renode import driver, monitor
from lab.engines.renode.versions import Generation

PACKAGE = Path(driver.__file__).parent
OBJECTS = "using|mach|machine|emulation|sysbus|cpu|nvic|uart|logFile|start"
QUESTIONS = (
    *(monitor.HALTED, monitor.STATE, monitor.EXECUTED, monitor.register("PC")),
    *(monitor.UNEXPECTED_READS, monitor.UNEXPECTED_WRITES, monitor.FAULT_STATUS),
    *(monitor.MEMORY_FAULT_ADDRESS, monitor.BUS_FAULT_ADDRESS),
)
COMMAND = re.compile(rf"(?:{OBJECTS})(?: [A-Za-z]+)?(?= |$)")


def commands() -> Iterator[str]:
    """The beginning of every command that ``monitor.py`` can format."""
    for name, value in vars(monitor).items():
        if inspect.isfunction(value) and value.__module__ == monitor.__name__:
            if name in {"file", "number"}:  # parts of commands
                continue
            given = {"generation": Generation.MASTER, "path": Path("p"), "uart": "uart",
                     "platforms": ["p"]}  # fmt: skip
            made = value(*(given.get(one, 0) for one in inspect.signature(value).parameters))
            yield from [made] if isinstance(made, str) else made
        elif isinstance(value, str) and COMMAND.match(value):
            yield value


def test_every_command_is_known_to_exist() -> None:
    found = set()
    for command in commands():
        match = COMMAND.match(command.strip("`"))
        assert match, f"{command} is no command of the monitor"
        found.add(match[0])
    assert found == COMMANDS.keys() | OF_SCRIPTS


SAMPLES = {cpu_state: "Aborted", boolean: True}  # the others are numbers


@pytest.mark.parametrize("command", ANSWERS)
def test_every_answer_is_understood(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set(ANSWERS) - {"sysbus ReadByte", "sysbus ReadDoubleWord"}  # the suites' alone
    assert asked == {match[0] for one in QUESTIONS if (match := COMMAND.match(one))}
    value = SAMPLES.get(ANSWERS[command], 10)
    text = answer(command, value) + "\r\n"
    renode = object.__new__(driver.Renode)
    monkeypatch.setattr(renode, "_said", SimpleNamespace(note=lambda line: None), raising=False)
    renode._monitor = SimpleNamespace(execute=lambda command: (text, ""))
    if value == 10:
        assert renode.number(command) == 10
    else:
        assert renode.word(command) == str(value)


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_commands_are_made_in_one_place(path: Path) -> None:
    if path.stem in {"monitor", "script", "platform"}:  # the two others write files
        return
    texts = (
        node.value
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    assert not [text for text in texts if re.match(rf"(?:{OBJECTS}) [A-Z]\w+", text)]


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_only_the_driver_imports_what_is_not_ours(path: Path) -> None:
    imported = {
        f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
        for node in nodes(path)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    apart = {"pyrenode3", "Antmicro", "System", "clr"}
    foreign = {name for name in imported if name.split(".")[0] in apart}
    assert foreign == (IMPORTS.keys() if path.stem == "driver" else set())


def test_every_attribute_is_known_to_exist() -> None:
    """What is reached from an import, or from what was kept of one in ``self``."""
    tree = ast.parse(Path(driver.__file__).read_text())
    ours = {name for name, _ in inspect.getmembers(driver.Renode, inspect.isfunction)}
    kept = {
        node.target.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Attribute)
        and ast.unparse(node.annotation) == "Any"
    }
    assert kept == {"_emulation", "_monitor", "_microseconds", "_address", "_bus"}
    foreign = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr not in ours | kept:
            root = ast.unparse(node).removeprefix("self.").split(".")[0].split("(")[0]
            if root in kept | {"env", "loader", "wrappers", "TimeInterval", "UInt64"}:
                foreign.add(node.attr)
    assert foreign == ATTRIBUTES.keys()


def test_nothing_of_ours_is_called_back() -> None:
    """No delegate: neither an event (+=) nor a function that is handed to Renode."""
    tree = ast.parse(Path(driver.__file__).read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.AugAssign | ast.Lambda)]
