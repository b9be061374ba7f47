"""The journal: what was asked and answered, the newest exchanges only."""

from __future__ import annotations

from collections import deque
from typing import Final

from mock_akool.core.codes import Endpoint
from mock_akool.core.models import Call, Exchange, Reply

_MAX_BODY_BYTES: Final = 32 << 20
"""What the kept request bodies may add up to, so that a client of megabyte prompts cannot fill the memory."""


class Journal:
    """Keeps the newest exchanges, bounded in number and in bytes of request bodies."""

    __slots__ = ("_body_bytes", "_entries", "_size", "_start_ns", "count")

    def __init__(self, size: int, start_ns: int = 0) -> None:
        self._size = size
        self._start_ns = start_ns
        self._entries: deque[tuple[int, Endpoint, Call, Reply]] = deque()
        self._body_bytes = 0
        self.count = 0
        """How many exchanges there ever were, those no longer kept included."""

    def append(self, time_ns: int, endpoint: Endpoint, call: Call, reply: Reply) -> None:
        """Keep an exchange and drop the oldest ones that are over a bound."""
        self.count += 1
        entries = self._entries
        # Records are made when somebody reads: most exchanges are written and never read.
        entries.append((time_ns, endpoint, call, reply))
        self._body_bytes += len(call.body)
        while len(entries) > self._size or self._body_bytes > _MAX_BODY_BYTES:
            self._body_bytes -= len(entries.popleft()[2].body)

    def entries(self) -> tuple[Exchange, ...]:
        """Return the kept exchanges, oldest first."""
        first = self.count - len(self._entries) + 1
        return tuple(Exchange(number, *entry, self._start_ns) for number, entry in enumerate(self._entries, first))
