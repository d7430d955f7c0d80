"""Finding the foreign tools and running one: every way it goes wrong is one line with a remedy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab import toolchain
from lab.errors import ToolError
from lab.toolchain import find_cargo, find_toolchain, run

COMPILER = """#!/bin/sh
case "$*" in
  *-E*) cat >/dev/null
        echo '#define __VERSION__ "14.2.1 20241119"'
        {newlib} ;;
  *-print-file-name=*) echo {library} ;;
esac
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty search path to put stand-ins on, and no tools in the home directory."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "nothing"))
    (folder / "cat").symlink_to("/bin/cat")
    return folder


def _put(folder: Path, name: str, script: str = "#!/bin/sh\n") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def _put_all(folder: Path, *, newlib: str = "4.4.0", library: str = "/lib/nano.a") -> None:
    for name in ("g++", "ar", "size", "nm", "objcopy"):
        _put(folder, f"arm-none-eabi-{name}")
    _put(folder, "ninja")
    define = f"echo '#define _NEWLIB_VERSION \"{newlib}\"'" if newlib else ""
    _put(folder, "arm-none-eabi-gcc", COMPILER.format(newlib=define, library=library))


def test_a_complete_toolchain(tools: Path) -> None:
    _put_all(tools)
    found = find_toolchain()
    assert found.compiler == "arm-none-eabi-gcc 14.2.1 20241119"
    assert found.libc == "newlib-nano 4.4.0"
    assert found.gxx == str(tools / "arm-none-eabi-g++")
    assert found.ninja == str(tools / "ninja")


def test_nothing_there_names_every_package_once(tools: Path) -> None:
    with pytest.raises(ToolError) as caught:
        find_toolchain()
    (line,) = caught.value.lines()
    assert line.endswith(
        "(install with: sudo apt-get install gcc-arm-none-eabi binutils-arm-none-eabi ninja-build "
        "libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib)"
    )


@pytest.mark.parametrize(
    ("change", "package"),
    [
        ({"newlib": ""}, "libnewlib-arm-none-eabi"),
        ({"library": "libstdc++_nano.a"}, "libstdc++-arm-none-eabi-newlib"),
    ],
)
def test_a_missing_library_is_found_out(tools: Path, change: dict[str, str], package: str) -> None:
    _put_all(tools, **change)
    with pytest.raises(
        ToolError,
        match=rf"missing .install with: sudo apt-get install {package}.$".replace("+", r"\+"),
    ):
        find_toolchain()


def test_a_compiler_that_does_not_run_is_one_line(tools: Path) -> None:
    _put_all(tools)
    _put(tools, "arm-none-eabi-gcc", "#!/bin/sh\nexit 9\n")
    with pytest.raises(ToolError, match="does not run") as caught:
        find_toolchain()
    assert len(caught.value.lines()) == 1


def _cargo(version: str) -> str:
    return f"#!/bin/sh\necho 'cargo {version} (0123456 2026-01-01)'\n"


@pytest.mark.parametrize("version", ["1.85.0", "1.100.1", "2.0.0", "1.86.0-nightly"])
def test_a_new_enough_cargo(tools: Path, version: str) -> None:
    _put(tools, "cargo", _cargo(version))
    assert find_cargo() == str(tools / "cargo")


@pytest.mark.parametrize("version", ["1.63.0", "1.84.1", "0.66.0"])
def test_an_old_cargo(tools: Path, version: str) -> None:
    _put(tools, "cargo", _cargo(version))
    with pytest.raises(ToolError, match=f"^cargo {version} is too old, 1.85 or newer is needed"):
        find_cargo()


def test_no_cargo(tools: Path) -> None:
    with pytest.raises(ToolError, match=r"^cargo is missing, 1.85 or newer .*rustup update stable"):
        find_cargo()


def test_rustups_own_cargo_wins_over_an_old_one(tools: Path) -> None:
    _put(tools, "cargo", _cargo("1.63.0"))
    home = tools.parent / "nothing" / "bin"
    _put(home, "cargo", _cargo("1.90.0"))
    assert find_cargo() == str(home / "cargo")


def test_a_rustup_without_a_toolchain_counts_as_old(tools: Path) -> None:
    _put(tools, "cargo", "#!/bin/sh\necho no default toolchain >&2\nexit 1\n")
    with pytest.raises(ToolError, match=r"1\.85 or newer is needed"):
        find_cargo()


def _run(tmp_path: Path, code: str, seconds: float = 60) -> Path:
    log = tmp_path / "logs" / "tool.log"
    command = [sys.executable, "-c", code]
    run(command, cwd=tmp_path, log=log, what="building it", mend="look there", seconds=seconds)
    return log


def test_a_run_keeps_its_log_and_tells_its_progress(tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "log"
    code = "import sys; print('one'); sys.stdout.flush(); print('two', file=sys.stderr)"
    run([sys.executable, "-c", code], cwd=tmp_path, log=log, what="", mend="", progress=said.append)
    assert said == ["one", "two"]
    assert log.read_text() == "one\ntwo\n"


def test_a_failed_run_quotes_the_error_and_names_the_log(tmp_path: Path) -> None:
    code = (
        "print('a.cc:3: error: no such thing'); print('ninja: build stopped'); raise SystemExit(1)"
    )
    with pytest.raises(ToolError) as caught:
        _run(tmp_path, code)
    (line,) = caught.value.lines()
    log = tmp_path / "logs" / "tool.log"
    assert line == (f"building it failed: a.cc:3: error: no such thing (look there; log: {log})")
    assert "build stopped" in log.read_text()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('first\\nlast\\n'); raise SystemExit(1)", "last"),
        ("raise SystemExit(1)", "it says nothing"),
        ("import os; os.kill(os.getpid(), 11)", "stopped by signal 11"),
        (
            "import os; os.write(1, b'\\xff error \\xfe'); raise SystemExit(1)",
            "\ufffd error \ufffd",
        ),
    ],
)
def test_what_a_failed_run_says(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(ToolError, match=f"^building it failed: {said}"):
        _run(tmp_path, code)


def test_a_run_that_hangs_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    # The grandchild holds the output open: without killing the group this would never return.
    code = "import os, signal; os.fork(); signal.alarm(30); signal.pause()"
    with pytest.raises(ToolError, match=r"stopped by signal 9 .its limit is 1 s"):
        _run(tmp_path, code, seconds=1.0)


def test_a_tool_that_cannot_start_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot start /no/such/tool: No such file"):
        run(["/no/such/tool"], cwd=tmp_path, log=tmp_path / "log", what="it", mend="install it")


def test_the_users_own_header_paths_do_not_reach_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CPATH", "/somewhere")
    monkeypatch.setenv("KEPT", "yes")
    environment = toolchain.clean_environment()
    assert "CPATH" not in environment
    assert environment["KEPT"] == "yes"
    assert environment["LC_ALL"] == "C"
