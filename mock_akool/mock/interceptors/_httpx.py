"""The interceptor for `httpx` and `httpx2`, sync and async, and for `httpcore` below them.

httpx lets a client choose a transport for each URL; the method that chooses is patched, so clients made before,
during or after are covered, and the mocks of others, which patch transports, never see our hosts. A transport of the
user's own that wraps httpx's, to try again for instance, is left in its place, and so is one whose `handle_request` was
wrapped to watch it, as OpenTelemetry does: what they send at last through httpx's transport is answered there, or in
httpcore's pool below it.

httpx2 is httpx by another name, and may be imported as `httpx`, too. So nothing here imports either of them: an
interceptor is made for a pair of modules.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Request, Termination, Transfer
from mock_akool.mock.interceptors.hosts import note_failure, refusal, refuses, target_of
from mock_akool.mock.interceptors.patching import Patches, is_from
from mock_akool.mock.interceptors.target import Delivered, Target, TimedOutError, pauses_s, request_of

_CHOOSING: Final = "_transport_for_url"
_SENDING: Final = "handle_request"
_SENDING_ASYNC: Final = "handle_async_request"
_IN_PROGRESS: Final = "[Errno 115] Operation now in progress"
_MOST_PIECES: Final = 256
"""In how many pieces a body is handed over at the most; more small ones come together, and as late."""


class HttpxInterceptor:
    """Answers what one of the two libraries sends, in terms of its own classes."""

    def __init__(self, library: str, core: str) -> None:
        self._library = library
        self._core = core
        self._patches = Patches()

    def install(self) -> None:
        """Patch the choice of a transport in both kinds of client, and the sending of both transports."""
        self._patches.tidy()
        httpx = sys.modules[self._library]
        if httpx.__name__ != self._library:  # it is an alias for the other one, which is patched as such
            return
        for name in ("Client", "AsyncClient"):  # releases of httpx 1.0 for trying out have one kind of client only
            if getattr(getattr(httpx, name, None), _CHOOSING, None) is None:
                raise MockAkoolError(
                    f"mock-akool does not know {self._library} {httpx.__version__}",
                    "Use httpx 0.23 to 0.28 or httpx2, or the live server",
                )
        transport = _transport_class(httpx)
        plain = (httpx.HTTPTransport, httpx.AsyncHTTPTransport)
        for client in (httpx.Client, httpx.AsyncClient):
            choosing = _choosing(getattr(client, _CHOOSING), transport, plain, httpx)
            self._patches.put(client, _CHOOSING, choosing)
        self._patches.put(httpx.HTTPTransport, _SENDING, _sending(httpx, self._core, transport))
        self._patches.put(httpx.AsyncHTTPTransport, _SENDING_ASYNC, _sending_async(httpx, self._core, transport))

    def uninstall(self) -> None:
        """Take the patches back."""
        self._patches.take_back()


class HttpcoreInterceptor:
    """Answers what gets as far as a pool of connections, by whichever way."""

    def __init__(self, library: str) -> None:
        self._library = library
        self._patches = Patches()

    def install(self) -> None:
        """Patch the sending of both kinds of pool."""
        self._patches.tidy()
        core = sys.modules[self._library]
        if core.__name__ != self._library:
            return
        pool, async_pool = core.ConnectionPool, core.AsyncConnectionPool
        self._patches.put(pool, _SENDING, _pooling(core, getattr(pool, _SENDING)))
        self._patches.put(async_pool, _SENDING_ASYNC, _pooling_async(core, getattr(async_pool, _SENDING_ASYNC)))

    def uninstall(self) -> None:
        """Take the patches back."""
        self._patches.take_back()


HTTPX: Final = HttpxInterceptor("httpx", "httpcore")
HTTPX2: Final = HttpxInterceptor("httpx2", "httpcore2")
HTTPCORE: Final = HttpcoreInterceptor("httpcore")
HTTPCORE2: Final = HttpcoreInterceptor("httpcore2")


# Which transport sends

_put: Final[list[tuple[Any, Any]]] = []
"""Our newest patches of transports, and what they replaced. A wrapper of one may be equal to it, but is not it."""


def _choosing(
    original: Callable[[Any, Any], Any], transport_class: Callable[[Target], Any], plain: tuple[type, ...], httpx: Any
) -> Callable[[Any, Any], Any]:
    def choose(client: Any, url: Any) -> Any:
        transport = original(client, url)
        if type(transport) in plain:
            target = target_of(url.host, url.port)
            if target is not None and not _is_watched(transport, httpx):
                return transport_class(target)
        return transport

    return choose


def _is_watched(transport: Any, httpx: Any) -> bool:
    """Return whether somebody has wrapped the sending of a plain transport to watch it, and not put a mock there."""
    name = _SENDING if isinstance(transport, httpx.HTTPTransport) else _SENDING_ASYNC
    if name in vars(transport):
        return True
    send = vars(type(transport)).get(name)
    below = [original for ours, original in _put if ours is send]  # of our own patch: what was there before
    return _wraps_genuine(below[0] if below else send, httpx)


def _sending(httpx: Any, core: str, transport_class: Callable[[Target], Any]) -> Callable[..., Any]:
    original = httpx.HTTPTransport.handle_request
    watched = _wraps_genuine(original, httpx)

    def handle_request(self: Any, request: Any) -> Any:
        target = target_of(request.url.host, request.url.port)
        if target is not None and not watched:
            return transport_class(target).handle_request(request)
        if target is None and refuses(request.url.host) and _is_real(original, self, httpx, core):
            raise httpx.ConnectError(refusal(request.url, request.url.host), request=request)
        try:
            return original(self, request)
        except Exception as error:
            if target is None:
                note_failure(request.method, request.url.host, request.url.port, error)
            raise

    _put[:] = [*_put[-3:], (handle_request, original)]
    return handle_request


def _sending_async(httpx: Any, core: str, transport_class: Callable[[Target], Any]) -> Callable[..., Any]:
    original = httpx.AsyncHTTPTransport.handle_async_request
    watched = _wraps_genuine(original, httpx)

    async def handle_async_request(self: Any, request: Any) -> Any:
        target = target_of(request.url.host, request.url.port)
        if target is not None and not watched:
            return await transport_class(target).handle_async_request(request)
        if target is None and refuses(request.url.host) and _is_real(original, self, httpx, core):
            raise httpx.ConnectError(refusal(request.url, request.url.host), request=request)
        try:
            return await original(self, request)
        except Exception as error:
            if target is None:
                note_failure(request.method, request.url.host, request.url.port, error)
            raise

    _put[:] = [*_put[-3:], (handle_async_request, original)]
    return handle_async_request


_MOCKS: Final = frozenset({"mocket", "pook", "pytest_httpx", "respx", "vcr"})
"""Packages whose wrappers do not watch, but answer or refuse."""


def _wraps_genuine(send: Any, httpx: Any) -> bool:
    """Return whether this watches the library's own sending, and is no mock."""
    if not hasattr(send, "__wrapped__") or not is_from(inspect.unwrap(send), httpx):
        return False
    while hasattr(send, "__wrapped__"):
        code_of = getattr(send, "_self_wrapper", send)  # a wrapper of wrapt's, which otherwise shows what it wraps
        if str(getattr(code_of, "__globals__", {}).get("__name__")).partition(".")[0] in _MOCKS:
            return False
        send = send.__wrapped__
    return True


