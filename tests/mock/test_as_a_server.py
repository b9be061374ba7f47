"""What a client gets in process is what a server would send: heads, streams, cookies, redirects, delays."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry, Timeout

from mock_akool import MockAkool, SystemClock
from mock_akool.akool.codes import API_URL
from mock_akool.core.http import Request, Response
from tests.mock.clients import CDN_URL, CREATE, HEADERS, INFO, QUOTA, Library, Requests, other_server


@pytest.fixture
def mock() -> Iterator[MockAkool]:
    with MockAkool() as mock:
        yield mock


@pytest.fixture
def slow() -> Iterator[MockAkool]:
    with MockAkool(latency="10s") as mock:
        yield mock


def image_url(mock: MockAkool) -> str:
    """Make a completed job, and return the URL of its image."""
    mock.next_job(queueing=0, processing=0)
    library = Requests()
    got = library.fetch("GET", f"{API_URL}{INFO}?image_model_id={library.job()}", headers=HEADERS)
    url: str = json.loads(got.body)["data"]["image"]
    assert url.startswith(f"{CDN_URL}/")
    return url


def computed(_: object = None) -> tuple[int, dict[str, str], bytes]:
    """Answer after computing for longer than a thread that waits is looked at, while other threads may run."""
    return 200, {}, str(sum(1 for _ in range(1_000_000))).encode()


def lead_to(url: str, mock: MockAkool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fake answer each request by leading to another URL."""
    monkeypatch.setattr(mock.application, "answer", lambda _: Response(302, (("location", url),), b""))


class TestAnswers:
    def test_an_unknown_route_is_404(self, library: Library, mock: MockAkool) -> None:
        got = library.fetch("GET", f"{API_URL}/api/open/v3/nothing")
        assert got.status == 404
        assert int(got.headers["content-length"]) == len(got.body) > 0

    def test_a_wrong_method_on_a_file_is_405(self, library: Library, mock: MockAkool) -> None:
        got = library.fetch("DELETE", image_url(mock))
        assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "REPORT"])
    def test_every_method_is_answered(self, library: Library, mock: MockAkool, method: str) -> None:
        assert library.fetch(method, API_URL + QUOTA).status == 404

    def test_head_has_the_head_of_get(self, library: Library, mock: MockAkool) -> None:
        url = image_url(mock)
        get, head = library.fetch("GET", url), library.fetch("HEAD", url)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(get.body))
        assert head.headers["content-type"] == get.headers["content-type"] == "image/jpeg"

    def test_options_is_answered_without_a_body(self, library: Library, mock: MockAkool) -> None:
        got = library.fetch("OPTIONS", API_URL + CREATE)
        assert (got.status, got.body) == (204, b"")
        assert "authorization" in got.headers["access-control-allow-headers"]

    def test_the_url_is_the_one_that_was_asked(self, library: Library, mock: MockAkool) -> None:
        assert library.fetch("GET", f"{API_URL}{QUOTA}?a=b", headers=HEADERS).url == f"{API_URL}{QUOTA}?a=b"

    def test_the_call_log_names_the_transport(self, library: Library, mock: MockAkool) -> None:
        library.job()
        assert mock.calls.last.transport == library.name.partition("-")[0]
        assert mock.calls.last.request.headers["host"] == "openapi.akool.com"

    def test_a_port_that_is_named_is_part_of_the_host_header(self, library: Library) -> None:
        with MockAkool(base_url="http://akool.test:8443") as mock:
            assert library.fetch("GET", f"http://akool.test:8443{QUOTA}", headers=HEADERS).status == 200
            assert mock.calls.last.request.headers["host"] == "akool.test:8443"


