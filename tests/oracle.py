"""Independent judge: TFLM on the host, from the ``tflite-micro`` wheel (extra ``oracle``).

Every model runs in a child process, because a damaged one may kill the interpreter by a signal
or never return. One child serves many models; when it dies, the next one goes on after the model
that killed it.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
ARENA_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class HostJob:
    """A model and what to feed it: one set for each invoke, one array for each input."""

    model: bytes
    input_sets: tuple[tuple[Array, ...], ...]


@dataclass(frozen=True)
class HostRun:
    """What became of a job. Exactly one of outputs, error and signal says it.

    Attributes:
        outputs: one tuple for each invoke, one array for each output tensor.
        error: text of the interpreter's refusal, empty if it ran.
        signal: number of the signal that ended it (SIGALRM: it took too long), else 0.
    """

    outputs: tuple[tuple[Array, ...], ...] = ()
    error: str = ""
    signal: int = 0

    @property
    def ok(self) -> bool:
        """The model was allocated and every invoke succeeded."""
        return not self.error and not self.signal


def run_host(model: bytes, input_sets: Sequence[Sequence[Array]]) -> HostRun:
    """Run one model: the invokes follow each other in one interpreter, which keeps its state.

    Args:
        model: contents of the .tflite file.
        input_sets: for each invoke the arrays of all inputs, of the tensors' types and shapes.
    """
    return run_host_many([HostJob(model, tuple(tuple(arrays) for arrays in input_sets))])[0]


def run_host_many(jobs: Sequence[HostJob], seconds: int = 20) -> list[HostRun]:
    """Run many models, good and damaged; the answers come in the order of the jobs.

    Args:
        jobs: what to run.
        seconds: time limit of each job, in wall clock seconds.
    """
    runs: list[HostRun] = []
    with tempfile.TemporaryDirectory() as scratch:
        todo, answers = Path(scratch, "jobs"), Path(scratch, "answers")
        while len(runs) < len(jobs):
            todo.write_bytes(pickle.dumps(list(jobs[len(runs) :])))
            child = [sys.executable, __file__, str(todo), str(answers), str(seconds)]
            code = subprocess.run(child, check=False).returncode
            if code > 0:
                raise RuntimeError(
                    f"the host oracle failed with exit code {code}"
                    ' (is the wheel there? pip install "tflm-lab[oracle]")'
                )
            runs += _read(answers)
            if len(runs) < len(jobs):
                runs.append(HostRun(signal=-code))
    return runs


def _read(answers: Path) -> list[HostRun]:
    runs: list[HostRun] = []
    with answers.open("rb") as stream:
        while True:
            try:
                outcome = pickle.load(stream)
            except (EOFError, pickle.UnpicklingError):
                return runs
            runs.append(HostRun(**outcome))


def _serve(todo: Path, answers: Path, seconds: int) -> None:
    from tflite_micro import runtime

    jobs: list[Any] = pickle.loads(todo.read_bytes())
    with answers.open("wb") as stream, tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)  # TFLM says on stderr why it refuses a model
        for job in jobs:
            log.seek(0)
            log.truncate()
            signal.alarm(seconds)
            pickle.dump(_run(runtime, job, log), stream)
            stream.flush()


def _run(runtime: Any, job: Any, log: BinaryIO) -> dict[str, Any]:
    try:
        interpreter = runtime.Interpreter.from_bytes(job.model, arena_size=ARENA_BYTES)
        return {"outputs": tuple(_invoke(interpreter, arrays) for arrays in job.input_sets)}
    # Whatever the wheel raises on a damaged model is an answer.
    except Exception as error:
        log.seek(0)
        said = log.read().decode(errors="replace").strip()
        return {"error": f"{type(error).__name__}: {error}\n{said}".strip()}


def _invoke(interpreter: Any, arrays: Sequence[Array]) -> tuple[Array, ...]:
    for index, array in enumerate(arrays):
        interpreter.set_input(array, index)
    interpreter.invoke()
    outputs: list[Array] = []
    while True:
        try:
            outputs.append(np.array(interpreter.get_output(len(outputs))))
        except (IndexError, ValueError, RuntimeError):
            return tuple(outputs)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
