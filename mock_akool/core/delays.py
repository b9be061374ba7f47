"""How late something is: a duration, or a range from which each delay is drawn."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mock_akool.core.durations import DURATION_SCHEMA, Duration
from mock_akool.core.errors import SettingsError
from mock_akool.core.keyed_random import KeyedRandom, KeyPart
from mock_akool.core.schema import Plain, shown

_DOTS: Final = ".."
_USE: Final = "10, '500ms', or for a range '200ms..2s' or [200ms, 2s]"


class Delay(NamedTuple):
    """How late something is: from `low` to `high`, drawn for each."""

    low: Duration
    high: Duration

    @classmethod
    def of(cls, value: object) -> Delay:
        """Read a duration, a text such as `200ms..2s`, or the shortest and the longest; else raises SettingsError."""
        if isinstance(value, Delay):
            return value
        parts: list[Any] | tuple[Any, ...]
        if isinstance(value, str) and _DOTS in value:
            parts = value.split(_DOTS, 2)
        else:
            parts = value if isinstance(value, (list, tuple)) else (value, value)
        try:
            low, high = map(Duration.of, parts)
        except (SettingsError, ValueError):
            raise SettingsError(f"{shown(value)} is not a duration", f"use {_USE}") from None
        if low > high:
            raise SettingsError(f"{shown(value)} has the longer delay first", "write the shorter one first")
        return cls(low, high)

    @property
    def is_drawn(self) -> bool:
        """Whether it varies."""
        return self.low != self.high

    def drawn_ns(self, keyed_random: KeyedRandom, *key: KeyPart) -> int:
        """Return the delay of what has this key, in nanoseconds."""
        if self.low == self.high:
            return self.low.ns
        return self.low.ns + round((self.high.ns - self.low.ns) * keyed_random.fraction("delay", *key))

    def __str__(self) -> str:
        return f"{self.low}{_DOTS}{self.high}" if self.is_drawn else str(self.low)


DELAY: Final = Plain(
    "a duration",
    Delay.of,
    {"anyOf": [DURATION_SCHEMA, {"type": "array", "items": DURATION_SCHEMA, "minItems": 2, "maxItems": 2}]},
    lambda delay: [str(delay.low), str(delay.high)] if delay.is_drawn else str(delay.low),
    use=_USE,
)
"""A length of time that something comes late."""
