"""Reading images, against GNU's own tools, and damaged ones."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.cores import CORES
from lab.demangle import demangle
from lab.elf import Image, read_elf
from lab.engines.base import Machine, Region, StopReason
from lab.engines.registry import create
from lab.errors import InputError
from lab.measure.unwind import call_chain

CORE = CORES["cortex-m4f"]
SOURCE = """\
#include <stdint.h>
namespace outer {
struct Base { int32_t first; __attribute__((noipa)) int go(int n); };
struct Inner { int8_t a; int16_t b[3]; };
struct Whole : Base {
  char tag;
  Inner inner;
  union { int64_t wide; int32_t narrow; };
  static int shared;
};
typedef struct { int32_t x, y; } Point;
int Whole::shared = 7;
__attribute__((noipa, noreturn)) void fail() { for (;;) *(volatile int *)0x70000000; }
__attribute__((noipa)) int deep(int n) {
  volatile int kept[8];
  for (int i = 0; i < 8; i++) kept[i] = n;
  if (n == 0) fail();  // the last instruction: it "returns" to the next function
  return deep(n - 1) + kept[3];
}
namespace { __attribute__((noipa)) int hidden(int n) { return deep(n) + 1; } }
int Base::go(int n) { return hidden(n) + first; }
template <typename T, int N> __attribute__((noipa)) T pass(Base &b, T n) { return b.go(n) + N; }
}
outer::Whole whole;
outer::Point point;
int initialised[3] = {1, 2, 3};
extern "C" void start() {
  whole.first = outer::pass<int, 5>(whole, 3);
  point.x = initialised[whole.first];
  for (;;) ;
}
extern "C" __attribute__((section(".vectors"), used)) void *const vectors[] = {
    (void *)0x20001000, (void *)start};
