"""CI results made by hand, for what reads them."""

from __future__ import annotations

from typing import Any

from lab.baseline import Accepted, changes
from lab.ci_result import Allowed, CiCheck, CiResult, Excess, Note

GCC = "lab 0.1.0, arm-none-eabi-gcc 12.2.1, newlib-nano 3.3.0, -O2, tflm-2020-07"
BEFORE = Accepted(
    made_with=GCC,
    verdict="fits",
    figures={"ram": 40_000, "flash": 90_000, "arena": 30_000, "cycles": 5_000_000, "ms": 78.125},
    flash={"kernels: CONV_2D": 8_000, "kernels: SOFTMAX": 900, "library": 2_000, "model": 50_000},
    static_ram={"interpreter": 600},
    arena={"persistent: structure": 5_000, "tensor: mask": 8_192, "scratch: im2col": 1_024},
)
AFTER = BEFORE.model_copy(
    update={
        "figures": {**BEFORE.figures, "ram": 44_096, "flash": 91_204, "arena": 34_096},
        "flash": {**BEFORE.flash, "kernels: CONV_2D": 9_204},
        "arena": {**BEFORE.arena, "tensor: mask": 12_288},
    }
)
EXCESS = Excess(
    metric="arena", limit=31_024, actual=34_096, difference=3_072, growth=True, line=7,
    owner="tensor: mask +4,096 B",
)  # fmt: skip


def check(model: str = "mask.tflite", board: str = "nrf52dk", **other: Any) -> CiCheck:
    """A check that passes, unless told otherwise."""
    fields: dict[str, Any] = {
        "name": f"{model} on {board}", "model": model, "model_file": f"models/{model}",
        "board": board, "line": 12, "status": "pass",
        "verdict": "the arena could grow by 20,000 B in RAM", "model_is_cause": False,
        "measured": BEFORE,
        "accepted": BEFORE, "excesses": (), "allowances": (), "notes": (),
        "command": f"lab check models/{model} --board {board}", "exit_code": 0,
    }  # fmt: skip
    fields |= other
    then, now = fields["accepted"], fields["measured"]
    return CiCheck(changes=changes(then, now) if then and now else (), **fields)


def grown(**other: Any) -> CiCheck:
    """A check whose arena grew too much."""
    fields: dict[str, Any] = {"measured": AFTER, "status": "fail", "excesses": (EXCESS,),
                              "exit_code": 1}  # fmt: skip
    return check(**fields | other)


def held(what: str = "arena", *, expired: bool = False) -> Allowed:
    """An allowance."""
    until = "2000-01-31" if expired else "2999-12-31"
    return Allowed.model_validate(
        {"what": what, "reason": "until it is pruned", "until": until, "line": 20,
         "expired": expired}
    )  # fmt: skip


def result(*checks: CiCheck, **other: Any) -> CiResult:
    """A run of these checks."""
    fields: dict[str, Any] = {"file": "lab.yaml", "baseline": "lab-baseline.json", "unchecked": ()}
    return CiResult(checks=checks, **fields | other)


def everything() -> CiResult:
    """A run with something of each kind."""
    missing = Note(text="not in the baseline, so its growth is not judged (lab ci accept)", line=12)
    return result(
        check("words.tflite"),
        check("words.tflite", "rpi_pico", accepted=None, notes=(missing,)),
        grown(),
        grown(board="rpi_pico", status="allowed", allowances=(held(),), exit_code=0),
        check(
            "large.tflite", status="fail", exit_code=1,
            verdict="141,800 B of RAM are missing in RAM", model_is_cause=True,
            measured=BEFORE.model_copy(update={"verdict": "does_not_fit"}),
        ),
        check(
            "broken.tflite", "rpi_pico", status="no_answer", measured=None, accepted=None,
            verdict="models/broken.tflite: is cut short", model_is_cause=True, exit_code=3,
        ),
        unchecked=("old.tflite on nrf52dk",),
    )  # fmt: skip
