"""docs/board-list.md is made of the board files: ``pytest FILE --update-golden`` writes it."""

from __future__ import annotations

import re
from pathlib import Path

from support import Golden

from lab.board import Board, board_names, load_board

DOCS = Path(__file__).parents[2] / "docs" / "board-list.md"
HEAD = """\
# The boards of the library

Made of the files in `platforms/` by `pytest tests/unit/test_board_list.py --update-golden`; do not
edit it. Sizes are bytes. "Flash" is all of it. "RAM linear" is the largest piece of RAM that data
may use, without what is [reserved](boards.md), "RAM all" the sum of all pieces; on FRDM-K64F and
FRDM-K66F two banks adjoin and still are not one piece. "Not verified" names what is from memory and
was not looked up; `lab boards show NAME` marks each fact. "RAM uses" are whether data and code may
lie in a bank and DMA reaches it.

| name | board | core | clock | flash | RAM linear | RAM all | not verified |
| --- | --- | --- | --- | --: | --: | --: | --- |
"""
# Kinds of facts, in short.
KINDS = {
    r"ram\[\d+\]\.(data|code|dma)": "RAM uses",
    r"flash\[\d+\]\.wait_states": "wait states",
    r"flash\[\d+\]\.cache": "flash cache",
    r"console\.(usb_bridge|notes)": "way to the host",
    r"console\.(name|address)": "console",
    r"sources\[\d+\]": "document numbers",
    r"(flash|ram)\[\d+\]\.(base|size)": "{0} banks",
    r"reserved\[\d+\](\..*)?": "reserved areas",
    r"reserves\..*": "profiles",
    r"(ram|flash)\[\d+\]\.(notes|setup)": "notes",
}


def kind(fact: str) -> str:
    """What a fact is about: ``ram[0].dma`` is one of the RAM uses."""
    for pattern, words in KINDS.items():
        if match := re.fullmatch(pattern, fact):
            return words.format(*match.groups())
    return fact


def row(board: Board) -> str:
    kinds = list(dict.fromkeys(map(kind, board.unverified)))
    cells = [
        f"`{board.name}`",
        board.title,
        board.core,
        f"{board.clock_hz / 1e6:g} MHz",
        f"{board.flash_total:,}",
        f"{board.runs()[0].size:,}",
        f"{board.ram_total:,}",
        ", ".join(kinds),
    ]
    return "| " + " | ".join(cells) + " |\n"


def test_the_table_is_that_of_the_board_files(golden: Golden) -> None:
    golden.check(HEAD + "".join(row(load_board(name)) for name in board_names()), DOCS)


def test_every_fact_has_a_short_name() -> None:
    facts = {fact for name in board_names() for fact in load_board(name).unverified}
    assert {kind(fact) for fact in facts} <= {
        "RAM uses", "wait states", "flash cache", "way to the host", "console",
        "document numbers", "flash banks", "ram banks", "reserved areas", "profiles", "notes",
        "mcu", "core", "clock",
    }  # fmt: skip
