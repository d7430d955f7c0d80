"""YAML whose every value remembers its line and column, and models that report them.

Files come from people, so nothing in them is trusted: no aliases, no tags, no deep nesting, no
endless files. Scalars follow the small core of YAML 1.2: ``true``, ``false``, decimal numbers,
everything else is text. So ``no``, ``0x20000000``, ``010``, ``+5`` and ``12:30`` are text, and the
schema says what to make of them.
"""

from __future__ import annotations

import difflib
import json
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeAlias, TypeVar, get_args

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from lab.errors import InputError, Problem
from lab.units import parse_size

MAX_BYTES = 1_000_000
MAX_DEPTH = 16
MAX_VALUES = 10_000
MAX_KEY = 80
MAX_TEXT = 400
MAX_PROBLEMS = 100

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | None"
Place: TypeAlias = tuple[str | int, ...]  # ("ram", 0, "size") is ram[0].size

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_DECIMAL = re.compile(r"-?[0-9]{1,18}\.[0-9]{1,18}([eE][-+]?[0-9]{1,2})?")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, order=True)
class Mark:
    """A position in a file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, order=True)
class Finding:
    """Something wrong at a place of a file; ``Source.problem`` turns it into its line."""

    mark: Mark
    place: str
    what: str
    hint: str = ""


@dataclass(frozen=True)
class Source:
    """A parsed file.

    Attributes:
        path: the file as the user named it.
        data: its contents as plain Python values.
        values: where each value starts.
        keys: where the key of each value of a mapping starts.
        findings: what is wrong already, apart from any schema (such as a key written twice).
    """

    path: str
    data: dict[str, Data]
    values: dict[Place, Mark] = field(default_factory=dict)
    keys: dict[Place, Mark] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def finding(self, place: Place, what: str, hint: str = "", *, at_key: bool = False) -> Finding:
        """What is wrong at a place; the nearest place around it when it is not in the file."""
        marks = self.keys if at_key and place in self.keys else self.values
        near = place
        while near not in marks:
            near = near[:-1]
        return Finding(marks[near], dotted(place), what, hint)

    def error(self, findings: Collection[Finding]) -> InputError:
        """All findings as one error, in the order of the file, a long list cut with its count."""
        ordered = sorted(set(findings))
        problems = [_problem(self.path, finding) for finding in ordered[:MAX_PROBLEMS]]
        if len(ordered) > MAX_PROBLEMS:
            problems.append(Problem(self.path, f"{len(ordered) - MAX_PROBLEMS} more problems"))
        return InputError(problems)


def load_yaml(path: str) -> Source:
    """Read one YAML file, whose top is a mapping.

    Raises:
        InputError: unreadable, not UTF-8, not YAML, or YAML of a kind not accepted here.
    """
    return parse_yaml(path, _decode(path, _read(path)))


def parse_yaml(path: str, text: str) -> Source:
    """Parse YAML text; ``path`` is only how the file is named in problems."""
    bad = _FORBIDDEN.search(text)
    if bad:
        _stop(path, _mark_at(text, bad.start()), f"character U+{ord(bad[0]):04X} is not allowed")
    try:
        return _Parser(path, text).parse()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = "not valid YAML: " + " ".join(str(error.problem or error.context).split())
        hint = "indent with spaces, not tabs" if "\\t" in what else ""
        _stop(path, _mark(mark) if mark else Mark(1, 1), what, hint)
    except (yaml.YAMLError, ValueError, OverflowError):
        # PyYAML passes on what chr() and int() say about absurd escapes and version numbers.
        _stop(path, Mark(1, 1), "not valid YAML: a number or an escape out of range")


def word(pattern: str, rule: str) -> AfterValidator:
    """Field validator: text of one form, such as an identifier; ``rule`` says it in words."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {rule}, got {shown(value)}")
        return value

    return AfterValidator(check)


