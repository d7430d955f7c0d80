"""What a runtime costs before there is a model: the list of all its prices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

from lab.board import load_board
from lab.cores import CORES
from lab.crate import Say
from lab.errors import Problem, UsageError
from lab.firmware import Registration
from lab.generations import DEFAULT_RUNTIME
from lab.jobs.images import new_builder
from lab.jobs.options import Options, validate
from lab.jobs.prices import Base, Measuring, Prices
from lab.jobs.record import runtime_record
from lab.measure.ops import available, load_table
from lab.runtime_cost import OperatorPrice, RuntimeCost
from lab.runtimes import load_runtime
from lab.version import VERSION
from lab.yaml_source import nearest, shown

MAX_JOBS = 64


def runtime_cost(
    board: str,
    runtime_name: str = DEFAULT_RUNTIME,
    opt: str = "O2",
    operators: Sequence[str] = (),
    jobs: int | None = None,
    say: Say = lambda _: None,
) -> RuntimeCost:
    """Price a runtime for the core of a board.

    Args:
        board: name of a board, or path of a board file.
        runtime_name: name of a runtime, or path of a manifest.
        opt: optimisation level, ``O2``, ``O3`` or ``Os``; of the runner alone with a library.
        operators: names of those to price; empty: all.
        jobs: tools at a time; None: one for each processor. Changes nothing in the result.
        say: told about every long step and every price.

    Returns:
        The record; an operator without a price says why in its place.

    Raises:
        UsageError: a name or option makes no sense.
        InputError: a file is damaged.
        ToolError: a tool is missing, or the runtime cannot be built at all.
    """
    validate(Options(opt=opt))
    described, runtime = load_board(board), load_runtime(runtime_name)
    core = CORES[described.core]
    if what := runtime.mismatch(core):
        raise UsageError(f"{what} for {described.name}")
    table = load_table(runtime.operator_table, runtime.api)
    wanted = _chosen(available(table), operators)
    builder = new_builder(say)
    with Measuring() as measuring:
        prices = Prices(runtime, core, opt, table, builder, measuring)
        base = prices.base()
        quiet = replace(prices, builder=replace(builder, say=lambda _: None))
        found = _all(quiet, base, wanted, jobs or len(os.sched_getaffinity(0)), say)
    return RuntimeCost(
        lab=VERSION,
        runtime=runtime_record(runtime),
        board=described.name,
        board_flash_bytes=described.flash_run().size,
        board_ram_bytes=described.ram_total,
        core=core.name,
        opt=opt,
        compiler=builder.chain.compiler,
        libc=builder.chain.libc,
        empty=base.empty,
        full=base.full,
        full_problem=base.full_problem,
        operators=found,
    )


def _chosen(known: Sequence[Registration], names: Sequence[str]) -> list[Registration]:
    by_name = {one.name: one for one in known}
    for name in names:
        if name not in by_name:
            what = f"the runtime has no operator {shown(name)}"
            raise UsageError(str(Problem("", what, nearest(name.upper(), by_name))))
    return [by_name[name] for name in dict.fromkeys(names)] or list(known)


def _all(
    prices: Prices, base: Base, wanted: Sequence[Registration], jobs: int, say: Say
) -> tuple[OperatorPrice, ...]:
    """The prices in the order of ``wanted``, several of them made at a time."""
    with ThreadPoolExecutor(min(jobs, MAX_JOBS)) as pool:
        try:
            futures = [pool.submit(prices.price, one, base) for one in wanted]
            for count, done in enumerate(as_completed(futures), 1):
                say(f"priced {done.result().name} ({count} of {len(wanted)})")
        except BaseException:  # Ctrl-C: what is being built ends in seconds, nothing is begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(future.result() for future in futures)
