"""Dates without a clock, against those of the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from mock_akool.core.dates import digits, http_date, iso

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


@given(st.integers((FIRST - EPOCH) // timedelta(milliseconds=1), (LAST - EPOCH) // timedelta(milliseconds=1)))
def test_it_is_the_date_of_the_standard_library(ms: int) -> None:
    expected = (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    instant_ns = ms * 1_000_000 + 999_999
    assert iso(instant_ns) == expected
    assert digits(instant_ns) == "".join(filter(str.isdigit, expected))


@given(st.integers((FIRST - EPOCH) // timedelta(seconds=1), (LAST - EPOCH) // timedelta(seconds=1)))
def test_the_date_of_http_is_that_of_the_standard_library(second: int) -> None:
    assert http_date(second) == format_datetime(EPOCH + timedelta(seconds=second), usegmt=True)


def test_how_it_is_written() -> None:
    leap_day_ns = 1_709_210_096_007_000_000
    assert iso(leap_day_ns) == "2024-02-29T12:34:56.007Z"
    assert digits(leap_day_ns) == "20240229123456007"
    assert http_date(leap_day_ns // 1_000_000_000) == "Thu, 29 Feb 2024 12:34:56 GMT"
