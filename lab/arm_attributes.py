"""For which processor code was compiled, and whether a core of the lab can be linked with it.

What objects say of themselves are the build attributes of Arm IHI 0045; a core says the same by
its compiler flags. Where they disagree nothing is linked: the linker itself refuses only some of
it, and the rest would run and mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lab.cores import CORES, Core
from lab.errors import InputError, Problem
from lab.object_file import Attributes, ObjectFile

_CPU_NAME, _CPU_ARCH, _FP_ARCH = 5, 6, 10
_FP_MODEL, _ENUM_SIZE, _HARD_FP_USE, _VFP_ARGS, _MVE = 23, 26, 27, 28, 48
_SHORT, _ENUM_WORDS = 1, {2: "int", 3: "int where visible outside"}
_ARCHITECTURES = {
    10: "Armv7-M", 11: "Armv6-M", 12: "Armv6-M", 13: "Armv7E-M", 16: "Armv8-M baseline",
    17: "Armv8-M mainline", 21: "Armv8.1-M mainline",
}  # fmt: skip
_CORE_ARCHITECTURES = {
    "cortex-m0plus": "Armv6-M", "cortex-m3": "Armv7-M", "cortex-m4": "Armv7E-M",
    "cortex-m7": "Armv7E-M", "cortex-m33": "Armv8-M mainline",
}  # fmt: skip
# Tag_FP_arch: 5 and 6 are VFPv4, 7 and 8 the FPU of Armv8; each FPU also runs code for older ones.
_FPU_NAMES = {1: "VFPv1", 2: "VFPv2", 3: "VFPv3", 4: "VFPv3", 5: "VFPv4", 6: "VFPv4", 7: "FPv5",
              8: "FPv5"}  # fmt: skip
_CORE_FPU = {"fpv4-sp-d16": 6, "fpv5-sp-d16": 8, "fpv5-d16": 8}
# What TFLM's own Makefile must be told to build for a core.
TARGET_ARCH = {
    "cortex-m0plus": "cortex-m0plus", "cortex-m3": "cortex-m3", "cortex-m4": "cortex-m4",
    "cortex-m4f": "cortex-m4+fp", "cortex-m7fd": "cortex-m7+fp", "cortex-m33f": "cortex-m33",
}  # fmt: skip

FloatAbi = Literal["soft", "softfp", "hard"]


@dataclass(frozen=True)
class Abi:
    """What code of a library needs and how its functions are called.

    Attributes:
        architecture: such as ``Armv7E-M``.
        cpu: a CPU its compiler named, such as ``cortex-m7``; empty when it named none.
        fpu: value of Tag_FP_arch: 0 is no floating point instructions.
        double: it may use double-precision instructions.
        float_abi: how floating point arguments travel and whether there are such instructions.
        enum_size: of enumerations: 0 not said, 1 as small as possible, 2 int.
        vector: it may use vector instructions (MVE).
    """

    architecture: str
    cpu: str
    fpu: int
    double: bool
    float_abi: FloatAbi
    enum_size: int
    vector: bool = False

    def __str__(self) -> str:
        cpu = f" ({self.cpu})" if self.cpu else ""
        vector = ", vector instructions" if self.vector else ""
        return f"{self.architecture}{cpu}, {self._floats}{vector}"

    @property
    def _floats(self) -> str:
        if not self.fpu:
            return f"{self.float_abi}-float ABI, no FPU"
        precision = "double" if self.double else "single"
        return (
            f"{self.float_abi}-float ABI, {precision}-precision {_FPU_NAMES.get(self.fpu, 'FPU')}"
        )


def core_abi(core: Core) -> Abi:
    """What a core of the lab is, in the same words."""
    flags = dict(flag.removeprefix("-m").partition("=")[::2] for flag in core.flags)
    fpu = _CORE_FPU.get(flags.get("fpu", ""), 0)
    return Abi(
        architecture=_CORE_ARCHITECTURES[flags["cpu"]],
        cpu=flags["cpu"],
        fpu=fpu,
        double=core.fpu == "double",
        float_abi="hard" if flags["float-abi"] == "hard" else "soft",
        enum_size=_SHORT,
    )


def library_abi(objects: Sequence[ObjectFile], where: str) -> Abi:
    """What the members of a library agree on.

    Raises:
        InputError: none of them says for what it was built, or two of them disagree.
    """
    said = [one for one in objects if one.attributes and one.has_code]
    if not said:
        raise InputError(
            Problem(where, "no member says for which processor it was built",
                    "build it with a compiler that writes Arm build attributes")
        )  # fmt: skip
    first: dict[str, tuple[str, str]] = {}
    for one in said:
        for what, value in _must_agree(one.attributes):
            name, other = first.setdefault(what, (one.name, value))
            if other != value:
                text = f"{name} is built for {other}, {one.name} for {value}"
                raise InputError(
                    Problem(where, f"its members disagree: {text}", "build all of it again")
                )
    return _merged([one.attributes for one in said])


def _must_agree(attributes: Attributes) -> list[tuple[str, str]]:
    pairs = []
    if _number(attributes, _CPU_ARCH):
        pairs.append(("architecture", _architecture(attributes)))
    args = _number(attributes, _VFP_ARGS)
    if args < 2 and (args or _number(attributes, _FP_MODEL)):
        pairs.append(("floats", "the hard-float ABI" if args else "the soft-float ABI"))
    if size := _number(attributes, _ENUM_SIZE):
        small = size == _SHORT
        pairs.append(("enums", "short enums" if small else "enums of int size"))
    return pairs


def _merged(all_attributes: Sequence[Attributes]) -> Abi:
    def largest(tag: int) -> int:
        return max(_number(attributes, tag) for attributes in all_attributes)

    names = {str(a.get(_CPU_NAME, "")).lower().replace("cortex-m0+", "cortex-m0plus")
             for a in all_attributes}  # fmt: skip
    named = sorted(name for name in names if name.startswith("cortex-m"))
    fpu = largest(_FP_ARCH)
    double = any(_number(a, _FP_ARCH) and _number(a, _HARD_FP_USE) != 1 for a in all_attributes)
    hard = any(_number(a, _VFP_ARGS) == 1 for a in all_attributes)
    return Abi(
        architecture=next(_architecture(a) for a in all_attributes if _number(a, _CPU_ARCH))
        if largest(_CPU_ARCH) else "an unknown architecture",
        cpu=named[0] if len(named) == 1 else "",
        fpu=fpu,
        double=double,
        float_abi="hard" if hard else "softfp" if fpu else "soft",
        enum_size=largest(_ENUM_SIZE),
        vector=largest(_MVE) > 0,
    )  # fmt: skip


def _architecture(attributes: Attributes) -> str:
    number = _number(attributes, _CPU_ARCH)
    return _ARCHITECTURES.get(number, f"Arm architecture number {number}")


def _number(attributes: Attributes, tag: int) -> int:
    value = attributes.get(tag, 0)
    return value if isinstance(value, int) else 0


def mismatch(abi: Abi, core: Core) -> str:
    """Why code cannot be linked into an image for a core, both sides named; empty if it can."""
    wanted = core_abi(core)
    if abi.enum_size not in {0, _SHORT}:
        return (
            f"its enums are of size {_ENUM_WORDS.get(abi.enum_size, abi.enum_size)}, those of an "
            f"image for {core.name} are short ({_build_again(core)}, without -fno-short-enums)"
        )
    if not _same_core(abi, wanted):
        what = "processor"
    elif abi.float_abi != wanted.float_abi:
        what = "float ABI"
    elif abi.fpu > wanted.fpu or (abi.double and not wanted.double and abi.fpu):
        what = "FPU"
    else:
        return ""
    return f"other {what}: it is built for {abi}; {core.name} is {wanted} ({_build_again(core)})"


def _same_core(abi: Abi, wanted: Abi) -> bool:
    same_cpu = not abi.cpu or abi.cpu == wanted.cpu or abi.architecture == "Armv6-M"
    return abi.architecture == wanted.architecture and same_cpu and not abi.vector


def _build_again(core: Core) -> str:
    if core.name in TARGET_ARCH:
        return f"build it with TARGET=cortex_m_generic TARGET_ARCH={TARGET_ARCH[core.name]}"
    return f"build it with {' '.join(core.flags)}"


def fitting_cores(abi: Abi) -> list[str]:
    """Names of the cores of the lab that the code can run on."""
    return [name for name, core in CORES.items() if not mismatch(abi, core)]
