"""Who may use the admin API."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mock_akool import MockAkool, MockAkoolError, Server
from mock_akool.admin.access import Access, exposure, is_loopback
from mock_akool.admin.routes import ROUTES
from mock_akool.server.settings import Settings


def ask(
    server: Server, headers: dict[str, str], path: str = "/_mock/state", method: str = "GET"
) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {n.lower(): v for n, v in answer.getheaders()}, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with MockAkool().server() as running:
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:25665",
        "localhost",
        "LOCALHOST:1",
        "akool.localhost",
        "[::1]:25665",
        "192.168.7.9",
        "10.0.0.1:80",
        "localhost.:1",
    ],
)
def test_names_that_cannot_be_made_to_point_here_by_others(host: str, server: Server) -> None:
    assert ask(server, {"host": host})[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:25665", "localhost.evil.test", "127.0.0.1.evil.test", "[evil", "a b", "localhost..", "."],
)
def test_a_name_that_points_here_by_trickery(host: str, server: Server) -> None:
    status, _, told = ask(server, {"host": host})
    assert (status, told["hint"]) == (
        403,
        "Call it by an IP address or localhost, or allow the name with --admin-hosts",
    )
    assert ask(server, {"host": host}, "/_mock/health")[0] == 200
    assert ask(server, {"host": host}, "/api/open/v3/faceswap/quota/info")[0] == 200


def test_names_that_are_allowed_and_the_one_it_listens_on() -> None:
    access = Access(None, ["Akool", "fake.test"])
    with ExitStack() as stack:
        mock = MockAkool()
        mock.application.access = access
        server = stack.enter_context(mock.server())
        assert ask(server, {"host": "akool:25665"})[0] == 200
        assert ask(server, {"host": "FAKE.test"})[0] == 200
        assert ask(server, {"host": "akool.:25665"})[0] == 200
        assert ask(server, {"host": "Akool."})[0] == 200
        assert ask(server, {"host": "akool.."})[0] == 403
        assert ask(server, {"host": "other"})[0] == 403
        access.allow("Other.")
        assert ask(server, {"host": "other"})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://[x"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site(headers: dict[str, str], server: Server) -> None:
    status, got, told = ask(server, headers, "/_mock/reset", "POST")
    assert (status, set(told)) == (403, {"error", "hint"})
    assert not [name for name in got if name.startswith("access-control")]


def test_a_page_of_its_own(server: Server) -> None:
    own = {"origin": f"http://127.0.0.1:{server.port}", "sec-fetch-site": "same-origin"}
    status, got, _ = ask(server, own)
    assert status == 200
    assert not [name for name in got if name.startswith("access-control")]


@pytest.fixture
def outside() -> Iterator[Server]:
    """A server that browsers know by the name of a proxy, which is on this machine and calls it by its address."""
    mock = MockAkool()
    mock.application.access = Access(None, ["tests.example.com"])
    with mock.server() as running:
        yield running


FORWARDED = {"x-forwarded-proto": "https", "x-forwarded-host": "tests.example.com:8443"}


@pytest.mark.parametrize("more", [{}, {"x-forwarded-prefix": "/akool"}])
def test_its_own_page_behind_a_proxy_that_calls_it_by_another_name(more: dict[str, str], outside: Server) -> None:
    own = {"origin": "https://tests.example.com:8443", "sec-fetch-site": "same-origin"}
    assert ask(outside, {**FORWARDED, **more, **own}, "/_mock/reset", "POST")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {**FORWARDED, "origin": "https://evil.test"},
        {**FORWARDED, "origin": "https://tests.example.com"},
        {**FORWARDED, "origin": "null"},
        {**FORWARDED, "origin": "https://tests.example.com:8443", "sec-fetch-site": "cross-site"},
        # A page whose own name was made to point here may send every header but Host.
        {**FORWARDED, "origin": "https://tests.example.com:8443", "host": "evil.test"},
        {"x-forwarded-host": "evil.test", "origin": "http://evil.test"},
        {"origin": "https://tests.example.com:8443"},
    ],
)
def test_other_pages_behind_a_proxy(headers: dict[str, str], outside: Server) -> None:
    assert ask(outside, headers, "/_mock/reset", "POST")[0] == 403


def test_the_token() -> None:
    mock = MockAkool()
    mock.application.access = Access("s3cret")
    with mock.server() as server:
        for method, path in ROUTES:
            if path not in ("/_mock/health", "/_mock/ready"):
                status, got, told = ask(server, {}, path, method)
                assert (status, got["www-authenticate"]) == (401, "Bearer"), path
                assert told["error"] == "the admin API wants its token"
        for value in ("s3cret", "Bearer", "Bearer s3cre", "Bearer s3crett", "Basic s3cret"):
            assert ask(server, {"authorization": value})[0] == 401
        assert ask(server, {"authorization": "bearer s3cret"})[0] == 200
        assert {ask(server, {}, path)[0] for path in ("/_mock/health", "/_mock/ready")} == {200}
        assert ask(server, {"x-api-key": "k"}, "/api/open/v3/faceswap/quota/info")[0] == 200
        with pytest.raises(MockAkoolError, match="is not the admin API's token"):
            _ = MockAkool.connect(server.url, "wrong").jobs
        assert MockAkool.connect(server.url, "s3cret").jobs == ()


def test_a_test_that_asks_its_own_fake_needs_no_token() -> None:
    mock = MockAkool()
    mock.application.access = Access("s3cret")
    from mock_akool import Request

    assert mock.answer(Request.build("GET", "/_mock/state", headers={"host": "evil.test"})).status == 200


def test_flask_is_as_safe() -> None:
    mock = MockAkool()
    mock.application.access = Access("s3cret")
    client = mock.app().test_client()
    assert client.get("/_mock/state").status_code == 401
    assert client.get("/_mock/state", headers={"authorization": "Bearer s3cret"}).status_code == 200
    assert client.get("/_mock/state", headers={"host": "evil.test"}).status_code == 403


def test_the_settings() -> None:
    access = Settings.of(admin_token="t0ken", admin_hosts="akool, fake.test").access
    assert access.admin_token == "t0ken"
    for bad in ({"admin_token": "two words"}, {"admin_hosts": "http://x"}, {"admin_hosts": "a b"}):
        with pytest.raises(MockAkoolError, match=r"is not a (text|host name)"):
            Settings.of(**bad)


@pytest.mark.parametrize(
    ("host", "is_safe"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("box", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, is_safe: bool) -> None:
    assert is_loopback(host) is is_safe
    assert (exposure([host], None) is None) is is_safe
    assert exposure([host], "s3cret") is None