"""
SCRIPT = """
SECTIONS {
  .text 0x08000000 : { KEEP(*(.vectors)) *(.text*) *(.rodata*) }
  .data 0x20000000 : AT(0x08001000) { *(.data*) }
  .bss (NOLOAD) : { *(.bss*) *(COMMON) }
}
"""


def _link(folder: Path, *flags: str) -> Path:
    (folder / "p.cc").write_text(SOURCE)
    (folder / "p.ld").write_text(SCRIPT)
    command = ["arm-none-eabi-g++", *CORE.flags, "-O1", "-fno-rtti", "-fno-exceptions"]
    command += ["-nostdlib", "-ffreestanding", "-ffunction-sections", "-Wl,--gc-sections"]
    command += [*flags, "-T", "p.ld", "p.cc", "-o", "p.elf"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "p.elf"


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _link(tmp_path_factory.mktemp("elf"), "-g")


@pytest.fixture(scope="module")
def image(elf: Path) -> Image:
    return read_elf(elf)


def _tool(name: str, *arguments: str | Path) -> list[str]:
    command = [f"arm-none-eabi-{name}", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def test_sections_equal_gnu_size(elf: Path, image: Image) -> None:
    sections = {section.name: (section.size, section.address) for section in image.sections}
    told = [line.split() for line in _tool("size", "-A", elf) if line.startswith(".")]
    assert told
    for name, size, address in told:
        assert sections[name] == (int(size), int(address)), name


def test_symbols_equal_gnu_nm(elf: Path, image: Image) -> None:
    told = [line.split() for line in _tool("nm", "--defined-only", elf)]
    assert len(told) > 8
    for address, _, name in told:
        if not name.startswith("$"):
            assert image.symbols[name].address == int(address, 16) & ~1, name
    assert image.symbols["initialised"].size == 12
    assert image.symbols["initialised"].kind == "object"
    assert image.symbols["start"].kind == "function"


def test_segments_lie_at_their_load_address(image: Image) -> None:
    contents = {segment.address: segment.data for segment in image.segments}
    data = contents[0x08001000]
    assert b"\1\0\0\0\2\0\0\0\3\0\0\0" in data
    start = image.symbols["start"].address | 1
    assert contents[0x08000000][:8] == (0x20001000).to_bytes(4, "little") + start.to_bytes(
        4, "little"
    )


def test_functions(image: Image) -> None:
    for name, readable in {
        "_ZN5outer4deepEi": "outer::deep",
        "_ZN5outer12_GLOBAL__N_16hiddenEi": "outer::(anonymous namespace)::hidden",
        "_ZN5outer4Base2goEi": "outer::Base::go",
        "_ZN5outer4passIiLi5EEET_RNS_4BaseES1_": "outer::pass",
        "start": "start",
    }.items():
        symbol = image.symbols[name]
        assert image.function_at(symbol.address) == readable
        assert image.function_at(symbol.address + symbol.size - 2) == readable
    assert image.function_at(0x20000000) is None
    assert image.function_at(0) is None


@pytest.mark.parametrize(
    ("mangled", "readable"),
    [
        ("_ZN6tflite16MicroInterpreter6InvokeEv", "tflite::MicroInterpreter::Invoke"),
        ("_ZNK11flatbuffers5Table8GetFieldIiEET_tS2_", "flatbuffers::Table::GetField"),
        ("_ZN6tflite22MicroMutableOpResolverILj3EED0Ev",
         "tflite::MicroMutableOpResolver::~MicroMutableOpResolver"),
        ("_ZN6tflite16MicroInterpreterC1EPKNS_5ModelERKNS_15MicroOpResolverEPhj",
         "tflite::MicroInterpreter::MicroInterpreter"),
        ("_ZN11flatbuffers5Table10GetPointerIPKNS_6VectorIlEEEET_t",
         "flatbuffers::Table::GetPointer"),
        ("_Z3addii", "add"),
        ("_ZSt4moveIiEvi", "std::move"),
        ("_ZL5localv", "local"),
        ("_ZZN6tflite3ops5micro12Register_ADDEvE1r", "tflite::ops::micro::Register_ADD::r"),
        ("_ZZN3lab12MakeResolverEviE8resolver", "lab::MakeResolver::resolver"),
        ("_ZZN3labE", "_ZZN3labE"),
        ("memcpy", "memcpy"),
        pytest.param("_Z" + "1aI" * 2000, "_Z" + "1aI" * 2000, id="nested too deep"),
        ("_Z", "_Z"),
        ("_ZN5", "_ZN5"),
        ("_ZN99shortE", "_ZN99shortE"),
        ("_ZNS_E", "_ZNS_E"),
        ("_ZplRK1AS1_", "_ZplRK1AS1_"),
    ],
)  # fmt: skip
def test_demangling(mangled: str, readable: str) -> None:
    assert demangle(mangled) == readable


def test_lines(image: Image) -> None:
    lines = SOURCE.splitlines()
    places = {"_ZN5outer4deepEi": "int deep(", "start": "void start("}
    for name, text in places.items():
        number = next(n for n, line in enumerate(lines, 1) if text in line)
        assert image.line_at(image.symbols[name].address) == f"p.cc:{number}"
    assert image.line_at(0x20000000) is None


@pytest.mark.parametrize("version", ["4", "5"])
def test_lines_of_either_dwarf_version(tmp_path: Path, version: str) -> None:
    image = read_elf(_link(tmp_path, f"-gdwarf-{version}"))
    address = image.symbols["_ZN5outer4deepEi"].address
    told = _tool("addr2line", "-e", tmp_path / "p.elf", hex(address))[0]
    assert image.line_at(address) == f"p.cc:{told.rsplit(':', 1)[1]}"
    assert image.struct_layout("outer::Inner")["b"] == 2


def test_struct_layout(image: Image) -> None:
    whole = image.struct_layout("outer::Whole")
    assert whole == {
        "sizeof": 24, "first": 0, "tag": 4, "inner": 6, "inner.a": 6, "inner.b": 8,
        "wide": 16, "narrow": 16,
    }  # fmt: skip
    assert image.struct_layout("outer::Point") == {"sizeof": 8, "x": 0, "y": 4}


def test_unknown_struct_says_so(image: Image) -> None:
    with pytest.raises(InputError, match="no debug information about outer::Nothing"):
        image.struct_layout("outer::Nothing")


def test_without_debug_information(tmp_path: Path) -> None:
    image = read_elf(_link(tmp_path))
    assert image.line_at(image.symbols["start"].address) is None
    assert image.function_at(image.symbols["start"].address) == "start"
    with pytest.raises(InputError, match=r"hint: build it with -g"):
        image.struct_layout("outer::Whole")


def test_call_chain_of_a_fault(image: Image) -> None:
    engine = create("unicorn")
    regions = (
        Region("flash", 0x08000000, 1 << 16, writable=False, executable=True),
        Region("ram", 0x20000000, 1 << 12, writable=True, executable=False),
    )
    blobs = list(image.segments)
    engine.load(Machine(CORE, regions), blobs, 0x08000000)
    stop = engine.run((), instructions=10**6, seconds=60)
    assert stop.reason is StopReason.FAULT
    assert stop.fault is not None
    assert stop.fault.address == 0x70000000
    chain = call_chain(engine, image)
    assert [frame.function for frame in chain] == [
        "outer::fail", "outer::deep", "outer::deep", "outer::deep", "outer::deep",
        "outer::(anonymous namespace)::hidden", "outer::Base::go", "outer::pass", "start",
    ]  # fmt: skip
    lines = SOURCE.splitlines()
    texts = ("0x70000000", "fail();", "deep(n - 1)")
    where = [next(n for n, line in enumerate(lines, 1) if text in line) for text in texts]
    assert [frame.line for frame in chain[:3]] == [f"p.cc:{number}" for number in where]
    assert len(call_chain(engine, image, limit=3)) == 3
    engine.set_register("sp", 0x10)  # a stack that is not there ends the chain, no more
    assert call_chain(engine, image)[0].function == "outer::fail"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an ELF file"),
        (b"MZ" * 100, "not an ELF file"),
        (b"\x7fELF", "damaged ELF file"),
        (b"\x7fELF\x01\x01\x01" + bytes(45), "damaged|not a 32-bit"),
    ],
)
def test_what_is_no_image(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_elf(data)


def test_the_wrong_kinds_of_elf(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a 32-bit little-endian Arm"):
        read_elf(Path(shutil.which("true") or "/bin/true").read_bytes())
    (tmp_path / "p.cc").write_text(SOURCE)
    command = ["arm-none-eabi-g++", *CORE.flags, "-c", "p.cc", "-o", "p.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with pytest.raises(InputError, match="not an executable"):
        read_elf(tmp_path / "p.o")
    with pytest.raises(InputError, match="cannot be read"):
        read_elf(tmp_path / "nothing.elf")


def _probe(data: bytes) -> None:
    """Everything that reads; only InputError may come out, with one line."""
    try:
        image = read_elf(data)
        for symbol in list(image.symbols.values())[:20]:
            image.function_at(symbol.address)
            image.line_at(symbol.address)
        image.struct_layout("outer::Whole")
    except InputError as error:
        problems = error.lines()
    else:
        problems = []
    assert all("\n" not in line and len(line) < 300 for line in problems)


@pytest.mark.parametrize("seed", range(8))
def test_damaged_images(elf: Path, seed: int) -> None:
    intact = elf.read_bytes()
    dice = random.Random(seed)
    for _ in range(40):
        data = bytearray(intact)
        kind = dice.randrange(3)
        if kind == 0:
            del data[dice.randrange(len(data)) :]
        else:  # headers are the first 200 bytes and the section table at the end
            for _ in range(dice.randrange(1, 9)):
                place = dice.choice([dice.randrange(200), -dice.randrange(1, 1000),
                                     dice.randrange(len(data))])  # fmt: skip
                data[place] = dice.randrange(256)
        _probe(bytes(data))
