"""Every command shown in the docs runs, and what the README shows is what comes out."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
from support import NANO, ROOT, Golden, lab, no_traceback

from lab.toolchain import find_toolchain
from lab.zoo import model_path

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Set-up itself is tested in test_setup.py and in CI, not from inside a test run.
NOT_HERE = re.compile(r"^(make |pip |git |sudo |cd )")
# What stands for a user's own file, and options whose files are not written into the checkout.
OWN = {
    "YOUR.tflite": str(model_path("tiny_float")),
    "RESULT.json": str(ROOT / "tests" / "golden" / "record.json"),
}
WRITES = {"-o", "--json", "--html", "--markdown", "--plots"}
EXIT_CODES = {"separation_w8_upsampling2d": 1, "--arena 24576": 1, '"192 KiB"': 1}


def shown_commands() -> list[tuple[Path, str]]:
    """Lines that start with ``$`` in console blocks; test_board.py runs those of boards.md."""
    found = []
    for path in DOCS:
        text = path.read_text()
        for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
            found += [(path, m) for m in re.findall(r"^\$ (.+)$", block, re.MULTILINE)]
        assert "```sh" not in text or path.name == "boards.md"
    return found


COMMANDS = shown_commands()


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 10


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[f"{p.stem}: {c}" for p, c in COMMANDS])
def test_command_runs(path: Path, command: str, tmp_path: Path) -> None:
    if NOT_HERE.match(command):
        target = command.removeprefix("make ")
        makefile = (ROOT / "Makefile").read_text()
        assert not command.startswith("make ") or f"\n{target}:" in makefile, "no such target"
        return
    words = shlex.split(command.removeprefix(".venv/bin/"))
    assert words[0] == "lab", f"{path.name} shows something that is not tested: {command}"
    arguments = [
        str(tmp_path / word) if before in WRITES and word != "-" else OWN.get(word, word)
        for before, word in pairwise(words)
    ]
    ran = lab(*arguments)
    no_traceback(ran)
    expected = next((code for text, code in EXIT_CODES.items() if text in command), 0)
    assert ran.code == expected, ran.err


def test_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "getting-started.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(code, "getting-started.md", "exec"), {})
    assert capsys.readouterr().out.startswith("fits ")


def test_links_point_to_files() -> None:
    for path in DOCS:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            if not target.startswith("http"):
                assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_number_of_the_story_is_in_the_demo() -> None:
    story = (ROOT / "README.md").read_text().split("## The story")[1].split("\n## ")[0]
    told = re.findall(r"[\d,]{5,} B|[\d.]+%", story)
    assert len(told) >= 6
    ran = lab("demo")
    assert ran.code == 0, ran.err
    missing = [number for number in told if number not in ran.out]
    # The margin holds what the compiler made of the runner; the other figures are the model's.
    assert len(missing) <= (0 if same_compiler() else 1), missing


def same_compiler() -> bool:
    return find_toolchain().compiler in (ROOT / "README.md").read_text()


def test_the_report_in_the_readme_is_a_real_one(golden: Golden) -> None:
    if not same_compiler():
        pytest.skip(
            f"the README's report is of another compiler than {find_toolchain().compiler}; "
            "to compare, use the one it names"
        )
    path = ROOT / "README.md"
    report = lab("check", model_path("separation_w16"), "--board", NANO).out
    pattern = re.compile(r"(<!-- report: .*? -->\n```text\n).*?(```)", re.DOTALL)
    text = pattern.sub(lambda m: m[1] + report + m[2], path.read_text(), count=1)
    golden.check(text, path)
