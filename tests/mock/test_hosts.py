"""Only our hosts are answered, beside whatever else is mocked, and leaving takes everything back."""

from __future__ import annotations

import asyncio
import http.client
import inspect
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
import httpcore
import httpx
import pytest
import requests
import responses
import respx
from aioresponses import aioresponses
from pytest_httpx import HTTPXMock

from mock_akool import MockAkool, MockAkoolError
from mock_akool.akool.codes import API_URL
from tests.mock.clients import CDN_URL, HEADERS, QUOTA, Library, Requests, other_server

OTHER: Final = "https://elsewhere.example/thing"
UNREACHABLE: Final = "https://elsewhere.invalid/thing"
ABSENT: Final = object()
"""What stands for an attribute that a class does not have itself."""
"""A host that does not exist, so that a test that lets a request pass reaches nobody."""


@contextmanager
def by_responses() -> Iterator[None]:
    with responses.RequestsMock() as mock:
        mock.get(OTHER, body=b"mocked")
        yield


@contextmanager
def by_respx() -> Iterator[None]:
    with respx.mock() as mock:
        mock.get(OTHER).respond(content=b"mocked")
        yield


@contextmanager
def by_aioresponses() -> Iterator[None]:
    with aioresponses() as mock:
        mock.get(OTHER, body=b"mocked", response_class=_Response)
        yield


class _Response(aiohttp.ClientResponse):
    """What aioresponses 0.7.9 can make with releases of aiohttp that came after it, which want one argument more."""

    def __init__(self, *args: Any, **options: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse).parameters:
            options.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **options)


Mocking = Callable[[], AbstractContextManager[None]]
MOCKS: Final[dict[str, list[Mocking]]] = {
    "requests": [by_responses],
    "httpx": [by_respx],
    "httpx-async": [by_respx],
    "aiohttp": [by_aioresponses],
}


def fetch(library: Library, url: str) -> bytes:
    return library.fetch("GET", url, headers=HEADERS).body


class TestOtherHosts:
    def test_go_their_usual_way(self, library: Library) -> None:
        with other_server(lambda path: (200, {}, path.encode())) as url, MockAkool() as mock:
            assert fetch(library, f"{url}/there") == b"/there"
            assert mock.calls.count == 0

    def test_are_refused_when_wanted(self, library: Library) -> None:
        with MockAkool(other_hosts="refuse"), pytest.raises(library.connection_errors) as raised:
            fetch(library, UNREACHABLE)
        assert f"refused a request to {UNREACHABLE}" in str(raised.value)
        assert 'other_hosts="refuse"' in str(raised.value)

    def test_are_not_refused_without_it(self, library: Library) -> None:
        with MockAkool(), pytest.raises(library.connection_errors) as raised:
            fetch(library, UNREACHABLE)
        assert "refuse" not in str(raised.value)

    def test_this_machine_is_never_refused(self, library: Library) -> None:
        with other_server(lambda path: (200, {}, path.encode())) as url, MockAkool(other_hosts="refuse"):
            assert fetch(library, f"{url}/there") == b"/there"
            assert fetch(library, f"{url.replace('127.0.0.1', 'localhost')}/there") == b"/there"

    def test_a_redirect_to_a_refused_host_is_refused(self, library: Library) -> None:
        with (
            other_server(lambda _: (302, {"location": UNREACHABLE}, b"")) as url,
            MockAkool(other_hosts="refuse"),
            pytest.raises(library.connection_errors, match="elsewhere"),
        ):
            fetch(library, url)

    def test_a_requests_adapter_that_sends_by_itself_is_refused_too(self) -> None:
        class Own(requests.adapters.HTTPAdapter):
            def send(self, *args: Any, **options: Any) -> requests.Response:
                return super().send(*args, **options)

        with MockAkool(other_hosts="refuse"), requests.Session() as session:
            session.mount("https://", Own())
            with pytest.raises(requests.ConnectionError, match="refused a request"):
                session.get(UNREACHABLE, timeout=5)


