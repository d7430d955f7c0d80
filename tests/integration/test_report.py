"""``lab report``: text, page, Markdown and plots of records, hostile and damaged ones too."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hostile import HOSTILE, hostile
from markdown_it import MarkdownIt
from plausible import with_details
from support import NANO, ROOT, Golden, lab, no_traceback, tflm_tree

from lab.cache import Cache
from lab.cores import CORES
from lab.jobs.records import read_record
from lab.model_writer import Graph, Op, T, build
from lab.report import html, markdown, markdown_parts, plots
from lab.report.bars import memory_bars
from lab.report.provenance import command
from lab.report.shares import flash_shares, ram_shares, time_shares
from lab.results import CheckResult
from lab.runner import library
from lab.runtimes import load_crate
from lab.toolchain import find_toolchain

CHECKS = {
    "fits": ("tiny_float", "-b", NANO, "--details"),
    "ram": ("separation_w16", "-b", NANO, "--details"),
    "flash": ("anomaly_detector", "-b", "stm32f103_bluepill", "--details"),
    "arena": ("keyword_spotter", "-b", "nrf52dk", "--arena", "24576", "--details"),
    "stack": ("keyword_spotter", "-b", "nrf52dk", "--stack-reserve", "256"),
    "banks": ("image_classifier", "-b", "nucleo_l476rg", "--app-ram", "24K", "--app-flash", "8K"),
    "failed": ("separation_w8_upsampling2d", "-b", "nrf52dk", "--details"),
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of records, of every kind of verdict."""
    folder = tmp_path_factory.mktemp("records")
    found = {name: folder / f"{name}.json" for name in CHECKS}
    for name, path in found.items():
        assert lab("check", *CHECKS[name], "--json", path).code in {0, 1}
    found["batch"] = folder / "batch.json"
    lab("check", "tiny_float", "fails_lstm", "no_such", "-b", NANO, "--json", found["batch"])
    return found


@pytest.fixture(scope="module")
def records(files: dict[str, Path]) -> dict[str, CheckResult]:
    return {name: read_record(path) for name, path in files.items() if name != "batch"}


