"""The journal keeps the newest exchanges, within its bounds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool import MockAkool, Request, Response
from mock_akool.core.call_log import Call, CallLog

MIB = 1 << 20
KEPT_BYTES = 32 * MIB
REPLY = Response(200, (), b"{}")


def append(call_log: CallLog, number: int, body: bytes = b"") -> None:
    call_log.append(number, "unknown", Request.build("POST", f"/{number}", body=body), REPLY)


@pytest.mark.parametrize("count", [0, 1, 5, 6, 23])
def test_it_keeps_so_many_of_the_newest(count: int) -> None:
    call_log = CallLog(5)
    for number in range(1, count + 1):
        append(call_log, number)
    assert call_log.count == count
    kept = call_log.calls()
    assert [call.number for call in kept] == list(range(max(1, count - 4), count + 1))
    assert [call.request.path for call in kept] == [f"/{call.number}" for call in kept]
    assert [call.time_ns for call in kept] == [call.number for call in kept]


def test_it_keeps_so_many_bytes_of_bodies() -> None:
    call_log = CallLog(1000)
    body = bytes(MIB)  # one object for all, so that the test itself stays small
    for number in range(1, 101):
        append(call_log, number, body)
        assert sum(len(call.request.body) for call in call_log.calls()) <= KEPT_BYTES
    assert [call.number for call in call_log.calls()] == list(range(69, 101))


def test_small_exchanges_after_large_ones_are_kept() -> None:
    call_log = CallLog(1000)
    append(call_log, 1, bytes(KEPT_BYTES))
    assert len(call_log.calls()) == 1
    append(call_log, 2, b"x")
    append(call_log, 3)
    assert [call.number for call in call_log.calls()] == [2, 3]


def test_a_body_over_the_bound_leaves_an_empty_journal_that_goes_on() -> None:
    call_log = CallLog(1000)
    append(call_log, 1, bytes(KEPT_BYTES + 1))
    assert call_log.calls() == ()
    append(call_log, 2)
    assert [call.number for call in call_log.calls()] == [2]


def test_a_fake_keeps_as_many_as_its_option_says() -> None:
    mock = MockAkool(journal_size=3)
    for number in range(10):
        mock.answer(Request.build("GET", f"/{number}"))
    assert [(call.number, call.request.path) for call in mock.calls] == [(8, "/7"), (9, "/8"), (10, "/9")]
    mock.reset()
    assert mock.calls == ()


NUMBERS = st.integers(0, 40)


def numbers_of(calls: Iterable[Call]) -> list[int]:
    return [call.number for call in calls]


@settings(deadline=None)
@given(st.integers(0, 12), st.lists(st.one_of(st.none(), st.sets(NUMBERS)), max_size=40), NUMBERS)
def test_what_is_dropped_is_gone_and_the_others_keep_their_numbers(
    size: int, steps: list[set[int] | None], after: int
) -> None:
    """Each step appends an exchange, or drops those of some numbers."""
    call_log, kept, count = CallLog(size), list[int](), 0
    for step in steps:
        if step is None:
            count += 1
            append(call_log, count)
            kept = [*kept, count][-size:] if size else []
        else:
            call_log.drop(lambda call, dropped=step: call.number in dropped)  # type: ignore[misc]
            kept = [number for number in kept if number not in step]
        assert numbers_of(call_log.calls()) == kept
        assert numbers_of(call_log.calls_after(after)) == [number for number in kept if number > after]
        assert call_log.count == count
    assert [call.number for call in call_log.calls()] == kept


def test_dropping_makes_room_for_bodies() -> None:
    call_log = CallLog(1000)
    body = bytes(8 * MIB)
    for number in range(1, 5):
        append(call_log, number, body)
    call_log.drop(lambda call: call.number in (2, 3))
    for number in range(5, 7):
        append(call_log, number, body)
    assert numbers_of(call_log.calls()) == [1, 4, 5, 6]
    append(call_log, 7, b"x")
    assert numbers_of(call_log.calls()) == [4, 5, 6, 7]
