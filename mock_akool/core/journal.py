"""The journal: what was asked and answered, the newest exchanges only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Final

from mock_akool.core.codes import Endpoint
from mock_akool.core.models import Call, Request, Response

_MAX_BODY_BYTES: Final = 32 << 20
"""What the kept request bodies may add up to, so that a client of megabyte prompts cannot fill the memory."""

Line = tuple[int, int, Endpoint, Request, Response]
"""An exchange as it is written: its number, the instant in ns, and what was asked and answered."""


class CallLog:
    """Keeps the newest exchanges, bounded in number and in bytes of request bodies."""

    __slots__ = ("_body_bytes", "_entries", "_size", "_start_ns", "count", "dropped")

    def __init__(self, size: int, start_ns: int = 0) -> None:
        self._size = size
        self._start_ns = start_ns
        self._entries: deque[Line] = deque()
        self._body_bytes = 0
        self.count = 0
        """How many exchanges there ever were, those no longer kept included."""
        self.dropped = 0
        """How many are not kept any more because a bound was reached."""

    def append(self, time_ns: int, endpoint: Endpoint, request: Request, response: Response) -> None:
        """Keep an exchange and drop the oldest ones that are over a bound."""
        self.count += 1
        entries = self._entries
        # Records are made when somebody reads: most exchanges are written and never read.
        entries.append((self.count, time_ns, endpoint, request, response))
        self._body_bytes += len(request.body)
        while len(entries) > self._size or self._body_bytes > _MAX_BODY_BYTES:
            self._body_bytes -= len(entries.popleft()[3].body)
            self.dropped += 1

    def entries(self) -> tuple[Call, ...]:
        """Return the kept exchanges, oldest first."""
        return tuple(map(self.call, self._entries))

    def lines(self) -> tuple[Line, ...]:
        """Return the kept exchanges as they were written, oldest first: for readers who want a few of them."""
        return tuple(self._entries)

    def lines_after(self, number: int) -> list[Line]:
        """Return the kept exchanges whose number is above `number`, oldest first."""
        found = list(takewhile(lambda line: line[0] > number, reversed(self._entries)))
        found.reverse()
        return found

    def call(self, line: Line) -> Call:
        """Return the record of an exchange that was written as this line."""
        return Call(*line, self._start_ns)

    def drop(self, is_meant: Callable[[Line], bool]) -> None:
        """Forget the exchanges that are meant; the others keep their numbers."""
        self._entries = deque(line for line in self._entries if not is_meant(line))
        self._body_bytes = sum(len(line[3].body) for line in self._entries)

    @property
    def start_ns(self) -> int:
        """When the journal was begun, in nanoseconds since the epoch."""
        return self._start_ns
