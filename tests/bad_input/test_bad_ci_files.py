"""Files of checks that are wrong: each damage with its line; baselines that are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import pytest
from bad_boards import DAMAGES, check_lines, check_places, odd_value
from support import lab, no_traceback

from lab.baseline import Baseline, read_baseline
from lab.ci_file import load_ci_file
from lab.ci_result import read_results
from lab.errors import InputError
from lab.jobs.ci_plan import planned
from lab.paths import data_dir
from lab.zoo import model_path

SOUND = """\
baseline: lab-baseline.json
options:
  app-ram: 4 KiB
budgets:
  ram: 64 KiB
  flash: [512 KiB, +2 %]
checks:
  - models: [a.tflite, b.tflite]
    boards:
      - nrf52dk
      - mine.yaml
    options:
      opt: Os
    budgets:
      arena: +1 KiB
      cycles: 2500k
      ms: 20.5
    allow:
      - what: arena
        model: a.tflite
        board: nrf52dk
        reason: waits for the smaller model
        until: 2027-01-31
  - name: other
    models: [keyword_spotter]
    boards: [nrf52dk]
"""
EACH = 40  # of every kind of seeded damage


def problems(content: bytes | str) -> list[str]:
    """The problem lines of a file ``bad.yaml`` in the current directory; none when it is right."""
    raw = content.encode() if isinstance(content, str) else content
    Path("bad.yaml").write_bytes(raw)
    try:
        planned(load_ci_file("bad.yaml"))
    except InputError as error:
        assert error.problems  # noqa: PT017  # a valid file is as good an outcome
        return error.lines()
    return []


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.tflite", "b.tflite"):
        shutil.copy(model_path("tiny_float"), tmp_path / name)
    shutil.copy(data_dir("platforms") / "nrf52dk.yaml", tmp_path / "mine.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# (old text, new text, expected lines without the file name)
BY_HAND: list[tuple[str, str, list[str]]] = [
    ("ram: 64 KiB", "ram: 65536",
     ['5:8: budgets.ram: needs a unit, got 65536 (hint: write "64 KiB")']),
    ("ram: 64 KiB", "ram: 64 KB",
     ['5:8: budgets.ram: ambiguous unit "KB" (hint: write KiB, which is 1024-based)']),
    ("ram: 64 KiB", "ram: -64 KiB",
     ['5:8: budgets.ram: not a size: "-64 KiB" (hint: write for example "64 KiB")']),
    ("ram: 64 KiB", "ram: 2 %",
     ['5:8: budgets.ram: a percentage is growth, got "2 %" (hint: write "+2 %")']),
    ("ram: 64 KiB", "ram: +2 % of it",
     ['5:8: budgets.ram: not a size: "2 % of it" (hint: write for example "64 KiB")']),
    ("ram: 64 KiB", "ram: [64 KiB, 32 KiB]",
     ['5:8: budgets.ram: two limits of one kind, the second is "32 KiB"']),
    ("ram: 64 KiB", "ram: [+1 KiB, +2 KiB]",
     ['5:8: budgets.ram: two limits of one kind, the second is "+2 KiB"']),
    ("ram: 64 KiB", "ram: []",
     ['5:8: budgets.ram: must not be empty (hint: write for example "64 KiB", "+1 KiB" or "+2'
      ' %")']),
    ("ram: 64 KiB", "ram: {most: 64 KiB}",
     ["5:8: budgets.ram: must be a limit, got a mapping"]),
    ("ram: 64 KiB", "ram: true",
     ["5:8: budgets.ram: must be a limit, got true"]),
    ("ram: 64 KiB", "ram: [64 KiB, [1 KiB]]",
     ["5:8: budgets.ram: must be a limit, got a list"]),
    ("ram: 64 KiB", "ram:",
     ["5:7: budgets.ram: has no value (hint: write one or leave the key out)"]),
    ("ram: 64 KiB", "ram: 64 KiB\n  RAM: 1 KiB",
     ["6:3: budgets.RAM: unknown key (hint: known: arena, cycles, flash, instructions, ms,"
      " ram, stack)"]),
    ("ram: 64 KiB", "ram: 64 KiB\n  ram: 1 KiB",
     ["6:3: budgets.ram: is written twice, first in line 5"]),
    ("ram: 64 KiB", "ram: 5000 MiB",
     ['5:8: budgets.ram: "5000 MiB" is beyond a 32-bit address space']),
    ("ram: 64 KiB", "ram: +",
     ['5:8: budgets.ram: must be a size, got "+" (hint: write for example "64 KiB")']),
    ("ram: 64 KiB", "sram: 64 KiB",
     ['5:3: budgets.sram: unknown key (hint: did you mean "ram"?)']),
    ("cycles: 2500k", "cycles: 2500 k cycles",
     ['16:15: checks[0].budgets.cycles: must be a count, got "2500 k cycles" (hint: write for'
      ' example 2500k)']),
    ("cycles: 2500k", "cycles: 2.5M",
     ['16:15: checks[0].budgets.cycles: must be a count, got "2.5M" (hint: write for example'
      ' 2500k)']),
    ("cycles: 2500k", "cycles: many",
     ['16:15: checks[0].budgets.cycles: must be a count, got "many" (hint: write for example'
      ' 2500k)']),
    ("cycles: 2500k", "cycles: -5",
     ["16:15: checks[0].budgets.cycles: must be a count, got \"-5\" (hint: write for example"
      " 2500k)"]),
    ("cycles: 2500k", "cycles: +1e400 %",
     ['16:15: checks[0].budgets.cycles: must be a number, got "+1e400 %" (hint: write for'
      ' example 12.5)']),
    ("ms: 20.5", "ms: 20,5",
     ['17:11: checks[0].budgets.ms: must be a number, got "20,5" (hint: write for example'
      ' 12.5)']),
    ("ms: 20.5", "ms: fast",
     ['17:11: checks[0].budgets.ms: must be a number, got "fast" (hint: write for example'
      ' 12.5)']),
    ("ms: 20.5", "ms: 1e400",
     ['17:11: checks[0].budgets.ms: must be a number, got "1e400" (hint: write for example'
      ' 12.5)']),
    ("opt: Os", "opt: O1",
     ['13:12: checks[0].options.opt: must be \'O2\', \'O3\' or \'Os\', got "O1"']),
    ("opt: Os", "opt: O2\n      seed: -1",
     ["14:13: checks[0].options.seed: must be greater than or equal to 0, got -1"]),
    ("opt: Os", "opt: O2\n      invokes: 0",
     ["14:16: checks[0].options.invokes: must be greater than or equal to 1, got 0"]),
    ("opt: Os", "opt: O2\n      invokes: 20000",
     ["14:16: checks[0].options.invokes: must be less than or equal to 10000, got 20000"]),
    ("opt: Os", "opt: O2\n      arena: 1000 B",
     ["13:7: checks[0].options: the arena must be a multiple of 16 bytes, got 1000; 992 and"
      " 1008 are"]),
    ("opt: Os", "opt: O2\n      details: true",
     ["14:7: checks[0].options.details: unknown key (hint: known: app-flash, app-ram, arena,"
      " arena-bank, engine, inputs, invokes, opt, ram, reserve, runtime, seed, stack-reserve)"]),
    ("opt: Os", "opt: O2\n      app_ram: 1 KiB",
     ['14:7: checks[0].options.app_ram: unknown key (hint: did you mean "app-ram"?)']),
    ("opt: Os", "opt: O2\n      app-ram: 1000",
     ['14:16: checks[0].options.app-ram: needs a unit, got 1000 (hint: write "1000 B")']),
    ("opt: Os", "opt: O2\n      ram: 64 KiB",
     ['14:12: checks[0].options.ram: must be a list, got "64 KiB"']),
    ("opt: Os", "opt: O2\n      ram: [NOPE=64 KiB]",
     ['13:7: checks[0].options: RAM size "NOPE=64 KiB": no RAM bank "NOPE" (hint: known: RAM)']),
    ("opt: Os", "opt: O2\n      arena-bank: SRAM",
     ['13:7: checks[0].options: nrf52dk has no RAM bank "SRAM" (hint: did you mean "RAM"?)']),
    ("opt: Os", "opt: O2\n      reserve: softdevice",
     ['13:7: checks[0].options: nrf52dk has no reserve profile "softdevice"; there is:'
      ' softdevice-s132']),
    ("opt: Os", "opt: O2\n      runtime: tflm-2031-01",
     ['13:7: checks[0].options: no runtime "tflm-2031-01" (hint: did you mean "tflm-2020-07"?)']),
    ("opt: Os", "opt: O2\n      runtime: mine.yaml",
     ["13:7: checks[0].options: mine.yaml:1:1: api: is missing (and 14 more problems)"]),
    ("opt: Os", "opt: O2\n      inputs: [x.npy]",
     ["13:7: checks[0].options: x.npy: cannot be read: No such file or directory"]),
    ("options:\n  app-ram: 4 KiB", "options:\n  arena-bank: SRAM",
     ['3:3: options: nrf52dk has no RAM bank "SRAM" (hint: did you mean "RAM"?)',
      '13:7: checks[0].options: nrf52dk has no RAM bank "SRAM" (hint: did you mean "RAM"?)']),
    ("      - nrf52dk\n", "      - nrf52dkk\n",
     ['10:9: checks[0].boards[0]: no board "nrf52dkk" (hint: did you mean "nrf52dk"?)']),
    ("      - nrf52dk\n", "      - 'nrf99*'\n",
     ['10:9: checks[0].boards[0]: no board of the library matches "nrf99*" (hint: lab boards'
      ' lists them)']),
    ("      - mine.yaml", "      - yours.yaml",
     ['11:9: checks[0].boards[1]: no file "yours.yaml"']),
    ("      - mine.yaml", "      - 52",
     ["11:9: checks[0].boards[1]: must be text, got 52 (hint: put it in quotes)"]),
    ("boards:\n      - nrf52dk\n      - mine.yaml", "boards: nrf52dk",
     ['9:13: checks[0].boards: must be a list, got "nrf52dk"']),
    ("boards:\n      - nrf52dk\n      - mine.yaml", "boards: []",
     ["9:13: checks[0].boards: must not be empty"]),
    ("boards:\n      - nrf52dk\n      - mine.yaml", "board: nrf52dk",
     ["8:5: checks[0].boards: is missing",
      '9:5: checks[0].board: unknown key (hint: did you mean "boards"?)']),
    ("[a.tflite, b.tflite]", "[a.tflite, c.tflite]",
     ['8:24: checks[0].models[1]: no file "c.tflite", and no zoo model of that name (hint:'
      ' lab zoo list shows the models of the zoo)']),
    ("[a.tflite, b.tflite]", "['models/*.tflite']",
     ['8:14: checks[0].models[0]: no file matches "models/*.tflite"']),
    ("[a.tflite, b.tflite]", "['**x']",
     ['8:14: checks[0].models[0]: no file matches "**x"']),
    ("[a.tflite, b.tflite]", "[a.tflite, '']",
     ['8:24: checks[0].models[1]: must be 1 to 400 printable characters, got ""']),
    ("[keyword_spotter]", "[keyword_spoter]",
     ['25:14: checks[1].models[0]: no file "keyword_spoter", and no zoo model of that name'
      ' (hint: did you mean "keyword_spotter"?)']),
    ("[keyword_spotter]", "[whisper]",
     ['25:14: checks[1].models[0]: no file "whisper", and no zoo model of that name (hint:'
      ' lab zoo list shows the models of the zoo)']),
    ("  - name: other\n    models: [keyword_spotter]", "  - models: [a.tflite]",
     ["24:14: checks[1].models[0]: a.tflite on nrf52dk is also in checks[0] (hint: give one"
      " of the two groups a name)"]),
    ("name: other", "name: other/one",
     ['24:11: checks[1].name: must be 1 to 40 letters, digits, spaces and _.+-, got'
      ' "other/one"']),
    ("what: arena", "what: heap",
     ['19:15: checks[0].allow[0].what: must be \'fit\', \'ram\', \'flash\', \'arena\','
      ' \'stack\', \'instructions\', \'cycles\' or \'ms\', got "heap"']),
    ("what: arena", "what: stack",
     ["19:15: checks[0].allow[0].what: there is no budget for stack that could be exceeded"]),
    ("        reason: waits for the smaller model\n", "",
     ["19:9: checks[0].allow[0].reason: is missing"]),
    ("reason: waits for the smaller model", "reason:",
     ["22:16: checks[0].allow[0].reason: has no value (hint: write one or leave the key out)"]),
    ("2027-01-31", "2027-02-30",
     ['23:16: checks[0].allow[0].until: must be a day, got "2027-02-30" (hint: write for'
      ' example 2027-01-31)']),
    ("2027-01-31", "20270131",
     ["23:16: checks[0].allow[0].until: must be a day, got 20270131 (hint: write for example"
      " 2027-01-31)"]),
    ("2027-01-31", "tomorrow",
     ['23:16: checks[0].allow[0].until: must be a day, got "tomorrow" (hint: write for'
      ' example 2027-01-31)']),
    ("2027-01-31", "2027-1-31",
     ['23:16: checks[0].allow[0].until: must be a day, got "2027-1-31" (hint: write for'
      ' example 2027-01-31)']),
    ("model: a.tflite", "model: c.tflite",
     ['20:16: checks[0].allow[0].model: "c.tflite" is not among the models of this group'
      ' (hint: write it as it stands there)']),
    ("board: nrf52dk\n        reason", "board: nrf52\n        reason",
     ['21:16: checks[0].allow[0].board: "nrf52" is not among the boards of this group (hint:'
      ' write it as it stands there)']),
    ("allow:", "allowed:",
     ['18:5: checks[0].allowed: unknown key (hint: did you mean "allow"?)']),
    ("baseline: lab-baseline.json", "baseline: lab-baseline.txt",
     ['1:11: baseline: must be the name of a .json file, got "lab-baseline.txt"']),
    ("baseline: lab-baseline.json", "base: lab-baseline.json",
     ['1:1: base: unknown key (hint: did you mean "baseline"?)']),
    ("checks:\n", "check:\n",
     ["1:1: checks: is missing",
      '7:1: check: unknown key (hint: did you mean "checks"?)']),
    ("ram: 64 KiB", "ram: 64 KiB\n\tflash: 1 KiB",
     ["6:1: not valid YAML: found character '\\t' that cannot start any token (hint: indent"
      " with spaces, not tabs)"]),
    ("ram: 64 KiB", "ram: &r 64 KiB",
     ["5:8: anchors and aliases are not accepted (hint: write the value out)"]),
    ("ram: 64 KiB", "ram: !!int 64",
     ["5:8: tags are not accepted (hint: write the value without it)"]),
    ("checks:\n", "---\nchecks:\n",
     ["7:1: a second document starts (hint: one file holds one document)"]),
]  # fmt: skip


def test_the_sound_file_is_sound(here: Path) -> None:
    assert problems(SOUND) == []
    assert len(planned(load_ci_file("bad.yaml"))) == 5


@pytest.mark.parametrize("case", range(len(BY_HAND)))
def test_each_damage_has_its_line(case: int, here: Path) -> None:
    old, new, expected = BY_HAND[case]
    assert old in SOUND
    assert problems(SOUND.replace(old, new, 1)) == [f"bad.yaml:{line}" for line in expected]


def test_there_are_forty() -> None:
    assert len(BY_HAND) >= 40


# --- seeded: structured mutations and random bytes ---


@pytest.mark.parametrize("damage", DAMAGES)
def test_seeded_damage_is_a_file_or_problems(damage: str, here: Path) -> None:
    refused = 0
    for seed in range(EACH):
        content = DAMAGES[damage](SOUND.encode(), Random(f"{damage} {seed}"))
        lines = problems(content)
        refused += bool(lines)
        check_lines(lines, 500, (damage, seed))
    assert refused >= EACH // 3  # the damage is real


def test_every_line_points_into_the_file(here: Path) -> None:
    for seed in range(40):
        content = odd_value(SOUND.encode(), Random(seed))
        check_places(problems(content), content, seed)


# --- baselines ---

GOOD = {
    "schema_version": 1,
    "checks": {
        "m on b": {
            "made_with": "gcc 12", "verdict": "fits", "figures": {"ram": 5, "ms": 0.5},
            "flash": {"kernels: ADD": 7}, "static_ram": {}, "arena": {},
        }
    },
}  # fmt: skip
HINT = " (hint: make it anew: lab ci accept)"
BAD_BASELINES: list[tuple[str, str, str]] = [
    ("{", "", "is no baseline: Invalid JSON: trailing characters at line 1 column 17"),
    ('"ram": 5', '"ram": "5"', "is no baseline: checks.m on b.figures.ram"),
    ('"ram": 5', '"ram": -5', "is no baseline: checks.m on b.figures.ram"),
    ('"ram": 5', '"ram": NaN', "is no baseline: checks.m on b.figures.ram"),
    ('"ram": 5', '"ram": 1e999', "is no baseline: checks.m on b.figures.ram"),
    ('"ram": 5', '"ram": ' + "9" * 5000, "is no baseline: "),
    ('"ram": 5', '"ram": true', "is no baseline: checks.m on b.figures.ram"),
    ('"ram": 5', '"heap": 5', "is no baseline: checks.m on b.figures.heap"),
    ('ADD": 7', 'ADD": null', "is no baseline: checks.m on b.flash"),
    (": 7", ": 7.5", "is no baseline: checks.m on b.flash.kernels: ADD"),
    ("m on b", "m\\u001b[2J on b", "is no baseline: checks."),
    ("kernels: ADD", "\\u0000", "is no baseline: checks.m on b.flash."),
    ("gcc 12", "gcc\\n12", "is no baseline: checks.m on b.made_with: "),
    ('"fits"', '"fitted"', "is no baseline: checks.m on b.verdict: "),
    ('"verdict": "fits", ', "", "is no baseline: checks.m on b.verdict: Field required"),
    ('"schema_version": 1', '"schema_version": 2', "is no baseline: schema_version: "),
    ('"checks"', '"cheques"', "is no baseline: cheques: Extra inputs"),
    ('"gcc 12"', "[" * 3000 + "]" * 3000, "is no baseline: "),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(BAD_BASELINES)))
def test_what_is_no_baseline_is_one_line(case: int, here: Path) -> None:
    old, new, expected = BAD_BASELINES[case]
    text = json.dumps(GOOD)
    Path("good.json").write_text(text)
    assert read_baseline(Path("good.json")) == Baseline.model_validate(GOOD)
    assert old in text
    Path("bad.json").write_text(text.replace(old, new, 1))
    for read in (read_baseline, read_results):
        with pytest.raises(InputError) as caught:
            read(Path("bad.json"))
        (line,) = caught.value.lines()
        assert line.startswith(f"bad.json: {expected}"), line
        assert line.isprintable()


def test_baselines_that_cannot_be_read(here: Path) -> None:
    Path("folder.json").mkdir()
    Path("loop.json").symlink_to("loop.json")
    Path("binary.json").write_bytes(b"\xff\x00")
    for name in ("folder.json", "loop.json", "binary.json"):
        with pytest.raises(InputError):
            read_baseline(Path(name))
    assert read_baseline(Path("none.json")) is None
    with pytest.raises(InputError, match="No such file"):
        read_results(Path("none.json"))


def test_seeded_damage_of_a_baseline(here: Path) -> None:
    raw = json.dumps(GOOD, indent=1).encode()
    refused = 0
    for seed in range(300):
        damage = [*DAMAGES.values()][seed % len(DAMAGES)]
        Path("bad.json").write_bytes(damage(raw, Random(seed)))
        try:
            read_results(Path("bad.json"))
        except InputError as error:
            refused += 1
            (line,) = error.lines()
            assert line.isprintable()
    assert refused > 150


# --- the real command ---


def test_through_the_command(here: Path) -> None:
    Path("lab.yaml").write_text(SOUND.replace("ram: 64 KiB", "ram: 65536"))
    ran = lab("ci", "run", "--json", "old.json", cwd=here)
    no_traceback(ran)
    assert ran.code == 3
    assert ran.problems == [
        'lab: lab.yaml:5:8: budgets.ram: needs a unit, got 65536 (hint: write "64 KiB")'
    ]
    Path("lab.yaml").write_text(SOUND)
    Path("lab-baseline.json").write_text('{"checks": 1}')
    for command in (("ci", "run"), ("ci", "accept"), ("ci", "diff", "lab-baseline.json", "x.json")):
        ran = lab(*command, cwd=here)
        no_traceback(ran)
        assert ran.code == 3
        assert len(ran.problems) == 1
        assert ran.problems[0].startswith("lab: lab-baseline.json: is no baseline: checks: ")
    assert lab("ci", "run", "-f", "none.yaml", cwd=here).problems == [
        "lab: none.yaml: cannot be read: No such file or directory"
    ]
