"""Which Renode there is on this machine, and what the child that loads it needs.

Renode is found the way pyrenode3 finds it (its ``env.py``, ``loader.py`` and README at the commit
below): one variable names a package, a build tree or a portable binary; without any, the
``renode`` on the search path is taken to be installed in ``/opt/renode``. The lab downloads
nothing: what is missing is said in one line, with the command that gets it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab.errors import ToolError

PYRENODE3_COMMIT = "dde4a47660ef1b8874a91ed514a0bd04b33a5add"
PYRENODE3_COMMAND = (
    f'pip install "pyrenode3 @ git+https://github.com/antmicro/pyrenode3.git@{PYRENODE3_COMMIT}"'
)
RENODE_COMMANDS = (
    "curl -LO https://github.com/renode/renode/releases/download/v1.16.1/"
    "renode-1.16.1.linux-portable-dotnet.tar.gz",
    "mkdir -p ~/renode && tar -xzf renode-1.16.1.linux-portable-dotnet.tar.gz"
    " -C ~/renode --strip-components=1",
    "export PYRENODE_BIN=~/renode/renode",
)
DOTNET_COMMAND = "on Ubuntu: sudo apt-get install dotnet-runtime-8.0"
RENODE_TEST_COMMAND = "pip install -r ~/renode/tests/requirements.txt"  # what renode-test imports
HOW = "lab renode doctor says how to get it"

MINIMUM_DOTNET = 8
RUNTIME = "PYRENODE_RUNTIME"
INSTALLED_ROOT = Path("/opt/renode")
_ANSWER_SECONDS = 60.0  # the first start of a portable Renode unpacks itself
_DOTNET_APP = re.compile(r"^Microsoft\.NETCore\.App (\d+)(\S*)", re.MULTILINE)
_VERSION = re.compile(r"\d+\.\d+\.\d+")


class Kind(StrEnum):
    """In what form Renode is here; each is loaded in another way."""

    PACKAGE = "package"  # a tar archive, unpacked at each start
    BUILD = "build"  # a source tree in which Renode was built
    PORTABLE = "portable"  # one binary that brings its .NET
    INSTALLED = "installed"  # in /opt/renode, by a distribution's package


class Runtime(StrEnum):
    """What executes Renode itself; the values are pyrenode3's."""

    MONO = "mono"
    CORECLR = "coreclr"  # .NET


VARIABLES = {
    Kind.PACKAGE: "PYRENODE_PKG",
    Kind.BUILD: "PYRENODE_BUILD_DIR",
    Kind.PORTABLE: "PYRENODE_BIN",
}
# README of pyrenode3, "Supported configurations".
_RUNTIMES = {
    Kind.PACKAGE: (Runtime.CORECLR, Runtime.MONO),
    Kind.BUILD: (Runtime.CORECLR, Runtime.MONO),
    Kind.PORTABLE: (Runtime.CORECLR,),
    Kind.INSTALLED: (Runtime.MONO,),
}


@dataclass(frozen=True)
class Installation:
    """A Renode that is here; nothing of it was loaded yet.

    Attributes:
        kind: in what form.
        path: of the archive, the source tree or the binary.
        runtime: what executes it.
        version: such as ``1.16.1``; None when nothing tells without loading it.
        version_from: what told the version, or why nothing does.
    """

    kind: Kind
    path: Path
    runtime: Runtime
    version: str | None
    version_from: str

    @property
    def needs_dotnet(self) -> bool:
        """Whether a .NET runtime must be installed; a portable Renode brings its own."""
        return self.runtime is Runtime.CORECLR and self.kind is not Kind.PORTABLE


def find_installation() -> Installation:
    """Look where pyrenode3 would look.

    Raises:
        ToolError: there is no Renode, or the variables contradict each other or the disk.
    """
    kind, path = _location()
    runtime = _runtime(kind, path)
    version, version_from = _version(kind, path)
    return Installation(kind, path, runtime, version, version_from)


def usable_installation() -> Installation:
    """The same, with everything that loading it takes.

    Raises:
        ToolError: something is missing; the first thing that is.
    """
    installation = find_installation()
    find_pyrenode3()
    if installation.needs_dotnet:
        find_dotnet()
    return installation


@functools.cache
def installation_here() -> Installation:
    """The same, looked for once in a process: programs are started to tell versions.

    Raises:
        ToolError: something is missing; then the next call looks again.
    """
    return usable_installation()


def environment(installation: Installation) -> dict[str, str]:
    """Variables that the process which loads Renode must have.

    pyrenode3 takes Mono for granted unless told otherwise, and Renode is .NET by now. Paths are
    absolute: loading changes the working directory.
    """
    told = {RUNTIME: str(installation.runtime)}
    if installation.kind in VARIABLES:
        told[VARIABLES[installation.kind]] = str(installation.path)
    return told


