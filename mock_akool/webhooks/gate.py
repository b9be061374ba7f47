"""The gate before the wire: what was taken to be sent is not sent after it was called off, as by a reset."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class CancelToken:
    """What has to be open for the bytes of a try to be written.

    Once it is `shut`, none are, not even by a thread that was about to.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = True

    def shut(self) -> None:
        """Let nothing be written any more."""
        with self._lock:
            self._open = False

    def write(self, transport: asyncio.WriteTransport, data: bytes) -> None:
        """Write, or raise ConnectionAbortedError when the gate was shut."""
        with self._lock:
            if not self._open:
                raise ConnectionAbortedError("the callback was called off")
            transport.write(data)
