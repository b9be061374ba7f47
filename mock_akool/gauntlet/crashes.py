"""What to do about a crash: a row for each kind, found by the exception and by the call that came last."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable
from typing import Final, NamedTuple

from mock_akool.akool.endpoints import CREATES, FILE
from mock_akool.core.call_log import Call
from mock_akool.gauntlet.facts import Run

LIBRARIES: Final = frozenset({"aiohttp", "anyio", "httpcore", "httpx", "requests", "urllib3", "PIL"})
"""Where exceptions come from that a client did not raise itself, besides the standard library."""
_NOT_OWN: Final = LIBRARIES | sys.stdlib_module_names | {"", "simplejson", "java", "javax", "okhttp3", "System"}
_GENERAL: Final = frozenset({"Error", "Exception", "RuntimeError", "RuntimeException", "TimeoutError"})
"""Exceptions of languages that programs raise on purpose, to say what is wrong."""
_OF_LANGUAGES: Final = frozenset(name for name in vars(builtins) if name[0].isupper()) | {
    *("AbortError", "AggregateError", "AxiosError", "DOMException", "EvalError", "FetchError", "RangeError"),
    *("ReferenceError", "SocketError", "URIError", "NoMethodError", "ArgumentError"),
    *("HTTPError", "ParseError", "RequestError"),  # of got and ky
}
_FORBIDDEN: Final = 403
_SERVER_ERROR: Final = 500
_EXCEPTION: Final = re.compile(
    r'(?:Exception in thread "[^"]*" |Fatal error: *Uncaught )?((?:[\w$]+\.)*)([A-Za-z][\w$]*)(?=:|$)'
)
"""An exception as runtimes print it, with its module."""


class _Crash(NamedTuple):
    """A crash: its last words, the exception's module and name, the last call, and whether a program crashed."""

    words: str
    module: str
    name: str
    last: Call | None
    is_program: bool

    @property
    def is_own(self) -> bool:
        """Whether the client's own code defines the exception."""
        package = self.module.partition(".")[0]
        if package:
            return package not in _NOT_OWN
        return self.name[:1].isupper() and self.name not in _OF_LANGUAGES | _GENERAL

    @property
    def says_why(self) -> bool:
        """Whether somebody raised the exception on purpose; a general one counts for a program, which names no own."""
        is_general = self.is_program and self.name in _GENERAL and self.module in ("", "java.lang")
        return self.is_own or is_general


_When = Callable[[_Crash], bool]


class _Kind(NamedTuple):
    """A kind of crash: when it is one, and what to do."""

    when: _When
    advice: str


def _is(*names: str, words: str = r"(?!)") -> _When:
    """Return whether an exception that is not the client's own has one of these names, or such words."""
    wanted, pattern = frozenset(names), re.compile(words)
    return lambda crash: (not crash.is_own and crash.name in wanted) or pattern.match(crash.words) is not None


def _both(one: _When, other: _When) -> _When:
    return lambda crash: one(crash) and other(crash)


def _after_create(crash: _Crash) -> bool:
    return crash.last is not None and crash.last.endpoint in CREATES


def _after_server_error(crash: _Crash) -> bool:
    return crash.last is not None and crash.last.response.status >= _SERVER_ERROR


def _after_forbidden_file(crash: _Crash) -> bool:
    return crash.last is not None and crash.last.endpoint == FILE and crash.last.response.status == _FORBIDDEN


def _always(crash: _Crash) -> bool:
    return True


