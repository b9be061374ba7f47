"""Whatever asks for Akool's hosts while a fake is active is answered by it or refused with a text that helps.

Nothing here has a network: what would get away ends in an error that does not name the fake.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import ssl
import sys
import textwrap
import unittest
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from socket import getaddrinfo as bound_by_name
from typing import Any, Final

import aiohttp
import httpcore
import httpx
import pytest
import requests
import responses
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from mock_akool import MockAkool, MockAkoolError
from mock_akool.akool.codes import API_URL
from tests import children
from tests.mock.clients import HEADERS, QUOTA

pytest_plugins = "pytester"

reported = pytest.mark.reported
URL: Final = API_URL + QUOTA
HOST: Final = "openapi.akool.com"


@pytest.fixture
def mock() -> Iterator[MockAkool]:
    with MockAkool() as mock:
        yield mock


def by_asyncio(make: Callable[[asyncio.AbstractEventLoop], Any]) -> Callable[[], Any]:
    async def run() -> Any:
        return await make(asyncio.get_running_loop())

    return lambda: asyncio.run(run())


def by_uvloop(make: Callable[[asyncio.AbstractEventLoop], Any]) -> Callable[[], Any]:
    async def run() -> Any:
        return await make(asyncio.get_running_loop())

    def start() -> Any:
        import uvloop

        return uvloop.run(run())

    return start


def by_socket(method: str, address: tuple[str, int]) -> Callable[[], None]:
    def run() -> None:
        with socket.socket() as plain:
            getattr(plain, method)(address)

    return run


def send_a_packet() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as packets:
        packets.sendto(b"x", (HOST, 443))


def send_a_message() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as packets:
        packets.sendmsg([b"x"], [], 0, (HOST, 443))


def over_an_open_connection() -> None:
    """As a pool does that was there before the fake."""
    connection = http.client.HTTPConnection(HOST)
    connection.sock = socket.socketpair()[0]
    try:
        connection.request("GET", QUOTA, headers=HEADERS)
    finally:
        connection.sock.close()


def through_a_proxy() -> None:
    """CONNECT to a proxy looks up the proxy only."""
    connection = http.client.HTTPSConnection("127.0.0.1", 9)
    connection.set_tunnel(HOST)
    connection.request("GET", QUOTA)


def handshake(wrap: str) -> Callable[[], None]:
    """With an address that a resolver of the client's own has found."""

    def run() -> None:
        context = ssl.create_default_context()
        with socket.socket() as plain:
            begin: dict[str, Callable[[], Any]] = {
                "socket": lambda: context.wrap_socket(plain, server_hostname=HOST),
                "socket by position": lambda: context.wrap_socket(plain, False, True, True, HOST),
                "bio": lambda: context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST),
                "bio by position": lambda: context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), False, HOST),
            }
            begin[wrap]()

    return run


WAYS: Final[dict[str, Callable[[], Any]]] = {
    "urllib": lambda: urllib.request.urlopen(URL),
    "urllib3": lambda: urllib3.PoolManager(retries=False).request("GET", URL),
    "urllib3 with retries": lambda: urllib3.PoolManager().request("GET", URL, retries=2),
    "http.client": lambda: http.client.HTTPSConnection(HOST).request("GET", QUOTA),
    "an open connection": over_an_open_connection,
    "a proxy": through_a_proxy,
    "create_connection": lambda: socket.create_connection((HOST, 443)),
    "connect": by_socket("connect", (HOST, 443)),
    "connect_ex": by_socket("connect_ex", (HOST, 443)),
    "getaddrinfo": lambda: socket.getaddrinfo(HOST, 443),
    "getaddrinfo by keywords": lambda: socket.getaddrinfo(host=HOST, port=443),
    "getaddrinfo of bytes": lambda: socket.getaddrinfo(HOST.encode(), "https"),
    "another spelling": lambda: socket.getaddrinfo("OpenAPI.Akool.com.", 443),
    "letters of full width": lambda: socket.getaddrinfo("\uff4fpenapi.akool.com", 443),
    "another full stop": lambda: socket.getaddrinfo("openapi\u3002akool\u3002com", 443),
    "getaddrinfo that was imported before": lambda: bound_by_name(HOST, 443),
    "gethostbyaddr": lambda: socket.gethostbyaddr(HOST),
    "gethostbyname": lambda: socket.gethostbyname(HOST),
    "gethostbyname_ex": lambda: socket.gethostbyname_ex(HOST),
    "sendto": send_a_packet,
    "sendmsg": send_a_message,
    "a thread": lambda: ThreadPoolExecutor(1).submit(urllib.request.urlopen, URL).result(),
    "loop.getaddrinfo": by_asyncio(lambda loop: loop.getaddrinfo(HOST, 443)),
    "open_connection": by_asyncio(lambda _: asyncio.open_connection(HOST, 443, ssl=True)),
    "uvloop's getaddrinfo": by_uvloop(lambda loop: loop.getaddrinfo(HOST, 443)),
    "uvloop's create_connection": by_uvloop(lambda loop: loop.create_connection(asyncio.Protocol, HOST, 443)),
    "uvloop's create_datagram_endpoint": by_uvloop(
        lambda loop: loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(HOST, 443))
    ),
    "TLS over a socket": handshake("socket"),
    "TLS over a socket, by position": handshake("socket by position"),
    "TLS in memory": handshake("bio"),
    "TLS in memory, by position": handshake("bio by position"),
}


