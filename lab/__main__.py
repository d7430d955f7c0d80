"""The command ``lab``, also as ``python -m lab``: what must be before anything else is imported.

Most of the time of a short command is imports. Until they are done there is nothing to put in
order, so Ctrl-C ends the process at once; from then on ``lab.cli.main`` cleans up.
"""

from __future__ import annotations

import os
import signal


def _leave(number: int, _frame: object) -> None:
    try:
        os.write(2, b"lab: interrupted\n")
    finally:
        os._exit(128 + number)


signal.signal(signal.SIGINT, _leave)


def main() -> None:
    """Run the command line of this process and exit with its code."""
    from lab.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
