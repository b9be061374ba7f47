"""`mock-akool health`: check that a server is healthy."""

from __future__ import annotations

import argparse
from typing import Final

from mock_akool.mock.remote.admin_client import AdminClient
from mock_akool.server.settings import DEFAULT_PORT, Settings, server_url

DEFAULT_URL: Final = f"http://127.0.0.1:{DEFAULT_PORT}"


def run_health(options: argparse.Namespace) -> int:
    """Ask the server for its health and return the exit code; raises MockAkoolError when it is not healthy."""
    url = server_url(options.url) if options.url else _url_of_settings()
    name, version = AdminClient(url, patience_s=options.timeout).health()
    print(f"{name} {version} at {url} is ok")
    return 0


def _url_of_settings() -> str:
    """Return where a server of the same environment is reached from this machine."""
    settings = Settings.from_environment()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
