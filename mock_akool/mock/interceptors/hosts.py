"""Which fakes are active, which of them answers for a host, and what becomes of all other hosts."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import Any, Final

from mock_akool.core.schema import nearest
from mock_akool.mock.interceptors.target import Target

active: Final[list[Target]] = []
"""The fakes that are active, in the order in which they were started. Only `add` and `remove` change it."""

_HOST_SHOWN: Final = 100
_METHOD_SHOWN: Final = 20
_MOST_CAUSES: Final = 10
_OF_ASYNCIO: Final = "Connect call failed"
_LIKENESS: Final = 0.85
"""How like a fake's a host must be to be taken for a misspelt one: `api.openai.com` must not be."""
_FREE_AT_MOST: Final = 1000
_free: set[tuple[str, int]] = set()
"""Hosts and ports to which any connection may pass. A new set whenever the active fakes change."""


def add(target: Target) -> None:
    """Let the target be active."""
    global _free
    active.append(target)
    _free = set()


def remove(target: Target) -> None:
    """Let the target be active no more; raises ValueError when it is not."""
    global _free
    active.remove(target)
    _free = set()


def is_free(host: Any, port: object) -> bool:
    """Return whether any connection to a host may pass: it is no fake's, and others are not refused.

    A program connects to the same few hosts again and again, so what is free is kept.
    """
    free = _free  # before it is found out: what changes meanwhile has another set
    known = (host, port) if type(host) is str and type(port) is int else None
    if known in free:
        return True
    name = host_name(host)
    if target_of(name, port) is not None or refuses(name):
        return False
    if known is not None and len(free) < _FREE_AT_MOST:
        free.add(known)
    return True


def host_name(host: object) -> str:
    """Return a host as fakes list it: as text in small letters, without the dot of the root.

    Letters of another width and other full stops are what a look-up takes them for.
    """
    name = host.decode("latin-1") if isinstance(host, (bytes, bytearray)) else str(host)
    if not name.isascii():
        with contextlib.suppress(UnicodeError):  # which nobody could look up
            name = name.encode("idna").decode("ascii")
    return name.rstrip(".").lower()


def target_of(host: str | None, port: object) -> Target | None:
    """Return the active target that answers for the host, the one started last first."""
    for target in reversed(active):
        if target.answers(host, port):
            return target
    return None


def refuses(host: str | None) -> bool:
    """Return whether a request to a host that is not ours must not leave: when refused, and not to this machine."""
    return any(target.refuse_others for target in active) and not _is_this_machine(host)


def refusal(url: object, host: str | None) -> str:
    """Return the text of the refusal of a request to a URL of that host."""
    return f'mock-akool refused a request to {url}: other_hosts="refuse" is set. {what_to_do(host)}'


def what_to_do(host: str | None) -> str:
    """Return the advice that ends the text of a refusal: the host of a fake that is near, and how to allow it."""
    near = _near(host_name(host or ""))
    if near is None:
        return 'Allow it with other_hosts="pass", or mock that host'
    return f'Did you mean {near}? If not, allow it with other_hosts="pass", or mock that host'


def note_failure(method: str, host: str | None, port: int | None, error: BaseException) -> None:
    """Take note, for the report of a failing test, that a request to a host of no fake failed with the error."""
    name = host_name(host or "")[:_HOST_SHOWN]
    asked = f"{method[:_METHOD_SHOWN]} {f'[{name}]' if ':' in name else name}"
    near = _near(name)
    for target in [*active]:
        if near is not None:
            said = f"{asked}; did you mean {near}?"
        elif _is_refused_connection(error) and _is_this_machine(name):
            said = f"{asked}:{port or 80}; nothing listens there, and the fake answers https://{target.first_host}"
        else:
            said = asked
        target.note_failed_elsewhere(said)


def _near(name: str) -> str | None:
    """Return the host of an active fake that is almost the given one."""
    hosts = (host.partition(":")[0] for target in active for host in sorted(target.hosts))
    near = nearest(name, hosts, likeness=_LIKENESS)
    return None if near == name else near


def _is_refused_connection(error: BaseException | None) -> bool:
    """Return whether an error of a library was caused by a port on which nothing listens."""
    for _ in range(_MOST_CAUSES):
        if error is None:
            return False
        # asyncio has one error for several addresses, such as those of localhost, with the errors in its text only.
        if isinstance(error, ConnectionRefusedError) or _OF_ASYNCIO in str(error):
            return True
        error = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__
    return False


def _is_this_machine(host: str | None) -> bool:
    if host is None or host in {"", "localhost"} or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower() == socket.gethostname().lower()
    return address.is_loopback or address.is_unspecified or _is_own(address)


def _is_own(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether the address is one of this machine's: only to such a one a socket can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except (OSError, RuntimeError):  # the latter by pytest-socket
        return False
    return True
