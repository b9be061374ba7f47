"""Instants as dates of the calendar, in UTC and to the millisecond. No clock is read."""

from __future__ import annotations

from typing import Final

from mock_akool.core.clock import NS_PER_MS, NS_PER_S, utc

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def iso(instant_ns: int) -> str:
    """Return an instant in nanoseconds since the epoch in ISO 8601, with milliseconds and `Z`."""
    year, month, day, hour, minute, second, *_ = utc(instant_ns)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{_ms(instant_ns):03}Z"


def digits(instant_ns: int) -> str:
    """Return an instant in nanoseconds since the epoch as 17 digits: yyyymmddhhmmssSSS."""
    year, month, day, hour, minute, second, *_ = utc(instant_ns)
    return f"{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{_ms(instant_ns):03}"


def http_date(second: int) -> str:
    """Return an instant in whole seconds since the epoch as HTTP writes it: `Tue, 15 Nov 1994 08:12:31 GMT`.

    As `email.utils` does; but each server needs it at its start, and nothing else of that module.
    """
    date = utc(second * NS_PER_S)
    day, month = _DAYS[date.tm_wday], _MONTHS[date.tm_mon - 1]
    clock = f"{date.tm_hour:02}:{date.tm_min:02}:{date.tm_sec:02}"
    return f"{day}, {date.tm_mday:02} {month} {date.tm_year:04} {clock} GMT"


def _ms(instant_ns: int) -> int:
    return instant_ns % NS_PER_S // NS_PER_MS
