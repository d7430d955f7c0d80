"""One screen for people: the verdict first, then every byte and how its number was obtained."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from lab.report.engine import (
    deepest,
    how_counted,
    how_deep,
    instructions_only,
    other_engine,
    weight_of,
)
from lab.report.names import tensor_name
from lab.report.numbers import bar, percent
from lab.results import CheckResult, Failure, Finding, Flash, Operator, Ram
from lab.units import format_size

WORDS = {"fits": "FITS", "does_not_fit": "DOES NOT FIT", "failed": "FAILS"}
_COLOURS = {"fits": "bold green", "does_not_fit": "bold red", "failed": "bold red"}
_MOST_OPERATORS = 6
_MOST_TENSORS = 5
_MOST_LOG = 6
_MOST_FRAMES = 8


def show(result: CheckResult) -> None:
    """Print the report on standard output, the verdict in colour where colours are shown."""
    first, *rest = render(result)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        word = WORDS[result.verdict.status]
        text = Text(first)
        text.stylize(_COLOURS[result.verdict.status], 0, len(word))
        Console(soft_wrap=True).print(text)
    else:
        print(first)
    print("\n".join(rest))


def render(result: CheckResult) -> list[str]:
    """The report as lines of text."""
    return [_headline(result), *_subject(result), *_why(result), *_figures(result)]


def _headline(result: CheckResult) -> str:
    word = WORDS[result.verdict.status]
    return f"{word}  {result.model.name} on {result.board.name}: {margin(result)}"


def margin(result: CheckResult) -> str:
    """The verdict in figures; where there are none, in words."""
    verdict = result.verdict
    if verdict.status == "fits" and verdict.margin_bytes is not None:
        free = f", {_flash_free(result)} of flash" if result.memory else ""
        return f"margin {format_size(verdict.margin_bytes)} of RAM{free}"
    if verdict.margin_bytes is not None:
        short = format_size(-verdict.margin_bytes)
        return f"short by {short} of {(verdict.limit or '').upper()}"
    return verdict.summary


def trouble(result: CheckResult) -> list[str]:
    """The line for views of a model that does not run on its board: they show it all the same."""
    verdict = result.verdict
    if verdict.status == "fits":
        return []
    where = "on this board" if verdict.status == "failed" else "this board"
    return [
        f"{WORDS[verdict.status]} {where}: {margin(result)} (lab check says why); measured in the "
        "probe map"
    ]


def _flash_free(result: CheckResult) -> str:
    assert result.memory
    return format_size(result.memory.flash.available_bytes - result.memory.flash.needed_bytes)


def _subject(result: CheckResult) -> Iterator[str]:
    board, model = result.board, result.model
    yield (
        f"      {board.title}, {board.mcu}, {board.core} at {board.clock_hz / 1e6:g} MHz"
        + (f"; what if {', '.join(board.what_if)}" if board.what_if else "")
    )
    build = f", -{result.build.opt}, {result.build.compiler}" if result.build else ", not built"
    if result.build and result.runtime.kind == "library":
        build += " (of the runner; the library is as you built it)"
    engine = f"; {other_engine(result)}" if other_engine(result) else ""
    yield f"      {result.runtime.name}, {result.runtime.kernels} kernels{build}{engine}"
    yield f"      model {format_size(model.size_bytes)}, {model.operators} operators"
    if board.unverified:
        count = len(board.unverified)
        yield f"      {count} facts of this board are not verified (lab boards show {board.name})"


def _why(result: CheckResult) -> Iterator[str]:
    verdict = result.verdict
    if verdict.status != "fits":
        yield ""
        yield f"Why: {verdict.summary}"
        if verdict.failure_class:
            yield f"  class   {verdict.failure_class}"
        if result.failure:
            yield from _evidence(result.failure)
        if verdict.limit not in {"flash", "stack"}:
            yield from _peak(result)
        if verdict.remedy:
            yield f"  remedy  {verdict.remedy}"
    yield from _would_do(result)
    yield from _findings(result.findings)


def _would_do(result: CheckResult) -> Iterator[str]:
    """The remedy of a model that does not fit; of one that fits, boards it does not need."""
    found = result.would_do
    if found is None or result.verdict.status == "failed":
        return
    of = f" with {found.core}" if found.core else ""
    how = f"{found.how}; {found.fitting} of {found.considered} boards{of} in the library"
    if result.verdict.status == "fits":
        own = (result.board.ram_data_bytes, sum(bank.size_bytes for bank in result.board.flash))
        boards = [board for board in found.boards if (board.ram_bytes, board.flash_bytes) < own]
        title = f"Smaller boards that would do ({how})"
    else:
        boards = list(found.boards)
        title = f"Boards that would do, smallest first ({how})"
    if boards or found.how == "measured" or result.verdict.status != "fits":
        yield ""
        yield title if boards else f"No {'smaller ' * title.startswith('S')}board would do ({how})"
    for board in boards:
        yield (
            f"  {board.name:<24} RAM {board.ram_bytes:>9,} B, flash {board.flash_bytes:>9,} B, "
            f"margin {board.margin_bytes:>9,} B"
        )
        yield from (f"    firmware must first: {text}" for text in board.setup)


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    """What the operator gate has to say, once for each kind of operator."""
    if not findings:
        return
    yield ""
    yield "Operators that need attention (lab ops lists all)"
    for finding, indices in by_kind(findings):
        where = f"; operator {', '.join(map(str, indices))}" if indices else ""
        yield f"  {finding.name} v{finding.version} ({finding.verdict}{where}): {finding.reason}"
        if finding.instead:
            yield f"    instead: {finding.instead}"


def by_kind(findings: Sequence[Finding]) -> list[tuple[Finding, list[int]]]:
    """Findings that say the same of an operator, once, with the indices of all of them."""
    kinds: dict[Finding, list[int]] = {}
    for finding in findings:
        kind = finding.model_copy(update={"index": -1})
        kinds.setdefault(kind, []).extend([finding.index] if finding.index >= 0 else [])
    return list(kinds.items())


def _evidence(failure: Failure) -> Iterator[str]:
    where = (
        f" in operator {failure.operator} {failure.operator_name}" if failure.operator_name else ""
    )
    yield f"  when    {failure.phase}{where}, on the target"
    for number, line in enumerate(failure.log[:_MOST_LOG]):
        yield f"  {'says' if number == 0 else '':<7} {line}"
    if len(failure.log) > _MOST_LOG:
        yield f"          … and {len(failure.log) - _MOST_LOG} more lines"
    if failure.stack_bytes:
        yield f"  stack   at least {failure.stack_bytes:,} B deep on the failing path"
    if failure.fault:
        at = "" if failure.fault_address is None else f" at 0x{failure.fault_address:08x}"
        pc = "" if failure.fault_pc is None else f", PC 0x{failure.fault_pc:08x}"
        yield f"  fault   {failure.fault.replace('_', ' ')}{at}{pc}"
    for number, frame in enumerate(failure.call_chain[:_MOST_FRAMES]):
        line = f" ({frame.line})" if frame.line else ""
        yield f"  {'in' if number == 0 else 'from':<7} {frame.function}{line}"


def _peak(result: CheckResult) -> Iterator[str]:
    peak = result.peak
    if peak is None:
        return
    yield (
        f"  peak    operator {peak.operator} {peak.operator_name}: "
        f"{format_size(peak.live_bytes)} of tensors alive at once"
    )
    for tensor in peak.tensors[:_MOST_TENSORS]:
        yield f"          {tensor.size_bytes:>11,} B  {tensor_name(tensor.name)}"
    if len(peak.tensors) > _MOST_TENSORS:
        rest = sum(tensor.size_bytes for tensor in peak.tensors[_MOST_TENSORS:])
        yield f"          {rest:>11,} B  in {len(peak.tensors) - _MOST_TENSORS} more"


def _figures(result: CheckResult) -> Iterator[str]:
    if result.memory:
        yield ""
        yield from _ram(result, result.memory.ram)
        yield ""
        yield from _flash(result.memory.flash)
    yield from _arena(result)
    yield from _run(result)
    yield from _reserves(result)
    yield from _paste(result)


def _ram(result: CheckResult, ram: Ram) -> Iterator[str]:
    used = {name for span in ram.layout for name in span.banks}
    banks = ", ".join(
        f"{bank.name} {bank.size_bytes:,} B"
        for bank in result.board.ram
        if not used or bank.name in used
    )
    whole = result.board.ram_data_bytes
    of = "usable for data" if ram.available_bytes == whole else f"used, of {whole:,} B for data"
    yield f"RAM     {format_size(ram.available_bytes)} {of}: {banks}"
    yield _row("static", ram.static_bytes, ".data and .bss, exact")
    asked = result.request.arena_bytes is not None
    yield _row("arena", ram.arena_bytes, "as asked for" if asked else "required, measured")
    if result.stack:
        stack = result.stack
        how = "as asked for" if result.request.stack_reserve_bytes is not None else "by rule"
        yield _row(
            "stack",
            ram.stack_reserve_bytes,
            f"{how}; high-water {stack.high_water_bytes:,} B, {how_deep(stack)}, {deepest(stack)}",
        )
        yield f"{'':<28}  of which {stack.runner_bytes:,} B are frames of the lab's runner"
    if ram.application_bytes:
        profile = result.request.reserve_profile
        yield _row("application", ram.application_bytes, f"profile {profile}" if profile else "")
    if ram.alignment_bytes:
        yield _row("alignment", ram.alignment_bytes, "before the arena")
    yield _row("needed", ram.needed_bytes, bar(ram.needed_bytes, ram.available_bytes))
    if ram.layout and len(result.board.ram) > 1:
        where = {span.what: "+".join(span.banks) for span in ram.layout if span.what != "free"}
        yield "  in banks     " + ", ".join(f"{what} {banks}" for what, banks in where.items())
    yield from (f"  firmware must first: {text}" for text in ram.setup)


def _flash(flash: Flash) -> Iterator[str]:
    yield f"Flash   {format_size(flash.available_bytes)}"
    yield _row("code", flash.code_bytes, "runtime, kernels, C library, runner; exact")
    yield _row("model", flash.model_bytes, "exact")
    if flash.data_bytes:
        yield _row(".data", flash.data_bytes, "initial values, exact")
    if flash.padding_bytes:
        yield _row("padding", flash.padding_bytes, "alignment")
    if flash.application_bytes:
        yield _row("application", flash.application_bytes, "")
    yield _row("needed", flash.needed_bytes, bar(flash.needed_bytes, flash.available_bytes))


def _arena(result: CheckResult) -> Iterator[str]:
    arena = result.arena
    if arena is None:
        return
    yield ""
    yield (
        f"Arena   required {arena.required_bytes:,} B, reported by TFLM {arena.reported_bytes:,} B "
        f"({arena.trials} allocations run)"
    )
    for name, size, what in (
        ("persistent", arena.persistent_bytes, "tail: structures, kernel data, variables"),
        ("non-persist.", arena.non_persistent_bytes, "head: activations and scratch buffers"),
        ("headroom", arena.planning_headroom_bytes, "needed only while allocating"),
    ):
        if size is not None:
            yield _row(name, size, what)
    if arena.persistent_bytes is None:
        yield "  its parts are not known: the runtime keeps them elsewhere than the lab knows"
    if arena.below:
        yield f"  with 16 B less: {arena.below}"


def _run(result: CheckResult) -> Iterator[str]:
    run = result.run
    if run is None:
        return
    yield ""
    yield f"One inference: {run.instructions:,} instructions, {how_counted(run)}"
    if run.cycles is None or run.milliseconds is None:
        yield f"  {instructions_only(result)}"
    else:
        yield (
            f"  {run.cycles:,} cycles, {run.milliseconds:,.1f} ms at zero wait states "
            f"(model {run.cycle_model}, {run.cycle_class})"
        )
    if run.milliseconds_all_waiting and result.board.flash_wait_states:
        yield (
            f"  flash has {result.board.flash_wait_states} wait states: up to "
            f"{run.milliseconds_all_waiting:,.1f} ms if every cycle waited"
        )
    weight = weight_of(result)
    yield f"  most {weight.told}"
    ranked = sorted(result.operators, key=lambda operator: -weight.of(operator))[:_MOST_OPERATORS]
    for operator in ranked:
        yield _operator(operator, percent(weight.of(operator), weight.of(run)))


def _operator(operator: Operator, share: str) -> str:
    return (
        f"  {share:>6}  {operator.index:>3} {operator.name:<24} "
        f"{operator.instructions:>13,} instructions, stack down to {operator.stack_bytes:,} B"
    )


def _reserves(result: CheckResult) -> Iterator[str]:
    if result.memory is None:
        return
    yield ""
    profile = result.request.reserve_profile
    if profile:
        yield f"With profile {profile}; your application comes on top (--app-ram, --app-flash)."
        return
    yield "Bare metal: your RTOS or core library and application come on top (--app-ram …)."
    for reserve in result.board.reserves:
        yield (
            f"  --reserve {reserve.name}: {reserve.title}, "
            f"RAM {reserve.ram_bytes:,} B, flash {reserve.flash_bytes:,} B"
        )


def _paste(result: CheckResult) -> Iterator[str]:
    if not result.resolver or result.verdict.status != "fits" or result.arena is None:
        return
    arena = result.request.arena_bytes or result.arena.required_bytes
    yield ""
    yield "To paste:"
    yield f"  constexpr int kTensorArenaSize = {arena};"
    yield "  alignas(16) static uint8_t tensor_arena[kTensorArenaSize];"
    yield f"  static tflite::MicroMutableOpResolver<{len(result.resolver)}> resolver;"
    if "AddBuiltin" in "".join(result.resolver):
        yield "  // version 0: any; the operators were checked for the versions of this model"
    for line in result.resolver:
        yield f"  {line}"


def _row(what: str, size: int, how: str) -> str:
    return f"  {what:<12} {size:>11,} B  {how}".rstrip()
