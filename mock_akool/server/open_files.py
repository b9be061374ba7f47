"""How many files a server may have open, each connection one of them, and how many of these clients may take."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Final

from mock_akool.webhooks.slots import most_connections as most_of_webhooks

_ENOUGH: Final = 1 << 16
_OWN: Final = 32
"""How many a server needs beside connections: sockets that listen, a state that is saved, what is imported."""
_LEAST: Final = 8
_NO_LIMIT: Final = 1 << 30


def most_connections() -> int:
    """Return how many connections of clients leave enough files for webhooks and all else that a server does."""
    if sys.platform == "win32":
        return _NO_LIMIT
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _NO_LIMIT if soft < 0 else max(_LEAST, soft - most_of_webhooks() - _OWN)


def allow_files() -> None:
    """Let this process have as many files as the system grants: shells and containers often allow 1,024 at first.

    For a process that serves and does nothing else.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard < 0 else min(_ENOUGH, hard)
    if 0 <= soft < wanted:
        with suppress(ValueError, OSError):  # macOS allows fewer than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
