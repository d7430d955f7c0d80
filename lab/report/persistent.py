"""What the persistent part of an arena is called."""

from __future__ import annotations

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
