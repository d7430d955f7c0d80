"""``lab check`` and its neighbours as a user meets them: real processes, real exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from support import NANO, ROOT, Golden, Ran, lab, no_traceback

from lab import Options, check
from lab.errors import NoVerdictError
from lab.measure.inference import Limits
from lab.report.terminal import render
from lab.results import CheckResult, Failure, Frame
from lab.zoo import model_path

TINY = model_path("tiny_float")
KEYWORDS = model_path("keyword_spotter")
SCHEMA = ROOT / "docs" / "result.schema.json"


def checked(*arguments: str | Path) -> Ran:
    ran = lab("check", *arguments)
    no_traceback(ran)
    return ran


def test_a_model_that_fits() -> None:
    ran = checked(KEYWORDS, "--board", NANO)
    assert ran.code == 0
    first = ran.out.splitlines()[0]
    assert re.fullmatch(
        r"FITS  keyword_spotter\.tflite on arduino_nano33ble_sense: "
        r"margin [\d,]+ B \([\d.,]+ KiB\) of RAM, [\d,]+ B \([\d.,]+ KiB\) of flash",
        first,
    )
    assert "constexpr int kTensorArenaSize = " in ran.out
    assert "uncalibrated" in ran.out


def test_a_model_that_does_not_fit_says_why_in_the_words_of_tflm() -> None:
    ran = checked(model_path("separation_w16"), "-b", NANO)
    assert ran.code == 1
    assert ran.out.startswith("DOES NOT FIT  separation_w16.tflite")
    assert "Arena size is too small for activation buffers. Needed" in ran.out
    assert "arena_too_small_nonpersistent" in ran.out
    assert "tensors alive at once" in ran.out
    assert "kTensorArenaSize" not in ran.out


def test_a_missing_operator_is_told_before_building() -> None:
    ran = checked(model_path("separation_w8_upsampling2d"), "-b", NANO)
    assert ran.code == 1
    assert "TILE" in ran.out.splitlines()[0]
    assert "not built" in ran.out


def test_json_on_standard_output_is_nothing_but_json_and_follows_the_schema() -> None:
    for model in ("keyword_spotter", "separation_w16", "separation_w8_upsampling2d"):
        ran = checked(model_path(model), "--board", NANO, "--json", "-")
        record = json.loads(ran.out)
        jsonschema.validate(record, json.loads(SCHEMA.read_text()))
        assert CheckResult.model_validate(record).to_json() == ran.out


def test_the_schema_in_docs_is_the_one_of_the_records(golden: Golden) -> None:
    schema = CheckResult.model_json_schema(mode="serialization")
    golden.check(json.dumps(schema, indent=2) + "\n", SCHEMA)


def test_json_file_beside_the_report(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    ran = checked(TINY, "-b", NANO, "--json", file)
    assert ran.out.startswith("FITS")
    assert json.loads(file.read_text())["verdict"]["status"] == "fits"


def test_python_gives_the_same_record() -> None:
    ran = checked(TINY, "-b", NANO, "--opt", "Os", "--json", "-")
    assert check(TINY, NANO, Options(opt="Os")).to_json() == ran.out


def test_reserves_count(tmp_path: Path) -> None:
    def needed(*arguments: str) -> tuple[int, int]:
        record = json.loads(checked(TINY, "-b", "nrf52dk", "--json", "-", *arguments).out)
        memory = record["memory"]
        return memory["ram"]["needed_bytes"], memory["flash"]["needed_bytes"]

    plain = needed()
    more = needed("--app-ram", "4K", "--app-flash", "10000")
    assert (more[0] - plain[0], more[1] - plain[1]) == (4096, 10000)
    board = json.loads(lab("boards", "show", "nrf52dk", "--json").out)
    profile = next(iter(board["reserves"]))
    reserved = needed("--reserve", profile)
    assert reserved[0] - plain[0] == board["reserves"][profile]["ram"]
    assert reserved[1] - plain[1] == board["reserves"][profile]["flash"]


def test_flash_that_is_too_small() -> None:
    ran = checked(KEYWORDS, "-b", "nrf52dk", "--app-flash", "500 KiB")
    assert ran.code == 1
    assert "of FLASH" in ran.out.splitlines()[0]
    assert "flash_overflow" in ran.out


def test_stack_reserve_below_the_high_water_is_a_stack_overflow_on_the_board() -> None:
    record = json.loads(checked(TINY, "-b", NANO, "--json", "-").out)
    high = record["stack"]["high_water_bytes"]
    ran = checked(TINY, "-b", NANO, "--stack-reserve", str(high - 8))
    assert ran.code == 1
    assert "short by 8 B of STACK" in ran.out.splitlines()[0]
    assert "stack_overflow" in ran.out
    assert checked(TINY, "-b", NANO, "--stack-reserve", str(high)).code == 0


def test_inputs_from_files(tmp_path: Path) -> None:
    one, two = tmp_path / "one.npy", tmp_path / "two.npy"
    np.save(one, np.full((1, 1), 0.25, "f4"))
    np.save(two, np.full((1, 1), 0.75, "f4"))
    shas = [
        json.loads(checked(TINY, "-b", NANO, "--input", file, "--json", "-").out)["run"][
            "outputs_sha256"
        ]
        for file in (one, two, one)
    ]
    assert shas[0] == shas[2] != shas[1]


def test_saved_outputs_are_the_function_the_model_draws(tmp_path: Path) -> None:
    x = tmp_path / "x.npy"
    np.save(x, np.full((1, 1), 0.25, "f4"))
    out = tmp_path / "out"
    assert checked(TINY, "-b", NANO, "--input", x, "--save-outputs", out).code == 0
    assert np.load(out / "input_0_0.npy") == np.float32(0.25)
    np.testing.assert_allclose(np.load(out / "output_0_0.npy"), np.sin(2 * np.pi * 0.25), atol=0.05)


def test_a_given_arena_is_the_one_that_is_checked() -> None:
    record = json.loads(checked(TINY, "-b", NANO, "--json", "-").out)
    required = record["arena"]["required_bytes"]
    assert record["arena"]["reported_bytes"] < required
    enough = checked(TINY, "-b", NANO, "--arena", str(required + 160))
    assert enough.code == 0
    assert f"kTensorArenaSize = {required + 160};" in enough.out
    short = checked(TINY, "-b", NANO, "--arena", str(required - 16))
    assert short.code == 1
    assert "short by 16 B of ARENA" in short.out


def test_operators_add_up_to_less_than_the_inference_by_the_interpreter_alone() -> None:
    for model in (TINY, KEYWORDS):
        record = check(model, NANO)
        assert record.run
        interpreter = record.run.instructions - sum(o.instructions for o in record.operators)
        # The interpreter's own loop: a few instructions an operator, never more than a hundred.
        assert 0 < interpreter < 100 * len(record.operators)
        assert len(record.operators) == record.model.operators
        assert record.run.cycles
        assert 0 < sum(o.cycles or 0 for o in record.operators) < record.run.cycles
        assert record.stack
        assert max(o.stack_bytes for o in record.operators) <= record.stack.high_water_bytes


def board_file(folder: Path, name: str, flash: str, ram: str) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(
        f"name: {name}\ntitle: made for a test\nvendor: us\nmcu: none\ncore: cortex-m4f\n"
        f"clock: 64 MHz\n{flash}{ram}sources: [a test]\n"
    )
    return file


def bank(name: str, base: int, size: str, *, ram: bool) -> str:
    data = "    data: true\n" if ram else ""
    return f"  - name: {name}\n    base: 0x{base:08X}\n    size: {size}\n{data}"


def test_the_order_of_flash_banks_does_not_matter(tmp_path: Path) -> None:
    small = bank("BOOT", 0x00000000, "16 KiB", ram=False)
    large = bank("MAIN", 0x00100000, "512 KiB", ram=False)
    ram = "ram:\n" + bank("RAM", 0x20000000, "64 KiB", ram=True)
    results = [
        check(KEYWORDS, str(board_file(tmp_path, name, "flash:\n" + flash, ram)))
        for name, flash in (("one", small + large), ("two", large + small))
    ]
    assert [result.verdict.status for result in results] == ["fits", "fits"]
    assert results[0].memory == results[1].memory


def test_two_runs_of_ram_name_the_one_that_is_short(tmp_path: Path) -> None:
    flash = "flash:\n" + bank("FLASH", 0x08000000, "512 KiB", ram=False)
    banks = bank("A", 0x10000000, "8 KiB", ram=True) + bank("B", 0x20000000, "40 KiB", ram=True)
    board = str(board_file(tmp_path, "split", flash, "ram:\n" + banks))
    fits = check(KEYWORDS, board)
    assert fits.verdict.status == "fits"
    for options in (Options(stack_reserve=64 << 20), Options(stack_reserve=9 * 1024)):
        short = check(KEYWORDS, board, options)
        assert (short.verdict.limit, short.verdict.failure_class) == ("ram", "ram_overflow")


def test_a_bank_for_the_arena(tmp_path: Path) -> None:
    flash = "flash:\n" + bank("FLASH", 0x08000000, "512 KiB", ram=False)
    low, high = bank("A", 0x20000000, "40 KiB", ram=True), bank("B", 0x2000A000, "40 KiB", ram=True)
    code_only = bank("ITCM", 0x00000000, "16 KiB", ram=True).replace("true", "false")
    board = str(board_file(tmp_path, "banks", flash, "ram:\n" + low + high + code_only))
    for name, base in (("A", 0x20000000), ("B", 0x2000A000)):
        record = check(KEYWORDS, board, Options(arena_bank=name))
        assert record.verdict.status == "fits"
        assert record.memory
        where = {span.what: span for span in record.memory.ram.layout}
        assert where["arena"].banks == (name,)
        assert base <= where["arena"].base
        line = next(line for line in render(record) if line.startswith("  in banks"))
        assert f"arena {name}" in line
        assert record.verdict.summary.endswith(f"in {name}")
    ran = lab("check", KEYWORDS, "-b", board, "--arena-bank", "ITCM")
    assert ran.code == 2
    assert "data may not live in bank ITCM" in ran.err
    short = check(KEYWORDS, board, Options(arena_bank="B", arena=48 * 1024))
    assert (short.verdict.limit, short.verdict.margin_bytes) == ("ram", -8 * 1024)


def test_memory_at_unusual_places(tmp_path: Path) -> None:
    flash = "flash:\n" + bank("FLASH", 0x20000000, "512 KiB", ram=False)
    ram = "ram:\n" + bank("RAM", 0x00100000, "64 KiB", ram=True)
    assert check(TINY, str(board_file(tmp_path, "swapped", flash, ram))).verdict.status == "fits"
    window = "ram:\n" + bank("RAM", 0xDFFF0000, "16 KiB", ram=True)
    ran = lab("check", TINY, "-b", board_file(tmp_path, "window", flash, window))
    assert ran.code == 3
    assert "window.yaml:" in ran.err
    assert "lab's own window" in ran.err


def test_limits_give_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(NoVerdictError, match="still in"):
        check(KEYWORDS, NANO, Options(limits=Limits(instructions=1_000_000)))
    with pytest.raises(NoVerdictError, match="still in invoke"):
        check(KEYWORDS, NANO, Options(limits=Limits(instructions=20_000_000)))


def test_an_archive_is_no_input(tmp_path: Path) -> None:
    np.savez(tmp_path / "z.npz", x=np.zeros((1, 1), "f4"))
    ran = lab("check", TINY, "-b", NANO, "--input", tmp_path / "z.npz")
    assert ran.code == 3
    assert "archive" in ran.err


def test_saved_outputs_are_only_those_of_the_last_check(tmp_path: Path) -> None:
    check(TINY, NANO, Options(save_outputs=tmp_path, invokes=3))
    check(TINY, NANO, Options(save_outputs=tmp_path))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["input_0_0.npy", "output_0_0.npy"]


def test_a_fault_is_shown_with_all_that_is_known_of_it() -> None:
    record = check(TINY, NANO)
    frames = (Frame(function="Eval", line="tflm/conv.cc:7"), Frame(function="Invoke", line=None))
    failure = Failure(
        failure_class="guest_fault", phase="invoke", reason="write unmapped", log=(), operator=2,
        operator_name="FULLY_CONNECTED", fault="write_unmapped", fault_pc=0x1234,
        fault_address=0x4, call_chain=frames, stack_bytes=96,
    )  # fmt: skip
    verdict = record.verdict.model_copy(update={"status": "failed", "failure_class": "guest_fault"})
    lines = render(record.model_copy(update={"verdict": verdict, "failure": failure}))
    assert "  when    invoke in operator 2 FULLY_CONNECTED, on the target" in lines
    assert "  fault   write unmapped at 0x00000004, PC 0x00001234" in lines
    assert "  in      Eval (tflm/conv.cc:7)" in lines
    assert "  from    Invoke" in lines


def test_what_if_ram() -> None:
    model = model_path("separation_w8")
    assert checked(model, "-b", NANO).code == 0
    cut = checked(model, "-b", NANO, "--ram", "192 KiB")
    assert cut.code == 1
    assert "what if" in cut.out


def test_a_board_file_works_like_a_name(tmp_path: Path) -> None:
    copy = tmp_path / "mine.yaml"
    text = (ROOT / "platforms" / f"{NANO}.yaml").read_text()
    copy.write_text(text.replace(f"name: {NANO}", "name: mine"))
    ours = json.loads(checked(TINY, "-b", copy, "--json", "-").out)
    theirs = json.loads(checked(TINY, "-b", NANO, "--json", "-").out)
    assert ours["run"] == theirs["run"]
    assert ours["board"]["name"] == "mine"


USAGE = [
    (("check", TINY), "board"),
    (("check", TINY, "-b", "arduino_nano33ble_sens"), "arduino_nano33ble_sense"),
    (("check", TINY, "-b", NANO, "--opt", "O1"), "O2, O3, Os"),
    (("check", TINY, "-b", NANO, "--arena", "1000"), "multiple of 16"),
    (("check", TINY, "-b", NANO, "--arena", "12 KB"), "KiB"),
    (("check", TINY, "-b", NANO, "--stack-reserve", "-1"), "not a size"),
    (("check", TINY, "-b", NANO, "--invokes", "0"), "from 1 to 10,000"),
    (("check", TINY, "-b", NANO, "--seed", "-1"), "32 bits"),
    (("check", TINY, "-b", NANO, "--arena-bank", "RAN"), 'did you mean "RAM"'),
    (("check", TINY, "-b", NANO, "--jobs", "0"), "jobs"),
    (("check", TINY, TINY, KEYWORDS, "-b", NANO, "--reserve", "zephyr9"), "no reserve profile"),
    (("check", TINY, "-b", "nucleo_x*"), "no board of the library matches"),
    (("check", TINY, "-b", "n*", "-b", "nrf52d"), "nrf52dk"),
    (("check", TINY, "-b", "n*", "--save-outputs", "out"), "one model and one board"),
    (("check", TINY, "-b", NANO, "--engine", "qemu"), "unicorn"),
    (("check", TINY, "-b", NANO, "--reserve", "zephyr9"), "no reserve profile"),
    (("check", TINY, "-b", NANO, "--ram", "BANK9=4 KiB"), "BANK9"),
    (("check", TINY, "-b", NANO, "--ram", "1000"), "1"),
    (("check", TINY, "-b", NANO, "--input", "a.npy", "--input", "b.npy"), "inputs"),
    (("check", TINY, "-b", NANO, "--input", "nosuch=a.npy"), "nosuch"),
    (("check", TINY, "-b", NANO, "--json", "/nonexistent/x.json"), "cannot write"),
    (("nosuchcommand",), "nosuchcommand"),
    (("check", TINY, "-b", NANO, "--nosuchoption"), "nosuchoption"),
]


@pytest.mark.parametrize(("arguments", "says"), USAGE)
def test_usage_errors_are_one_line_and_exit_2(arguments: tuple[str | Path, ...], says: str) -> None:
    ran = lab(*arguments)
    no_traceback(ran)
    assert ran.code == 2
    assert len(ran.problems) == 1, ran.err
    assert says in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("group", [(), ("zoo",), ("runtime",), ("cache",)])
def test_a_group_without_a_command_shows_its_help(group: tuple[str, ...]) -> None:
    ran = lab(*group)
    assert ran.code == 0
    assert ran.out.startswith("Usage: lab")
    assert ran.err == ""


def test_a_missing_tool_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    ran = lab("check", TINY, "-b", NANO, env={"PATH": str(tmp_path)})
    assert ran.code == 4
    assert "apt-get install" in ran.err
    assert len(ran.problems) == 1


def test_build_writes_the_image_and_its_sizes_are_those_of_binutils(tmp_path: Path) -> None:
    elf = tmp_path / "app.elf"
    ran = lab("build", KEYWORDS, "-b", NANO, "-o", elf)
    assert ran.code == 0, ran.err
    listing = subprocess.run(
        ["arm-none-eabi-size", "-A", "-d", elf], capture_output=True, text=True, check=True
    ).stdout
    sizes = {
        fields[0]: int(fields[1])
        for line in listing.splitlines()
        if len(fields := line.split()) == 3 and fields[1].isdigit()
    }
    record = check(KEYWORDS, NANO)
    assert record.memory
    ram, flash = record.memory.ram, record.memory.flash
    assert ram.static_bytes == sizes[".data"] + sizes[".bss"]
    assert flash.model_bytes == sizes[".model"] == KEYWORDS.stat().st_size
    assert flash.data_bytes == sizes[".data"]
    code = sum(sizes.get(n, 0) for n in (".text", ".ARM.extab", ".ARM.exidx", ".init_array"))
    assert flash.code_bytes == code
    assert flash.needed_bytes == code + sizes[".model"] + sizes[".data"] + flash.padding_bytes
    assert flash.padding_bytes < 64


def test_build_refuses_a_model_with_a_missing_operator(tmp_path: Path) -> None:
    elf = tmp_path / "app.elf"
    ran = lab("build", model_path("separation_w8_upsampling2d"), "-b", NANO, "-o", elf)
    assert ran.code == 1
    assert "TILE" in ran.err
    assert not elf.exists()


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m lab boards | head -1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
