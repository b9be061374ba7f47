"""The transports of the contract suite: the ways of a request into a fake, one class each, all with the same `call`.

To add a transport, derive from `Transport` and name the class in `TRANSPORTS`.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any, ClassVar, Final, TypeVar

import aiohttp
import httpx
import requests
from yarl import URL

from mock_akool import MockAkool
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Request, Response, Termination, Transfer
from mock_akool.server.http_server import Server

CDN_URL: Final = "https://d2qf6ukcym4kn9.cloudfront.net"
"""Where the real service has its files (contract section 8)."""
_LARGE_BYTES: Final = 1 << 20
_Result = TypeVar("_Result")

PATIENCE_S: Final = 20.0
"""How long a socket waits for an answer before the test fails instead of hanging."""


@dataclass(frozen=True)
class Answer:
    """What a client gets; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> int:
        """The business code."""
        code: int = self.json()["code"]
        return code

    @property
    def msg(self) -> str:
        msg: str = self.json()["msg"]
        return msg

    @property
    def data(self) -> Any:
        """What a success carries; an answer that is none fails the test."""
        envelope = self.json()
        assert (self.status, envelope["code"]) == (200, 1000), envelope
        return envelope["data"]


class Transport(ABC):
    """A way into one fake. `call` may be used by several threads at once.

    With `patience_s` the client waits that many seconds of the fake's virtual time for a response, and none of them for
    real. Such a transport is for one thread.
    """

    name: ClassVar[str]
    errors: ClassVar[tuple[type[Exception], ...]]
    """What this library raises when no whole answer comes."""
    file_base: str
    """What the URLs of files begin with through this transport."""
    files_follow_host: ClassVar[bool] = True
    """Whether they do so for the host that the client called, or are always at Akool's own."""

    def __init__(self, mock: MockAkool, patience_s: float | None = None) -> None:
        self.mock = mock
        self.patience_s = patience_s

    @property
    def limit_s(self) -> float:
        """The time limit that is given to the library."""
        return PATIENCE_S if self.patience_s is None else self.patience_s

    @abstractmethod
    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Send a request and return its answer. `path` and `query` are ASCII and go out as they are."""

    @abstractmethod
    def close(self) -> None:
        """Give back whatever the transport holds."""

    def advance(self, seconds: float) -> None:
        """Move the fake's virtual clock."""
        self.mock.clock.advance(seconds)

    @property
    def now_ms(self) -> int:
        """The fake's time in milliseconds since the epoch."""
        return self.mock.clock.now_ns() // 1_000_000


class FlaskTransport(Transport):
    """Flask's test client of the app."""

    name = "flask"
    errors = (ConnectionError, TimeoutError)
    file_base = "http://localhost"

    def __init__(self, mock: MockAkool, patience_s: float | None = None) -> None:
        super().__init__(mock, patience_s)
        self._app = mock.app()
        self._app.testing = True
        self._local = threading.local()

    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        if not hasattr(self._local, "client"):
            self._local.client = self._app.test_client(use_cookies=False)
        asked_ns = self.mock.engine.clock.now_ns()
        response = self._local.client.open(
            f"{path}?{query}" if query else path, method=method, headers=list((headers or {}).items()), data=body
        )
        with response:
            got = {name.lower(): value for name, value in response.headers}
            answer = Answer(response.status_code, got, response.get_data())
        # Flask's test client has no time limit of its own.
        late_s = (self.mock.engine.clock.now_ns() - asked_ns) / NS_PER_S
        if self.patience_s is not None and late_s > self.patience_s:
            raise TimeoutError(f"the answer took {late_s:g} s")
        return answer

    def close(self) -> None:
        pass


@dataclass
class _Connections(threading.local):
    """The keep-alive connection of each thread."""

    mine: socket.socket | None = field(default=None)


