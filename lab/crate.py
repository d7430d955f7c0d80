"""The sources of a runtime of kind ``crate``: fetched with cargo.

The crate is pinned by the checksum in ``firmware/Cargo.lock``; cargo is only the client that
fetches it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from lab import toolchain as tools
from lab.cache import Cache, key
from lab.errors import ToolError
from lab.paths import data_dir
from lab.runtimes import CrateRuntime

Say = Callable[[str], None]


def sources(runtime: CrateRuntime, cache: Cache, say: Say) -> Path:
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


def is_fetched(runtime: CrateRuntime, cache: Cache) -> bool:
    """Whether ``sources`` would need no network."""
    crate = runtime.crate
    return cache.entry("crates", key(crate.name, crate.version, runtime.checksum)).is_dir()


def _fetch(runtime: CrateRuntime, to: Path, cache: Cache, say: Say) -> None:
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
