"""The library's board files against figures copied by hand, so that a slip of the pen shows."""

from __future__ import annotations

import re

import pytest

from lab.board import Bank, board_names, load_board

# RAM for data: largest run of adjoining banks, and all of it.
RAM = {
    "arduino_nano33ble_sense": (262_144, 262_144),
    "nrf52840dk": (262_144, 262_144),
    "nrf52dk": (65_536, 65_536),
    "nrf5340dk_cpuapp": (524_288, 524_288),
    "nrf9160dk": (262_144, 262_144),
    "rpi_pico": (270_336, 270_336),
    "rpi_pico2": (532_480, 532_480),
    "stm32f103_bluepill": (20_480, 20_480),
    "nucleo_f411re": (131_072, 131_072),
    "nucleo_f446re": (131_072, 131_072),
    "stm32f4_discovery": (131_072, 196_608),
    "stm32f429i_disc1": (196_608, 262_144),
    "stm32f469i_disco": (327_680, 393_216),
    "nucleo_f767zi": (524_288, 524_288),
    "stm32f746g_disco": (327_680, 327_680),
    "nucleo_h743zi": (524_288, 1_015_808),
    "nucleo_h7a3zi_q": (1_048_576, 1_343_488),
    "nucleo_l4r5zi": (655_360, 655_360),
    "nucleo_l476rg": (98_304, 131_072),
    "b_l475e_iot01a": (98_304, 131_072),
    "nucleo_l432kc": (65_536, 65_536),
    "nucleo_l552ze_q": (262_144, 262_144),
    "nucleo_u575zi_q": (786_432, 802_816),
    "b_u585i_iot02a": (786_432, 802_816),
    "nucleo_g0b1re": (147_456, 147_456),
    "nucleo_g474re": (131_072, 131_072),
    "nucleo_wb55rg": (262_144, 262_144),
    "sparkfun_edge": (393_216, 393_216),
    "apollo4p_evb": (2_883_584, 2_883_584),
    "ek_ra6m4": (262_144, 262_144),
    "arduino_uno_r4_minima": (32_768, 32_768),
    "xg24_dk2601b": (262_144, 262_144),
    "slstk3701a": (524_288, 524_288),
    "same54_xpro": (262_144, 262_144),
    "arduino_zero": (32_768, 32_768),
    "arduino_nano33_iot": (32_768, 32_768),
    "arduino_due": (98_304, 98_304),
    "frdm_k64f": (262_144, 262_144),
    "frdm_k66f": (262_144, 262_144),
    "lpcxpresso55s69": (278_528, 311_296),
    "mimxrt1060_evk": (786_432, 917_504),
    "teensy40": (524_288, 1_048_576),
    "cy8ckit_062_ble": (284_672, 294_912),
    "max78000fthr": (131_072, 131_072),
    "mbed_lpc1768": (32_768, 65_536),
    "launchxl_cc1352r1": (81_920, 81_920),
    "msp_exp432p401r": (65_536, 65_536),
    "mps2_an386": (16_777_216, 20_971_520),
}
# Where what the lab uses is less, and why.
KINETIS = "one access must not cross 0x20000000, so the two banks are not one piece"
LESS = {
    "frdm_k64f": (196_608, 262_144, KINETIS),
    "frdm_k66f": (196_608, 262_144, KINETIS),
    "cy8ckit_062_ble": (284_672, 284_672, "10 KiB are the other core's and the part's own"),
}

