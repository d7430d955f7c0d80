"""A record as Markdown: short enough for a comment on a pull request or a step's summary.

What the record says is text: it is escaped, and names stand in code spans, where nothing is
formatted, linked or notified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lab.errors import escape
from lab.report import provenance, shares
from lab.report.engine import Weight, deepest, how_deep, other_engine, weight_of
from lab.report.markdown_parts import cell, code, folded, table
from lab.report.numbers import bytes_of, count_of, percent
from lab.report.operators import OperatorRow, operator_rows
from lab.report.shares import Share
from lab.report.table import VERDICTS, why
from lab.report.terminal import WORDS, margin
from lab.results import BatchResult, CheckResult
from lab.units import format_size

_MOST_RANKED = 5
_MOST_ROWS = 50
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$]|:(?=//)|(?<=www)\.)")


def render(result: CheckResult) -> str:
    """The summary of one check."""
    return "\n".join(
        [*_verdict(result), *_memory(result), *_culprits(result), *_operators(result),
         *_owners(result), *_how(result)]
    ) + "\n"  # fmt: skip


def render_batch(batch: BatchResult) -> str:
    """A batch: one row for each check."""
    rows = [
        (f"**{VERDICTS[record.verdict.status]}**", cell(record.model.name), cell(record.board.name),
         bytes_of(record.memory.ram.needed_bytes if record.memory else None),
         bytes_of(record.verdict.margin_bytes),
         bytes_of(record.memory.flash.needed_bytes if record.memory else None), text(why(record)))
        for record in batch.records
    ]  # fmt: skip
    rows += [
        ("**NO ANSWER**", cell(problem.model), cell(problem.board), "-", "-", "-",
         text("; ".join(problem.lines)))
        for problem in batch.problems
    ]  # fmt: skip
    head = ("verdict", "model", "board", "RAM needed>", "margin>", "flash needed>", "why")
    return "\n".join([f"**{len(rows)} checks**", "", *table(head, rows)]) + "\n"


def text(words: str) -> str:
    """Words that nothing is made of: no format, link, element, mention or reference."""
    return _SPECIAL.sub(r"\\\1", escape(words)).replace("@", "@<!-- -->")


def _verdict(result: CheckResult) -> Iterator[str]:
    verdict = result.verdict
    subject = f"{code(result.model.name)} on {code(result.board.name)}"
    yield f"**{WORDS[verdict.status]}**: {subject}, {text(margin(result))}"
    if verdict.status == "fits":
        return
    yield ""
    if verdict.summary != margin(result):
        yield f"Why: {text(verdict.summary)}  "
    if result.failure:
        yield f"The target says: {text(result.failure.reason)}  "
    if verdict.remedy:
        yield f"Remedy: {text(verdict.remedy)}"


def _memory(result: CheckResult) -> Iterator[str]:
    rows = []
    if result.memory:
        ram, flash = result.memory.ram, result.memory.flash
        for name, part, how in (("RAM", ram, provenance.NEEDED_RAM), ("flash", flash, "exact")):
            share = percent(part.needed_bytes, part.available_bytes)
            of = f"of {part.available_bytes:,} B ({share})"
            rows.append((name, format_size(part.needed_bytes), of, how))
    if result.arena:
        reported = f"reported {result.arena.reported_bytes:,} B"
        rows.append(("arena", format_size(result.arena.required_bytes), reported, "measured"))
    if result.stack:
        size, where = format_size(result.stack.high_water_bytes), deepest(result.stack, cell)
        rows.append(("stack", size, where, how_deep(result.stack)))
    if result.run:
        figure = provenance.inference(result, result.run)
        rows.append(("one inference", figure.value, text(figure.why), figure.how))
    if rows:
        yield ""
        yield from table(("", "needs>", "", "obtained"), rows)


def _culprits(result: CheckResult) -> Iterator[str]:
    """What takes the most of the memory that binds."""
    flash = result.verdict.limit == "flash"
    owners = shares.flash_shares(result) if flash else shares.ram_shares(result)
    if owners:
        yield ""
        yield f"Most {'flash' if flash else 'RAM'} is taken by"
        yield ""
        yield from _share_table(owners, _MOST_RANKED)


def _operators(result: CheckResult) -> Iterator[str]:
    rows = operator_rows(result)
    if not rows:
        return
    weight = weight_of(result)
    ranked = sorted(rows, key=lambda row: -weight.of(row.operator))[:_MOST_ROWS]
    more = f", the {_MOST_ROWS} with most {weight}" if len(rows) > _MOST_ROWS else ""
    cycles = [f"{weight.told}>"] if weight is Weight.CYCLES else []
    head = ("#>", "operator", "share>", "instructions>", *cycles, "MACs>", "stack B>")
    rows_shown = list(table(head, [_operator(row, weight) for row in ranked]))
    yield from ("", *folded(f"Operators{more}", rows_shown))


def _operator(row: OperatorRow, weight: Weight) -> tuple[str, ...]:
    operator = row.operator
    cycles = [count_of(operator.cycles)] if weight is Weight.CYCLES else []
    return (
        str(operator.index), cell(operator.name), f"{row.share:.1%}", f"{operator.instructions:,}",
        *cycles, count_of(operator.macs), f"{operator.stack_bytes:,}",
    )  # fmt: skip


def _owners(result: CheckResult) -> Iterator[str]:
    for name, owners in (
        ("RAM", shares.ram_shares(result)),
        ("flash", shares.flash_shares(result)),
    ):
        if owners:
            yield from ("", *folded(f"Owners of {name}", list(_share_table(owners, _MOST_ROWS))))


def _share_table(owners: Sequence[Share], most: int) -> Iterator[str]:
    whole = sum(owner.amount for owner in owners)
    rows = [
        (cell(owner.name), f"{owner.amount:,}", percent(owner.amount, whole), text(owner.note))
        for owner in shares.largest(owners, most)
    ]
    return table(("owner", "bytes>", "share>", ""), rows)


def _how(result: CheckResult) -> Iterator[str]:
    rows = [
        (text(figure.name), text(figure.value), figure.how, text(figure.why))
        for figure in provenance.figures(result)
    ]
    lines = [*table(("figure", "value>", "obtained", "from"), rows), ""] if rows else []
    engine = f" with {text(other_engine(result))}" if other_engine(result) else ""
    lines.append(f"Made by {code(provenance.command(result))}{engine}")
    lines.append(f"(not in the record: {text(', '.join(provenance.unknown_words(result)))})")
    yield from ("", *folded("How each number was obtained", lines))
