"""What the driver takes from .NET itself."""

from __future__ import annotations

import sys

if not sys.modules["pyrenode3.loader"].RenodeLoader.is_initialized:
    raise ModuleNotFoundError("Renode is not loaded")


class UInt64(int):
    """A number of which .NET knows the type."""


class NullReferenceException(Exception):
    """One of .NET's many exceptions."""


class DllNotFoundException(Exception):
    """Another one."""