# Board, bank, base, bytes.
BANKS = [
    ("nrf52840dk", "FLASH", 0x00000000, 1_048_576),
    ("nrf52840dk", "RAM", 0x20000000, 262_144),
    ("nrf5340dk_cpuapp", "RAM1", 0x20040000, 262_144),
    ("rpi_pico", "FLASH", 0x10000000, 2_097_152),
    ("rpi_pico", "SRAM0_3", 0x20000000, 262_144),
    ("rpi_pico", "SRAM5", 0x20041000, 4_096),
    ("rpi_pico2", "SRAM4_7", 0x20040000, 262_144),
    ("stm32f103_bluepill", "FLASH", 0x08000000, 65_536),
    ("stm32f103_bluepill", "SRAM", 0x20000000, 20_480),
    ("stm32f4_discovery", "SRAM2", 0x2001C000, 16_384),
    ("stm32f4_discovery", "CCM", 0x10000000, 65_536),
    ("stm32f469i_disco", "SRAM3", 0x20030000, 131_072),
    ("nucleo_f767zi", "DTCM", 0x20000000, 131_072),
    ("nucleo_f767zi", "SRAM1", 0x20020000, 376_832),
    ("nucleo_f767zi", "SRAM2", 0x2007C000, 16_384),
    ("stm32f746g_disco", "SRAM1", 0x20010000, 245_760),
    ("nucleo_h743zi", "ITCM", 0x00000000, 65_536),
    ("nucleo_h743zi", "AXI_SRAM", 0x24000000, 524_288),
    ("nucleo_h743zi", "SRAM3", 0x30040000, 32_768),
    ("nucleo_h743zi", "BKPSRAM", 0x38800000, 4_096),
    ("nucleo_h7a3zi_q", "AXI_SRAM3", 0x240A0000, 393_216),
    ("nucleo_l476rg", "SRAM2", 0x10000000, 32_768),
    ("nucleo_u575zi_q", "SRAM3", 0x20040000, 524_288),
    ("nucleo_u575zi_q", "SRAM4", 0x28000000, 16_384),
    ("nucleo_g474re", "CCM", 0x20018000, 32_768),
    ("nucleo_wb55rg", "SRAM2b", 0x20038000, 32_768),
    ("sparkfun_edge", "SRAM", 0x10010000, 327_680),
    ("apollo4p_evb", "SSRAM1", 0x101C0000, 1_048_576),
    ("xg24_dk2601b", "FLASH", 0x08000000, 1_572_864),
    ("slstk3701a", "RAM2", 0x20040000, 262_144),
    ("arduino_due", "FLASH", 0x00080000, 524_288),
    ("arduino_due", "SRAM0", 0x20070000, 65_536),
    ("frdm_k64f", "SRAM_L", 0x1FFF0000, 65_536),
    ("frdm_k64f", "SRAM_U", 0x20000000, 196_608),
    ("lpcxpresso55s69", "FLASH", 0x00000000, 655_360),
    ("lpcxpresso55s69", "SRAMX", 0x04000000, 32_768),
    ("mimxrt1060_evk", "FLASH", 0x60000000, 8_388_608),
    ("mimxrt1060_evk", "OCRAM2", 0x20200000, 524_288),
    ("max78000fthr", "SRAM2", 0x20010000, 49_152),
    ("mbed_lpc1768", "AHB_SRAM0", 0x2007C000, 16_384),
    ("launchxl_cc1352r1", "FLASH", 0x00000000, 360_448),
    ("mps2_an386", "PSRAM", 0x21000000, 16_777_216),
]

# Board, core, Hz, wait states of the flash, address of the console.
PARTS = [
    ("nrf5340dk_cpuapp", "cortex-m33f", 128_000_000, None, 0x40008000),
    ("rpi_pico", "cortex-m0plus", 133_000_000, None, 0x40034000),
    ("stm32f103_bluepill", "cortex-m3", 72_000_000, 2, 0x40013800),
    ("nucleo_f446re", "cortex-m4f", 180_000_000, 5, 0x40004400),
    ("stm32f746g_disco", "cortex-m7f", 216_000_000, 7, 0x40011000),
    ("nucleo_h743zi", "cortex-m7fd", 480_000_000, 4, 0x40004800),
    ("nucleo_l552ze_q", "cortex-m33f", 110_000_000, 5, 0x40008000),
    ("nucleo_g0b1re", "cortex-m0plus", 64_000_000, 2, 0x40008000),
    ("ek_ra6m4", "cortex-m33f", 200_000_000, 3, 0x40118000),
    ("xg24_dk2601b", "cortex-m33f", 78_000_000, 1, 0x5005C000),
    ("arduino_due", "cortex-m3", 84_000_000, 4, 0x400E0800),
    ("same54_xpro", "cortex-m4f", 120_000_000, 5, 0x41012000),
    ("teensy40", "cortex-m7fd", 600_000_000, None, 0x40198000),
    ("mbed_lpc1768", "cortex-m3", 100_000_000, 4, 0x4000C000),
]

