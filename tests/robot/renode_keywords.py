"""Stands for Renode's keywords: names and arguments of its src/Renode/RobotFrameworkEngine.

It emulates nothing. The few keywords that the suites of robot/renode run are answered with what the
lab expects, or with one thing wrong (variable FAULT): that tries the suites' wiring and the command
around them, and says nothing about Renode.
"""

# ruff: noqa: N803 - the names are Renode's
# mypy: allow-untyped-defs, allow-incomplete-defs
from __future__ import annotations

from typing import Any

from renode_surface import answer
from robot.libraries.BuiltIn import BuiltIn

ROBOT_LIBRARY_SCOPE = "GLOBAL"


def _variable(name: str) -> str:
    return str(BuiltIn().get_variable_value(f"${{{name}}}", ""))


def _pairs(name: str) -> dict[str, str]:
    entries = (entry.split("=") for entry in _variable(name).split(",") if entry)
    return {entry[-2]: entry[-1] for entry in entries}


def _memory() -> dict[str, int]:
    values = {
        _variable("STATUS_AT"): "0",
        _variable("ARENA_USED_AT"): _variable("ARENA_USED"),
        **_pairs("COUNTS"),
        **_pairs("OUTPUTS"),
    }
    return {address: int(value) for address, value in values.items()}


def _wrong(fault: str) -> str | None:
    """Address of what is not as it should be."""
    places = {
        "status": _variable("STATUS_AT"),
        "count": list(_pairs("COUNTS"))[2],
        "output": next(iter(_pairs("OUTPUTS"))),
    }
    return places.get(fault)


class _Device:
    reads = 0
    names = frozenset({"sysbus"})  # what the monitor knows a device by


def setup() -> None: ...
def teardown() -> None: ...
def reset_emulation() -> None:
    _Device.reads = 0
    _Device.names = frozenset({"sysbus"})


def test_teardown() -> None: ...


def execute_command(cmd: str, machine: Any = None) -> str:
    assert cmd.split(maxsplit=1)[0] in _Device.names, f"No such command or device: {cmd}"
    return f"{answer(cmd, _value(*cmd.split()[1:]))}\r\n"


def _value(what: str, address: str = "") -> object:
    """What a command returns."""
    fault = _variable("FAULT")
    if what == "EmulationState":
        return "Aborted" if fault == "aborted" else "Running"
    if what == "UnexpectedReads":
        return _Device.reads
    if what == "UnexpectedWrites":
        return 3 if fault == "writes" else 0
    if address in _variable("BEYOND").split(","):
        _Device.reads += fault != "memory"
    return 7 if address == _wrong(fault) else _memory().get(address, 0)


def execute_script(path: str) -> None:
    with open(path, encoding="utf-8") as script:  # noqa: PTH123 - as Renode, it must be there
        lines = script.read().splitlines()
    assert lines
    for line in lines:
        if line == "using sysbus":
            _Device.names |= {"cpu"}
        assert not line.startswith("cpu ") or "cpu" in _Device.names, line


def start_emulation() -> None: ...
def wait_for_pause(timeout: Any) -> None:
    if _variable("FAULT") == "endless":
        raise AssertionError(f"Emulation did not pause within {timeout} s")


def pc_should_be_equal(v: Any) -> None:
    assert v == _variable("LAB_END")


def provides(state: str, type: Any = "Serialization") -> None: ...  # noqa: A002
def requires(state: str) -> None:
    execute_script(_variable("RESC"))  # Reexecution


# Renode's others, for the dry run of suites that people write.
def execute_python(code): ...
def allocate_temporary_file(): ...
def download_file(uri): ...
def create_terminal_tester(
    uart,
    timeout=None,
    machine=None,
    endLineOption=None,
    defaultPauseEmulation=None,
    defaultWaitForEcho=None,
    defaultMatchNextLine=None,
    binaryMode=None,
): ...
def wait_for_line_on_uart(
    content,
    timeout=None,
    testerId=None,
    treatAsRegex=None,
    includeUnfinishedLine=None,
    pauseEmulation=None,
    matchNextLine=None,
): ...
def register_failing_uart_string(pattern): ...
def create_log_tester(timeout, defaultPauseEmulation=None, maxLogEntries=None): ...
def wait_for_log_entry(
    pattern,
    timeout=None,
    keep=None,
    treatAsRegex=None,
    pauseEmulation=None,
    level=None,
    startEmulation=None,
): ...
def should_not_be_in_log(pattern, timeout=None): ...
def register_failing_log_string(pattern): ...
def clear_log_tester_history(): ...
def register_should_be_equal(reg, v): ...
def run_until_breakpoint(timeout, machine=None, cpuName=None, address=None): ...