class Page(HTMLParser):
    """What a browser would see: elements, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", ["fits", "failed"])
def test_on_the_terminal_as_it_was(files: dict[str, Path], name: str) -> None:
    ran = lab("report", files[name])
    assert ran.code == 0, ran.err
    assert ran.out == lab("check", *CHECKS[name]).out


@pytest.mark.parametrize("name", ["ram", "batch"])
def test_the_page_is_one_file(files: dict[str, Path], name: str, tmp_path: Path) -> None:
    one, two = tmp_path / "1.html", tmp_path / "2.html"
    for path in (one, two):
        ran = lab("report", files[name], "--html", path)
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert one.read_bytes() == two.read_bytes()
    assert lab("report", files[name], "--html", "-").out == one.read_text()
    check_safe(Page(one.read_text()))


@pytest.mark.parametrize("name", CHECKS)
def test_every_record_has_a_page(records: dict[str, CheckResult], name: str) -> None:
    record = records[name]
    for one in (record, record.model_copy(update={"details": None})):
        text = html.render(one)
        check_safe(Page(text))
        assert len(text) < 500_000
        assert not re.search(r"20\d\d-\d\d-\d\d", text), "a date"


def check_safe(page: Page) -> None:
    """Nothing is loaded from anywhere, no style or script but the two of the head and end."""
    names = [tag for tag, _ in page.tags]
    assert names.count("script") == names.count("style") == 1
    assert not {"img", "iframe", "object", "embed", "base", "a", "form", "input"} & set(names)
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert {name for name in attributes if name in {"href", "src"}} <= (
            {"href"} if tag == "link" else set()
        )
        assert attributes.get("href") in {None, "data:,"}
    (policy,) = (a["content"] for _, a in page.tags if "content-security" in str(a).lower())
    assert policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", [name for name in CHECKS if name != "failed"])
def test_owners_add_up_to_what_is_needed(records: dict[str, CheckResult], name: str) -> None:
    record = records[name]
    for one in (record, record.model_copy(update={"details": None}), with_details(record)):
        assert one.memory
        assert one.run
        assert sum(s.amount for s in flash_shares(one)) == one.memory.flash.needed_bytes
        assert sum(s.amount for s in time_shares(one)) == one.run.cycles
        if name != "arena":  # there, shares are those of the required arena
            assert sum(s.amount for s in ram_shares(one)) == one.memory.ram.needed_bytes


def test_bars_are_the_banks_of_the_board(records: dict[str, CheckResult]) -> None:
    record = records["banks"]
    bars = memory_bars(record)
    assert [bar.name for bar in bars] == ["SRAM1", "SRAM2", "Flash"]
    for bar, bank in zip(bars, record.board.ram, strict=False):
        assert sum(one.size_bytes for one in bar.segments) == bank.size_bytes
    ram, _ = memory_bars(records["ram"])
    assert ram.limit_bytes == 262_144
    assert ram.whole_bytes == sum(one.size_bytes for one in ram.segments)


@pytest.mark.parametrize("name", ["arena", "banks"])
def test_the_command_makes_the_same_record_again(files: dict[str, Path], name: str) -> None:
    record = read_record(files[name])
    words = command(record).replace(".tflite", "").split()
    assert words[0] == "lab"
    assert lab(*words[1:], "--json", "-").out == files[name].read_text()


def first_screen(page: str) -> str:
    """The text before the first picture."""
    return Page(page.partition('id="memory"')[0]).text


def late_concatenation() -> bytes:
    """A wasteful model: two big tensors stay alive until they are joined."""
    tensors = [T([1, 4096], name=name) for name in ("x", "branch_a", "branch_b")]
    tensors.append(T([1, 8192], name="joined"))
    ops = [
        Op("RELU", [0], [1]),
        Op("RELU", [0], [2]),
        Op("CONCATENATION", [1, 2], [3], table="ConcatenationOptions", options={"Axis": 1}),
    ]
    return build(Graph(tensors, ops, [0], [3]))


def test_the_first_screen_names_tensors_that_live_together(tmp_path: Path) -> None:
    model, record = tmp_path / "wasteful.tflite", tmp_path / "record.json"
    model.write_bytes(late_concatenation())
    for more in ((), ("--details",)):
        ran = lab("check", model, "-b", "stm32f103_bluepill", *more, "--json", record)
        assert ran.code == 1, ran.err
        found = read_record(record)
        page, summary = first_screen(html.render(found)), markdown.render(found)
        for text in (page, summary.split("<details>")[0]):
            assert "65,536 B" in text
            places = [text.index(name) for name in ("joined", "branch_a", "branch_b")]
            assert places == sorted(places), "largest first"
        assert "at operator 2 CONCATENATION, 65,536 B" in page
        limit = page.split("the limit")[1]
        assert limit.index("joined") < limit.index("Flash")


@pytest.mark.parametrize(
    ("name", "limit"), [("ram", "RAM"), ("arena", "RAM"), ("flash", "Flash"), ("stack", "")]
)
def test_the_first_screen_begins_with_the_limit(
    records: dict[str, CheckResult], name: str, limit: str
) -> None:
    text = first_screen(html.render(records[name]))
    before, _, after = text.partition("the limit")
    assert bool(after) == bool(limit)
    if limit:
        assert before.split()[-1] == limit
        assert records[name].verdict.summary in text
    else:
        assert "deepest in tflite::ops::micro::depthwise_conv::Eval" in text


WINDOW_BYTES = 30 * 1024
WINDOW = f"""
#include <string.h>
extern const float kWindow[{WINDOW_BYTES // 4}] = {{1, 2, 3}};
extern "C" void *windowed_copy(void *to, const void *from, unsigned size) {{
  static volatile float first;
  first = kWindow[size % {WINDOW_BYTES // 4}];
  return memcpy(to, from, size);
}}
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of the lab's own runtime, but that a kernel needs a table of 30 KB."""
    where, chain, core = tmp_path_factory.mktemp("planted"), find_toolchain(), CORES["cortex-m4f"]
    own = library(load_crate(), core, "O2", chain, Cache(), lambda _: None)
    shutil.copy(own / "libtflm.a", where / "libmine.a")
    (where / "window.cc").write_text(WINDOW)
    member = "tensorflow_lite_micro_kernels_fully_connected.cc.o"
    for step in (
        [chain.gxx, *core.flags, "-O2", "-fdata-sections", "-c", "window.cc"],
        [chain.ar, "x", "libmine.a", member],
        [chain.objcopy, "--redefine-sym", "memcpy=windowed_copy", member],
        [chain.ar, "rsD", "libmine.a", member, "window.o"],
    ):
        subprocess.run(step, cwd=where, check=True, capture_output=True)
    manifest = where / "planted.yaml"
    ran = lab("runtime", "add", "planted", "-o", manifest, "--library", where / "libmine.a",
              "--include", tflm_tree(), "--api", "2020-07", "--kernels", "reference")  # fmt: skip
    assert ran.code == 0, ran.err
    return manifest


def test_the_first_screen_names_a_table_in_flash(planted: Path, tmp_path: Path) -> None:
    """A real firmware: built, run, and its record read again."""
    record = tmp_path / "record.json"
    ran = lab("check", "tiny_float", "-b", NANO, "--runtime", planted, "--details",
              "--json", record)  # fmt: skip
    assert ran.code == 0, ran.err
    page = lab("report", record, "--html", "-").out
    flash = first_screen(page).split("What takes the most")[1].split("Flash")[1].split("Time")[0]
    first, second, *_ = re.findall(r"[\d,]+ B, [\d.]+%", flash)
    culprit = flash[: flash.index(second)]
    assert int(first.split()[0].replace(",", "")) > WINDOW_BYTES
    assert "FULLY_CONNECTED" in culprit
    assert f"most is kWindow, {WINDOW_BYTES:,} B" in culprit
    sizes = lab("size", "tiny_float", "-b", NANO, "--runtime", planted).out.splitlines()
    assert "FULLY_CONNECTED" in sizes[0]
    assert f"kWindow {WINDOW_BYTES:,} B" in sizes[0]


def test_a_record_that_contradicts_itself_says_so(records: dict[str, CheckResult]) -> None:
    words = "the record contradicts itself: its owners take 1,000 more than the whole"
    for one in records.values():
        assert "contradicts" not in html.render(one) + markdown.render(one)
    record = records["fits"]
    assert record.details
    assert record.details.footprint
    gap = flash_gap(record) + 1000
    first, *others = record.details.footprint.owners
    more = first.model_copy(update={"flash_bytes": first.flash_bytes + gap})
    footprint = record.details.footprint.model_copy(update={"owners": (more, *others)})
    details = record.details.model_copy(update={"footprint": footprint})
    wrong = record.model_copy(update={"details": details})
    assert words in first_screen(html.render(wrong))
    assert words in markdown.render(wrong)


def flash_gap(record: CheckResult) -> int:
    return sum(one.amount for one in flash_shares(record) if one.name == "alignment on this board")


@pytest.mark.parametrize("name", ["fits", "ram", "failed"])
def test_hostile_names_stay_text(records: dict[str, CheckResult], name: str) -> None:
    record = records[name] if name == "failed" else with_details(records[name])
    record = hostile(record)
    page = Page(html.render(record))
    check_safe(page)
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}" in page.text
    for character in "\u2028\u2029\u202e\x1b\0\ud800":
        assert character not in html.render(record) + markdown.render(record)


def rendered(text: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(text))


def test_hostile_names_make_no_markdown(records: dict[str, CheckResult]) -> None:
    record = with_details(records["ram"])
    fine, odd = (Page(rendered(markdown.render(one))) for one in (record, hostile(record)))
    assert [tag for tag, _ in fine.tags if tag != "code"] == [
        tag for tag, _ in odd.tags if tag not in {"code", "br"}
    ] or {tag for tag, _ in odd.tags} <= {tag for tag, _ in fine.tags} | {"br"}
    assert "script" not in {tag for tag, _ in odd.tags}
    assert not [a for tag, a in odd.tags if tag in {"a", "img"}]
    for name in HOSTILE[:3]:
        assert name.split("(")[0] in odd.text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_itself_in_markdown(name: str) -> None:
    from lab.errors import escape

    table = f"| a | b |\n| --- | --- |\n| {markdown_parts.cell(name)} | {markdown.text(name)} |\n"
    text = Page(rendered(table)).text.split()
    shown = escape(name).split() or ["(no", "name)"]
    assert text[2 : 2 + len(shown)] == shown
    assert text[2 + len(shown) :] == escape(name).split()
    assert Page(rendered(f"x {markdown_parts.code(name)}")).text.split()[1:] == shown


def test_markdown_as_it_looks(golden: Golden) -> None:
    record = read_record(ROOT / "tests" / "golden" / "record.json")
    golden.check(markdown.render(record), ROOT / "tests" / "golden" / "report.md")


def test_the_golden_record_is_one_of_today(
    files: dict[str, Path], request: pytest.FixtureRequest
) -> None:
    """Its numbers are those of one compiler; its fields are those of any."""
    path = ROOT / "tests" / "golden" / "record.json"
    if request.config.getoption("--update-golden"):
        path.write_bytes(files["fits"].read_bytes())
    assert fields(json.loads(path.read_text())) == fields(json.loads(files["fits"].read_text()))


def fields(value: object) -> object:
    if isinstance(value, dict):
        return {name: fields(one) for name, one in value.items()}
    return fields(value[0]) if isinstance(value, list) and value else None


def test_markdown_goes_where_it_is_asked_to(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    assert lab("report", files["ram"], "--markdown", path).out == ""
    out = lab("report", files["ram"], "--markdown", "-").out
    assert out == path.read_text()
    assert out.startswith("**DOES NOT FIT**")
    assert out.split("<details>")[0].count("\n") < 40, "more than one screen"
    assert "NO ANSWER" in lab("report", files["batch"], "--markdown", "-").out


def test_plots_are_the_same_each_time(files: dict[str, Path], tmp_path: Path) -> None:
    for folder in ("1", "2"):
        ran = lab("report", files["ram"], "--plots", tmp_path / folder)
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    names = sorted(path.name for path in (tmp_path / "1").iterdir())
    kinds = ("arena", "memory", "operators", "owners")
    assert names == sorted(f"{kind}.{end}" for kind in kinds for end in ("png", "svg"))
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_plots_of_hostile_names_and_of_nothing(records: dict[str, CheckResult]) -> None:
    assert len(list(plots.render(hostile(with_details(records["ram"]))))) == 8
    assert list(plots.render(records["failed"])) == []


def test_a_batch_is_a_table(files: dict[str, Path], tmp_path: Path) -> None:
    ran = lab("report", files["batch"])
    assert ran.out.splitlines()[-1] == "3 checks: 1 fit, 1 fail, 1 no answer"
    page = Page(lab("report", files["batch"], "--html", "-").out)
    assert [tag for tag, _ in page.tags].count("tr") == 4
    plotted = lab("report", files["batch"], "--plots", tmp_path)
    assert plotted.code == 2
    assert plotted.problems == ["lab: a batch has no plots (give the record of one check)"]
    page_file = tmp_path / "page.html"
    assert lab("report", files["batch"], "--html", page_file, "--plots", tmp_path).code == 2
    assert not page_file.exists(), "written before the refusal"


def test_what_cannot_be_asked_is_one_line(files: dict[str, Path]) -> None:
    for options, what in (
        (("--html", "-", "--markdown", "-"), "lab: only one of --html, --markdown can be -"),
        (("--plots", "-"), "lab: --plots takes a directory, not -"),
    ):
        ran = lab("report", files["fits"], *options)
        assert (ran.code, ran.out, ran.problems) == (2, "", [what])


def test_the_sum_of_ram_is_no_better_than_its_parts(records: dict[str, CheckResult]) -> None:
    for text in (html.render(records["fits"]), markdown.render(records["fits"])):
        assert "static, exact; arena, required, measured; stack, by rule" in text
    assert re.search(r"\| RAM \| .* \| measured \|", markdown.render(records["fits"]))
    assert "stack, as asked" in markdown.render(records["stack"])


def test_other_records_are_shown_as_they_were(files: dict[str, Path], tmp_path: Path) -> None:
    image, record = tmp_path / "a.elf", tmp_path / "record.json"
    assert lab("build", "tiny_float", "-b", NANO, "-o", image).code == 0
    for words, maker in (
        (("size", image, "-b", NANO), "lab size of a firmware image"),
        (("size", "--diff", files["fits"], files["ram"]), "lab size --diff"),
        (("runtime", "cost", "-b", NANO, "--op", "SOFTMAX"), "lab runtime cost"),
    ):
        shown = lab(*words)
        assert shown.code == lab(*words, "--json", record).code == 0
        assert lab("report", record).out == shown.out
        page = lab("report", record, "--html", tmp_path / "page.html")
        assert page.code == 2
        assert page.problems == [f"lab: what {maker} wrote is shown as text only "
                                 "(leave out --html, --markdown, --plots)"]  # fmt: skip
        diff = lab("size", "--diff", record, files["fits"])
        assert diff.code == 3
        assert f"is what {maker} wrote, no record of a check" in diff.err
    assert not (tmp_path / "page.html").exists()


def bad_files(folder: Path) -> Iterator[Path]:
    for name, data in (
        ("empty", b""),
        ("foreign", b'{"a": 1}'),
        ("damaged", b'{"schema_version": 1, "verdict": {'),
        ("newer", b'{"schema_version": 2}'),
        ("batch", b'{"schema_version": 1, "records": 3, "problems": []}'),
        ("binary", bytes(range(256))),
    ):
        (folder / name).write_bytes(data)
        yield folder / name
    yield folder / "missing"
    yield folder


def test_what_is_no_record_is_one_line(tmp_path: Path) -> None:
    for path in bad_files(tmp_path):
        ran = lab("report", path, "--html", tmp_path / "page.html")
        no_traceback(ran)
        assert ran.code == 3, path
        assert len(ran.problems) == 1
        assert not (tmp_path / "page.html").exists()


def test_places_that_cannot_be_written_are_one_line(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for option in ("--html", "--markdown", "--plots"):
        for where in (tmp_path / "file" / "x", "/proc/none/x"):
            ran = lab("report", files["fits"], option, where)
            no_traceback(ran)
            assert ran.code == 2
            assert len(ran.problems) == 1, ran.err


def test_the_record_may_be_overwritten_by_its_own_report(
    files: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "record"
    path.write_bytes(files["fits"].read_bytes())
    assert lab("report", path, "--markdown", path).code == 0
    assert path.read_text().startswith("**FITS**")
