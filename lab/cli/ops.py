"""``lab ops``: will the operators of a model work, before anything is built?"""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.arguments import Model, Runtime
from lab.errors import EXIT_OK, EXIT_VERDICT_NO
from lab.generations import DEFAULT_RUNTIME

if TYPE_CHECKING:
    from lab.measure.ops import OperatorVerdict

SCHEMA_VERSION = 1
_PRICES = (
    "flash: one operator alone, measured with TFLM of August 2026 on a Cortex-M4F (GCC 12.2, "
    "kernels at -O2, NDEBUG); shared code is counted in each, so prices do not add up"
)


def ops(
    model: Model,
    runtime: Runtime = DEFAULT_RUNTIME,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Will the operators of this model work, and what to use instead of those that do not?

    Reads the model; builds and runs nothing. Exit code 0: nothing is known to fail; 1: an operator
    is missing, or known to give wrong results without an error.
    """
    from lab.measure.ops import blocking, gate, load_table
    from lab.model import read_model
    from lab.runtimes import load_runtime
    from lab.zoo import model_file

    used = load_runtime(runtime)
    read = read_model(model_file(model))
    verdicts = gate(read, load_table(used.operator_table, used.api), used.kernels)
    stops = blocking(verdicts)
    if json:
        typer.echo(_as_json(read.name, read.sha256, used.name, verdicts, fine=not stops))
    else:
        typer.echo(_headline(read.name, used.name, verdicts))
        for line in _lines(verdicts):
            typer.echo(line)
        if any(one.flash_bytes for one in verdicts):
            typer.echo(_PRICES)
    raise typer.Exit(EXIT_VERDICT_NO if stops else EXIT_OK)


def _as_json(
    model: str, sha256: str, runtime: str, verdicts: tuple[OperatorVerdict, ...], *, fine: bool
) -> str:
    record = {
        "schema_version": SCHEMA_VERSION,
        "model": {"name": model, "sha256": sha256},
        "runtime": runtime,
        "supported": fine,
        "operators": [asdict(verdict) for verdict in verdicts],
    }
    return json_format.dumps(record, indent=2)


def _headline(model: str, runtime: str, verdicts: tuple[OperatorVerdict, ...]) -> str:
    counts = {word: sum(one.verdict == word for one in verdicts) for word in
              ("supported", "missing", "wrong", "unknown")}  # fmt: skip
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    answer = "NO" if counts["missing"] + counts["wrong"] else "YES"
    return f"{answer}  {model} on {runtime}: {told or 'no operators'}"


def _lines(verdicts: tuple[OperatorVerdict, ...]) -> Iterator[str]:
    """One line for each verdict: place, name, version, verdict, types or reason, remedy."""
    width = max((len(one.name) for one in verdicts), default=0)
    for one in verdicts:
        number, version = (f"{one.index}", f"v{one.version}") if one.index >= 0 else ("", "")
        said = one.reason or one.types
        if one.flash_bytes:
            said += f"; flash {one.flash_bytes:,} B"
        if one.instead:
            said += f" -> {one.instead}"
        yield f"{number:>4}  {one.name:<{width}} {version:<3}  {one.verdict:<9}  {said}"
