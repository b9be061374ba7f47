"""The journal keeps the newest exchanges, within its bounds."""

from __future__ import annotations

import pytest

from mock_akool import Call, Endpoint, MockAkool, Reply
from mock_akool.core.journal import Journal

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
