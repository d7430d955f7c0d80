"""The page in a real browser: any width, light and dark, by pointer and by keyboard alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser import browser, emulate, logged
from hostile import hostile
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from support import NANO, lab

from lab.jobs.records import read_record, read_result
from lab.report import html
from lab.results import BatchResult, CheckResult

PAGES = ("full", "plain", "failed", "hostile", "batch")
MOST_TABS = 60


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> CheckResult:
    path = tmp_path_factory.mktemp("record") / "record.json"
    assert lab("check", "keyword_spotter", "-b", "nrf52dk", "--details", "--json", path).code == 0
    return read_record(path)


@pytest.fixture(scope="module")
def pages(record: CheckResult, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    lab("check", "fails_lstm", "tiny_float", "-b", NANO, "--json", folder / "batch.json")
    batch = read_result(folder / "batch.json")
    assert isinstance(batch, BatchResult)
    texts = {
        "full": html.render(record),
        "plain": html.render(record.model_copy(update={"details": None})),
        "failed": html.render(batch.records[0]),
        "hostile": html.render(hostile(record)),
        "batch": html.render_batch(batch),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def full(driver: WebDriver, pages: dict[str, Path]) -> WebDriver:
    """The page with everything, as on a desk."""
    emulate(driver, 1280)
    driver.get(pages["full"].as_uri())
    return driver


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_said_on_the_console_and_nothing_is_asked_of_a_network(
    driver: WebDriver, pages: dict[str, Path], name: str
) -> None:
    for kind in ("browser", "performance"):
        logged(driver, kind)
    emulate(driver, 1280)
    driver.get(pages[name].as_uri())
    for tile in driver.find_elements(By.CSS_SELECTOR, ".tile")[:5]:
        driver.execute_script("arguments[0].focus()", tile)
    for button in driver.find_elements(By.CSS_SELECTOR, "th button"):
        driver.execute_script("arguments[0].click()", button)
    assert logged(driver, "browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in logged(driver, "performance")]
    asked = [one["params"]["request"]["url"] for one in sent
             if one["method"] == "Network.requestWillBeSent"]  # fmt: skip
    assert asked[:1] == [pages[name].as_uri()]
    assert all(url.startswith(("file:", "data:")) for url in asked)
    assert driver.title, "no dialog of a hostile name is open"


def test_a_mistake_of_the_page_would_be_seen(driver: WebDriver, tmp_path: Path) -> None:
    """That these tests can fail: what a policy stops, and what a script throws, is noted."""
    odd = tmp_path / "odd.html"
    odd.write_text(
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
        "script-src 'unsafe-inline'\"><img src='http://127.0.0.1:9/x.png'><script>y()</script>"
    )
    logged(driver, "browser")
    driver.get(odd.as_uri())
    said = " ".join(entry["message"] for entry in logged(driver, "browser"))
    assert "Content Security Policy" in said
    assert "y is not defined" in said


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_it_is_as_wide_as_the_screen(
    driver: WebDriver, pages: dict[str, Path], name: str, width: int
) -> None:
    emulate(driver, width)
    driver.get(pages[name].as_uri())
    driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    widths = driver.execute_script(
        "return [document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]"
    )
    assert max(widths) <= width
    # Nor does anything stand out of it, other than in a box that scrolls by itself.
    outside = driver.execute_script("""
        return Array.from(document.querySelectorAll('main *, header *'))
            .filter(e => !e.closest('.scroll *, .map, #tip'))
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
            .map(e => e.outerHTML.slice(0, 100))""")
    assert outside == []


def luminance(colour: str) -> float:
    channels = [float(one) / 255 for one in re.findall(r"[\d.]+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


COLOURS = """
const clear = 'rgba(0, 0, 0, 0)';
const found = {};
document.querySelectorAll('details').forEach(d => d.open = true);
for (const element of document.querySelectorAll('body *')) {
    const own = Array.from(element.childNodes).some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !element.getClientRects().length) continue;
    let behind = element;
    while (behind && getComputedStyle(behind).backgroundColor === clear)
        behind = behind.parentElement;
    const pair = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
    found[pair.join('|')] = pair.concat(element.outerHTML.slice(0, 120));
}
return Object.values(found);
"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["full", "failed", "batch"])
def test_all_text_can_be_read(
    driver: WebDriver, pages: dict[str, Path], name: str, dark: bool
) -> None:
    emulate(driver, 1280, dark=dark)
    driver.get(pages[name].as_uri())
    if name == "full":
        ActionChains(driver).move_to_element(tiles(driver, "#arena-map")[0]).perform()
    found = driver.execute_script(COLOURS)
    assert len(found) > 3
    low = [(round(contrast(a, b), 2), what) for a, b, what in found if contrast(a, b) < 4.5]
    assert not low
    page = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (luminance(page) < 0.1) == dark
    assert (luminance(page) > 0.8) != dark


