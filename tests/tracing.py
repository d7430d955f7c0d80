"""An oracle for depths, costs and calls: Unicorn alone, one look at PC and SP per instruction.

Nothing of the lab's engine takes part: no blocks, no decoding, no counts.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import unicorn
from proving import roomy, trial
from unicorn import arm_const
from unicorn import unicorn_const as const

from lab import Options
from lab.elf import Image, read_elf
from lab.measure.inference import Apart, Inference, Start
from lab.measure.tasks import Device, with_arena

Step = tuple[int, int]  # PC and SP before an instruction


def traced(model: Path, core: str) -> tuple[Inference, Apart, Image, list[Step]]:
    """What the lab says of a run at the required arena, and every instruction of the same run."""
    probed = trial(model, roomy(core), Options(details=True)).probe()
    outcome, required = probed.probe.outcome, probed.probe.required
    assert isinstance(outcome, Inference)
    assert outcome.apart
    assert required
    image, steps = trace(probed.device, with_arena(probed.start, required.size))
    return outcome, outcome.apart, image, steps


def trace(device: Device, start: Start) -> tuple[Image, list[Step]]:
    """Every instruction from reset to the end of the runner."""
    image = read_elf(device.elf)
    uc = unicorn.Uc(const.UC_ARCH_ARM, const.UC_MODE_THUMB)
    uc.ctl_set_cpu_model(getattr(arm_const, device.machine.core.unicorn_model))
    for region in device.machine.regions:
        uc.mem_map(region.base // 4096 * 4096, -(-region.size // 4096) * 4096)
    uc.mem_map(0xE0000000, 0x10000)  # the system registers, as memory
    for segment in image.segments:
        uc.mem_write(segment.address, segment.data)
    mailbox, fields = image.symbols["lab_mailbox"].address, device.offsets["LabMailbox"]
    for name, value in (
        ("arena", start.arena_base), ("arena_bytes", start.arena_bytes),
        ("invokes", start.invokes), ("seed", start.seed),
    ):  # fmt: skip
        uc.mem_write(mailbox + fields[name], value.to_bytes(4, "little"))
    vectors = bytes(uc.mem_read(image.symbols["vector_table"].address, 8))
    uc.reg_write(arm_const.UC_ARM_REG_SP, int.from_bytes(vectors[:4], "little"))
    steps: list[Step] = []

    def look(uc: unicorn.Uc, pc: int, _size: int, _user: object) -> None:
        steps.append((pc, uc.reg_read(arm_const.UC_ARM_REG_SP)))

    uc.hook_add(const.UC_HOOK_CODE, look)
    end = image.symbols["lab_end"].address
    uc.emu_start(int.from_bytes(vectors[4:], "little") | 1, end)
    return image, steps


def between(steps: list[Step], first: int, last: int) -> Iterator[list[Step]]:
    """The stretches from an address to the next time another one is reached."""
    begin = None
    for index, (pc, _) in enumerate(steps):
        if begin is None and pc == first:
            begin = index
        elif begin is not None and pc == last:
            yield steps[begin:index]
            begin = None


def calls(image: Image, steps: list[Step]) -> Counter[tuple[str, str]]:
    """Who entered whom: the first instruction of a function, not reached from within by a loop."""
    found = Counter[tuple[str, str]]()
    for (before, _), (pc, _) in itertools.pairwise(steps):
        source, target = (image.function_at(one) for one in (before, pc))
        if image.is_function_start(pc) and source != target:
            found[source or "", target or ""] += 1
    return found
