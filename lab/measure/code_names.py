"""Whose code is: what the names of files and functions tell, and nothing beyond that."""

from __future__ import annotations

import re

from lab.demangle import demangle
from lab.measure.footprint import OwnerKey

OTHER = OwnerKey("runtime", "other code of the runtime")
_ALLOCATOR = OwnerKey("allocation", "allocator")
_PLANNER = OwnerKey("allocation", "memory planner")
_PARSING = OwnerKey("operator data", "option parsing")
FORMATTING = OwnerKey("error texts", "formatting")
_INTERPRETER = OwnerKey("interpreter", "interpreter")
_CMSIS_NN = OwnerKey("kernels", "CMSIS-NN")
_HELPERS = OwnerKey("shared kernels", "kernel helpers")
_START_UP = OwnerKey("start-up", "start-up")
_LIBC, _LIBM, _LIBGCC, _LIBSTDCXX = (
    OwnerKey("library", name) for name in ("libc", "libm", "libgcc", "libstdc++")
)
_Rules = tuple[tuple[re.Pattern[str], OwnerKey], ...]


def _rules(*rules: tuple[str, OwnerKey]) -> _Rules:
    return tuple((re.compile(pattern), owner) for pattern, owner in rules)


_ARCHIVE = re.compile(r"lib(c|g|m|gcc|stdc\+\+|supc\+\+|nosys|rdimon)(_nano)?\.a")
_SAME = {"libg": "libc", "libsupc++": "libstdc++"}

# Source files of the runtime, of either generation, by a part of their path. In the name of an
# object file _ may stand for /.
_RUNTIME = _rules(
    ("memory_planner", _PLANNER),
    (
        "micro_allocator|memory_allocator|arena_allocator|buffer_allocator|memory_helpers"
        "|allocation_info",
        _ALLOCATOR,
    ),
    ("flatbuffer_conversions|flatbuffer_utils|schema_utils", _PARSING),
    ("error_reporter|micro_log|debug_log|micro_string", FORMATTING),
    (
        "micro_interpreter|micro_context|op_resolver|tensor_utils|micro_utils|resource_variable"
        "|micro_profiler|micro_time|system_setup|lite[/_](core[/_])?c[/_]common",
        _INTERPRETER,
    ),
)
_KERNEL = re.compile(r"tensorflow/lite/micro/kernels/(?:\w+/)*(\w+)\.\w+$")

# Where libraries keep their sources, as their debug information says.
_PATHS = _rules(
    (r"(^|/)libm/", _LIBM),
    (r"(^|/)(newlib/libc|picolibc|libgloss)/", _LIBC),
    (r"(^|/)libgcc/", _LIBGCC),
    (r"(^|/)libstdc\+\+-v3/", _LIBSTDCXX),
    (r"(?i)(^|/)cmsis[-_/]?nn/", _CMSIS_NN),
    (r"tensorflow/lite/kernels/", _HELPERS),
    (r"(?i)(^|/)(startup_[^/]*|crt0|crt[in]|crtbegin|crtend)\.\w+$", _START_UP),
)