@pytest.mark.lengthy  # where no name server answers, the first unknown name takes five seconds
class TestWhatFailedElsewhere:
    """It is in the report: perhaps the client was to ask the fake."""

    HOST: Final = "openapi.akool.invalid"

    def failing(self, library: Library, *urls: str, **options: Any) -> MockAkool:
        with MockAkool(hosts=self.HOST, **options) as mock:
            for url in urls:
                with pytest.raises(library.connection_errors):
                    fetch(library, url)
        return mock

    def test_a_misspelt_host_gets_the_nearest(self, library: Library) -> None:
        mock = self.failing(library, "https://openapi.akol.invalid/api/open?token=hidden")
        assert mock.report().splitlines() == [
            "no request reached the fake",
            "1 request went elsewhere: GET openapi.akol.invalid; did you mean openapi.akool.invalid?",
        ]
        mock.reset()
        assert "elsewhere" not in mock.report()

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_a_port_on_which_nothing_listens(self, library: Library, host: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        mock = self.failing(library, f"http://{host}:{port}{QUOTA}")
        assert (
            f"1 request went elsewhere: GET {host}:{port}; nothing listens there, and the fake answers "
            "https://openapi.akool.invalid"
        ) in mock.report()

    def test_another_host_is_only_named(self, library: Library) -> None:
        report = self.failing(library, UNREACHABLE, UNREACHABLE).report()
        assert report.endswith("\n2 requests went elsewhere: GET elsewhere.invalid")

    def test_only_a_few_are_kept_and_all_are_counted(self, library: Library) -> None:
        report = self.failing(library, *(f"https://{number}.invalid/" for number in range(5))).report()
        lines = ["5 requests went elsewhere, such as:", *(f"    GET {number}.invalid" for number in range(3))]
        assert report.splitlines()[-4:] == lines

    def test_it_stands_beside_the_calls_that_were_answered(self, library: Library) -> None:
        with MockAkool(hosts=self.HOST) as mock:
            fetch(library, f"https://{self.HOST}{QUOTA}")
            with pytest.raises(library.connection_errors):
                fetch(library, UNREACHABLE)
        assert "the only call:" in mock.report()
        assert "1 request went elsewhere: GET elsewhere.invalid" in mock.report()

    def test_what_is_answered_is_not_named(self, library: Library) -> None:
        with other_server(lambda path: (500, {}, b"")) as url, MockAkool() as mock:
            fetch(library, url)
        assert mock.report() == "no request reached the fake"

    def test_a_refusal_names_the_nearest_host(self, library: Library) -> None:
        url = "https://openapi.akol.invalid/"
        with (
            MockAkool(hosts=f"{self.HOST}:8080", other_hosts="refuse"),
            pytest.raises(library.connection_errors, match=rf"is set\. Did you mean {self.HOST}\? If not, allow it"),
        ):
            fetch(library, url)

    def test_a_refused_connection_names_it_too(self) -> None:
        with (
            MockAkool(hosts=self.HOST, other_hosts="refuse"),
            pytest.raises(OSError, match=rf"is set\. Did you mean {self.HOST}\? If not, allow it"),
        ):
            socket.create_connection(("openapi.akol.invalid", 443))

    def test_another_port_of_the_same_host_is_no_misspelt_one(self) -> None:
        with (
            MockAkool(hosts=f"{self.HOST}:8080", other_hosts="refuse"),
            pytest.raises(requests.ConnectionError, match="is set\\. Allow it with"),
        ):
            requests.get(f"https://{self.HOST}/", timeout=5)


class TestOurHosts:
    @pytest.mark.parametrize("url", [API_URL, CDN_URL, API_URL.upper().replace("HTTPS", "https"), f"{API_URL}:443"])
    def test_are_answered(self, library: Library, url: str) -> None:
        with MockAkool() as mock:
            library.fetch("GET", url + QUOTA, headers=HEADERS)
            assert mock.calls.count == 1

    def test_of_the_users_own(self, library: Library) -> None:
        with MockAkool(base_url="http://akool.test:81/") as mock:
            assert library.fetch("GET", f"http://akool.test:81{QUOTA}", headers=HEADERS).status == 200
            assert library.fetch("GET", API_URL + QUOTA, headers=HEADERS).status == 200
            assert mock.calls.count == 2

    def test_instead_of_akools(self, library: Library) -> None:
        with MockAkool(hosts="akool.test, files.test", other_hosts="refuse") as mock:
            for host in ("akool.test", "files.test"):
                assert library.fetch("GET", f"https://{host}{QUOTA}", headers=HEADERS).status == 200
            with pytest.raises(library.connection_errors):
                fetch(library, API_URL + QUOTA)
            assert mock.calls.count == 2

    def test_a_port_of_a_loopback_server(self, library: Library) -> None:
        """A client that is set up for a local server can be answered in process, and only on that port."""
        with (
            other_server(lambda path: (200, {}, path.encode())) as url,
            MockAkool(base_url="http://127.0.0.1:9") as mock,
        ):
            assert fetch(library, f"{url}/there") == b"/there"
            assert library.fetch("GET", f"http://127.0.0.1:9{QUOTA}", headers=HEADERS).status == 200
            assert mock.calls.count == 1

    def test_clients_made_before_during_and_after(self) -> None:
        async def use() -> None:
            async with aiohttp.ClientSession() as early, httpx.AsyncClient(verify=False) as early_too:
                with MockAkool() as mock:
                    await early.get(API_URL + QUOTA)
                    await early_too.get(API_URL + QUOTA)
                    assert mock.calls.count == 2
                with MockAkool() as second:
                    await early.get(API_URL + QUOTA)
                    await early_too.get(API_URL + QUOTA)
                    assert (mock.calls.count, second.calls.count) == (2, 2)
                with MockAkool(hosts="nobody.test", other_hosts="refuse"):
                    with pytest.raises(aiohttp.ClientConnectionError, match="refused"):
                        await early.get(API_URL + QUOTA)
                    with pytest.raises(httpx.ConnectError, match="refused"):
                        await early_too.get(API_URL + QUOTA)

        with requests.Session() as session, httpx.Client(verify=False) as client:
            with MockAkool() as mock:
                session.get(API_URL + QUOTA, timeout=5)
                client.get(API_URL + QUOTA)
                assert mock.calls.count == 2
            with MockAkool(hosts="nobody.test", other_hosts="refuse"):
                with pytest.raises(requests.ConnectionError, match="refused"):
                    session.get(API_URL + QUOTA, timeout=5)
                with pytest.raises(httpx.ConnectError, match="refused"):
                    client.get(API_URL + QUOTA)
        asyncio.run(use())

    def test_an_aiohttp_session_with_a_base_url(self) -> None:
        async def use() -> None:
            async with aiohttp.ClientSession(API_URL) as session, session.get(QUOTA, headers=HEADERS) as response:
                assert (await response.json())["code"] == 1000
                assert str(response.url) == API_URL + QUOTA

        with MockAkool():
            asyncio.run(use())

    def test_the_fake_that_was_started_last_answers(self, library: Library) -> None:
        with MockAkool(credits=1) as outer, MockAkool(credits=2) as inner:
            assert b'"credit":2' in fetch(library, API_URL + QUOTA)
            inner.stop()
            assert b'"credit":1' in fetch(library, API_URL + QUOTA)
            assert (outer.calls.count, inner.calls.count) == (1, 1)


@pytest.fixture(
    params=[(name, mocking) for name, mockings in MOCKS.items() for mocking in mockings],
    ids=lambda param: f"{param[0]}-{param[1].__name__}",
)
def library_and_mocking(request: pytest.FixtureRequest) -> tuple[Library, Mocking]:
    from tests.mock.clients import LIBRARIES

    name, mocking = request.param
    return next(each for each in LIBRARIES if each.name == name), mocking


@pytest.mark.parametrize("other_hosts", ["pass", "refuse"])
class TestBesideOtherMocks:
    def test_theirs_inside(self, library_and_mocking: tuple[Library, Mocking], other_hosts: str) -> None:
        library, mocking = library_and_mocking
        with MockAkool(other_hosts=other_hosts) as mock, mocking():
            assert fetch(library, OTHER) == b"mocked"
            assert b"credit" in fetch(library, API_URL + QUOTA)
            assert mock.calls.count == 1

    def test_theirs_outside(self, library_and_mocking: tuple[Library, Mocking], other_hosts: str) -> None:
        library, mocking = library_and_mocking
        with mocking(), MockAkool(other_hosts=other_hosts) as mock:
            assert b"credit" in fetch(library, API_URL + QUOTA)
            assert fetch(library, OTHER) == b"mocked"
            assert mock.calls.count == 1

    @pytest.mark.parametrize("ours_first", [True, False])
    def test_overlapping(
        self, library_and_mocking: tuple[Library, Mocking], other_hosts: str, ours_first: bool
    ) -> None:
        """Started one after the other, and stopped in the same order."""
        library, mocking = library_and_mocking
        before = patched_attributes()
        first, second = ExitStack(), ExitStack()
        theirs = second if ours_first else first
        with second, first:
            for each in (first, second):
                each.enter_context(mocking() if each is theirs else MockAkool(other_hosts=other_hosts))
            assert fetch(library, OTHER) == b"mocked"
            assert b"credit" in fetch(library, API_URL + QUOTA)
        with MockAkool() as again:
            assert b"credit" in fetch(library, API_URL + QUOTA)
            assert again.calls.count == 1
        # What the other mock has put back after us may be ours, which then passes everything on.
        with pytest.raises(library.connection_errors):
            fetch(library, UNREACHABLE)
        restore(before)

    @pytest.mark.httpx_mock(assert_all_requests_were_expected=False, can_send_already_matched_responses=True)
    def test_pytest_httpx(self, httpx_mock: HTTPXMock, other_hosts: str) -> None:
        from tests.mock.clients import Httpx, HttpxAsync

        httpx_mock.add_response(url=OTHER, content=b"mocked")
        with MockAkool(other_hosts=other_hosts) as mock:
            for library in (Httpx(), HttpxAsync()):
                assert fetch(library, OTHER) == b"mocked"
                assert b"credit" in fetch(library, API_URL + QUOTA)
            assert mock.calls.count == 2

    @pytest.mark.httpx_mock(assert_all_requests_were_expected=False, can_send_already_matched_responses=True)
    def test_pytest_httpx_inside(self, akool_first: MockAkool, httpx_mock: HTTPXMock, other_hosts: str) -> None:
        from tests.mock.clients import Httpx, HttpxAsync

        httpx_mock.add_response(url=OTHER, content=b"mocked")
        for library in (Httpx(), HttpxAsync()):
            assert fetch(library, OTHER) == b"mocked"
            assert b"credit" in fetch(library, API_URL + QUOTA)
        assert akool_first.calls.count == 2


@pytest.fixture
def akool_first(other_hosts: str) -> Iterator[MockAkool]:
    with MockAkool(other_hosts=other_hosts) as mock:
        yield mock


def patched_attributes() -> dict[tuple[Any, str], Any]:
    """Return every attribute that a fake may replace."""
    import sys
    import time

    places: list[tuple[Any, str]] = [
        (requests.Session, "get_adapter"),
        (requests.adapters.HTTPAdapter, "send"),
        *((client, "_transport_for_url") for client in (httpx.Client, httpx.AsyncClient)),
        (httpx.HTTPTransport, "handle_request"),
        (httpx.AsyncHTTPTransport, "handle_async_request"),
        *(
            (aiohttp.ClientSession, name)
            for name in ("_request", "request", "get", "options", "head", "post", "put", "patch", "delete")
        ),
        (aiohttp.TCPConnector, "_create_connection"),
        (aiohttp.TCPConnector, "_create_direct_connection"),
        (aiohttp.ClientRequest, "connection_key"),
        *((time, name) for name in ("sleep", "time", "monotonic")),
        (asyncio, "sleep"),
        *((socket.socket, name) for name in ("connect", "connect_ex", "sendto")),
        *((ssl.SSLContext, name) for name in ("wrap_socket", "wrap_bio")),
        (http.client.HTTPConnection, "putrequest"),
        (asyncio.BaseEventLoop, "getaddrinfo"),
        (httpcore.ConnectionPool, "handle_request"),
        (httpcore.AsyncConnectionPool, "handle_async_request"),
        (sys, "meta_path"),
    ]
    return {
        (owner, name): list(sys.meta_path) if owner is sys else vars(owner).get(name, ABSENT) for owner, name in places
    }


def restore(attributes: dict[tuple[Any, str], Any]) -> None:
    for (owner, name), value in attributes.items():
        if name == "meta_path" or vars(owner).get(name, ABSENT) is value:
            continue
        if value is ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, value)