@pytest.mark.filterwarnings("ignore:unclosed")
@pytest.mark.parametrize("way", WAYS)
def test_what_no_interceptor_answers_is_refused_with_a_text_that_helps(way: str, mock: MockAkool) -> None:
    """a mock of one library says nothing of the others, which go out."""
    with pytest.raises(Exception, match=f"(?s)mock-akool stopped .* from reaching the real {HOST}.*mock.server") as why:
        WAYS[way]()
    assert not isinstance(why.value, MockAkoolError)
    assert mock.calls.count == 0


@pytest.mark.parametrize(
    ("way", "library"),
    [("urllib", "urllib.request"), ("urllib3", "urllib3"), ("http.client", "http.client"), ("getaddrinfo", "socket")],
)
def test_the_text_names_the_library(way: str, library: str, mock: MockAkool) -> None:
    with pytest.raises(Exception, match=f"mock-akool stopped {library} from"):
        WAYS[way]()


def test_the_text_is_logged_for_libraries_that_raise_errors_of_their_own(
    mock: MockAkool, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.PoolManager(retries=False).request("GET", URL)
    assert f"mock-akool stopped urllib3 from reaching the real {HOST}" in caplog.text


def test_a_host_that_was_free_is_a_later_fakes_own_while_that_is_active() -> None:
    def look_up() -> list[Any]:
        return socket.getaddrinfo("127.0.0.1", 80)

    with MockAkool():
        assert look_up() == look_up()
        with MockAkool(hosts="127.0.0.1"), pytest.raises(OSError, match="mock-akool stopped socket from reaching"):
            look_up()
        assert look_up()


@pytest.mark.parametrize("pieces", [(b"ab",), (b"a", b"b"), [b"ab"]])
def test_the_pieces_of_a_message_are_no_address(pieces: Sequence[bytes]) -> None:
    one, other = socket.socketpair()
    with one, other, MockAkool(other_hosts="refuse"):
        assert one.sendmsg(pieces) == 2
        assert other.recv(2) == b"ab"


def test_many_hosts_are_free() -> None:
    with MockAkool():
        for port in range(2000):
            assert socket.getaddrinfo("127.0.0.1", port)


def test_the_net_is_gone_with_the_fake() -> None:
    with MockAkool():
        pass
    with pytest.raises(OSError) as why:  # noqa: PT011 - each library and system says it in its own words
        urllib.request.urlopen("http://openapi.akool.com.invalid/")
    assert "mock-akool" not in str(why.value)


@pytest.mark.parametrize("way", ["urllib", "urllib3", "connect"])
def test_other_hosts_are_refused_to_every_library(way: str) -> None:
    ways: dict[str, Callable[[], Any]] = {
        "urllib": lambda: urllib.request.urlopen("http://elsewhere.invalid/"),
        "urllib3": lambda: urllib3.PoolManager(retries=False).request("GET", "http://elsewhere.invalid/"),
        "connect": by_socket("connect", ("203.0.113.1", 80)),
    }
    with MockAkool(other_hosts="refuse"), pytest.raises(Exception, match='other_hosts="refuse" is set'):
        ways[way]()


class TestRequests:
    def test_a_session_that_requests_mock_used_before(self, mock: MockAkool) -> None:
        """a mocker leaves `get_adapter` on the sessions that it saw."""
        mocker = pytest.importorskip("requests_mock").Mocker()
        mock.stop()
        with requests.Session() as session:
            with mocker:
                mocker.get("https://elsewhere.example/", text="theirs")
                assert session.get("https://elsewhere.example/").text == "theirs"
            with mock:
                assert session.get(URL, headers=HEADERS).json()["code"] == 1000

    @pytest.mark.parametrize("theirs_first", [True, False])
    def test_requests_mock_that_lets_through(self, theirs_first: bool) -> None:
        """`real_http` lets what is not mocked reach the network."""
        mocker = pytest.importorskip("requests_mock").Mocker(real_http=True)
        mock = MockAkool()
        first, second = (mocker, mock) if theirs_first else (mock, mocker)
        with first, second:
            assert requests.get(URL, headers=HEADERS).json()["code"] == 1000
            assert mock.calls.count == 1

    def test_an_adapter_that_wraps_another(self, mock: MockAkool) -> None:
        """adapters that delegate are how people add retries and limits."""

        class Wrapping(BaseAdapter):
            def __init__(self) -> None:
                super().__init__()
                self._inner = HTTPAdapter()

            def send(self, request: Any, **options: Any) -> requests.Response:  # type: ignore[override]
                return self._inner.send(request, **options)

            def close(self) -> None: ...

        with requests.Session() as session:
            session.mount("https://", Wrapping())
            assert session.get(URL, headers=HEADERS).json()["code"] == 1000

    def test_a_call_of_send_by_the_class(self, mock: MockAkool) -> None:
        """subclasses call `HTTPAdapter.send(self, …)`."""

        class Own(HTTPAdapter):
            def send(self, request: Any, **options: Any) -> requests.Response:  # type: ignore[override]
                return HTTPAdapter.send(self, request, **options)

        with requests.Session() as session:
            session.mount("https://", Own())
            assert session.get(URL, headers=HEADERS).json()["code"] == 1000
        request = requests.Request("GET", URL, headers=HEADERS).prepare()
        assert HTTPAdapter().send(request).json()["code"] == 1000

    def test_responses_that_lets_through(self, mock: MockAkool) -> None:
        """A passthrough calls what `HTTPAdapter.send` was when `responses` was imported: the net catches it."""
        with responses.RequestsMock(assert_all_requests_are_fired=False) as theirs, requests.Session() as session:
            theirs.add_passthru(API_URL)
            session.__dict__["get_adapter"] = lambda url: HTTPAdapter()
            with pytest.raises(requests.ConnectionError, match=r"stopped requests .* went past the interceptor"):
                session.get(URL, headers=HEADERS)


class TestHttpx:
    def test_httpx2(self, mock: MockAkool) -> None:
        """pydantic/httpx2: Starlette's TestClient and others ask for it now."""
        httpx2 = pytest.importorskip("httpx2")

        async def fetch() -> int:
            async with httpx2.AsyncClient() as client:
                code: int = (await client.get(URL, headers=HEADERS)).json()["code"]
                return code

        assert httpx2.get(URL, headers=HEADERS).json()["code"] == 1000
        assert asyncio.run(fetch()) == 1000
        assert mock.calls.count == 2

    @pytest.mark.parametrize("before", [True, pytest.param(False, marks=pytest.mark.slow)])
    def test_httpx2_as_httpx(self, before: bool) -> None:
        pytest.importorskip("httpx2")
        start, alias = "mock = MockAkool().start()", "import httpx2; httpx2.alias_httpx()"
        done = children.run(
            "-c",
            textwrap.dedent(
                f"""
                from mock_akool import MockAkool
                {alias if before else start}
                {start if before else alias}
                import httpx, httpcore
                for _ in range(2):
                    assert httpx.get({URL!r}, headers={HEADERS!r}).json()["code"] == 1000
                    assert httpcore.request("GET", {URL!r}, headers={HEADERS!r}).status == 200
                    mock.stop()
                    mock.start()
                print(httpx.__name__, "mock_akool" in httpx.HTTPTransport.handle_request.__module__)
                mock.stop()
                print("mock_akool" in httpx.HTTPTransport.handle_request.__module__)
                """
            ),
            command=(sys.executable,),
        )
        assert done.stdout == "httpx2 True\nFalse\n", done.stderr

    def test_httpcore_by_itself(self, mock: MockAkool) -> None:
        async def fetch() -> int:
            async with httpcore.AsyncConnectionPool() as pool:
                return (await pool.request("GET", URL, headers=list(HEADERS.items()))).status

        got = httpcore.request("GET", URL, headers=list(HEADERS.items()))
        assert (got.status, got.extensions["http_version"]) == (200, b"HTTP/1.1")
        assert asyncio.run(fetch()) == 200
        assert mock.calls.count == 2

    @pytest.mark.parametrize("when", ["before", "during"])
    @pytest.mark.parametrize("where", ["class", "instance"])
    def test_a_wrapper_that_watches_still_runs(self, when: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """spans come from a wrapper of `handle_request`."""
        import functools

        seen = []
        client = httpx.Client(verify=False)

        def watch() -> None:
            owner: Any = httpx.HTTPTransport if where == "class" else client._transport
            original = owner.handle_request

            @functools.wraps(original)
            def watching(*args: Any) -> httpx.Response:
                seen.append(args[-1].url.host)
                response: httpx.Response = original(*args)
                return response

            monkeypatch.setattr(owner, "handle_request", watching)

        with client:
            if when == "before":
                watch()
            with MockAkool() as mock:
                if when == "during":
                    watch()
                assert client.get(URL, headers=HEADERS).json()["code"] == 1000
                assert (seen, mock.calls.count) == ([HOST], 1)
                if when == "during":
                    monkeypatch.undo()

    @pytest.mark.parametrize("instrumented_first", [True, False])
    def test_opentelemetry(self, instrumented_first: bool) -> None:
        """with the library itself."""
        instrumentation = pytest.importorskip("opentelemetry.instrumentation.httpx")
        spans: list[Any] = []
        instrumentor = instrumentation.HTTPXClientInstrumentor()
        options = {"request_hook": lambda span, request: spans.append(request.url.host)}
        mock = MockAkool()
        try:
            if instrumented_first:
                instrumentor.instrument(**options)
            with mock:
                if not instrumented_first:
                    instrumentor.instrument(**options)
                # Without an SDK spans do not record, and hooks are not called; the wrapper must not be in the way.
                assert httpx.get(URL, headers=HEADERS).json()["code"] == 1000
                assert mock.calls.count == 1
                if not instrumented_first:
                    instrumentor.uninstrument()
        finally:
            if instrumented_first:
                instrumentor.uninstrument()


class TestAiohttp:
    @pytest.mark.filterwarnings("ignore:Inheritance class Signing")
    def test_a_subclass_with_a_request_of_its_own(self, mock: MockAkool) -> None:
        """a cached session overrides `_request`."""
        seen = []

        class Signing(aiohttp.ClientSession):
            async def _request(self, method: str, url: Any, **options: Any) -> Any:  # type: ignore[override]
                seen.append(method)
                return await super()._request(method, url, headers=HEADERS, **options)

        async def fetch() -> list[int]:
            codes = []
            async with Signing() as session:
                for pending in (session.get(URL), session.request("GET", URL)):
                    async with pending as response:
                        codes.append((await response.json())["code"])
            return codes

        assert asyncio.run(fetch()) == [1000, 1000]
        assert seen == ["GET", "GET"]

    def test_a_session_whose_request_was_replaced(self, mock: MockAkool) -> None:
        async def fetch() -> int:
            async with aiohttp.ClientSession() as session:
                original = session._request

                async def signed(method: str, url: Any, **options: Any) -> aiohttp.ClientResponse:
                    return await original(method, url, headers=HEADERS, **options)

                session.__dict__["_request"] = signed
                async with session.get(URL) as response:
                    code: int = (await response.json())["code"]
                    return code

        assert asyncio.run(fetch()) == 1000

    def test_aiohttp_client_cache(self, mock: MockAkool) -> None:
        cache = pytest.importorskip("aiohttp_client_cache")

        async def fetch() -> list[bool]:
            async with cache.CachedSession(cache=cache.CacheBackend()) as session:
                return [(await session.get(URL, headers=HEADERS)).from_cache for _ in range(2)]

        assert asyncio.run(fetch()) == [False, True]
        assert mock.calls.count == 1

    @pytest.mark.parametrize("forbidding", ["socket_disabled", "block_network"])
    def test_where_sockets_are_forbidden(self, forbidding: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """an event loop has what it needs, and nothing else may be opened."""
        plugin = pytest.importorskip("pytest_socket")

        async def fetch() -> int:
            async with aiohttp.ClientSession() as session, session.get(URL, headers=HEADERS) as response:
                code: int = (await response.json())["code"]
                return code

        with asyncio.Runner() as runner:
            runner.get_loop()
            if forbidding == "socket_disabled":
                plugin.disable_socket()
            else:
                monkeypatch.setattr(socket.socket, "connect", _blocked)
            try:
                with MockAkool(other_hosts="refuse"):
                    assert runner.run(fetch()) == 1000
            finally:
                plugin.enable_socket()


def _blocked(*_: Any) -> None:
    raise RuntimeError("Network is disabled")


class TestDecoratedClasses:
    """what runs before a test went out, with real keys."""

    @reported("getmoto/moto#527", "getmoto/moto#1327")
    @pytest.mark.parametrize("name", ["setup_class", "setUpClass", "setUp"])
    def test_a_class_whose_set_up_would_go_out_is_refused(self, name: str) -> None:
        owner = type("Tests", (), {name: classmethod(lambda cls: None), "test_it": lambda self: None})
        with pytest.raises(MockAkoolError, match=f"cannot decorate the class Tests: {name} runs before the fake"):
            MockAkool()(owner)

    @reported("getmoto/moto#7063", "getmoto/moto#5017")
    def test_a_test_case_too_and_one_that_is_derived_later(self) -> None:
        class Early(unittest.TestCase):
            @classmethod
            def setUpClass(cls) -> None: ...

        with pytest.raises(MockAkoolError, match="setUpClass runs before"):
            MockAkool()(Early)

        @MockAkool()
        class Base(unittest.TestCase): ...

        with pytest.raises(MockAkoolError, match="the class Derived: setUpClass runs before"):

            class Derived(Base):
                @classmethod
                def setUpClass(cls) -> None: ...

    def test_a_fixture_of_the_class_scope(self) -> None:
        class Tests:
            @pytest.fixture(scope="class")
            def job(self) -> None: ...

        with pytest.raises(MockAkoolError, match="the fixture job of scope class runs before the fake"):
            MockAkool()(Tests)

    @reported("getmoto/moto#363", "getmoto/moto#157")
    def test_what_runs_before_each_test_has_the_fake(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makepyfile(
            f"""
            import pytest, requests
            from mock_akool import MockAkool

            mock = MockAkool()

            def ask():
                assert requests.get({URL!r}, headers={HEADERS!r}).json()["code"] == 1000

            @mock
            class Base:
                def setup_method(self, method):
                    assert method.__name__.startswith("test_")
                    ask()

                @pytest.fixture
                def one(self):
                    ask()

                def test_base(self, one):
                    ask()
                    assert mock.calls.count == 3

            class TestDerived(Base):
                def setup_method(self):
                    ask()
                    ask()

                def test_derived(self, one):
                    assert mock.calls.count == 3

                def test_base(self):
                    assert mock.calls.count == 2

                def test_fails(self):
                    assert False

                def teardown_method(self):
                    ask()

            @MockAkool()
            class TestFixtureOnly:
                @pytest.fixture(autouse=True)
                def one(self):
                    ask()

                def test_it(self):
                    ask()

            def test_after():
                assert not mock.active
            """
        )
        result = pytester.runpytest_inprocess("-q")
        result.assert_outcomes(passed=4, failed=1)

    @reported("getmoto/moto#2566")
    def test_what_set_up_writes_into_the_environment_stays_for_the_test(self) -> None:
        @MockAkool()
        class Tests(unittest.TestCase):
            def setUp(self) -> None:
                os.environ["NAME_OF_A_TEST"] = "value"
                self.addCleanup(os.environ.pop, "NAME_OF_A_TEST")

            def test_it(self) -> None:
                assert os.environ["NAME_OF_A_TEST"] == "value"

        assert _outcome(Tests).wasSuccessful()

    @reported("getmoto/moto#2261")
    def test_a_class_method_may_be_decorated(self) -> None:
        class Tests:
            @classmethod
            @MockAkool()
            def ask(cls) -> int:
                code: int = requests.get(URL, headers=HEADERS).json()["code"]
                return code

        assert Tests.ask() == 1000

    @reported("getmoto/moto#416")
    @pytest.mark.parametrize("name", ["ensure", "_ensure", "__ensure"])
    def test_each_test_begins_with_a_fake_that_saw_nothing_whatever_its_helpers_are_called(self, name: str) -> None:
        mock = MockAkool()

        def ensure(self: Any) -> None:
            requests.get(URL, headers=HEADERS)

        def test(self: Any) -> None:
            getattr(self, name)()
            assert mock.calls.count == 1

        tests = mock(type("Tests", (unittest.TestCase,), {name: ensure, "test_one": test, "test_two": test}))
        assert _outcome(tests).wasSuccessful()


def _outcome(tests: type[unittest.TestCase]) -> unittest.TestResult:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(tests).run(result)
    assert result.testsRun > 0
    return result
