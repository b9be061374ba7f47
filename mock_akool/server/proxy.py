"""The live server as a proxy: what it answers itself, and what it lets through to other servers.

where     what becomes of a request that a client sends through the proxy
Tunnel    bytes in both directions, after CONNECT
forward   a single request and its response, for clients that send `GET https://host/path` to a proxy
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from enum import Enum, auto
from ipaddress import ip_address
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from mock_akool.admin.access import is_loopback
from mock_akool.akool.families import HOSTS
from mock_akool.core.http import Request, request_target

PROXIED: Final = "proxy"
"""The transport of a request that is for another server."""

_CONNECT_S: Final = 20.0
_IDLE_SWEEPS: Final = 720
"""After how many sweeps without a byte in either direction a tunnel is closed: an hour."""
_ENDED_SWEEPS: Final = 6
_MOST_UNSENT: Final = 256 << 10
_PIECE_BYTES: Final = 64 << 10
_PORTS: Final = {"http": 80, "https": 443}
_HOP_BY_HOP: Final = frozenset(
    {"connection", "proxy-connection", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "content-length", "expect"}
)


class Others(Enum):
    """What becomes of requests for other servers than Akool's."""

    REFUSE = "refuse"
    LOOPBACK = "loopback"
    PASS = "pass"


class Proxy(NamedTuple):
    """Whether a server is a proxy, and what becomes of requests for other servers."""

    on: bool = True
    others: Others = Others.REFUSE


class Way(Enum):
    """Who answers a request that came through the proxy."""

    SELF = auto()
    OTHER = auto()


class Place(NamedTuple):
    """Where a request is sent."""

    scheme: str
    host: str
    port: int

    @property
    def is_akool(self) -> bool:
        """Whether this server stands in for it."""
        return self.host in HOSTS and self.port in _PORTS.values()

    @property
    def url(self) -> str:
        """Its scheme, host and port."""
        return f"{self.scheme}://{self}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def place_of(authority: str, scheme: str) -> Place | None:
    """Return the place of `host:port`; without a port that of the scheme, if the scheme has one. None if it is none."""
    try:
        parts = urlsplit(f"//{authority}")
        host, port = parts.hostname, parts.port or _PORTS.get(scheme)
    except ValueError:
        return None
    if not host or not port or parts.path or parts.query or parts.fragment:
        return None
    return Place(scheme, host.removesuffix("."), port)


def where(proxy: Proxy, place: Place, own_port: int) -> Way | str:
    """Return who answers a request for this place, or why nobody does."""
    if place.is_akool:
        return Way.SELF
    if is_loopback(place.host) and place.port == own_port:
        return "this is the proxy itself; call it without a proxy (set NO_PROXY=localhost,127.0.0.1)"
    if proxy.others is Others.PASS or (proxy.others is Others.LOOPBACK and is_loopback(place.host)):
        return Way.OTHER
    return (
        f"this proxy answers for Akool's hosts only, and {str(place)[:100]} is another; "
        "start the server with --proxy-others pass, or name the host in NO_PROXY"
    )


class TunnelHost(Protocol):
    """What a tunnel asks its server for."""

    loop: asyncio.AbstractEventLoop

    @property
    def port(self) -> int:
        """The port that it listens on."""
        ...