class TestStreams:
    def test_requests(self, mock: MockAkool) -> None:
        url = image_url(mock)
        whole = requests.get(url, timeout=5).content
        with requests.get(url, stream=True, timeout=5) as response:
            pieces = list(response.iter_content(1000))
        assert b"".join(pieces) == whole
        assert len(pieces) > 1
        assert len(pieces[0]) == 1000

    def test_requests_raw(self, mock: MockAkool) -> None:
        url = image_url(mock)
        with requests.get(url, stream=True, timeout=5) as response:
            assert response.raw.read(3) == b"\xff\xd8\xff"

    def test_httpx(self, mock: MockAkool) -> None:
        url = image_url(mock)
        with httpx.Client(verify=False) as client, client.stream("GET", url) as response:
            pieces = list(response.iter_bytes(1000))
            assert len(pieces) > 1
            assert b"".join(pieces) == client.get(url).content

    def test_httpx_async(self, mock: MockAkool) -> None:
        url = image_url(mock)

        async def download() -> tuple[list[bytes], bytes]:
            async with httpx.AsyncClient(verify=False) as client, client.stream("GET", url) as response:
                pieces = [piece async for piece in response.aiter_bytes(1000)]
                return pieces, (await client.get(url)).content

        pieces, whole = asyncio.run(download())
        assert len(pieces) > 1
        assert b"".join(pieces) == whole

    def test_aiohttp(self, mock: MockAkool) -> None:
        url = image_url(mock)

        async def download() -> tuple[list[bytes], bytes]:
            async with aiohttp.ClientSession() as session:
                async with session.get(url) as response:
                    pieces = [piece async for piece in response.content.iter_chunked(1000)]
                async with session.get(url) as response:
                    return pieces, await response.read()

        pieces, whole = asyncio.run(download())
        assert len(pieces) > 1
        assert b"".join(pieces) == whole

    def test_bodies_in_pieces_go_out_whole(self, mock: MockAkool) -> None:
        pieces = [b'{"prompt":', b'"a fox"}']
        headers = {**HEADERS, "content-type": "application/json"}

        async def in_pieces() -> Any:
            for piece in pieces:
                yield piece

        async def send() -> None:
            async with aiohttp.ClientSession() as session, httpx.AsyncClient(verify=False) as client:
                await session.post(API_URL + CREATE, headers=headers, data=in_pieces())
                await client.post(API_URL + CREATE, headers=headers, content=in_pieces())

        requests.post(API_URL + CREATE, headers=headers, data=iter(pieces), timeout=5)
        httpx.post(API_URL + CREATE, headers=headers, content=iter(pieces), verify=False)
        asyncio.run(send())
        assert [job.topic.prompt for job in mock.jobs] == ["a fox"] * 4


