"""Imports inside the package only point down, so that each part can be read without those above."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "lab"

# From the top to the bottom. Modules of one row may import each other, but not in a circle. A
# package stands for all that is in it.
LAYERS = (
    {"lab.__main__"},
    {"lab.cli", "lab.robot_library", "lab.pytest_plugin"},
    {"lab"},  # lab/__init__.py: the names a user imports
    {"lab.jobs"},
    {"lab.report"},
    {"lab.measure"},
    {"lab.engines"},
    {"lab.firmware", "lab.runner", "lab.crate", "lab.runtimes"},
    {"lab.toolchain", "lab.cache"},
    {"lab.model", "lab.graph", "lab.flatbuffer", "lab.tflite_schema", "lab.zoo", "lab.elf",
     "lab.dwarf", "lab.cores", "lab.decode", "lab.alignment", "lab.banks", "lab.board",
     "lab.yaml_source", "lab.placement", "lab.results", "lab.details", "lab.generations",
     "lab.archive", "lab.branches", "lab.linker_map", "lab.size_records", "lab.demangle",
     "lab.object_file", "lab.arm_attributes", "lab.headers", "lab.library_facts",
     "lab.model_writer", "lab.runtime_cost", "lab.budgets", "lab.figures",
     "lab.ci_file", "lab.ci_result", "lab.baseline", "lab.parity",
     "lab.renode_test"},
    {"lab.errors", "lab.child", "lab.files", "lab.units", "lab.paths", "lab.version"},
)  # fmt: skip
DATA = 9  # the row of what is only read; with the one below, all that a report may import


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imports(path: Path) -> Iterator[str]:
    """Modules of the package that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "lab")
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}:{node.lineno}: write the import with its full name"
            base = node.module or ""
            if base.split(".")[0] == "lab":
                inside = (f"{base}.{alias.name}" for alias in node.names)
                yield from (name if name in MODULES else base for name in inside)


def _row(module: str) -> int:
    package = ".".join(module.split(".")[:2])
    rows = [row for row, names in enumerate(LAYERS) if package in names]
    assert rows, f"{module} is in no row of LAYERS"
    return rows[0]


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    upwards = {name for name in _imports(MODULES[module]) if _row(name) < _row(module)}
    assert not upwards, f"{module} imports from above"


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("lab.report")])
def test_a_report_only_reads_results(module: str) -> None:
    others = {
        name
        for name in _imports(MODULES[module])
        if _row(name) < DATA and not name.startswith("lab.report")
    }
    assert not others, f"{module} needs more than results"


def test_no_imports_in_a_circle() -> None:
    graph = {name: set(_imports(path)) - {name} for name, path in MODULES.items()}
    list(graphlib.TopologicalSorter(graph).static_order())


def test_the_rows_are_what_this_test_takes_them_for() -> None:
    assert LAYERS[DATA] >= {"lab.results", "lab.board", "lab.model"}
    assert len(MODULES) > 10
