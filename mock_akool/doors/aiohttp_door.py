"""The door for `aiohttp`: requests to our hosts are sent to a loopback server of the fake.

aiohttp's responses cannot be made by hand without knowing its insides, which has broken other mocks at several of its
releases. So a real response is fetched, by the client's own session, from a server in this process; what changes is
the address. `ClientSession._request`, through which everything goes, is patched; the public methods are as well, so
that mocks of others, which replace `_request`, do not see our hosts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Final
from weakref import WeakKeyDictionary

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from mock_akool.core.clock import VirtualClock
from mock_akool.core.codes import CDN_URL
from mock_akool.core.models import Call, Reply
from mock_akool.doors.in_process import Target, TimedOutError, refusal, refuses, target_of
from mock_akool.doors.server import Server

_VERBS: Final = ("get", "options", "head", "post", "put", "patch", "delete")
_PATIENCE: Final = "x-mock-akool-patience"
"""Tells our server how many seconds the client waits; it is taken off before the fake sees the call."""
_TIMED_OUT: Final = 599
_REDIRECTS_BY_DEFAULT: Final = {"head": False}

Request = Callable[..., Coroutine[Any, Any, aiohttp.ClientResponse]]

_genuine: Request = aiohttp.ClientSession._request
_originals: dict[str, Any] = {}
_servers: WeakKeyDictionary[Target, Server] = WeakKeyDictionary()
_lock = threading.Lock()


def install() -> None:
    """Patch `ClientSession`."""
    session = aiohttp.ClientSession
    for name in ("_request", "request", *_VERBS):
        _originals[name] = getattr(session, name)
    session._request = _sending(_originals["_request"])  # type: ignore[method-assign]
    session.request = _requesting(_originals["request"])  # type: ignore[method-assign]
    for verb in _VERBS:
        setattr(session, verb, _verb(verb, _originals[verb]))


def uninstall() -> None:
    """Take the patches back."""
    while _originals:
        setattr(aiohttp.ClientSession, *_originals.popitem())


def leave(target: Target) -> None:
    """Stop the target's server, if one was needed."""
    with _lock:
        server = _servers.pop(target, None)
    if server is not None:
        server.stop()


def _sending(original: Request) -> Request:
    async def _request(
        self: aiohttp.ClientSession, method: str, str_or_url: str | URL, **options: Any
    ) -> aiohttp.ClientResponse:
        url = _absolute(self, str_or_url)
        target = target_of(url.host, url.port)
        if target is not None:
            return await _fetch(self, target, method, url, options)
        if refuses(url.host) and original is _genuine:
            raise aiohttp.ClientConnectionError(refusal(url))
        return await original(self, method, str_or_url, **options)

    return _request


def _requesting(original: Callable[..., Any]) -> Callable[..., Any]:
    def request(self: aiohttp.ClientSession, method: str, url: str | URL, **options: Any) -> Any:
        target = _target(self, url)
        if target is None:
            return original(self, method, url, **options)
        return _Pending(_fetch(self, target, method, _absolute(self, url), options))

    return request


def _verb(verb: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: aiohttp.ClientSession, url: str | URL, **options: Any) -> Any:
        target = _target(self, url)
        if target is None:
            return original(self, url, **options)
        options.setdefault("allow_redirects", _REDIRECTS_BY_DEFAULT.get(verb, True))
        return _Pending(_fetch(self, target, verb.upper(), _absolute(self, url), options))

    send.__name__ = verb
    return send


def _target(session: aiohttp.ClientSession, url: str | URL) -> Target | None:
    absolute = _absolute(session, url)
    return target_of(absolute.host, absolute.port)


def _absolute(session: aiohttp.ClientSession, str_or_url: str | URL) -> URL:
    url = URL(str_or_url)
    base = getattr(session, "_base_url", None)
    return base.join(url) if base is not None and not url.absolute else url


async def _fetch(
    session: aiohttp.ClientSession, target: Target, method: str, url: URL, options: dict[str, Any]
) -> aiohttp.ClientResponse:
    """Fetch the answer from the target's server, as if it came from `url`."""
    server = _server_of(target)
    total_s, read_s = _patience(session, options)
    headers = CIMultiDict(options.pop("headers", None) or {})
    headers.setdefault("Host", url.authority)
    limits = [limit for limit in (total_s, read_s) if limit is not None]
    if limits:
        headers[_PATIENCE] = str(min(limits))
    # The session keeps cookies by host, and knows nothing of the loopback address.
    cookies = "; ".join(f"{name}={each.value}" for name, each in session.cookie_jar.filter_cookies(url).items())
    if cookies:
        headers.setdefault("Cookie", cookies)
    target.in_flight += 1
    try:
        response = await _genuine(
            session, method, URL(f"{server.url}{url.raw_path_qs}", encoded=True), headers=headers, **options
        )
    finally:
        target.in_flight -= 1
    if response.status == _TIMED_OUT and _PATIENCE in response.headers:
        response.release()
        if total_s is not None and total_s == min(limits):
            raise TimeoutError
        raise aiohttp.ServerTimeoutError(f"Timeout on reading data from {url.authority}")
    session.cookie_jar.update_cookies(response.cookies, url)
    if hasattr(response, "_url"):
        response._url = response._real_url = url  # what a client reads as `response.url`
    return response


def _patience(session: aiohttp.ClientSession, options: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return the client's limits, in seconds, on the whole request and on a read."""
    timeout = options.get("timeout")
    if isinstance(timeout, (int, float)):
        return float(timeout), None
    if not isinstance(timeout, aiohttp.ClientTimeout):
        timeout = session.timeout
    return timeout.total or None, timeout.sock_read or None


def _server_of(target: Target) -> Server:
    with _lock:
        server = _servers.get(target)
        if server is None:
            server = _servers[target] = _LoopbackServer(target).start()
        return server


class _LoopbackServer(Server):
    """Serves one target to this process. On a virtual clock, delays move the clock instead of waiting."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.service, public_url=CDN_URL)
        self._target = target

    def answer(self, call: Call) -> Reply:
        headers = dict(call.headers)
        patience = headers.pop(_PATIENCE, None)
        reply = super().answer(call._replace(headers=headers, door="aiohttp"))
        self._target.activity += 1
        if not reply.delay_ns or not isinstance(self._target.clock, VirtualClock):
            return reply
        try:
            self._target.deliver(reply, None if patience is None else float(patience))
        except TimedOutError:
            return Reply(_TIMED_OUT, ((_PATIENCE, "over"),), b"")
        return reply._replace(delay_ns=0)


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
