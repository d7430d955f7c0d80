"""Which function executed how much, and who called whom how often, from counts of blocks.

The engine counts blocks; each belongs to the function it begins in. Calls need no watching: a block
that ends in BL has called as often as it was left that way, so every count of a direct call is
exact. What enters a function in another way came through a pointer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.branches import Branch, branch
from lab.elf import Image
from lab.engines.base import BlockCount, Engine

NO_SYMBOL = "(no symbol)"


@dataclass(frozen=True)
class Cost:
    """Instructions, exact, and cycles, modelled."""

    instructions: int
    cycles: int


@dataclass(frozen=True)
class Flow:
    """What a stretch of execution did, by function; functions have their readable names.

    Instances of one template, overloads, and the parts a compiler splits a function into have one
    readable name and are one function here.

    Attributes:
        operator: which one's stretch it is; None: the runtime around the operators.
        root: the function it began in.
        costs: of each function's own instructions.
        calls: how often one function (first) entered another (second) by a direct branch.
        indirect: how often a function was entered through a pointer; the root's first entry too.
    """

    operator: int | None
    root: str
    costs: dict[str, Cost]
    calls: dict[tuple[str, str], int]
    indirect: dict[str, int]

    def entries(self, function: str) -> int:
        """How often a function was entered."""
        direct = sum(count for (_, callee), count in self.calls.items() if callee == function)
        return direct + self.indirect.get(function, 0)


def difference(before: Sequence[BlockCount], after: Sequence[BlockCount]) -> list[BlockCount]:
    """What was executed between two looks at the counts."""
    counts = [
        new._replace(executions=new.executions - old.executions, taken=new.taken - old.taken)
        for old, new in zip(before, after, strict=False)
        if new.executions != old.executions
    ]
    return counts + [block for block in after[len(before) :] if block.executions]


def rest(whole: Iterable[BlockCount], parts: Iterable[Iterable[BlockCount]]) -> list[BlockCount]:
    """What was executed outside of the parts."""
    left = {(block.address, block.size): block for block in whole}
    for part in parts:
        for block in part:
            key = (block.address, block.size)
            old = left[key]
            left[key] = old._replace(
                executions=old.executions - block.executions, taken=old.taken - block.taken
            )
    return [block for block in left.values() if block.executions]


@dataclass(frozen=True)
class Reader:
    """Makes flows of counts.

    Attributes:
        engine: has the code.
        image: has the names.
        taken_cycles: what a taken branch adds.
    """

    engine: Engine
    image: Image
    taken_cycles: int

    def flow(self, operator: int | None, root: int, counts: Sequence[BlockCount]) -> Flow:
        """What a stretch of execution did.

        Args:
            operator: whose stretch it is.
            root: address where it began.
            counts: of the blocks executed in it.
        """
        endings = self._endings(counts)
        calls = self._run_ons(counts, endings)
        direct = Counter[int]()  # arrivals by a way that is written in the code
        for ending in endings.values():
            source, target = self._name(ending.branch.address), ending.branch.target
            ways = [(ending.end, ending.fell, False)]
            if target is not None:
                ways.append((target, ending.taken, ending.branch.links))
            for to, count, links in ways:
                direct[to] += count
                if count and (links or self._name(to) != source):
                    calls[source, self._name(to)] += count
        indirect = self._indirect(counts, direct)
        return Flow(operator, self._name(root), self._costs(counts), dict(calls), dict(indirect))

    def _costs(self, counts: Iterable[BlockCount]) -> dict[str, Cost]:
        instructions, cycles = Counter[str](), Counter[str]()
        for block in counts:
            name = self._name(block.address)
            instructions[name] += block.executions * block.instructions
            cycles[name] += block.executions * block.cycles + block.taken * self.taken_cycles
        return {name: Cost(instructions[name], cycles[name]) for name in instructions}

    def _endings(self, counts: Iterable[BlockCount]) -> dict[int, _Ending]:
        """How often each last instruction of a block branched, and how often it did not.

        Blocks with the same end have the same last instruction.
        """
        executions, fell = Counter[int](), Counter[int]()
        branches: dict[int, Branch] = {}
        for block in counts:
            end = block.address + block.size
            executions[end] += block.executions
            fell[block.address] += block.executions - block.taken
            if end not in branches:
                branches[end] = branch(self.engine.read(block.address, block.size), block.address)
        return {
            end: _Ending(end, branches[end], count, min(count, fell[end]))
            for end, count in executions.items()
        }

    def _run_ons(
        self, counts: Iterable[BlockCount], endings: Mapping[int, _Ending]
    ) -> Counter[tuple[str, str]]:
        """Blocks that run on into the next function, as hand-written code does: calls as well."""
        calls = Counter[tuple[str, str]]()
        for block in counts:
            here = self._name(block.address)
            there = self._name(endings[block.address + block.size].branch.address)
            if here != there:
                calls[here, there] += block.executions
        return calls

    def _indirect(self, counts: Iterable[BlockCount], direct: Counter[int]) -> Counter[str]:
        """Entries of functions that no direct branch made."""
        arrived = Counter[int]()
        for block in counts:
            arrived[block.address] += block.executions
        found = Counter[str]()
        for address, count in arrived.items():
            if self.image.is_function_start(address) and count > direct[address]:
                found[self._name(address)] += count - direct[address]
        return found

    def _name(self, address: int) -> str:
        return self.image.function_at(address) or NO_SYMBOL


@dataclass(frozen=True)
class _Ending:
    """The last instruction of blocks: how often it was executed, and went on to what follows."""

    end: int
    branch: Branch
    executions: int
    fell: int

    @property
    def taken(self) -> int:
        return self.executions - self.fell
