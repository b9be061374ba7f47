"""A connection in memory between a client's protocol and the fake, both in the client's event loop.

It takes the place of a socket for `aiohttp`: nothing is opened, so it works where a tool forbids sockets, no thread
has to be waited for, and a test leaves nothing behind. What a client writes is parsed by the code of the live server.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any, Final, cast

_HIGH_WATER_BYTES: Final = 1 << 16
"""From how many bytes on that wait to be read a writer is asked to pause."""
_PEER: Final = ("127.0.0.1", 443)


class _Socket:
    """Stands for the socket of a connection, for who sets its options."""

    family = 2
    proto = 6

    def setsockopt(self, *_: Any) -> None:
        """Take an option; the only one that matters, to reset at the end, is what `abort` does anyway."""

    def getpeername(self) -> tuple[str, int]:
        return _PEER

    def getsockname(self) -> tuple[str, int]:
        return _PEER

    def fileno(self) -> int:
        return -1


class MemoryTransport(asyncio.Transport):
    """One end of a connection. What is written arrives at the other end in a later turn of the loop, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol) -> None:
        super().__init__({"peername": _PEER, "sockname": _PEER, "socket": _Socket()})
        self._loop = loop
        self._protocol = protocol
        self._peer: MemoryTransport
        self._inbox: list[bytes | Exception | None] = []
        """What came and was not handed over yet; None is the end, an error a connection that broke."""
        self._inbox_bytes = 0
        self._reading = True
        self._scheduled = False
        self._closing = False
        self._lost = False
        self._peer_paused = False
        """Whether the other end is to pause, and whether its protocol was asked to."""
        self._peer_asked = False

    def _connect(self, peer: MemoryTransport) -> None:
        self._peer = peer
        self._protocol.connection_made(self)

    # What protocols call

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand what comes to another protocol from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that gets what comes."""
        return self._protocol

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._closing

    def is_reading(self) -> bool:
        """Whether what comes is handed over at once."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Keep what comes until `resume_reading`."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand over what came meanwhile, and go on."""
        self._reading = True
        self._soon()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes to the other end."""
        if data and not self._closing:
            self._peer._receive(bytes(data))

    def can_write_eof(self) -> bool:
        """A connection is closed in both directions at once, as one with TLS."""
        return False

    def write_eof(self) -> None:
        """Not supported, see `can_write_eof`."""
        raise NotImplementedError

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the other end has not read."""
        return self._peer._inbox_bytes

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: the limits are fixed."""

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return from how many unread bytes a writer goes on, and from how many it pauses."""
        return 0, _HIGH_WATER_BYTES

    def close(self) -> None:
        """Close both ends; the other one gets first what was written."""
        if not self._closing:
            self._closing = True
            self._peer._receive(None)
            self._loop.call_soon(self._lose, None)

    def abort(self) -> None:
        """Break the connection: the other end gets an error in the place of what it has not read."""
        if not self._closing:
            self._closing = True
            self._peer._inbox.clear()
            self._peer._receive(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
            self._loop.call_soon(self._lose, None)

    # What comes

    def _receive(self, what: bytes | Exception | None) -> None:
        self._inbox.append(what)
        if isinstance(what, bytes):
            self._inbox_bytes += len(what)
            if self._inbox_bytes > _HIGH_WATER_BYTES and not self._peer_paused:
                self._peer_paused = True
                self._loop.call_soon(self._tell_peer)
        self._soon()

    def _soon(self) -> None:
        if self._inbox and self._reading and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._scheduled = False
        while self._inbox and self._reading and not self._lost:
            what = self._inbox.pop(0)
            if isinstance(what, bytes):
                self._inbox_bytes -= len(what)
                if not self._closing:
                    cast(asyncio.Protocol, self._protocol).data_received(what)
            else:
                self._end(what)
        if self._peer_paused and self._inbox_bytes <= _HIGH_WATER_BYTES // 4:
            self._peer_paused = False
            self._loop.call_soon(self._tell_peer)

    def _end(self, error: Exception | None) -> None:
        if error is None and not self._closing:
            cast(asyncio.Protocol, self._protocol).eof_received()
        self._closing = True
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._protocol.connection_lost(error)

    def _tell_peer(self) -> None:
        peer = self._peer
        if not peer._lost and self._peer_asked != self._peer_paused:
            self._peer_asked = self._peer_paused
            protocol = cast(asyncio.Protocol, peer._protocol)
            if self._peer_paused:
                protocol.pause_writing()
            else:
                protocol.resume_writing()


def connect(
    loop: asyncio.AbstractEventLoop, make_client: Callable[[], Any], make_server: Callable[[], asyncio.Protocol]
) -> Any:
    """Connect two new protocols in a running loop, and return the client's."""
    client = make_client()
    client_end, server_end = MemoryTransport(loop, client), MemoryTransport(loop, make_server())
    server_end._connect(client_end)
    client_end._connect(server_end)
    return client
