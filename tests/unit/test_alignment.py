"""What is known of addresses inside a block, from instructions alone."""

from __future__ import annotations

import pytest

from lab.alignment import Alignment


def accesses(*instructions: str) -> tuple[list[tuple[str, int, str]], bool]:
    """Register, displacement and where to look, of each access; whether alignment is kept."""
    found = Alignment()
    for offset, instruction in enumerate(instructions):
        name, _, operands = instruction.partition(" ")
        name, _, condition = name.partition("?")
        found.step(offset, name, operands, condition)
    return [(a.register, a.displacement, a.entry) for a in found.accesses], found.keeps()


@pytest.mark.parametrize(
    ("instructions", "entry"),
    [
        (["vldr s0, [r3]"], "r3"),
        (["ldrd r0, r1, [r2, #8]"], "r2"),
        (["adds r3, #4", "vldr s0, [r3]"], "r3"),
        (["add r4, r3, #0x20", "ldm r4, {r0, r1}"], "r3"),
        (["sub r4, sb, #4", "stm r4!, {r0, r1}"], "sb"),
        (["mov r4, r3", "ldrd r0, r1, [r4]"], "r3"),
        (["add r4, r3, r1, lsl #2", "vldr s0, [r4]"], "r3"),
        (["lsls r1, r1, #3", "add r4, r3, r1", "vldr s0, [r4]"], "r3"),
        (["ldrd r0, r1, [r2], #8", "mov r5, r2"], "r2"),
        (["ldr r0, [r2, #4]!", "vldr s0, [r2]"], "r2"),
        (["cmp r3, #1", "str r3, [r3, #1]", "vadd s0, s1, s2", "vldr s0, [r3]"], "r3"),
        # computed here: nothing on entry tells
        (["adds r3, #1", "vldr s0, [r3]"], ""),
        (["ldr r3, [r0]", "vldr s0, [r3]"], ""),
        (["add r3, r1", "vldr s0, [r3]"], ""),
        (["add r4, r3, r1, lsl #1", "vldr s0, [r4]"], ""),
        (["mla r3, r1, r2, r0", "vldr s0, [r3]"], ""),
        (["umull r0, r3, r1, r2", "vldr s0, [r3]"], ""),
        (["vmov r3, s0", "vldr s0, [r3]"], ""),
        (["vmrs r3, fpscr", "vldr s0, [r3]"], ""),
        (["strex r3, r1, [r2]", "vldr s0, [r3]"], ""),
        (["ldm r0!, {r2, r3}", "vldr s0, [r3]"], ""),
        (["ldrd r2, r3, [sp]", "vldr s0, [r3]"], ""),
        (["ldr r0, [r3], #1", "vldr s0, [r3]"], ""),
        (["ldr r0, [r3, #2]!", "vldr s0, [r3]"], ""),
        (["add?eq r3, r1, r2", "vldr s0, [r3]"], ""),
        (["vldr?ne s0, [r3]"], ""),
    ],
)
def test_where_to_look(instructions: list[str], entry: str) -> None:
    *_, (_, _, last) = accesses(*instructions)[0]
    assert last == entry


@pytest.mark.parametrize(
    "instructions",
    [
        ["ldrd r0, r1, [sp, #8]"],
        ["push {r4, lr}", "pop {r4, pc}"],
        ["vldr s0, [pc, #8]"],
        ["add r3, sp, #4", "ldm r3, {r0, r1}"],
        ["movw r3, #0x1230", "movt r3, #0x2000", "vldr s0, [r3]"],
        ["lsls r3, r1, #2", "vldr s0, [r3]"],
        ["ldr r0, [r3, #1]", "strh r0, [r3]", "ldrsb r1, [r3]"],
    ],
)
def test_nothing_to_look_at(instructions: list[str]) -> None:
    assert accesses(*instructions)[0] == []


def test_one_look_serves_all_that_follows_from_it() -> None:
    found, _ = accesses("vldr s0, [r3]", "vldr s1, [r3, #4]", "adds r3, #8", "vldr s2, [r3]")
    assert found == [("r3", 0, "r3")]


@pytest.mark.parametrize(
    ("instructions", "kept"),
    [
        (["vldr s0, [r3]", "adds r3, #4"], True),
        (["vldmia r3!, {s15}"], True),
        (["vldr s0, [r3]", "adds r3, #2"], False),
        (["vldr s0, [r3]", "ldr r3, [r0]"], False),
        (["vldr s0, [r3]", "add?eq r3, r3, #1"], False),
    ],
)
def test_a_loop_needs_one_look_only_where_alignment_is_kept(
    instructions: list[str], kept: bool
) -> None:
    assert accesses(*instructions)[1] == kept
