"""Inputs and outputs in ``.npy`` files, checked against the model's tensors."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import InputError, Problem, UsageError, escape
from lab.files import unwritable
from lab.graph import shorten
from lab.model import Model, Tensor

if TYPE_CHECKING:
    import numpy as np

    from lab.measure.inference import Inference

_DTYPES = {
    "float32": "<f4", "int8": "i1", "uint8": "u1", "int16": "<i2", "int32": "<i4",
    "int64": "<i8", "bool": "?",
}  # fmt: skip
_MUCH_MORE = 64 << 20  # bytes; a file beyond the tensor and this is not read at all


def read_inputs(model: Model, given: Sequence[str]) -> tuple[bytes, ...] | None:
    """Bytes of every graph input, from ``[NAME=]FILE.npy``; None when nothing is given.

    Raises:
        UsageError: an input is not the model's, is given twice, or is missing.
        InputError: a file is no array, or not of the tensor's type and shape.
    """
    if not given:
        return None
    tensors = [model.tensors[index] for index in model.inputs]
    files: dict[int, Path] = {}
    for position, text in enumerate(given):
        name, separator, path = text.rpartition("=")
        number = _by_name(tensors, escape(name), files) if separator else position
        if number >= len(tensors):
            raise UsageError(f"the model has {len(tensors)} inputs, {len(given)} were given")
        if number in files:
            raise UsageError(f'input "{shorten(tensors[number].name)}" is given twice')
        files[number] = Path(path)
    missing = [shorten(t.name) for number, t in enumerate(tensors) if number not in files]
    if missing:
        raise UsageError(f"no file for input {', '.join(missing)} (give all inputs, or none)")
    return tuple(_read(files[number], tensor) for number, tensor in enumerate(tensors))


def prepare_outputs(directory: Path) -> None:
    """Make the directory, and remove what an earlier check saved there.

    Raises:
        UsageError: the directory cannot be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for old in (*directory.glob("input_*_*.npy"), *directory.glob("output_*_*.npy")):
            old.unlink()
        (directory / "input_.npy").touch()
        (directory / "input_.npy").unlink()
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise unwritable(f"outputs to {directory}", error) from None


def write_outputs(directory: Path, model: Model, run: Inference) -> None:
    """Save what every inference was given and what it computed, one ``.npy`` each.

    Raises:
        UsageError: the directory cannot be written to.
    """
    import numpy as np

    try:
        for which, indices, runs in (
            ("input", model.inputs, run.inputs),
            ("output", model.outputs, run.outputs),
        ):
            for invoke, tensors in enumerate(runs):
                for number, (index, data) in enumerate(zip(indices, tensors, strict=True)):
                    array = _array(data, model.tensors[index])
                    np.save(directory / f"{which}_{number}_{invoke}.npy", array)
    except OSError as error:
        raise unwritable(f"outputs to {directory}", error) from None


def unlike(
    model: Model, outputs: Sequence[bytes], files: Sequence[str], tolerance: float = 0.0
) -> str:
    """How outputs differ from ``.npy`` files; empty when they do not.

    Args:
        model: whose outputs they are.
        outputs: bytes of each graph output.
        files: one for each output, in order.
        tolerance: largest difference that is none.

    Raises:
        UsageError: there are more files than outputs, or fewer.
        InputError: a file is no array, or not of the output's type and shape.
    """
    import numpy as np

    if len(files) != len(outputs):
        raise UsageError(f"the model has {len(outputs)} outputs, {len(files)} files were given")
    for number, (index, data, file) in enumerate(zip(model.outputs, outputs, files, strict=True)):
        tensor = model.tensors[index]
        wanted = _array(_read(Path(file), tensor, "output"), tensor).astype(np.float64)
        found = _array(data, tensor).astype(np.float64)
        difference = np.abs(found - wanted)
        wrong = ~(difference <= tolerance)  # what is not a number is wrong too
        if wrong.any():
            return (
                f'output {number} "{shorten(tensor.name)}" is not that of {file}: '
                f"{int(wrong.sum()):,} of {wrong.size:,} values differ, "
                f"by up to {difference.max():g}"
            )
    return ""


def _array(data: bytes, tensor: Tensor) -> np.ndarray:
    import numpy as np

    dtype = np.dtype(_DTYPES.get(tensor.type, "u1"))
    array = np.frombuffer(data, dtype if len(data) % dtype.itemsize == 0 else "u1")
    return array.reshape(tensor.shape) if array.size == tensor.elements else array


def _by_name(tensors: Sequence[Tensor], name: str, given: Container[int]) -> int:
    """The input of this name; of several the first one that is not given yet."""
    found = [number for number, tensor in enumerate(tensors) if tensor.name == name]
    if found:
        return next((number for number in found if number not in given), found[0])
    names = ", ".join(shorten(tensor.name) for tensor in tensors)
    raise UsageError(f'no input "{shorten(name)}"; the model has: {names}')


def _read(path: Path, tensor: Tensor, which: str = "input") -> bytes:
    import numpy as np

    _refuse_other_files(path, tensor.size + _MUCH_MORE)
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # of headers as Python 2 wrote them
            array = np.load(file, allow_pickle=False)
    except Exception as error:  # NumPy lets through whatever its parsers of headers raise
        reason = getattr(error, "strerror", None) or "not a NumPy array file"
        raise InputError(Problem(str(path), str(reason), "save it with numpy.save")) from None
    if not isinstance(array, np.ndarray):
        raise InputError(Problem(str(path), "an archive of arrays", "save one with numpy.save"))
    expected = _DTYPES.get(tensor.type)
    if expected is None or array.dtype != np.dtype(expected) or array.shape != tensor.shape:
        wanted = f'{which} "{shorten(tensor.name)}" is {tensor.type} {list(tensor.shape)}'
        have = f"{array.dtype} {list(array.shape)}"
        raise InputError(
            Problem(
                str(path),
                f"{wanted}, this is {have}",
                "quantize and reshape the data as for the device",
            )
        )
    return np.ascontiguousarray(array).tobytes()


def _refuse_other_files(path: Path, most: int) -> None:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(Problem(str(path), f"cannot be read: {reason}")) from None
    if not stat.S_ISREG(status.st_mode):
        kind = "is a directory" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
        raise InputError(Problem(str(path), kind, "give the .npy file"))
    if status.st_size > most:
        raise InputError(Problem(str(path), f"is larger than {most:,} B", "is it the right file?"))
