"""What a user's static library is, read from its symbols and build attributes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from lab.archive import members, read_file
from lab.arm_attributes import Abi, library_abi
from lab.errors import InputError, Problem
from lab.generations import GENERATIONS, Generation
from lab.object_file import ObjectFile, read_object

_CONSTRUCTOR = "_ZN6tflite16MicroInterpreterC"
_LOG = frozenset({"DebugLog", "DebugVsnprintf"})
_CALLBACK = "RegisterDebugLogCallback"
_ABORTS = frozenset({"_Z9AbortImplv", "abort"})
_REPORT = "_ZN6tflite13ErrorReporter6ReportEPKcz"
_PRINTF = "_Z11MicroPrintfPKcz"
# Functions of micro_allocator.cc, of either generation.
_ALLOCATION = frozenset({
    "_ZN6tflite14MicroAllocator22FinishTensorAllocationEv",
    "_ZN6tflite14MicroAllocator20StartModelAllocationEPKNS_5ModelE",
})  # fmt: skip
_DYNAMIC_MEMORY = "TfLiteIntArrayCreate"  # compiled only without TF_LITE_STATIC_MEMORY


@dataclass(frozen=True)
class LibraryFacts:
    """What the lab can see of a library.

    Attributes:
        sha256: of the whole file.
        members: how many object files it holds.
        abi: for which processor it was built.
        api: generation of TFLM, by the constructor of its interpreter.
        stripped: built with TF_LITE_STRIP_ERROR_STRINGS (release): failures have no text.
        ndebug: built with NDEBUG: without TFLM's internal checks.
        cmsis_nn: it holds the kernels of CMSIS-NN.
        generic: built with TARGET=cortex_m_generic.
        static_memory: nothing of what TF_LITE_STATIC_MEMORY leaves out is in it.
        log: how the runner hears its log: ``own`` function, or ``callback`` where the library's own
            cannot be left out.
        compilers: what the compilers of its members say of themselves.
    """

    sha256: str
    members: int
    abi: Abi
    api: str
    stripped: bool
    ndebug: bool
    cmsis_nn: bool
    generic: bool
    static_memory: bool
    log: Literal["own", "callback"]
    compilers: tuple[str, ...]


def examine(path: Path, where: str) -> LibraryFacts:
    """Look into a library.

    Args:
        path: the ``.a`` file.
        where: how it is named in problems.

    Raises:
        InputError: it cannot be read, is damaged, or is no TFLM that an image can be made with.
    """
    return _facts(read_file(path, where), where)


@lru_cache(maxsize=4)
def _facts(data: bytes, where: str) -> LibraryFacts:
    objects = [read_object(one.data, one.name, where) for one in members(data, where)]
    if not objects:
        raise InputError(Problem(where, "holds no object files", "build it again"))
    for one in objects:
        if one.lto and not one.has_code:
            hint = "build it without -flto"
            what = f"{one.name} holds no machine code, only a compiler's own form (LTO)"
            raise InputError(Problem(where, what, hint))
    generation = _generation(objects, where)
    defined = {symbol for one in objects for symbol in one.defined}
    return LibraryFacts(
        sha256=hashlib.sha256(data).hexdigest(),
        members=len(objects),
        abi=library_abi(objects, where),
        api=generation.api,
        stripped=_is_stripped(objects, generation),
        ndebug=not any(map(_checks, _allocators(objects))),
        cmsis_nn="arm_convolve_s8" in defined,
        generic=_CALLBACK in defined,
        static_memory=_DYNAMIC_MEMORY not in defined,
        log=_log(objects, where),
        compilers=tuple(sorted({one.compiler for one in objects} - {""}))[:4],
    )


def _generation(objects: Sequence[ObjectFile], where: str) -> Generation:
    found = {s for one in objects for s in one.defined if s.startswith(_CONSTRUCTOR)}
    for generation in GENERATIONS.values():
        if {generation.constructor, generation.constructor.replace("C1E", "C2E", 1)} & found:
            return generation
    if not found:
        what = "defines no tflite::MicroInterpreter: this is not TFLM"
        raise InputError(Problem(where, what, "give the libtensorflow-microlite.a"))
    known = " or ".join(GENERATIONS)
    what = f"its MicroInterpreter is that of no API the lab knows ({known})"
    raise InputError(Problem(where, what, "use a TFLM of about those dates"))


def _allocators(objects: Sequence[ObjectFile]) -> list[ObjectFile]:
    """The object file of ``micro_allocator.cc``, which checks most and reports most."""
    return [one for one in objects if one.defined & _ALLOCATION]


def _checks(one: ObjectFile) -> bool:
    """Whether it holds checks that NDEBUG takes out.

    What stops the program is an inline function: of it, often only its text is left.
    """
    return one.halts or bool((one.defined | one.undefined) & _ABORTS)


def _is_stripped(objects: Sequence[ObjectFile], generation: Generation) -> bool:
    if generation.api == "2020-07":
        return not any(_REPORT in one.undefined for one in _allocators(objects))
    return not any(_PRINTF in one.defined | one.undefined for one in objects)


def _log(objects: Sequence[ObjectFile], where: str) -> Literal["own", "callback"]:
    """The runner's own log functions win, unless theirs come with something that others need."""
    bound = [one for one in objects if one.defined & _LOG and _needed(one, objects)]
    if not bound:
        return "own"
    if any(_CALLBACK in one.defined for one in bound):
        return "callback"
    what = f"{bound[0].name} defines DebugLog together with functions that others need"
    raise InputError(Problem(where, what, "build it with TARGET=cortex_m_generic"))


def _needed(one: ObjectFile, objects: Sequence[ObjectFile]) -> set[str]:
    """What other members want of this one and cannot get elsewhere, apart from the log itself."""
    wanted = {
        symbol for other in objects if other is not one for symbol in one.defined & other.undefined
    } - _LOG
    elsewhere = {
        symbol for other in objects if other is not one for symbol in wanted & other.defined
    }
    return wanted - elsewhere