def find_pyrenode3() -> str:
    """Version of pyrenode3, with the commit it was installed from where that is recorded.

    Raises:
        ToolError: it is not installed.
    """
    if importlib.util.find_spec("pyrenode3") is None:
        raise ToolError(f"pyrenode3, which loads Renode, is missing ({PYRENODE3_COMMAND})")
    try:
        found = importlib.metadata.distribution("pyrenode3")
    except importlib.metadata.PackageNotFoundError:  # a copy on PYTHONPATH
        return "unknown version"
    commit = _commit(found.read_text("direct_url.json") or "{}")
    if commit == PYRENODE3_COMMIT:
        return f"{found.version}, commit {commit[:12]}"
    known = f"the lab was written for {PYRENODE3_COMMIT[:12]}"
    return f"{found.version}, commit {commit[:12] or 'not recorded'}; {known}"


def find_dotnet() -> str:
    """The newest .NET runtime that is installed.

    Raises:
        ToolError: there is none, or it is too old.
    """
    # Where .NET is by its own variable, which clr_loader (of pyrenode3's pythonnet) follows too.
    root = os.environ.get("DOTNET_ROOT")
    dotnet = str(Path(root) / "dotnet") if root else "dotnet"
    listed = _DOTNET_APP.finditer(_answer([dotnet, "--list-runtimes"]) or "")
    found = sorted((int(match[1]), match[1] + match[2]) for match in listed)
    if found and found[-1][0] >= MINIMUM_DOTNET:
        return found[-1][1]
    have = f"{found[-1][1]} is too old" if found else "is missing"
    raise ToolError(
        f"the .NET runtime {have}, {MINIMUM_DOTNET} or newer is needed ({DOTNET_COMMAND})"
    )


def find_renode_test() -> Path:
    """The script ``renode-test``: beside the Renode that was found, else on the search path.

    Raises:
        ToolError: there is none, or the variables name no Renode.
    """
    on_path = shutil.which("renode-test")
    try:
        kind, path = _location()
    except ToolError:
        if any(variable in os.environ for variable in VARIABLES.values()) or not on_path:
            raise
        return Path(on_path)
    beside = (path if kind is Kind.BUILD else path.parent) / "renode-test"
    if kind is not Kind.PACKAGE and beside.is_file():
        return beside
    if on_path:
        return Path(on_path)
    raise ToolError(
        f"renode-test is missing: not in {beside.parent} and not on the search path ({HOW})"
    )


def _location() -> tuple[Kind, Path]:
    """Where Renode is; made absolute."""
    given = {kind: os.environ[name] for kind, name in VARIABLES.items() if os.environ.get(name)}
    if len(given) > 1:
        names = " and ".join(VARIABLES[kind] for kind in given)
        raise ToolError(f"{names} are both set, and pyrenode3 takes one (unset the others)")
    for kind, text in given.items():
        path = Path(text).expanduser().absolute()
        if not (path.is_dir() if kind is Kind.BUILD else path.is_file()):
            wanted = "directory" if kind is Kind.BUILD else "file"
            raise ToolError(f"{VARIABLES[kind]}: {path} is no {wanted} ({HOW})")
        return kind, path
    renode = shutil.which("renode")
    if renode is None:
        names = ", ".join(VARIABLES.values())
        raise ToolError(
            f"Renode is missing: no renode on the search path, and none of {names} is set ({HOW})"
        )
    if not (INSTALLED_ROOT / "bin").is_dir():  # a portable one that is on the search path
        return Kind.PORTABLE, Path(renode).resolve()
    return Kind.INSTALLED, Path(renode).absolute()


def _runtime(kind: Kind, path: Path) -> Runtime:
    possible = _RUNTIMES[kind]
    given = os.environ.get(RUNTIME)
    if not given:
        arch_package = path.name.endswith(".pkg.tar.xz")  # Arch's packages are Mono's
        return Runtime.MONO if arch_package and kind is Kind.PACKAGE else possible[0]
    if given not in possible:
        raise ToolError(
            f"{RUNTIME}={given}: {'an' if kind is Kind.INSTALLED else 'a'} {kind} Renode is loaded "
            f"with {' or '.join(possible)} (unset {RUNTIME})"
        )
    return Runtime(given)


def _version(kind: Kind, path: Path) -> tuple[str | None, str]:
    """The version, and what told it."""
    if kind is Kind.PACKAGE:
        match = _VERSION.search(path.name)
        return (match[0], "its file name") if match else (None, "its file name does not say")
    if kind is Kind.BUILD:
        return version_of_tree(path)
    match = _VERSION.search(_answer([str(path), "--version"]) or "")
    return (match[0], "renode --version") if match else (None, "renode --version does not say")


def version_of_tree(root: Path) -> tuple[str | None, str]:
    """Version of a source tree or of an unpacked package, and what told it.

    A build of a later commit has the number of the last release: only a run tells them apart.
    """
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if match := _VERSION.search((root / "tools" / "version").read_text(encoding="utf-8")):
            return match[0], "tools/version, the last release before the build"
    return None, "there is no tools/version"


def _commit(direct_url: str) -> str:
    """Commit in what pip notes of a package that did not come from an index (PEP 610)."""
    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(direct_url).get("vcs_info", {}).get("commit_id", ""))
    return ""


def _answer(command: Sequence[str]) -> str | None:
    """What a program prints that answers at once; None if it does not, or fails.

    ``renode`` may be a shell script: it is stopped with what it started.
    """
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError:
        return None
    with process:
        try:
            said, _ = process.communicate(timeout=_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None
    return None if process.returncode else said
