"""The call log: which requests came and what the responses were, the newest only."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any, Final, NamedTuple

from mock_akool.core.http import Request, Response, shortened
from mock_akool.core.timeline import Status

_MAX_BODY_BYTES: Final = 32 << 20
"""How many bytes the kept request bodies have at most together: a client may send prompts of a megabyte."""


class Call(NamedTuple):
    """A request, when it came, and its response. `number` counts from 1.

    `endpoint` is the name of what was called. Instants are in nanoseconds since the epoch; `start_ns` is when the
    call log was started.
    """

    number: int
    time_ns: int
    endpoint: str
    request: Request
    response: Response
    start_ns: int = 0

    @property
    def at(self) -> float:
        """When the request came, in seconds since the fake was made or last reset."""
        return (self.time_ns - self.start_ns) / 1_000_000_000

    @property
    def transport(self) -> str:
        """What carried the request: `requests`, `httpx`, `aiohttp`, `flask`, `server` or `direct`."""
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
        """The request's body as JSON, or None when it is not JSON."""
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError):
            return None

    @property
    def code(self) -> int | None:
        """The business code of the response, or None when its body has none."""
        return self.response.code

    @property
    def account(self) -> str | None:
        """The API key of the account that made the request, where it is known."""
        return self.response.account

    @property
    def job_id(self) -> str | None:
        """The id of the job that the request was about."""
        return self.response.job_id

    @property
    def job_status(self) -> Status | None:
        """The job's status that the client was shown."""
        return self.response.job_status

    @property
    def entry(self) -> str | None:
        """Which job script the job follows, such as `flaky-gateway: jobs[0]`; None when it follows none."""
        return self.response.entry

    @property
    def rule(self) -> str | None:
        """Which rule changed the response, such as `flaky-gateway: polls`; None when no rule did."""
        return self.response.rule

    def __repr__(self) -> str:
        account = None if self.account is None else shortened(self.account)
        return (
            f"<Call {self.number} {self.method} {self.path} -> {self.response.status} code={self.code} "
            f"account={account} job_id={self.job_id} job_status={self.job_status}>"
        )


_new_tuple: Final = tuple.__new__
"""Makes a named tuple in two thirds of the time of its own constructor; every request makes a Call."""


class CallLog:
    """Keeps the newest calls, bounded in number and in bytes of request bodies."""

    __slots__ = ("_body_bytes", "_calls", "_size", "count", "dropped", "start_ns")

    def __init__(self, size: int, start_ns: int = 0) -> None:
        self._size = size
        self._calls: deque[Call] = deque()
        self._body_bytes = 0
        self.start_ns = start_ns
        """When the log was started, in nanoseconds since the epoch."""
        self.count = 0
        """How many calls there ever were, those that are no longer kept included."""
        self.dropped = 0
        """How many are no longer kept because a bound was reached."""

    def append(self, time_ns: int, endpoint: str, request: Request, response: Response) -> None:
        """Keep a call, and drop the oldest ones that are over a bound."""
        self.count += 1
        calls = self._calls
        line = (self.count, time_ns, endpoint, request, response, self.start_ns)
        calls.append(_new_tuple(Call, line))
        self._body_bytes += len(request.body)
        while len(calls) > self._size or self._body_bytes > _MAX_BODY_BYTES:
            self._body_bytes -= len(calls.popleft().request.body)
            self.dropped += 1

    def calls(self) -> tuple[Call, ...]:
        """Return the kept calls, oldest first."""
        return tuple(self._calls)

    def calls_after(self, number: int) -> list[Call]:
        """Return the kept calls whose number is above `number`, oldest first."""
        found = list(takewhile(lambda call: call.number > number, reversed(self._calls)))
        found.reverse()
        return found

    def drop(self, is_meant: Callable[[Call], bool]) -> None:
        """Forget the calls that are meant; the others keep their numbers."""
        self._calls = deque(call for call in self._calls if not is_meant(call))
        self._body_bytes = sum(len(call.request.body) for call in self._calls)
