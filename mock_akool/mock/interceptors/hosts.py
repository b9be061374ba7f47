"""Which fakes are active, whose hosts they answer for, and what becomes of all other hosts."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

from mock_akool.mock.interceptors.target import Target

active: Final[list[Target]] = []
"""The fakes that are active, in the order in which they were started. `registry` keeps it."""


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
