"""Put what was measured into the record: verdict, figures, evidence."""

from __future__ import annotations

from lab import results
from lab.board import Bank, Board
from lab.cores import CORES
from lab.details import Details
from lab.jobs.measured import Measured, Subject
from lab.jobs.memory import memory_of
from lab.jobs.verdict import verdict_of
from lab.measure.arena import Required
from lab.measure.failures import Failure
from lab.measure.inference import Inference, OperatorRun
from lab.measure.ops import OperatorVerdict, Registration, blocking
from lab.measure.tflm import PlannedBuffer
from lab.model import Model
from lab.placement import align_up
from lab.results import CheckResult, Request, Verdict
from lab.runner import compile_flags
from lab.runtimes import CrateRuntime, LibraryRuntime, Runtime
from lab.version import VERSION


def refused(subject: Subject) -> CheckResult:
    """The record of a model whose operators this runtime cannot run: nothing was built."""
    first = blocking(subject.verdicts)[0]
    verdict = Verdict(
        status="failed",
        limit=None,
        margin_bytes=None,
        failure_class=first.failure_class,
        summary=f"{first.where}: {first.reason}",
        remedy=first.instead or None,
    )
    return CheckResult(
        verdict=verdict, **_identity(subject), build=None, memory=None, arena=None, stack=None,
        run=None, operators=(), peak=None, failure=None, would_do=None, resolver=(),
    )  # fmt: skip


def assemble(
    subject: Subject,
    measured: Measured,
    would_do: results.WouldDo | None,
    details: Details | None = None,
) -> CheckResult:
    """The record of a model that was built and run."""
    outcome = measured.probe.outcome
    ran = outcome if isinstance(outcome, Inference) else None
    return CheckResult(
        verdict=verdict_of(subject, measured),
        **_identity(subject) | {"request": _request(subject, measured)},
        build=_build(subject, measured),
        memory=memory_of(subject, measured),
        arena=_arena(measured),
        stack=_stack(measured),
        run=_run(subject, ran) if ran else None,
        operators=_operators(subject, ran) if ran else (),
        peak=_peak(subject.model, measured.probe.plan),
        failure=_failure(subject, _failed(measured)),
        would_do=would_do,
        resolver=tuple(_resolver_line(registration) for registration in subject.registrations),
        details=details,
    )


def _identity(subject: Subject) -> dict[str, object]:
    model, runtime = subject.model, subject.runtime
    return {
        "board": _board(subject.board),
        "model": results.Model(
            name=model.name,
            sha256=model.sha256,
            size_bytes=model.size,
            operators=len(model.operators),
            tensors=len(model.tensors),
        ),
        "runtime": runtime_record(runtime),
        "request": subject.request,
        "findings": tuple(
            _finding(verdict) for verdict in subject.verdicts if verdict.verdict != "supported"
        ),
    }


def runtime_record(runtime: Runtime) -> results.Runtime:
    """The identity of a runtime."""
    crate = runtime if isinstance(runtime, CrateRuntime) else None
    own = runtime if isinstance(runtime, LibraryRuntime) else None
    return results.Runtime(
        name=runtime.name,
        title=runtime.title,
        kind=runtime.kind,
        api=runtime.api,
        kernels=runtime.kernels,
        source_sha256=crate.checksum if crate else None,
        library_sha256=own.facts.sha256 if own else None,
        headers_sha256=own.headers.sha256 if own else None,
        library_compilers=own.facts.compilers if own else (),
    )


def _board(board: Board) -> results.Board:
    return results.Board(
        name=board.name,
        title=board.title,
        mcu=board.mcu,
        core=board.core,
        clock_hz=board.clock_hz,
        flash=tuple(_bank(bank) for bank in board.flash),
        ram=tuple(_bank(bank) for bank in board.ram),
        ram_data_bytes=board.ram_total,
        flash_wait_states=board.flash_wait_states(),
        reserves=tuple(
            results.Reserve(name=n, title=r.title, ram_bytes=r.ram, flash_bytes=r.flash)
            for n, r in board.reserves.items()
        ),
        unverified=board.unverified,
        what_if=board.what_if,
    )


def _bank(bank: Bank) -> results.Bank:
    return results.Bank(name=bank.name, base=bank.base, size_bytes=bank.size)


def _finding(verdict: OperatorVerdict) -> results.Finding:
    return results.Finding.model_validate(
        {
            "index": verdict.index,
            "name": verdict.name,
            "version": verdict.version,
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "instead": verdict.instead,
        }
    )


def _request(subject: Subject, measured: Measured) -> Request:
    return subject.request.model_copy(update={"engine_version": measured.probe.engine_version})


def _failed(measured: Measured) -> Failure | None:
    """The failure that tells why: on the board's own memory where it ran there."""
    for outcome in (measured.on_board, measured.probe.outcome):
        if isinstance(outcome, Failure):
            return outcome
    return None


def _build(subject: Subject, measured: Measured) -> results.Build:
    core = CORES[subject.board.core]
    return results.Build(
        lab=VERSION,
        opt=subject.opt,
        compiler=measured.chain.compiler,
        libc=measured.chain.libc,
        flags=tuple(compile_flags(subject.runtime, core, subject.opt)),
        image_sha256=measured.image_sha256,
    )


