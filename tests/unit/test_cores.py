"""Decoding of blocks: counts, cycles by the rules, and what SP does. Machine code by GNU as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cores import CORES
from lab.decode import Block, decode

M4F = CORES["cortex-m4f"]


def block(*halfwords: int, core: str = "cortex-m4f") -> Block:
    return decode(CORES[core], b"".join(word.to_bytes(2, "little") for word in halfwords))


NOP = (0xBF00,)
LDR_R3_R1 = (0x680B,)
LDR_R2_R3 = (0x681A,)  # ldr r2, [r3]
LDR_R2_R1_R3 = (0x58CA,)  # ldr r2, [r1, r3]
STR_R3_R0 = (0x6003,)
PUSH_R4_R7_LR = (0xB5F0,)
POP_R4_R7_PC = (0xBDF0,)
VPUSH_D8_D9 = (0xED2D, 0x8B04)
VLDR_S0_R0 = (0xED90, 0x0A00)
VLDR_S1_R0_4 = (0xEDD0, 0x0A01)
VSTR_D0_R0 = (0xED80, 0x0B00)
VFMA_F32 = (0xEEA0, 0x0A81)
VSQRT_F32 = (0xEEB1, 0x0AC0)
SDIV_R0_R0_R1 = (0xFB90, 0xF0F1)
STRD_SP_MINUS_16 = (0xE96D, 0x0104)  # strd r0, r1, [sp, #-16]!
SUB_SP_16 = (0xB084,)
ADD_SP_16 = (0xB004,)
SUB_W_SP_1024 = (0xF5AD, 0x6D80)
SUB_SP_R3 = (0xEBAD, 0x0D03)
MOV_SP_R7 = (0x46BD,)
IT_NE, ITT_NE = (0xBF18,), (0xBF1C,)
B_SELF, B_W_SELF, B_BACK = (0xE7FE,), (0xF7FF, 0xBFFE), (0xE7FD,)


@pytest.mark.parametrize(
    ("code", "cycles"),
    [
        (NOP, 1),
        (LDR_R3_R1, 2),
        (LDR_R3_R1 + LDR_R3_R1, 3),  # a load directly after a load costs one cycle
        (LDR_R3_R1 + LDR_R3_R1 + LDR_R3_R1, 4),
        (LDR_R3_R1 + LDR_R2_R3, 4),  # unless the first one's result is its base
        (LDR_R3_R1 + LDR_R2_R1_R3, 4),  # or its index
        (LDR_R3_R1 + NOP + LDR_R3_R1, 5),
        (STR_R3_R0 + LDR_R3_R1, 3),
        (PUSH_R4_R7_LR, 6),
        (POP_R4_R7_PC, 6),  # the branch it takes is counted when it is taken
        (VPUSH_D8_D9, 5),
        (VLDR_S0_R0, 2),
        (VLDR_S0_R0 + VLDR_S1_R0_4, 3),
        (VLDR_S0_R0 + VSTR_D0_R0, 4),
        (VFMA_F32, 3),
        (VSQRT_F32, 14),
        (SDIV_R0_R0_R1, 6),
        (STRD_SP_MINUS_16, 3),
    ],
)
def test_cycles_follow_the_table(code: tuple[int, ...], cycles: int) -> None:
    assert block(*code).cycles == cycles


ADDS_R0_1, ADDS_R1_1, ADDS_R3_1 = (0x3001,), (0x3101,), (0x3301,)
MULS_R0_R1, MULS_R2_R3 = (0x4348,), (0x435A,)
MOV_W_R5_1 = (0xF04F, 0x0501)
MLA, SMULL_, SMLAL = (0xFB00, 0x1002), (0xFB80, 0x1002), (0xFBC0, 0x1002)
BL = (0xF000, 0xF800)
SMUAD, CBZ = (0xFB20, 0x0001), (0xB100,)
VADD_F64, VMOV_F64 = (0xEE31, 0x0B02), (0xEEB0, 0x0B41)


@pytest.mark.parametrize(
    ("core", "code", "cycles"),
    [
        # Arm DDI0484C table 3-1
        ("cortex-m0plus", LDR_R3_R1 + LDR_R3_R1, 4),
        ("cortex-m0plus", STR_R3_R0, 2),
        ("cortex-m0plus", MULS_R0_R1, 1),
        ("cortex-m0plus", PUSH_R4_R7_LR, 6),
        ("cortex-m0plus", POP_R4_R7_PC, 7),  # and one when it is taken: 3 + N
        ("cortex-m0plus", BL, 2),  # and one more, as it is always taken
        # Arm 100165_0201 section 3.3
        ("cortex-m3", LDR_R3_R1 + LDR_R3_R1, 3),
        ("cortex-m3", MLA, 2),
        ("cortex-m3", SMULL_, 4),
        ("cortex-m3", SMLAL, 6),
        ("cortex-m4", MLA + SMULL_ + SMLAL, 3),
        # two at a time, unless the second needs the first or both need the multiplier
        ("cortex-m7fd", ADDS_R0_1 + ADDS_R1_1, 1),
        ("cortex-m7fd", ADDS_R0_1 + ADDS_R0_1, 2),
        ("cortex-m7fd", ADDS_R0_1 + ADDS_R1_1 + ADDS_R3_1, 2),
        ("cortex-m7fd", MULS_R0_R1 + MULS_R2_R3, 2),
        ("cortex-m7fd", LDR_R3_R1 + LDR_R3_R1, 2),
        ("cortex-m7fd", LDR_R3_R1 + ADDS_R3_1, 3),  # used at once: one cycle later
        ("cortex-m7fd", PUSH_R4_R7_LR, 3),
        ("cortex-m7fd", SDIV_R0_R0_R1, 7),
        ("cortex-m7f", VSQRT_F32, 16),
        # only narrow ones pair, and never two that compute
        ("cortex-m33f", ADDS_R0_1 + ADDS_R1_1, 2),
        ("cortex-m33f", LDR_R3_R1 + ADDS_R0_1, 1),
        ("cortex-m33f", LDR_R3_R1 + MOV_W_R5_1, 2),
        ("cortex-m33f", LDR_R3_R1 + ADDS_R3_1, 3),
        ("cortex-m33f", PUSH_R4_R7_LR, 5),
    ],
)
def test_cycles_of_the_other_cores(core: str, code: tuple[int, ...], cycles: int) -> None:
    assert block(*code, core=core).cycles == cycles


@pytest.mark.parametrize(
    ("core", "code", "offset"),
    [
        ("cortex-m3", NOP + SMUAD, 2),
        ("cortex-m4", NOP + SMUAD, None),
        ("cortex-m0plus", NOP + CBZ, 2),
        ("cortex-m7f", VADD_F64, 0),
        ("cortex-m7f", VMOV_F64, None),
        ("cortex-m7fd", VADD_F64, None),
    ],
)
def test_what_the_emulated_core_has_too_much(
    core: str, code: tuple[int, ...], offset: int | None
) -> None:
    assert block(*code, core=core).undefined_offset == offset


@pytest.mark.parametrize(
    ("code", "low", "tail", "exact"),
    [
        (NOP, 0, None, True),
        (PUSH_R4_R7_LR + SUB_SP_16, -36, None, True),
        (PUSH_R4_R7_LR + VPUSH_D8_D9 + SUB_W_SP_1024, -1060, None, True),
        (STRD_SP_MINUS_16, -16, None, True),
        (ADD_SP_16 + POP_R4_R7_PC, 0, None, True),
        (ADD_SP_16 + PUSH_R4_R7_LR, -4, None, True),
        (PUSH_R4_R7_LR + SUB_SP_R3, -20, 0, True),
        (SUB_SP_R3 + PUSH_R4_R7_LR, 0, 0, True),
        (MOV_SP_R7 + POP_R4_R7_PC, 0, -20, True),  # SP was 20 below where it ends
        (SUB_SP_R3 + SUB_SP_16 + ADD_SP_16, 0, -16, True),
        (SUB_SP_R3 + MOV_SP_R7, 0, 0, True),  # with a probe between the two
        (SUB_SP_R3 + IT_NE + ADD_SP_16 + MOV_SP_R7, 0, 0, False),
        (ITT_NE + ADD_SP_16 + POP_R4_R7_PC, 0, None, True),  # conditional, but upwards
        (IT_NE + ADD_SP_16 + SUB_SP_16 + SUB_SP_16, -32, None, False),
        (IT_NE + SUB_SP_16, 0, 0, True),  # the next SP tells whether it happened
    ],
)
def test_stack_pointer(code: tuple[int, ...], low: int, tail: int | None, exact: bool) -> None:
    found = block(*code)
    assert (found.sp_low, found.sp_tail, found.sp_exact) == (low, tail, exact)


def test_sp_is_read_between_two_computations() -> None:
    code = SUB_SP_R3 + SUB_SP_16 + PUSH_R4_R7_LR + ADD_SP_16 + MOV_SP_R7
    assert block(*code).probes == ((10, -16),)  # 36 below where it started, 20 at the probe
    assert block(*PUSH_R4_R7_LR, *SUB_SP_R3).probes == ()


def test_instructions_an_it_skips_are_counted() -> None:
    assert block(*ITT_NE, *NOP, *NOP).instructions == 3


def test_the_condition_is_no_part_of_the_name() -> None:
    it_hi, it_eq, ldr_r0_r1, ldrh_r0_r1 = 0xBF88, 0xBF08, 0x6808, 0x8808
    assert block(it_hi, ldr_r0_r1).cycles == block(it_eq, ldrh_r0_r1).cycles == 3


def test_first_use_of_the_fpu() -> None:
    assert block(*PUSH_R4_R7_LR, *VPUSH_D8_D9, *VFMA_F32).fpu_offset == 2
    assert block(*SDIV_R0_R0_R1).fpu_offset is None


@pytest.mark.parametrize("code", [B_SELF, B_W_SELF])
def test_a_branch_to_itself_is_the_end(code: tuple[int, ...]) -> None:
    assert block(*code).halted
    assert not block(*NOP, *B_BACK).halted
    assert not block(*NOP, *code).halted  # its first pass executes something


def test_what_is_no_instruction_counts_as_one() -> None:
    assert block(0xDE00, *NOP).instructions == 2
    assert block(0xFFFF, 0xFFFF, *NOP).instructions == 2
    assert decode(M4F, b"").instructions == 0


@given(st.binary(max_size=64))
def test_any_bytes_decode(code: bytes) -> None:
    found = decode(M4F, code)
    assert len(code) // 4 <= found.instructions <= (len(code) + 1) // 2
    assert found.cycles >= found.instructions
    assert found.sp_low <= 0
    assert found.sp_tail is None or found.sp_tail <= 0


def test_decoding_a_prefix_is_decoding_less() -> None:
    code = b"".join(w.to_bytes(2, "little") for w in (*PUSH_R4_R7_LR, *LDR_R3_R1, *LDR_R3_R1))
    part, whole = decode(M4F, code[:4]), decode(M4F, code)
    assert (part.instructions, part.cycles) == (2, 8)
    assert (whole.instructions, whole.cycles) == (3, 9)


def test_the_cycle_model_says_what_it_is_worth() -> None:
    for name, core in CORES.items():
        assert core.name == name
        assert core.cycles.accuracy in ("calibrated", "uncalibrated")
        assert core.cycles.about
