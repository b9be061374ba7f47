"""The sockets that a live server listens on: hosts of either family, several of them, and a Unix socket."""

from __future__ import annotations

import errno
import socket
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from mock_akool.core.errors import ServerError

BACKLOG: Final = 1024
_PORTS_TRIED: Final = 20
"""How often another free port is tried, where one port has to be free in several places."""
_ALL: Final = frozenset({"0.0.0.0", "::"})
_NO_FAMILY: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_HINT: Final = "Choose another with --port (0 takes a free one) or --host"


class _Place(NamedTuple):
    """Where to listen: an address family, an address, and whether the IPv6 socket takes IPv4 clients as well."""

    family: int
    address: str
    is_dual: bool = False


def listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Return listening sockets for all addresses of the hosts, all on one port; 0 takes a free one.

    `localhost` and other names listen on every address that they have, `::` on both families. Raises ServerError when
    an address is taken or is none of this machine's; nothing is then left open.
    """
    places = _needed([place for host in hosts for place in _places(host, port)])
    for left in range(_PORTS_TRIED, 0, -1):
        try:
            return _bound(places, port, hosts)
        except _PortTakenError as error:
            if port or left == 1:
                raise ServerError(f"cannot listen on {error.where}: Address already in use", _HINT) from None
    raise AssertionError


def listen_on_path(path: str) -> socket.socket:
    """Return a socket that listens on a path; what a server that is gone has left there is replaced.

    Raises ServerError when another server listens there, or it is no socket.
    """
    if sys.platform == "win32":
        raise ServerError(f"cannot listen on {path}: this system has no Unix sockets", "Leave --uds out")
    family = socket.AF_UNIX
    _remove_stale(path, family)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ServerError(f"cannot listen on {path}: {error.strerror or error}", "Choose another with --uds") from None
    return listener


def identity_of(path: str) -> tuple[int, ...] | None:
    """Return what tells the file at a path from another that is put there later; None when there is none."""
    try:
        found = Path(path).lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def remove_own(path: str, identity: tuple[int, ...] | None) -> None:
    """Remove the file at a path if it is still the one with this identity."""
    if identity is not None and identity_of(path) == identity:
        with suppress(OSError):
            Path(path).unlink()


def without_brackets(host: str) -> str:
    """Return a host without the brackets that an IPv6 address has in a URL."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


class _PortTakenError(Exception):
    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(where)


def _places(host: str, port: int) -> list[_Place]:
    address = without_brackets(host)
    if address.lower() == "localhost":
        # Whatever the machine's list of hosts says: clients try one address of it or the other.
        return [_Place(socket.AF_INET, "127.0.0.1"), _Place(socket.AF_INET6, "::1")]
    if address == "::" and socket.has_dualstack_ipv6():
        return [_Place(socket.AF_INET6, address, is_dual=True)]
    try:
        # As bytes where it can be: of a text, Python asks a codec first, which takes milliseconds to load.
        asked = address.encode() if address.isascii() else address
        found = socket.getaddrinfo(asked, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ServerError(f"cannot listen on {_in_url(address)}:{port}: {_reason(error)}", _HINT) from None
    return [_Place(family, str(name[0])) for family, _, _, _, name in found]


def _needed(places: list[_Place]) -> list[_Place]:
    """Return the places without those that stand twice, and without those that an address for all clients has."""
    families = {each.family for each in places if each.address in _ALL}
    is_dual = any(each.is_dual for each in places)
    if is_dual:
        families |= {socket.AF_INET, socket.AF_INET6}
    needed = [each for each in places if each.family not in families or each.address in _ALL]
    if is_dual:
        needed = [each for each in needed if each.is_dual]
    return list(dict.fromkeys(needed))


def _bound(places: list[_Place], port: int, hosts: Sequence[str]) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    why = "it has no address"
    try:
        for family, address, dual in places:
            shown = _in_url(address)
            try:
                listener = socket.create_server((address, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise _PortTakenError(f"{shown}:{port}") from None
                if error.errno not in _NO_FAMILY:
                    raise ServerError(f"cannot listen on {shown}:{port}: {_reason(error)}", _HINT) from None
                # `localhost` has an address of each family, and not every machine has both.
                why = _reason(error)
                continue
            listener.setblocking(False)
            listeners.append(listener)
            port = listener.getsockname()[1]
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    if not listeners:
        shown = ", ".join(_in_url(without_brackets(host)) for host in hosts)
        raise ServerError(f"cannot listen on {shown}:{port}: {why}", _HINT)
    return listeners


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _reason(error: Exception) -> str:
    # The standard library adds the address, which is in the message anyway.
    return (getattr(error, "strerror", None) or str(error)).partition(" (while ")[0]


def _remove_stale(path: str, family: int) -> None:
    try:
        mode = Path(path).lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ServerError(f"cannot listen on {path}: there is a file that is no socket", "Choose another with --uds")
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(path)
        except ConnectionRefusedError:
            with suppress(OSError):
                Path(path).unlink()
            return
        except OSError:
            return
    raise ServerError(f"cannot listen on {path}: another server listens there", "Choose another with --uds")