class TestCookiesAndRedirects:
    """The API itself has neither, but a proxy before it or a script may."""

    @pytest.fixture(params=["set-cookie", "Set-Cookie"])
    def scripted(self, mock: MockAkool, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> MockAkool:
        usual, header = mock.application.answer, request.param

        def answer(call: Request) -> Response:
            if call.path == "/start":
                return Response(302, (("location", f"{API_URL}/next"), (header, "seen=yes; Path=/")), b"")
            if call.path == "/next":
                cookie = call.headers.get("cookie", "none")
                return Response(307, (("location", f"{CDN_URL}/end?cookie={cookie}"),), b"")
            return Response(200, (), call.query.encode()) if call.path == "/end" else usual(call)

        monkeypatch.setattr(mock.application, "answer", answer)
        return mock

    def test_are_followed_from_host_to_host_with_cookies(self, library: Library, scripted: MockAkool) -> None:
        got = library.fetch("GET", f"{API_URL}/start")
        assert (got.status, got.body.decode()) == (200, "cookie=seen=yes")
        assert got.url.startswith(f"{CDN_URL}/end")

    def test_are_not_followed_when_not_wanted(self, library: Library, scripted: MockAkool) -> None:
        got = library.fetch("GET", f"{API_URL}/start", follow=False)
        assert (got.status, got.headers["location"]) == (302, f"{API_URL}/next")

    def test_from_another_server_to_us(self, library: Library, mock: MockAkool) -> None:
        with other_server(lambda _: (302, {"location": API_URL + QUOTA}, b"")) as url:
            assert library.fetch("GET", url, headers=HEADERS).status == 200
        assert mock.calls.count == 1

    def test_from_us_to_another_server(
        self, library: Library, mock: MockAkool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with other_server(lambda path: (200, {}, path.encode())) as url:
            lead_to(f"{url}/there", mock, monkeypatch)
            assert library.fetch("GET", API_URL).body == b"/there"

    def test_from_us_to_another_server_that_computes(
        self, library: Library, mock: MockAkool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its threads never wait in virtual time, and the client's limit is not over while they work."""
        library.job()
        with other_server(computed) as url:
            lead_to(url, mock, monkeypatch)
            assert library.fetch("GET", API_URL, timeout=20).body == b"1000000"
        assert mock.clock.now_ns() == mock.started_ns

    def test_from_us_to_another_server_that_computes_before_it_accepts(
        self, library: Library, mock: MockAkool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A connection that waits at its socket is awaited from this process, too."""
        accept = HTTPServer.get_request

        def accept_late(server: HTTPServer) -> tuple[socket.socket, Any]:
            computed()
            return accept(server)

        monkeypatch.setattr(HTTPServer, "get_request", accept_late)
        library.job()
        with other_server(lambda path: (200, {}, path.encode())) as url:
            lead_to(f"{url}/there", mock, monkeypatch)
            assert library.fetch("GET", API_URL, timeout=20).body == b"/there"
        assert mock.clock.now_ns() == mock.started_ns

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the open files of a process are not listed")
    def test_waiting_for_another_server_leaves_no_open_file(
        self, library: Library, mock: MockAkool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library.job()
        with other_server(computed) as url:
            lead_to(url, mock, monkeypatch)
            library.fetch("GET", API_URL)
            before = len(list(Path("/proc/self/fd").iterdir()))
            for _ in range(5):
                library.fetch("GET", API_URL)
            # The server may still be closing some.
            assert len(list(Path("/proc/self/fd").iterdir())) < before + 20


class TestDelays:
    def test_a_shorter_delay_moves_the_clock(self, library: Library, slow: MockAkool) -> None:
        began_ns = slow.clock.now_ns()
        assert library.fetch("GET", API_URL + QUOTA, headers=HEADERS, timeout=11).status == 200
        assert slow.clock.now_ns() - began_ns == 10 * 10**9

    def test_a_longer_one_is_the_librarys_own_error(self, library: Library, slow: MockAkool) -> None:
        began_ns = slow.clock.now_ns()
        with pytest.raises(library.read_timeouts):
            library.fetch("GET", API_URL + QUOTA, headers=HEADERS, timeout=4)
        assert slow.clock.now_ns() - began_ns == 4 * 10**9
        assert slow.calls.count == 1

    @pytest.mark.parametrize("timeout", [(30, 4), Timeout(4), Timeout(connect=30, read=4), Timeout(total=30, read=4)])
    def test_every_form_of_a_requests_timeout(self, slow: MockAkool, timeout: Any) -> None:
        began_ns = slow.clock.now_ns()
        with pytest.raises(requests.ReadTimeout):
            requests.get(API_URL + QUOTA, timeout=timeout)
        assert (slow.clock.now_ns() - began_ns) / 1e9 == pytest.approx(4, abs=0.01)

    @pytest.mark.parametrize("timeout", [None, (4, None), (4, 11), Timeout(None)])
    def test_a_requests_timeout_that_is_long_enough(self, slow: MockAkool, timeout: Any) -> None:
        assert requests.get(API_URL + QUOTA, timeout=timeout).status_code == 200

    @pytest.mark.parametrize(
        ("timeout", "error"),
        [
            (aiohttp.ClientTimeout(total=4), asyncio.TimeoutError),
            (aiohttp.ClientTimeout(sock_read=4), aiohttp.ServerTimeoutError),
            (aiohttp.ClientTimeout(total=20, sock_read=4), aiohttp.ServerTimeoutError),
            (aiohttp.ClientTimeout(total=4, sock_read=20), asyncio.TimeoutError),
        ],
    )
    def test_every_form_of_an_aiohttp_timeout(
        self, slow: MockAkool, timeout: aiohttp.ClientTimeout, error: type[Exception]
    ) -> None:
        began_ns = slow.clock.now_ns()

        async def fetch(session_wide: bool) -> None:
            unlimited = aiohttp.ClientTimeout()
            async with aiohttp.ClientSession(timeout=timeout if session_wide else unlimited) as session:
                with pytest.raises(error) as raised:
                    await (session.get(API_URL) if session_wide else session.get(API_URL, timeout=timeout))
                assert isinstance(raised.value, aiohttp.ServerTimeoutError) == (timeout.sock_read == 4)

        asyncio.run(fetch(session_wide=True))
        asyncio.run(fetch(session_wide=False))
        assert slow.clock.now_ns() - began_ns == 8 * 10**9

    def test_delays_of_tasks_pass_at_the_same_time(self, slow: MockAkool) -> None:
        async def all_at_once() -> None:
            async with httpx.AsyncClient(verify=False, timeout=20) as client, aiohttp.ClientSession() as session:
                await asyncio.gather(
                    *(client.get(API_URL + QUOTA) for _ in range(5)), *(session.get(API_URL + QUOTA) for _ in range(5))
                )

        began_ns = slow.clock.now_ns()
        asyncio.run(all_at_once())
        assert slow.clock.now_ns() - began_ns == 10 * 10**9

    def test_a_time_limit_around_the_call(self, slow: MockAkool) -> None:
        async def impatient() -> None:
            async with httpx.AsyncClient(verify=False, timeout=None) as client:
                await asyncio.wait_for(client.get(API_URL + QUOTA), 4)

        began_ns = slow.clock.now_ns()
        with pytest.raises(TimeoutError):
            asyncio.run(impatient())
        assert slow.clock.now_ns() - began_ns == 4 * 10**9

    def test_on_a_real_clock_it_is_waited_for(self, library: Library) -> None:
        clock = SystemClock()
        with MockAkool(clock=clock, latency="50ms"):
            began_ns = clock.now_ns()
            assert library.fetch("GET", API_URL + QUOTA, headers=HEADERS).status == 200
            assert clock.now_ns() - began_ns >= 50_000_000
            with pytest.raises(library.read_timeouts):
                library.fetch("GET", API_URL + QUOTA, headers=HEADERS, timeout=0.01)

    def test_without_virtual_sleep_the_clock_moves_all_the_same(self, library: Library) -> None:
        with MockAkool(latency="10s", sleep="real") as mock:
            began_ns = mock.clock.now_ns()
            library.fetch("GET", API_URL + QUOTA, headers=HEADERS)
            assert mock.clock.now_ns() - began_ns == 10 * 10**9


class TestRetries:
    def test_of_a_requests_adapter(self) -> None:
        with MockAkool(gone_file_status=503) as mock, requests.Session() as session:
            session.mount("https://", HTTPAdapter(max_retries=Retry(3, status_forcelist=[503], backoff_factor=0.001)))
            with pytest.raises(requests.exceptions.RetryError):
                session.get(f"{CDN_URL}/1234567890123-0000.jpg", timeout=5)
            assert mock.calls.count == 4
            assert session.get(API_URL + QUOTA, headers=HEADERS, timeout=5).status_code == 200

    def test_an_adapter_of_the_users_own_still_does_its_work(self, slow: MockAkool) -> None:
        class Impatient(HTTPAdapter):
            sent = 0

            def send(self, request: Any, *args: Any, **options: Any) -> Any:
                self.sent += 1
                options["timeout"] = 3
                return super().send(request, *args, **options)

        with requests.Session() as session:
            adapter = Impatient()
            session.mount("https://", adapter)
            with pytest.raises(requests.ReadTimeout):
                session.get(API_URL + QUOTA)
            assert adapter.sent == 1

    def test_of_a_httpx_transport(self, mock: MockAkool) -> None:
        with httpx.Client(transport=httpx.HTTPTransport(retries=3, verify=False)) as client:
            assert client.get(API_URL + QUOTA, headers=HEADERS).status_code == 200

    def test_a_transport_that_wraps_httpxs_still_does_its_work(self) -> None:
        class Stubborn(httpx.BaseTransport):
            def __init__(self) -> None:
                self.inner = httpx.HTTPTransport(verify=False)

            def handle_request(self, request: httpx.Request) -> httpx.Response:
                for _ in range(3):
                    response = self.inner.handle_request(request)
                    if response.status_code != 503:
                        break
                return response

        class StubbornAsync(httpx.AsyncBaseTransport):
            def __init__(self) -> None:
                self.inner = httpx.AsyncHTTPTransport(verify=False)

            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                for _ in range(3):
                    response = await self.inner.handle_async_request(request)
                return response

        async def fetch() -> int:
            async with httpx.AsyncClient(transport=StubbornAsync()) as client:
                return (await client.get(f"{CDN_URL}/1234567890123-0000.jpg")).status_code

        with MockAkool(gone_file_status=503) as mock, httpx.Client(transport=Stubborn()) as client:
            assert client.get(f"{CDN_URL}/1234567890123-0000.jpg").status_code == 503
            assert mock.calls.count == 3
            assert asyncio.run(fetch()) == 503
            assert mock.calls.count == 6

    def test_a_clients_own_mock_transport_is_left_alone(self, mock: MockAkool) -> None:
        with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(418))) as client:
            assert client.get(API_URL + QUOTA).status_code == 418
        assert mock.calls.count == 0
