"""Sends webhooks over HTTP, by asyncio: one POST each, on a connection of its own or on one that is being reused.

Connections are reused when more webhooks wait for the same receiver; else each says that it is the last one. Redirects
are not followed and proxies are not used. The response is read by httptools' parser.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote, urlsplit

import httptools

from mock_akool._version import __version__
from mock_akool.akool.deliveries import CancelToken, filled_pieces, filled_size
from mock_akool.core.errors import SettingsError
from mock_akool.core.urls import basic_authorization
from mock_akool.webhooks.address_policy import AddressPolicy
from mock_akool.webhooks.receivers import Sent

_PIECES: Final = 20
"""In how many pieces a slow sender sends the body."""
_PIECE_BYTES: Final = 256 << 10
"""How much of a body with filler is made and sent at once."""
_PORTS: Final = {"http": 80, "https": 443}
_SAFE: Final = "/%!$&'()*+,;=:@~-._"
_IDLE_S: Final = 0.5
"""How long a connection is kept for the next webhook that waits for it."""
_MOST_UNASKED: Final = 65_536
_MOST_READ: Final = 1 << 20
"""How many bytes of a response are read; of a longer one only the status counts."""
_DOCKER_HOST: Final = "host.docker.internal"

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From a host and a port to its addresses."""


class Target(NamedTuple):
    """Where a webhook goes."""

    scheme: str
    host: str
    port: int
    path: str
    authority: str

    @classmethod
    def of(cls, url: str) -> Target:
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

    @property
    def place(self) -> tuple[str, str, int]:
        """What connections are to: scheme, host and port."""
        return self[:3]


