"""How clients call a server that is behind another proxy, such as an ingress: by the headers that this one adds.

`X-Forwarded-Proto`, `X-Forwarded-Host` and `X-Forwarded-Prefix` say with which scheme, host and path a client called.
They are believed of proxies only that are trusted: anyone can send them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

_PROTO, _HOST, _PREFIX = "x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix"
HEADERS: Final = frozenset({_PROTO, _HOST, _PREFIX})
TRUSTED_BY_DEFAULT: Final = ("127.0.0.1", "::1")
ANYONE: Final = "*"

_SCHEMES: Final = ("http", "https")
_A_PREFIX: Final = re.compile(r"(?:/[\w.~%-]+){1,20}", re.ASCII)


class Called(NamedTuple):
    """How a client called: the scheme, the host with its port, and what the path began with that is gone."""

    scheme: str
    host: str
    prefix: str = ""


class Forwarding:
    """Which proxies a server believes: addresses, networks, or `*` for all. A Unix socket's clients are believed."""

    def __init__(self, trusted: Sequence[str] = TRUSTED_BY_DEFAULT) -> None:
        self._anyone = ANYONE in trusted
        self._networks = [ip_network(each) for each in trusted if each != ANYONE]

    def called(self, directly: Called, headers: Mapping[str, str], peer: str) -> Called:
        """Return how the client called, when what connected was called `directly` so by `peer`, an address.

        Of several values in one header the first counts, which the proxy nearest to the client wrote. What is no
        scheme or path is as if it were not there.
        """
        if HEADERS.isdisjoint(headers) or not self._trusts(peer):
            return directly
        scheme, host, prefix = (headers.get(name, "").partition(",")[0].strip() for name in (_PROTO, _HOST, _PREFIX))
        prefix = prefix.rstrip("/")
        return Called(
            scheme.lower() if scheme.lower() in _SCHEMES else directly.scheme,
            host or directly.host,
            prefix if _A_PREFIX.fullmatch(prefix) else "",
        )

    def _trusts(self, peer: str) -> bool:
        if self._anyone or not peer:
            return True
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)  # an IPv4 client of a socket for both families
        return any((mapped or address) in network for network in self._networks)
