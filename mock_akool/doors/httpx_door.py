"""The door for `httpx`, sync and async.

httpx lets a client choose a transport for each URL; the method that chooses is the one place that is patched, so
clients made before, during or after are covered, and the mocks of others, which patch transports, never see our
hosts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx

from mock_akool.core.errors import MockAkoolError
from mock_akool.doors.in_process import Target, TimedOutError, refusal, refuses, target_of

_CHOOSING = "_transport_for_url"
_originals: dict[type, Callable[[Any, httpx.URL], Any]] = {}
_real_send = httpx.HTTPTransport.handle_request
_real_async_send = httpx.AsyncHTTPTransport.handle_async_request


def install() -> None:
    """Patch the choice of a transport in both kinds of client."""
    for client in (httpx.Client, httpx.AsyncClient):
        original = getattr(client, _CHOOSING, None)
        if original is None:
            raise MockAkoolError(
                f"mock-akool does not know httpx {httpx.__version__}", "Use httpx 0.23 to 0.28, or the live server"
            )
        _originals[client] = original
        setattr(client, _CHOOSING, _choosing(original))


def uninstall() -> None:
    """Take the patch back."""
    while _originals:
        client, original = _originals.popitem()
        setattr(client, _CHOOSING, original)


def _choosing(original: Callable[[Any, httpx.URL], Any]) -> Callable[[Any, httpx.URL], Any]:
    def choose(client: Any, url: httpx.URL) -> Any:
        target = target_of(url.host, url.port)
        if target is not None:
            return _Transport(target)
        transport = original(client, url)
        return _Refusing() if refuses(url.host) and _is_real(transport) else transport

    return choose


def _is_real(transport: object) -> bool:
    """Return whether the transport would open a connection, and is not another mock's."""
    if type(transport) is httpx.HTTPTransport:
        return httpx.HTTPTransport.handle_request is _real_send
    return type(transport) is httpx.AsyncHTTPTransport and (
        httpx.AsyncHTTPTransport.handle_async_request is _real_async_send
    )


class _Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def __init__(self, target: Target) -> None:
        self._target = target

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response, wait_s = self._answer(request, request.read())
        if wait_s:
            time.sleep(wait_s)
        return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response, wait_s = self._answer(request, await request.aread())
        if wait_s:
            await asyncio.sleep(wait_s)
        return response

    def _answer(self, request: httpx.Request, body: bytes) -> tuple[httpx.Response, float]:
        timeout = request.extensions.get("timeout", {}).get("read")
        try:
            answer, wait_s = self._target.answer(
                "httpx", request.method, str(request.url), request.headers, body, timeout
            )
        except TimedOutError:
            raise httpx.ReadTimeout("The read operation timed out", request=request) from None
        headers = [*answer.headers, ("content-length", str(len(answer.body)))]
        content = b"" if request.method == "HEAD" else answer.body
        return httpx.Response(answer.status, headers=headers, stream=httpx.ByteStream(content)), wait_s


class _Refusing(httpx.BaseTransport, httpx.AsyncBaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(refusal(request.url), request=request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)