class Sender:
    """Sends webhooks in one event loop, on connections that it keeps while more of them wait for the same receiver.

    `timeout_s` is how long a receiver has for taking a connection and responding. `ca_file` has certificates that
    receivers over https may have, besides the system's; raises SettingsError when it has none.
    """

    def __init__(
        self, policy: AddressPolicy, timeout_s: float, *, ca_file: str | None = None, resolve: Resolve | None = None
    ) -> None:
        self._policy = policy
        self._timeout_s = timeout_s
        self._tls: ssl.SSLContext | None = None if ca_file is None else tls_context(ca_file)
        self._resolve = resolve or resolve_host
        self._idle: defaultdict[tuple[str, str, int], list[_Connection]] = defaultdict(list)
        self._expected: dict[tuple[str, str, int], int] = {}
        """How many webhooks wait to be sent to a receiver."""

    def expect(self, url: str) -> None:
        """Take note that a webhook to this URL waits to be sent; `send` or `forget` takes that back."""
        place = self._place_of(url)
        if place is not None:
            self._expected[place] = self._expected.get(place, 0) + 1

    def forget(self, url: str) -> None:
        """Take note that a webhook to this URL waits no more."""
        place = self._place_of(url)
        if place is not None:
            left = self._expected.get(place, 0) - 1
            if left > 0:
                self._expected[place] = left
            else:
                self._expected.pop(place, None)

    async def send(
        self,
        url: str,
        body: bytes,
        *,
        filler_bytes: int = 0,
        credentials: str = "",
        slow_s: float = 0.0,
        token: CancelToken | None = None,
    ) -> Sent:
        """POST the body and return how it went; raises nothing but what cancels the task.

        With `filler_bytes` it is sent as `filled` makes it, piece by piece as the receiver takes it. `credentials` are
        the user and password of the URL. The receiver has its time beside the `slow_s` that sending the body takes.
        """
        try:
            target = Target.of(url)
        except ValueError as error:
            return Sent(error=f"{url!r} is no http(s) URL: {error}", is_final=True)
        try:
            async with asyncio.timeout(self._timeout_s + slow_s):
                sending = _Sending(token or CancelToken(), body, filler_bytes, slow_s)
                return await self._send(target, sending, credentials)
        except TimeoutError:
            return Sent(error=f"no answer within {self._timeout_s:g} s")
        except socket.gaierror as error:
            return Sent(error=_unknown_host(error, target.host), is_lasting=True)
        except OSError as error:
            return Sent(error=_said(error))

    def close(self) -> None:
        """Close the connections that are kept."""
        for connections in self._idle.values():
            for each in connections:
                each.transport.abort()
        self._idle.clear()

    async def _send(self, target: Target, sending: _Sending, credentials: str) -> Sent:
        connection = self._kept(target)
        if connection is None:
            found = await self._connected(target)
            if isinstance(found, Sent):
                return found
            connection = found
        keeps = target.place in self._expected and not sending.in_pieces
        kept = False
        try:
            head = self._head(target, sending.size, credentials, keeps)
            answered = connection.begin()
            if sending.in_pieces:
                await sending.send_in_pieces(connection, answered, head)
            else:
                sending.write(connection, head + sending.body)
            sent = await answered
            kept = keeps and connection.is_reusable
        finally:
            if kept:
                self._keep(target, connection)
            else:
                connection.transport.abort()
        return sent

    @staticmethod
    def _head(target: Target, length: int, credentials: str, keeps: bool) -> bytes:
        authorization = f"authorization: {basic_authorization(credentials)}\r\n" if credentials else ""
        closing = "" if keeps else "connection: close\r\n"
        return (
            f"POST {target.path} HTTP/1.1\r\nhost: {target.authority}\r\nuser-agent: mock-akool/{__version__}\r\n"
            f"accept: */*\r\ncontent-type: application/json\r\n{authorization}content-length: {length}\r\n"
            f"{closing}\r\n"
        ).encode("ascii")

    def _kept(self, target: Target) -> _Connection | None:
        connections = self._idle.get(target.place)
        while connections:
            connection = connections.pop()
            if connection.idle_timer is not None:
                connection.idle_timer.cancel()
                connection.idle_timer = None
            if connection.is_fresh:
                return connection
            connection.transport.abort()
        return None

    def _keep(self, target: Target, connection: _Connection) -> None:
        connections = self._idle[target.place]
        connections.append(connection)

        def drop() -> None:
            connection.idle_timer = None
            if connection in connections:
                connections.remove(connection)
                connection.transport.abort()

        connection.idle_timer = asyncio.get_running_loop().call_later(_IDLE_S, drop)

    async def _connected(self, target: Target) -> _Connection | Sent:
        """Return a new connection, or why there can be none."""
        addresses = list(dict.fromkeys(await self._addresses(target)))
        allowed = [each for each in addresses if self._policy.allows(target.host, target.port, each)]
        if not allowed:
            if not addresses:
                return Sent(error=f"{target.host} has no address")
            return Sent(error=self._policy.refusal(target.host, addresses), is_final=True)
        return await self._connect(target, allowed)

    async def _addresses(self, target: Target) -> list[str]:
        try:
            ip_address(target.host)
        except ValueError:
            return await self._resolve(target.host, target.port)
        return [target.host]

    async def _connect(self, target: Target, addresses: list[str]) -> _Connection:
        """Connect to the first of the checked addresses that takes it; nothing is looked up anew."""
        loop = asyncio.get_running_loop()
        secure: dict[str, Any] = {}
        if target.scheme == "https":
            if self._tls is None:
                self._tls = tls_context(None)
            secure = {"ssl": self._tls, "server_hostname": target.host}
        for number, address in enumerate(addresses, 1):
            try:
                _, connection = await loop.create_connection(_Connection, address, target.port, **secure)
            except OSError:
                if number == len(addresses):
                    raise
            else:
                return connection
        raise OSError("no address")

    @staticmethod
    def _place_of(url: str) -> tuple[str, str, int] | None:
        try:
            return Target.of(url).place
        except ValueError:
            return None


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return what vouches for receivers: the system's certificates, and those of a file (PEM) besides.

    Raises SettingsError when the file has none.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            why = "it has no certificates" if isinstance(error, ssl.SSLError) else error.strerror
            raise SettingsError(
                f"cannot read certificates from {ca_file!r}: {why}",
                "give a PEM file, such as the rootCA.pem of mkcert",
                ("webhook_ca",),
            ) from None
    return context


