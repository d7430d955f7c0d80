"""Runtimes: TFLM at a known version with a kernel set, described by a manifest.

A runtime of kind ``crate`` is built by the lab, from sources that a registry crate carries; those
manifests come with the lab. One of kind ``library`` is a TFLM that the user has built: a static
library and its headers, which the lab only compiles its runner against and links with.
"""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

import platformdirs
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from lab.arm_attributes import mismatch
from lab.cores import Core
from lab.errors import InputError, LabError, Problem, UsageError
from lab.generations import DEFAULT_RUNTIME, GENERATIONS, Api, Generation, Kernels
from lab.headers import Headers, find_headers
from lab.library_facts import LibraryFacts, examine
from lab.paths import data_dir
from lab.yaml_source import (
    Items,
    Source,
    StrictModel,
    Text,
    check_model,
    load_yaml,
    nearest,
    shown,
    word,
)

CONFIG_VARIABLE = "TFLM_LAB_CONFIG"
OPTIMISATIONS = ("O2", "O3", "Os")
MAX_PATH = 4096
_MANIFESTS = data_dir("firmware") / "runtimes"
# How the runner is compiled with a user's library: as TFLM's own Makefile does.
_FLAGS = ("-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics", "-fno-use-cxa-atexit")
_DEFINES = ("TF_LITE_STATIC_MEMORY", "TF_LITE_MCU_DEBUG_LOG")
_STANDARD = "c++17"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Crate(_Frozen):
    """The registry crate that carries a runtime's sources; ``root`` is TFLM's tree inside it."""

    name: str
    version: str
    root: str


class CrateRuntime(_Frozen):
    """A manifest of kind ``crate``; paths are relative to the crate's root, globs as in pathlib."""

    name: str
    title: str
    kind: Literal["crate"]
    api: Api
    kernels: str
    crate: Crate
    sources: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...]
    defines: tuple[str, ...]
    flags: tuple[str, ...]
    standard: str

    @property
    def generation(self) -> Generation:
        """Its API."""
        return GENERATIONS[self.api]

    @property
    def operator_table(self) -> Path:
        """The committed table of what this runtime's kernels can do."""
        return _MANIFESTS / f"{self.generation.operator_table}.ops.yaml"

    @property
    def checksum(self) -> str:
        """SHA-256 of the crate, as pinned by ``firmware/Cargo.lock``."""
        return _checksum(self.crate.name, self.crate.version)

    def mismatch(self, core: Core) -> str:
        """Why it cannot run on a core: it is built for each, so there is never a reason."""
        del core
        return ""


def _define(value: str) -> str:
    if value.partition("=")[0] in {*_DEFINES, "NDEBUG", "TF_LITE_STRIP_ERROR_STRINGS"}:
        raise ValueError(f"{value} is found from the library itself (leave it out)")
    return value


def _path(value: str) -> str:
    if not value or len(value) > MAX_PATH:
        raise ValueError(f"must be a path, got {shown(value)}")
    return value


