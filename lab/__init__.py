"""A simulated hardware test lab for TensorFlow Lite Micro on Cortex-M devices.

``lab.check(model, board, lab.Options(...))`` gives the record that ``lab check`` prints.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing, whose import would take longer than all the rest here
if TYPE_CHECKING:
    from lab.errors import LabError
    from lab.jobs.check import check
    from lab.jobs.options import Options
    from lab.results import CheckResult

__all__ = ["CheckResult", "LabError", "Options", "check"]

_HOME = {
    "CheckResult": "lab.results",
    "LabError": "lab.errors",
    "Options": "lab.jobs.options",
    "check": "lab.jobs.check",
}


def __getattr__(name: str) -> object:
    """Import what is asked for only then: most commands need little of it."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'lab' has no attribute {name!r}")
