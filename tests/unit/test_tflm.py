"""Offsets of structures: from debug information, else from the table where that may stand in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.errors import InputError, Problem
from lab.generations import GENERATIONS
from lab.measure.tflm import insides_of, interpreter, read_offsets

NEWER = GENERATIONS["2026-08"].constructor
TABLE = {
    "allocator_": 108, "graph_": 112, "scratch_buffer_handles_": 152, "input_tensors_": 156,
    "output_tensors_": 160,
}  # fmt: skip
ARENA, SIZE, END = 0x20001000, 0x1000, 0x20002000
INTERPRETER, MICRO, MEMORY = 0x20000100, END - 116, END - 36


def image(symbol: str, **structs: dict[str, int]) -> Any:
    """An image that has one symbol and describes these structures."""
    described = {"LabMailbox": {"sizeof": 4}} | {f"tflite::{k}": v for k, v in structs.items()}

    def layout(name: str) -> dict[str, int]:
        if name not in described:
            raise InputError(Problem("image", f"no debug information about {name}"))
        return described[name]

    return SimpleNamespace(
        symbols={symbol: None}, struct_layout=layout, is_function_start=lambda at: at == 0x8000100
    )


def test_the_constructor_tells_the_generation() -> None:
    assert insides_of(image(NEWER)).api == "2026-08"
    assert insides_of(image("main")).api == "2020-07"


def test_without_any_debug_information_the_table_stands_in_for_2026_only() -> None:
    offsets = read_offsets(image(NEWER))
    assert offsets["tflite::MicroInterpreter"] == TABLE
    with pytest.raises(InputError, match="no debug information about tflite::MicroInterpreter"):
        read_offsets(image("main"))


def test_debug_information_wins_over_the_table() -> None:
    described = {"sizeof": 208, "allocator_": 100}
    offsets = read_offsets(image(NEWER, MicroInterpreter=described))
    assert offsets["tflite::MicroInterpreter"] == TABLE | {"sizeof": 208, "allocator_": 100}


def test_a_structure_of_another_size_is_not_that_of_the_table() -> None:
    offsets = read_offsets(image(NEWER, MicroInterpreter={"sizeof": 212, "graph_": 120}))
    assert offsets["tflite::MicroInterpreter"] == {"sizeof": 212, "graph_": 120}


class Memory:
    """Words by address."""

    def __init__(self, words: dict[int, int]) -> None:
        self.words = words

    def read(self, address: int, size: int) -> bytes:
        if address not in self.words:
            raise ValueError(f"0x{address:08x} is not mapped")
        return self.words[address].to_bytes(size, "little")


def words(**changes: int) -> dict[int, int]:
    """A 2026 interpreter after a finished allocation: head 0x400 bytes, tail 0x200."""
    graph, subgraphs, nodes, registration = INTERPRETER + 112, END - 0x100, END - 0x180, 0x20000400
    found = {
        INTERPRETER + 108: MICRO, MICRO + 4: MEMORY, MICRO + 8: MEMORY + 4,
        MEMORY + 8: ARENA, MEMORY + 12: END, MEMORY + 16: ARENA + 0x400, MEMORY + 20: END - 0x200,
        graph + 16: subgraphs, graph + 20: 0, graph + 24: 7, subgraphs: nodes,
        nodes + 28: registration, registration + 12: 0x8000101,
    }  # fmt: skip
    places = {"persistent": MICRO + 8, "tail": MEMORY + 20, "subgraph": graph + 20,
              "invoke": registration + 12}  # fmt: skip
    return found | {places[name]: value for name, value in changes.items()}


def read(**changes: int) -> Any:
    one = image(NEWER)
    memory: Any = Memory(words(**changes))
    return interpreter(memory, read_offsets(one), one, INTERPRETER)


def test_what_is_read_by_the_table() -> None:
    parts = read().arena_parts(ARENA, SIZE)
    assert (parts.persistent, parts.non_persistent) == (0x200, 0x400)
    assert read().invoke_functions(1) == [0x8000100]
    assert read().current_node() == 7


def test_what_cannot_be_is_not_believed() -> None:
    assert read(persistent=MEMORY + 8).arena_parts(ARENA, SIZE) is None  # two arenas
    assert read(tail=ARENA).arena_parts(ARENA, SIZE) is None  # below the head
    assert read().arena_parts(ARENA, SIZE - 16) is None  # another arena
    assert read(invoke=0x8000103).invoke_functions(1) is None  # no function there
    assert read().invoke_functions(2) is None  # no second operator
    assert read(subgraph=1).current_node() is None