RuntimeName = Annotated[
    str, word("[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "letters, digits, _, . and -, at most 64")
]
Define = Annotated[
    str,
    AfterValidator(_define),
    word("[A-Za-z_][A-Za-z0-9_]*(=[A-Za-z0-9_]+)?", "a macro, NAME or NAME=VALUE"),
]
FilePath = Annotated[str, AfterValidator(_path)]


class LibraryManifest(StrictModel):
    """The keys of a manifest of kind ``library``; see docs/runtimes.md.

    Attributes:
        name: what ``--runtime`` takes.
        title: one line for people.
        kind: ``library``.
        api: generation of TFLM's API.
        kernels: the kernel set it was built with.
        library: the static library; relative paths are relative to the manifest.
        include: directories of its headers; the root of TFLM's tree is enough.
        defines: macros it was built with that change structures and that its symbols do not tell.
    """

    name: RuntimeName
    title: Text | None = None
    kind: Literal["library"]
    api: Api
    kernels: Kernels
    library: FilePath
    include: Annotated[tuple[FilePath, ...], Items, Field(min_length=1)]
    defines: Annotated[tuple[Define, ...], Items] = ()


@dataclass(frozen=True)
class LibraryRuntime:
    """A user's TFLM, looked into.

    Attributes:
        manifest: what the user said.
        where: file of the manifest, for messages.
        library: the static library.
        facts: what was found in it.
        headers: what the runner is compiled with.
    """

    manifest: LibraryManifest
    where: str
    library: Path
    facts: LibraryFacts
    headers: Headers

    kind: ClassVar[Literal["library"]] = "library"
    flags: ClassVar[tuple[str, ...]] = _FLAGS
    standard: ClassVar[str] = _STANDARD

    @property
    def name(self) -> str:
        """What ``--runtime`` takes."""
        return self.manifest.name

    @property
    def title(self) -> str:
        """One line for people."""
        return self.manifest.title or f"{self.generation.title} or near, as the user built it"

    @property
    def api(self) -> Api:
        """Generation of its API."""
        return self.manifest.api

    @property
    def kernels(self) -> str:
        """Its kernel set."""
        return self.manifest.kernels

    @property
    def generation(self) -> Generation:
        """Its API."""
        return GENERATIONS[self.api]

    @property
    def operator_table(self) -> Path:
        """The committed table of what kernels of this generation can do."""
        return _MANIFESTS / f"{self.generation.operator_table}.ops.yaml"

    @property
    def defines(self) -> tuple[str, ...]:
        """Macros the runner must be compiled with to agree with the library."""
        found = {"NDEBUG": self.facts.ndebug, "TF_LITE_STRIP_ERROR_STRINGS": self.facts.stripped}
        return (*_DEFINES, *(name for name, on in found.items() if on), *self.manifest.defines)

    def mismatch(self, core: Core) -> str:
        """Why it cannot be linked into an image for a core; empty if it can."""
        what = mismatch(self.facts.abi, core)
        return f"runtime {self.name}: {self.manifest.library}: {what}" if what else ""


Runtime: TypeAlias = CrateRuntime | LibraryRuntime


@functools.cache
def _checksum(name: str, version: str) -> str:
    lock = tomllib.loads((data_dir("firmware") / "Cargo.lock").read_text(encoding="utf-8"))
    for package in lock["package"]:
        if (package["name"], package["version"]) == (name, version):
            return str(package["checksum"])
    raise InputError(Problem("firmware/Cargo.lock", f"no {name} {version} in it"))


def runtime_names() -> list[str]:
    """Names of the runtimes that come with the lab."""
    return sorted(path.stem for path in _MANIFESTS.glob("*.yaml") if not path.stem.endswith(".ops"))


def user_directory() -> Path | None:
    """Where the user's manifests are; None for a user without a home directory."""
    if chosen := os.environ.get(CONFIG_VARIABLE):
        return Path(chosen) / "runtimes"
    of_user = platformdirs.user_config_path("tflm-lab")
    return of_user / "runtimes" if of_user.is_absolute() else None


def user_manifests() -> dict[str, Path]:
    """Manifests that ``lab runtime add`` wrote, by name."""
    directory = user_directory()
    return {path.stem: path for path in sorted(directory.glob("*.yaml"))} if directory else {}


def load_runtime(name: str = DEFAULT_RUNTIME) -> Runtime:
    """A runtime: one of the lab's, one of the user's, or a manifest file.

    Args:
        name: whatever holds a slash or ends in ``.yaml`` or ``.yml`` is a file.

    Raises:
        UsageError: there is no runtime of this name.
        InputError: the manifest breaks its schema, or the library or its headers are not usable.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        return load_library(Path(name))
    if name in runtime_names():
        return load_crate(name)
    users = user_manifests()
    if name in users:
        return load_library(users[name])
    hint = nearest(name, [*runtime_names(), *users])
    raise UsageError(str(Problem("", f"no runtime {shown(name)}", hint)))


def load_crate(name: str = DEFAULT_RUNTIME) -> CrateRuntime:
    """Read the manifest of a runtime that comes with the lab.

    Raises:
        InputError: the manifest breaks its schema.
    """
    path = _MANIFESTS / f"{name}.yaml"
    data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    try:
        return CrateRuntime.model_validate(data)
    except ValidationError as error:
        raise InputError(
            [
                Problem(path.name, f"{'.'.join(map(str, e['loc']))}: {e['msg']}")
                for e in error.errors()
            ]
        ) from None


def read_manifest(path: Path) -> tuple[LibraryManifest, Source]:
    """Read a manifest of kind ``library``; looks at nothing that it names.

    Raises:
        InputError: it cannot be read or breaks the schema; every problem at once.
    """
    source = load_yaml(str(path))
    manifest, findings = check_model(source, LibraryManifest)
    name = source.data.get("name")
    if isinstance(name, str) and name in runtime_names():
        findings.append(source.finding(("name",), f'"{name}" is a runtime that comes with the lab'))
    if manifest is None or findings:
        raise source.error(findings)
    return manifest, source


def load_library(path: Path) -> LibraryRuntime:
    """Read a manifest of kind ``library`` and look into what it names.

    Raises:
        InputError: manifest, library or headers are not usable; says what is the matter with them.
    """
    manifest, source = read_manifest(path)

    def wrong(found: Sequence[Contradiction]) -> LabError:
        return source.error([source.finding((key,), what, hint) for key, what, hint in found])

    return look_into(manifest, source.path, wrong)


Contradiction: TypeAlias = tuple[str, str, str]  # key of the manifest, what is wrong, what to do


def look_into(
    manifest: LibraryManifest, where: str, wrong: Callable[[Sequence[Contradiction]], LabError]
) -> LibraryRuntime:
    """Examine the library and the headers that a manifest names.

    Args:
        manifest: what the user says.
        where: the manifest's file, from whose directory relative paths start.
        wrong: makes the error to raise when the library is not what the manifest says.

    Raises:
        InputError: they are not usable.
    """
    base = Path(where).parent
    library = base / manifest.library
    facts = examine(library, str(library))
    if found := _contradictions(manifest, facts):
        raise wrong(found)
    directories = [base / directory for directory in manifest.include]
    found_headers = find_headers(directories, GENERATIONS[manifest.api], where)
    return LibraryRuntime(manifest, where, library, facts, found_headers)


def _contradictions(manifest: LibraryManifest, facts: LibraryFacts) -> list[Contradiction]:
    """Where a library is not what its manifest says."""
    found: list[Contradiction] = []
    if facts.api != manifest.api:
        what = f"is {manifest.api}, but the library's interpreter is that of {facts.api}"
        found.append(("api", what, f"write {facts.api}"))
    if facts.cmsis_nn != (manifest.kernels == "cmsis_nn"):
        have, other = ("holds", "cmsis_nn") if facts.cmsis_nn else ("has no", "reference")
        what = f"is {manifest.kernels}, but the library {have} arm_convolve_s8"
        found.append(("kernels", what, f"write {other}"))
    return found
