"""What is said while the lab works: a line that changes on a terminal, else nothing.

``lab --verbose`` says every step and every command that is run, in plain lines.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

VERBOSE = "TFLM_LAB_VERBOSE"
_LOG = logging.getLogger("lab")


def be_verbose() -> None:
    """Let steps and commands be said, on standard error."""
    logging.basicConfig(level=logging.INFO, format="lab: %(message)s", stream=sys.stderr)


def tell(line: str) -> None:
    """Print a line for people on standard error; where that cannot be written to, in vain."""
    with suppress(OSError):
        print(f"lab: {line}", file=sys.stderr, flush=True)


class Progress:
    """Callable that shows one step at a time, on standard error."""

    def __init__(self) -> None:
        self._status = None
        if sys.stderr.isatty() and not _LOG.isEnabledFor(logging.INFO):
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
            _LOG.info(message)
