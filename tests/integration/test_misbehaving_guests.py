"""Guest images that misbehave: each ends as documented, soon, and the same on every run."""

from __future__ import annotations

import pytest
from misbehaving import (
    ARENA_BYTES,
    CORES,
    ENDLESS,
    FAILURES,
    M4,
    NOWHERE,
    TOP,
    guest,
    session,
    start,
)

from lab.errors import NoVerdictError
from lab.measure.arena_trace import trace
from lab.measure.failures import Failure
from lab.measure.inference import Inference


def outcome(core: str, place: str, lines: str, **more: object) -> Inference | Failure | str:
    """What the session says, twice the same; the words where there is no verdict."""

    def once() -> Inference | Failure | str:
        fresh = session(guest(core, **{place: lines}), core)
        fresh.plan(start())  # whatever it says: no exception
        trace(fresh, start())
        try:
            first = fresh.infer(start(**more))
            assert first == fresh.infer(start(**more))  # after a reset
        except NoVerdictError as error:
            (line,) = error.lines()
            return line
        return first

    results = (once(), once())
    assert results[0] == results[1]
    return results[0]


@pytest.mark.parametrize("core", CORES)
def test_a_guest_that_behaves(core: str) -> None:
    ran = outcome(core, "kernel", "")
    assert isinstance(ran, Inference)
    assert ran.outputs == ((bytes([1] * 16),),)
    assert [operator.kernel for operator in ran.operators] == ["kernel"]
    assert (ran.persistent, ran.non_persistent, ran.reported) == (64, 32, 96)


@pytest.mark.parametrize(
    ("core", "case"),
    [pytest.param(core, case, id=f"{core}-{case[0]}") for case in FAILURES for core in case[5]],
)
def test_a_guest_that_fails(
    core: str, case: tuple[str, str, str, str, str | None, tuple[str, ...]]
) -> None:
    _, place, lines, failure_class, fault, _ = case
    failed = outcome(core, place, lines)
    assert isinstance(failed, Failure), failed
    kind = failed.fault.kind if failed.fault else None
    assert (failed.failure_class, kind) == (failure_class, fault)
    assert failed.phase == ("allocate" if place in {"boot", "allocate"} else "invoke")
    assert len(failed.chain) <= 16
    assert failed.reason.isprintable()


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("place", "lines", "phase"), [case[1:] for case in ENDLESS],
                         ids=[case[0] for case in ENDLESS])  # fmt: skip
def test_a_guest_that_does_not_end(core: str, place: str, lines: str, phase: str) -> None:
    said = outcome(core, place, lines)
    if isinstance(said, Failure):  # a loop through Reset_Handler only uses up the stack
        assert said.failure_class == "stack_overflow"
        return
    assert isinstance(said, str)
    assert said.startswith(f"no verdict: still in {phase} after 2,000,000 instructions, in ")


def test_what_is_printed_is_cut_and_that_is_said() -> None:
    lines = 'for (int i = 0; i < 9000; ++i) DebugLog("x\\n"); DebugLog("lost"); kernel()'
    failed = outcome("cortex-m4f", "allocate", lines + '; asm volatile("bkpt 0")')
    assert isinstance(failed, Failure)
    assert len(failed.log) == 4096 + 1
    assert failed.log[-1] == "[the log is cut here, after 8,192 B]"
    assert "lost" not in failed.log


LIES = [
    ("a log of 4 GB", "describe", "lab_mailbox.log_bytes = 0xffffffff; asm volatile(\"bkpt 0\")",
     "breakpoint"),
    ("status", "after", "lab_mailbox.status = 0xffffffff", "failed_without_words"),
    ("inputs", "describe", "lab_mailbox.inputs = 0xffffffff", "4,294,967,295 graph inputs"),
    ("outputs", "after", "lab_mailbox.outputs = 0x80000000", "2,147,483,648 graph outputs"),
    ("the place of an input", "describe", f"lab_mailbox.input[0].address = {NOWHERE}",
     "lost a graph input: nothing is mapped at 0x30000000"),
    ("the place of an output", "after", "lab_mailbox.output[0].address = 0xfffffff0",
     "lost a graph output: nothing is mapped at 0xfffffff0"),
    ("the end of an output", "after", f"lab_mailbox.output[0] = {{{TOP - 8}, 16}}",
     "lost a graph output"),
    ("the size of an output", "after", "lab_mailbox.output[0].bytes = 0xffffffff",
     "claims 4,294,967,295 B of graph outputs"),
    ("large outputs", "after", "lab_mailbox.outputs = 64; for (int i = 0; i < 64; ++i) "
     "lab_mailbox.output[i] = {lab_mailbox.arena, 64 << 20}", "claims 4,294,967,296 B"),
    ("the interpreter", "describe", "lab_mailbox.interpreter = 0xfffffff0",
     "lost its interpreter"),
    ("no interpreter", "describe", "lab_mailbox.interpreter = 0", "lost its interpreter"),
    ("its allocator", "after", "interpreter.allocator = 0xffffffff", "lost its interpreter"),
    ("its nodes", "describe", f"interpreter.nodes = {NOWHERE}", "lost its interpreter"),
    ("its registrations", "describe", "nodes[0].registration = 0xfffffffd",
     "lost its interpreter"),
    ("a kernel that never runs", "describe", f"registration.invoke = {NOWHERE}",
     "fetch_unmapped"),
    ("what the arena holds", "after", "memory.tail = memory.end + 16", "lost its interpreter"),
    ("the arena used", "after", "memory.head = 0xffffffff", "lost its interpreter"),
]  # fmt: skip


