"""What the operator gate says, seen on the emulated target with the real firmware."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from op_cases import MISSING, SUPPORTED, UNCOMPARED, UNKNOWN, WRONG, Case
from oracle import run_host
from target import (
    Array,
    Target,
    arrays,
    dtype_of,
    extreme_inputs,
    image_with,
    link,
    load,
    operator_table,
    random_inputs,
)

from lab.cache import Cache
from lab.elf import Image, read_elf
from lab.measure.failures import Failure
from lab.measure.inference import Inference
from lab.measure.ops import gate

SEED, GENERATED, RANDOM = 20200701, 3, 2


def ids(case: Case) -> str:
    return case.name


def ran(outcome: Inference | Failure) -> Inference:
    assert isinstance(outcome, Inference), outcome.reason
    return outcome


def flash(image: Image) -> dict[int, bytes]:
    return {segment.address: segment.data for segment in image.segments}


@pytest.mark.parametrize("case", [SUPPORTED[0], SUPPORTED[-1]], ids=ids)
def test_the_shared_image_is_the_one_that_linking_gives(case: Case) -> None:
    linked, shared = read_elf(link(case.model, Cache())), image_with(case.model)
    assert case.model in flash(linked).values()
    assert flash(shared) == flash(linked)
    assert {n: s.address for n, s in shared.symbols.items()} == {
        n: s.address for n, s in linked.symbols.items()
    }


# Supported: bit for bit.


@pytest.mark.parametrize("case", SUPPORTED, ids=ids)
def test_outputs_are_those_of_the_host(case: Case) -> None:
    target = load(case.model)
    sets, outputs = observed(target)
    host = run_host(case.model, sets)
    assert host.ok, host
    assert len({b"".join(output) for output in outputs}) > 1, "the same for every input: no proof"
    for inputs, mine, theirs in zip(sets, outputs, host.outputs, strict=True):
        if case.name == "dense, float, three dimensions":
            theirs = (fused_dense(target, *inputs),)  # noqa: PLW2901 - see there
        assert_equal_bits(target, mine, theirs)


def observed(target: Target) -> tuple[list[tuple[Array, ...]], list[tuple[bytes, ...]]]:
    """Inputs and what the target made of them: from its own generator, random, and extreme."""
    model, rng = target.model, np.random.default_rng(SEED)
    made_up = ran(target.generated(SEED, GENERATED))
    sets = [arrays(model, model.inputs, inputs) for inputs in made_up.inputs]
    outputs = list(made_up.outputs)
    for inputs in (*(random_inputs(model, rng) for _ in range(RANDOM)), *extreme_inputs(model)):
        done = ran(target.fed(inputs))
        assert done.inputs == (tuple(array.tobytes() for array in inputs),)
        sets.append(inputs)
        outputs += done.outputs
    return sets, outputs


def assert_equal_bits(target: Target, mine: Sequence[bytes], theirs: Iterable[Array]) -> None:
    indices = target.model.outputs
    for index, data, reference in zip(indices, mine, theirs, strict=True):
        assert reference.dtype == dtype_of(target.model, index)
        got = np.frombuffer(data, reference.dtype)
        np.testing.assert_array_equal(got, reference.ravel(), strict=True)
        assert data == reference.tobytes()


def fused_dense(target: Target, x: Array) -> Array:
    """A float FULLY_CONNECTED with the rounding of the Cortex-M4F.

    Its VFMA adds the exact product and rounds once; the host rounds the product first. That is
    the only difference, so the expected bits are computed here instead of allowing a tolerance.
    """
    model = target.model
    weights, bias = (
        np.frombuffer(model.tensor_bytes(tensor), "<f4").reshape(tensor.shape).astype("f8")
        for tensor in (model.tensors[1], model.tensors[2])
    )
    total = np.zeros((*x.shape[:-1], len(weights)), "f4")
    for k in range(x.shape[-1]):
        # A product of two floats is exact in a double.
        total = (total + x[..., k, None].astype("f8") * weights[:, k]).astype("f4")
    result: Array = (total + bias).astype("f4")
    return result


def test_float_products_differ_from_the_host_by_their_rounding_only() -> None:
    case = next(one for one in SUPPORTED if one.name == "dense, float, three dimensions")
    target = load(case.model)
    inputs = random_inputs(target.model, np.random.default_rng(SEED))
    mine = ran(target.fed(inputs)).outputs[0]
    (theirs,) = run_host(case.model, [inputs]).outputs[0]
    got = np.frombuffer(mine[0], "<f4").reshape(theirs.shape)
    terms = inputs[0].shape[-1]
    largest = np.abs(inputs[0]).max() * 12  # weights and bias are normal: far below 12
    assert np.any(got != theirs), "no fused multiply-add any more? then compare bits above"
    assert np.abs(got - theirs).max() <= terms * np.finfo("f4").eps * largest


# Supported or unknown, where the host has nothing to compare with, or needs to be told.


@pytest.mark.parametrize("case", UNCOMPARED, ids=ids)
def test_the_host_has_no_such_kernel_but_the_target_runs_it(case: Case) -> None:
    sets, outputs = observed(load(case.model))
    assert len({b"".join(output) for output in outputs}) > 1
    assert not run_host(case.model, sets[:1]).ok, "it has now: move the case to SUPPORTED"


@pytest.mark.parametrize("case", [one for one in UNKNOWN if not one.says.startswith("status")],
                         ids=ids)  # fmt: skip
def test_what_nobody_verified_may_well_be_right(case: Case) -> None:
    target = load(case.model)
    sets, outputs = observed(target)
    host = run_host(case.model, sets)
    for mine, theirs in zip(outputs, host.outputs, strict=True):
        assert_equal_bits(target, mine, theirs)


@pytest.mark.parametrize("case", [one for one in UNKNOWN if one.says.startswith("status")],
                         ids=ids)  # fmt: skip
def test_a_status_that_the_gate_foretells(case: Case) -> None:
    outcome = load(case.model).generated(SEED)
    assert isinstance(outcome, Failure)
    as_written = outcome.status - 256  # the enumeration is one byte, without a sign
    assert case.says == f"status {as_written}"


# Wrong: it does go wrong, or it is known why these inputs do not show it.

NO_HARM_SEEN = {
    "conv, no options": "what was never written happens to be the padding and stride meant",
    "relu6, two scales": "the newer interpreter does not rescale either",
    "resize to another size": "both follow the shape of the output",
    "dequantize, a scale per channel": "the newer interpreter uses the first scale only, too",
    "sparse": "the newer interpreter reads the weights as dense ones, too",
}


def gives(outcome: Inference | Failure, expected: Sequence[Array]) -> bool:
    if isinstance(outcome, Failure):
        return False
    return outcome.outputs == (tuple(array.tobytes() for array in expected),)


@pytest.mark.parametrize("case", WRONG, ids=ids)
def test_wrong_goes_wrong(case: Case) -> None:
    target, rng = load(case.model), np.random.default_rng(SEED)
    sets = [random_inputs(target.model, rng) for _ in range(GENERATED)]
    host = run_host(case.model, sets)
    same = host.ok and all(
        gives(target.fed(inputs), theirs)
        for inputs, theirs in zip(sets, host.outputs, strict=True)
    )  # fmt: skip
    if case.differs:
        assert host.ok
    assert same == (case.name in NO_HARM_SEEN)


def test_the_harmless_ones_are_cases_and_few() -> None:
    assert set(NO_HARM_SEEN) < {case.name for case in WRONG if not case.differs}
    assert sum(case.differs for case in WRONG) >= 15


# Missing: the runtime stops, when and as the gate says.

OTHER_WORDS = {
    "requantize": "bad_params",  # says so in a condition that names types
    "six dimensions": "halted",  # the shape's constructor takes five
    "pad, not constant": "guest_fault",  # reads the paddings at address 0
    "dynamic shape": "arena_too_small_nonpersistent",  # "Needed -16"
}


@pytest.mark.parametrize("case", MISSING, ids=ids)
def test_missing_stops(case: Case) -> None:
    target = load(case.model)
    outcome = target.generated(SEED)
    assert isinstance(outcome, Failure)
    reasons = [one.reason for one in gate(target.model, operator_table()) if one.reason]
    said = re.search(r"(?:fails|aborts) in (prepare|planning|invoke)", reasons[0])
    if said:
        assert outcome.phase == ("invoke" if said[1] == "invoke" else "allocate")
    wordless = outcome.failure_class == "failed_without_words"
    expected = OTHER_WORDS.get(case.name, case.failure_class)
    assert wordless or outcome.failure_class == expected, outcome.reason
    assert not wordless or "failed to" in outcome.reason, "not even the wrapper's words"