_JSON: Final = _is(
    *("JSONDecodeError", "ContentTypeError", "InvalidJSONError", "UnicodeDecodeError", "JsonParseException"),
    words=r"SyntaxError: .*(JSON|Unexpected (token|end))",
)
_CONNECTION: Final = _is(
    *("ConnectionError", "ConnectionResetError", "ConnectionRefusedError", "ConnectionAbortedError"),
    *("BrokenPipeError", "RemoteDisconnected", "IncompleteRead", "BadStatusLine", "URLError", "SSLError", "timeout"),
    *("Timeout", "ConnectTimeout", "ReadTimeout", "ChunkedEncodingError", "ProxyError"),
    *("MaxRetryError", "ProtocolError", "ReadTimeoutError", "ConnectTimeoutError", "NewConnectionError"),
    *("ConnectError", "ReadError", "WriteError", "CloseError", "RemoteProtocolError", "WriteTimeout", "PoolTimeout"),
    *("ServerDisconnectedError", "ClientOSError", "ClientConnectorError", "ClientConnectionError"),
    *("ClientConnectionResetError", "ClientPayloadError", "ServerTimeoutError", "ConnectionTimeoutError"),
    *("SocketTimeoutError", "SocketError", "ConnectException", "SocketException", "SocketTimeoutException"),
    *("HttpTimeoutException", "HttpConnectTimeoutException"),
    words=(
        r"TimeoutError(?:$|: .*(?:timed out|timeout))|DOMException \[(?:Timeout|Abort)Error\]|AbortError\b|"
        r"(?:Error|TypeError|AxiosError|FetchError|RequestError): "
        r".*(?:\bE(?:CONN[A-Z]+|PIPE|TIMEDOUT|AI_AGAIN|NOTFOUND)\b|"
        r"socket hang up|fetch failed|terminated$|other side closed|timeout of )"
    ),
)
_HTTP: Final = _is("HTTPError", "HTTPStatusError", "ClientResponseError", "AxiosError", "HttpRequestException")
_FIELD: Final = _is(
    *("KeyError", "IndexError", "TypeError", "AttributeError"),
    *("NullPointerException", "NoMethodError", "NullReferenceException", "KeyNotFoundException"),
)
_IMAGE: Final = _is("UnidentifiedImageError", words=r"OSError: .*(image|truncated|data stream)")

_KINDS: Final = (
    _Kind(
        lambda crash: crash.is_own and not crash.is_program,
        "your error is right; name it in `gives_up_with`, so that it counts as a clear end",
    ),
    _Kind(
        lambda crash: crash.is_own,
        "your error is right; catch it where the program starts, print one line, and exit with 1",
    ),
    _Kind(_JSON, "look at the HTTP status and the content type first, and read JSON only where both are right"),
    _Kind(
        _both(_CONNECTION, _after_create),
        "catch it; the create may have done its work, so look at the balance before you send it again",
    ),
    _Kind(_CONNECTION, "catch it, and repeat after a pause what only reads, such as a poll or a download"),
    _Kind(
        _both(_HTTP, _after_forbidden_file),
        "ask for a new URL by a poll, and end with an error when that one is refused too",
    ),
    _Kind(
        _both(_both(_HTTP, _after_server_error), _after_create),
        "catch it; a 5xx does not say whether the job was made, so look at the balance before you create it again",
    ),
    _Kind(_both(_HTTP, _after_server_error), "catch it, and repeat the request after a pause: it only reads"),
    _Kind(_HTTP, "catch it, and say which HTTP status came for what"),
    _Kind(_FIELD, "look at `code` first, and check that a field is there and not null before you read it"),
    _Kind(_IMAGE, "decode a file where you catch errors, and download it again when it is broken"),
    _Kind(
        lambda crash: crash.says_why,
        "your error is right; catch it where the program starts, print one line, and exit with 1",
    ),
    _Kind(
        lambda crash: crash.words.startswith("it was ended by signal"),
        "find out who sent the signal: the program, one of its libraries, or the system when memory is short",
    ),
    _Kind(
        _always,
        "look at the HTTP status, then read JSON, then look at `code`, then at each field; raise an error of your own",
    ),
)
"""All kinds; the first one that fits a crash counts."""


def advice_on(run: Run) -> str:
    """Return what to do about the crash of a client."""
    found = _EXCEPTION.match(run.end.words)
    module, name = ("", "") if found is None else (found[1].rstrip("."), found[2])
    last = run.seen.calls[-1] if run.seen.calls else None
    crash = _Crash(run.end.words, module or run.end.module, name, last, run.is_program)
    return next(kind.advice for kind in _KINDS if kind.when(crash))
