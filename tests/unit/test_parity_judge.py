"""What is equal, what is explained, and what is a disagreement between two engines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cores import CORES
from lab.engines.base import Fault, StopReason
from lab.jobs.parity import exit_code
from lab.jobs.parity_judge import Judge
from lab.measure.failures import Failure
from lab.measure.inference import Inference, OperatorRun, StackUse
from lab.measure.peculiar import SYSTICK, WFI
from lab.measure.tasks import Seen
from lab.parity import Compared, EngineUsed, ImageParity, ParityResult
from lab.report.parity import render
from lab.results import NoRecord

RUN = Inference(
    instructions=1000,
    cycles=1500,
    setup_instructions=300,
    setup_cycles=400,
    operators=(OperatorRun(0, "Conv::Eval", 700, 900, 96), OperatorRun(1, "Eval", 200, 300, 64)),
    stack=StackUse(128, "Conv::Eval", 32, exact=True),
    inputs=((b"\1\2",),),
    outputs=((b"\3",),),
    reported=4000,
    persistent=3000,
    non_persistent=1000,
)
FIRST = Seen(RUN, ("hello",), "2.1.1", painted=120)
OTHER_RUN = replace(RUN, cycles=None, stack=StackUse(120, None, 32, exact=False))
SECOND = Seen(OTHER_RUN, ("hello",), "1.16.1", painted=120)


def crash(kind: str, pc: int = 0x100) -> Failure:
    return Failure(
        failure_class="guest_fault",
        phase="invoke",
        log=(),
        status=0,
        operator=None,
        stop=StopReason.FAULT,
        fault=Fault(kind, pc),
        chain=(),
        stack_bytes=64,
    )


OVERFLOW = replace(crash("-"), failure_class="stack_overflow", fault=None)


def compared(first: Seen, second: Seen, core: str = "cortex-m4f") -> dict[str, Compared]:
    figures = Judge(CORES[core], first, second, ["CONV_2D", "SOFTMAX"]).figures()
    return {figure.name: figure for figure in figures}


def image(first: Seen, second: Seen, core: str = "cortex-m4f") -> ImageParity:
    return ImageParity(
        model="a.tflite",
        model_sha256="0" * 64,
        board="b",
        core=core,
        memory="board",
        image_sha256="1" * 64,
        arena_bytes=4096,
        peculiar=tuple(sorted({*first.starting, *first.inferring})),
        engines=(
            EngineUsed(name="unicorn", version="2.1.1"),
            EngineUsed(name="renode", version=second.engine_version),
        ),
        figures=tuple(compared(first, second, core).values()),
    )


def result(*images: ImageParity, problems: tuple[NoRecord, ...] = ()) -> ParityResult:
    return ParityResult(lab="0", compiler="gcc", libc="newlib", images=images, problems=problems)


def test_what_cannot_be_known_of_the_other_engine_is_no_difference() -> None:
    found = compared(FIRST, SECOND)
    assert {figure.agreement for figure in found.values()} == {"equal", "explained"}
    assert [name for name, figure in found.items() if figure.agreement == "explained"] == [
        "stack, high-water mark"
    ]
    assert exit_code(result(image(FIRST, SECOND))) == 0


@pytest.mark.parametrize(
    ("change", "figure"),
    [
        ({"outputs": ((b"\4",),)}, "outputs"),
        ({"outputs": ()}, "outputs"),
        ({"inputs": ((b"\1\3",),)}, "inputs"),
        ({"instructions": 1001}, "inference"),
        ({"setup_instructions": 299}, "start-up"),
        ({"reported": 4016}, "arena, reported"),
        ({"persistent": None}, "arena, persistent"),
        ({"operators": RUN.operators[:1]}, "operator 1, SOFTMAX"),
        ({"stack": StackUse(129, None, 32, exact=False)}, "stack, high-water mark"),
    ],
)
def test_a_difference_that_nothing_explains(change: dict[str, object], figure: str) -> None:
    second = replace(SECOND, outcome=replace(OTHER_RUN, **change))  # type: ignore[arg-type]
    found = compared(FIRST, second)
    assert [name for name, one in found.items() if one.agreement == "differs"] == [figure]
    assert exit_code(result(image(FIRST, second))) == 1


def test_what_is_painted_over_must_be_equal() -> None:
    found = compared(FIRST, replace(SECOND, painted=116))
    assert found["stack, painted"].agreement == "differs"


def test_the_console_is_compared() -> None:
    assert compared(FIRST, replace(SECOND, console=()))["console"].agreement == "differs"


def test_counts_may_differ_where_the_code_waits_or_looks_at_the_time() -> None:
    first = replace(FIRST, inferring=(SYSTICK, WFI))
    run = replace(OTHER_RUN, instructions=1010, setup_instructions=301, reported=1)
    found = compared(first, replace(SECOND, outcome=run))
    assert found["inference"].agreement == "explained"
    assert found["inference"].reason == (
        "code executed in this phase depends on the emulator: SysTick, WFI"
    )
    assert found["start-up"].agreement == "differs", "it is not of that phase"
    assert found["arena, reported"].agreement == "differs", "that explains no memory"


@pytest.mark.parametrize(
    ("core", "kind", "version", "agreement"),
    [
        ("cortex-m4f", "unaligned", "1.16.1", "explained"),
        ("cortex-m4f", "write_protected", "1.16.1", "explained"),
        ("cortex-m4f", "divide_by_zero", "1.16.1", "explained"),
        ("cortex-m4f", "divide_by_zero", "1.16.1, behaves as master", "explained"),
        ("cortex-m4f", "read_unmapped", "1.16.1", "explained"),
        ("cortex-m4f", "read_unmapped", "1.16.1, behaves as master", "differs"),
        ("cortex-m4f", "read_unmapped", "1.17.0", "differs"),
        ("cortex-m0plus", "undefined_instruction", "1.16.1", "explained"),
        ("cortex-m4f", "undefined_instruction", "1.16.1", "differs"),
        ("cortex-m4f", "invalid_state", "1.16.1", "differs"),
    ],
)
def test_a_fault_that_renode_does_not_have(
    core: str, kind: str, version: str, agreement: str
) -> None:
    first, second = replace(FIRST, outcome=crash(kind)), replace(SECOND, engine_version=version)
    found = compared(first, second, core)
    assert found["outcome"].agreement == agreement
    assert (found["outcome"].reason is not None) == (agreement == "explained")
    assert list(found) == ["outcome", "console"], "nothing else can be compared"


@pytest.mark.parametrize(
    ("instruction", "agreement"),
    [
        ("31ee020b", "explained"),  # vadd.f64 d0, d1, d2
        ("2ded028b", "explained"),  # vpush {d8}
        ("00ee100f", "differs"),  # mcr p15, 0, r0, c0, c0, 0
        ("00de", "differs"),  # udf #0
    ],
)
def test_an_fpu_explains_floating_point_alone(instruction: str, agreement: str) -> None:
    first = replace(
        FIRST, outcome=crash("undefined_instruction"), faulting=bytes.fromhex(instruction)
    )
    assert compared(first, SECOND)["outcome"].agreement == agreement


def test_a_fault_that_only_renode_has_is_not_explained() -> None:
    second = replace(SECOND, outcome=crash("unaligned"))
    assert compared(FIRST, second)["outcome"].agreement == "differs"


def test_the_same_failure_is_equal_wherever_it_was_noticed() -> None:
    late = replace(crash("read_unmapped"), fault=Fault("read_unmapped", 0x200, 4, late=True))
    first = replace(FIRST, outcome=crash("read_unmapped"))
    assert compared(first, replace(SECOND, outcome=late))["outcome"].agreement == "equal"


def test_a_stack_overflow_may_end_in_something_else() -> None:
    second = replace(SECOND, outcome=crash("invalid_state"))
    found = compared(replace(FIRST, outcome=OVERFLOW), second)["outcome"]
    assert found.reason == "a stack limit is noticed there only after it was passed"


def test_what_could_not_be_compared_counts() -> None:
    problem = NoRecord(model="a", board="b", exit_code=5, lines=("a on b: no answer",))
    assert exit_code(result(problems=(problem,))) == 5
    assert exit_code(result(image(FIRST, SECOND), problems=(problem,))) == 5


def test_what_people_read() -> None:
    wrong = replace(SECOND, outcome=replace(OTHER_RUN, instructions=1001))
    text = "\n".join(render(result(image(FIRST, SECOND), image(FIRST, wrong))))
    assert "a.tflite on b (cortex-m4f, its own memory): the engines differ, explained" in text
    assert "THE ENGINES DISAGREE" in text
    assert "2 operators, in sum, instructions" in text
    (line,) = [line for line in text.splitlines() if line.endswith("DIFFERS")]
    assert line.split() == ["inference,", "instructions", "1,000", "1,001", "DIFFERS"]


@given(st.binary(max_size=8), st.binary(max_size=8))
def test_outputs_are_equal_exactly_if_their_bytes_are(one: bytes, other: bytes) -> None:
    first = replace(FIRST, outcome=replace(RUN, outputs=((one,),)))
    second = replace(SECOND, outcome=replace(OTHER_RUN, outputs=((other,),)))
    assert (compared(first, second)["outputs"].agreement == "equal") == (one == other)
