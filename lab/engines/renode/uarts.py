"""Which of Renode's serial port models stands for a board's console, if one does.

A model is used where its register layout is that of the part's family. What is not in the table
has no console in Renode: a port with other registers would only seem to work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Uart:
    """A serial port that Renode has a model of.

    Attributes:
        model: Renode's type, such as ``UART.PL011``.
        address: base address.
        parameters: arguments of its constructor, by name, as the description writes them.
        size: bytes that it is registered with; None: the model says how many it takes.
        reason: why this model stands for the board's port.
    """

    model: str
    address: int
    parameters: tuple[tuple[str, str], ...]
    size: int | None
    reason: str


@dataclass(frozen=True)
class _Family:
    """Parts whose ports have the registers of a model.

    Attributes:
        parts: pattern of the board file's ``mcu``, from its begin.
        ports: pattern of the console's name.
        model: Renode's type.
        parameters: of its constructor; ``{clock}`` is the core clock in Hz.
        layout: the registers, for people.
        size: bytes, for a model that does not say them (is no IKnownSize): without them Renode
            refuses to register it.
    """

    parts: str
    ports: str
    model: str
    parameters: tuple[tuple[str, str], ...]
    layout: str
    size: int | None = None


# Models: renode-infrastructure Peripherals/UART. Their clock only serves to report a baud rate.
_CLOCK = ("frequency", "{clock}")
_NEW_STM32 = r"STM32(F7|H7|L4|L5|G0|G4|U5|WB)"
_FAMILIES = (
    _Family(
        r"nRF(52|53|91)", r"UARTE\d", "UART.NRF52840_UART", (("easyDMA", "true"),), "Nordic's UARTE"
    ),
    _Family(
        r"STM32F[14]",
        r"USART\d",
        "UART.STM32_UART",
        (_CLOCK,),
        "the USART of STM32F1 and STM32F4",
        size=0x100,  # as in renode platforms/cpus/stm32f103.repl and stm32f4.repl
    ),
    _Family(
        _NEW_STM32, r"USART\d", "UART.STM32F7_USART", (_CLOCK,), "the USART of STM32F7 and later"
    ),
    _Family(
        _NEW_STM32,
        r"LPUART\d",
        "UART.STM32F7_USART",
        (_CLOCK, ("lowPowerMode", "true")),
        "the LPUART of STM32F7 and later",
    ),
    _Family(r"MK6[46]F", r"UART\d", "UART.K6xF_UART", (), "the UART of Kinetis K6x"),
    _Family(r"ATSAM[DE]5", r"SERCOM\d", "UART.SAMD5_UART", (), "the SERCOM of SAM D5x/E5x"),
    _Family(
        r"RP2(040|350)",
        r"UART\d",
        "UART.PL011",
        (),
        "Arm's PL011, without the part's atomic aliases",
    ),
    _Family(r"FPGA", r"UART\d", "UART.CMSDK_APB_UART", (_CLOCK,), "the APB UART of Arm's CMSDK"),
)


def console_uart(mcu: str, port: str, address: int, clock_hz: int) -> Uart | None:
    """The model of a board's console; None: Renode has none that is known to fit.

    Args:
        mcu: the part, as in the board file.
        port: name of the peripheral in the part's documents.
        address: its base address.
        clock_hz: core clock.
    """
    for family in _FAMILIES:
        if re.match(family.parts, mcu) and re.fullmatch(family.ports, port):
            values = tuple((key, text.format(clock=clock_hz)) for key, text in family.parameters)
            reason = f"registers of {family.layout}"
            return Uart(family.model, address, values, family.size, reason)
    return None
