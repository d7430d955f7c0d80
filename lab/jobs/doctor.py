"""What the lab needs on this machine: what is there, what is missing, how to get it."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lab import toolchain
from lab.cache import Cache
from lab.crate import is_fetched
from lab.engines.renode.install import find_installation
from lab.errors import LabError, ToolError
from lab.runtimes import load_crate, runtime_names
from lab.units import format_size

# Distribution and module, as in pyproject.toml; one test compares the two lists.
PACKAGES = {
    "unicorn": "unicorn", "capstone": "capstone", "pyelftools": "elftools", "numpy": "numpy",
    "tflite": "tflite", "flatbuffers": "flatbuffers", "pydantic": "pydantic", "pyyaml": "yaml",
    "rich": "rich", "typer": "typer", "jinja2": "jinja2", "platformdirs": "platformdirs",
    "matplotlib": "matplotlib", "robotframework": "robot",
}  # fmt: skip
OPTIONAL_PACKAGES = {
    "tensorflow": ("tensorflow", "models"), "tflite-micro": ("tflite_micro", "oracle"),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing the lab uses.

    Attributes:
        name: what it is.
        found: it is there and usable.
        needed: nothing works without it.
        detail: its version; or what is wrong and, in brackets, how to mend it.
    """

    name: str
    found: bool
    needed: bool
    detail: str


def examine(cache: Cache) -> list[Finding]:
    """Look at everything the lab uses; builds nothing and needs no network."""
    return [
        Finding("python", found=True, needed=True, detail=platform.python_version()),
        *(_package(name, module) for name, module in PACKAGES.items()),
        part("C meter", _meter),
        part("tool chain", _toolchain),
        part("cargo", _cargo),
        part("cache", lambda: _cache(cache)),
        *(part(f"sources of {name}", partial(_sources, name, cache)) for name in runtime_names()),
        *(_package(name, module, extra) for name, (module, extra) in OPTIONAL_PACKAGES.items()),
        part("Renode", _renode, needed=False),
    ]


def complete(findings: Sequence[Finding]) -> bool:
    """Whether everything the lab cannot do without is there."""
    return all(finding.found for finding in findings if finding.needed)


def part(name: str, examine_it: Callable[[], str], *, needed: bool = True) -> Finding:
    """A part: what ``examine_it`` says of it, or the error it raises."""
    try:
        return Finding(name, found=True, needed=needed, detail=examine_it())
    except LabError as error:
        return Finding(name, found=False, needed=needed, detail="; ".join(error.lines()))


def _package(name: str, module: str, extra: str = "") -> Finding:
    """A Python package; with ``extra``, one that only this extra of ours needs."""
    wanted = f"tflm-lab[{extra}]" if extra else "tflm-lab"
    found = importlib.util.find_spec(module) is not None
    detail = _version_of(name) if found else f'missing (pip install "{wanted}")'
    return Finding(name, found, needed=not extra, detail=detail)


def _version_of(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "unknown version"


def _meter() -> str:
    try:
        importlib.import_module("lab.engines._meter")
    except ImportError as error:
        raise ToolError(f"{error} (build it again: pip install tflm-lab)") from error
    return "built"


def _toolchain() -> str:
    chain = toolchain.find_toolchain()
    return f"{chain.compiler}, {chain.libc}, ninja"


def _cargo() -> str:
    return ".".join(map(str, toolchain.cargo_version(toolchain.find_cargo())))


def _sources(name: str, cache: Cache) -> str:
    runtime = load_crate(name)
    if not is_fetched(runtime, cache):
        raise ToolError("not fetched (lab runtime fetch)")
    return f"{runtime.crate.name} {runtime.crate.version}"


def _renode() -> str:
    found = find_installation()
    return f"{found.version or 'unknown version'}, {found.kind} (lab renode doctor says more)"


def _cache(cache: Cache) -> str:
    cache.check_writable()
    return f"{cache.root}, {format_size(cache.size())}"
