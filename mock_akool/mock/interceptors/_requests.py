"""The interceptor for `requests`, by the library `responses`. The only module that imports it.

`requests.Session.get_adapter` is patched: for our hosts it returns the session's own adapter, but sending through a
catch-all of `responses`. So a session's retries work, and the mocks of others, which patch `HTTPAdapter.send`, never
see our hosts, whichever was started first. `HTTPAdapter.send` itself is patched as a net below, for what does not ask
the session: a session whose `get_adapter` another mock has replaced, an adapter that wraps another, or a direct call.

What urllib3 does between a request and its answer is done here as it does it: time limits are checked, retries sleep
and are counted, and errors name the pool.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http.client import RemoteDisconnected
from http.client import responses as reasons
from io import BufferedReader, BytesIO, RawIOBase
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, proxy

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from responses import BaseResponse, CallList, RequestsMock
from urllib3 import HTTPResponse
from urllib3._collections import HTTPHeaderDict  # urllib3 1.26 has it nowhere else
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError, ReadTimeoutError, ResponseError
from urllib3.util import Retry, Timeout

from mock_akool.core.http import Termination, Transfer
from mock_akool.mock.interceptors.hosts import note_failure, refusal, refuses, target_of
from mock_akool.mock.interceptors.patching import Patches, is_from
from mock_akool.mock.interceptors.target import Target, TimedOutError, pauses_s, request_of

_ANY: Final = re.compile("")
_NO_RETRY: Final = Retry(0)
"""Keeps `responses` from trying again: it does not sleep before."""
_HTTP_1_1: Final = 11
_patches: Final = Patches()
_mocks: WeakKeyDictionary[Target, dict[str, RequestsMock]] = WeakKeyDictionary()
"""The catch-all of each target for each method."""
_catching_classes: WeakKeyDictionary[type, type] = WeakKeyDictionary()


def install() -> None:
    """Patch `requests.Session.get_adapter`, and `HTTPAdapter.send` as a net below it."""
    _patches.tidy()
    _patches.put(requests.Session, "get_adapter", _choosing(requests.Session.get_adapter))
    _patches.put(HTTPAdapter, "send", _sending(HTTPAdapter.send))


def uninstall() -> None:
    """Take the patches back."""
    _patches.take_back()


def _choosing(original: Callable[[requests.Session, str], Any]) -> Callable[[requests.Session, str], Any]:
    def get_adapter(self: requests.Session, url: str) -> Any:
        adapter = original(self, url)
        if not isinstance(adapter, HTTPAdapter):
            return adapter  # the user's own, which does not open connections by itself
        host, port = _address(url)
        if target_of(host, port) is not None:
            return _caught(adapter)
        if refuses(host) and is_from(HTTPAdapter.send, requests):
            return _Refusing(host)
        return adapter

    return get_adapter


def _sending(original: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    def send(self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        host, port = _address(request.url)
        target = target_of(host, port)
        if target is not None:
            return _answer(target, self, request, *args, **options)
        try:
            return original(self, request, *args, **options)
        except Exception as error:
            note_failure(str(request.method), host, port, error)
            raise

    return send


class _Catch(HTTPAdapter):
    """Where `HTTPAdapter.send` would open a connection, asks the fake."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        target = _target(request)
        if target is None:  # a subclass that sends elsewhere, or the fake has just been left
            return super().send(request, *args, **options)
        return _answer(target, self, request, *args, **options)


def _target(request: requests.PreparedRequest) -> Target | None:
    return target_of(*_address(request.url))


def _address(url: str | None) -> tuple[str | None, int | None]:
    """Return host and port of a URL; the port is None where none is written."""
    parts = urlsplit(str(url))
    return parts.hostname, parts.port


