"""The journal keeps the newest exchanges, within its bounds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool import Call, Endpoint, MockAkool, Reply
from mock_akool.core.journal import Journal, Line

MIB = 1 << 20
KEPT_BYTES = 32 * MIB
REPLY = Reply(200, (), b"{}")


def append(journal: Journal, number: int, body: bytes = b"") -> None:
    journal.append(number, Endpoint.UNKNOWN, Call.build("POST", f"/{number}", body=body), REPLY)


@pytest.mark.parametrize("count", [0, 1, 5, 6, 23])
def test_it_keeps_so_many_of_the_newest(count: int) -> None:
    journal = Journal(5)
    for number in range(1, count + 1):
        append(journal, number)
    assert journal.count == count
    kept = journal.entries()
    assert [exchange.number for exchange in kept] == list(range(max(1, count - 4), count + 1))
    assert [exchange.call.path for exchange in kept] == [f"/{exchange.number}" for exchange in kept]
    assert [exchange.time_ns for exchange in kept] == [exchange.number for exchange in kept]


def test_it_keeps_so_many_bytes_of_bodies() -> None:
    journal = Journal(1000)
    body = bytes(MIB)  # one object for all, so that the test itself stays small
    for number in range(1, 101):
        append(journal, number, body)
        assert sum(len(exchange.call.body) for exchange in journal.entries()) <= KEPT_BYTES
    assert [exchange.number for exchange in journal.entries()] == list(range(69, 101))


def test_small_exchanges_after_large_ones_are_kept() -> None:
    journal = Journal(1000)
    append(journal, 1, bytes(KEPT_BYTES))
    assert len(journal.entries()) == 1
    append(journal, 2, b"x")
    append(journal, 3)
    assert [exchange.number for exchange in journal.entries()] == [2, 3]


def test_a_body_over_the_bound_leaves_an_empty_journal_that_goes_on() -> None:
    journal = Journal(1000)
    append(journal, 1, bytes(KEPT_BYTES + 1))
    assert journal.entries() == ()
    append(journal, 2)
    assert [exchange.number for exchange in journal.entries()] == [2]


def test_a_fake_keeps_as_many_as_its_option_says() -> None:
    mock = MockAkool(journal_size=3)
    for number in range(10):
        mock.answer(Call.build("GET", f"/{number}"))
    assert [(exchange.number, exchange.call.path) for exchange in mock.calls] == [(8, "/7"), (9, "/8"), (10, "/9")]
    mock.reset()
    assert mock.calls == ()


NUMBERS = st.integers(0, 40)


def numbers_of(lines: Iterable[Line]) -> list[int]:
    return [line[0] for line in lines]


@settings(deadline=None)
@given(st.integers(0, 12), st.lists(st.one_of(st.none(), st.sets(NUMBERS)), max_size=40), NUMBERS)
def test_what_is_dropped_is_gone_and_the_others_keep_their_numbers(
    size: int, steps: list[set[int] | None], after: int
) -> None:
    """Each step appends an exchange, or drops those of some numbers."""
    journal, kept, count = Journal(size), list[int](), 0
    for step in steps:
        if step is None:
            count += 1
            append(journal, count)
            kept = [*kept, count][-size:] if size else []
        else:
            journal.drop(lambda line, dropped=step: line[0] in dropped)  # type: ignore[misc]
            kept = [number for number in kept if number not in step]
        assert numbers_of(journal.lines()) == kept
        assert numbers_of(journal.lines_after(after)) == [number for number in kept if number > after]
        assert journal.count == count
    assert [exchange.number for exchange in journal.entries()] == kept


def test_dropping_makes_room_for_bodies() -> None:
    journal = Journal(1000)
    body = bytes(8 * MIB)
    for number in range(1, 5):
        append(journal, number, body)
    journal.drop(lambda line: line[0] in (2, 3))
    for number in range(5, 7):
        append(journal, number, body)
    assert numbers_of(journal.lines()) == [1, 4, 5, 6]
    append(journal, 7, b"x")
    assert numbers_of(journal.lines()) == [4, 5, 6, 7]