def size_field(value: object, *, bare: bool = False) -> int:
    """Bytes of a size in a file or, with ``bare``, on the command line; ValueError says why not."""
    if isinstance(value, bool | float) or not isinstance(value, str | int) or len(str(value)) > 40:
        raise ValueError(f'must be a size, got {shown(value)} (write for example "128 KiB")')
    return parse_size(value, bare=bare)


def _one_line(value: str) -> str:
    line = " ".join(value.split())  # a folded YAML text is one line
    if not line or len(line) > MAX_TEXT or not line.isprintable():
        raise ValueError(f"must be 1 to {MAX_TEXT} printable characters, got {shown(value)}")
    return line


Text = Annotated[str, AfterValidator(_one_line)]
Size = Annotated[int, BeforeValidator(size_field)]
Items = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)


class StrictModel(BaseModel):
    """Base of every file schema: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Model = TypeVar("Model", bound=BaseModel)


def check_model(source: Source, model: type[Model]) -> tuple[Model | None, list[Finding]]:
    """Check the contents against a schema: the record, or None, and everything wrong so far."""
    findings = list(source.findings)
    try:
        return model.model_validate(source.data), findings
    except ValidationError as error:
        known = {finding.place for finding in findings}
        for detail in error.errors(include_url=False):
            finding = _translate(source, model, detail)
            if finding.place not in known:
                findings.append(finding)
    return None, findings


def valid_items(source: Source, key: str, model: type[Model]) -> Iterator[tuple[Place, Model]]:
    """The entries of a top-level list that are right by themselves, each with its place.

    So entries can be compared with each other although others are wrong.
    """
    items = source.data.get(key)
    for index, item in enumerate(items if isinstance(items, list) else []):
        try:
            yield (key, index), model.model_validate(item)
        except ValidationError:
            continue


def dotted(place: Place) -> str:
    """A place as people write it: ``ram[0].size``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def shown(value: object) -> str:
    """A value as it may stand inside a line of text: short and printable."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + '..."'


def nearest(word: str, words: Collection[str]) -> str:
    """A hint with the valid word nearest to a wrong one, or all of them when none is near."""
    close = difflib.get_close_matches(word[:MAX_KEY], words, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else "known: " + ", ".join(sorted(words))


def _read(path: str) -> bytes:
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            kind = "a directory" if Path(path).is_dir() else "not a regular file"
            raise InputError(Problem(path, f"is {kind}", "give a YAML file"))
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(Problem(path, f"cannot be read: {reason}")) from None
    if len(content) > MAX_BYTES:
        raise InputError(Problem(path, f"larger than {MAX_BYTES:,} B", "is this the right file?"))
    return content


def _decode(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", errors="replace")
        byte = content[error.start]
        _stop(path, _mark_at(before, len(before)), f"not UTF-8 text: byte 0x{byte:02X}")


def _stop(path: str, mark: Mark, what: str, hint: str = "") -> NoReturn:
    raise InputError(_problem(path, Finding(mark, "", what, hint))) from None


def _problem(path: str, finding: Finding) -> Problem:
    where = f"{path}:{finding.mark.line}:{finding.mark.column}"
    return Problem(
        f"{where}: {finding.place}" if finding.place else where, finding.what, finding.hint
    )


def _mark_at(text: str, index: int) -> Mark:
    return Mark(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


class _Parser:
    """Builds a Source from PyYAML's events, which come without recursion or conversion."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.count = 0
        self.values: dict[Place, Mark] = {}
        self.keys: dict[Place, Mark] = {}
        self.findings: list[Finding] = []
        self.events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)

    def parse(self) -> Source:
        next(self.events)  # start of the stream
        document = next(self.events)
        if isinstance(document, yaml.StreamEndEvent):
            _stop(self.path, Mark(1, 1), "is empty")
        data = self.node((), next(self.events))
        if not isinstance(data, dict):
            _stop(self.path, self.values[()], f"must be a mapping, got {shown(data)}")
        next(self.events)  # end of the document
        if not isinstance(after := next(self.events), yaml.StreamEndEvent):
            self.stop(after, "a second document starts", "one file holds one document")
        return Source(self.path, data, self.values, self.keys, tuple(self.findings))

    def stop(self, event: yaml.Event, what: str, hint: str = "") -> NoReturn:
        """Give up: what follows could not be understood."""
        _stop(self.path, _mark(event.start_mark), what, hint)

    def node(self, place: Place, event: Any) -> Data:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self.stop(event, "anchors and aliases are not accepted", "write the value out")
        if event.tag is not None:
            self.stop(event, "tags are not accepted", "write the value without it")
        if len(place) > MAX_DEPTH:
            self.stop(event, f"nested deeper than {MAX_DEPTH} levels")
        self.count += 1
        if self.count > MAX_VALUES:
            self.stop(event, f"more than {MAX_VALUES:,} values", "is this the right file?")
        self.values[place] = _mark(event.start_mark)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(place)
        return self.scalar(place, event)

    def mapping(self, place: Place) -> dict[str, Data]:
        result: dict[str, Data] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event)
            inner = (*place, key)
            if key not in result:
                self.keys[inner] = _mark(event.start_mark)
                result[key] = self.node(inner, next(self.events))
            else:  # The first one counts; the second is only read to get past it.
                what = f"is written twice, first in line {self.keys[inner].line}"
                self.findings.append(Finding(_mark(event.start_mark), dotted(inner), what))
                self.node((*place, f"{key} (again)"), next(self.events))
        return result

    def key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
            self.stop(event, "a key must be a word")
        word = str(event.value)
        if not word or len(word) > MAX_KEY or not word.isprintable():
            self.stop(event, f"a key must be a word of 1 to {MAX_KEY} printable characters")
        return word

    def sequence(self, place: Place) -> list[Data]:
        result: list[Data] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            result.append(self.node((*place, len(result)), event))
        return result

    def scalar(self, place: Place, event: Any) -> Data:
        value = str(event.value)
        if _FORBIDDEN.search(value):  # by an escape such as "\u001b"
            self.stop(event, "contains a character that cannot be printed")
        if not event.implicit[0]:  # quoted
            return value
        if value in {"", "~", "null"}:
            what, hint = "has no value", "write one or leave the key out"
            self.findings.append(Finding(_mark(event.start_mark), dotted(place), what, hint))
            return None
        if value in {"true", "false"}:
            return value == "true"
        if _WHOLE.fullmatch(value):
            return int(value)
        return float(value) if _DECIMAL.fullmatch(value) else value


