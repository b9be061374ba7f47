"""Which fakes are active, whose hosts they answer for, and what becomes of all other hosts."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Final

from mock_akool.mock.interceptors.target import Target

active: Final[list[Target]] = []
"""The fakes that are active, in the order in which they were started. Only `add` and `remove` change it."""

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
    """Return a host as fakes list it: as text in small letters, without the dot of the root."""
    name = host.decode("latin-1") if isinstance(host, (bytes, bytearray)) else str(host)
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


def refusal(url: object) -> str:
    """Return the text of the refusal."""
    return (
        f'mock-akool refused a request to {url}: other_hosts="refuse" is set. '
        'Allow it with other_hosts="pass", or mock that host'
    )


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
