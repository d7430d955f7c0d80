"""What host and runner tell each other, in the lab window of the emulated device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lab.engines.base import Engine
from lab.errors import NoVerdictError
from lab.measure.failures import log_lines
from lab.measure.guest import read_guest
from lab.measure.tflm import Offsets

MAX_TENSORS = 64  # kLabMaxTensors of runner.h
_MAX_TENSOR_BYTES = 128 << 20  # of all inputs or outputs together; no arena is as large

Which = Literal["input", "output"]


@dataclass(frozen=True)
class Mailbox:
    """The runner's ``lab_mailbox``; ``address`` is where it lies."""

    engine: Engine
    offsets: Offsets
    address: int

    def tell(self, words: Mapping[str, int]) -> None:
        """Set fields before the firmware runs."""
        for name, value in words.items():
            self.engine.write(self.at(name), value.to_bytes(4, "little"))

    def word(self, name: str) -> int:
        """Read a field."""
        return self._word(self.at(name))

    def tensors(self, which: Which) -> tuple[bytes, ...]:
        """Contents of every graph input or output.

        Raises:
            NoVerdictError: the firmware describes no such tensors.
        """
        places = self.places(which)
        what = f"a graph {which}"
        return tuple(read_guest(self.engine, address, size, what) for address, size in places)

    def write_inputs(self, inputs: tuple[bytes, ...]) -> None:
        """Fill the graph inputs.

        Raises:
            NoVerdictError: those of the firmware are other ones.
        """
        places = self.places("input")
        sizes, wanted = [size for _, size in places], [len(data) for data in inputs]
        if sizes != wanted:
            raise NoVerdictError(
                f"no verdict: the firmware has inputs of {sizes} B, the model of {wanted} B"
            )
        for (address, _), data in zip(places, inputs, strict=True):
            read_guest(self.engine, address, len(data), "a graph input")
            self.engine.write(address, data)

    def log(self) -> tuple[str, ...]:
        """What the runtime printed, as far as its window holds it."""
        room = self.offsets["LabMailbox"]["sizeof"] - self.offsets["LabMailbox"]["log"]
        printed = self.word("log_bytes")
        lines = log_lines(self.engine.read(self.at("log"), min(printed, room)))
        return lines if printed < room else (*lines, f"[the log is cut here, after {room:,} B]")

    def places(self, which: Which) -> list[tuple[int, int]]:
        """Address and size of every graph input or output.

        Raises:
            NoVerdictError: the firmware describes no such tensors.
        """
        count = self.word(f"{which}s")
        if count > MAX_TENSORS:
            raise NoVerdictError(
                f"no verdict: the model has {count:,} graph {which}s, the runner can describe "
                f"{MAX_TENSORS}"
            )
        places = [self._tensor(which, index) for index in range(count)]
        if (size := sum(size for _, size in places)) > _MAX_TENSOR_BYTES:
            raise NoVerdictError(f"no verdict: the firmware claims {size:,} B of graph {which}s")
        return places

    def _tensor(self, which: Which, index: int) -> tuple[int, int]:
        at = self.at(which) + 8 * index
        return self._word(at), self._word(at + 4)

    def at(self, name: str) -> int:
        """Address of a field."""
        return self.address + self.offsets["LabMailbox"][name]

    def _word(self, address: int) -> int:
        return int.from_bytes(self.engine.read(address, 4), "little")