_WANTED = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "string_type": "must be text",
    "model_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "tuple_type": "must be a list",
}


def _translate(source: Source, model: type[BaseModel], detail: Any) -> Finding:
    """One pydantic error in our words."""
    kind: str = detail["type"]
    place: Place = tuple(part for part in detail["loc"] if part != "[key]")
    if kind == "missing":
        return source.finding(place, "is missing")
    if kind == "extra_forbidden":
        words = _keys_around(model, place)
        return source.finding(place, "unknown key", nearest(str(place[-1]), words), at_key=True)
    if kind == "value_error":
        what, hint = split_hint(str(detail["ctx"]["error"]))
        return source.finding(place, what, hint, at_key="[key]" in detail["loc"])
    if kind == "too_short":
        return source.finding(place, "must not be empty")
    wanted = _WANTED.get(kind) or detail["msg"].replace("Input should be", "must be")
    scalar = isinstance(detail["input"], int | float)
    hint = "put it in quotes" if kind == "string_type" and scalar else ""
    return source.finding(place, f"{wanted}, got {shown(detail['input'])}", hint)


def split_hint(text: str) -> tuple[str, str]:
    """``what (do this)`` as ``what`` and ``do this``: the form validators write."""
    match = re.fullmatch(r"(.*) \(([^()]*)\)", text, re.DOTALL)
    return (match[1], match[2]) if match else (text, "")


def _keys_around(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """The keys that are valid where the last part of a place stands."""
    for part in place[:-1]:
        inner = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
        model = _model_in(inner.get(str(part))) or model
    return [info.alias or name for name, info in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)
