"""Where servers are: their default port, the variables that say where one runs, and how their addresses are written."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import urlsplit

from mock_akool.core.errors import SettingsError

PREFIX: Final = "MOCK_AKOOL_"
DEFAULT_PORT: Final = 25665
URL_VARIABLE: Final = f"{PREFIX}URL"
"""Says where a server runs, for its clients; no setting of the server."""
REDIRECT_VARIABLE: Final = f"{PREFIX}REDIRECT"
"""Says to the shims of `mock-akool exec` where the fake is, and for which hosts; no setting of the server."""
CONFIG_VARIABLE: Final = f"{PREFIX}CONFIG"
"""Names a TOML file of settings."""


def token_of_environment() -> str | None:
    """Return the token of the admin API in this environment."""
    return os.environ.get(f"{PREFIX}ADMIN_TOKEN") or None


def server_url(text: str) -> str:
    """Return the address of a server as a URL without a slash at its end; `http://` may be left out.

    Raises SettingsError when it is no address of a server of ours.
    """
    url = text.strip().rstrip("/")
    if "://" not in url and not url.lower().startswith(("http:", "https:")):
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
        why = ""
    except ValueError as error:  # brackets that do not close, or a port that cannot be
        scheme, host, why = "", None, f": {error}"
    if scheme == "https":
        raise SettingsError(
            f"{text!r} begins with https, and mock-akool speaks plain HTTP only", f"Write it as http{url[5:]}"
        )
    if scheme != "http" or not host:
        raise SettingsError(f"{text!r} is no address of a server{why}", f"Write it as http://127.0.0.1:{DEFAULT_PORT}")
    return url


def bare_url(text: str) -> str:
    """Return the address of a server as `server_url` does; raises SettingsError also when it has a path."""
    url = server_url(text)
    parts = urlsplit(url)
    if parts.path or parts.query or parts.fragment:
        raise SettingsError(f"{text!r} is no address of a server: it has a path", f"Write it as http://{parts.netloc}")
    return url
