"""The generations of TFLM's API that the lab knows: what tells them apart from outside.

What the lab knows of their insides is in ``lab/measure/tflm.py``, and of their operators in
``firmware/runtimes/*.ops.yaml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DEFAULT_RUNTIME = "tflm-2020-07"  # one of those that come with the lab
Api = Literal["2020-07", "2026-08"]
Kernels = Literal["reference", "cmsis_nn"]


@dataclass(frozen=True)
class Generation:
    """One generation.

    Attributes:
        api: its name.
        title: as printed.
        constructor: symbol of the constructor of ``MicroInterpreter`` that the runner calls.
        headers: those that the runner includes, and one of each library that they include.
        operator_table: name of the table of what its kernels can do, without ``.ops.yaml``.
    """

    api: Api
    title: str
    constructor: str
    headers: tuple[str, ...]
    operator_table: str

    @property
    def header(self) -> str:
        """The lab's own header for this API, in ``firmware/runner``."""
        return f"api_{self.api.replace('-', '_')}.h"

    @property
    def resolver_template(self) -> str:
        """Template of the file that registers operators, in ``firmware/runner``."""
        return f"ops_{self.api.replace('-', '_')}.cc.j2"


_MICRO = "tensorflow/lite/micro/"
_SHARED = (
    f"{_MICRO}micro_interpreter.h",
    f"{_MICRO}micro_mutable_op_resolver.h",
    "tensorflow/lite/schema/schema_generated.h",
    "flatbuffers/flatbuffers.h",
    "fixedpoint/fixedpoint.h",
)
GENERATIONS: dict[str, Generation] = {
    one.api: one
    for one in (
        Generation(
            api="2020-07",
            title="TensorFlow Lite Micro, July 2020",
            constructor="_ZN6tflite16MicroInterpreterC1EPKNS_5ModelERKNS_15MicroOpResolverEPhjPNS_"
            "13ErrorReporterE",
            headers=(
                *_SHARED,
                f"{_MICRO}micro_error_reporter.h",
                f"{_MICRO}kernels/micro_ops.h",
            ),
            operator_table="tflm-2020-07",
        ),
        Generation(
            api="2026-08",
            title="TensorFlow Lite Micro, August 2026",
            constructor="_ZN6tflite16MicroInterpreterC1EPKNS_5ModelERKNS_15MicroOpResolverEPhjPNS_"
            "22MicroResourceVariablesEPNS_22MicroProfilerInterfaceEb",
            headers=(*_SHARED, f"{_MICRO}micro_log.h"),
            operator_table="tflm-2026-08",
        ),
    )
}
# Where TFLM's own tools put the libraries that its headers include, below the root of its tree:
# its Makefile, and tools/project_generation/create_tflm_tree.py.
DOWNLOADS = (f"{_MICRO}tools/make/downloads", "third_party")
LIBRARY_HEADERS = ("flatbuffers/include", "gemmlowp", "ruy")
