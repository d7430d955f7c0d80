"""Small models that come with the lab: names, files and what each one is for."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
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
    """

    name: str
    file: str
    title: str
    purpose: str
    size_bytes: int
    sha256: str
    float_source: str = ""

    @property
    def path(self) -> Path:
        """Where the model file is."""
        return CATALOGUE.with_name(self.file)


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


def model_path(name: str) -> Path:
    """File of a model.

    Raises:
        UsageError: there is no model of that name; says the nearest one.
    """
    for model in catalogue():
        if model.name == name:
            return model.path
    raise UsageError(f'no zoo model is called "{name}"; {_hint(name)}')


def find_model(name_or_path: str | Path) -> Path:
    """A model file by its path, or a zoo model by its name; a path that exists wins.

    Raises:
        InputError: there is neither; says the nearest zoo model.
    """
    text = str(name_or_path)
    if not _NAME.fullmatch(text) or os.path.lexists(text):  # noqa: PTH - never raises
        return Path(name_or_path)
    if text in model_names():
        return model_path(text)
    raise InputError(Problem(text, "no such file, and no zoo model of that name", _hint(text)))


def _hint(name: str) -> str:
    nearest = difflib.get_close_matches(name, model_names(), n=1, cutoff=0.5)
    return f'did you mean "{nearest[0]}"?' if nearest else f"there are {', '.join(model_names())}"