def tiles(driver: WebDriver, where: str) -> list[Any]:
    return driver.find_elements(By.CSS_SELECTOR, f"{where} .tile")


def focused(driver: WebDriver) -> Any:
    return driver.switch_to.active_element


def press(driver: WebDriver, *keys: str) -> None:
    actions = ActionChains(driver)
    for key in keys:
        actions.send_keys(key)
    actions.perform()


def tab_to(driver: WebDriver, selector: str) -> Any:
    """Press Tab until something of this kind has the focus, and see that it shows."""
    for _ in range(MOST_TABS):
        press(driver, Keys.TAB)
        here = driver.execute_script(
            "const e = document.activeElement; return e.matches(arguments[0]) ? e : null", selector
        )
        if here:
            style = "const s = getComputedStyle(arguments[0]); return s.outlineStyle + s.boxShadow"
            assert driver.execute_script(style, here).replace("none", "")
            return here
    raise AssertionError(f"Tab does not reach {selector}")


TABLE = "section[aria-labelledby=operators]"


def column(driver: WebDriver, number: int) -> list[float]:
    """Values of the operators' table; without one: -1."""
    cells = driver.find_elements(By.CSS_SELECTOR, f"{TABLE} tbody tr > :nth-child({number})")
    return [float(cell.get_attribute("data-value") or -1) for cell in cells]


def test_operators_are_sorted_by_keyboard_alone(full: WebDriver) -> None:
    before = column(full, 1)
    assert before == sorted(before)
    button = tab_to(full, f"{TABLE} th:nth-child(5) button")
    assert button.text == "cycles"
    heading = button.find_element(By.XPATH, "..")
    press(full, Keys.ENTER)
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(full, 5) == sorted(column(full, 5), reverse=True)
    assert column(full, 1) != before
    press(full, Keys.SPACE)
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(full, 5) == sorted(column(full, 5))
    assert sorted(column(full, 1)) == before, "each row once, as before"


def test_operators_are_sorted_by_clicking(full: WebDriver) -> None:
    buttons = full.find_elements(By.CSS_SELECTOR, f"{TABLE} th button")
    by_name = {button.text: button for button in buttons}
    by_name["operator"].click()
    names = [
        str(one.get_attribute("data-value"))
        for one in full.find_elements(By.CSS_SELECTOR, f"{TABLE} tbody th")
    ]
    assert names == sorted(names)
    assert len(set(names)) > 2
    by_name["MACs"].click()
    macs = column(full, 6)
    assert macs == sorted(macs, reverse=True)
    assert macs[-1] == -1, "those without any come last"
    sorted_now = full.find_elements(By.CSS_SELECTOR, f"{TABLE} [aria-sort]")
    assert [one.text for one in sorted_now] == ["MACs"]


def tip(driver: WebDriver) -> str:
    """What is shown about a box; empty: nothing is shown."""
    element = driver.find_element(By.ID, "tip")
    return str(element.text) if element.is_displayed() else ""


def test_hovering_over_the_arena_says_what_lies_there(full: WebDriver, record: CheckResult) -> None:
    assert tip(full) == ""
    box = max(tiles(full, "#arena-map"), key=lambda one: one.size["height"] * one.size["width"])
    full.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
    ActionChains(full).move_to_element(box).perform()
    lines = tip(full).splitlines()
    assert lines[0] == box.get_attribute("data-title")
    assert any(re.search(r"[\d,]+ B", line) for line in lines[1:])
    assert any("needed" in line for line in lines[1:])
    assert full.find_element(By.ID, "tip").rect["x"] >= 0
    ActionChains(full).move_to_element(full.find_element(By.ID, "arena")).perform()
    assert tip(full) == ""


