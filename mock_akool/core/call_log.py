"""The journal: what was asked and answered, the newest exchanges only."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any, Final, NamedTuple

from mock_akool.akool.endpoints import Endpoint
from mock_akool.core.http import Request, Response, shortened
from mock_akool.core.timeline import Status

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


class Call(NamedTuple):
    """One line of the journal: what was asked, when, and what was answered. `number` counts from 1.

    `start_ns` is when the journal was begun.
    """

    number: int
    time_ns: int
    endpoint: Endpoint
    request: Request
    response: Response
    start_ns: int = 0

    @property
    def at(self) -> float:
        """When it was asked, in seconds since the fake was made or last reset."""
        return (self.time_ns - self.start_ns) / 1_000_000_000

    @property
    def transport(self) -> str:
        """The door that carried the call in: `requests`, `httpx`, `aiohttp`, `flask`, `server` or `direct`."""
        return self.request.transport

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.method

    @property
    def path(self) -> str:
        """The path of the request, without the query."""
        return self.request.path

    @property
    def query(self) -> str:
        """The query of the request, undecoded."""
        return self.request.query

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the request; names are lower case."""
        return self.request.headers

    @property
    def body(self) -> bytes:
        """The body of the request."""
        return self.request.body

    @property
    def json(self) -> Any:
        """What the body of the request says as JSON, or None when it is none."""
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError):
            return None

    @property
    def code(self) -> int | None:
        """The business code of the answer, or None when its body has none."""
        return self.response.code

    @property
    def account(self) -> str | None:
        """The API key of the account that asked, where it is known."""
        return self.response.account

    @property
    def job_id(self) -> str | None:
        """The `_id` of the job that it was about."""
        return self.response.job_id

    @property
    def job_status(self) -> Status | None:
        """The status that the caller was shown."""
        return self.response.job_status

    @property
    def entry(self) -> str | None:
        """Which entry of a script the job follows, such as `flaky-gateway: jobs[0]`; None for an unscripted job."""
        return self.response.entry

    @property
    def rule(self) -> str | None:
        """Which rule made the answer what it is, such as `flaky-gateway: polls`; None when no rule did."""
        return self.response.rule

    def __repr__(self) -> str:
        account = None if self.account is None else shortened(self.account)
        return (
            f"<Call {self.number} {self.method} {self.path} -> {self.response.status} code={self.code} "
            f"account={account} job_id={self.job_id} job_status={self.job_status}>"
        )
