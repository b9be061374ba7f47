"""The address policy: where webhooks may be sent.

A fake must not call strangers: a webhook URL may be a production system's. So webhooks go to this machine and to
private networks only, unless a host is allowed by name. What counts is the address that is connected to, after the name
was looked up. It is looked up once, so it cannot change between the check and the connection.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOCAL: Final = tuple(
    ipaddress.ip_network(each)
    for each in ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""This machine, and private networks (RFC 1918 and 4193). Not link-local ones: clouds tell their secrets there."""


class AddressPolicy:
    """Says where webhooks may go: to local addresses, and to the allowed hosts, each with or without a port."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(host.lower() for host in allowed)

    def allows(self, host: str, port: int, address: str) -> bool:
        """Return whether a webhook to `host` may be sent to this address of it."""
        shown = f"[{host}]" if ":" in host else host
        if not self._allowed.isdisjoint({host, f"{shown}:{port}", address}):
            return True
        return is_local(address)

    @staticmethod
    def refusal(host: str, addresses: Iterable[str]) -> str:
        """Return why a webhook was refused, with the setting that allows it."""
        at = ", ".join(sorted(set(addresses)))
        where = host if at == host else f"{host} ({at})"
        return (
            f"webhooks are sent to this machine and to private addresses only, and {where} is neither; "
            f"allow it with --allow-webhook {host} (in Python allow_webhook={host!r})"
        )


def is_local(address: str) -> bool:
    """Return whether an address is this machine's or a private one."""
    try:
        # A zone, as in fe80::1%eth0, is no part of the address.
        found: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in _LOCAL)
