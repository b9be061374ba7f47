"""Lengths of time as people write them: `500ms`, `3 polls`, `forever`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from mock_akool.core.clock import NS_PER_MS, NS_PER_S
from mock_akool.core.errors import SettingsError

_UNITS_NS: Final = {
    "ms": NS_PER_MS,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
    "d": 86_400 * NS_PER_S,
}


_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h|d|polls?)?\s*", re.IGNORECASE | re.ASCII)


_MAX_POLLS: Final = 10_000


_MAX_NS: Final = 100 * 365 * _UNITS_NS["d"]


_HINT: Final = "Write seconds (10, '10s', '500ms', '2m', '3h', '7d'), polls ('3 polls') or 'forever'"


def _spelled(ns: int) -> str:
    """Write a length of time in the largest unit that says it in a whole number."""
    for unit, size in reversed(_UNITS_NS.items()):
        if ns and ns % size == 0:
            return f"{ns // size}{unit}"
    return f"{ns // NS_PER_S}.{ns % NS_PER_S:09}".rstrip("0") + "s" if ns else "0s"


class Span(NamedTuple):
    """How long a stage lasts: `ns` nanoseconds, or `polls` polls that see it, or (both None) for ever."""

    ns: int | None = None
    polls: int | None = None

    @classmethod
    def of(cls, value: object) -> Span:
        """Read a span: a number of seconds, or text such as `10s`, `500ms`, `2m`, `3 polls`, `forever`.

        Raises SettingsError when it is none of these, is negative, lasts over 100 years, or counts over
        10,000 polls.
        """
        if isinstance(value, Span):
            return value
        if isinstance(value, bool):
            raise SettingsError(f"{value!r} is no length of time", _HINT)
        # A float's own spelling may have an exponent.
        text = f"{value:.9f}" if isinstance(value, float) else str(value)
        if text.strip().lower() in {"forever", "for ever"}:
            return FOREVER
        match = _SPAN.fullmatch(text) if len(text) <= 40 else None
        if match is None:
            raise SettingsError(f"{text[:60]!r} is no length of time", _HINT)
        number, unit = match[1], (match[2] or "s").lower()
        if unit.startswith("poll"):
            if not number.isdigit() or int(number) > _MAX_POLLS:
                raise SettingsError(f"{text!r} does not count polls from 0 to {_MAX_POLLS:,}", _HINT)
            return cls(polls=int(number))
        ns = _times(number, _UNITS_NS[unit])
        if ns > _MAX_NS:
            raise SettingsError(f"{text!r} is over 100 years", "Write 'forever' for a stage without end")
        return cls(ns=ns)

    def __str__(self) -> str:
        if self.polls is not None:
            return f"{self.polls} poll{'' if self.polls == 1 else 's'}"
        return "forever" if self.ns is None else _spelled(self.ns)


FOREVER: Final = Span()


def _times(number: str, unit_ns: int) -> int:
    """Return so many units, `number` being decimal digits with or without a point; a float is not exact enough."""
    whole, _, fraction = number.partition(".")
    places: int = 10 ** len(fraction)
    return int(whole or 0) * unit_ns + (int(fraction or 0) * unit_ns + places // 2) // places


class Duration(NamedTuple):
    """A length of time in nanoseconds, read from text as a span is."""

    ns: int

    @classmethod
    def of(cls, value: object) -> Duration:
        """Read a number of seconds, or text such as `100ms`, `10s`, `7d`; else raises SettingsError."""
        if isinstance(value, Duration):
            return value
        ns = Span.of(value).ns
        if ns is None:
            raise SettingsError(f"{value!r} is no length of time in seconds", _HINT)
        return cls(ns)

    def __str__(self) -> str:
        return str(Span(self.ns))
