"""The story of the README, measured: one network, four ways to find out whether it fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab.jobs.check import check
from lab.report.terminal import render
from lab.results import CheckResult
from lab.units import format_size
from lab.zoo import ZooModel, catalogue

BOARD = "arduino_nano33ble_sense"
_ORDER = ("separation_w16", "separation_w8_upsampling2d", "separation_w8")


def demo(say: Callable[[str], None]) -> Iterator[str]:
    """Check the separation network's variants; yields one chapter of text at a time."""
    models = {model.name: model for model in catalogue()}
    results = {}
    yield _paper(models, models[_ORDER[0]])
    for number, name in enumerate(_ORDER, 1):
        results[name] = check(models[name].path, BOARD, say=say)
        title = f"{number}. {models[name].title}"
        yield "\n".join(["", title, "=" * len(title), "", *render(results[name])])
    yield _summary(results)


def _paper(models: dict[str, ZooModel], model: ZooModel) -> str:
    source = models[model.float_source]
    smaller = 1 - model.size_bytes / source.size_bytes
    return "\n".join(
        [
            "A speech separation U-Net for an Arduino Nano 33 BLE Sense: 256 KiB RAM, 1 MiB flash.",
            f"Quantized to int8 it shrinks from {format_size(source.size_bytes)} to "
            f"{format_size(model.size_bytes)}: {smaller:.1%} smaller (computed).",
            f"On paper the file is {model.size_bytes / 2**20:.0%} of the flash and "
            f"{model.size_bytes / 2**18:.0%} of the RAM: it fits. Does it run?",
        ]
    )


def _summary(results: dict[str, CheckResult]) -> str:
    lines = ["", "In short (measured with real TFLM firmware on the emulated board)"]
    lines += [f"  {render(result)[0]}" for result in results.values()]
    return "\n".join(
        [*lines, "", f"Next: lab check YOUR.tflite --board {BOARD}   (lab boards: all)"]
    )
