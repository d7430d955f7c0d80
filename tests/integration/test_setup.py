"""Set-up: installs, and says in one line what is missing and which command mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_NETWORK = ("NewConnectionError", "Failed to establish a new connection", "name resolution")
# What the script itself is made of; everything else on its search path is put there by a test.
UTILITIES = (
    "cat", "cut", "dirname", "env", "grep", "head", "ls", "mkdir", "rm", "sed", "sha256sum",
    "sh", "sort", "tail", "tr",
)  # fmt: skip


def _put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


class Machine:
    """A checkout and a search path with nothing on it but stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.bin = folder / "checkout", folder / "bin"
        self.calls = folder / "calls"
        self.bin.mkdir()
        for name in (".ci/setup", "pyproject.toml", "setup.py", "constraints.txt",
                     "lab/engines/_meter.c"):  # fmt: skip
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.checkout / name)
        for name in UTILITIES:
            path = shutil.which(name)
            assert path
            (self.bin / name).symlink_to(path)
        for name in ("git", "make", "ninja", "arm-none-eabi-g++", "gcc"):
            _put(self.bin, name, "exit 0")
        _put(self.bin, "id", "echo 0")
        _put(self.bin, "python3", f'exec {sys.executable} "$@"')
        _put(self.bin, "cargo", "echo cargo 1.85.0")
        _put(self.bin, "arm-none-eabi-gcc", "echo /lib/found.a")

    def apt(self, script: str) -> None:
        """Put an apt-get there that notes its arguments and does as told."""
        _put(self.bin, "apt-get", f'echo "$@" >>{self.calls}\n{script}')

    def complaint(self, what: str = "run", **environment: str) -> str:
        """Run the set-up, which must fail as documented; its one line."""
        done = subprocess.run(
            [self.checkout / ".ci" / "setup", what],
            env={"PATH": str(self.bin), "HOME": str(self.checkout), **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        (line,) = done.stderr.splitlines()
        assert done.returncode == 4, line
        assert line.startswith("lab set-up: ")
        return line.removeprefix("lab set-up: ")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_no_python(machine: Machine) -> None:
    (machine.bin / "python3").unlink()
    assert machine.complaint() == (
        "python3 is missing, 3.11 or newer is needed (install it with: apt-get install python3.11)"
    )


def test_an_old_python(machine: Machine) -> None:
    _put(machine.bin, "python3", '[ "$1" = --version ] && echo Python 3.9.2 || exit 1')
    assert machine.complaint().startswith("Python 3.9.2 is too old, 3.11 or newer is needed (")


def test_no_cargo(machine: Machine) -> None:
    (machine.bin / "cargo").unlink()
    line = machine.complaint()
    assert line.startswith("cargo is missing, 1.85 or newer is needed (install it with: curl ")


def test_an_old_cargo_beside_a_package_of_a_newer_one(machine: Machine) -> None:
    _put(machine.bin, "cargo", "echo cargo 1.63.0")
    _put(machine.bin, "apt-cache", '[ "$*" = "show cargo-web" ]')
    _put(machine.bin, "id", "echo 1000")
    assert machine.complaint() == (
        "cargo 1.63.0 is too old, 1.85 or newer is needed "
        "(install it with: sudo apt-get install cargo-web)"
    )


def test_an_old_cargo_of_rustup(machine: Machine) -> None:
    _put(machine.bin, "cargo", "echo cargo 1.84.1")
    _put(machine.bin, "rustup", "")
    assert machine.complaint().endswith("(install it with: rustup update stable)")


def test_a_cargo_that_is_not_on_the_search_path_yet(machine: Machine) -> None:
    (machine.bin / "cargo").unlink()
    home = machine.checkout / ".cargo" / "bin"
    home.mkdir(parents=True)
    _put(home, "cargo", "echo cargo 1.100.0")
    (machine.bin / "ninja").unlink()
    assert "ninja-build" in machine.complaint()


def test_no_compiler_and_no_apt(machine: Machine) -> None:
    for name in ("arm-none-eabi-gcc", "arm-none-eabi-g++", "ninja"):
        (machine.bin / name).unlink()
    assert machine.complaint().startswith(
        "missing: ninja-build gcc-arm-none-eabi libnewlib-arm-none-eabi "
        "libstdc++-arm-none-eabi-newlib (there is no apt-get here: "
    )


def test_not_root_and_no_sudo(machine: Machine) -> None:
    (machine.bin / "ninja").unlink()
    machine.apt("exit 0")
    _put(machine.bin, "id", "echo 1000")
    assert machine.complaint() == "missing: ninja-build (as root: apt-get install ninja-build)"
    assert not machine.calls.exists()


def test_apt_is_called_once_for_all_and_its_error_is_quoted(machine: Machine) -> None:
    (machine.bin / "ninja").unlink()
    (machine.bin / "git").unlink()
    machine.apt('[ "$2" = update ] || { echo "E: Unable to locate package" >&2; exit 100; }')
    assert machine.complaint() == (
        "installing Debian packages failed: E: Unable to locate package "
        "(install with: apt-get install git ninja-build; log: build/setup.log)"
    )
    assert machine.calls.read_text().splitlines() == ["-q update", "-q install -y git ninja-build"]


def test_tests_need_a_browser_and_its_driver(machine: Machine) -> None:
    machine.apt("exit 0")
    assert machine.complaint("test").startswith(
        "still missing after installing: chromium chromium-driver ("
    )
    for browser in ("chromium", "google-chrome"):
        _put(machine.bin, browser, "exit 0")
        _put(machine.bin, "chromedriver", "exit 0")
        assert "chromium" not in machine.complaint("test", PIP_INDEX_URL="http://127.0.0.1:9/")
        (machine.bin / browser).unlink()
    assert "chromium" not in machine.complaint("run", PIP_INDEX_URL="http://127.0.0.1:9/")


def test_apt_without_network(machine: Machine) -> None:
    (machine.bin / "ninja").unlink()
    machine.apt("echo \"E: Failed to fetch: Temporary failure resolving 'mirror'\"; exit 100")
    assert machine.complaint().startswith("installing Debian packages failed: no network (connect,")


def test_apt_that_installs_nothing(machine: Machine) -> None:
    (machine.bin / "ninja").unlink()
    machine.apt("exit 0")
    assert machine.complaint().startswith("still missing after installing: ninja-build (")


def test_apt_is_not_called_when_all_is_there_and_pip_without_network(machine: Machine) -> None:
    machine.apt("exit 0")
    line = machine.complaint(
        PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="1", PIP_CONFIG_FILE=os.devnull
    )
    assert line.startswith("installing Python packages failed: no network (connect,")
    assert not machine.calls.exists()
    assert not (machine.checkout / ".venv" / "set-up").exists()


def test_usage(machine: Machine) -> None:
    command: list[str | Path] = [machine.checkout / ".ci" / "setup", "everything"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: .ci/setup run|test\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a fresh virtual environment after ``pip install .``."""
    source = tmp_path_factory.mktemp("source") / "tflm-lab"
    # Only what is committed: leftovers of other builds would hide what is missing.
    leftovers = shutil.ignore_patterns(
        ".*", "build", "*.egg-info", "*.so", "__pycache__", "tests", "docs"
    )
    shutil.copytree(ROOT, source, ignore=leftovers)
    venv = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    done = subprocess.run(
        [venv / "bin" / "pip", "install", "-q", "-c", "constraints.txt", "."],
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if any(words in done.stderr for words in NO_NETWORK):
        pytest.skip("no network: a fresh pip install needs it; connect and run this test again")
    assert done.returncode == 0, done.stderr
    return venv / "bin"


def _lab(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [installed / "lab", *arguments],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--version",), "lab 0.1.0"),
        (("boards",), "nano33"),
        (("zoo", "list"), "keyword_spotter"),
        (("runtime", "list"), "tflm-2020-07"),
        (("doctor",), "ok      C meter"),
    ],
)
def test_a_plain_install_works_from_an_empty_directory(
    installed: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = _lab(installed, tmp_path, *arguments)
    assert said in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


def test_every_data_file_is_in_the_install(installed: Path) -> None:
    (package,) = installed.parent.glob("lib/python*/site-packages/lab")
    data = package / "_data"
    folders = {"platforms": data, "firmware": data, "robot/renode": data, "lab": package.parent}
    for name, parent in folders.items():
        files = [path for path in (ROOT / name).rglob("*") if path.is_file()]
        files = [path for path in files if path.suffix not in {".py", ".pyc", ".so"}]
        files = [path for path in files if path.name != "_meter.c"]
        assert files
        lost = [path for path in files if not (parent / path.relative_to(ROOT)).exists()]
        assert not lost