def _answer(
    target: Target,
    adapter: HTTPAdapter,
    request: requests.PreparedRequest,
    stream: bool = False,
    timeout: Any = None,
    verify: Any = True,
    cert: Any = None,
    proxies: Any = None,
) -> requests.Response:
    """Answer as `HTTPAdapter.send` does: with the adapter's retries, and the errors of requests."""
    limits = _limits(timeout)
    mock = _mock_of(target, str(request.method))
    retries: Retry = adapter.max_retries
    options = {"stream": stream, "timeout": limits, "verify": verify, "cert": cert, "proxies": proxies}
    while True:
        try:
            response = mock._on_request(adapter, request, retries=_NO_RETRY, **options)
        except _BrokenError as broken:
            # What urllib3 does with such an error: it tries again if the session was set up so, else it raises.
            pool = _Pool(request)
            error = broken.error(pool)
            try:
                retries = retries.increment(request.method, request.path_url, error=error, _pool=pool)  # type: ignore[arg-type]
            except MaxRetryError as exhausted:
                raise requests.ConnectionError(exhausted, request=request) from None
            except ReadTimeoutError as late:
                raise requests.ReadTimeout(late, request=request) from None
            except ProtocolError as cut:
                raise requests.ConnectionError(cut, request=request) from None
            retries.sleep()
            continue
        mock.calls.reset()  # the fake has a log of its own
        raw: Any = response.raw
        raw.retries = retries
        if not retries.is_retry(str(request.method), response.status_code, "Retry-After" in response.headers):
            return response
        try:
            retries = retries.increment(request.method, request.path_url, response=raw, _pool=_Pool(request))  # type: ignore[arg-type]
        except MaxRetryError as exhausted:
            if retries.raise_on_status:
                if isinstance(exhausted.reason, ResponseError):
                    raise requests.exceptions.RetryError(exhausted, request=request) from None
                raise requests.ConnectionError(exhausted, request=request) from None
            return response
        retries.sleep(raw)


class _Pool:
    """What the errors of urllib3 name as the pool in which they happened."""

    def __init__(self, request: requests.PreparedRequest) -> None:
        parts = urlsplit(str(request.url))
        self.scheme = parts.scheme
        self.host = parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)

    def __str__(self) -> str:
        return f"HTTP{'S' if self.scheme == 'https' else ''}ConnectionPool(host={self.host!r}, port={self.port!r})"


class _BrokenError(Exception):
    """A request that ended without an answer. `error` makes the error that urllib3 has for it, given the pool."""

    def __init__(self, error: Callable[[Any], HTTPError]) -> None:
        super().__init__(error)
        self.error = error


def _caught(adapter: HTTPAdapter) -> HTTPAdapter:
    """Return the adapter, sharing its state, with `_Catch` in the place of HTTPAdapter.

    A subclass that sets a time limit or tries again in its own `send` does so with the fake, too.
    """
    own = type(adapter)
    catching = _catching_classes.get(own)
    if catching is None:
        bases = (_Catch,) if own is HTTPAdapter else (own, _Catch)
        catching = _catching_classes[own] = type(own.__name__, bases, {})
    caught: HTTPAdapter = object.__new__(catching)
    caught.__dict__ = adapter.__dict__
    return caught


class _Refusing:
    def __init__(self, host: str | None) -> None:
        self._host = host

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        raise requests.ConnectionError(refusal(request.url, self._host), request=request)


def _mock_of(target: Target, method: str) -> RequestsMock:
    """Return the target's catch-all for the method."""
    mocks = _mocks.get(target)
    if mocks is None:
        mocks = _mocks[target] = {}
    mock = mocks.get(method)
    if mock is None:
        mock = RequestsMock(assert_all_requests_are_fired=False)
        mock.add(_CatchAll(target, method))
        mocks[method] = mock  # as a whole: another thread may ask at once
    return mock