# Board, first and last free address of the image's flash.
IMAGES = [
    ("rpi_pico", 0x10000100, 0x101FFFFF),
    ("frdm_k64f", 0x00000500, 0x000FFFFF),
    ("lpcxpresso55s69", 0x00000000, 0x0009D7FF),
    ("mimxrt1060_evk", 0x60002000, 0x607FFFFF),
    ("teensy40", 0x60001000, 0x601EFFFF),
    ("cy8ckit_062_ble", 0x10002000, 0x100FFFFF),
    ("launchxl_cc1352r1", 0x00000000, 0x00057FA7),
    ("sparkfun_edge", 0x0000C000, 0x000FFFFF),
    ("apollo4p_evb", 0x00018000, 0x001FFFFF),
]


def test_the_library_is_what_these_tables_are_about() -> None:
    assert board_names() == sorted(RAM)
    assert len(RAM) == 48


@pytest.mark.parametrize("name", RAM)
def test_ram_in_one_piece_and_in_all(name: str) -> None:
    board = load_board(name)
    linear, total = LESS[name][:2] if name in LESS else RAM[name]
    assert (board.runs()[0].size, board.ram_total) == (linear, total)


@pytest.mark.parametrize(("name", "bank", "base", "size"), BANKS)
def test_banks(name: str, bank: str, base: int, size: int) -> None:
    board = load_board(name)
    banks: dict[str, Bank] = {b.name: b for b in (*board.flash, *board.ram)}
    assert (banks[bank].base, banks[bank].size) == (base, size)


@pytest.mark.parametrize(("name", "core", "clock", "waits", "console"), PARTS)
def test_parts(name: str, core: str, clock: int, waits: int | None, console: int) -> None:
    board = load_board(name)
    assert (board.core, board.clock_hz, board.flash_wait_states()) == (core, clock, waits)
    assert board.console is not None
    assert board.console.address == console


@pytest.mark.parametrize(("name", "first", "last"), IMAGES)
def test_the_image_keeps_out_of_reserved_flash(name: str, first: int, last: int) -> None:
    run = load_board(name).flash_run()
    assert (run.base, run.end - 1) == (first, last)


def test_banks_that_are_off_after_reset() -> None:
    needed = {
        (name, bank.name) for name in board_names() for bank in load_board(name).ram if bank.setup
    }
    assert needed >= {
        ("nucleo_h743zi", "SRAM1"), ("nucleo_h743zi", "SRAM3"), ("apollo4p_evb", "SSRAM0"),
        ("msp_exp432p401r", "SRAM"), ("launchxl_cc1352r1", "GPRAM"), ("nucleo_f446re", "BKPSRAM"),
    }  # fmt: skip
    assert not needed & {("nucleo_h743zi", "AXI_SRAM"), ("apollo4p_evb", "TCM")}
    d2 = next(run for run in load_board("nucleo_h743zi").runs() if "SRAM1" in run.banks)
    assert d2.needs_setup
    assert d2.setup[0] == "SRAM1: off after reset, enable its clock"


@pytest.mark.parametrize("name", board_names())
def test_what_every_file_of_the_library_has(name: str) -> None:
    board = load_board(name)
    assert board.name == name
    public = [source for source in board.sources if re.match(r"[\w.-]+/[\w.-]+ \S+", source)]
    assert len(public) >= 2, "a fact needs a place where others can look it up"
    assert len(set(board.sources)) == len(board.sources)
    for reserve in board.reserves.values():
        assert reserve.source.split(" ")[0] in {source.split(" ")[0] for source in board.sources}
    for area in board.reserved:
        assert area.source.split(" ")[0] in {source.split(" ")[0] for source in board.sources}
    for index, bank in enumerate(board.ram):
        assert board.is_unverified(f"ram[{index}].data")
        for use in ("code", "dma"):
            known = getattr(bank, use) is not None
            core_coupled = bank.name == "CCM" and use == "code" and "f4" in name
            assert board.is_unverified(f"ram[{index}].{use}") == (known and not core_coupled)
