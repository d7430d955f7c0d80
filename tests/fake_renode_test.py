"""Plays renode-test: takes its arguments, runs Robot with the stub of Renode's keywords.

It proves the command ``lab renode test``, not Renode: nothing is emulated. FAKE_RENODE_TEST chooses
what it does: ``run``, ``hang``, ``garbage``, ``nothing``, ``empty``, ``broken``; FAULT is what the
stub answers wrongly.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

STUB = Path(__file__).resolve().parent / "robot" / "renode_keywords.resource"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("tests", nargs="*")
    parser.add_argument("-r", "--results-dir", type=os.path.abspath, required=True)
    parser.add_argument("--variable", action="append", default=[])
    parser.add_argument("--test-timeout", type=int)
    asked = parser.parse_args()
    how = os.environ.get("FAKE_RENODE_TEST", "run")
    output = Path(asked.results_dir) / "robot_output.xml"
    if how == "hang":
        subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"], check=False)
    if how == "garbage":
        output.write_text("<robot><suite>")
    if how in {"garbage", "nothing"}:
        print("Renode did not start")
        return 1
    given = [f"RENODEKEYWORDS:{STUB}", f"FAULT:{os.environ.get('FAULT', '')}", *asked.variable]
    ran = subprocess.run(
        [
            sys.executable, "-m", "robot", "--output", str(output), "--log", "NONE",
            "--report", "NONE", "--runemptysuite", "--pythonpath", str(STUB.parents[1]),
            *(word for one in given for word in ("--variable", one)),
            *(("--include", "no-such-tag") if how == "empty" else ()),
            *asked.tests,
        ],
        check=False,
    )  # fmt: skip
    return 1 if ran.returncode or how == "broken" else 0


if __name__ == "__main__":
    sys.exit(main())
