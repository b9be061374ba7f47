"""`mock-akool health`: check that a server is healthy."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit

from mock_akool.server.settings import DEFAULT_PORT, Settings, server_url

_DEFAULT_URL: Final = f"http://127.0.0.1:{DEFAULT_PORT}"


def _health(options: argparse.Namespace) -> int:
    url = server_url(options.url) if options.url else _url_of_settings()
    try:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=options.timeout)
        with closing(connection):
            connection.request("GET", "/_mock/health")
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _unhealthy(url, str(error) or type(error).__name__)
    try:
        said = json.loads(body)
        name, version, state = said["name"], said["version"], said["status"]
    except (ValueError, KeyError, TypeError):
        return _unhealthy(url, f"what answers there with HTTP {status} is no mock-akool")
    if status != 200 or state != "ok":
        return _unhealthy(url, f"it says {state!r} with HTTP {status}")
    print(f"{name} {version} at {url} is {state}")
    return 0


def _unhealthy(url: str, why: str) -> int:
    print(f"mock-akool: no healthy server at {url}: {why}", file=sys.stderr)
    return 1


def _url_of_settings() -> str:
    """Return where a server of the same environment is reached from this machine."""
    settings = Settings.from_environment()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
