"""Instants as dates of the calendar, in UTC and without a clock."""

from __future__ import annotations

from typing import Final, NamedTuple

from mock_akool.core.clock import NS_PER_MS, NS_PER_S

_MS_PER_DAY: Final = 86_400_000
_DAYS_OF_400_YEARS: Final = 146_097
_DAYS_BEFORE_1970: Final = 719_468
"""From 1 March of the year 0, where a year begins when it ends with its leap day, to 1 January 1970."""


class Date(NamedTuple):
    """An instant in UTC, to the millisecond."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    millisecond: int

    @classmethod
    def of(cls, instant_ns: int) -> Date:
        """Return the date of an instant in nanoseconds since the epoch."""
        day, ms = divmod(instant_ns // NS_PER_MS, _MS_PER_DAY)
        cycle, day = divmod(day + _DAYS_BEFORE_1970, _DAYS_OF_400_YEARS)
        # Years of 365 days, as if there were no leap days; those that went by are taken off.
        year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
        day -= 365 * year + year // 4 - year // 100
        # From March on, five months have 153 days each time.
        month = (5 * day + 2) // 153
        day -= (153 * month + 2) // 5
        month += 3 if month < 10 else -9
        hour, ms = divmod(ms, 3_600_000)
        minute, ms = divmod(ms, 60_000)
        second, ms = divmod(ms, NS_PER_S // NS_PER_MS)
        return cls(400 * cycle + year + (month <= 2), month, day + 1, hour, minute, second, ms)

    @property
    def iso(self) -> str:
        """The date in ISO 8601, with milliseconds and `Z`."""
        year, month, day, hour, minute, second, ms = self
        return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"

    @property
    def digits(self) -> str:
        """The date as 17 digits: yyyymmddhhmmssSSS."""
        year, month, day, hour, minute, second, ms = self
        return f"{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{ms:03}"