def _is_real(send: object, transport: Any, httpx: Any, core: str) -> bool:
    """Return whether the transport would open a connection, and no mock sits in httpx or httpcore below it."""
    pool = type(getattr(transport, "_pool", None))
    below = getattr(pool, _SENDING, None) or getattr(pool, _SENDING_ASYNC, None)
    return is_from(send, httpx) and (below is None or is_from(below, sys.modules[core]))


# What a client asks, and what it gets


class _Asked(NamedTuple):
    """A request, in the words that httpx and httpcore share."""

    method: str
    netloc: str
    path_and_query: str
    headers: list[tuple[bytes, bytes]]
    timeouts: Mapping[str, Any]

    def lower_headers(self) -> dict[str, str]:
        # Of a repeated header the first counts, as with a server.
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.headers[::-1]}

    @property
    def patience_s(self) -> float | None:
        limit: float | None = self.timeouts.get("read")
        return limit

    def check(self, errors: Any, *, is_async: bool) -> None:
        """Raise what the library raises for a time limit with which it could not even connect."""
        for limit in self.timeouts.values():
            if limit is None:
                continue
            if not isinstance(limit, (int, float)):
                raise TypeError(f"'{type(limit).__name__}' object cannot be interpreted as an integer")
            if limit < 0 and not is_async:
                raise ValueError("Timeout value out of range")
        connect = self.timeouts.get("connect")
        if connect is not None and connect <= 0:
            raise errors.ConnectTimeout("") if is_async else errors.ConnectError(_IN_PROGRESS)

    def with_body(self, body: bytes) -> Request:
        """Return the request as fakes take it."""
        return request_of("httpx", self.method, self.netloc, self.path_and_query, self.lower_headers(), body)


def _answer(asked: _Asked, target: Target, body: bytes, errors: Any) -> Delivered:
    """Answer, and wait as long as the answer says. `errors` is the module whose errors are raised."""
    asked.check(errors, is_async=False)
    try:
        answer = target.answer(asked.with_body(body), asked.patience_s)
        target.wait(answer.delay_s, asked.patience_s)
    except TimedOutError:
        raise _timed_out(errors) from None
    return _unbroken(answer, errors)


async def _answer_in_task(asked: _Asked, target: Target, body: bytes, errors: Any) -> Delivered:
    asked.check(errors, is_async=True)
    try:
        answer = await target.answer_in_task(asked.with_body(body), asked.patience_s)
        await target.wait_in_task(answer.delay_s, asked.patience_s)
    except TimedOutError:
        raise _timed_out(errors, is_async=True) from None
    return _unbroken(answer, errors)


