"""What engine ``renode`` needs on this machine: what is there, what is missing, how to get it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab.engines.renode.install import (
    DOTNET_COMMAND,
    HOW,
    PYRENODE3_COMMAND,
    RENODE_COMMANDS,
    RENODE_TEST_COMMAND,
    Installation,
    find_dotnet,
    find_installation,
    find_pyrenode3,
    find_renode_test,
)
from lab.engines.renode.versions import NOT_YET_RUN
from lab.errors import ToolError
from lab.jobs.doctor import Finding, complete, part


@dataclass(frozen=True)
class Examination:
    """What there is for Renode.

    Attributes:
        findings: part by part.
        commands: what gets each part that is not there, needed or not; nothing of it is run by
            the lab.
        note: how far the lab's use of Renode has been tried.
    """

    findings: tuple[Finding, ...]
    commands: dict[str, tuple[str, ...]]
    note: str

    @property
    def complete(self) -> bool:
        """Whether everything is there and Renode was loaded."""
        return complete(self.findings)


COMMANDS = {
    "Renode": RENODE_COMMANDS,
    ".NET": (DOTNET_COMMAND,),
    "pyrenode3": (PYRENODE3_COMMAND,),
    "renode-test": (f"comes with Renode's packages; what it imports: {RENODE_TEST_COMMAND}",),
}


def examine() -> Examination:
    """Look at everything that engine ``renode`` uses, and try to load Renode.

    Nothing is downloaded. Renode is started where nothing else tells its version.
    """
    installation = None
    try:
        installation = find_installation()
        renode = Finding("Renode", True, True, _described(installation))
    except ToolError as error:
        renode = Finding("Renode", False, True, str(error))
    parts = [renode, _dotnet(installation), *_tools()]
    if complete(parts):
        parts.append(part("loading", try_loading))
    absent = [one.name for one in parts if not one.found and one.name in COMMANDS]
    commands = {name: COMMANDS[name] for name in absent}
    return Examination(tuple(map(_without_how, parts)), commands, NOT_YET_RUN)


def _without_how(finding: Finding) -> Finding:
    """A finding that does not send its reader here."""
    return replace(finding, detail=finding.detail.removesuffix(f" ({HOW})"))


def try_loading() -> str:
    """Load Renode in a process of its own, as the engine does; what it shows itself to be.

    Raises:
        ToolError: it cannot be loaded; says why.
    """
    from lab.engines.renode.engine import RenodeEngine

    return f"loaded through pyrenode3: Renode {RenodeEngine().version}"


def _described(installation: Installation) -> str:
    version = installation.version or "unknown version"
    return (
        f"{version} ({installation.version_from}), {installation.kind}, runs on "
        f"{installation.runtime}: {installation.path}"
    )


def _dotnet(installation: Installation | None) -> Finding:
    """.NET, where the Renode that was found needs it."""
    if installation and not installation.needs_dotnet:
        why = "it brings its own" if installation.kind == "portable" else "it runs on Mono"
        return Finding(".NET", True, False, f"not needed by this Renode: {why}")
    return part(".NET", find_dotnet, needed=installation is not None)


def _tools() -> list[Finding]:
    return [
        part("pyrenode3", find_pyrenode3),
        part("renode-test", lambda: str(find_renode_test()), needed=False),
    ]
