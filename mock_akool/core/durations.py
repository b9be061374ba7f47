"""Lengths of time as people write them: `500ms`, `3 polls`, `forever`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from mock_akool.core.clock import NS_PER_MS, NS_PER_S
from mock_akool.core.errors import SettingsError
from mock_akool.core.schema import Plain, Schema, nearest, shown

_UNITS_NS: Final = {
    "ms": NS_PER_MS,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
    "d": 86_400 * NS_PER_S,
}
_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h|d|polls?)?\s*", re.IGNORECASE | re.ASCII)
_MOST_CHARACTERS: Final = 40
_MAX_POLLS: Final = 10_000
_MAX_NS: Final = 100 * 365 * _UNITS_NS["d"]
_WRITTEN_OUT: Final = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*([a-z]+)\.?\s*", re.IGNORECASE | re.ASCII)
_UNITS_OF_WORDS: Final = {
    **dict.fromkeys(("ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("poll", "polls"), " polls"),
}
"""What people write for units: none of these longer words is read, but an error says what to write instead."""
_WITHOUT_END: Final = frozenset({"always", "endless", "eternal", "ever", "inf", "infinite", "infinity", "never"})
_USE_SPAN: Final = "10, '10s', '2m', '500ms', '3 polls' or 'forever'"
_USE_DURATION: Final = "10, '500ms', '2m', '3h' or '7d'"


def format_duration(ns: int) -> str:
    """Write nanoseconds in the largest unit in which they are a whole number, such as `500ms`."""
    for unit, size in reversed(_UNITS_NS.items()):
        if ns and ns % size == 0:
            return f"{ns // size}{unit}"
    return f"{ns // NS_PER_S}.{ns % NS_PER_S:09}".rstrip("0") + "s" if ns else "0s"


class Span(NamedTuple):
    """How long a stage lasts: `ns` nanoseconds, or `polls` polls that see it, or (both None) forever."""

    ns: int | None = None
    polls: int | None = None

    @classmethod
    def of(cls, value: object) -> Span:
        """Read a number of seconds, or a text such as `10s`, `500ms`, `2m`, `3 polls`, `forever`.

        Raises SettingsError when it is none of these, is negative, lasts over 100 years, or counts over
        10,000 polls.
        """
        return value if isinstance(value, Span) else _read(value, _USE_SPAN)

    def __str__(self) -> str:
        if self.polls is not None:
            return f"{self.polls} poll{'' if self.polls == 1 else 's'}"
        return "forever" if self.ns is None else format_duration(self.ns)


def _read(value: object, use: str) -> Span:
    refused = SettingsError(f"{shown(value)} is not a duration", _meant(value, use) or f"use {use}")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise refused
    if not isinstance(value, str):
        if value > _MAX_NS / NS_PER_S:
            raise _too_long(value)
        # How Python writes a float may have an exponent.
        value = f"{value:.9f}" if isinstance(value, float) else str(value)
    if value.replace(" ", "").lower() == "forever":
        return FOREVER
    match = _SPAN.fullmatch(value) if len(value) <= _MOST_CHARACTERS else None
    if match is None:
        raise refused
    number, unit = match[1], (match[2] or "s").lower()
    if unit.startswith("poll"):
        if not number.isdigit() or int(number) > _MAX_POLLS:
            raise SettingsError(f"{shown(value)} is not a number of polls from 0 to {_MAX_POLLS:,}", f"use {use}")
        return Span(polls=int(number))
    ns = _times(number, _UNITS_NS[unit])
    if ns > _MAX_NS:
        raise _too_long(value)
    return Span(ns=ns)


def _meant(value: object, use: str) -> str:
    """Return the hint that names what somebody means who writes the unit in another way; empty when nobody can say."""
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS:
        return ""
    meant = ""
    match = _WRITTEN_OUT.fullmatch(value)
    if match is not None:
        unit = _UNITS_OF_WORDS.get(match[2].lower()) or _UNITS_OF_WORDS.get(nearest(match[2], _UNITS_OF_WORDS) or "")
        number = match[1].replace(",", ".")
        meant = f"{number}{unit}" if unit and (number.isdigit() or not unit.endswith("polls")) else ""
    elif value.strip().lower() in _WITHOUT_END or nearest(value, ["forever"]):
        meant = "forever"
    is_a_time = meant != "forever" and not meant.endswith("polls")
    return f"did you mean {meant!r}?" if meant and (is_a_time or use == _USE_SPAN) else ""


def _too_long(value: object) -> SettingsError:
    return SettingsError(f"{shown(value)} is over 100 years", "use 'forever' for a stage without end")


def _times(number: str, unit_ns: int) -> int:
    """Return so many units, `number` being decimal digits with or without a point; a float is not exact enough."""
    whole, _, fraction = number.partition(".")
    places: int = 10 ** len(fraction)
    return int(whole or 0) * unit_ns + (int(fraction or 0) * unit_ns + places // 2) // places


FOREVER: Final = Span()


class Duration(NamedTuple):
    """A length of time in nanoseconds."""

    ns: int

    @classmethod
    def of(cls, value: object) -> Duration:
        """Read a number of seconds, or a text such as `100ms`, `10s`, `7d`; else raises SettingsError."""
        if isinstance(value, Duration):
            return value
        ns = _read(value, _USE_DURATION).ns
        if ns is None:
            raise SettingsError(f"{shown(value)} is not a duration in seconds", f"use {_USE_DURATION}")
        return cls(ns)

    def __str__(self) -> str:
        return format_duration(self.ns)


SPAN_SCHEMA: Final[Schema] = {"type": ["string", "number"], "examples": ["2s", "500ms", "3 polls", "forever", 10]}
SPAN: Final = Plain("a duration", Span.of, SPAN_SCHEMA, str, use=_USE_SPAN)
"""How long a stage lasts."""
DURATION_SCHEMA: Final[Schema] = {"type": ["string", "number"], "examples": ["500ms", "10s", "2m", 3]}
DURATION: Final = Plain("a duration", Duration.of, DURATION_SCHEMA, str, use=_USE_DURATION)
"""A length of time that passes by itself."""
