"""The command line as people expect it: help, completion, names, verbosity, narrow terminals."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from support import NANO, ROOT, lab

from lab.cache import ROOT_VARIABLE
from lab.cli.main import app
from lab.cli.progress import VERBOSE
from lab.errors import InputError
from lab.zoo import model_file, model_names, model_path


def commands(command: object, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group there is."""
    yield words
    for name, one in getattr(command, "commands", {}).items():
        yield from commands(one, (*words, name))


COMMANDS = list(commands(typer.main.get_command(app)))
# One name for one thing: what an option of this name takes, wherever it is.
SHORT = {"--board": "-b", "--output": "-o", "--jobs": "-j"}


def options(words: tuple[str, ...]) -> Iterator[Any]:
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    yield from (one for one in command.params if one.param_type_name == "option")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_ends_with_examples_and_fits_any_terminal(words: tuple[str, ...]) -> None:
    for columns in ("40", "120"):
        ran = lab(*words, "--help", env={"COLUMNS": columns, "NO_COLOR": "1"})
        assert ran.code == 0
        text, _, examples = ran.out.partition("Examples:")
        shown = [line.strip() for line in examples.splitlines() if line.strip()]
        command = " ".join(["lab", *words])
        groups = {" ".join(["lab", *some]) for some in COMMANDS}
        assert shown, f"{command} --help has no examples"
        assert all(line.startswith("lab ") for line in shown)
        assert command in groups
        assert max(map(len, text.splitlines())) <= int(columns)
        assert "\x1b" not in ran.out


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_options_have_the_same_names_everywhere(words: tuple[str, ...]) -> None:
    for option in options(words):
        for long, short in SHORT.items():
            assert (long in option.opts) == (short in option.opts), option.opts


def completed(line: str) -> list[str]:
    words = line.split(" ")
    env = {"_LAB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return lab(env=env).out.split()


@pytest.mark.parametrize("module", ["lab.cli.main", "lab.pytest_plugin"])
def test_starting_imports_nothing_heavy(module: str) -> None:
    """Every command, every Tab and every run of pytest pays for it."""
    heavy = {"pydantic", "yaml", "numpy", "jinja2", "matplotlib", "unicorn"}
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not heavy & set(done.stdout.split())


def test_completion_knows_commands_boards_models_and_files() -> None:
    assert "check" in completed("lab che")
    assert NANO in completed("lab check x -b ard")
    assert NANO in completed("lab boards show ard")
    assert completed("lab check keyw") == ["keyword_spotter"]
    assert completed("lab zoo path keyw") == ["keyword_spotter"]
    assert completed("lab ops lab/zoo/tiny_fl") == ["lab/zoo/tiny_float.tflite"]
    assert completed("lab check x --opt O") == ["O2", "O3", "Os"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_installs_itself(shell: str, tmp_path: Path) -> None:
    ran = lab("--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert ran.code == 0, ran.err
    assert "_LAB_COMPLETE" in ran.out


def test_models_by_name_and_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in model_names():
        assert model_file(name) == model_path(name)
    (tmp_path / "tiny_float").write_bytes(b"mine")
    assert model_file("tiny_float") == Path("tiny_float"), "a path that exists wins"
    assert model_file("sub/tiny_float") == Path("sub/tiny_float")
    for odd in ("", "a b", "x\0y", "x" * 5000, "\udc80", "*"):
        assert model_file(odd) == Path(odd), "for read_model to complain of"
    with pytest.raises(InputError, match='did you mean "keyword_spotter"'):
        model_file("keyword-spotter")


@pytest.mark.parametrize(
    "command", [("ops",), ("check", "-b", NANO), ("build", "-b", NANO, "-o", "x")]
)
def test_a_name_that_is_neither_file_nor_model_is_one_line(command: tuple[str, ...]) -> None:
    ran = lab(*command, "keywordspotter")
    assert ran.code == 3
    assert ran.problems == [
        "lab: keywordspotter: no such file, and no zoo model of that name "
        '(hint: did you mean "keyword_spotter"?)'
    ]


def test_quiet_unless_asked(tmp_path: Path) -> None:
    quiet = lab("check", "tiny_float", "-b", NANO)
    assert quiet.err == ""
    for verbose in (
        lab("--verbose", "check", "tiny_float", "-b", NANO),
        lab("check", "tiny_float", "-b", NANO, "--verbose"),
        lab("check", "tiny_float", "-b", NANO, env={VERBOSE: "1"}),
        lab("check", "tiny_float", "-b", NANO, "-b", NANO, "--verbose"),
    ):
        assert verbose.out == quiet.out
        assert "lab: measuring arena and stack in the probe map" in verbose.problems
    crates = tmp_path / "crates"
    from lab.cache import Cache

    crates.symlink_to(Cache().root / "crates")
    for kind in ("libraries", "offsets", "resolvers"):
        (tmp_path / kind).symlink_to(Cache().root / kind)
    for more in ((), ("-b", "nrf52dk", "--jobs", "1")):
        built = lab("--verbose", "check", "tiny_float", "-b", NANO, *more,
                    env={ROOT_VARIABLE: str(tmp_path)})  # fmt: skip
        (told, *_) = (line for line in built.problems if "image.ld" in line)
        assert "arm-none-eabi-g++" in told
        log = Path(told.partition("(log: ")[2].rstrip(")"))
        assert log.is_relative_to(tmp_path)


def test_from_any_directory_without_home_or_colours(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "lab", "check", "tiny_float", "-b", NANO]
    here = lab(*arguments[3:])
    env = {name: value for name, value in os.environ.items() if name != "HOME"}
    env |= {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", ROOT_VARIABLE: str(_cache_root())}
    done = subprocess.run(
        arguments, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, here.out)
    assert list(tmp_path.iterdir()) == []


def _cache_root() -> Path:
    from lab.cache import Cache

    return Cache().root


@pytest.mark.parametrize("colour", [True, False])
def test_on_a_narrow_terminal_a_batch_is_a_list(colour: bool) -> None:
    """A real terminal of 40 columns: nothing is wider, and colours only where they are wanted."""
    env = {"COLUMNS": "40", "TERM": "xterm"} | ({} if colour else {"NO_COLOR": "1"})
    text = on_terminal(["check", "tiny_float", "keyword_spotter", "-b", NANO], env)
    lines = text.splitlines()
    assert "  keyword_spotter.tflite" in lines
    assert lines[-1] == "2 checks: 2 fit"
    assert ("\x1b[32m" in text) == colour


def on_terminal(arguments: list[str], env: dict[str, str]) -> str:
    parent, child = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "lab", *arguments], stdout=child, stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL, env={**os.environ, **env}, cwd=ROOT,
    ) as process:  # fmt: skip
        os.close(child)
        text = b""
        try:
            while piece := os.read(parent, 4096):
                text += piece
        except OSError:  # what Linux says when the other end is closed
            pass
        os.close(parent)
        assert process.wait() == 0
    return text.decode().replace("\r\n", "\n")
