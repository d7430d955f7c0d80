"""Renode itself, where it is installed: the only tests that say anything about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import lab, no_traceback

from lab.engines.renode.install import find_renode_test, usable_installation
from lab.errors import ToolError
from lab.parity import ParityResult

BOARDS = ("rpi_pico", "nrf52840dk", "nucleo_l552ze_q")  # Cortex-M0+, M4F, M33F


@pytest.fixture(scope="module", autouse=True)
def _renode() -> None:
    try:
        usable_installation()
    except ToolError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("model", ["tiny_float", "keyword_spotter"])
def test_both_engines_see_the_same(model: str, board: str) -> None:
    ran = lab("parity", model, "--board", board, "--json", "-")
    no_traceback(ran)
    result = ParityResult.model_validate_json(ran.out)
    assert not result.problems, result.problems
    (image,) = result.images
    assert not [figure for figure in image.figures if figure.agreement == "differs"]


def test_it_loads() -> None:
    ran = lab("renode", "doctor")
    no_traceback(ran)
    assert "ok      loading" in ran.out, ran.out


def test_the_suites_in_its_own_keywords(tmp_path: Path) -> None:
    try:
        find_renode_test()
    except ToolError as error:
        pytest.skip(str(error))
    ran = lab("renode", "test", "--board", "nrf52840dk", "--output", tmp_path / "out")
    no_traceback(ran)
    assert ran.code == 0, ran.out + ran.err
