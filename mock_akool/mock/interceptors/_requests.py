"""The interceptor for `requests`, by the library `responses`. The only module that imports it.

`requests.Session.get_adapter` is the one place that is patched: for our hosts it returns the session's own adapter,
but sending through a catch-all of `responses`. So a session's retries work, and the mocks of others, which patch
`HTTPAdapter.send`, never see our hosts, whichever was started first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http.client import RemoteDisconnected
from io import BufferedReader, BytesIO, RawIOBase
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, proxy

import requests
from requests.adapters import HTTPAdapter
from responses import RequestsMock
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError, ReadTimeoutError
from urllib3.util import Timeout

from mock_akool.core.http import Termination, Transfer
from mock_akool.mock.interceptors.patching import Patches, is_from
from mock_akool.mock.interceptors.registry import refusal, refuses, target_of
from mock_akool.mock.interceptors.target import Target, TimedOutError, pauses_s

_ANY: Final = re.compile("")
_patches: Final = Patches()
_mocks: WeakKeyDictionary[Target, RequestsMock] = WeakKeyDictionary()
_catching_classes: WeakKeyDictionary[type, type] = WeakKeyDictionary()


def install() -> None:
    """Patch `requests.Session.get_adapter`."""
    _patches.tidy()
    _patches.put(requests.Session, "get_adapter", _choosing(requests.Session.get_adapter))


def uninstall() -> None:
    """Take the patch back."""
    _patches.take_back()


def _choosing(original: Callable[[requests.Session, str], Any]) -> Callable[[requests.Session, str], Any]:
    def get_adapter(self: requests.Session, url: str) -> Any:
        adapter = original(self, url)
        if not isinstance(adapter, HTTPAdapter):
            return adapter  # the user's own, which does not open connections by itself
        parts = urlsplit(url)
        if target_of(parts.hostname, parts.port) is not None:
            return _caught(adapter)
        if refuses(parts.hostname) and is_from(HTTPAdapter.send, requests):
            return _Refusing()
        return adapter

    return get_adapter


class _Catch(HTTPAdapter):
    """Where `HTTPAdapter.send` would open a connection, asks the fake."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        target = target_of(parts.hostname, parts.port)
        if target is None:  # a subclass that sends elsewhere, or the fake has just been left
            return super().send(request, *args, **options)
        send = _mock_of(target, str(request.method)).unbound_on_send()
        retries = self.max_retries
        while True:
            try:
                return send(self, request, *args, **options)
            except _BrokenError as broken:
                # What urllib3 does with such an error: it tries again if the session was set up so, else it raises.
                try:
                    retries = retries.increment(request.method, request.url, error=broken.error)
                except MaxRetryError as error:
                    raise requests.ConnectionError(error, request=request) from None
                except ReadTimeoutError as error:
                    raise requests.ReadTimeout(error, request=request) from None
                except ProtocolError as error:
                    raise requests.ConnectionError(error, request=request) from None
                retries.sleep()


class _BrokenError(Exception):
    """A request that ended without an answer, with the error that urllib3 has for it."""

    def __init__(self, error: HTTPError) -> None:
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
    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        raise requests.ConnectionError(refusal(request.url), request=request)


def _mock_of(target: Target, method: str) -> RequestsMock:
    """Return the target's mock with a catch-all for the method."""
    mock = _mocks.get(target)
    if mock is None:
        mock = _mocks[target] = RequestsMock(assert_all_requests_are_fired=False)
    if not any(each.method == method for each in mock.registered()):
        answer: Any = _Handler(target)  # its list of headers is taken, though not in the signature
        mock.add_callback(method, _ANY, callback=answer, content_type=None)
    return mock


class _Handler:
    """The callback of the catch-alls."""

    def __init__(self, target: Target) -> None:
        # Weak, or else `_mocks`, which is to forget a target when nobody else has it, would keep it for ever.
        self._target = proxy(target)

    def __call__(self, request: Any) -> tuple[int, list[tuple[str, str]], Any]:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        host = urlsplit(request.url).netloc.rpartition("@")[2]
        body, patience = _bytes(request.body), _read_timeout(request.req_kwargs)
        try:
            answer = self._target.answer("requests", request.method, host, request.path_url, headers, body, patience)
            self._target.wait(answer.delay_s, patience)
        except TimedOutError:
            raise _BrokenError(ReadTimeoutError(None, request.url, "Read timed out.")) from None  # type: ignore[arg-type]
        if answer.ends in _BREAKS:
            raise _BrokenError(ProtocolError("Connection aborted.", _BREAKS[answer.ends]))
        arriving: Any = answer.arriving
        if answer.transfer is not None and answer.transfer.piece_bytes:
            dripping = _Dripping(arriving, answer.transfer, self._target, patience)
            arriving = BufferedReader(dripping, answer.transfer.piece_bytes)
        return answer.status, list(answer.headers), arriving


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


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes:
    """Return a request's body: bytes, text, nothing, or an iterable that is sent in chunks."""
    if not body:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, (bytes, bytearray, memoryview)) else b"".join(body)


def _read_timeout(options: dict[str, Any]) -> float | None:
    """Return how long the client waits for an answer, in whichever of the three forms it said so."""
    timeout = options.get("timeout")
    if isinstance(timeout, Timeout):
        begun = timeout.clone()
        begun.start_connect()  # a limit on the whole is one on reading only once a connection was begun
        limit: Any = begun.read_timeout
    else:
        limit = timeout[1] if isinstance(timeout, tuple) else timeout
    return float(limit) if isinstance(limit, (int, float)) else None
