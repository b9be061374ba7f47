"""Who may use the admin API: it keeps out pages of other sites, names that were made to point here, and strangers."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mock_akool.akool.auth import bearer_token
from mock_akool.akool.families import HOSTS
from mock_akool.core.http import Request

OPEN: Final = frozenset({"/_mock/health", "/_mock/ready"})
"""What needs no token and may be called by any name but Akool's: a probe has neither."""

PAGE: Final = "/_mock/"
"""Where the dashboard is."""
PAGE_FILES: Final = "/_mock/dashboard/"
"""What the paths of its style sheet and its scripts begin with."""

_OPEN_TO_OTHERS: Final = frozenset({"server", "flask"})
"""The transports that others than the test itself can use."""
_LOOPBACK_NAME: Final = re.compile(r"(?:.+\.)?localhost", re.IGNORECASE)


class Refusal(NamedTuple):
    """Why a request is refused: the HTTP status, what is wrong and what to do."""

    status: int
    error: str
    hint: str


class Access:
    """Who may use the admin API of one fake.

    With an `admin_token` a request must carry it, as `Authorization: Bearer TOKEN`. `hosts` are names by which the
    fake may be called, besides IP addresses, `localhost`, and what it listens on.
    """

    def __init__(self, admin_token: str | None = None, hosts: Iterable[str] = ()) -> None:
        self.admin_token = admin_token
        self._hosts = set(map(_plain, hosts))

    def allow(self, host: str) -> None:
        """Accept requests by this name: the fake listens there."""
        self._hosts.add(_plain(host))

    def refusal(self, request: Request) -> Refusal | None:
        """Return why the request is refused, or None."""
        if request.transport not in _OPEN_TO_OTHERS:
            return None
        headers = request.headers
        host = headers.get("host", "")
        name = _name_of(host)
        if request.path in OPEN and name not in HOSTS:
            return None
        # A page of another site can make its own name point to this machine; then the browser sends that name.
        if host and not self.is_ours(name):
            return Refusal(
                403,
                f"the admin API is not called by the name {host[:100]!r}",
                "Call it by an IP address or localhost, or allow the name with --admin-hosts",
            )
        is_page = is_of_page(request.path)
        if is_page and headers.get("sec-fetch-dest") == "document" and "origin" not in headers:
            return None  # somebody followed a link to the page, which may stand anywhere and tells that place nothing
        origin = headers.get("origin")
        foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if foreign or (origin is not None and not self._is_own(_place_of(origin), request)):
            return Refusal(
                403,
                f"a page of {origin or 'another site'} calls, and the admin API takes no requests from pages",
                "Call it from a program, such as the test's own process",
            )
        if self.admin_token is not None and not is_page:
            token = bearer_token(headers.get("authorization", ""))
            given = b"" if token is None else token.encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(given, self.admin_token.encode()):
                return Refusal(
                    401,
                    "the admin API wants its token" if token is None else "this is not the admin API's token",
                    "Send `Authorization: Bearer TOKEN`, with the TOKEN of --admin-token",
                )
        return None

    def _is_own(self, place: str, request: Request) -> bool:
        """Return whether a page at this host and port is of this fake.

        A trusted proxy may call the fake by another name than browsers call the proxy, which URLs of files begin with.
        Another page cannot make a browser say so: it may send no such header without being asked first.
        """
        if place == request.headers.get("host", "").lower():
            return True
        outside = _place_of(request.file_base)
        return place == outside and self.is_ours(_name_of(outside))

    def is_ours(self, name: str) -> bool:
        """Return whether a request may call the fake by this name or address."""
        if name in self._hosts or _LOOPBACK_NAME.fullmatch(name):
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def is_of_page(path: str) -> bool:
    """Return whether a path is the dashboard's, or of a file that it consists of.

    These are the same for everybody, so that no token is needed: the page asks for it, and sends it with what it reads.
    """
    return path == PAGE or path.startswith(PAGE_FILES)


def _place_of(origin: str) -> str:
    """Return host and port of an origin, in lower case; empty when it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Return whether what listens on this host can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return bool(_LOOPBACK_NAME.fullmatch(host))


def exposure(hosts: Iterable[str], admin_token: str | None) -> str | None:
    """Return the warning of a server that listens on these hosts, of which strangers can reach one; else None."""
    if admin_token is not None or all(map(is_loopback, hosts)):
        return None
    return "warning: the admin API is open to this network; set --admin-token"


def _name_of(host: str) -> str:
    """Return the name or address in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return _plain(host.partition(":")[0])


def _plain(name: str) -> str:
    """Return a name as it is compared: in lower case, and without the dot that says it is a whole name already."""
    return name.lower().removesuffix(".")
