"""What ``lab boards new`` writes: a board file with everything in it but the facts."""

from __future__ import annotations

from lab.cores import CORES

_TEMPLATE = """\
# A board file for tflm-lab: which memory the board has, and where that is stated.
# Fill in what has no value yet; the comment beside it is an example. Then:
#   lab boards validate FILE      one line for each thing that is missing or cannot be
#   lab boards show FILE          what the lab understood
# Lines that start with "#-" are optional: take the "#-" away to use them. Leave out what you do
# not know, and list under "unverified" what you did not look up. All keys: docs/boards.md.

name: @NAME@
title:  # for example Sensor node, revision B
vendor:  # for example Example Devices
mcu:  # for example STM32L4R5ZIT6
# One of: @CORES@.
core:  # for example cortex-m4f
# The clock for which the figures of this file hold.
clock:  # for example 120 MHz
#-notes: what else matters about the board

# Where the program lies. Bases and sizes are multiples of 1 KiB; several banks may be listed.
flash:
  - name: FLASH
    base:  # for example 0x08000000
    size:  # for example 2 MiB
#-    # Wait states at the clock above, and what hides them.
#-    wait_states: 5
#-    cache: instruction and data caches, prefetch

# All memory that can be written, bank by bank, with the names of the reference manual.
ram:
  - name: SRAM1
    base:  # for example 0x20000000
    size:  # for example 192 KiB
    # Whether .data, heap, stack and arena may lie here.
    data:  # for example true
#-    code: true
#-    dma: true
#-    # Other addresses at which the same cells appear.
#-    aliases: [0x10000000]
#-    notes: what else matters about this bank
#-  - name: BKPSRAM
#-    base: 0x40024000
#-    size: 4 KiB
#-    data: false
#-    # What firmware has to do before it can use the bank.
#-    setup: enable its clock
#-  - name: SRAM2
#-    base: 0x20030000
#-    size: 64 KiB
#-    data: true
#-    # It adjoins the bank before, but one object must not lie across the border.
#-    joins: false

#-# Parts of banks that no application ever gets, whatever firmware runs.
#-reserved:
#-  - name: BOOT_BLOCK
#-    base: 0x08000000
#-    size: 256 B
#-    what: read by the boot ROM
#-    source: reference manual, chapter Boot

#-# The serial port firmware usually prints on.
#-console:
#-  name: USART1
#-  address: 0x40013800
#-  usb_bridge: true
#-  notes: pins PA9 and PA10

#-# What a boot loader, radio stack or core library takes, for lab check --reserve PROFILE.
#-reserves:
#-  boot-loader:
#-    title: our boot loader
#-    flash: 32 KiB
#-    ram: 0 B
#-    source: its map file

# Where these facts are stated: documents, or a repository and a path in it.
sources:
  -  # for example STM32L4R5 reference manual RM0432

#-# Facts of this file that nobody has checked.
#-unverified:
#-  - flash[0].wait_states
"""


def new_board(name: str) -> str:
    """The text of a board file for a board of this name, its facts still to fill in."""
    return _TEMPLATE.replace("@NAME@", name).replace("@CORES@", ", ".join(CORES))
