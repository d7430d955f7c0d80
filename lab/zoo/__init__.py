"""Small models that come with the lab: names, files and what each one is for."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lab.errors import InputError, Problem, UsageError

_NAME = re.compile(r"[\w.-]{1,64}")  # anything else can only be meant as a path
CATALOGUE = Path(__file__).with_name("models.yaml")


@dataclass(frozen=True)
class ZooModel:
    """One model of the zoo.

    Attributes:
        name: what a command takes, such as ``separation_w8``.
        file: name of the model file, beside the catalogue.
        title: one line for a list.
        purpose: what the model is in the zoo for.
        size_bytes: size of the file.
        sha256: checksum of the file, in hexadecimal.
        float_source: name of the zoo model that is the same network in float32; empty if none.
        fails: runtimes that cannot run it, by intention, each with the class of the failure.
    """

    name: str
    file: str
    title: str
    purpose: str
    size_bytes: int
    sha256: str
    float_source: str = ""
    fails: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the model file is."""
        return CATALOGUE.with_name(self.file)

    def runs_on(self, runtime: str) -> bool:
        """Whether a runtime of that name is not known to fail with it."""
        return runtime not in self.fails


def read_catalogue(path: Path) -> tuple[ZooModel, ...]:
    """Read a catalogue file written by ``lab.zoo.make_models``."""
    import yaml

    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    return tuple(ZooModel(**entry) for entry in entries)


@cache
def catalogue() -> tuple[ZooModel, ...]:
    """All models of the zoo, in the order in which their story is told."""
    return read_catalogue(CATALOGUE)


def model_names() -> tuple[str, ...]:
    """Names of all models."""
    return tuple(model.name for model in catalogue())


def find_model(name: str) -> ZooModel:
    """The model of that name.

    Raises:
        UsageError: there is none; says the nearest one.
    """
    for model in catalogue():
        if model.name == name:
            return model
    nearest = difflib.get_close_matches(name, model_names(), n=1, cutoff=0.5)
    hint = f'did you mean "{nearest[0]}"?' if nearest else "lab zoo list shows those there are"
    raise UsageError(f'no zoo model is called "{name}"; {hint}')


def model_path(name: str) -> Path:
    """File of a model.

    Raises:
        UsageError: there is no model of that name; says the nearest one.
    """
    return find_model(name).path


def export(models: Iterable[ZooModel], directory: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Copy model files to a directory, which is made when missing.

    Args:
        models: which ones.
        directory: where to.
        force: replace files of the same names that hold something else.

    Returns:
        The files, in order; one that was there already, byte for byte, is left alone.

    Raises:
        UsageError: a file holds something else, and then nothing was written; or the directory
            cannot be written to.
    """
    models = tuple(models)
    targets = tuple(directory / model.file for model in models)
    try:
        new = [pair for pair in zip(models, targets, strict=True) if not _is_there(*pair)]
        taken = [target for _, target in new if os.path.lexists(target)]
        if taken and not force:
            names = ", ".join(target.name for target in taken)
            raise UsageError(f"{directory} has other files named {names} (--force replaces them)")
        directory.mkdir(parents=True, exist_ok=True)
        for model, target in new:
            _replace(target, model.path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot export to {directory}: {error.strerror}") from None
    return targets


def _is_there(model: ZooModel, target: Path) -> bool:
    return target.is_file() and target.read_bytes() == model.path.read_bytes()


def _replace(target: Path, data: bytes) -> None:
    """Write a file so that at no time half of it is there."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        partial.write_bytes(data)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def model_file(name_or_path: str | Path) -> Path:
    """A model file by its path, or a zoo model by its name; a path that exists wins.

    Raises:
        InputError: there is neither; says the nearest zoo model.
    """
    text = str(name_or_path)
    if not _NAME.fullmatch(text) or os.path.lexists(text):
        return Path(name_or_path)
    if text in model_names():
        return model_path(text)
    raise InputError(Problem(text, "no such file, and no zoo model of that name", _hint(text)))


def _hint(name: str) -> str:
    nearest = difflib.get_close_matches(name, model_names(), n=1, cutoff=0.5)
    return f'did you mean "{nearest[0]}"?' if nearest else f"there are {', '.join(model_names())}"