async def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host; raises OSError. In a thread that nobody has to wait for at the end."""
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


class _Sending(NamedTuple):
    """What is sent, and how: with so much filler, and within so many seconds."""

    token: CancelToken
    body: bytes
    filler_bytes: int
    slow_s: float

    @property
    def in_pieces(self) -> bool:
        """Whether the body is sent piece by piece; then nothing else is sent on its connection."""
        return bool(self.filler_bytes or self.slow_s)

    @property
    def size(self) -> int:
        """How many bytes the body has."""
        return filled_size(self.body, self.filler_bytes)

    def write(self, connection: _Connection, data: bytes) -> None:
        """Send bytes, unless the attempt is cancelled."""
        with self.token.permission():
            connection.transport.write(data)

    async def send_in_pieces(self, connection: _Connection, answered: asyncio.Future[Sent], head: bytes) -> None:
        """Send the request piece by piece, until the receiver has answered."""
        self.write(connection, head)
        size = max(1, -(-self.size // _PIECES)) if self.slow_s else _PIECE_BYTES
        pause_s = self.slow_s / max(1, -(-self.size // size))
        for piece in filled_pieces(self.body, self.filler_bytes, size):
            await asyncio.sleep(pause_s)
            awaited: set[asyncio.Future[Any]] = {answered, connection.taken()}
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                return
            self.write(connection, piece)


class _Connection(asyncio.Protocol):
    """Reads responses: their status as soon as that is known, the rest to know where the next one begins."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.is_lost = False
        self.is_reusable = False
        """Whether the last response was whole, and the receiver takes another request."""
        self.idle_timer: asyncio.TimerHandle | None = None
        self._unasked = b""
        """What the receiver sent while no request was under way."""
        self._untaken: asyncio.Future[None] | None = None
        """Ends when the receiver has taken what was sent; None while it does."""
        self._answered: asyncio.Future[Sent] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._status: int | None = None
        self._room = 0
        """How many more bytes of the response are read."""

    @property
    def is_fresh(self) -> bool:
        """Whether nothing happened on it since the last response that is against sending another request."""
        return not (self.is_lost or self._unasked or self.transport.is_closing())

    def begin(self) -> asyncio.Future[Sent]:
        """Wait for the response to a request that is now sent; returns what will have it."""
        self.is_reusable = False
        self._status = None
        self._room = _MOST_READ
        self._parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        if self._unasked:  # by a receiver that speaks first
            self._read(self._unasked)
        if self.is_lost:
            self._finish("the connection was closed without an answer")
        return self._answered

    def taken(self) -> asyncio.Future[None]:
        """Return what ends when the receiver has taken most of what was sent."""
        if self._untaken is not None:
            return self._untaken
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        taken.set_result(None)
        return taken

    def pause_writing(self) -> None:
        self._untaken = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._untaken is not None:
            self._untaken.set_result(None)
            self._untaken = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answered is None or self._answered.done():
            self.is_reusable = False
            self._unasked = (self._unasked + data)[:_MOST_UNASKED]
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        self._room -= len(data)
        if self._room < 0:  # its end may never come
            self.is_reusable = False
            self._finish(f"the receiver's response has over {_MOST_READ:,} bytes of headers")
            return
        try:
            cast("httptools.HttpResponseParser", self._parser).feed_data(data)
        except httptools.HttpParserUpgrade:
            self._finish("")
        except httptools.HttpParserError:
            self.is_reusable = False
            self._finish("what the receiver answered is no HTTP")

    def eof_received(self) -> bool:
        self.is_lost = True
        self.is_reusable = False
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        self.is_reusable = False
        said = _said(error) if isinstance(error, OSError) else "the connection was closed without an answer"
        self._finish(said)
        self._parser = None  # which holds this object

    def on_headers_complete(self) -> None:
        """Note the status, unless it is an interim one."""
        status = cast("httptools.HttpResponseParser", self._parser).get_status_code()
        if status >= 200 or status == 101:
            self._status = status

    def on_message_complete(self) -> None:
        """End with the response."""
        if self._answered is None or self._answered.done():
            self.is_reusable = False  # a second response to one request
        elif self._status is not None:
            self.is_reusable = cast("httptools.HttpResponseParser", self._parser).should_keep_alive()
            self._finish("")

    def _finish(self, error: str) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(Sent(self._status) if self._status is not None else Sent(error=error))


def _said(error: OSError) -> str:
    """Return why a connection failed, in few words."""
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, ConnectionResetError):
        return "the connection was reset"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _unknown_host(error: socket.gaierror, host: str) -> str:
    """Return why a name has no address, and what to do about it."""
    said = f"the name of the host {host} is not known ({error.strerror or error})"
    if host == _DOCKER_HOST:
        return (
            f"{said}; Docker Desktop knows it, and on Linux a container does that is started with "
            "--add-host=host.docker.internal:host-gateway (in compose: extra_hosts)"
        )
    if "." not in host:
        return f"{said}; a container is known by its name only to containers of the same network"
    return said
