"""Damaged board files, made from sound ones by seeded changes of bytes and of lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

Damage = Callable[[bytes, Random], bytes]

ODD_VALUES = [
    b"", b"~", b"null", b"true", b"-1", b"0", b"0x0", b"0xFFFFFFFF", b"0xFFFFFC00", b"1e999",
    b"9" * 30, b"[]", b"{}", b"[[[]]]", b"{a: {b: c}}", b"''", b'"\\u0000"', b'"\\ud83d"', b"0 KiB",
    b"4096 MiB", b"1 B", b".nan", b"2026-01-01", b"12:30:45", b"!!set {a}", b"&a x", b"*a", b"- -",
    b"|", b">", b"<<", b"\xff", b"\xc3\xa9", b"a: b", b"!!python/name:os.system", b"x" * 5000,
    b'"\\U7FFFFFFF"', b'"\\xZZ"', b"%YAML 1.99999999999999999999", b"%TAG ! x", b"---", b"...",
    b"? a", b"[" * 40, b"- " * 40, b"0.5 KiB", b"1_0 KiB", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
    b"\xed\xa0\x80", b"\0",
]  # fmt: skip


def random_bytes(raw: bytes, random: Random) -> bytes:
    damaged = bytearray(raw)
    for _ in range(random.randint(1, 8)):
        damaged[random.randrange(len(damaged))] = random.randrange(256)
    return bytes(damaged)


def random_punctuation(raw: bytes, random: Random) -> bytes:
    damaged = bytearray(raw)
    for _ in range(random.randint(1, 4)):
        damaged[random.randrange(len(damaged))] = random.choice(b"[]{}:#&*!|>%@`'\"\t\n\r -,?~0")
    return bytes(damaged)


def cut_short(raw: bytes, random: Random) -> bytes:
    return raw[: random.randrange(len(raw))]


def _lines(change: Callable[[list[bytes], Random], None]) -> Damage:
    def damage(raw: bytes, random: Random) -> bytes:
        lines = raw.splitlines(keepends=True)
        for _ in range(random.randint(1, 3)):
            if lines:
                change(lines, random)
        return b"".join(lines)

    return damage


def _drop(lines: list[bytes], random: Random) -> None:
    del lines[random.randrange(len(lines))]


def _repeat(lines: list[bytes], random: Random) -> None:
    lines.insert(random.randrange(len(lines)), random.choice(lines))


def _indent(lines: list[bytes], random: Random) -> None:
    index = random.randrange(len(lines))
    lines[index] = random.choice([b" ", b"  ", b"    ", b"\t"]) + lines[index]


def _swap_values(lines: list[bytes], random: Random) -> None:
    one, two = random.randrange(len(lines)), random.randrange(len(lines))
    value = lines[two].partition(b":")[2] or lines[two]
    lines[one] = lines[one].partition(b":")[0] + b":" + value


def _with_colon(lines: list[bytes], random: Random) -> int:
    found = [index for index, line in enumerate(lines) if b":" in line]
    return random.choice(found or [0])


def _odd_value(lines: list[bytes], random: Random) -> None:
    index = _with_colon(lines, random)
    lines[index] = lines[index].partition(b":")[0] + b": " + random.choice(ODD_VALUES) + b"\n"


def _odd_key(lines: list[bytes], random: Random) -> None:
    index = _with_colon(lines, random)
    key, _, value = lines[index].partition(b":")
    start = key[: len(key) - len(key.lstrip(b" -"))]
    odd = random.choice([*ODD_VALUES[:8], b"size", b"name", b"ram"])
    lines[index] = start + odd + b":" + value


def _inserted(raw: bytes, random: Random) -> bytes:
    place = random.randrange(len(raw) + 1)
    return raw[:place] + random.choice(ODD_VALUES) + raw[place:]


odd_value = _lines(_odd_value)

DAMAGES: dict[str, Damage] = {
    "bytes": random_bytes,
    "punctuation": random_punctuation,
    "cut": cut_short,
    "line dropped": _lines(_drop),
    "line repeated": _lines(_repeat),
    "line indented": _lines(_indent),
    "values swapped": _lines(_swap_values),
    "odd value": odd_value,
    "odd key": _lines(_odd_key),
    "inserted": _inserted,
}


_LINE = re.compile(r"bad\.yaml(:[1-9][0-9]*:[1-9][0-9]*)?: \S.*")


def check_lines(lines: list[str], longest: int, about: object) -> None:
    """What is said of ``bad.yaml`` are lines for people, each with its place."""
    for line in lines:
        assert _LINE.fullmatch(line), (about, line)
        assert line.isprintable(), (about, line)
        assert len(line) < longest, (about, line)


def check_places(lines: list[str], content: bytes, about: object) -> None:
    """Every place is one of the file."""
    text = content.decode("utf-8", errors="replace").split("\n")
    for line in lines:
        row, column = map(int, line.split(":")[1:3])
        assert 1 <= row <= len(text), (about, line)
        assert 1 <= column <= len(text[row - 1]) + 1, (about, line)
