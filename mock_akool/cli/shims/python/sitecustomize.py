"""Lets every Python of `mock-akool exec` connect to the fake when it means Akool's hosts.

Python imports this at its start, by its name. A `sitecustomize` of the user's own is imported afterwards.
"""

import os
import socket
import sys
from typing import Any

_PORTS = (443, "443", "https", b"443", b"https", 80, "80", "http", b"80", b"http")


def _redirect() -> None:
    address, _, hosts = os.environ.get("MOCK_AKOOL_REDIRECT", "").partition(" ")
    fake_host, _, fake_port = address.rpartition(":")
    if not hosts or not fake_port.isdecimal():
        return
    names = frozenset(hosts.split(","))
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else host
        if isinstance(name, str) and port in _PORTS and name.lower().rstrip(".") in names:
            return original(fake_host, int(fake_port), *args, **options)
        return original(host, port, *args, **options)

    socket.getaddrinfo = getaddrinfo


def _import_next() -> None:
    """Import the `sitecustomize` that this one hides."""
    own_folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - every start of Python pays for it
    path, own = list(sys.path), sys.modules.pop("sitecustomize", None)
    sys.path[:] = [each for each in path if os.path.abspath(each) != own_folder]  # noqa: PTH100 - pathlib would slow the start of each child
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        if own is not None:
            sys.modules["sitecustomize"] = own
    finally:
        sys.path[:] = path


_redirect()
_import_next()
