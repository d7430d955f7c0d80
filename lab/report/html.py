"""A record as one page: a single file that needs no network, for those who decide what to change.

Whatever the record says is text: templates escape all of it, nothing of it becomes a script or a
style. The page's security policy allows its own style and script, by their checksums, and nothing
else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from markupsafe import escape as as_markup

from lab.errors import escape
from lab.report import provenance, shares, tiles
from lab.report.bars import memory_bars, unused_banks
from lab.report.engine import (
    Weight,
    how_deep,
    instructions_only,
    other_engine,
    unseen,
    weight_of,
)
from lab.report.names import function_name, short_name, tensor_name
from lab.report.numbers import count_of, percent
from lab.report.operators import Total, operator_rows, outside
from lab.report.provenance import Figure
from lab.report.shares import Share
from lab.report.table import summary, why
from lab.report.terminal import WORDS, by_kind, margin
from lab.results import BatchResult, CheckResult
from lab.units import format_size

_FOLDER = Path(__file__).with_name("page")
_MOST_RANKED = 5
_MOST_ROWS = 1000
_BREAKS = re.compile(r"(?<=[/;_.])(?=\w)|(?<=::)")  # where a long name may go on below


def render(result: CheckResult) -> str:
    """The page of one check."""
    places, details = tiles.Places(), result.details
    arena, stack = (details.arena, details.stack) if details else (None, None)
    names = [operator.name for operator in result.operators]
    points = stack.points if stack else ()
    context = {
        "result": result,
        "word": WORDS[result.verdict.status],
        "margin": margin(result),
        "key": list(_key_figures(result)),
        "findings": by_kind(result.findings),
        "rankings": _rankings(result),
        "bars": [tiles.bar_tiles(bar, places) for bar in memory_bars(result)],
        "unused": unused_banks(result),
        "arena": tiles.arena_tiles(arena, names, places) if arena else None,
        "operators": operator_rows(result),
        "how_counted": _how_counted(result),
        "weight": weight_of(result),
        "modelled": weight_of(result) is Weight.CYCLES,
        "totals": list(_totals(result)),
        "profile": details.profile if details else None,
        "footprint": details.footprint if details else None,
        "treemaps": tiles.treemaps(result, places),
        "stack": stack,
        "deepest": max(points, key=lambda point: point.depth_bytes, default=None),
        "other_engine": other_engine(result),
        "unseen": unseen(result),
        "figures": list(provenance.figures(result)),
        "command": provenance.command(result),
        "unknown": provenance.unknown_words(result),
    }
    return _page("report.html.j2", context, places)


def render_batch(batch: BatchResult) -> str:
    """The page of a batch: one row for each check."""
    context = {"batch": batch, "words": WORDS, "summary": summary(batch), "why": why}
    return _page("batch.html.j2", context, tiles.Places())


def _key_figures(result: CheckResult) -> Iterator[Figure]:
    """The few numbers that everybody asks for."""
    memory, arena, stack, run = result.memory, result.arena, result.stack, result.run
    if memory:
        for name, part, how in (
            ("RAM", memory.ram, provenance.NEEDED_RAM),
            ("Flash", memory.flash, "exact"),
        ):
            of = f"of {part.available_bytes:,} B"
            share = percent(part.needed_bytes, part.available_bytes)
            yield Figure(name, f"{part.needed_bytes:,} B", how, f"{of}, {share}")
    if arena:
        why_more = f"reported {arena.reported_bytes:,} B"
        yield Figure("Arena", f"{arena.required_bytes:,} B", "measured", why_more)
    if stack:
        reserve = f"{stack.reserve_bytes:,} B set aside"
        yield Figure("Stack", f"{stack.high_water_bytes:,} B", how_deep(stack), reserve)
    if run:
        yield provenance.inference(result, run)


@dataclass(frozen=True)
class _Ranking:
    """Who takes the most of something; ``limit``: it is what decides the verdict."""

    title: str
    total: str
    limit: bool
    shares: Sequence[Share]
    whole: int
    unit: str = ""

    @property
    def largest(self) -> int:
        return max((share.amount for share in self.shares if share.kind != "other"), default=1)


def _rankings(result: CheckResult) -> list[_Ranking]:
    """Of RAM, flash and time; that of the limit first. Who sets the stack stands in the verdict."""
    limit, weight = result.verdict.limit, weight_of(result)
    time = "Time" if weight is Weight.CYCLES else "Instructions"
    found = []
    for title, unit, all_shares, binds in (
        ("RAM", " B", shares.ram_shares(result), limit in {"ram", "arena"}),
        ("Flash", " B", shares.flash_shares(result), limit == "flash"),
        (time, "", shares.time_shares(result), False),
    ):
        if all_shares:
            whole = sum(share.amount for share in all_shares)
            total = format_size(whole) if unit else f"{whole:,} {weight.told}"
            ranked = shares.largest(all_shares, _MOST_RANKED)
            found.append(_Ranking(title, total, binds, ranked, whole, unit))
    return sorted(found, key=lambda ranking: not ranking.limit)


def _how_counted(result: CheckResult) -> str:
    """How the figures of the operators were obtained."""
    run, exact = result.run, result.stack is None or result.stack.exact
    if run is None:
        return ""
    if run.cycles is None:
        return f"Instructions as the engine counts, stack at least; {instructions_only(result)}"
    told = "Instructions and stack are exact" if exact else "Instructions are exact, stack at least"
    return f"{told}; cycles are modelled, {run.cycle_class}"


def _totals(result: CheckResult) -> Iterator[Total]:
    if result.run:
        yield outside(result)
        yield Total("one inference", result.run.instructions, result.run.cycles)


def _page(template: str, context: dict[str, Any], places: tiles.Places) -> str:
    style = (_FOLDER / "page.css").read_text(encoding="utf-8") + places.css()
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; style-src '{_checksum(style)}'; script-src '{_checksum(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    own = {"style": Markup(style), "script": Markup(script), "policy": policy, "most": _MOST_ROWS}
    return _environment().get_template(template).render(context | own)


def _checksum(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER, encoding="utf-8"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters |= {
        "breakable": _breakable,
        "count": count_of,
        "function": function_name,
        "label": short_name,
        "per_cent": lambda part, whole: f"{min(100, 100 * max(0, part) / max(1, whole)):.2f}",
        "percent": percent,
        "size": format_size,
        "slug": lambda kind: kind.replace(" ", "-"),
        "tensor": tensor_name,
    }
    return environment


def _printable(value: Any) -> Any:
    """Text of the record without control characters; markup is our own."""
    return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _breakable(name: str) -> Markup:
    """A long name that may be folded between its parts."""
    return Markup("<wbr>").join(as_markup(part) for part in _BREAKS.split(escape(name)))
