"""Does a runtime compute what TFLM computes? Two tiny models with known outputs, on one core.

This finds a library whose definitions differ from those of its headers: then the runner and the
library disagree about where fields of structures are, and nothing says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab.arm_attributes import fitting_cores
from lab.board import Board, load_board
from lab.cores import CORES
from lab.crate import Say
from lab.errors import NoVerdictError, Problem, UsageError
from lab.jobs.images import Images, new_builder
from lab.jobs.measured import Subject
from lab.jobs.options import Options
from lab.jobs.trial import Trial
from lab.measure.failures import Failure
from lab.measure.inference import Inference, Limits
from lab.measure.ops import gate, load_table, registrations
from lab.measure.worker import Worker
from lab.model import read_model
from lab.results import Request
from lab.runtimes import CrateRuntime, Runtime, load_runtime
from lab.yaml_source import nearest, shown
from lab.zoo import model_path

_INVOKES, _SEED = 3, 1
_LIMITS = Limits(instructions=2_000_000_000, seconds=120)
_DEFAULT_CORE = "cortex-m4f"


@dataclass(frozen=True)
class Known:
    """A zoo model and what it gives for the runner's inputs of seed 1.

    Attributes:
        model: its name.
        dtype: of the outputs, as numpy writes it.
        outputs: of each inference, in hexadecimal; from ``tflm-2020-07`` on a Cortex-M4F.
        tolerance: largest difference that is still right: float kernels may add in another order,
            and int8 kernels round in one step or in two.
    """

    model: str
    dtype: str
    outputs: tuple[str, ...]
    tolerance: float


KNOWN = (
    Known("tiny_float", "<f4", ("7f0eca39", "fc0a693f", "34583cbf"), 1e-5),
    Known(
        "keyword_spotter",
        "i1",
        ("878799cd8f869585a6968a96", "918caf9aac8a9f838d8ba485", "90adaa8489a788939c8f918d"),
        1,
    ),
)


@dataclass(frozen=True)
class Result:
    """What one model gave.

    Attributes:
        right: its outputs are the known ones.
        line: the same for people.
        likely: what is likely the cause where they are not; empty when nothing points anywhere.
    """

    right: bool
    line: str
    likely: str = ""


def verify(name: str, board: str | None, core: str | None, say: Say) -> list[Result]:
    """Run the known models with a runtime.

    Args:
        name: of the runtime, or its manifest.
        board: use this board's core.
        core: use this core; with neither, one that the library is built for.
        say: told about every long step.

    Raises:
        UsageError: no such runtime, board or core, or the runtime is not built for it.
        InputError: its manifest, library or headers are not usable.
        ToolError: it cannot be compiled against or linked.
    """
    runtime = load_runtime(name)
    chosen = _core(runtime, board, core)
    if what := runtime.mismatch(CORES[chosen]):
        raise UsageError(what)
    results = []
    for known in KNOWN:
        with Worker() as worker:
            results.append(
                _result(known, runtime, chosen, _run(known, runtime, chosen, worker, say))
            )
    return results


def _core(runtime: Runtime, board: str | None, core: str | None) -> str:
    if board and core:
        raise UsageError("give --board or --core, not both")
    if board:
        return load_board(board).core
    if core:
        if core not in CORES:
            raise UsageError(str(Problem("", f"no core {shown(core)}", nearest(core, CORES))))
        return core
    if isinstance(runtime, CrateRuntime):
        return _DEFAULT_CORE
    fitting = fitting_cores(runtime.facts.abi)
    return fitting[0] if fitting else _DEFAULT_CORE


def bench_board(core: str) -> Board:
    """A board that does not exist, with memory enough for small models."""
    return Board.model_validate(
        {
            "name": "bench", "title": f"memory around a {core}", "vendor": "none", "mcu": "none",
            "core": core, "clock": "1 MHz",
            "flash": ({"name": "FLASH", "base": "0x08000000", "size": "2 MiB"},),
            "ram": ({"name": "RAM", "base": "0x20000000", "size": "1 MiB", "data": True},),
            "sources": ("none",),
        }
    )  # fmt: skip


def _run(
    known: Known, runtime: Runtime, core: str, worker: Worker, say: Say
) -> Inference | Failure | str:
    """Outcome with plenty of arena, or why there is none."""
    model = read_model(model_path(known.model))
    table = load_table(runtime.operator_table, runtime.api)
    request = Request(
        engine="unicorn", engine_version=None, arena_bytes=None, arena_bank=None,
        stack_reserve_bytes=None, app_ram_bytes=0, app_flash_bytes=0, reserve_profile=None,
        invokes=_INVOKES, seed=_SEED, inputs="generated",
    )  # fmt: skip
    subject = Subject(
        bench_board(core), model, runtime, "O2", request, gate(model, table, runtime.kernels),
        registrations(model, table),
    )  # fmt: skip
    options = Options(invokes=_INVOKES, seed=_SEED, limits=_LIMITS)
    try:
        images = Images(subject, new_builder(say))
        return Trial(images, options, worker, say, None).probe().probe.outcome
    except NoVerdictError as error:
        return str(error)


def _result(
    known: Known, runtime: Runtime, core: str, outcome: Inference | Failure | str
) -> Result:
    where = f"{known.model} on {core}"
    if isinstance(outcome, Inference):
        wanted = np.frombuffer(bytes.fromhex("".join(known.outputs)), known.dtype)
        got = np.frombuffer(b"".join(b"".join(one) for one in outcome.outputs), known.dtype)
        if got.shape == wanted.shape:
            apart = float(np.max(np.abs(got.astype(float) - wanted.astype(float))))
            if apart <= known.tolerance:
                how = "exactly" if not apart else f"within {apart:g}"
                return Result(True, f"RIGHT  {where}: the known outputs, {how}")
            told = f"largest difference {apart:g}, allowed {known.tolerance:g}"
        else:
            told = f"{got.size} values instead of {wanted.size}"
        return Result(False, f"WRONG  {where}: other outputs, {told}", _likely(runtime))
    if isinstance(outcome, Failure):
        said = f"{outcome.failure_class} in {outcome.phase}: {outcome.reason}"
        return Result(False, f"FAILS  {where}: {said}", _likely(runtime))
    return Result(False, f"FAILS  {where}: {outcome}", _likely(runtime))


def _likely(runtime: Runtime) -> str:
    if isinstance(runtime, CrateRuntime):
        return ""
    if not runtime.facts.static_memory:
        return (
            "the library was built without TF_LITE_STATIC_MEMORY (it defines "
            "TfLiteIntArrayCreate): build it with TARGET=cortex_m_generic"
        )
    return (
        "library and headers are of different versions, or a macro that changes structures differs "
        "(USE_TFLM_COMPRESSION: lab runtime add --define USE_TFLM_COMPRESSION)"
    )
