"""The interceptor for `aiohttp`: for our hosts, connections are made in memory to the fake, or to the server it is on.

aiohttp's responses cannot be made by hand without knowing its insides, which has broken other mocks at several of its
releases. So a real response is fetched, by the client's own session, over HTTP; what changes is what its connector
connects to: no socket, but the parser of the live server in the same event loop. URL, headers, cookies and redirects
are aiohttp's own business and stay as they are.

Two places are patched for this: where `TCPConnector` connects, and `ClientRequest.connection_key`, so that a pool keeps
connections to a fake apart from others. `ClientSession._request`, through which everything goes, is patched to wait for
delayed answers; the public methods are as well, so that mocks of others, which replace `_request`, do not see our
hosts. A session whose class has a `_request` of its own, to cache or to sign, runs it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final
from unittest import mock

import aiohttp
from yarl import URL

from mock_akool.admin import MOST_SNAPSHOT_BYTES, is_slow, is_snapshot
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Request, Response, Termination, Transfer
from mock_akool.mock.interceptors import memory
from mock_akool.mock.interceptors.hosts import note_failure, refusal, refuses, target_of
from mock_akool.mock.interceptors.patching import Patches, is_from
from mock_akool.mock.interceptors.target import LocalTarget, Target, TimedOutError, http_date, pauses_s
from mock_akool.server.http_connection import HttpConnection
from mock_akool.server.http_response import frame
from mock_akool.server.proxy import Place, Proxy
from mock_akool.server.tls import Tls

_VERBS: Final = ("get", "options", "head", "post", "put", "patch", "delete")
_DELAY: Final = "x-mock-akool-delay"
"""Tells the client's side of the interceptor for how many seconds the answer keeps it waiting."""
_DRIP: Final = "x-mock-akool-drip"
"""Tells it how the body would drip: how many bytes at a time, and the pause before each in nanoseconds."""
_REDIRECTS_BY_DEFAULT: Final = {"head": False}
_SMALL_BYTES: Final = 1 << 15
_MOST_SENT_BYTES: Final = 1 << 30
"""Up to how long bodies are handed on to a server behind a proxy, which has a bound of its own."""
_WRITTEN_ANEW: Final = frozenset({"date", "server", "content-length"})
_READ_TIMEOUT: Final[type[aiohttp.ServerTimeoutError]] = getattr(
    aiohttp, "SocketTimeoutError", aiohttp.ServerTimeoutError
)

SendRequest = Callable[..., Coroutine[Any, Any, aiohttp.ClientResponse]]

_log = logging.getLogger("mock_akool")
_patches: Final = Patches()


def install() -> None:
    """Patch `ClientSession`, `TCPConnector` and `ClientRequest`."""
    _patches.tidy()
    session, connector = aiohttp.ClientSession, aiohttp.TCPConnector
    genuine = _genuine(session._request)
    _patches.put(session, "_request", _sending(genuine, session._request))
    _patches.put(session, "request", _requesting(genuine, session.request))
    for verb in _VERBS:
        _patches.put(session, verb, _verb(genuine, verb, getattr(session, verb)))
    _patches.put(connector, "_create_connection", _connecting(connector._create_connection))
    direct: Any = getattr(connector, "_create_direct_connection", None)
    if direct is not None:
        _patches.put(connector, "_create_direct_connection", _connecting_directly(direct))
    key: Any = aiohttp.ClientRequest.connection_key
    _patches.put(aiohttp.ClientRequest, "connection_key", property(_keying(key.fget)))


def uninstall() -> None:
    """Take the patches back."""
    _patches.take_back()


def _genuine(request: SendRequest) -> SendRequest:
    """Return aiohttp's own `_request`, also when another mock has put something in its place."""
    # The mocks of others use unittest.mock, which knows what it has replaced.
    patches = getattr(getattr(mock, "_patch", None), "_active_patches", [])
    replaced = [patch.temp_original for patch in patches if getattr(patch, "attribute", "") == "_request"]
    for candidate in (request, *replaced):
        if is_from(candidate, aiohttp):
            genuine: SendRequest = inspect.unwrap(candidate)
            return genuine
    raise MockAkoolError(
        "mock-akool cannot find aiohttp's own ClientSession._request, something else is in its place",
        "Start MockAkool before the other mock",
    )


# Where connections go


