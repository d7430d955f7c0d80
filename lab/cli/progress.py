"""Say what takes long: a line that changes on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self


def tell(line: str) -> None:
    """Print a line for people on standard error; where that cannot be written to, in vain."""
    with suppress(OSError):
        print(f"lab: {line}", file=sys.stderr, flush=True)


class Progress:
    """Callable that shows one step at a time, on standard error."""

    def __init__(self) -> None:
        self._status = None
        self._last = ""
        if sys.stderr.isatty():
            from rich.console import Console

            unicode = (sys.stderr.encoding or "").lower().startswith("utf")
            spinner = "dots" if unicode else "line"
            self._status = Console(stderr=True).status("", spinner=spinner)

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status:
            self._status.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the line away while something else is printed."""
        if self._status:
            self._status.stop()
        yield
        if self._status:
            self._status.start()

    def __call__(self, message: str) -> None:
        """Show a step."""
        if self._status:
            from rich.markup import escape

            self._status.update(escape(message))
        elif not message.startswith("["):  # ninja's counters: far too many lines for a log
            tell(message)
