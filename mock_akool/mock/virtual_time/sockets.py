"""Whether something is awaited at a socket, and from where: from this process, or from the world outside.

A connection on which more was asked than answered is waited for; one that is idle, in a pool or at a server that
listens, is not. Linux tells when each connection was last sent to and received from.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

NOTHING: Final = "nothing"
BEGUN: Final = "begun"
"""Nothing that is known: after the last question something has come, of which more may come."""
INSIDE: Final = "inside"
"""An answer of this process."""
MAYBE: Final = "maybe"
OUTSIDE: Final = "outside"
_RANK: Final = (NOTHING, BEGUN, MAYBE, INSIDE, OUTSIDE)
_TCP_INFO: Final = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_BACKLOG: Final = 24
"""Where in `struct tcp_info` of a socket that listens it is how many connections wait to be accepted."""
_LAST_SENT: Final = 44
_LAST_RECEIVED: Final = 52
"""Where in `struct tcp_info` the milliseconds are since something was sent and received."""
_LENGTH: Final = 56


def awaited_at(handles: Iterable[int]) -> str:
    """Return what is awaited at any of these file handles."""
    found = NOTHING
    for handle in handles:
        one = _awaited(handle)
        if _RANK.index(one) > _RANK.index(found):
            found = one
    return found


def awaited_by(thread: threading.Thread) -> str:
    """Return what a thread waits for that waits for input, by the socket that it reads from."""
    frame: Any = sys._current_frames().get(thread.ident or 0)
    for _ in range(4):
        if frame is None:
            break
        owner = frame.f_locals.get("self")
        found = owner if isinstance(owner, socket.socket) else getattr(owner, "_sock", None)
        if isinstance(found, socket.socket):
            return _awaited(found.fileno())
        frame = frame.f_back
    return MAYBE


@contextlib.contextmanager
def _opened(handle: int) -> Iterator[socket.socket | None]:
    try:
        copy = os.dup(handle)
    except OSError:
        yield None
        return
    try:
        opened = socket.socket(fileno=copy)
    except (OSError, RuntimeError, ValueError):  # it is no socket; RuntimeError by pytest-socket
        os.close(copy)
        yield None
        return
    with opened:
        yield opened


def _awaited(handle: int) -> str:
    with _opened(handle) as found:
        if found is None:
            return MAYBE
        try:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return NOTHING
            if _TCP_INFO is None or found.family not in (socket.AF_INET, socket.AF_INET6):
                return MAYBE
            if found.type != socket.SOCK_STREAM:
                return MAYBE
            sent_ms, received_ms = _told(found, _LAST_SENT, _LAST_RECEIVED)
            peer = found.getpeername()
        except OSError:
            return OUTSIDE  # it is being connected
    if sent_ms > received_ms:
        return BEGUN
    if _is_own(peer):
        return INSIDE
    return OUTSIDE if sent_ms < received_ms else MAYBE


def _told(connection: socket.socket, *places: int) -> list[int]:
    """Return the numbers at these places of what the system says about a connection, all of one moment."""
    told = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO or 0, _LENGTH)
    return [struct.unpack_from("I", told, at)[0] for at in places]


def _is_own(peer: Any) -> bool:
    """Return whether the other end of a connection is in this process, too, or waits to be accepted here."""
    try:
        handles = [int(each.name) for each in Path("/proc/self/fd").iterdir()]
    except OSError:
        return False
    for handle in handles:
        with _opened(handle) as found:
            if found is not None:
                with contextlib.suppress(OSError):
                    if _is_end(found, peer):
                        return True
    return False


def _is_end(found: socket.socket, peer: Any) -> bool:
    """Return whether a socket is the other end, or may accept it. An address like 0.0.0.0 is all of this machine."""
    if found.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    (host, port), (peer_host, peer_port) = _place(found.getsockname()), _place(peer)
    if port != peer_port:
        return False
    if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return host in (peer_host, "0.0.0.0", "::") and _told(found, _BACKLOG) != [0]
    return host == peer_host and bool(found.getpeername())


def _place(address: Any) -> tuple[str, int]:
    """Return host and port of an address; a socket for both kinds has those of IPv4 with a prefix."""
    host, port = address[:2]
    return host.removeprefix("::ffff:"), port