def _keying(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def connection_key(self: aiohttp.ClientRequest) -> Any:
        key = original(self)
        target = target_of(self.url.host, self.url.port)
        return key if target is None else _renamed(key, f"{key.host} of fake {target.number}")

    return connection_key


def _renamed(key: Any, host: str) -> Any:
    if hasattr(key, "_replace"):
        return key._replace(host=host)
    import attr  # which older releases of aiohttp make their keys with

    return attr.evolve(key, host=host)


def _connecting(original: Callable[..., Any]) -> Callable[..., Any]:
    async def _create_connection(self: Any, req: aiohttp.ClientRequest, *args: Any, **options: Any) -> Any:
        target = target_of(req.url.host, req.url.port)
        if target is not None:
            return await _connected(self, target)
        if refuses(req.url.host):
            raise aiohttp.ClientConnectionError(refusal(req.url, req.url.host))
        try:
            return await original(self, req, *args, **options)
        except Exception as error:
            note_failure(req.method, req.url.host, req.url.port, error)
            raise

    return _create_connection


def _connecting_directly(original: Callable[..., Any]) -> Callable[..., Any]:
    """Patch the step below, for connectors with a `_create_connection` of their own."""

    async def _create_direct_connection(self: Any, req: aiohttp.ClientRequest, *args: Any, **options: Any) -> Any:
        target = target_of(req.url.host, req.url.port)
        if target is None:
            return await original(self, req, *args, **options)
        protocol = await _connected(self, target)
        return protocol.transport, protocol

    return _create_direct_connection


async def _connected(connector: Any, target: Target) -> Any:
    """Return a client's protocol that is connected to the fake, or to the server it is on."""
    if isinstance(target, LocalTarget):
        host = _Host(target, connector._loop)
        return memory.connect(connector._loop, connector._factory, lambda: HttpConnection(host))
    if target.is_behind:
        behind = _HostBehind(target, connector._loop)
        return memory.connect(connector._loop, connector._factory, lambda: HttpConnection(behind))
    _, protocol = await connector._loop.create_connection(connector._factory, *target.address)
    return protocol


_NO_TLS: Final = Tls(off=True)
_NO_PROXY: Final = Proxy(on=False)


class _MemoryHost:
    """Serves one target in the event loop of its client."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_body_bytes: int) -> None:
        self.loop = loop
        self.max_body_bytes = max_body_bytes
        self.pace = 1.0
        self.connections: set[HttpConnection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.known_requests = self.known_over_tls = dict[bytes, Request]()
        self.port = 0
        self.tls = _NO_TLS
        self.proxy = _NO_PROXY
        self.is_slow: Callable[[Request], bool] = is_slow

    def most_bytes_of(self, request: Request, /) -> int:
        """Return up to how many bytes are read of a snapshot; 0 for other requests."""
        return MOST_SNAPSHOT_BYTES if is_snapshot(request) else 0

    def is_own(self, place: Place, /) -> bool:
        """Return that every request is for the fake itself."""
        return True

    def base_for(self, headers: Mapping[str, str], scheme: str, peer: str, /) -> str:
        """Return nothing: the URLs of files are those of the real hosts, as each family has them."""
        return ""

    def answer(self, request: Request, peer: str = "") -> Response:
        """Answer a request at once, or say with a delay that `complete` answers it."""
        raise NotImplementedError

    async def complete(self, request: Request, response: Response, peer: str) -> tuple[Response, bytes]:
        """Return the response as it is sent, and its body."""
        raise NotImplementedError

    async def answer_admin(self, request: Request, peer: str) -> Response:
        """Answer a request to the admin API as any other: in process nobody waits on it, and a stream ends at once."""
        return self.answer(request)._replace(stream=None)

    async def beside(self, work: Callable[[], bytes]) -> bytes:
        """Do the work: in process nobody else waits."""
        return work()

    def remember(self, known: dict[bytes, Request], data: bytes, request: Request) -> None:
        """Keep nothing: a host serves for one test."""

    def has_room(self) -> bool:
        """Return True: the clients are this process's own."""
        return True

    def again(self, request: Request, peer: str) -> bytes | None:
        """Return None: nothing is kept from request to request."""
        return None

    def framed(self, response: Response) -> bytes:
        """Return a response as it is sent now."""
        before, after = frame(response, response.body)
        return before + self.date() + after

    def date(self) -> bytes:
        """Return the Date header."""
        return f"\r\ndate: {http_date()}".encode()


class _Host(_MemoryHost):
    """Serves a fake of this process. Delays are left to its client, who knows how long it waits."""

    def __init__(self, target: LocalTarget, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop, target.application.max_body_bytes)
        self._target = target
        self.application = target.application
        self.is_slow = target.application.is_slow

    def answer(self, request: Request, peer: str = "") -> Response:
        """Answer a request, and say in headers how long its client is to wait."""
        self._target.begin_request()
        request = request._replace(transport="aiohttp")
        response = self._target.note(request, self.application.answer(request))
        transfer = response.transfer
        if transfer is not None and transfer.termination in (Termination.DROP, Termination.RESET):
            if response.delay_ns:
                self._target.late_breaks.append(response.delay_ns / NS_PER_S)
            return response._replace(delay_ns=0)
        waits = []
        if response.delay_ns:
            waits.append((_DELAY, str(response.delay_ns / NS_PER_S)))
        if transfer is not None and transfer.piece_bytes:
            waits.append((_DRIP, f"{transfer.piece_bytes} {transfer.pause_ns}"))
            transfer = transfer._replace(piece_bytes=0, pause_ns=0)
        if not waits:
            return response
        return response._replace(headers=(*response.headers, *waits), delay_ns=0, transfer=transfer)

    async def answer_admin(self, request: Request, peer: str) -> Response:
        """Answer a slow request: one that another server answers in a thread, so that other tasks go on."""
        if not self.application.asks_others:
            return await super().answer_admin(request, peer)
        response = await self.loop.run_in_executor(None, self.answer, request, peer)
        return response._replace(stream=None)

    async def complete(self, request: Request, response: Response, peer: str) -> tuple[Response, bytes]:
        """Return the response as it is sent, and its body."""
        return self.application.complete(response)

    def ready_file(self, request: Request, response: Response, peer: str) -> tuple[Response, bytes]:
        """Return the response with a file as it is sent, and its body."""
        return self.application.complete(response)

    def note_refusal(self, peer: str, status: int, why: str, start: bytes) -> None:
        """Take note of what is no request, such as a head that is too long."""
        self.application.note_refusal(peer, status, why, start)


class _HostBehind(_MemoryHost):
    """Lets a server answer that is behind a proxy, for which the head of each request has to be written anew."""

    def __init__(self, target: Target, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop, _MOST_SENT_BYTES)
        self._target = target

    def answer(self, request: Request, peer: str = "") -> Response:
        """Return that it takes a while."""
        return Response(200, (), b"", delay_ns=1)

    def ready_file(self, request: Request, response: Response, peer: str) -> None:
        """Return that no file is ready: the server draws them."""

    async def complete(self, request: Request, response: Response, peer: str) -> tuple[Response, bytes]:
        """Return what the server answers; a server that is not there breaks the connection."""
        try:
            found = await self._target.answer_in_task(request, None)
        except (MockAkoolError, TimedOutError) as error:
            _log.error("mock-akool: %s", error)
            return Response(0, (), b"", transfer=Transfer(Termination.DROP)), b""
        kept = tuple((name, value) for name, value in found.headers if name.lower() not in _WRITTEN_ANEW)
        # The answer to HEAD promises a body, of which only the length is written.
        promised = dict(found.headers).get("content-length", "0") if request.method == "HEAD" else "0"
        body = found.body or bytes(int(promised))
        return Response(found.status, kept, body, transfer=found.transfer), body

    def note_refusal(self, peer: str, status: int, why: str, start: bytes) -> None:
        """Log what is no request."""
        _log.error("mock-akool: %s", why)


# What a session does


def _sending(genuine: SendRequest, original: SendRequest) -> SendRequest:
    async def _request(
        self: aiohttp.ClientSession, method: str, str_or_url: str | URL, **options: Any
    ) -> aiohttp.ClientResponse:
        target = _target(self, str_or_url)
        if target is not None:
            return await _fetch(genuine, self, target, method, str_or_url, options)
        return await original(self, method, str_or_url, **options)

    return _request


def _requesting(genuine: SendRequest, original: Callable[..., Any]) -> Callable[..., Any]:
    def request(self: aiohttp.ClientSession, method: str, url: str | URL, **options: Any) -> Any:
        target = _target(self, url)
        if target is None or _has_own_request(self):
            return original(self, method, url, **options)
        return _Pending(_fetch(genuine, self, target, method, url, options))

    return request


def _verb(genuine: SendRequest, verb: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: aiohttp.ClientSession, url: str | URL, **options: Any) -> Any:
        target = _target(self, url)
        if target is None or _has_own_request(self):
            return original(self, url, **options)
        options.setdefault("allow_redirects", _REDIRECTS_BY_DEFAULT.get(verb, True))
        return _Pending(_fetch(genuine, self, target, verb.upper(), url, options))

    send.__name__ = verb
    return send


def _has_own_request(session: aiohttp.ClientSession) -> bool:
    """Return whether a subclass or the session itself does something of its own with each request."""
    if "_request" in vars(session):
        return True
    return next(each for each in type(session).__mro__ if "_request" in vars(each)) is not aiohttp.ClientSession


def _target(session: aiohttp.ClientSession, str_or_url: str | URL) -> Target | None:
    try:
        url = URL(str_or_url)
        base: URL | None = getattr(session, "_base_url", None)
        if base is not None and not url.host:
            url = base.join(url)
        return target_of(url.host, url.port)
    except (TypeError, ValueError):
        return None  # aiohttp says what is wrong with it


async def _fetch(
    genuine: SendRequest,
    session: aiohttp.ClientSession,
    target: Target,
    method: str,
    str_or_url: str | URL,
    options: dict[str, Any],
) -> aiohttp.ClientResponse:
    """Fetch an answer, and wait as long as it says. A server elsewhere really keeps its clients waiting."""
    if isinstance(target, LocalTarget):
        target.begin_request()
    elif not target.is_behind:  # such a one takes note itself
        target.note_request(method, str(str_or_url))
    token = object()
    target.in_flight.add(token)
    limits = _Limits(target, *_patience(session, options))
    try:
        response = await genuine(session, method, str_or_url, **options)
        if (response.content_length or 0) < _SMALL_BYTES and response.content.exception() is None:
            # Virtual time must not pass between the head and the body of an answer. (A long body is not waited for:
            # its transport stops when nobody reads.) Of a body that is cut off, the client hears when it reads it.
            with suppress(aiohttp.ClientPayloadError):
                await response.content.wait_eof()
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        target.in_flight.discard(token)
        target.check_pace()
        await limits.wait_for_breaks(error)
        raise
    finally:
        target.in_flight.discard(token)
    try:
        target.check_pace()
        await limits.wait_for_breaks(response.url.authority)  # aiohttp repeats a GET that broke
        await limits.wait(float(response.headers.get(_DELAY, 0)), response.url.authority)
        if _DRIP in response.headers:
            piece_bytes, pause_ns = map(int, response.headers[_DRIP].split())
            dripping = Transfer(piece_bytes=piece_bytes, pause_ns=pause_ns)
            first_s, others_s = pauses_s(dripping, response.content_length or 0)
            await limits.wait(first_s, response.url.authority)
            await limits.wait(others_s, response.url.authority, is_one_read=False)
    except BaseException:
        response.release()
        raise
    return response


class _Limits:
    """How long a client waits, in seconds: for the whole of a request, and for a single read."""

    def __init__(self, target: Target, total_s: float | None, read_s: float | None) -> None:
        self._target = target
        self._total_s = total_s
        self._read_s = read_s

    async def wait_for_breaks(self, whom: object) -> None:
        """Wait as long as it took until connections broke."""
        while self._target.late_breaks:
            await self.wait(self._target.late_breaks.popleft(), whom)

    async def wait(self, delay_s: float, whom: object, *, is_one_read: bool = True) -> None:
        """Wait, and raise aiohttp's own error when the client's patience is over before."""
        limits = [limit for limit in (self._total_s, self._read_s if is_one_read else None) if limit is not None]
        try:
            await self._target.wait_in_task(delay_s, min(limits, default=None))
        except TimedOutError:
            if self._total_s is not None and self._total_s == min(limits):
                raise TimeoutError from None
            raise _READ_TIMEOUT(f"Timeout on reading data from {whom}") from None
        if self._total_s is not None:
            self._total_s -= delay_s


def _patience(session: aiohttp.ClientSession, options: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return the client's limits, in seconds, on the whole request and on a read."""
    timeout = options.get("timeout")
    if isinstance(timeout, (int, float)):
        return float(timeout), None
    if not isinstance(timeout, aiohttp.ClientTimeout):
        timeout = session.timeout
    return timeout.total or None, timeout.sock_read or None


class _Pending(Coroutine[Any, Any, aiohttp.ClientResponse]):
    """What aiohttp's methods return: awaited for the response, or entered to have it released at the end."""

    def __init__(self, fetching: Coroutine[Any, Any, aiohttp.ClientResponse]) -> None:
        self._fetching = fetching
        self._response: aiohttp.ClientResponse | None = None

    def send(self, value: Any) -> Any:
        return self._fetching.send(value)

    def throw(self, *error: Any) -> Any:
        return self._fetching.throw(*error)

    def close(self) -> None:
        self._fetching.close()

    def __await__(self) -> Generator[Any, Any, aiohttp.ClientResponse]:
        return self._fetching.__await__()

    async def __aenter__(self) -> aiohttp.ClientResponse:
        self._response = await self._fetching
        return await self._response.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._response is not None:
            await self._response.__aexit__(kind, error, trace)
