"""The event loop of servers and workers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Final

_HANDLES: Final = 8
"""How many file handles an event loop needs at most."""


def new_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's event loop, or asyncio's own where uvloop does not exist.

    Raises OSError when there are not enough file handles left.
    """
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    # A loop of uvloop's that lacks handles says so on stderr as it dies, past any log.
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(_HANDLES):
                opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            raise OSError(error.errno, error.strerror) from None
    return uvloop.new_event_loop()
