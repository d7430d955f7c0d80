"""The pytest plugin, in a pytest of its own: what passes, what fails, and with which words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest

@pytest.mark.memory_budget(model="tiny_float", board="nrf52dk", ram="32 KiB", arena="4 KiB")
def test_fits(memory_record):
    assert memory_record.verdict.status == "fits"

@pytest.mark.memory_budget(model="tiny_float", board="nrf52dk", arena="64 B", ms=0.001)
def test_exceeds():
    raise AssertionError("the body must not run")

@pytest.mark.memory_budget(model="tiny_float", board="nrf52dk", app_ram="63 KiB")
def test_does_not_fit():
    pass

@pytest.fixture(params=["tiny_float"])
def lab_model(request):
    return request.param

@pytest.mark.memory_budget(board="nrf52dk", ram="32 KiB")
def test_model_of_a_fixture(lab_model):
    pass

def test_record(lab_check):
    first = lab_check("tiny_float", "nrf52dk", app_ram="1 KiB")
    assert first.request.app_ram_bytes == 1024
    assert lab_check("tiny_float", "nrf52dk", app_ram="1 KiB") is first

@pytest.mark.memory_budget(model="tiny_float", board="nrf52dk", ram="lots")
def test_bad_budget():
    pass

@pytest.mark.memory_budget(model="tiny_float", board="nrf52dk", ram="+1 KiB")
def test_growth():
    pass

@pytest.mark.memory_budget(model="tiny_float", board="nrf52dk", rom="1 KiB")
def test_unknown_option():
    pass

@pytest.mark.memory_budget(model="no_such_model", board="nrf52dk")
def test_no_model():
    pass

@pytest.mark.memory_budget(model="tiny_float", board="nrf52dkk")
def test_no_board():
    pass

@pytest.mark.memory_budget(board="nrf52dk")
def test_nobody_names_a_model():
    pass

@pytest.mark.memory_budget("nrf52dk")
def test_written_wrongly():
    pass
"""
FAILURES = {
    "test_exceeds": [
        "required arena 1,056 B is above the limit 64 B by 992 B on nrf52dk",
        "modelled time of one inference",
        "most flash: ",
        "most arena: ",
    ],
    "test_does_not_fit": ["tiny_float.tflite on nrf52dk:", "B of RAM are missing"],
    "test_bad_budget": ['memory_budget: ram: Value error, not a size: "lots"'],
    "test_growth": ["memory_budget: ram: growth needs a baseline (lab ci)"],
    "test_unknown_option": ["lab check: rom: "],
    "test_no_model": ["no_such_model: no such file"],
    "test_no_board": ['no board "nrf52dkk"'],
    "test_nobody_names_a_model": ["names no model, and no fixture lab_model does"],
    "test_written_wrongly": ["memory_budget is written memory_budget("],
}
PASS = {"test_fits", "test_model_of_a_fixture", "test_record"}


def test_budgets_pass_and_fail_with_limit_actual_and_difference(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", "test_sample.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "240"},
    )  # fmt: skip
    text = done.stdout
    assert f"{len(FAILURES)} failed, {len(PASS)} passed" in text, text + done.stderr
    assert "Traceback" not in text
    assert "the body must not run" not in text
    parts = text.split("____ test_")[1:]
    said = {f"test_{part.split(' ', 1)[0]}": part for part in parts}
    for name, words in FAILURES.items():
        for word in words:
            assert word in said[name], said[name]


def test_the_marker_is_known(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--markers", "-p", "no:cacheprovider"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (
        "@pytest.mark.memory_budget(model=..., board=..., ram=..., arena=..., ...)" in done.stdout
    )