def _arena(measured: Measured) -> results.Arena | None:
    required, outcome = measured.probe.required, measured.probe.outcome
    if required is None or not isinstance(outcome, Inference):
        return None
    return results.Arena(
        reported_bytes=outcome.reported,
        required_bytes=required.size,
        persistent_bytes=outcome.persistent,
        non_persistent_bytes=outcome.non_persistent,
        planning_headroom_bytes=(
            None
            if outcome.persistent is None or outcome.non_persistent is None
            else required.size - outcome.persistent - outcome.non_persistent
        ),
        trials=required.trials,
        below=_below(required),
    )


def _below(required: Required) -> str | None:
    if required.differs:
        return "allocation succeeds, but the outputs are others"
    return required.below.reason if required.below else None


def _stack(measured: Measured) -> results.Stack | None:
    outcome, placement = measured.probe.outcome, measured.placement
    if not isinstance(outcome, Inference) or placement is None:
        return None
    return results.Stack(
        high_water_bytes=outcome.stack.high_water,
        exact=outcome.stack.exact,
        reserve_bytes=placement.stack_top - placement.stack_limit,
        function=outcome.stack.function,
        runner_bytes=outcome.stack.runner,
    )


def _run(subject: Subject, ran: Inference) -> results.Run:
    board = subject.board
    core = CORES[board.core]
    milliseconds, waiting = _times(board, ran.cycles)
    return results.Run(
        instructions=ran.instructions,
        cycles=ran.cycles,
        cycle_model=core.cycles.name,
        cycle_class=core.cycles.accuracy,
        milliseconds=milliseconds,
        milliseconds_all_waiting=waiting,
        setup_instructions=ran.setup_instructions,
        setup_cycles=ran.setup_cycles,
        invokes=subject.request.invokes,
        outputs_sha256=ran.outputs_sha256,
    )


def _times(board: Board, cycles: int | None) -> tuple[float | None, float | None]:
    """Milliseconds at zero wait states, and if every cycle waited for flash."""
    if cycles is None:
        return None, None
    milliseconds, waits = cycles / board.clock_hz * 1000, board.flash_wait_states()
    return round(milliseconds, 3), None if waits is None else round(milliseconds * (1 + waits), 3)


def _operators(subject: Subject, ran: Inference) -> tuple[results.Operator, ...]:
    return tuple(_operator(subject.model, operator) for operator in ran.operators)


def _operator(model: Model, ran: OperatorRun) -> results.Operator:
    operator = model.operators[ran.index]
    return results.Operator(
        index=ran.index,
        name=operator.name,
        version=operator.code.version,
        kernel=ran.kernel,
        instructions=ran.instructions,
        cycles=ran.cycles,
        macs=model.macs(operator),
        stack_bytes=ran.stack_bytes,
        output=model.tensors[operator.outputs[0]].name if operator.outputs else None,
    )


def _peak(model: Model, plan: tuple[PlannedBuffer, ...]) -> results.Peak | None:
    """Who is alive when most planned memory is.

    The planner is told of the tensors that need memory in tensor order, then of scratch buffers.
    """
    if not plan or not model.operators or len(model.subgraphs) > 1:
        return None
    planned = [t for t in model.tensors if not t.is_constant and not t.is_variable and t.size]
    if any(align_up(t.size) != b.size for t, b in zip(planned, plan, strict=False)):
        return None  # not in that order: nobody knows which buffer is whose
    names = [tensor.name for tensor in planned]
    names += ["scratch buffer"] * max(0, len(plan) - len(planned))
    alive = {
        operator.index: [
            (buffer.size, name)
            for buffer, name in zip(plan, names, strict=False)
            if buffer.first <= operator.index <= buffer.last
        ]
        for operator in model.operators
    }
    operator = max(alive, key=lambda index: sum(size for size, _ in alive[index]))
    buffers = sorted(alive[operator], key=lambda buffer: (-buffer[0], buffer[1]))
    return results.Peak(
        operator=operator,
        operator_name=model.operators[operator].name,
        live_bytes=sum(size for size, _ in buffers),
        tensors=tuple(results.PeakTensor(name=name, size_bytes=size) for size, name in buffers),
    )


def _failure(subject: Subject, failure: Failure | None) -> results.Failure | None:
    if failure is None:
        return None
    operators = subject.model.operators
    return results.Failure(
        failure_class=failure.failure_class,
        phase=failure.phase,
        reason=failure.reason,
        log=failure.log,
        operator=failure.operator,
        operator_name=None if failure.operator is None else operators[failure.operator].name,
        fault=failure.fault.kind if failure.fault else None,
        fault_pc=failure.fault.pc if failure.fault else None,
        fault_address=failure.fault.address if failure.fault else None,
        call_chain=tuple(results.Frame(function=f.function, line=f.line) for f in failure.chain),
        stack_bytes=failure.stack_bytes,
    )


def _resolver_line(registration: Registration) -> str:
    if registration.method:
        return f"resolver.{registration.method}();"
    if registration.custom_name:
        return f'resolver.AddCustom("{registration.custom_name}", {registration.expression}, 0);'
    return (
        f"resolver.AddBuiltin(tflite::BuiltinOperator_{registration.builtin}, "
        f"{registration.expression}, 0);"
    )
