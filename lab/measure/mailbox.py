"""What host and runner tell each other, in the lab window of the emulated device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lab.engines.base import Engine
from lab.errors import NoVerdictError
from lab.measure.failures import log_lines
from lab.measure.tflm import Offsets

MAX_TENSORS = 64  # kLabMaxTensors of runner.h

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
            self.engine.write(self._at(name), value.to_bytes(4, "little"))

    def word(self, name: str) -> int:
        """Read a field."""
        return self._word(self._at(name))

    def tensors(self, which: Which) -> tuple[bytes, ...]:
        """Contents of every graph input or output.

        Raises:
            NoVerdictError: the runtime gave one of them no place in memory.
        """
        places = [self._tensor(which, index) for index in range(self.word(f"{which}s"))]
        try:
            return tuple(self.engine.read(address, size) for address, size in places)
        except ValueError as error:
            raise NoVerdictError(f"no verdict: a graph {which} lies nowhere: {error}") from None

    def write_inputs(self, inputs: tuple[bytes, ...]) -> None:
        """Fill the graph inputs."""
        for index, data in enumerate(inputs):
            self.engine.write(self._tensor("input", index)[0], data)

    def log(self) -> tuple[str, ...]:
        """What the runtime printed."""
        return log_lines(self.engine.read(self._at("log"), self.word("log_bytes")))

    def _tensor(self, which: Which, index: int) -> tuple[int, int]:
        at = self._at(which) + 8 * index
        return self._word(at), self._word(at + 4)

    def _at(self, name: str) -> int:
        return self.address + self.offsets["LabMailbox"][name]

    def _word(self, address: int) -> int:
        return int.from_bytes(self.engine.read(address, 4), "little")
