"""Name the first cause of a failure from the runtime's own words.

The texts are those of TFLM as of July 2020 and August 2026 (``tensorflow/lite/micro/*.cc`` and the
kernels); no text means one thing in one of them and another in the other. Some
reasons are printed before a wrapper line ("Node X failed to prepare"), and an allocation that
failed is followed by who asked for it: the first line that names a cause decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.engines.base import Fault, Stop, StopReason
from lab.measure.unwind import Frame

_TAIL = "Failed to allocate tail memory. Requested:"
_TEMP = "Failed to allocate temp memory. Requested:"
_HEAD = "Failed to resize buffer. Requested:"
_TOO_SMALL = ("Failed to allocate memory. Requested:", _TAIL, _TEMP, _HEAD)
_PLANNING = re.compile(
    r"allocation_info, \d+ bytes required|Too many buffers \(max is"
    r"|for memory planning, \d+ bytes required|temp\. memory for tensor|a temp TfLiteTensor struct"
    r"|All temp buffers must be freed|Number of allocated temp buffers"
)
_STARTING = "Failed starting model allocation"
_RULES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"requires resource variables|Failed to allocate resource variable",
         "resource_variables_missing"),
        (r"Arena size is too small for activation buffers", "arena_too_small_nonpersistent"),
        (_PLANNING.pattern, "arena_too_small_temp"),
        (r"Failed to allocate|Unable to allocate|Please increase arena size"
         r"|params != nullptr was not true|a persistent TfLiteTensor struct"
         r"|Failed to register scratch buffer handle", "arena_too_small_persistent"),
        (r"Didn't find op for builtin opcode", "op_missing"),
        (r"Op builtin_code out of range", "op_code_out_of_range"),
        (r"from op code CUSTOM|has no custom_code", "custom_op_missing"),
        (r"Couldn't register builtin op|resolver size is too small", "resolver_full"),
        (r"Calling AddBuiltin with the same op", "resolver_duplicate"),
        (r"Hybrid models are not supported|with filter type: .* not supported",
         "hybrid_or_uint8"),
        (r"has dynamic tensor|Dynamic tensors are not supported", "dynamic_tensor"),
        (r"not supported\.|not is not supported|[Oo]nly float32\b.*supported"
         r"|Unsupported data type|input->type != ", "unsupported_type"),
        (r"has an invalid lifetime", "planner_lifetime"),
        (r"Only 1 subgraph is currently supported", "multi_subgraph"),
        (r"AllocateFromTail can not be called between two|Scratch buffer request exceeds limit",
         "scratch_limit"),
        (r"Nbr of offline buffer offsets", "offline_plan"),
        (r"Missing registration for opcode_index|Skipping op for opcode_index"
         r"|found builtin operator .* with custom|Input array not provided"
         r"|Found too many dimensions in the input array|Did not find a parser for"
         r"|Accessing subgraph \d+ but only|intermediate tensor with non-zero size", "bad_model"),
        (r"was not true\.| != .*\(.* != .*\)", "bad_params"),
        (r"Invoke\(\) called after initialization failed|index \d+ out of range"
         r"|Model allocation started before|requires all tensors to be preserved", "misuse"),
        # What is said last when a text before it was not understood.
        (rf"{_STARTING}|Failed to initialize (input |output )?tensor",
         "arena_too_small_persistent"),
    )
)  # fmt: skip
_STOPS = {
    StopReason.STACK_LIMIT: "stack_overflow",
    StopReason.HALTED: "halted",
    StopReason.INSTRUCTION_BUDGET: "hang",
    StopReason.WALL_CLOCK: "hang",
}

ARENA_CLASSES = frozenset(
    {
        "arena_too_small_persistent",
        "arena_too_small_temp",
        "arena_too_small_nonpersistent",
        "arena_too_small_crash",
    }
)


@dataclass(frozen=True)
class Failure:
    """A run that did not reach its end, with all the evidence there is.

    Attributes:
        failure_class: name of the first cause, as in docs/troubleshooting.md.
        phase: ``allocate`` or ``invoke``.
        log: the runtime's own lines.
        status: TfLiteStatus the runtime returned, when it did return.
        operator: index of the operator that was running, if one was.
        stop: why the engine came back, when the firmware did not end by itself.
        fault: the fault, if it was one.
        chain: call chain at the stop, innermost first.
        stack_bytes: how deep the stack was by then; what stopped at a limit wanted more.
    """

    failure_class: str
    phase: str
    log: tuple[str, ...]
    status: int
    operator: int | None
    stop: StopReason | None
    fault: Fault | None
    chain: tuple[Frame, ...]
    stack_bytes: int

    @property
    def is_arena_too_small(self) -> bool:
        """Whether the arena was too small."""
        return self.failure_class in ARENA_CLASSES

    @property
    def may_want_arena(self) -> bool:
        """Whether more arena might help: a runtime without messages does not say what it wants."""
        mute = {"failed_without_words", "halted", "guest_fault"}
        silent = self.phase == "allocate" and self.failure_class in mute and not causes(self.log)
        return self.is_arena_too_small or silent

    @property
    def reason(self) -> str:
        """One line: the runtime's words where it had any, else what the engine saw."""
        return self._stopped() or next(iter(causes(self.log)), "") or _last(self.log)

    def _stopped(self) -> str:
        where = f" in {self.chain[0].function}" if self.chain else ""
        if self.fault:
            at = "" if self.fault.address is None else f" at address 0x{self.fault.address:08x}"
            text = f"{self.fault.kind.replace('_', ' ')}{at}{where}"
        elif self.stop is StopReason.STACK_LIMIT:
            text = f"the stack would grow past its limit{where}"
        elif self.stop is StopReason.HALTED:
            text = f"the firmware stopped itself in an endless loop{where}"
        elif self.stop is not None:
            text = f"still running after its instruction budget{where}"
        else:
            return ""
        words = next(iter(causes(self.log)), "")
        return f"{text} after: {words}" if words else text


