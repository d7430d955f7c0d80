"""Coverage-guided fuzzing of what reads untrusted files: ``make fuzz``, for ``FUZZ_SECONDS``.

Atheris guides; what it finds is made as small as possible and written to ``tests/bad_input/found``,
where the normal tests replay it. Inputs that reached something new are kept in ``build/fuzz``, so
that the next run goes on where this one ended.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "tests")
# The coverage of these modules guides; they must not be imported before they are instrumented.
INSTRUMENTED = {
    "model": ["lab.model", "lab.flatbuffer", "lab.graph", "lab.measure"],
    "board": ["lab.board", "lab.yaml_source", "lab.units", "yaml"],
}
SHRINK_SECONDS = 20.0


def main() -> int:
    """Fuzz all targets, one after the other; 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("FUZZ_SECONDS", "600")))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--target", choices=INSTRUMENTED, help="this one alone, in this very process"
    )
    options = parser.parse_args()
    if options.target:
        fuzz(options.target, options.seconds, options.seed)
    before = set(_findings())
    for name in INSTRUMENTED:
        seconds = max(1, options.seconds // len(INSTRUMENTED))
        command = [sys.executable, __file__, f"--target={name}", f"--seconds={seconds}",
                   f"--seed={options.seed}"]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=False)
    found = sorted(set(_findings()) - before)
    for path in found:
        print(f"found: {path.relative_to(ROOT)}")
    print(f"{len(found)} findings")
    return bool(found)


def fuzz(name: str, seconds: int, seed: int) -> None:
    """Fuzz one target in this process, and end it."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED[name]):
        import fuzz_targets as targets
    target = targets.TARGETS[name]
    corpus, found = ROOT / "build" / "fuzz" / name, targets.FOUND / name
    for directory in (corpus, found):
        directory.mkdir(parents=True, exist_ok=True)
    for data in target.seeds():
        (corpus / sha256(data).hexdigest()[:16]).write_bytes(data)
    known: set[str] = set()

    def one(data: bytes) -> None:
        said = _failure(target, data, targets.judge)
        if said and said not in known:
            known.add(said)
            print(f"finding in {name}: {said}", flush=True)
            _keep(found, _shrunk(target, data, said, targets.judge))

    def mutated(data: bytes, largest: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:
            return bytes(atheris.Mutate(data, largest))
        return target.mutate(data, random)[:largest]

    # Past its own limits a run is stopped from outside, and the file is kept under such a name.
    limits = ["-timeout=30", "-rss_limit_mb=2000", f"-artifact_prefix={found}/"]
    bounds = [f"-max_total_time={seconds}", f"-max_len={target.largest}", f"-seed={seed}"]
    atheris.Setup([name, *limits, *bounds, "-print_final_stats=1", "-verbosity=1", str(corpus)],
                  one, custom_mutator=mutated)  # fmt: skip
    atheris.Fuzz()


def _failure(target: object, data: bytes, judge: Callable[..., bool]) -> str:
    """What is wrong with the answer to a file, and where; empty when nothing is."""
    try:
        judge(target.read, data)  # type: ignore[attr-defined]
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "/lab/" in f.filename]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "the limits"
        words = "" if frames else f" {str(error).split(' ')[1]}"
        return f"{type(error).__name__} at {where}{words}"
    return ""


def _shrunk(target: object, data: bytes, said: str, judge: Callable[..., bool]) -> bytes:
    """The file without all that is not needed to go wrong in the same way."""
    end = time.monotonic() + SHRINK_SECONDS
    size = len(data) // 2
    while size and time.monotonic() < end:
        for smaller in _pieces_away(data, size):
            if _failure(target, smaller, judge) == said:
                data = smaller
                break
            if time.monotonic() > end:
                break
        else:
            size //= 2
    return data


def _pieces_away(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[:start] + data[start + size :]


def _keep(directory: Path, data: bytes) -> None:
    path = directory / sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    print(f"written: {path} ({len(data):,} B)", flush=True)


def _findings() -> Iterator[Path]:
    return (path for path in (ROOT / "tests" / "bad_input" / "found").glob("*/*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