class TestLeaving:
    def test_takes_everything_back(self) -> None:
        before = patched_attributes()
        with MockAkool():
            during = patched_attributes()
        assert patched_attributes() == before
        assert [name for (owner, name), value in before.items() if during[owner, name] is value] == []

    def test_also_after_an_exception(self) -> None:
        before = patched_attributes()
        with pytest.raises(ZeroDivisionError), MockAkool():
            1 / 0  # noqa: B018 - it raises
        assert patched_attributes() == before

    def test_of_two_that_overlap(self, library: Library) -> None:
        before = patched_attributes()
        first, second = MockAkool(credits=1), MockAkool(credits=2)
        first.start()
        second.start()
        first.stop()
        assert b'"credit":2' in fetch(library, API_URL + QUOTA)
        second.stop()
        assert patched_attributes() == before

    def test_twice_does_nothing_and_starting_twice_is_a_mistake(self) -> None:
        mock = MockAkool()
        with mock, pytest.raises(MockAkoolError, match="active already"):
            mock.start()
        mock.stop()
        assert mock.start() is mock
        mock.stop()

    def test_leaves_no_thread(self, library: Library) -> None:
        before = set(threading.enumerate())
        for _ in range(5):
            with MockAkool():
                fetch(library, API_URL + QUOTA)
        assert set(threading.enumerate()) - before == set()

    def test_a_start_that_fails_changes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(httpx.Client, "_transport_for_url")
        before = patched_attributes()
        with pytest.raises(MockAkoolError, match="does not know httpx"):
            MockAkool().start()
        assert patched_attributes() == before


class TestThreadsAndLoops:
    def test_many_threads_with_clients_of_their_own(self, library: Library) -> None:
        failures: list[BaseException] = []

        def work() -> None:
            try:
                for _ in range(5):
                    assert b'"code":1000' in fetch(library, API_URL + QUOTA)
            except BaseException as error:
                failures.append(error)

        with MockAkool() as mock:
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert failures == []
            assert mock.calls.count == 40

    def test_two_fakes_of_different_hosts_never_meet(self, library: Library) -> None:
        with ExitStack() as fakes:
            mocks = [fakes.enter_context(MockAkool(hosts=f"akool-{n}.test", credits=n)) for n in range(3)]
            for number in (2, 0, 1):
                assert f'"credit":{number}'.encode() in fetch(library, f"https://akool-{number}.test{QUOTA}")
            assert [mock.calls.count for mock in mocks] == [1, 1, 1]

    def test_bytes_as_header_values(self) -> None:
        with MockAkool() as mock:
            got = requests.get(API_URL + QUOTA, headers={"x-api-key": b"my-key"}, timeout=5)
            assert got.json()["code"] == 1000
            assert mock.calls.by_account("my-key").count == 1
            assert Requests().name == mock.calls.last.transport
