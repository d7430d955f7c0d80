"""The foreign tools that build firmware: where they are, which they are, and how one is run."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import ToolError

PREFIX = "arm-none-eabi-"
MINIMUM_CARGO = (1, 85)  # first release that knows edition 2024, which crates of the lock use
_GNU_TOOLS = {"gcc": "gcc", "gxx": "g++", "ar": "ar", "size": "size", "nm": "nm",
              "objcopy": "objcopy"}  # fmt: skip
# Variables that would add the user's own headers, libraries or compiler parts to every build.
_STRAY_VARIABLES = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH",
                    "COMPILER_PATH", "GCC_EXEC_PREFIX", "NINJA_STATUS")  # fmt: skip
_ANSWER_SECONDS = 20
_QUOTABLE_LINES, _QUOTABLE_CHARACTERS = 400, 400
# Holds a tool back until the lab is ready to stop it: interrupted before, the lab closes the pipe.
_GATE = ("/bin/sh", "-c", 'read go && exec "$@" </dev/null', "sh")
_ERROR_WORDS = re.compile(
    r"\berror\b|undefined reference|overflowed|No space left on device", re.IGNORECASE
)


_LOG = logging.getLogger("lab")


@dataclass(frozen=True)
class Toolchain:
    """A cross compiler with its companions, and ninja.

    Attributes:
        gcc: path of the C compiler; likewise ``gxx``, ``ar``, ``size``, ``nm``, ``objcopy``,
            ``ninja``.
        compiler: which compiler, such as ``arm-none-eabi-gcc 12.2.1 20221205``.
        libc: which C library, such as ``newlib-nano 3.3.0``.
    """

    gcc: str
    gxx: str
    ar: str
    size: str
    nm: str
    objcopy: str
    ninja: str
    compiler: str
    libc: str


def find_toolchain() -> Toolchain:
    """Look for the cross compiler and ninja on the search path.

    Raises:
        ToolError: names everything that is missing and the command that installs it.
    """
    paths = {field: shutil.which(PREFIX + tool) for field, tool in _GNU_TOOLS.items()}
    paths["ninja"] = shutil.which("ninja")
    gcc = paths["gcc"]
    macros = _macros(gcc) if gcc else {}
    missing = _missing_tools(paths)
    if "_NEWLIB_VERSION" not in macros:
        missing["newlib for Arm"] = "libnewlib-arm-none-eabi"
    if not gcc or not _has_library(gcc, "libstdc++_nano.a"):
        missing["libstdc++ for Arm"] = "libstdc++-arm-none-eabi-newlib"
    if missing:
        raise ToolError(
            f"{', '.join(missing)} missing (install with: "
            f"sudo apt-get install {' '.join(dict.fromkeys(missing.values()))})"
        )
    return Toolchain(
        **{field: str(path) for field, path in paths.items()},
        compiler=f"{PREFIX}gcc {_unquoted(macros['__VERSION__'])}",
        libc=f"newlib-nano {_unquoted(macros['_NEWLIB_VERSION'])}",
    )


def _missing_tools(paths: dict[str, str | None]) -> dict[str, str]:
    """Programs that are not there, and the Debian package that has each."""
    missing: dict[str, str] = {}
    for field, tool in _GNU_TOOLS.items():
        if not paths[field]:
            package = "gcc-arm-none-eabi" if tool in {"gcc", "g++"} else "binutils-arm-none-eabi"
            missing[PREFIX + tool] = package
    if not paths["ninja"]:
        missing["ninja"] = "ninja-build"
    return missing


def _macros(gcc: str) -> dict[str, str]:
    """Macros that tell compiler and C library; without newlib's header only the compiler's."""
    code = "#if __has_include(<newlib.h>)\n#include <newlib.h>\n#endif\n"
    text = _output([gcc, "-E", "-dM", "-x", "c", "-"], code)
    return dict(re.findall(r"#define (\w+) (.*)", text))


def _has_library(gcc: str, name: str) -> bool:
    # GCC answers with the bare name when it has no such file.
    return Path(_output([gcc, f"-print-file-name={name}"]).strip()).is_absolute()


def _unquoted(text: str) -> str:
    return text.strip().strip('"')


def _output(command: Sequence[str], given: str = "") -> str:
    """What a tool that answers at once prints."""
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, errors="replace",
            timeout=_ANSWER_SECONDS, env=clean_environment(), check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"{command[0]} does not run: {error} (install it again)") from error
    return done.stdout


def find_cargo() -> str:
    """Path of a cargo that is new enough: on the search path, else where rustup puts it.

    Raises:
        ToolError: there is none, or only older ones.
    """
    home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")  # noqa: PTH111
    candidates = [shutil.which("cargo"), shutil.which("cargo", path=f"{home}/bin")]
    found = {path: cargo_version(path) for path in candidates if path}
    for path, version in found.items():
        if version >= MINIMUM_CARGO:
            return path
    have = next((f"{_dotted(version)} is too old" for version in found.values()), "is missing")
    raise ToolError(
        f"cargo {have}, {_dotted(MINIMUM_CARGO)} or newer is needed (with rustup: rustup update "
        "stable; on Debian 12: sudo apt-get install cargo-web)"
    )


def cargo_version(cargo: str) -> tuple[int, ...]:
    """Version of a cargo, such as ``(1, 85, 0)``; ``(0,)`` when it does not say."""
    try:
        text = _output([cargo, "--version"])
    except ToolError:  # rustup's stand-in fails like this when no toolchain is chosen
        return (0,)
    match = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in match[0].split(".")) if match else (0,)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change what a compiler does or says."""
    kept = {name: value for name, value in os.environ.items() if name not in _STRAY_VARIABLES}
    return kept | {"LC_ALL": "C"}


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    what: str,
    mend: str,
    progress: Callable[[str], None] | None = None,
    seconds: float = 1800,
) -> None:
    """Run a tool to its end; everything it prints goes to a log file.

    Args:
        command: program and arguments.
        cwd: where it runs and puts temporary files, so that they go when the directory goes.
        log: file for its output, overwritten.
        what: what it does, for the error: ``building the image``.
        mend: what to do when it fails.
        progress: given each line as it is printed.
        seconds: it is stopped after this long.

    Raises:
        ToolError: it cannot be started, fails, or takes too long; quotes the line of its output
            that says most and names the log.
    """
    last: deque[str] = deque(maxlen=_QUOTABLE_LINES)
    log.parent.mkdir(parents=True, exist_ok=True)
    _LOG.info("%s  (log: %s)", shlex.join(command), log)
    with log.open("w", encoding="utf-8") as sink, started(command, cwd, what, seconds) as process:
        for line in process.stdout or ():
            sink.write(line)
            last.append(line.strip())
            if progress:
                progress(line.strip())
    if process.returncode:
        said = _shortened(_most_telling(last)) or "it says nothing"
        if process.returncode < 0:
            said = f"stopped by signal {-process.returncode} (its limit is {seconds:.0f} s)"
        raise ToolError(f"{what} failed: {said} ({mend}; log: {log})")


