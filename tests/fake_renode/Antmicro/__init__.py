"""The namespace of Renode."""

import sys

if "pyrenode3" not in sys.modules:
    raise ModuleNotFoundError("Renode is not loaded")
