"""The namespace of Renode."""

import sys

if not sys.modules["pyrenode3.loader"].RenodeLoader.is_initialized:
    raise ModuleNotFoundError("Renode is not loaded")