def log_lines(text: bytes) -> tuple[str, ...]:
    """The log as printable lines: guests write what they like."""
    lines = text.decode("utf-8", "replace").replace("\r", "\n").split("\n")
    return tuple(
        "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
        for line in lines
        if line.strip()
    )


def causes(log: tuple[str, ...]) -> list[str]:
    """The lines of a log that name a cause, in order."""
    return [line for line in log if _names_memory(line) or _rule(line)]


def classify(log: tuple[str, ...], stop: Stop | None, *, planned: int | None = None) -> str:
    """Failure class of the first cause.

    Args:
        log: the runtime's lines.
        stop: how the run ended if the firmware did not end by itself.
        planned: how many of the lines were told before memory was planned; None: not known.
    """
    if stop is not None and stop.reason is StopReason.STACK_LIMIT:
        return "stack_overflow"
    crashed = stop is not None
    for number, line in enumerate(log):
        name = _of_memory(log, number, planned) if _names_memory(line) else _rule(line)
        if name:
            return "arena_too_small_crash" if crashed and name in ARENA_CLASSES else name
    if stop is None:
        return "failed_without_words"
    return _STOPS.get(stop.reason, "guest_fault")


def _names_memory(line: str) -> bool:
    return any(text in line for text in _TOO_SMALL)


def _of_memory(log: tuple[str, ...], number: int, planned: int | None) -> str:
    """Which part of the arena a failed allocation was for; the line after it says who asked."""
    line, after = log[number], " ".join(log[number + 1 : number + 2])
    if _HEAD in line:  # the head also holds requests for scratch buffers until planning
        early = _STARTING in after or (planned is not None and number < planned)
        return "arena_too_small_temp" if early else "arena_too_small_nonpersistent"
    if _TEMP in line or (_TAIL not in line and _PLANNING.search(after)):
        return "arena_too_small_temp"
    return "arena_too_small_persistent"


def failure_classes() -> set[str]:
    """Every name ``classify`` can give."""
    rules = {name for _, name in _RULES}
    return rules | set(_STOPS.values()) | ARENA_CLASSES | {"guest_fault", "failed_without_words"}


def _rule(line: str) -> str:
    return next((name for pattern, name in _RULES if pattern.search(line)), "")


def _last(log: tuple[str, ...]) -> str:
    return log[-1] if log else "the runtime returned an error without a word"
