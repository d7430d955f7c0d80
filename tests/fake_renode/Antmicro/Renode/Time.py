"""Renode's virtual time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TimeInterval:
    """Some of it."""

    microseconds: int

    @staticmethod
    def FromMicroseconds(value: int) -> TimeInterval:
        assert type(value) is int
        assert value > 0
        return TimeInterval(value)
