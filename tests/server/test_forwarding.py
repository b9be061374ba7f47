"""A server behind another proxy: what it believes of the headers that say how clients called."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import pytest

from mock_akool import MockAkool, Server, SettingsError, SystemClock, create_app
from mock_akool.server.forwarding import Forwarding
from mock_akool.server.settings import Settings
from tests.server.wires import INFO, Running, get

INGRESS: Final = {"host": "10.1.2.3:25665", "x-forwarded-proto": "https", "x-forwarded-host": "fake.test"}


@pytest.fixture
def opened() -> ExitStack:  # type: ignore[misc]
    with ExitStack() as opened:
        yield opened


def base_of_files(running: Running, headers: dict[str, str]) -> str:
    """Return what the URL of an image begins with for a client whose requests have these headers."""
    running.mock.next_job(queueing=0, processing=0)
    wire = running.connect()
    wire.send(get(INFO + running.create(), **headers))
    url: str = wire.answer().json()["data"]["image"]
    return url.rpartition("/")[0]


def running_with(opened: ExitStack, trusted: Sequence[str] | None = None, public_url: str | None = None) -> Running:
    mock = MockAkool(clock=SystemClock())
    forwarding = None if trusted is None else Forwarding(trusted)
    server = opened.enter_context(Server(mock.application, public_url=public_url, forwarding=forwarding))
    return Running(mock, server, opened)


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        (INGRESS, "https://fake.test"),
        ({**INGRESS, "x-forwarded-prefix": "/akool/"}, "https://fake.test/akool"),
        ({"host": "a.test", "x-forwarded-proto": "HTTPS"}, "https://a.test"),
        ({"host": "a.test", "x-forwarded-host": "b.test:8443, c.test"}, "http://b.test:8443"),
        ({"host": "a.test", "x-forwarded-prefix": "/v1/fake, /other"}, "http://a.test/v1/fake"),
        ({"host": "a.test", "x-forwarded-proto": "gopher", "x-forwarded-prefix": "//b.test"}, "http://a.test"),
        ({"host": "a.test", "x-forwarded-prefix": "/a b"}, "http://a.test"),
        ({"host": "a.test", "x-forwarded-for": "192.0.2.1"}, "http://a.test"),
        ({**INGRESS, "x-forwarded-host": "openapi.akool.com"}, "https://d2qf6ukcym4kn9.cloudfront.net"),
    ],
)
def test_files_are_where_the_client_called(headers: dict[str, str], base: str, opened: ExitStack) -> None:
    assert base_of_files(running_with(opened), headers) == base


@pytest.mark.parametrize(
    ("trusted", "believed"),
    [
        (None, True),
        (["127.0.0.1"], True),
        (["10.0.0.0/8", "127.0.0.0/8"], True),
        (["*"], True),
        ([], False),
        (["10.0.0.0/8", "::1"], False),
    ],
)
def test_a_proxy_is_believed_by_its_address(trusted: Sequence[str] | None, believed: bool, opened: ExitStack) -> None:
    base = base_of_files(running_with(opened, trusted), INGRESS)
    assert base == ("https://fake.test" if believed else "http://10.1.2.3:25665")


@pytest.mark.parametrize(
    ("peer", "believed"), [("", True), ("::ffff:10.0.0.9", True), ("fe80::1%eth0", False), ("nonsense", False)]
)
def test_other_kinds_of_peers(peer: str, believed: bool) -> None:
    from mock_akool.server.forwarding import Called

    called = Forwarding(["10.0.0.0/8"]).called(Called("http", "a.test"), {"x-forwarded-host": "b.test"}, peer)
    assert called == Called("http", "b.test" if believed else "a.test")


def test_a_host_that_is_none_is_the_server_s_address(opened: ExitStack) -> None:
    running = running_with(opened)
    assert base_of_files(running, {"x-forwarded-host": "a/b"}) == running.server.url


def test_a_public_url_wins(opened: ExitStack) -> None:
    headers = {**INGRESS, "x-forwarded-prefix": "/akool"}
    assert base_of_files(running_with(opened, public_url="https://cdn.test"), headers) == "https://cdn.test"


def test_one_proxy_s_word_is_not_kept_for_another(opened: ExitStack) -> None:
    """The bytes of a poll are known when they come again; those of who is believed, by whom they come."""
    running = running_with(opened)
    running.mock.next_job(queueing=0, processing=0)
    poll = get(INFO + running.create(), **INGRESS)
    wire = running.connect()
    for _ in range(3):
        wire.send(poll)
        assert wire.answer().json()["data"]["image"].startswith("https://fake.test/")
    running.server._forwarding = Forwarding([])
    wire.send(poll)
    assert wire.answer().json()["data"]["image"].startswith("http://10.1.2.3:25665/")


@pytest.mark.parametrize(("trusted", "base"), [(None, "https://fake.test/akool"), ("10.0.0.0/8", "http://a.test")])
def test_under_a_server_of_python(trusted: str | None, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_AKOOL_QUEUEING", "0")
    monkeypatch.setenv("MOCK_AKOOL_PROCESSING", "0")
    if trusted is not None:
        monkeypatch.setenv("MOCK_AKOOL_FORWARDED_ALLOW_IPS", trusted)
    client = create_app().test_client()
    headers = {"x-api-key": "k", **INGRESS, "host": "a.test", "x-forwarded-prefix": "/akool"}
    job = client.post("/api/open/v3/content/image/createbyprompt", json={"prompt": "a fox"}, headers=headers).get_json()
    shown = client.get(INFO + job["data"]["_id"], headers=headers).get_json()
    assert shown["data"]["image"].rpartition("/")[0] == base


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'10.0.0.1/8' is not an address, a network, or \*"):
        Settings.of(forwarded_allow_ips="10.0.0.1/8")
