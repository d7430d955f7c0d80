"""The one variable that decides here, read once."""

import os

pyrenode_skip_load = os.environ.get("PYRENODE_SKIP_LOAD")