class Tunnel(asyncio.Protocol):
    """Bytes from a client to another server and back. It is the protocol of the client's side."""

    def __init__(
        self, host: TunnelHost, client: asyncio.Transport, first: bytes, lost: Callable[[Exception | None], None]
    ) -> None:
        self._host = host
        self._client = client
        self._first = first
        self._lost = lost
        self._server: asyncio.Transport | None = None
        self._ended = False
        """Whether one side is gone."""
        self._halves = 2
        """How many sides still send."""
        self._quiet_sweeps = 0

    async def open(self, place: Place) -> str | None:
        """Connect to the server; returns why that did not work, or None."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                transport, _ = await self._host.loop.create_connection(lambda: _FarSide(self), place.host, place.port)
        except (OSError, TimeoutError, UnicodeError) as error:
            return f"cannot connect to {place}: {getattr(error, 'strerror', None) or error or 'it does not answer'}"
        server = transport
        if _is_own(server, self._host.port):
            server.abort()
            return f"{place} is the proxy itself"
        if self._client.is_closing():
            server.abort()
            return None
        self._server = server
        self._client.set_protocol(self)
        self._client.write(ESTABLISHED)
        if self._first:
            server.write(self._first)
        self._client.resume_reading()
        return None

    # The client's side

    def data_received(self, data: bytes) -> None:
        """Send it on."""
        self._quiet_sweeps = 0
        if self._server is not None and not self._ended:
            self._server.write(data)

    def eof_received(self) -> bool:
        """Send it on; what the server still sends comes."""
        self._halves -= 1
        if self._server is None or self._ended or not self._server.can_write_eof():
            return False
        self._server.write_eof()
        return self._halves > 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other side too, when it has taken what was sent."""
        if self._server is not None and not self._ended:
            self._ended = True
            self._server.close()
        else:
            self._lost(exc)

    def pause_writing(self) -> None:
        """Let the server wait for the client."""
        if self._server is not None and not self._server.is_closing():
            self._server.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if self._server is not None and not self._server.is_closing():
            self._server.resume_reading()

    # The server's side

    def from_server(self, data: bytes) -> None:
        """Send to the client what the server sent."""
        self._quiet_sweeps = 0
        if not self._ended:
            self._client.write(data)

    def server_ended(self) -> bool:
        """Say to the client that the server sends no more; returns whether the client may go on sending."""
        self._halves -= 1
        if self._ended or not self._client.can_write_eof():
            return False
        self._client.write_eof()
        return self._halves > 0

    def server_lost(self, exc: Exception | None) -> None:
        """Close the client's side too, when it has taken what was sent."""
        if self._ended:
            self._lost(exc)
        else:
            self._ended = True
            self._client.close()

    def abort(self) -> None:
        """Close both sides at once."""
        self._client.abort()
        if self._server is not None:
            self._server.abort()

    def pace(self, *, paused: bool) -> None:
        """Let the client wait for the server, or go on."""
        if not self._client.is_closing():
            (self._client.pause_reading if paused else self._client.resume_reading)()

    # What the server asks now and then

    def is_idle(self) -> bool:
        """Return whether nothing moved for an hour, or one side is gone for half a minute; called at each sweep."""
        self._quiet_sweeps += 1
        return self._quiet_sweeps > (_ENDED_SWEEPS if self._ended else _IDLE_SWEEPS)


ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"


class _FarSide(asyncio.Protocol):
    """The protocol of a tunnel's side to the other server."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    def data_received(self, data: bytes) -> None:
        self._tunnel.from_server(data)

    def eof_received(self) -> bool:
        return self._tunnel.server_ended()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tunnel.server_lost(exc)

    def pause_writing(self) -> None:
        self._tunnel.pace(paused=True)

    def resume_writing(self) -> None:
        self._tunnel.pace(paused=False)


async def forward(request: Request, client: asyncio.Transport, own_port: int) -> str | None:
    """Send a request to the server that its `file_base` names, and its response to the client, until the server ends.

    Returns why that did not work, or None.
    """
    parts = urlsplit(request.file_base)
    place = Place(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
    writer = None
    try:
        async with asyncio.timeout(_CONNECT_S):
            context = ssl.create_default_context() if place.scheme == "https" else None
            reader, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
        if _is_own(writer.transport, own_port):
            return f"{place} is the proxy itself"
        writer.write(_as_origin(request))
        await writer.drain()
        while piece := await reader.read(_PIECE_BYTES):
            if client.is_closing():
                return None
            client.write(piece)
            while client.get_write_buffer_size() > _MOST_UNSENT and not client.is_closing():
                await asyncio.sleep(0.005)
    except (OSError, TimeoutError, UnicodeError) as error:
        return f"cannot get an answer of {place}: {getattr(error, 'strerror', None) or error or 'it does not answer'}"
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    return None


def _as_origin(request: Request) -> bytes:
    """Return a request as its own server wants it, for a connection that ends after it."""
    target = request_target(request.path, request.query)
    headers: Mapping[str, str] = {
        **{name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP},
        **({"content-length": str(len(request.body))} if request.body or request.method in ("POST", "PUT") else {}),
        "connection": "close",
    }
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


def _is_own(transport: asyncio.Transport | asyncio.WriteTransport, own_port: int) -> bool:
    """Return whether a connection leads to this server: to its port at an address of this machine."""
    peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    if not peer or not own:
        return False
    (peer_address, peer_port, *_), (own_address, *_) = peer, own
    if peer_port != own_port:
        return False
    return bool(peer_address == own_address or ip_address(peer_address.partition("%")[0]).is_loopback)
