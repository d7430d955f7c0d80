"""Damaged models, in bulk and in one process: an InputError with one line a problem, or a model."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from bad_models import Damaged, crafted_damage, damaged_models, sound_model, structural_damage
from op_cases import CASES

from lab.errors import InputError
from lab.measure.ops import OperatorTable, gate, read_table, registrations
from lab.model import read_model
from lab.runtimes import load_runtime
from lab.zoo import catalogue

SEEDS = range(4)
FLIPS = 2_000


@pytest.fixture(scope="module")
def table() -> OperatorTable:
    return read_table(load_runtime().operator_table)


def _problems(data: bytes, table: OperatorTable) -> Sequence[str]:
    """Lines a damaged file is refused with; none if it is a model, which the gate then judges."""
    try:
        model = read_model(data, "m.tflite")
    except InputError as error:
        return error.lines()
    gate(model, table)
    registrations(model, table)
    return []


def _well_said(lines: Sequence[str]) -> bool:
    return 1 <= len(lines) <= 21 and all(
        line.startswith("m.tflite: ")
        and ": :" not in line
        and line.isprintable()
        and len(line) < 1000
        for line in lines
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sound_model_is_read(seed: int, table: OperatorTable) -> None:
    model = read_model(sound_model(seed))
    assert [operator.name for operator in model.operators] == [
        "CONV_2D", "RESHAPE", "FULLY_CONNECTED",
    ]  # fmt: skip
    assert {one.verdict for one in gate(model, table)} == {"supported"}


def test_there_are_five_thousand() -> None:
    assert sum(1 for seed in SEEDS for _ in structural_damage(sound_model(seed))) >= 5_000


@pytest.mark.parametrize("seed", SEEDS)
def test_every_structural_damage_is_refused(seed: int, table: OperatorTable) -> None:
    accepted, badly_said, kinds = Counter[str](), [], Counter[str]()
    for damaged in structural_damage(sound_model(seed)):
        kinds[damaged.kind] += 1
        lines = _problems(damaged.data, table)
        if not lines:
            accepted[damaged.kind] += 1
        elif not _well_said(lines):
            badly_said.append((damaged.kind, lines))
    assert not accepted
    assert not badly_said
    assert kinds.total() > 1_000
    assert len(kinds) >= 25


@pytest.mark.parametrize("damaged", crafted_damage(), ids=lambda damaged: damaged.kind)
def test_crafted_damage_is_refused(damaged: Damaged, table: OperatorTable) -> None:
    assert _well_said(_problems(damaged.data, table))


def test_the_selection_has_some_of_every_kind() -> None:
    chosen = damaged_models(seed=7)
    assert len(chosen) >= 100
    kinds = {one.kind for one in structural_damage(sound_model(7))}
    assert kinds <= {one.kind for one in chosen}
    assert chosen == damaged_models(seed=7)


def test_changed_bytes_give_a_model_or_lines(table: OperatorTable) -> None:
    rng = random.Random(20)
    sources = [sound_model(seed) for seed in SEEDS] + [case.model for case in CASES]
    refused = 0
    for _ in range(FLIPS):
        data = bytearray(rng.choice(sources))
        for _ in range(rng.choice((1, 1, 2, 3, 8))):
            position = rng.randrange(len(data))
            data[position] = rng.choice((0, 0xFF, data[position] ^ 1 << rng.randrange(8)))
        lines = _problems(bytes(data), table)
        refused += bool(lines)
        assert not lines or _well_said(lines), lines
    assert 100 < refused < FLIPS


def test_changed_words_give_a_model_or_lines(table: OperatorTable) -> None:
    rng = random.Random(21)
    sources = [sound_model(seed) for seed in SEEDS]
    for _ in range(FLIPS):
        data = bytearray(rng.choice(sources))
        position = rng.randrange(0, len(data) - 4, 4)
        value = rng.choice((0, 1, 4, len(data), rng.getrandbits(16), rng.getrandbits(32)))
        data[position : position + 4] = value.to_bytes(4, "little")
        lines = _problems(bytes(data), table)
        assert not lines or _well_said(lines), lines


def test_noise_is_refused(table: OperatorTable) -> None:
    rng = random.Random(22)
    for _ in range(300):
        noise = rng.randbytes(rng.randrange(600))
        assert _well_said(_problems(noise, table))
        assert _well_said(_problems(noise[:4] + b"TFL3" + noise[8:], table))


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_cut_zoo_models_are_refused(entry: object, table: OperatorTable) -> None:
    data: bytes = entry.path.read_bytes()  # type: ignore[attr-defined]  # a record of the zoo
    for part in range(40):
        assert _well_said(_problems(data[: len(data) * part // 40], table))
