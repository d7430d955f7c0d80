"""Make the zoo's model files and catalogue again: ``python -m lab.zoo.make_models``.

Only this script needs TensorFlow (``pip install "tflm-lab[models]"``); using the zoo does not.
The same TensorFlow version writes the same bytes every time.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lab.errors import EXIT_OK, EXIT_VERDICT_NO, LabError, ToolError
from lab.zoo import CATALOGUE, ZooModel, catalogue, read_catalogue

if TYPE_CHECKING:
    from lab.zoo.recipe import Format, ModelObject, Recipe

    Shapes = dict[str, tuple[int | None, ...]]

_HEADER = "# Written by `python -m lab.zoo.make_models -o lab/zoo`; do not edit by hand.\n"
_CALIBRATION_SAMPLES = 20


def make_models(directory: Path) -> tuple[ZooModel, ...]:
    """Write every model file and the catalogue.

    Args:
        directory: where to write; made when missing, files in it are replaced.

    Returns:
        The catalogue entries, in order.

    Raises:
        ToolError: TensorFlow is not installed.
    """
    recipes = _load_recipes()
    directory.mkdir(parents=True, exist_ok=True)
    entries = []
    for recipe in recipes:
        data = _convert(recipe)
        path = directory / f"{recipe.name}.tflite"
        path.write_bytes(data)
        entries.append(_entry(recipe, data))
    text = yaml.safe_dump({"models": entries}, sort_keys=False, width=100)
    (directory / CATALOGUE.name).write_text(_HEADER + text, encoding="utf-8")
    return read_catalogue(directory / CATALOGUE.name)


def differences(made: tuple[ZooModel, ...], kept: tuple[ZooModel, ...]) -> list[str]:
    """One line for each model that is not the same in both catalogues."""
    old, new = ({model.name: model for model in models} for models in (kept, made))
    lines = []
    for name in dict.fromkeys([*old, *new]):
        if name not in new:
            lines.append(f"{name}: in the catalogue, but the script does not make it")
        elif name not in old:
            lines.append(f"{name}: made by the script, but not in the catalogue")
        elif old[name].sha256 != new[name].sha256:
            lines.append(
                f"{name}: made {new[name].size_bytes:,} B, sha256 {new[name].sha256[:16]}; "
                f"catalogue {old[name].size_bytes:,} B, sha256 {old[name].sha256[:16]}"
            )
        elif old[name] != new[name]:
            lines.append(f"{name}: the description in the catalogue is out of date")
    return lines


def _load_recipes() -> tuple[Recipe, ...]:
    # Read by TensorFlow while it is imported: no log noise, no GPU, no reordered sums.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ToolError(
            'making the models needs TensorFlow: pip install "tflm-lab[models]"'
        ) from error
    from lab.zoo import failing, networks

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return (*networks.RECIPES, *failing.RECIPES)


def _convert(recipe: Recipe) -> bytes:
    import tensorflow as tf

    # Names of unnamed things count up over a process; a fresh count keeps the bytes the same.
    tf.keras.backend.clear_session()
    model = recipe.build()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    shapes = {tensor.name: tensor.shape for tensor in model.inputs}
    _configure(converter, recipe.format, shapes)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        data = bytes(converter.convert())
    return _edited(data, recipe.edit) if recipe.edit else data


def _configure(converter: Any, wanted: Format, shapes: Shapes) -> None:
    import tensorflow as tf

    sets = tf.lite.OpsSet
    if wanted == "float32":
        return
    if wanted == "select_tf_ops":
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS, sets.SELECT_TF_OPS]
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if wanted == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if wanted in {"float16", "hybrid"}:
        return
    converter.representative_dataset = lambda: _calibration(shapes)
    if wanted == "int16x8":
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        converter.inference_input_type = converter.inference_output_type = tf.int16
        return
    converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    if wanted == "int8":
        # The July 2020 runtime takes one scale for a whole dense layer and says nothing when
        # there are more.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True


def _calibration(shapes: Shapes) -> Iterator[dict[str, Any]]:
    """Inputs over the range that the device will see: 0 to 1, like a normalised spectrogram."""
    import numpy as np

    rng = np.random.default_rng(1)
    for _ in range(_CALIBRATION_SAMPLES):
        # A free batch size counts as one.
        yield {
            name: rng.random([size or 1 for size in shape]).astype(np.float32)
            for name, shape in shapes.items()
        }


def _edited(data: bytes, edit: Callable[[ModelObject], None]) -> bytes:
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    edit(model)
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _entry(recipe: Recipe, data: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": recipe.name,
        "file": f"{recipe.name}.tflite",
        "title": recipe.title,
        "purpose": recipe.purpose,
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    if recipe.float_source:
        entry["float_source"] = recipe.float_source
    if recipe.fails:
        entry["fails"] = dict(recipe.fails)
    return entry


def _check() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        lines = differences(make_models(Path(scratch)), catalogue())
    for line in lines:
        sys.stdout.write(line + "\n")
    if lines:
        sys.stdout.write("the models differ from the catalogue (was another TensorFlow used?)\n")
        return EXIT_VERDICT_NO
    sys.stdout.write("every model is the same as in the catalogue\n")
    return EXIT_OK


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.zoo.make_models", description=__doc__)
    job = parser.add_mutually_exclusive_group(required=True)
    job.add_argument("-o", metavar="DIR", type=Path, help="write models and catalogue to DIR")
    job.add_argument("--check", action="store_true", help="make them and compare with the zoo")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            return _check()
        for model in make_models(options.o):
            sys.stdout.write(f"{model.name}: {model.size_bytes:,} B\n")
    except LabError as error:
        sys.stderr.write("\n".join(error.lines()) + "\n")
        return error.exit_code
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
