"""All benches, written to docs/performance.md: ``make bench``."""

from __future__ import annotations

import platform
from pathlib import Path

import bench_batch
import bench_check
import bench_ci
import bench_meter

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
HEAD = """# Performance

Written by `make bench`. Times of one machine mean little elsewhere; the ratios are measured side by
side in one run, interleaved, each the median of {rounds} pairs. Unicorn is pinned to 2.1.1, whose
stores are several times faster than those of its neighbours.

## What metering costs

Speed with the full meter (exact instructions, cycles, minimum SP, limits) relative to an empty C
block hook and to plain Unicorn, for a small int8 convolution and for the real firmware of the
keyword spotter. Rows without a unit in their name are seconds.

"""
BATCH = """
## What a batch costs

The zoo on every board of the library, images in the cache, against the runs in it that differ (the
probe map once for a model and core, then each board's own memory) done one after the other in one
measuring process. The separation networks are left out: they take minutes, nearly all of it
emulation, which hides what a batch costs.

"""
CI = """
## What lab ci costs

`lab ci run` with its results written, against `lab check --details` of each of its checks, one by
one, and against one `lab check --details` of them all. No two share a model and a core.

"""
GOALS = {
    "full meter / empty hook speed": "at least 0.75",
    "full meter / plain speed": "at least 0.60, aim 0.85",
    "warm check / (inference + start)": "at most 2",
    "largest process, MB": "below 200",
    "lab arena / plain check": "at most 1.3",
    "lab profile / plain check": "at most 1.3",
    "batch with one job / distinct runs": "at most 1.2",
    "the same in processor time": "at most 1.2",
    "one job / two jobs": "at least 1.7 with two free cores",
    "lab ci run / its checks": "at most 1.1",
    "lab ci run / one lab check of all": "at most 1.1",
}


def table(columns: dict[str, dict[str, float]]) -> str:
    """Markdown table: one row a figure, one column a program."""
    lines = [
        f"| figure | {' | '.join(columns)} | goal |",
        f"| --- |{' ---: |' * len(columns)} --- |",
    ]
    for figure in next(iter(columns.values())):
        values = " | ".join(show(column[figure]) for column in columns.values())
        lines.append(f"| {figure} | {values} | {GOALS.get(figure, '')} |")
    return "\n".join(lines) + "\n"


def show(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3f}"


def main() -> None:
    """Measure everything and write the page."""
    meter = {
        "convolution": bench_meter.measure(bench_meter.compiled()),
        "keyword spotter": bench_meter.measure(*bench_check.runner_image()),
    }
    check = {"keyword spotter": bench_check.measure() | bench_check.measure_views()}
    text = HEAD.format(rounds=bench_meter.ROUNDS) + table(meter)
    text += "\n## What a warm check costs\n\n" + table(check)
    batch = {"zoo on all boards": bench_batch.measure()}
    text += BATCH + table(batch)
    text += CI + table({"zoo models on two cores": bench_ci.measure()})
    text += f"\nPython {platform.python_version()}, {platform.machine()}.\n"
    PAGE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
