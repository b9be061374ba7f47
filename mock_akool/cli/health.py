"""`mock-akool health`: check that a server is healthy."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any, Final

from mock_akool.cli.flags import SERVER_URL, read_by
from mock_akool.core.errors import Mistakes, SettingsError
from mock_akool.core.options import POSITIVE
from mock_akool.core.schema import Optional
from mock_akool.mock.remote.admin_client import AdminClient
from mock_akool.server.addresses import CONFIG_VARIABLE, DEFAULT_PORT, HIGHEST_PORT, PREFIX, read_host

_DEFAULT_URL: Final = f"http://127.0.0.1:{DEFAULT_PORT}"


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser("health", help=help, description="Check that a server is healthy.")
    url = parser.add_argument(
        "--url", help=f"the server's address (default: that of {PREFIX}PORT, else {_DEFAULT_URL})"
    )
    read_by(Optional(SERVER_URL), url)
    timeout = parser.add_argument(
        "--timeout", default=2.0, metavar="SECONDS", help="how long to wait for it (default: %(default)s)"
    )
    read_by(POSITIVE, timeout)
    parser.set_defaults(run=check_health)


def check_health(options: argparse.Namespace) -> int:
    """Ask a server whether it is healthy, and print its answer; returns the exit code."""
    mistakes = Mistakes()
    options.parser.read(options, mistakes)
    mistakes.raise_any()
    url = options.url or _url_of_environment()
    name, version = AdminClient(url, patience_s=options.timeout).health()
    print(f"{name} {version} at {url} is ok")
    return 0


def _url_of_environment() -> str:
    """Return where a server with the same environment is reached from this machine."""
    try:
        host, port, scheme = _plain_address()
    except ValueError:
        # Not always: containers check their health every few seconds, and to import the settings takes longer.
        from mock_akool.server.settings import Settings

        settings = Settings.from_environment()
        host, port, scheme = settings.host[0], settings.port, "https" if settings.tls_only else "http"
    if port == 0:
        raise SettingsError("port 0 takes a free one, which only the server knows", "name its address with --url")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _plain_address() -> tuple[str, int, str]:
    """Return host, port and scheme of the variables where these are plain; ValueError where only the settings can tell.

    That is also where they are wrong: the error of the settings is the one to be shown.
    """
    host, port = os.environ.get(f"{PREFIX}HOST") or "127.0.0.1", os.environ.get(f"{PREFIX}PORT") or str(DEFAULT_PORT)
    if os.environ.get(CONFIG_VARIABLE) or os.environ.get(f"{PREFIX}TLS_ONLY") or not re.fullmatch("[0-9]{1,5}", port):
        raise ValueError
    if int(port) > HIGHEST_PORT:
        raise ValueError
    first, *_ = map(read_host, host.split(","))
    return first, int(port), "http"
