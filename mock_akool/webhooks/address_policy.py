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


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


_LOCAL: Final = _networks(
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "169.254.0.0/16",
    "198.18.0.0/15",
    "100.64.0.0/10",
)
"""This machine, private networks (RFC 1918 and 4193), and what people's tools use as such: link-local addresses
(Podman's host), those for benchmarks (OrbStack), and shared ones (Tailscale, EKS)."""
_METADATA: Final = _networks(
    "169.254.169.0/24",  # AWS, Azure, Google, OpenStack and others
    "169.254.170.0/24",  # AWS ECS and EKS
    "169.254.42.42/32",  # Scaleway
    "169.254.0.23/32",  # Tencent
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure
    "192.0.0.192/32",  # Oracle
    "fd00:ec2::/32",  # AWS
    "fd20:ce::254/128",  # Google
    "fd00:42::42/128",  # Scaleway
)
"""Where clouds tell their machines secrets. Nothing allows these."""
_EMBEDDING: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""The addresses by which IPv6 hosts reach IPv4 ones (NAT64)."""


class AddressPolicy:
    """Says where webhooks may go: to local addresses, and to the allowed hosts, each with or without a port."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(host.lower() for host in allowed)

    def allows(self, host: str, port: int, address: str) -> bool:
        """Return whether a webhook to `host` may be sent to this address of it."""
        if is_metadata(address):
            return False
        shown = f"[{host}]" if ":" in host else host
        if not self._allowed.isdisjoint({host, f"{shown}:{port}", address}):
            return True
        return is_local(address)

    @staticmethod
    def refusal(host: str, addresses: Iterable[str]) -> str:
        """Return why a webhook was refused, with the setting that allows it."""
        found = sorted(set(addresses))
        at = ", ".join(found)
        where = host if at == host else f"{host} ({at})"
        if any(map(is_metadata, found)):
            return f"webhooks are never sent to {where}: a cloud tells its secrets there"
        return (
            f"webhooks are sent to this machine and to private addresses only, and {where} is neither; "
            f"allow it with --allow-webhook {host} (in Python allow_webhook={host!r})"
        )


def is_local(address: str) -> bool:
    """Return whether an address is this machine's or a private one, and none of a cloud's metadata service."""
    found = _parsed(address)
    return found is not None and any(found in network for network in _LOCAL) and not is_metadata(address)


def is_metadata(address: str) -> bool:
    """Return whether an address is that of a cloud's metadata service, or an IPv6 one that leads there."""
    found = _parsed(address)
    return found is not None and any(each in network for each in _reached(found) for network in _METADATA)


def _parsed(address: str) -> Address | None:
    try:
        # A zone, as in fe80::1%eth0, is no part of the address.
        found: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def _reached(address: Address) -> list[Address]:
    """Return an address and the one to which it leads by a translation."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    found: list[Address] = [address]
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address in _EMBEDDING or int(address) >> 32 == 0:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found