class _HurriedServer(Server):
    """A live server whose answers are late on the fake's virtual clock, and for real at once.

    An answer that its client does not wait for does not come: the connection closes, and `given_up` tells the client
    why. Late answers for real are looked at by the tests of the server.
    """

    def __init__(self, mock: MockAkool, patience_s: float) -> None:
        super().__init__(mock.application)
        self._clock = mock.clock
        self._patience_s = patience_s
        self.given_up = False

    async def complete(self, request: Request, response: Response, peer: str) -> tuple[Response, bytes]:
        response, body = await super().complete(request, response, peer)
        delay_s, transfer = response.delay_ns / NS_PER_S, response.transfer
        if delay_s > self._patience_s:
            self._clock.advance(self._patience_s)
            self.given_up = True
            return response._replace(delay_ns=0, transfer=Transfer(Termination.DROP)), body
        if transfer is not None and transfer.piece_bytes:
            delay_s += transfer.pieces(len(body)) * transfer.pause_ns / NS_PER_S
            transfer = transfer._replace(piece_bytes=0, pause_ns=0)
        self._clock.advance(delay_s)
        return response._replace(delay_ns=0, transfer=None if transfer == Transfer() else transfer), body


class SocketTransport(Transport):
    """The live server on a free port, and a keep-alive connection to it by hand.

    By hand, because http.client refuses to send some of the requests that a server must survive.
    A server starts and stops in a millisecond, so each fake has its own.
    """

    name = "socket"
    errors = (OSError, HTTPException)

    def __init__(self, mock: MockAkool, patience_s: float | None = None) -> None:
        super().__init__(mock, patience_s)
        self._server = (mock.server() if patience_s is None else _HurriedServer(mock, patience_s)).start()
        self.file_base = self._server.url
        self._connections = _Connections()
        self._open: list[socket.socket] = []

    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        sent = {"host": self._server.address, "content-length": str(len(body)), **(headers or {})}
        target = f"{path}?{query}" if query else path
        lines = [
            f"{method} {target} HTTP/1.1".encode("ascii"),
            *(f"{n}: {v}".encode("latin-1") for n, v in sent.items()),
        ]
        connection = self._connection()
        keep = False
        try:
            connection.sendall(b"\r\n".join([*lines, b"", body]))
            with HTTPResponse(connection, method=method) as response:
                response.begin()
                got = {name.lower(): value for name, value in response.getheaders()}
                answer = Answer(response.status, got, response.read())
                keep = not response.will_close
        except self.errors:
            if isinstance(self._server, _HurriedServer) and self._server.given_up:
                self._server.given_up = False
                raise TimeoutError("timed out") from None
            raise
        finally:
            if not keep:
                connection.close()
                self._connections.mine = None
        return answer

    def _connection(self) -> socket.socket:
        if self._connections.mine is None:
            made = socket.create_connection(("127.0.0.1", self._server.port), timeout=PATIENCE_S)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.mine = made
            self._open.append(made)
        return self._connections.mine

    def close(self) -> None:
        for connection in self._open:
            connection.close()
        self._server.stop()


class InProcessTransport(Transport):
    """A client of this process, whose requests to the fake's host are answered in process.

    Each fake has a host of its own here, since several are open at once in some tests. The targets go out as they are,
    which each library has its own way to do; a client would tidy up what a server must survive.
    """

    file_base = CDN_URL
    files_follow_host = False
    _numbers = itertools.count(1)

    def __init__(self, mock: MockAkool, patience_s: float | None = None) -> None:
        super().__init__(mock, patience_s)
        self.host = f"openapi-{next(self._numbers)}.akool.test"
        # Nothing of this suite sleeps, and threads that work at the same time shall not wait for each other.
        mock.options = mock.options.but(hosts=(self.host,), sleep="real")
        mock.start()

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def close(self) -> None:
        self.mock.stop()


