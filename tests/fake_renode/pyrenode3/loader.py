"""Loading Renode, as far as it can go wrong."""

from __future__ import annotations

import os


class RenodeLoader:
    """Whether it is loaded: the names of .NET are there only then."""

    is_initialized = False


def ensure_additional_libs(renode_bin_dir: str) -> list[str] | None:
    """None where Renode has neither library of Mono's, as the real one."""
    return None if os.environ.get("FAKE_RENODE") == "without_mono" else []


def load() -> None:
    """What the real one does for a build tree or a package."""
    RenodeLoader.is_initialized = True
    from pyrenode3._misbehave import on_load

    dlls = ["Renode.dll"]
    dlls.extend(ensure_additional_libs("bin"))  # type: ignore[arg-type]
    on_load()
