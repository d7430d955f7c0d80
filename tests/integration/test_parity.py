"""``lab parity``: one image on both engines, through the real command.

Renode is the fake of ``tests/fake_renode`` here, with the embedded engine underneath: that they
agree says that the driver and the comparison work, and nothing about Renode.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import renode_fake
from support import ROOT, Golden, Ran, lab, no_traceback

from lab.parity import ImageParity, ParityResult
from lab.zoo import catalogue

SCHEMA = ROOT / "docs" / "parity.schema.json"
THREE = {"rpi_pico": "cortex-m0plus", "nrf52840dk": "cortex-m4f", "nucleo_l552ze_q": "cortex-m33f"}
MODEL = "tiny_float"


def compare(*words: str, generation: str = "1.16.1", how: str = "") -> Ran:
    ran = lab("parity", *words, env=renode_fake.environment(generation, how))
    no_traceback(ran)
    return ran


def compared(*words: str, generation: str = "1.16.1", how: str = "") -> ParityResult:
    ran = compare(*words, "--json", "-", generation=generation, how=how)
    assert ran.code == 0, ran.err + ran.out
    return ParityResult.model_validate_json(ran.out)


@cache
def once() -> ParityResult:
    return compared(MODEL, *(word for board in THREE for word in ("--board", board)))


def test_the_record_is_what_its_schema_says(golden: Golden) -> None:
    schema = ParityResult.model_json_schema(mode="serialization")
    golden.check(json.dumps(schema, indent=2) + "\n", SCHEMA)
    jsonschema.validate(json.loads(once().to_json()), schema)


def test_three_boards_in_the_order_asked_for() -> None:
    result = once()
    assert {image.board: image.core for image in result.images} == THREE
    assert [image.board for image in result.images] == list(THREE)
    assert not result.problems
    for image in result.images:
        check_agreement(image)


def check_agreement(image: ImageParity) -> None:
    assert image.agreement != "differs"
    names = {figure.name: figure for figure in image.figures}
    if names["outcome"].first != "runs":  # it does not fit: nothing else can be compared
        assert list(names) == ["outcome", "console"]
        return
    assert {"outcome", "outputs", "arena, reported", "stack, painted", "inference"} <= set(names)
    assert {name for name, one in names.items() if one.agreement != "equal"} <= {
        "stack, high-water mark"
    }
    counts = [one.first for name, one in names.items() if name.startswith("operator ")]
    whole = names["inference"].first
    assert all(isinstance(count, int) and count > 0 for count in counts)
    assert isinstance(whole, int)
    assert sum(count for count in counts if isinstance(count, int)) <= whole


def test_both_generations_of_the_fake() -> None:
    (image,) = compared(MODEL, "-b", "nrf52840dk", generation="master").images
    check_agreement(image)
    assert image.engines[1].version == "1.16.1, behaves as master"


def test_the_same_bytes_again() -> None:
    one, other = (compare(MODEL, "-b", "nrf52840dk", "--json", "-") for _ in range(2))
    assert one.out == other.out


def test_what_people_read() -> None:
    ran = compare(MODEL, "-b", "nrf52840dk")
    first, head, *_ = ran.out.splitlines()
    assert first == (
        "tiny_float.tflite on nrf52840dk (cortex-m4f, its own memory): the engines agree"
    )
    assert head.split() == ["unicorn", "2.1.1", "renode", "1.16.1"]
    assert "DIFFERS" not in ran.out


def test_a_disagreement_is_exit_code_1() -> None:
    ran = compare(MODEL, "-b", "nrf52840dk", how="miscounts")
    assert ran.code == 1
    assert "THE ENGINES DISAGREE" in ran.out
    differ = [line for line in ran.out.splitlines() if line.endswith("DIFFERS")]
    assert {line.split(",")[0].strip() for line in differ} >= {"start-up", "inference"}
    assert not [line for line in differ if "B  " in line], "memory is the same"


def test_a_failure_is_compared_too() -> None:
    (image,) = compared("separation_w8_fp32", "-b", "rpi_pico").images
    assert image.memory == "board"
    (outcome, console) = image.figures
    assert outcome.first == outcome.second == "arena_too_small_nonpersistent in allocate"
    assert console.first == console.second != "none"


def test_what_does_not_fit_the_board_runs_on_its_core() -> None:
    (image,) = compared("anomaly_detector", "-b", "stm32f103_bluepill").images
    assert image.memory == "probe map", "128 KiB of flash are too few for it"
    check_agreement(image)


def test_what_cannot_be_compared_is_told_and_the_rest_goes_on() -> None:
    ran = compare("separation_w8_upsampling2d", MODEL, "-b", "nrf52840dk")
    assert ran.code == 5
    (line,) = ran.err.splitlines()
    assert line.startswith(
        "lab: separation_w8_upsampling2d on nrf52840dk: no image to compare: operator"
    ), line
    assert "the engines agree" in ran.out


def test_where_nothing_was_compared_there_is_one_line() -> None:
    ran = compare(MODEL, "-b", "no_such")
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1


def test_renode_that_dies_is_one_line() -> None:
    ran = compare(MODEL, "-b", "nrf52840dk", how="killed")
    assert ran.code == 5
    assert len(ran.err.splitlines()) == 1
    assert "SIGKILL" in ran.err


def test_without_renode(tmp_path: Path) -> None:
    ran = lab("parity", MODEL, "-b", "nrf52840dk", env={"PYRENODE_BIN": str(tmp_path / "none")})
    no_traceback(ran)
    assert ran.code == 4
    assert len(ran.err.splitlines()) == 1
    assert "lab renode doctor" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("board", THREE)
def test_the_whole_zoo(board: str) -> None:
    models = [model.name for model in catalogue() if not model.fails]
    result = compared(*models, "-b", board)
    assert len(result.images) == len(models)
    for image in result.images:
        check_agreement(image)