class _CatchAll(BaseResponse):
    """Lets the fake answer.

    It makes what urllib3 would give to requests by itself: what `responses` makes for a function's result has a second
    answer of urllib3 inside, which takes longer than all that the fake does.
    """

    def __init__(self, target: Target, method: str) -> None:
        super().__init__(method, _ANY)
        # Weak, or else `_mocks`, which is to forget a target when nobody else has it, would keep it forever.
        self._target = proxy(target)

    @property
    def calls(self) -> CallList:
        """A list that nobody keeps: the fake has a log of its own."""
        return CallList()

    def get_response(self, request: Any) -> HTTPResponse:
        """Return the fake's answer as urllib3 would."""
        status, header_list, body = self._answer(request)
        headers = HTTPHeaderDict(header_list)
        # Without one, requests does not look for cookies, which takes as long as the fake's whole answer.
        received = _Received(headers) if "set-cookie" in headers else None
        response = HTTPResponse(
            body,
            headers,
            status,
            _HTTP_1_1,
            reason=reasons.get(status),
            preload_content=False,
            original_response=received,  # type: ignore[arg-type]  # what requests and urllib3 use of it
            request_method=request.method,
        )
        response.version_string = "HTTP/1.1"  # no argument in the oldest urllib3 that we support
        return response

    def _answer(self, request: Any) -> tuple[int, list[tuple[str, str]], Any]:
        host = urlsplit(request.url).netloc.rpartition("@")[2]
        path_and_query, headers, body = request.path_url, _lowered(request.headers), _bytes(request.body)
        patience = _read_timeout(request.req_kwargs["timeout"])
        asked = request_of("requests", request.method, host, path_and_query, headers, body)
        try:
            answer = self._target.answer(asked, patience)
            self._target.wait(answer.delay_s, patience)
        except TimedOutError:
            why = f"Read timed out. (read timeout={patience})"
            raise _BrokenError(lambda pool: ReadTimeoutError(pool, path_and_query, why)) from None
        if answer.ends in _BREAKS:
            cause = _BREAKS[answer.ends]
            raise _BrokenError(lambda _: ProtocolError("Connection aborted.", cause))
        if answer.transfer is not None and answer.transfer.piece_bytes:
            dripping = _Dripping(answer.arriving, answer.transfer, self._target, patience)
            return answer.status, list(answer.headers), BufferedReader(dripping, answer.transfer.piece_bytes)
        return answer.status, list(answer.headers), BytesIO(answer.arriving)


class _Received:
    """What requests and urllib3 ask of the answer of http.client, whose body has arrived: its headers, for cookies."""

    def __init__(self, msg: HTTPHeaderDict) -> None:
        self.msg = msg

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        """It is closed."""


_BREAKS: Final[Mapping[Termination | None, Exception]] = {
    Termination.DROP: RemoteDisconnected("Remote end closed connection without response"),
    Termination.RESET: ConnectionResetError(104, "Connection reset by peer"),
}


class _Dripping(RawIOBase):
    """A body that comes in pieces: who reads waits for each."""

    def __init__(self, body: bytes, transfer: Transfer, target: Target, patience_s: float | None) -> None:
        self._body = BytesIO(body)
        self._transfer = transfer
        self._target = target
        self._patience_s = patience_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._body.read(len(buffer))
        first_s, others_s = pauses_s(self._transfer, len(data))
        try:
            self._target.wait(first_s, self._patience_s)
        except TimedOutError:
            raise TimeoutError("timed out") from None
        self._target.wait(others_s, None)
        buffer[: len(data)] = data
        return len(data)


def _lowered(headers: Any) -> dict[str, str]:
    """Return the headers with names in lower case, by the quickest way that requests has."""
    pairs = headers.lower_items() if isinstance(headers, CaseInsensitiveDict) else headers.items()
    return {name.lower(): value if type(value) is str else _text(value) for name, value in pairs}


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes:
    """Return a request's body: bytes, text, nothing, or an iterable that is sent in chunks."""
    if not body:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, (bytes, bytearray, memoryview)) else b"".join(body)


def _limits(timeout: Any) -> Timeout:
    """Return how long a client waits, in whichever of the three forms it said so; refuses what requests refuses."""
    if isinstance(timeout, Timeout):
        return timeout
    if isinstance(timeout, tuple):
        try:
            connect, read = timeout
        except ValueError:
            raise ValueError(
                f"Invalid timeout {timeout}. Pass a (connect, read) timeout tuple, "
                f"or a single float to set both timeouts to the same value."
            ) from None
        return Timeout(connect=connect, read=read)
    return Timeout(connect=timeout, read=timeout)


def _read_timeout(limits: Timeout) -> float | None:
    """Return for how many seconds a client waits for an answer."""
    if limits.total is None:
        alone: Any = limits.read_timeout
        return float(alone) if isinstance(alone, (int, float)) else None
    begun = limits.clone()
    begun.start_connect()  # a limit on the whole is one on reading only once a connection was begun
    limit: Any = begun.read_timeout
    return float(limit) if isinstance(limit, (int, float)) else None
