"""Sends a webhook over HTTP: one POST on a connection of its own, by asyncio.

Redirects are not followed and proxies are not used. The response is read by httptools' parser.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote, urlsplit

from mock_akool._version import __version__
from mock_akool.akool.deliveries import CancelToken
from mock_akool.webhooks.address_policy import AddressPolicy

_PIECES: Final = 20
"""In how many pieces a slow sender sends the body."""
_PORTS: Final = {"http": 80, "https": 443}
_SAFE: Final = "/%!$&'()*+,;=:@~-._"

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From a host and a port to its addresses."""


class Sent(NamedTuple):
    """How it went: the HTTP status of the answer, or why there is none. `is_final`: it would go no better again."""

    status: int | None = None
    error: str = ""
    is_final: bool = False


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host; raises OSError. In a thread that nobody has to wait for at the end."""
    import socket

    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def tell(result: list[str] | None, error: OSError | None) -> None:
        if not found.done():
            if error is not None:
                found.set_exception(error)
            else:
                found.set_result(result or [])

    def look_up() -> None:
        result, failure = None, None
        try:
            result = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except OSError as error:
            failure = error
        except UnicodeError as error:
            failure = OSError(str(error))
        try:
            loop.call_soon_threadsafe(tell, result, failure)
        except RuntimeError:  # the loop has ended meanwhile
            return

    threading.Thread(target=look_up, name="mock-akool-resolve", daemon=True).start()
    return await found


async def send(
    url: str,
    body: bytes,
    policy: AddressPolicy,
    *,
    timeout_s: float,
    slow_s: float = 0.0,
    cancel_token: CancelToken | None = None,
    resolve: Resolve = resolve,
) -> Sent:
    """POST the body and return how it went; raises nothing but what cancels the task.

    The receiver has `timeout_s` for connecting and answering, beside the `slow_s` that sending the body takes.
    """
    try:
        target = _Target.of(url)
    except ValueError as error:
        return Sent(error=f"{url!r} is no http(s) URL: {error}", is_final=True)
    try:
        async with asyncio.timeout(timeout_s + slow_s):
            return await _send(target, body, policy, slow_s, cancel_token or CancelToken(), resolve)
    except TimeoutError:
        return Sent(error=f"no answer within {timeout_s:g} s")
    except OSError as error:
        return Sent(error=_said(error))


class _Target(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str
    authority: str

    @classmethod
    def of(cls, url: str) -> _Target:
        """Take a URL apart; raises ValueError when it is none that a webhook can go to."""
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        if scheme not in _PORTS:
            raise ValueError("its scheme is neither http nor https")
        if not parts.hostname:
            raise ValueError("it names no host")
        host = parts.hostname
        if not host.isascii():
            host = host.encode("idna").decode()
        port = parts.port or _PORTS[scheme]
        shown = f"[{host}]" if ":" in host else host
        # What must not stand in a request line is escaped; what is escaped already stays.
        path = quote(parts.path or "/", safe=_SAFE)
        query = "?" + quote(parts.query, safe=f"{_SAFE}?") if parts.query else ""
        authority = shown if port == _PORTS[scheme] else f"{shown}:{port}"
        return cls(scheme, host, port, path + query, authority)


async def _send(
    target: _Target, body: bytes, policy: AddressPolicy, slow_s: float, cancel_token: CancelToken, resolve: Resolve
) -> Sent:
    addresses = list(dict.fromkeys(await resolve(target.host, target.port)))
    allowed = [each for each in addresses if policy.allows(target.host, target.port, each)]
    if not allowed:
        if not addresses:
            return Sent(error=f"{target.host} has no address")
        return Sent(error=policy.refusal(target.host, addresses), is_final=True)
    connection = await _connect(target, allowed)
    try:
        head = (
            f"POST {target.path} HTTP/1.1\r\nhost: {target.authority}\r\nuser-agent: mock-akool/{__version__}\r\n"
            f"accept: */*\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        ).encode("ascii")
        if not slow_s:
            _write(connection, cancel_token, head + body)
        else:
            await _send_slowly(connection, cancel_token, head, body, slow_s)
        return await connection.answered
    finally:
        connection.transport.abort()


async def _connect(target: _Target, addresses: list[str]) -> _Connection:
    """Connect to the first of the checked addresses that takes it; nothing is looked up anew."""
    loop = asyncio.get_running_loop()
    secure: dict[str, Any] = {}
    if target.scheme == "https":
        secure = {"ssl": _tls(), "server_hostname": target.host}
    for number, address in enumerate(addresses, 1):
        try:
            _, connection = await loop.create_connection(_Connection, address, target.port, **secure)
        except OSError:
            if number == len(addresses):
                raise
        else:
            return connection
    raise OSError("no address")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _send_slowly(
    connection: _Connection, cancel_token: CancelToken, head: bytes, body: bytes, slow_s: float
) -> None:
    _write(connection, cancel_token, head)
    size = max(1, -(-len(body) // _PIECES))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    for piece in pieces:
        await asyncio.sleep(slow_s / len(pieces))
        if connection.answered.done():
            return
        _write(connection, cancel_token, piece)


def _write(connection: _Connection, cancel_token: CancelToken, data: bytes) -> None:
    with cancel_token.permission():
        connection.transport.write(data)


class _Connection(asyncio.Protocol):
    """Reads the answer: its status as soon as that is known, the rest only to be polite to the receiver."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.answered: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        import httptools  # not at the top: most runs of tests send nothing

        self._parser = httptools.HttpResponseParser(self)
        self._status: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        import httptools

        if self.answered.done():
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._finish("")
        except httptools.HttpParserError:
            self._finish("what the receiver answered is no HTTP")

    def connection_lost(self, error: Exception | None) -> None:
        said = _said(error) if isinstance(error, OSError) else "the connection was closed without an answer"
        self._finish(said)
        del self._parser  # which holds this object

    def on_headers_complete(self) -> None:
        """Note the status, unless it is an interim one."""
        status = self._parser.get_status_code()
        if status >= 200 or status == 101:
            self._status = status

    def on_message_complete(self) -> None:
        """End with the answer."""
        if self._status is not None:
            self._finish("")

    def _finish(self, error: str) -> None:
        if not self.answered.done():
            self.answered.set_result(Sent(self._status) if self._status is not None else Sent(error=error))


def _said(error: OSError) -> str:
    """Return why a connection failed, in few words."""
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, ConnectionResetError):
        return "the connection was reset"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
