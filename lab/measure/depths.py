"""How deep the stack is in each phase and operator, and who stands there at the deepest point.

The first run tells how low SP gets. In a second one the engine stops right before the block that
gets there, the call chain is read, and the run goes on: nothing it counts changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lab.elf import Image
from lab.engines.base import Engine
from lab.measure.unwind import Frame, call_chain

Phase = Literal["constructor", "allocate", "invoke"]
_MOST_FRAMES = 64
_WORD = 4


@dataclass(frozen=True)
class Place:
    """A phase, or one operator of an inference."""

    phase: Phase
    operator: int | None = None


@dataclass(frozen=True)
class ChainFrame:
    """A function of a call chain; ``size`` bytes of stack are its own, None: not known."""

    function: str
    size: int | None


@dataclass(frozen=True)
class StackPoint:
    """The deepest point of a phase or an operator, over all inferences.

    Attributes:
        place: which; the phase ``invoke`` includes its operators.
        depth: bytes from the initial SP.
        chain: innermost first; empty where the point was not met again.
    """

    place: Place
    depth: int
    chain: tuple[ChainFrame, ...]


@dataclass(frozen=True)
class StackDepths:
    """Where the stack was deep in one run.

    Attributes:
        points: phases in order, then operators in order.
        inferences: bytes from the initial SP to the lowest of each inference.
        lows: lowest SP by place; what a second run takes to find the chains.
    """

    points: tuple[StackPoint, ...]
    inferences: tuple[int, ...]
    lows: Mapping[Place, int]


class Depths:
    """Follows the lowest SP of one run from place to place.

    Attributes:
        place: where the run is.
        lowest: SP and an address inside the function that first moved it there, over the run; no
            address where the engine does not know.
    """

    def __init__(self, engine: Engine, image: Image, expected: Mapping[Place, int]) -> None:
        """Begin at reset.

        Args:
            engine: just reset.
            image: what it executes.
            expected: lowest SP of places whose call chains are wanted.
        """
        self._engine, self._image = engine, image
        self._top = engine.register("sp")
        self._expected = expected
        self._lows: dict[Place, tuple[int, int | None]] = {}  # SP and PC
        self._chains: dict[Place, tuple[ChainFrame, ...]] = {}
        self._inferences: list[int] = []
        self._lowest_of_inference = self._top
        self.place = Place("constructor")
        self.lowest: tuple[int, int | None] = (self._top, 0)

    def enter(self, phase: Phase, operator: int | None = None) -> None:
        """What follows belongs to another place."""
        self.settle()
        self._engine.restart_lowest_sp()
        self.place = Place(phase, operator)
        if self.limit() > self._engine.register("sp"):
            self.arrived()  # nothing in this place goes deeper than where it begins

    def settle(self) -> None:
        """Note how low SP has been in this place until now."""
        lowest = self._engine.lowest_sp()
        low = (lowest.sp, lowest.pc)
        before = self._lows.setdefault(self.place, (self._top, low[1]))
        self._lows[self.place] = _lower(before, low)
        self._lowest_of_inference = min(low[0], self._lowest_of_inference)
        self.lowest = _lower(self.lowest, low)

    def begin_inference(self) -> None:
        """One inference begins."""
        self.enter("invoke")
        self._lowest_of_inference = self._top

    def end_inference(self) -> None:
        """One inference has ended."""
        self.settle()
        self._inferences.append(self._top - self._lowest_of_inference)

    def limit(self) -> int:
        """SP below which to stop here, to see who goes there; 0: nothing to see."""
        if self.place in self._chains or self.place not in self._expected:
            return 0
        return self._expected[self.place] + _WORD

    def arrived(self) -> None:
        """The engine stands before the block that goes below the limit."""
        frames = call_chain(self._engine, self._image, _MOST_FRAMES, lines=False)
        self._chains[self.place] = tuple(self._sized(frames, self._expected[self.place]))

    def found(self) -> StackDepths:
        """What was seen, at the end of the run."""
        self.settle()
        places = [place for place in self._lows if place.phase != "invoke"]
        points = [self._point(place, place) for place in places]
        invoke = [place for place in self._lows if place.phase == "invoke"]
        if invoke:
            deepest = min(invoke, key=lambda place: self._lows[place][0])
            points.append(self._point(Place("invoke"), deepest))
        operators = sorted(place.operator for place in invoke if place.operator is not None)
        for place in (Place("invoke", operator) for operator in operators):
            points.append(self._point(place, place))
        lows = {place: sp for place, (sp, _) in self._lows.items()}
        return StackDepths(tuple(points), tuple(self._inferences), lows)

    def _sized(self, frames: Iterable[Frame], low: int) -> Iterator[ChainFrame]:
        """The frames from the lowest SP up, as far as it is sure where they end."""
        for frame in frames:
            if frame.end is None or not low <= frame.end <= self._top:
                yield ChainFrame(frame.function, None)
                return
            yield ChainFrame(frame.function, frame.end - low)
            low = frame.end

    def _point(self, place: Place, measured: Place) -> StackPoint:
        """The point of a place, whose deepest part is perhaps an operator's."""
        low, pc = self._lows[measured]
        chain = self._chains.get(measured, ())
        function = None if pc is None else self._image.function_at(pc)
        if chain and chain[0].size == 0 and chain[0].function != function:
            chain = chain[1:]  # SP was computed, and known to be low only where it had called
        met = self._expected.get(measured) == low and chain and chain[0].function == function
        return StackPoint(place, self._top - low, chain if met else ())


def _lower(
    earlier: tuple[int, int | None], later: tuple[int, int | None]
) -> tuple[int, int | None]:
    """Of two pairs of SP and PC the lower one, the earlier one of equals."""
    return later if later[0] < earlier[0] else earlier
