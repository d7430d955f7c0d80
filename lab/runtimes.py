"""Runtimes: TFLM at a known version with a kernel set, described by a manifest.

A runtime of kind ``crate`` is built here, from the sources a registry crate carries. The crate is
pinned by the checksum in ``firmware/Cargo.lock``; cargo is only the client that fetches it.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import os
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from lab import toolchain as tools
from lab.cache import Cache, key
from lab.cores import Core
from lab.errors import InputError, Problem, ToolError, UsageError
from lab.paths import data_dir
from lab.toolchain import Toolchain

DEFAULT_RUNTIME = "tflm-2020-07"
OPTIMISATIONS = ("O2", "O3", "Os")
_MANIFESTS = data_dir("firmware") / "runtimes"
RUNNER = data_dir("firmware") / "runner"

Say = Callable[[str], None]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Crate(_Frozen):
    """The registry crate that carries a runtime's sources; ``root`` is TFLM's tree inside it."""

    name: str
    version: str
    root: str


class Runtime(_Frozen):
    """A runtime's manifest; paths are relative to the crate's root, globs as in ``pathlib``."""

    name: str
    title: str
    kind: Literal["crate"]
    api: Literal["2020-07"]
    kernels: str
    crate: Crate
    sources: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...]
    defines: tuple[str, ...]
    flags: tuple[str, ...]
    standard: str

    @property
    def operator_table(self) -> Path:
        """The committed table of what this runtime's kernels can do."""
        return _MANIFESTS / f"{self.name}.ops.yaml"

    @property
    def checksum(self) -> str:
        """SHA-256 of the crate, as pinned by ``firmware/Cargo.lock``."""
        return _checksum(self.crate.name, self.crate.version)


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


def load_runtime(name: str = DEFAULT_RUNTIME) -> Runtime:
    """Read the manifest of a runtime.

    Raises:
        UsageError: there is no runtime of this name.
        InputError: the manifest breaks its schema.
    """
    if name not in runtime_names():
        raise UsageError(f'no runtime "{name}"; there is: {", ".join(runtime_names())}')
    path = _MANIFESTS / f"{name}.yaml"
    data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    try:
        return Runtime.model_validate(data)
    except ValidationError as error:
        raise InputError(
            [
                Problem(path.name, f"{'.'.join(map(str, e['loc']))}: {e['msg']}")
                for e in error.errors()
            ]
        ) from None


def sources(runtime: Runtime, cache: Cache, say: Say) -> Path:
    """Root of the runtime's source tree, fetched with cargo on first use.

    Raises:
        ToolError: cargo is missing, too old, or cannot reach its registry.
    """
    crate = runtime.crate
    tree = cache.get_or_build(
        "crates",
        key(crate.name, crate.version, runtime.checksum),
        lambda to: _fetch(runtime, to, cache, say),
    )
    return tree / crate.root


def is_fetched(runtime: Runtime, cache: Cache) -> bool:
    """Whether ``sources`` would need no network."""
    crate = runtime.crate
    return cache.entry("crates", key(crate.name, crate.version, runtime.checksum)).is_dir()


