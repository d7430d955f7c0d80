from __future__ import annotations

from pathlib import Path

import pytest
from support import Golden, tflm_tree


@pytest.fixture(scope="session")
def tflm_sources() -> Path:
    """Root of the runtime's own source tree."""
    return tflm_tree()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(bool(request.config.getoption("--update-golden")))
