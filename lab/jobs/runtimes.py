"""A runtime of the user's own: write its manifest, say what was found in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from lab.arm_attributes import fitting_cores
from lab.errors import InputError, Problem, UsageError
from lab.runtimes import (
    Contradiction,
    CrateRuntime,
    LibraryManifest,
    LibraryRuntime,
    Runtime,
    look_into,
    runtime_names,
    user_directory,
)
from lab.yaml_source import nearest, shown, split_hint

_APIS, _KERNELS = ("2020-07", "2026-08"), ("reference", "cmsis_nn")
_NOTE = """\
# A TFLM that was built elsewhere, for the lab to link its runner with; see docs/runtimes.md.
# Relative paths start at this file.
"""


@dataclass(frozen=True)
class Wanted:
    """What ``lab runtime add`` is told.

    Attributes:
        name: of the new runtime.
        library: the static library.
        include: directories of its headers.
        api: generation of its API.
        kernels: its kernel set.
        title: one line for people; empty for a general one.
        defines: macros it was built with that its symbols do not tell.
    """

    name: str
    library: Path
    include: Sequence[Path]
    api: str
    kernels: str
    title: str = ""
    defines: Sequence[str] = ()


def add(wanted: Wanted, output: Path | None) -> tuple[Path, LibraryRuntime]:
    """Write a manifest, once the library and its headers have been looked into.

    Args:
        wanted: the runtime.
        output: the manifest; None: into the user's configuration.

    Raises:
        UsageError: an option makes no sense, the name is taken, or it cannot be written.
        InputError: library or headers are not usable.
    """
    path = output or _in_configuration(wanted.name)
    if wanted.name in runtime_names():
        raise UsageError(f"{wanted.name} is a runtime that comes with the lab: choose another name")
    if output is None and path.exists():
        raise UsageError(f"there is a runtime {wanted.name} already (remove {path} first)")
    manifest = _manifest(wanted, path)
    runtime = look_into(manifest, str(path), _wrong)
    _write(path, manifest)
    return path, runtime


def _wrong(found: Sequence[Contradiction]) -> UsageError:
    key, what, hint = found[0]
    return UsageError(str(Problem(f"--{key}", what, hint)))


def _in_configuration(name: str) -> Path:
    directory = user_directory()
    if directory is None:
        raise UsageError("there is no home directory to write to (use -o FILE.yaml)")
    return directory / f"{Path(name).name or 'runtime'}.yaml"


def _manifest(wanted: Wanted, path: Path) -> LibraryManifest:
    for option, value, known in (("--api", wanted.api, _APIS),
                                 ("--kernels", wanted.kernels, _KERNELS)):  # fmt: skip
        if value not in known:
            raise UsageError(str(Problem(option, f"no {shown(value)}", nearest(value, known))))
    data = {
        "name": wanted.name,
        "title": wanted.title or None,
        "kind": "library",
        "api": wanted.api,
        "kernels": wanted.kernels,
        "library": _written_path(wanted.library, path),
        "include": tuple(_written_path(directory, path) for directory in wanted.include),
        "defines": tuple(wanted.defines),
    }
    try:
        return LibraryManifest.model_validate(data)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        what = detail.get("ctx", {}).get("error", detail["msg"])
        option = str(detail["loc"][0])
        where = "NAME" if option == "name" else f"--{option}"
        raise UsageError(str(Problem(where, *split_hint(str(what))))) from None


def _written_path(target: Path, manifest: Path) -> str:
    """Relative where it lies below the manifest's directory, so that a repository may move."""
    try:
        absolute, base = target.resolve(), manifest.parent.resolve()
        str(absolute).encode("utf-8")
    except (OSError, ValueError, RuntimeError):
        raise UsageError(f"{str(target)!a} cannot be written down (its name is not text)") from None
    inside = absolute.is_relative_to(base)
    return absolute.relative_to(base).as_posix() if inside else str(absolute)


def _write(path: Path, manifest: LibraryManifest) -> None:
    data = manifest.model_dump(mode="json", exclude_none=True)
    data = {name: value for name, value in data.items() if value != []}
    text = _NOTE + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
        ) as file:
            temporary = Path(file.name)
            file.write(text)
        temporary.chmod(0o666 & ~_umask())
        temporary.rename(path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def describe(runtime: Runtime) -> Iterator[str]:
    """What a runtime is, as lines for people."""
    yield f"{runtime.name}: {runtime.title}"
    yield f"  kind      {runtime.kind}, API {runtime.api}, {runtime.kernels} kernels"
    if isinstance(runtime, CrateRuntime):
        crate = runtime.crate
        yield f"  crate     {crate.name} {crate.version}, SHA-256 {runtime.checksum}"
        yield "  cores     all: it is built for each"
        yield f"  defines   {' '.join(runtime.defines)}"
        return
    facts = runtime.facts
    yield f"  library   {runtime.library}, {facts.members:,} members"
    yield f"            SHA-256 {facts.sha256}"
    yield f"  built for {facts.abi}"
    yield f"  built by  {'; '.join(facts.compilers) or 'a compiler that does not say'}; "\
        "optimisation level unknown"  # fmt: skip
    yield f"  cores     {', '.join(fitting_cores(facts.abi)) or 'none of the lab'}"
    yield f"  checks    {'off (NDEBUG)' if facts.ndebug else 'on: slower than a release build'}"
    stripped = "none: failures have only a status" if facts.stripped else "yes"
    yield f"  messages  {stripped}"
    yield f"  target    {'cortex_m_generic' if facts.generic else 'not cortex_m_generic'}"
    yield f"  defines   {' '.join(runtime.defines)}"
    yield f"  headers   {runtime.headers.count}, SHA-256 {runtime.headers.sha256}"
    for directory in runtime.headers.directories:
        yield f"            {directory}"
    if not facts.static_memory:
        yield "  WARNING   built without TF_LITE_STATIC_MEMORY: its structures are others than ours"


def unusable(error: InputError) -> str:
    """Why a runtime of a list is not usable, in one line."""
    return str(error.problems[0])