class RequestsTransport(InProcessTransport):
    """A `requests.Session` for each thread."""

    name = "requests"
    errors = (requests.RequestException,)

    def __init__(self, mock: MockAkool, patience_s: float | None = None) -> None:
        super().__init__(mock, patience_s)
        self._local = threading.local()

    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        prepared = session.prepare_request(requests.Request(method, self.url, data=body))
        prepared.url = f"{self.url}{_target(path, query)}"
        prepared.headers.update(dict(headers or {}))
        response = session.send(prepared, allow_redirects=False, timeout=self.limit_s)
        return Answer(response.status_code, {n.lower(): v for n, v in response.headers.items()}, response.content)


class HttpxTransport(InProcessTransport):
    """An `httpx.Client`, which threads may share."""

    name = "httpx"
    errors = (httpx.TransportError,)

    def __init__(self, mock: MockAkool, patience_s: float | None = None) -> None:
        super().__init__(mock, patience_s)
        self._client = httpx.Client(
            trust_env=False, verify=False, timeout=self.limit_s
        )  # no TLS: it takes long to prepare

    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        return _answer_of(self._client.send(_httpx_request(self.url, method, path, query, headers, body)))

    def close(self) -> None:
        self._client.close()
        super().close()


class HttpxAsyncTransport(InProcessTransport):
    """An `httpx.AsyncClient` in an event loop that other threads hand their calls to."""

    name = "httpx-async"
    errors = (httpx.TransportError,)

    def __init__(self, mock: MockAkool, patience_s: float | None = None) -> None:
        super().__init__(mock, patience_s)
        self._loop = LoopThread()
        self._client = httpx.AsyncClient(trust_env=False, verify=False, timeout=self.limit_s)

    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        request = _httpx_request(self.url, method, path, query, headers, body)
        return _answer_of(self._loop.run(self._client.send(request)))

    def close(self) -> None:
        self._loop.run(self._client.aclose())
        self._loop.stop()
        super().close()


class AiohttpTransport(InProcessTransport):
    """An `aiohttp.ClientSession` in an event loop that other threads hand their calls to."""

    name = "aiohttp"
    errors = (aiohttp.ClientError, TimeoutError)

    def __init__(self, mock: MockAkool, patience_s: float | None = None) -> None:
        super().__init__(mock, patience_s)
        self._loop = LoopThread()
        self._session = self._loop.run(self._open())

    def call(
        self, method: str, path: str, query: str = "", *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        return self._loop.run(self._call(method, URL(f"{self.url}{_target(path, query)}", encoded=True), headers, body))

    async def _open(self) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(self.limit_s))
        # aiohttp repeats a GET that was dropped, once and in silence; this suite wants to see each request by itself.
        session._retry_connection = False
        return session

    async def _call(self, method: str, url: URL, headers: Mapping[str, str] | None, body: bytes) -> Answer:
        data = io.BytesIO(body) if len(body) > _LARGE_BYTES else body  # as aiohttp wants it
        async with self._session.request(method, url, headers=headers, data=data, allow_redirects=False) as response:
            got = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, got, await response.read())

    def close(self) -> None:
        self._loop.run(self._session.close())
        self._loop.stop()
        super().close()


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run a coroutine there and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()


def _target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _httpx_request(
    url: str, method: str, path: str, query: str, headers: Mapping[str, str] | None, body: bytes
) -> httpx.Request:
    sent = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    extensions = {"target": _target(path, query).encode()}
    return httpx.Request(method, url, headers=sent, content=body, extensions=extensions)


def _answer_of(response: httpx.Response) -> Answer:
    return Answer(response.status_code, dict(response.headers), response.content)


TRANSPORTS: Final[tuple[type[Transport], ...]] = (
    FlaskTransport,
    RequestsTransport,
    HttpxTransport,
    HttpxAsyncTransport,
    AiohttpTransport,
    SocketTransport,
)

USUAL: Final[type[Transport]] = SocketTransport
"""The one for what does not depend on the transport: the bytes that are sent and received are seen as they are."""

OpenTransport = Callable[..., Transport]
"""Opens a transport into a new fake with these options."""