def test_the_arena_is_walked_by_keyboard(full: WebDriver) -> None:
    first = tab_to(full, "#arena-map .tile")
    said = [tip(full)]
    assert said[0].startswith(first.get_attribute("data-title"))
    count = len(tiles(full, "#arena-map"))
    for _ in range(count - 1):
        press(full, Keys.ARROW_RIGHT)
        said.append(tip(full))
    assert all(said)
    titles = [one.get_attribute("data-title") for one in tiles(full, "#arena-map")]
    assert [one.splitlines()[0] for one in said] == titles
    press(full, Keys.ARROW_RIGHT)
    assert focused(full) == tiles(full, "#arena-map")[-1], "the end is the end"
    press(full, Keys.HOME)
    assert focused(full) == first
    press(full, Keys.ESCAPE)
    assert tip(full) == ""
    press(full, Keys.TAB)
    assert not focused(full).get_attribute("class").startswith("tile"), "one stop for the map"


def test_tapping_a_box_on_a_phone_says_what_it_is(
    driver: WebDriver, pages: dict[str, Path]
) -> None:
    emulate(driver, 360)
    driver.get(pages["full"].as_uri())
    box = tiles(driver, "#flash-map")[0]
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
    place = driver.execute_script(
        "const r = arguments[0].getBoundingClientRect(); return [r.x + 10, r.y + 10]", box
    )
    touch = {"type": "touchStart", "touchPoints": [{"x": place[0], "y": place[1]}]}
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", touch)
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert tip(driver).startswith(box.get_attribute("data-title"))
    rect = driver.find_element(By.ID, "tip").rect
    assert rect["x"] >= 0
    assert rect["x"] + rect["width"] <= 360


AREAS = """
return Array.from(document.querySelectorAll(arguments[0] + ' .tile')).map(tile => {
    const box = tile.getBoundingClientRect();
    return [box.width * box.height, tile.dataset.facts];
})"""


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("where", ["#flash-map", "#ram-map"])
def test_areas_on_the_screen_are_as_the_bytes(
    driver: WebDriver, pages: dict[str, Path], where: str, width: int
) -> None:
    emulate(driver, width)
    driver.get(pages["full"].as_uri())
    found = driver.execute_script(AREAS, where)
    sizes = [int(facts.split(" B")[0].replace(",", "")) for _, facts in found]
    whole = sum(area for area, _ in found)
    frame = driver.find_element(By.CSS_SELECTOR, where).rect
    assert whole == pytest.approx(frame["width"] * frame["height"], rel=0.01)
    for (area, facts), size in zip(found, sizes, strict=True):
        assert area / whole == pytest.approx(size / sum(sizes), abs=0.001), facts


def test_the_peak_is_marked_where_it_is(full: WebDriver, record: CheckResult) -> None:
    assert record.details
    assert record.details.arena
    peak, plot = (full.find_element(By.CSS_SELECTOR, f"#arena-map{more}").rect
                  for more in (" .peak", ""))  # fmt: skip
    middle = (peak["x"] + peak["width"] / 2 - plot["x"]) / plot["width"]
    assert int(middle * len(record.operators)) == record.details.arena.peak_operator


def test_headings_and_names_are_there_for_those_who_do_not_see(full: WebDriver) -> None:
    levels = full.execute_script(
        "return Array.from(document.querySelectorAll('h1,h2,h3')).map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    nameless = full.execute_script("""
        return Array.from(document.querySelectorAll('[role=img], [role=group], [role=region]'))
            .filter(e => !(e.getAttribute('aria-label') || '').trim()).length
            + document.querySelectorAll('table:not(:has(caption))').length""")
    assert nameless == 0


def test_it_prints_without_what_only_a_screen_needs(full: WebDriver) -> None:
    full.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        data = full.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
        assert len(data) > 100_000, "blank pages"
        shown = "return getComputedStyle(document.getElementById('tip')).display"
        assert full.execute_script(shown) == "none"
    finally:
        full.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
