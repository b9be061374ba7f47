"""Situations in which mocks of httpx and aiohttp let requests out, or behaved unlike a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import fastapi
import flask
import httpx
import pytest
import respx
from starlette.testclient import TestClient

from mock_akool import MockAkool
from mock_akool.akool.codes import API_URL
from tests.mock.clients import HEADERS, QUOTA

reported = pytest.mark.reported
URL = API_URL + QUOTA
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def mock() -> Iterator[MockAkool]:
    with MockAkool() as mock:
        yield mock


async def ask_with_httpx(**options: Any) -> int:
    async with httpx.AsyncClient(**options) as client:
        code: int = (await client.get(URL, headers=HEADERS)).json()["code"]
        return code


def in_session(use: Callable[[aiohttp.ClientSession], Awaitable[Any]], **options: Any) -> Any:
    async def run() -> Any:
        async with aiohttp.ClientSession(**options) as session:
            return await use(session)

    return asyncio.run(run())


async def ask(session: aiohttp.ClientSession) -> int:
    async with session.get(URL, headers=HEADERS) as response:
        code: int = (await response.json())["code"]
        return code


class TestHttpx:
    @reported("lundberg/respx#52")
    @pytest.mark.parametrize("how", ["proxy", "mounts"])
    def test_a_client_with_a_proxy(self, how: str, mock: MockAkool) -> None:
        options: dict[str, Any] = (
            {"proxy": NOWHERE} if how == "proxy" else {"mounts": {"https://": httpx.HTTPTransport(proxy=NOWHERE)}}
        )
        with httpx.Client(**options) as client:
            assert client.get(URL, headers=HEADERS).json()["code"] == 1000

    @reported("lundberg/respx#303")
    def test_a_proxy_of_the_environment_beside_another_mock_that_lets_through(
        self, mock: MockAkool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", NOWHERE)
        with respx.mock as theirs:
            theirs.route().pass_through()
            assert httpx.get(URL, headers=HEADERS).json()["code"] == 1000

    @reported("lundberg/respx#143")
    def test_a_client_of_a_wsgi_app_is_left_alone(self, mock: MockAkool) -> None:
        app = flask.Flask("app")
        app.add_url_rule("/", view_func=lambda: str(httpx.get(URL, headers=HEADERS).json()["code"]))
        with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=API_URL) as client:
            assert client.get("/").text == "1000"
        assert mock.calls.count == 1

    @reported("lundberg/respx#144", "Colin-b/pytest_httpx#144")
    def test_an_asgi_app_under_test_asks_the_fake(self) -> None:
        app = fastapi.FastAPI()
        app.add_api_route("/", lambda: httpx.get(URL, headers=HEADERS).json()["code"])

        async def use() -> int:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
                code: int = (await client.get("/")).json()
                return code

        with MockAkool(other_hosts="refuse"):
            assert asyncio.run(use()) == 1000

    @reported("Colin-b/pytest_httpx#120")
    def test_a_transport_that_tries_again_is_used(self, mock: MockAkool) -> None:
        class Retrying(httpx.AsyncHTTPTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                response = await super().handle_async_request(request)
                return await super().handle_async_request(request) if response.status_code == 429 else response

        mock.on("quota/info").first(1).respond(http=429)
        assert asyncio.run(ask_with_httpx(transport=Retrying())) == 1000
        assert mock.calls.count == 2

    @reported("Colin-b/pytest_httpx#89", "encode/httpx#3712", "pydantic/httpx2#914")
    @pytest.mark.parametrize("library", ["httpx", "httpx2"])
    def test_a_response_tells_how_long_it_took(self, library: str) -> None:
        module = pytest.importorskip(library)
        with MockAkool(latency="2s"):
            assert module.get(URL, headers=HEADERS).elapsed.total_seconds() == 2

    @reported("kevin1024/vcrpy#990", "kevin1024/vcrpy#993")
    def test_httpx2_does_not_go_past_the_fake(self, mock: MockAkool) -> None:
        module = pytest.importorskip("httpx2")

        async def use() -> int:
            async with module.AsyncClient() as client:
                code: int = (await client.get(URL, headers=HEADERS)).json()["code"]
                return code

        assert asyncio.run(use()) == module.get(URL, headers=HEADERS).json()["code"] == 1000

    @reported("kevin1024/vcrpy#597")
    def test_an_answer_is_streamed_to_a_task(self, mock: MockAkool) -> None:
        async def use() -> int:
            async with httpx.AsyncClient() as client, client.stream("GET", URL, headers=HEADERS) as response:
                return sum([len(piece) async for piece in response.aiter_bytes(7)])

        assert asyncio.run(use()) > 20

    @reported("kevin1024/vcrpy#977")
    def test_a_pool_of_one_connection_does_not_run_out(self, mock: MockAkool) -> None:
        with httpx.Client(limits=httpx.Limits(max_connections=1), timeout=1) as client:
            for _ in range(5):
                client.send(client.build_request("GET", URL, headers=HEADERS), stream=True)
        assert mock.calls.count == 5

    @reported("encode/httpx#1264")
    def test_a_transport_that_wraps_another_sees_each_request(self, mock: MockAkool) -> None:
        class Watching(httpx.BaseTransport):
            def __init__(self) -> None:
                self.inner = httpx.HTTPTransport()
                self.seen: list[str] = []

            def handle_request(self, request: httpx.Request) -> httpx.Response:
                self.seen.append(request.url.path)
                return self.inner.handle_request(request)

        watching = Watching()
        with httpx.Client(transport=watching) as client:
            client.get(URL, headers=HEADERS)
        assert watching.seen == [QUOTA]

    @reported("h2non/pook#115")
    def test_requests_to_other_hosts_pass(self, mock: MockAkool) -> None:
        with respx.mock as theirs:
            theirs.get("https://elsewhere.example/").respond(text="theirs")
            assert httpx.get("https://elsewhere.example/").text == "theirs"
            assert asyncio.run(ask_with_httpx()) == 1000


@pytest.mark.slow
class TestOpenTelemetry:
    @pytest.fixture
    def spans(self) -> tuple[Any, Any]:
        pytest.importorskip("opentelemetry.instrumentation.httpx")
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        return provider, exporter

    def with_client() -> None:  # type: ignore[misc]
        with httpx.Client() as client:
            client.get(URL, headers=HEADERS)
            client.get(URL, headers=HEADERS)

    def with_proxy() -> None:  # type: ignore[misc]
        with httpx.Client(proxy=NOWHERE) as client:
            client.get(URL, headers=HEADERS)
            client.get(URL, headers=HEADERS)

    def with_functions() -> None:  # type: ignore[misc]
        httpx.get(URL, headers=HEADERS)
        httpx.get(URL, headers=HEADERS)

    def with_tasks() -> None:  # type: ignore[misc]
        asyncio.run(ask_with_httpx())
        asyncio.run(ask_with_httpx())

    @pytest.mark.parametrize("instrumented_first", [True, False])
    @pytest.mark.parametrize(
        "use",
        [
            pytest.param(with_functions, marks=reported("open-telemetry/opentelemetry-python-contrib#1742")),
            pytest.param(with_client, marks=reported("open-telemetry/opentelemetry-python-contrib#554")),
            pytest.param(with_proxy, marks=reported("open-telemetry/opentelemetry-python-contrib#2341")),
            pytest.param(with_tasks, marks=reported("open-telemetry/opentelemetry-python-contrib#461")),
        ],
    )
    def test_there_is_a_span_of_each_request(
        self, use: Callable[[], None], instrumented_first: bool, spans: tuple[Any, Any]
    ) -> None:
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

        instrumentor, mock = HTTPXClientInstrumentor(), MockAkool()
        if instrumented_first:
            instrumentor.instrument(tracer_provider=spans[0])
        with mock:
            if not instrumented_first:
                instrumentor.instrument(tracer_provider=spans[0])
            use()
            if not instrumented_first:
                instrumentor.uninstrument()
        if instrumented_first:
            instrumentor.uninstrument()
        assert len(spans[1].get_finished_spans()) == mock.calls.count == 2
        assert httpx.HTTPTransport.handle_request.__module__.startswith("httpx")


class TestAiohttp:
    @reported("pnuckowski/aioresponses#124")
    @pytest.mark.parametrize("where", ["session", "request"])
    def test_raise_for_status_raises(self, where: str, mock: MockAkool) -> None:
        mock.on("quota/info").respond(http=500)
        session_options = {"raise_for_status": True} if where == "session" else {}
        request_options: dict[str, Any] = {"raise_for_status": True} if where == "request" else {}
        with pytest.raises(aiohttp.ClientResponseError, match="500"):
            in_session(lambda session: session.get(URL, headers=HEADERS, **request_options), **session_options)

    @reported("pnuckowski/aioresponses#140")
    def test_a_closed_session_refuses(self, mock: MockAkool) -> None:
        async def use(session: aiohttp.ClientSession) -> None:
            await session.close()
            await session.get(URL)

        with pytest.raises(RuntimeError, match="closed"):
            in_session(use)
        assert mock.calls.count == 0

    @reported("pnuckowski/aioresponses#265")
    def test_a_session_with_a_base_url(self, mock: MockAkool) -> None:
        async def use(session: aiohttp.ClientSession) -> int:
            async with session.get(QUOTA, headers=HEADERS) as response:
                code: int = (await response.json())["code"]
                return code

        assert in_session(use, base_url=API_URL) == 1000

    @reported("aio-libs/aiohttp#1385")
    @pytest.mark.filterwarnings("ignore:Inheritance class Signing")
    def test_a_session_that_overrides_request_alone(self, mock: MockAkool) -> None:
        class Signing(aiohttp.ClientSession):
            async def _request(self, method: str, url: Any, **options: Any) -> Any:  # type: ignore[override]
                return await super()._request(method, url, headers=HEADERS, **options)

        async def use() -> list[int]:
            async with Signing() as session:
                answers = [await session.get(URL), await session.request("GET", URL)]
                return [(await answer.json())["code"] for answer in answers]

        assert asyncio.run(use()) == [1000, 1000]

    @reported("miketheman/pytest-socket#412")
    def test_a_resolver_of_the_client_is_not_asked(self, mock: MockAkool) -> None:
        class Resolver(aiohttp.abc.AbstractResolver):
            async def resolve(self, *_: Any, **__: Any) -> Any:
                raise AssertionError

            async def close(self) -> None: ...

        async def use() -> int:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Resolver())) as session:
                return await ask(session)

        assert asyncio.run(use()) == 1000

    def test_a_connector_with_a_way_of_its_own_to_connect(self, mock: MockAkool) -> None:
        class Own(aiohttp.TCPConnector):
            async def _create_connection(self, *args: Any) -> Any:
                return (await self._create_direct_connection(*args))[1]

        async def use() -> int:
            async with aiohttp.ClientSession(connector=Own()) as session:
                return await ask(session)

        assert asyncio.run(use()) == 1000

    def test_middlewares_and_traces_see_each_request(self, mock: MockAkool) -> None:
        seen: list[str] = []

        async def watch(request: aiohttp.ClientRequest, handler: Any) -> Any:
            seen.append(str(request.url.host))
            return await handler(request)

        async def traced(*_: Any) -> None:
            seen.append("traced")

        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(traced)
        assert in_session(ask, middlewares=(watch,), trace_configs=[trace]) == 1000
        assert seen == ["openapi.akool.com", "traced"]


class TestWithoutSockets:
    @pytest.fixture
    def no_sockets(self) -> Iterator[None]:
        plugin = pytest.importorskip("pytest_socket")
        plugin.disable_socket(allow_unix_socket=True)
        yield
        plugin.enable_socket()

    @reported("pytest-dev/pytest-asyncio#160", "miketheman/pytest-socket#7")
    def test_aiohttp(self, mock: MockAkool, no_sockets: None) -> None:
        assert in_session(ask) == 1000

    @reported("miketheman/pytest-socket#47")
    def test_a_client_of_starlette(self, mock: MockAkool, no_sockets: None) -> None:
        app = fastapi.FastAPI()
        app.add_api_route("/", lambda: httpx.get(URL, headers=HEADERS).json()["code"])
        with TestClient(app) as client:
            assert client.get("/").json() == 1000

    @reported("miketheman/pytest-socket#43")
    def test_names_are_not_looked_up_either(self, mock: MockAkool) -> None:
        import socket

        for look_up in (socket.gethostbyname, socket.gethostbyaddr, lambda host: socket.getaddrinfo(host, 443)):
            with pytest.raises(OSError, match="mock-akool stopped"):
                look_up("openapi.akool.com")
