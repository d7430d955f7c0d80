"""A real browser for pages: Chromium without a window, without network, in a fresh profile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver


def _program(*names: str) -> str:
    found = [path for name in names if (path := shutil.which(name))]
    assert found, f"no {names[0]}: .ci/setup test installs it"
    return found[0]


@contextmanager
def browser(profile: Path) -> Iterator[WebDriver]:
    """A browser that notes every request and every line of its console.

    Args:
        profile: an empty directory of its own.
    """
    options = ChromeOptions()
    options.binary_location = _program("chromium", "google-chrome")
    for argument in (
        "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which root cannot have
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # The driver's path is given: nothing is looked for, and nothing is fetched.
    driver = WebDriver(options, Service(_program("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def emulate(driver: WebDriver, width: int, *, dark: bool = False, height: int = 800) -> None:
    """A screen of this width in CSS pixels, and what colours the user prefers."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def logged(driver: WebDriver, what: str) -> list[dict[str, Any]]:
    """What was noted since the last call; ``what``: browser or performance."""
    entries: list[dict[str, Any]] = driver.get_log(what)  # type: ignore[no-untyped-call]
    return entries
