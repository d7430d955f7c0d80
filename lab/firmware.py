"""Build an image: runner, runtime, the kernels this model needs, the model; linked for banks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab import toolchain as tools
from lab.board import LAB_WINDOW
from lab.cache import Cache, key
from lab.cores import Core
from lab.crate import Say
from lab.runner import (
    RUNNER,
    compile_flags,
    headers,
    include_flags,
    library,
    library_key,
    prefix_maps,
    write_api_header,
)
from lab.runtimes import Runtime
from lab.toolchain import Toolchain


@dataclass(frozen=True)
class Registration:
    """One operator to register with the resolver.

    Attributes:
        builtin: enumerator without its prefix, such as ``CONV_2D``; empty for a custom operator.
        custom_name: name of a custom operator; else empty.
        expression: C++ expression that gives the kernel's registration, where it is passed.
        method: method of the resolver that adds the operator, where it has one for each.
    """

    builtin: str
    custom_name: str
    expression: str
    method: str = ""

    @property
    def name(self) -> str:
        """Name of the operator."""
        return self.builtin or self.custom_name


@dataclass(frozen=True)
class Span:
    """A stretch of address space."""

    base: int
    size: int

    @property
    def end(self) -> int:
        """First address after it."""
        return self.base + self.size


WINDOW = Span(LAB_WINDOW.start, len(LAB_WINDOW))


@dataclass(frozen=True)
class Layout:
    """Where an image's parts go: code and model, .data and .bss, initial SP."""

    flash: Span
    ram: Span
    stack_top: int


@dataclass(frozen=True)
class Recipe:
    """What an image is made of, apart from where it lies."""

    model: bytes
    registrations: tuple[Registration, ...]
    runtime: Runtime
    core: Core
    opt: str


@dataclass(frozen=True)
class Builder:
    """Builds images with one tool chain into one cache."""

    chain: Toolchain
    cache: Cache
    say: Say

    def image(self, recipe: Recipe, layout: Layout) -> Path:
        """The ELF of a recipe at a layout, from the cache when it was built before.

        Raises:
            ToolError: a tool is missing or failed.
        """
        image_key = key(
            self._key(recipe),
            Path(__file__),
            recipe.model,
            repr((layout, WINDOW)),
            RUNNER / "model.S",
            RUNNER / "image.ld.j2",
        )

        def build(to: Path) -> None:
            self.link(recipe, layout, to)

        return self.cache.get_or_build("images", image_key, build) / "image.elf"

    def link(self, recipe: Recipe, layout: Layout, to: Path) -> Path:
        """Link the ELF of a recipe into an empty directory, beside the linker's script and map.

        For images that are looked at once: those of a price list would fill the cache.

        Raises:
            ToolError: a tool is missing or failed.
        """
        libs = library(recipe.runtime, recipe.core, recipe.opt, self.chain, self.cache, self.say)
        resolver = self._resolver(recipe)
        (to / "model.tflite").write_bytes(recipe.model)
        script = _render("image.ld.j2", flash=layout.flash, ram=layout.ram, window=WINDOW,
                         stack_top=layout.stack_top)  # fmt: skip
        (to / "image.ld").write_text(script)
        self._run(["-c", str(RUNNER / "model.S"), "-I.", "-o", "model.o"], recipe, to)
        # nmagic: without it the linker stretches the first segment down to a page border, over
        # a reserved area that lies before the image.
        self._run(
            [
                "-nostartfiles", "--specs=nano.specs", *_libraries(recipe.runtime),
                "-Wl,--gc-sections", "-Wl,--nmagic", "-Wl,-T,image.ld",
                "-Wl,-Map=image.map", "-Wl,--no-warn-rwx-segments",
                str(libs / "startup.o"), str(libs / "runner.o"), str(resolver / "ops.o"),
                "model.o", str(libs / "libtflm.a"), "-o", "image.elf",
            ],
            recipe, to,
        )  # fmt: skip
        for leftover in ("model.tflite", "model.o"):
            (to / leftover).unlink()
        return to / "image.elf"

    def _key(self, recipe: Recipe) -> str:
        libs = library_key(recipe.runtime, recipe.core, recipe.opt, self.chain)
        template = RUNNER / recipe.runtime.generation.resolver_template
        return key(libs, repr(recipe.registrations), Path(__file__), template)

    def _resolver(self, recipe: Recipe) -> Path:
        """Directory with ``ops.o``, which registers exactly the operators of the model."""
        places = headers(recipe.runtime, self.cache, self.say)

        def build(to: Path) -> None:
            self.say("compiling the operator resolver")
            template = recipe.runtime.generation.resolver_template
            (to / "ops.cc").write_text(_render(template, operators=recipe.registrations))
            write_api_header(recipe.runtime, to)
            flags = [
                *compile_flags(recipe.runtime, recipe.core, recipe.opt),
                f"-std={recipe.runtime.standard}",
                *include_flags(places),
                *prefix_maps(places, to),
            ]
            self._run([*flags, f"-I{RUNNER}", "-I.", "-c", "ops.cc", "-o", "ops.o"], recipe, to)

        return self.cache.get_or_build("resolvers", self._key(recipe), build)

    def _run(self, arguments: list[str], recipe: Recipe, work: Path) -> None:
        tools.run(
            [self.chain.gxx, *recipe.core.flags, *arguments],
            cwd=work,
            log=self.cache.root / "logs" / f"image-{work.name[:12]}.log",
            what="building the image",
            mend="the log has the tool's words",
        )


def _libraries(runtime: Runtime) -> list[str]:
    """System calls that a user's library may want, of an assert say: there is no system."""
    return ["--specs=nosys.specs"] if runtime.kind == "library" else []


def _cstring(text: str) -> str:
    """A C string literal of any text: what is not plain ASCII becomes an octal escape."""
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{plain}"'


def _render(template: str, **values: object) -> str:
    import jinja2  # here: a command that finds its image in the cache does not need it

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(RUNNER),
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters["cstring"] = _cstring
    return environment.get_template(template).render(**values)
