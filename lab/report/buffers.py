"""What is in the arena: when it is needed, and what it is called."""

from __future__ import annotations

from lab.details import ArenaItem

# What is kept there for good, by kind: its name, and what more there is to say about it.
PERSISTENT = {
    "variable": ("variable tensors", ", which keep their values between inferences"),
    "quantization": ("scales and zero points", ", copied from the model"),
    "structure": ("the runtime's structures", ""),
    "kernel": ("what kernels keep", ": prepared multipliers, sums, indices"),
    "options": ("operators' options", ", copied from the model"),
    "alignment": ("alignment in the arena", ""),
    "unowned": ("arena without a known owner", ": nothing is known to point to it"),
}


def life(item: ArenaItem, operators: int) -> range:
    """The operators that a planned buffer is needed by; empty for what is not planned.

    Args:
        item: of an arena map.
        operators: how many there are; one whose last operator is not known lives to the end.
    """
    if item.part == "persistent":
        return range(0)
    end = operators if item.last_operator is None else item.last_operator + 1
    return range(item.first_operator or 0, end)