def _unbroken(answer: Delivered, errors: Any) -> Delivered:
    if answer.ends is Termination.DROP:
        raise errors.RemoteProtocolError("Server disconnected without sending a response.")
    if answer.ends is Termination.RESET:
        raise errors.ReadError("[Errno 104] Connection reset by peer")
    return answer


def _timed_out(errors: Any, *, is_async: bool = False) -> Exception:
    # The text is the operating system's under the sync client; asyncio gives none.
    error: Exception = errors.ReadTimeout("" if is_async else "The read operation timed out")
    return error


def _extensions(status: int) -> dict[str, bytes]:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return {"http_version": b"HTTP/1.1", "reason_phrase": phrase.encode()}


class _Body:
    """A body that comes in pieces, or of which only a part comes."""

    def __init__(self, answer: Delivered, target: Target, asked: _Asked, errors: Any) -> None:
        self._arriving = answer.arriving
        self._whole = len(answer.body)
        self._transfer = answer.transfer or Transfer()
        self._target = target
        self._patience_s = asked.patience_s
        self._errors = errors

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces():
            first_s, others_s = pauses_s(self._transfer, len(piece))
            try:
                self._target.wait(first_s, self._patience_s)
            except TimedOutError:
                raise _timed_out(self._errors) from None
            self._target.wait(others_s, None)
            yield piece
        self._check_end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces():
            first_s, others_s = pauses_s(self._transfer, len(piece))
            try:
                await self._target.wait_in_task(first_s, self._patience_s)
            except TimedOutError:
                raise _timed_out(self._errors, is_async=True) from None
            await self._target.wait_in_task(others_s, None)
            yield piece
        self._check_end()

    def _pieces(self) -> Iterator[bytes]:
        size = self._transfer.piece_bytes or len(self._arriving) or 1
        size *= -(-len(self._arriving) // (size * _MOST_PIECES)) or 1
        for start in range(0, len(self._arriving), size):
            yield self._arriving[start : start + size]

    def _check_end(self) -> None:
        if len(self._arriving) < self._whole:
            raise self._errors.RemoteProtocolError(
                f"peer closed connection without sending complete message body "
                f"(received {len(self._arriving)} bytes, expected {self._whole})"
            )


# In terms of httpx


def _transport_class(httpx: Any) -> Callable[[Target], Any]:
    """Return a transport of this library, made for a target, that asks the fake."""

    class Stream(_Body, httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]
        """A body as httpx wants it."""

    class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):  # type: ignore[misc]
        def __init__(self, target: Target) -> None:
            self._target = target

        def handle_request(self, request: Any) -> Any:
            asked = _asked(request)
            return self._response(_answer(asked, self._target, request.read(), httpx), asked)

        async def handle_async_request(self, request: Any) -> Any:
            asked = _asked(request)
            return self._response(await _answer_in_task(asked, self._target, await request.aread(), httpx), asked)

        def _response(self, answer: Delivered, asked: _Asked) -> Any:
            if answer.transfer is None:
                stream = httpx.ByteStream(answer.body)
            else:
                stream = Stream(answer, self._target, asked, httpx)
            extensions = _extensions(answer.status)
            return httpx.Response(answer.status, headers=list(answer.headers), stream=stream, extensions=extensions)

    return Transport


def _asked(request: Any) -> _Asked:
    target: bytes = request.extensions.get("target", request.url.raw_path)
    return _Asked(
        request.method,
        request.url.netloc.decode("ascii"),
        target.decode("latin-1"),
        request.headers.raw,
        request.extensions.get("timeout", {}),
    )


# In terms of httpcore


def _pooling(core: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    def handle_request(self: Any, request: Any) -> Any:
        target = _target_of_core(request)
        if target is None:
            return original(self, request)
        asked = _asked_of_core(request)
        return _core_response(core, _answer(asked, target, b"".join(request.stream), core), target, asked)

    return handle_request


def _pooling_async(core: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_async_request(self: Any, request: Any) -> Any:
        target = _target_of_core(request)
        if target is None:
            return await original(self, request)
        asked = _asked_of_core(request)
        body = b"".join([piece async for piece in request.stream])
        return _core_response(core, await _answer_in_task(asked, target, body, core), target, asked)

    return handle_async_request


def _target_of_core(request: Any) -> Target | None:
    return target_of(request.url.host.decode("ascii", "replace"), request.url.port)


def _asked_of_core(request: Any) -> _Asked:
    url = request.url
    netloc = url.host.decode("ascii", "replace") + (f":{url.port}" if url.port is not None else "")
    return _Asked(
        request.method.decode("ascii"),
        netloc,
        url.target.decode("latin-1"),
        request.headers,
        request.extensions.get("timeout", {}),
    )


def _core_response(core: Any, answer: Delivered, target: Target, asked: _Asked) -> Any:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    content = answer.body if answer.transfer is None else _Body(answer, target, asked, core)
    return core.Response(answer.status, headers=headers, content=content, extensions=_extensions(answer.status))
