"""How late responses are, and what a browser may send: settings that a server's clients meet."""

from __future__ import annotations

import time

import pytest

from mock_akool import MockAkool, Request
from tests.server.conftest import Start
from tests.server.wires import CREATE, INFO, QUOTA, get

MS = 1_000_000


def delays_ms(mock: MockAkool, count: int = 50) -> list[float]:
    request = Request.build("GET", QUOTA, headers={"x-api-key": "key"})
    return [mock.answer(request).delay_ns / MS for _ in range(count)]


def test_a_range_is_drawn_for_each_response() -> None:
    found = delays_ms(MockAkool(latency="200ms..2s"))
    assert len(set(found)) > 40
    assert all(200 <= each <= 2000 for each in found)
    assert max(found) - min(found) > 1000


def test_the_same_seed_draws_the_same() -> None:
    assert delays_ms(MockAkool(latency="0..1s", seed=3)) == delays_ms(MockAkool(latency="0..1s", seed=3))
    assert delays_ms(MockAkool(latency="0..1s", seed=3)) != delays_ms(MockAkool(latency="0..1s", seed=4))


def test_equal_polls_and_refusals_are_drawn_as_well() -> None:
    mock = MockAkool(latency="0..1s")
    headers = {"x-api-key": "key", "content-type": "application/json"}
    created = mock.answer(Request.build("POST", CREATE, headers=headers, body=b'{"prompt":"a fox"}'))
    path, _, query = f"{INFO}{created.job_id}".partition("?")
    poll = Request.build("GET", path, query, headers)
    assert len({mock.answer(poll).delay_ns for _ in range(20)}) > 15
    refused = Request.build("POST", CREATE, headers=headers, body=b"{}")
    assert len({mock.answer(refused).delay_ns for _ in range(20)}) > 15


def test_a_single_latency_is_that_of_every_response() -> None:
    assert set(delays_ms(MockAkool(latency="200ms"))) == {200}


def test_a_server_waits_so_long(start: Start) -> None:
    wire = start(latency="100ms..150ms").connect()
    for _ in range(3):
        began_s = time.perf_counter()
        wire.send(get(QUOTA))
        assert wire.answer().status == 200
        assert time.perf_counter() - began_s >= 0.1


USUAL = "authorization, content-type, x-api-key"


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("traceparent,x-request-id", "traceparent,x-request-id"),
        ("Authorization, Content-Type, X-Trace", "Authorization, Content-Type, X-Trace"),
        ("", USUAL),
        ("a\rb", USUAL),
        ("a:b", USUAL),
        ("<script>", USUAL),
        ("x" * 2001, USUAL),
    ],
)
def test_a_preflight_allows_what_is_asked_for_when_it_is_set_so(asked: str, allowed: str) -> None:
    request = Request.build("OPTIONS", CREATE, headers={"access-control-request-headers": asked})
    for mock, expected in ((MockAkool(cors_allow_any_header=True), allowed), (MockAkool(), USUAL)):
        headers = dict(mock.answer(request).headers)
        assert headers["access-control-allow-headers"] == expected
