"""docs/zoo-on-boards.md is what ``lab check`` says: ``pytest FILE --update-golden`` writes it."""

from __future__ import annotations

import re

import pytest
from support import ROOT, Golden, lab

from lab.board import load_board
from lab.results import BatchResult, CheckResult
from lab.toolchain import find_toolchain
from lab.units import format_size
from lab.zoo import model_names

PAGE = ROOT / "docs" / "zoo-on-boards.md"
BOARDS = (
    "rpi_pico", "stm32f103_bluepill", "arduino_nano33ble_sense", "nucleo_h743zi", "nucleo_u575zi_q",
)  # fmt: skip
# Minutes of emulation where floating point is done in software.
LONG = ("separation_w8_fp32", "separation_w16_fp32")
HEAD = """\
# The zoo on five boards

Made of what `lab check` measures, by `pytest tests/integration/test_zoo_table.py --update-golden`;
do not edit it. Runtime `tflm-2020-07` at -O2, {compiler}, {libc}: figures of other
compilers are other figures.

"RAM needed" is static memory, required arena and stack reserve, measured on the board's core.
Instructions are those of one inference, exact; they are told too where a model does not fit, from
memory as large as needed. What the operators rule out is not built: it has no figures.
"""


def page(batch: BatchResult) -> str:
    build = next(record.build for record in batch.records if record.build)
    text = HEAD.format(compiler=build.compiler, libc=build.libc)
    for board in BOARDS:
        text += f"\n## {title(board)}\n\n"
        text += "| model | verdict | RAM needed, B | instructions |\n| --- | --- | --: | --: |\n"
        text += "".join(row(one) for one in batch.records if one.board.name == board)
    return text


def title(name: str) -> str:
    board = load_board(name)
    return f"`{name}`: {board.core}, {format_size(board.ram_total)} of RAM"


def row(record: CheckResult) -> str:
    verdict, memory, run = record.verdict, record.memory, record.run
    if verdict.status == "does_not_fit":
        assert verdict.margin_bytes is not None
        assert verdict.limit
        said = f"short by {-verdict.margin_bytes:,} B of {verdict.limit.upper()}"
    else:
        said = "fits" if verdict.status == "fits" else f"fails: {verdict.failure_class}"
    needed = f"{memory.ram.needed_bytes:,}" if memory else ""
    count = f"{run.instructions:,}" if run else ""
    name = record.model.name.removesuffix(".tflite")
    return f"| `{name}` | {said} | {needed} | {count} |\n"


def measured(names: list[str]) -> BatchResult:
    boards = [word for board in BOARDS for word in ("--board", board)]
    ran = lab("check", *names, *boards, "--json", "-")
    assert ran.code == 1, ran.err  # some fit, some do not
    return BatchResult.model_validate_json(ran.out)


def same_compiler() -> None:
    written = PAGE.read_text() if PAGE.is_file() else ""
    chain = find_toolchain()
    if chain.compiler not in written or chain.libc not in written:
        pytest.skip(
            f"the table was made with another compiler than {chain.compiler}, {chain.libc} "
            "(install Debian 12's, or write it anew: --update-golden)"
        )


def test_the_table_is_what_is_measured(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        pytest.skip("it is being written (run without --update-golden to compare)")
    same_compiler()
    lines = set(PAGE.read_text().splitlines())
    made = page(measured([name for name in model_names() if name not in LONG])).splitlines()
    assert [line for line in made if line not in lines] == []
    rows = [line for line in lines if line.startswith("| `")]
    assert len(rows) > 0
    listed = {re.findall("`(.+?)`", line)[0] for line in rows}
    assert listed == set(model_names())


@pytest.mark.slow
def test_the_whole_table(golden: Golden, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--update-golden"):
        same_compiler()
    golden.check(page(measured(list(model_names()))), PAGE)