# Names that C, C++ and the Arm run-time ABI keep for themselves, and those of newlib's insides.
_C = (
    "mem(cpy|move|set|cmp|chr)|str(len|n?cpy|n?cat|n?cmp|r?chr|str|tok|tol|toul|tod|error)"
    "|v?[fs]?n?i?printf|s?v?fi?printf|f?puts|f?putc|putchar|fwrite|fread|fflush|malloc|free|calloc"
    "|realloc|abort|exit|atexit|qsort|bsearch|atoi|atol|raise|setjmp|longjmp"
)
_INSIDES = (
    "_?_(impure|malloc|free|sf|sinit|swbuf|smakebuf|sflush|swsetup|ssputs|ssprint|printf"
    "|global_impure|libc|retarget_lock|register_exitproc|call_exitprocs|errno|assert_func)"
)
_MATH = (
    "a?(sin|cos|tan)h?|atan2|exp2?|expm1|log|log2|log10|log1p|pow|sqrt|cbrt|ceil|floor|round|trunc"
    "|rint|fabs|fmod|fmin|fmax|ldexp|frexp|scalbn|modf|copysign|lround|nearbyint"
)
_ARITHMETIC = (
    "add|sub|mul|u?div|u?mod|u?divmod|neg|cmp|eq|ne|lt|le|gt|ge|unord|fix|fixuns|float|floatun"
    "|extend|trunc|ashl|ashr|lshr|clz|ctz|popcount"
)
_CMSIS_NN_NAMES = (
    "nn|convolve|depthwise|fully_connected|softmax|avgpool|max_pool|elementwise|svdf|lstm"
    "|transpose_conv|batch_matmul"
)
_NAMES = _rules(
    (r"__aeabi_mem\w+", _LIBC),
    (rf"__aeabi_\w+|__gnu_\w+|__({_ARITHMETIC})([sdt][fi]){{1,2}}[234]?", _LIBGCC),
    (rf"_?({_C})(_r)?|{_INSIDES}\w*|impure_data", _LIBC),
    (rf"({_MATH})f?|__(ieee754|kernel|math)_\w+", _LIBM),
    (r"_Z(St|N[VK]*St|N9__gnu_cxx|N10__cxxabiv1|n[wa]|d[la])\w*|__cxa_\w+|__gxx_\w+", _LIBSTDCXX),
    (rf"arm_({_CMSIS_NN_NAMES})_\w+", _CMSIS_NN),
    (r"Reset_Handler|Default_Handler|_(mainCRTS|s)tart(up)?|SystemInit|g_pfnVectors", _START_UP),
    (r"__isr_vector|__Vectors|__vector_table|vector_table", _START_UP),
)
_CPP_NAMES = _rules(
    (r"tflite::\w*MemoryPlanner\b.*", _PLANNER),
    (r"tflite::\w*(MicroAllocator|MemoryAllocator|ArenaAllocator|BufferAllocator)\b.*", _ALLOCATOR),
    (r"tflite::Parse[A-Z]\w*", _PARSING),
    (r"tflite::\w*ErrorReporter\b.*|MicroPrintf|MicroV?[Ss]nprintf", FORMATTING),
    (r"tflite::ops::micro::.*|tflite::Register_\w+", OwnerKey("kernels", "TFLM kernels")),
    (r"tflite::reference_(integer_)?ops::.*|gemmlowp::.*", _HELPERS),
    (r"tflite::Micro(Interpreter|Context|\w*Graph|\w*OpResolver)\b.*", _INTERPRETER),
    (r"tflite::.*|flatbuffers::.*|TfLite[A-Z]\w+", OTHER),
)


def library_name(archive: str) -> str | None:
    """Which of the compiler's own libraries an archive is, such as ``libm``; None: none of them.

    Args:
        archive: its file name.
    """
    match = _ARCHIVE.fullmatch(archive)
    name = f"lib{match[1]}" if match else None
    return _SAME.get(name, name) if name else None


def runtime_part(source: str) -> OwnerKey | None:
    """Which part of TFLM's runtime a source file is; None: none that the lab knows.

    Args:
        source: its path, or the name of the object file made of it.
    """
    return _first(_RUNTIME, source)


def owner_by_path(path: str) -> OwnerKey | None:
    """Whose a source file is; None: of nobody the lab knows, so the application's.

    Args:
        path: as debug information tells it.
    """
    if kernel := _KERNEL.search(path):
        return OwnerKey("kernels", kernel[1])
    if found := _first(_PATHS, path):
        return found
    return (runtime_part(path) or OTHER) if "tensorflow/lite/" in path else None


def owner_by_name(symbol: str) -> OwnerKey | None:
    """Whose a function or object is of which only the name is known; None: not known.

    Args:
        symbol: its mangled name.
    """
    name = demangle(symbol.replace("_ZTV", "_Z", 1))  # the table of a class is the class's
    return _full(_NAMES, symbol) or _full(_CPP_NAMES, name)


def _first(rules: _Rules, text: str) -> OwnerKey | None:
    return next((owner for pattern, owner in rules if pattern.search(text)), None)


def _full(rules: _Rules, text: str) -> OwnerKey | None:
    return next((owner for pattern, owner in rules if pattern.fullmatch(text)), None)