@contextlib.contextmanager
def started(
    command: Sequence[str], cwd: Path, what: str, seconds: float
) -> Iterator[subprocess.Popen[str]]:
    """A tool while it runs; stopped with all it started when time is up or the lab is leaving.

    Stopped so, its return code is that of SIGKILL. Read its output to the end.

    Raises:
        ToolError: it cannot be started.
    """
    if not shutil.which(command[0]):
        raise ToolError(f"{what} failed: cannot start {command[0]}: No such file, or not a program")
    process = subprocess.Popen(
        [*_GATE, *command], cwd=cwd, env=clean_environment() | {"TMPDIR": str(cwd)}, text=True,
        errors="replace", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    late = threading.Timer(seconds, _stop, [process])
    late.daemon = True
    with process:
        try:
            late.start()
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.close()
            yield process
            process.wait()
        except BaseException:
            _stop(process)
            raise
        finally:
            late.cancel()


def _stop(process: subprocess.Popen[str]) -> None:
    """Kill a tool and its whole session: ninja gives each of its jobs a process group."""
    killed: set[int] = set()
    while found := _session(process.pid) - killed:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= found


def _session(leader: int) -> set[int]:
    members = set()
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):  # noqa: PTH208
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) == leader:
                members.add(pid)
    return members


def _most_telling(lines: Sequence[str]) -> str:
    """The first line that speaks of an error, else the last that says anything."""
    errors = [line for line in lines if _ERROR_WORDS.search(line)]
    said = errors[:1] or [line for line in lines if line][-1:]
    return said[0] if said else ""


def _shortened(text: str) -> str:
    """Without its middle if it is long: the place is at the start, the cause at the end."""
    half = _QUOTABLE_CHARACTERS // 2
    return text if len(text) <= 2 * half else f"{text[:half]} ... {text[-half:]}"
