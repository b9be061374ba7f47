"""Instants as dates of the calendar, in UTC and to the millisecond. No clock is read."""

from __future__ import annotations

from mock_akool.core.clock import NS_PER_MS, NS_PER_S, utc


def iso(instant_ns: int) -> str:
    """Return an instant in nanoseconds since the epoch in ISO 8601, with milliseconds and `Z`."""
    year, month, day, hour, minute, second, *_ = utc(instant_ns)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{_ms(instant_ns):03}Z"


def digits(instant_ns: int) -> str:
    """Return an instant in nanoseconds since the epoch as 17 digits: yyyymmddhhmmssSSS."""
    year, month, day, hour, minute, second, *_ = utc(instant_ns)
    return f"{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{_ms(instant_ns):03}"


def _ms(instant_ns: int) -> int:
    return instant_ns % NS_PER_S // NS_PER_MS
