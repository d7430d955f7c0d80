"""The C meter; everything else about the build stands in pyproject.toml."""

from pathlib import Path

import unicorn
from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "lab.engines._meter",
            sources=["lab/engines/_meter.c"],
            include_dirs=[str(Path(unicorn.__file__).parent / "include")],
            extra_compile_args=["-O3", "-std=c11", "-Wall", "-Wextra", "-Werror"],
        )
    ]
)
