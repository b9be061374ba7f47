"""The door for `requests`, by the library `responses`. The only module that imports it.

`requests.Session.get_adapter` is the one place that is patched: for our hosts it returns the session's own adapter,
but sending through a catch-all of `responses`. So a session's retries work, and the mocks of others, which patch
`HTTPAdapter.send`, never see our hosts, whichever was started first.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import requests
from requests.adapters import HTTPAdapter
from responses import RequestsMock

from mock_akool.doors.in_process import Target, TimedOutError, refusal, refuses, target_of

_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_ANY: Final = re.compile("")
_real_get_adapter = requests.Session.get_adapter
_real_send = HTTPAdapter.send
_mocks: WeakKeyDictionary[Target, RequestsMock] = WeakKeyDictionary()


def install() -> None:
    """Patch `requests.Session.get_adapter`."""
    global _real_get_adapter
    _real_get_adapter = requests.Session.get_adapter
    requests.Session.get_adapter = _get_adapter  # type: ignore[method-assign]


def uninstall() -> None:
    """Take the patch back."""
    requests.Session.get_adapter = _real_get_adapter  # type: ignore[method-assign]


def _get_adapter(self: requests.Session, url: str) -> Any:
    parts = urlsplit(url)
    target = target_of(parts.hostname, parts.port)
    adapter = _real_get_adapter(self, url)
    if target is not None:
        return _Sending(adapter, target)
    if refuses(parts.hostname) and type(adapter).send is _real_send:
        return _Refusing()
    return adapter


class _Sending:
    """A session's adapter that sends to a fake."""

    def __init__(self, adapter: Any, target: Target) -> None:
        self._adapter = adapter
        self._target = target

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        send = _mock_of(self._target).unbound_on_send()
        return send(self._adapter, request, **options)


class _Refusing:
    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        raise requests.ConnectionError(refusal(request.url), request=request)


def _mock_of(target: Target) -> RequestsMock:
    mock = _mocks.get(target)
    if mock is None:
        mock = RequestsMock(assert_all_requests_are_fired=False)
        answer: Any = _Answering(target)  # its list of headers is taken, though not in the signature
        for method in _METHODS:
            mock.add_callback(method, _ANY, callback=answer, content_type=None)
        _mocks[target] = mock
    return mock


class _Answering:
    """The callback of the catch-alls."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def __call__(self, request: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else bytes(body)
        try:
            answer, wait_s = self._target.answer(
                "requests", request.method, request.url, request.headers, raw, _read_timeout(request.req_kwargs)
            )
        except TimedOutError:
            raise requests.ReadTimeout("Read timed out.", request=request) from None
        if wait_s:
            time.sleep(wait_s)
        return answer.status, list(answer.headers), answer.body


def _read_timeout(options: dict[str, Any]) -> float | None:
    timeout = options.get("timeout")
    read = timeout[1] if isinstance(timeout, tuple) else timeout
    return getattr(read, "read_timeout", read)
