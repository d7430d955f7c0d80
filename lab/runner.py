"""The runner with a runtime: what every image of that runtime, core and level is linked from.

Both kinds of runtime end in the same three files, made by the same commands: the runtime's static
library (built from the crate's sources, or copied from where the user has it), the runner compiled
against the runtime's headers, and the start-up code.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab import toolchain as tools
from lab.archive import read_file
from lab.cache import Cache, key
from lab.cores import Core
from lab.crate import Say, sources
from lab.errors import InputError, Problem
from lab.paths import data_dir
from lab.runtimes import CrateRuntime, LibraryRuntime, Runtime
from lab.toolchain import Toolchain

RUNNER = data_dir("firmware") / "runner"
_ARCHIVE = "libtflm.a"
_CXX_ONLY = {"-fno-rtti", "-fno-threadsafe-statics", "-fno-use-cxa-atexit",
             "-femit-class-debug-always"}  # fmt: skip


@dataclass(frozen=True)
class Headers:
    """Where a runtime's headers are on this machine.

    Attributes:
        roots: directories by the name they have in a binary: this machine's paths stay out of it.
        directories: to search, in order.
    """

    roots: dict[str, Path]
    directories: tuple[Path, ...]


def headers(runtime: Runtime, cache: Cache, say: Say) -> Headers:
    """Find a runtime's headers, those of a crate by fetching it on first use.

    Raises:
        ToolError: as for ``sources``.
    """
    if isinstance(runtime, CrateRuntime):
        tree = sources(runtime, cache, say)
        return Headers({"tflm": tree}, tuple(tree / name for name in runtime.include))
    given = [path.resolve() for path in runtime.headers.given]
    roots = {f"tflm{number or ''}": path for number, path in enumerate(given)}
    return Headers(roots, tuple(path.resolve() for path in runtime.headers.directories))


def compile_flags(runtime: Runtime, core: Core, opt: str) -> list[str]:
    """Flags every C++ file of an image is compiled with; part of the identity of every result.

    Of a runtime of kind ``library`` these are the runner's alone: how the user compiled the
    library is not known to the lab.
    """
    return [
        *core.flags,
        f"-{opt}",
        "-g",
        "-ffunction-sections",
        "-fdata-sections",
        *runtime.flags,
        *(f"-D{define}" for define in runtime.defines),
    ]


def include_flags(places: Headers) -> list[str]:
    """Where the runtime's headers are; system includes, their warnings are not ours."""
    return [flag for directory in places.directories for flag in ("-isystem", str(directory))]


def prefix_maps(places: Headers, build: Path) -> list[str]:
    """Keep this machine's paths out of the binary: same ELF from any checkout and home."""
    return [
        f"-ffile-prefix-map={RUNNER}=runner",
        *(f"-ffile-prefix-map={path}={name}" for name, path in places.roots.items()),
        f"-ffile-prefix-map={build}=build",
    ]


def library_key(runtime: Runtime, core: Core, opt: str, chain: Toolchain) -> str:
    """Cache key of what ``library`` makes: everything that determines its bytes."""
    # How it is built belongs to what is built: this file is part of the key.
    runner = [
        Path(__file__),
        *(RUNNER / name for name in ("runner.h", "runner.cc", "startup.c",
                                     runtime.generation.header)),
    ]  # fmt: skip
    return key(
        *_identity(runtime), *compile_flags(runtime, core, opt), *core.flags, opt, chain.compiler,
        chain.libc, *runner,
    )  # fmt: skip


def _identity(runtime: Runtime) -> list[str]:
    if isinstance(runtime, CrateRuntime):
        return [runtime.model_dump_json(), runtime.checksum]
    return [runtime.facts.sha256, runtime.headers.sha256, runtime.facts.log, runtime.api]