def _fetch(runtime: Runtime, to: Path, cache: Cache, say: Say) -> None:
    crate = runtime.crate
    say(f"fetching crate {crate.name} {crate.version} with cargo")
    work = to.parent / f"{to.name}.cargo"
    try:
        work.mkdir()
        for name in ("Cargo.toml", "Cargo.lock"):
            shutil.copy(data_dir("firmware") / name, work)
        (work / "nothing.rs").touch()
        tools.run(
            [tools.find_cargo(), "vendor", "--locked", "--quiet", "--versioned-dirs", "vendor"],
            cwd=work,
            log=cache.root / "logs" / f"{crate.name}.log",
            what=f"fetching crate {crate.name} {crate.version}",
            mend="check the network connection, then run: lab runtime fetch",
        )
        tree = work / "vendor" / f"{crate.name}-{crate.version}"
        if json.loads((tree / ".cargo-checksum.json").read_text())["package"] != runtime.checksum:
            raise ToolError(f"crate {crate.name} is not the one pinned by firmware/Cargo.lock")
        for item in tree.iterdir():
            item.rename(to / item.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def compile_flags(runtime: Runtime, core: Core, opt: str) -> list[str]:
    """Flags every C++ file of an image is compiled with; part of the identity of every result."""
    return [
        *core.flags,
        f"-{opt}",
        "-g",
        "-ffunction-sections",
        "-fdata-sections",
        *runtime.flags,
        *(f"-D{define}" for define in runtime.defines),
    ]


def include_flags(runtime: Runtime, tree: Path) -> list[str]:
    """Where the runtime's headers are; system includes, their warnings are not ours."""
    return [flag for directory in runtime.include for flag in ("-isystem", str(tree / directory))]


def prefix_maps(tree: Path, build: Path) -> list[str]:
    """Keep this machine's paths out of the binary: same ELF from any checkout and home."""
    return [
        f"-ffile-prefix-map={RUNNER}=runner",
        f"-ffile-prefix-map={tree}=tflm",
        f"-ffile-prefix-map={build}=build",
    ]


def library_key(runtime: Runtime, core: Core, opt: str, chain: Toolchain) -> str:
    """Cache key of a built library: everything that determines its bytes."""
    # How it is built belongs to what is built: this file is part of the key.
    runner = [
        Path(__file__),
        *(RUNNER / name for name in ("runner.h", "runner.cc", "startup.c", _api(runtime))),
    ]
    return key(
        runtime.model_dump_json(), runtime.checksum, *core.flags, opt, chain.compiler, chain.libc,
        *runner,
    )  # fmt: skip


def library(
    runtime: Runtime, core: Core, opt: str, chain: Toolchain, cache: Cache, say: Say
) -> Path:
    """Directory with ``libtflm.a``, ``runner.o`` and ``startup.o`` for a core and level.

    Raises:
        ToolError: a source does not compile; quotes the end of the build log, which is kept.
    """
    tree = sources(runtime, cache, say)

    def build(to: Path) -> None:
        say(f"building {runtime.name} for {core.name} at -{opt}")
        # Paths are bytes, whatever the locale can say.
        (to / "build.ninja").write_bytes(os.fsencode(_ninja(runtime, core, opt, chain, tree, to)))
        tools.run(
            [chain.ninja, "-C", str(to)],
            cwd=to,
            log=cache.root / "logs" / f"{runtime.name}-{core.name}-{opt}.log",
            what=f"building {runtime.name} for {core.name} at -{opt}",
            mend="the log has the compiler's words",
            progress=lambda line: say(line) if line.startswith("[") else None,
        )
        for leftover in ("build.ninja", ".ninja_log", ".ninja_deps", "o"):
            path = to / leftover
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    return cache.get_or_build("libraries", library_key(runtime, core, opt, chain), build)


def _api(runtime: Runtime) -> str:
    return f"api_{runtime.api.replace('-', '_')}.h"


def write_api_header(runtime: Runtime, to: Path) -> None:
    """The runner includes ``api.h``; this makes it the header of the runtime's generation."""
    (to / "api.h").write_text(f'#include "{_api(runtime)}"\n')


def _source_files(runtime: Runtime, tree: Path) -> list[str]:
    found = {
        path.relative_to(tree).as_posix() for glob in runtime.sources for path in tree.glob(glob)
    }
    return sorted(
        name for name in found if not any(fnmatch.fnmatch(name, glob) for glob in runtime.exclude)
    )


def _ninja(
    runtime: Runtime, core: Core, opt: str, chain: Toolchain, tree: Path, build: Path
) -> str:
    write_api_header(runtime, build)
    flags = [
        *compile_flags(runtime, core, opt),
        *include_flags(runtime, tree),
        *prefix_maps(tree, build),
        f"-I{RUNNER}",
        "-I.",
    ]
    files = _source_files(runtime, tree)
    objects = {name: f"o/{name.replace('/', '_')}.o" for name in files}
    runner = {RUNNER / "runner.cc": "runner.o", RUNNER / "startup.c": "startup.o"}
    lines = [
        "ninja_required_version = 1.8",
        f"flags = {_words(flags)}",
        "rule cc",
        f"  command = {_words([chain.gcc])} $flags $more -c $in -o $out",
        "  description = $out",
        "rule ar",
        f"  command = rm -f $out && {_words([chain.ar])} rcsD $out $in",
        "  description = $out",
    ]
    for name, output in [*((tree / n, o) for n, o in objects.items()), *runner.items()]:
        # The runtime's warnings are its authors' business, the runner's are ours.
        more = ["-w"] if name.is_relative_to(tree) else ["-Wall", "-Wextra", "-Werror"]
        lines.append(f"build {output}: cc {_path(name)}")
        if name.suffix == ".c":
            lines.append(f"  flags = {_words(f for f in flags if f not in _CXX_ONLY)}")
        else:
            more.append(f"-std={runtime.standard}")
        lines.append(f"  more = {' '.join(more)}")
    lines.append(f"build libtflm.a: ar {' '.join(objects.values())}")
    return "\n".join(lines) + "\n"


_CXX_ONLY = {"-fno-rtti", "-fno-threadsafe-statics", "-fno-use-cxa-atexit"}


def _words(arguments: Iterable[str]) -> str:
    """Arguments of a command: ninja hands it to the shell, so each is quoted for both."""
    return shlex.join(arguments).replace("$", "$$")


def _path(path: Path) -> str:
    """A path in a build line; ninja quotes it for the shell itself."""
    return str(path).replace("$", "$$").replace(" ", "$ ").replace(":", "$:")
