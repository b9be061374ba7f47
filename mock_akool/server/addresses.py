"""Where servers are: their default port, the variables that say where one runs, and how their addresses are written."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from mock_akool.core.errors import SettingsError

PREFIX: Final = "MOCK_AKOOL_"
DEFAULT_PORT: Final = 25665
HIGHEST_PORT: Final = 65535
URL_VARIABLE: Final = f"{PREFIX}URL"
"""Says where a server runs, for its clients; no setting of the server."""
REDIRECT_VARIABLE: Final = f"{PREFIX}REDIRECT"
"""Says to the shims of `mock-akool exec` where the fake is, and for which hosts; no setting of the server."""
CONFIG_VARIABLE: Final = f"{PREFIX}CONFIG"
"""Names a TOML file of settings."""


_HOST: Final = r"(?a)\s*(?:\[([\w.:%-]{2,100})\]|([\w.:%-]{1,255}))\s*"
"""Most programs need no such pattern: it is compiled when it is first used."""


def read_host(text: str) -> str:
    """Return an address or the name of a host, an IPv6 address without its brackets; ValueError when it is neither."""
    match = re.fullmatch(_HOST, text)
    if match is None:
        raise ValueError(text)
    host: str = match[1] or match[2]
    if ":" in host:
        IPv6Address(host)
    return host


def is_of_web(parts: SplitResult) -> bool:
    """Return whether a URL is one of http or https, with a host; ValueError for a port that cannot be."""
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0


def server_url(text: str) -> str:
    """Return the address of a server as a URL without a slash at its end; `http://` may be left out.

    A path is where the server is mounted, or what an ingress before it takes away. Raises SettingsError when it is no
    address of a server of ours.
    """
    url = text.strip().rstrip("/")
    if "://" not in url and not url.lower().startswith(("http:", "https:")):
        url = f"http://{url}"
    wanted = f"Write it as http://127.0.0.1:{DEFAULT_PORT}"
    try:
        parts = urlsplit(url)
        is_address = is_of_web(parts) and " " not in url and url.isprintable()
    except ValueError as error:  # brackets that do not close, or a port that cannot be
        raise SettingsError(f"{text!r} is no address of a server: {error}", wanted) from None
    if not is_address or parts.query or parts.fragment:
        raise SettingsError(f"{text!r} is no address of a server", wanted)
    mount, of_api, _ = parts.path.partition("/api/open")
    if of_api:
        raise SettingsError(
            f"{text!r} has the path of an endpoint", f"Write it as {parts.scheme}://{parts.netloc}{mount}"
        )
    return url


def bare_url(text: str) -> str:
    """Return the address of a server as `server_url` does; raises SettingsError also when it is no `http://HOST:PORT`.

    Only at such a one a server is a proxy.
    """
    url = server_url(text)
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.path:
        raise SettingsError(
            f"{text!r} begins with https or has a path, and no program can use it as a proxy",
            f"Write http:// and the server's own host and port, such as http://127.0.0.1:{DEFAULT_PORT}",
        )
    return url