def library(
    runtime: Runtime, core: Core, opt: str, chain: Toolchain, cache: Cache, say: Say
) -> Path:
    """Directory with ``libtflm.a``, ``runner.o`` and ``startup.o`` for a core and level.

    Raises:
        ToolError: a source does not compile; quotes the end of the build log, which is kept.
        InputError: the user's library is being changed at this moment.
    """
    places = headers(runtime, cache, say)
    what = f"building {runtime.name} for {core.name} at -{opt}"
    if isinstance(runtime, LibraryRuntime):
        what = f"compiling the runner for {runtime.name}, {core.name}"

    def build(to: Path) -> None:
        say(what)
        if isinstance(runtime, LibraryRuntime):
            _copy(runtime, to)
        # Paths are bytes, whatever the locale can say.
        text = _ninja(runtime, core, opt, chain, places, to)
        (to / "build.ninja").write_bytes(os.fsencode(text))
        tools.run(
            [chain.ninja, "-C", str(to)],
            cwd=to,
            log=cache.root / "logs" / f"{runtime.name}-{core.name}-{opt}.log",
            what=what,
            mend="the log has the compiler's words",
            progress=lambda line: say(line) if line.startswith("[") else None,
        )
        for leftover in ("build.ninja", ".ninja_log", ".ninja_deps", "o"):
            path = to / leftover
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    return cache.get_or_build("libraries", library_key(runtime, core, opt, chain), build)


def _copy(runtime: LibraryRuntime, to: Path) -> None:
    """Keep the library that was examined: the user may build it anew at any time."""
    where = str(runtime.library)
    data = read_file(runtime.library, where)
    if hashlib.sha256(data).hexdigest() != runtime.facts.sha256:
        raise InputError(Problem(where, "was changed while it was being read", "try again"))
    (to / _ARCHIVE).write_bytes(data)


def write_api_header(runtime: Runtime, to: Path) -> None:
    """The runner includes ``api.h``; this makes it the header of the runtime's generation."""
    (to / "api.h").write_text(f'#include "{runtime.generation.header}"\n')


def _source_files(runtime: CrateRuntime, tree: Path) -> list[str]:
    found = {
        path.relative_to(tree).as_posix() for glob in runtime.sources for path in tree.glob(glob)
    }
    return sorted(
        name for name in found if not any(fnmatch.fnmatch(name, glob) for glob in runtime.exclude)
    )


def _ninja(
    runtime: Runtime, core: Core, opt: str, chain: Toolchain, places: Headers, build: Path
) -> str:
    write_api_header(runtime, build)
    flags = [
        *compile_flags(runtime, core, opt),
        *include_flags(places),
        *prefix_maps(places, build),
        f"-I{RUNNER}",
        "-I.",
    ]
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
    lines += _compiled(runtime, flags, RUNNER / "runner.cc", "runner.o", _runner_flags(runtime))
    lines += _compiled(runtime, flags, RUNNER / "startup.c", "startup.o", _runner_flags(runtime))
    if isinstance(runtime, CrateRuntime):
        # The runtime's warnings are its authors' business.
        tree = places.roots["tflm"]
        objects = {n: f"o/{n.replace('/', '_')}.o" for n in _source_files(runtime, tree)}
        for name, output in objects.items():
            lines += _compiled(runtime, flags, tree / name, output, ["-w"])
        lines.append(f"build {_ARCHIVE}: ar {' '.join(objects.values())}")
    return "\n".join(lines) + "\n"


def _runner_flags(runtime: Runtime) -> list[str]:
    """How the runner is compiled; the last one: it describes classes of which it has only headers.

    Warnings are ours, but not about templates of headers that the user brings.
    """
    flags = [] if isinstance(runtime, LibraryRuntime) else ["-Wall", "-Wextra", "-Werror"]
    if isinstance(runtime, LibraryRuntime) and runtime.facts.log == "callback":
        flags.append("-DLAB_LOG_CALLBACK")
    return [*flags, "-femit-class-debug-always"]


def _compiled(
    runtime: Runtime, flags: list[str], source: Path, output: str, more: list[str]
) -> list[str]:
    lines = [f"build {output}: cc {_path(source)}"]
    if source.suffix == ".c":
        lines.append(f"  flags = {_words(f for f in flags if f not in _CXX_ONLY)}")
        more = [flag for flag in more if flag not in _CXX_ONLY]
    else:
        more = [*more, f"-std={runtime.standard}"]
    return [*lines, f"  more = {' '.join(more)}"]


def _words(arguments: Iterable[str]) -> str:
    """Arguments of a command: ninja hands it to the shell, so each is quoted for both."""
    return shlex.join(arguments).replace("$", "$$")


def _path(path: Path) -> str:
    """A path in a build line; ninja quotes it for the shell itself."""
    return str(path).replace("$", "$$").replace(" ", "$ ").replace(":", "$:")
