"""The interceptor for `httpx`, sync and async.

httpx lets a client choose a transport for each URL; the method that chooses is patched, so clients made before,
during or after are covered, and the mocks of others, which patch transports, never see our hosts. A transport of the
user's own that wraps httpx's, to try again for instance, is left in its place: what it sends at last through httpx's
transport is answered there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Final

import httpcore
import httpx

from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Termination, Transfer
from mock_akool.mock.interceptors.patching import Patches, is_from
from mock_akool.mock.interceptors.registry import refusal, refuses, target_of
from mock_akool.mock.interceptors.target import Delivered, Target, TimedOutError, pauses_s

_CHOOSING: Final = "_transport_for_url"
_SENDING: Final = "handle_request"
_SENDING_ASYNC: Final = "handle_async_request"
_patches: Final = Patches()


def install() -> None:
    """Patch the choice of a transport in both kinds of client, and the sending of both transports."""
    _patches.tidy()
    for client in (httpx.Client, httpx.AsyncClient):
        original = getattr(client, _CHOOSING, None)
        if original is None:
            raise MockAkoolError(
                f"mock-akool does not know httpx {httpx.__version__}", "Use httpx 0.23 to 0.28, or the live server"
            )
        _patches.put(client, _CHOOSING, _choosing(original))
    _patches.put(httpx.HTTPTransport, _SENDING, _sending(httpx.HTTPTransport.handle_request))
    _patches.put(
        httpx.AsyncHTTPTransport, _SENDING_ASYNC, _sending_async(httpx.AsyncHTTPTransport.handle_async_request)
    )


def uninstall() -> None:
    """Take the patches back."""
    _patches.take_back()


def _choosing(original: Callable[[Any, httpx.URL], Any]) -> Callable[[Any, httpx.URL], Any]:
    def choose(client: Any, url: httpx.URL) -> Any:
        transport = original(client, url)
        target = target_of(url.host, url.port)
        if target is not None and type(transport) in _PLAIN:
            return _Transport(target)
        return transport

    return choose


def _sending(original: Callable[..., httpx.Response]) -> Callable[..., httpx.Response]:
    def handle_request(self: Any, request: httpx.Request) -> httpx.Response:
        target = target_of(request.url.host, request.url.port)
        if target is not None:
            return _Transport(target).handle_request(request)
        if refuses(request.url.host) and _is_real(original, self):
            raise httpx.ConnectError(refusal(request.url), request=request)
        return original(self, request)

    return handle_request


def _sending_async(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_async_request(self: Any, request: httpx.Request) -> httpx.Response:
        target = target_of(request.url.host, request.url.port)
        if target is not None:
            return await _Transport(target).handle_async_request(request)
        if refuses(request.url.host) and _is_real(original, self):
            raise httpx.ConnectError(refusal(request.url), request=request)
        response: httpx.Response = await original(self, request)
        return response

    return handle_async_request


_PLAIN: Final = (httpx.HTTPTransport, httpx.AsyncHTTPTransport)


def _is_real(send: object, transport: Any) -> bool:
    """Return whether the transport would open a connection, and no mock sits in httpx or httpcore below it."""
    pool = type(getattr(transport, "_pool", None))
    below = getattr(pool, _SENDING, None) or getattr(pool, _SENDING_ASYNC, None)
    return is_from(send, httpx) and (below is None or is_from(below, httpcore))


class _Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def __init__(self, target: Target) -> None:
        self._target = target

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = self._asked(request, request.read())
        try:
            answer = self._target.answer(*asked)
            self._target.wait(answer.delay_s, _patience(request))
        except TimedOutError:
            raise _timed_out(request) from None
        return self._response(answer, request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = self._asked(request, await request.aread())
        try:
            answer = await self._target.answer_in_task(*asked)
            await self._target.wait_in_task(answer.delay_s, _patience(request))
        except TimedOutError:
            raise _timed_out(request) from None
        return self._response(answer, request)

    def _response(self, answer: Delivered, request: httpx.Request) -> httpx.Response:
        if answer.ends in _BREAKS:
            error, message = _BREAKS[answer.ends]
            raise error(message, request=request)
        stream: httpx.ByteStream | _Stream = httpx.ByteStream(answer.body)
        if answer.transfer is not None:
            stream = _Stream(answer, answer.transfer, self._target, request)
        return httpx.Response(answer.status, headers=list(answer.headers), stream=stream)

    def _asked(self, request: httpx.Request, body: bytes) -> tuple[Any, ...]:
        """Return what `Target.answer` takes."""
        # Of a repeated header the first counts, as with a server.
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw[::-1]}
        target: bytes = request.extensions.get("target", request.url.raw_path)
        host, path_and_query = request.url.netloc.decode("ascii"), target.decode("latin-1")
        return "httpx", request.method, host, path_and_query, headers, body, _patience(request)


def _patience(request: httpx.Request) -> float | None:
    limit: float | None = request.extensions.get("timeout", {}).get("read")
    return limit


def _timed_out(request: httpx.Request) -> httpx.ReadTimeout:
    return httpx.ReadTimeout("The read operation timed out", request=request)


_BREAKS: Final[Mapping[Termination | None, tuple[type[httpx.TransportError], str]]] = {
    Termination.DROP: (httpx.RemoteProtocolError, "Server disconnected without sending a response."),
    Termination.RESET: (httpx.ReadError, "[Errno 104] Connection reset by peer"),
}
_MOST_PIECES: Final = 256
"""In how many pieces a body is handed over at the most; more small ones come together, and as late."""


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces, or of which only a part comes."""

    def __init__(self, answer: Delivered, transfer: Transfer, target: Target, request: httpx.Request) -> None:
        self._body = answer.arriving
        self._whole = len(answer.body)
        self._transfer = transfer
        self._target = target
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces():
            first_s, others_s = pauses_s(self._transfer, len(piece))
            try:
                self._target.wait(first_s, _patience(self._request))
            except TimedOutError:
                raise _timed_out(self._request) from None
            self._target.wait(others_s, None)
            yield piece
        self._check_end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces():
            first_s, others_s = pauses_s(self._transfer, len(piece))
            try:
                await self._target.wait_in_task(first_s, _patience(self._request))
            except TimedOutError:
                raise _timed_out(self._request) from None
            await self._target.wait_in_task(others_s, None)
            yield piece
        self._check_end()

    def _pieces(self) -> Iterator[bytes]:
        size = self._transfer.piece_bytes or len(self._body) or 1
        size *= -(-len(self._body) // (size * _MOST_PIECES)) or 1
        for start in range(0, len(self._body), size):
            yield self._body[start : start + size]

    def _check_end(self) -> None:
        if len(self._body) < self._whole:
            raise httpx.RemoteProtocolError(
                f"peer closed connection without sending complete message body "
                f"(received {len(self._body)} bytes, expected {self._whole})",
                request=self._request,
            )