@pytest.mark.parametrize("core", M4)
@pytest.mark.parametrize(("place", "lines", "says"), [case[1:] for case in LIES],
                         ids=[case[0] for case in LIES])  # fmt: skip
def test_a_guest_that_lies(core: str, place: str, lines: str, says: str) -> None:
    said = outcome(core, place, lines)
    if isinstance(said, Failure):
        assert says in {said.failure_class, said.fault.kind if said.fault else ""}
        assert sum(len(line) for line in said.log) <= 8192 + 40
    else:
        assert isinstance(said, str), said
        assert said.startswith("no verdict: ")
        assert says in said


def test_a_guest_that_fails_with_a_damaged_interpreter_has_no_operator() -> None:
    failed = outcome(
        "cortex-m4f", "allocate",
        'lab_mailbox.interpreter = 0xfffffff0; asm volatile("bkpt 0")',
    )  # fmt: skip
    assert isinstance(failed, Failure)
    assert failed.operator is None


def test_inputs_of_other_sizes_are_not_written() -> None:
    assert isinstance(outcome("cortex-m4f", "kernel", "", inputs=(bytes(16),)), Inference)
    said = outcome("cortex-m4f", "kernel", "", inputs=(bytes(4096),))
    assert said == "no verdict: the firmware has inputs of [16] B, the model of [4096] B"
    said = outcome("cortex-m4f", "kernel", "", inputs=(bytes(16), b""))
    assert said == "no verdict: the firmware has inputs of [16] B, the model of [16, 0] B"
    lines = f"lab_mailbox.input[0].address = {NOWHERE}"
    said = outcome("cortex-m4f", "describe", lines, inputs=(bytes(16),))
    assert "lost a graph input" in str(said)


def test_a_guest_that_writes_over_what_it_was_told() -> None:
    lines = "lab_mailbox.arena_bytes = 0xfffffff0; lab_mailbox.invokes = 0"
    said = outcome("cortex-m4f", "describe", lines)
    assert isinstance(said, Failure)  # it ends before it was invoked
    assert said.failure_class == "halted"
    lines = "lab_mailbox.invokes = 0xffffffff"
    said = outcome("cortex-m4f", "describe", lines)
    assert str(said).startswith("no verdict: still in invoke")


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("hint", ["wfe", "yield"])
def test_hints_are_no_faults(core: str, hint: str) -> None:
    assert isinstance(outcome(core, "kernel", f'asm volatile("{hint}")'), Inference)


@pytest.mark.parametrize("core", CORES)
def test_division_by_zero_is_zero(core: str) -> None:
    divide = "wild = 7 / zero" if core != "cortex-m0plus" else "wild = zero"
    lines = f"{divide}; ((uint8_t*)lab_mailbox.arena)[16] = wild"
    ran = outcome(core, "kernel", lines)
    assert isinstance(ran, Inference)
    assert ran.outputs[0][0][0] == 0


@pytest.mark.parametrize("core", ["cortex-m4f", "cortex-m33f"])
def test_words_at_odd_places_are_read_where_the_core_does(core: str) -> None:
    arena = "(lab_mailbox.arena + 1)"
    lines = f"*(volatile uint32_t*){arena} = 0x01020304; wild = *(volatile uint32_t*){arena}; "
    ran = outcome(core, "kernel", lines + "((uint8_t*)lab_mailbox.arena)[16] = wild")
    assert isinstance(ran, Inference)
    assert ran.outputs[0][0][0] == 4


def test_many_inferences_are_all_looked_at() -> None:
    fresh = session(guest(after="if (zero == 7) lab_mailbox.outputs = 70; zero = zero + 1"))
    with pytest.raises(NoVerdictError, match="70 graph outputs"):
        fresh.infer(start(invokes=9))


def test_a_smaller_arena_is_measured_from_its_own_end() -> None:
    ran = outcome("cortex-m4f", "kernel", "", arena_bytes=ARENA_BYTES // 2)
    assert isinstance(ran, Inference)
    assert ran.persistent == 64
