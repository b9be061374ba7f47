"""The call log: which requests came and what the responses were, the newest only, bounded in number and in bytes.

When a bound is reached, the oldest call goes of whoever has most: the flood of one account does not push out the calls
of the others.
"""

from __future__ import annotations

import heapq
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, takewhile
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self

from mock_akool.core.draining import Container
from mock_akool.core.http import Request, Response, shortened
from mock_akool.core.nesting import is_shallow
from mock_akool.core.timeline import Status

MAX_BYTES: Final = 64 << 20
"""How many bytes the kept calls have at most together, unless a log is made with another bound."""
_RECORD_BYTES: Final = 1 << 10
"""What a call costs beside the bytes that were sent: its record, and those of its request and response."""
_HEADER_BYTES: Final = 120
_MOST_KNOWN: Final = 512
_MOST_KNOWN_BYTES: Final = 4_000
_MOST_REFUSALS: Final = 100


class Excerpt(bytes):
    """The beginning of a body that was too long to keep. `whole` is how many bytes the body had."""

    whole: int

    @classmethod
    def of(cls, body: bytes, most: int) -> bytes:
        """Return a body, or its first `most` bytes when it is longer."""
        return body if len(body) <= most else cls.make(body[:most], whole_size(body))

    @classmethod
    def make(cls, start: bytes, whole: int) -> Self:
        """Return the excerpt that begins so, of a body of `whole` bytes."""
        excerpt = cls(start)
        excerpt.whole = whole
        return excerpt


def whole_size(body: bytes) -> int:
    """Return how many bytes a body had, also when only its beginning was kept."""
    return body.whole if isinstance(body, Excerpt) else len(body)


class Refusal(NamedTuple):
    """What a client sent to a server that never became a request, and what the server responded.

    `time_ns` is in nanoseconds since the epoch, `peer` the client's address, `start` what it began with, shortened.
    """

    time_ns: int
    peer: str
    status: int
    why: str
    start: bytes


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
    def body_size(self) -> int:
        """How many bytes the body of the request had; more than `body` has when it was too long to keep."""
        return whole_size(self.request.body)

    @property
    def json(self) -> Any:
        """The request's body as JSON, or None when it is not JSON or nested too deeply to be read."""
        try:
            value = json.loads(self.request.body)
        except (ValueError, RecursionError):
            return None
        return value if is_shallow(self.request.body, value) else None

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
    def job_script(self) -> str | None:
        """Which job script the job follows, such as `flaky-gateway: jobs[0]`; None when it follows none."""
        return self.response.job_script

    @property
    def rule(self) -> str | None:
        """Which rule changed the response, such as `flaky-gateway: polls`; None when no rule did."""
        return self.response.rule

    def __repr__(self) -> str:
        account = None if self.account is None else shortened(self.account)
        status = None if self.job_status is None else self.job_status.word
        return (
            f"<Call {self.number} {self.method} {self.path} -> {self.response.status} code={self.code} "
            f"account={account} job_id={self.job_id} job_status={status}>"
        )


class CallLogState(NamedTuple):
    """All that a call log knows, to go on from.

    `made` is how many calls there ever were, `forgotten` how many of them were dropped on purpose. `wholes` are how
    many bytes the bodies of a call had, request and response, where only the beginnings are kept; by its number.
    """

    start_ns: int
    made: int = 0
    forgotten: int = 0
    calls: Sequence[Call] = ()
    refusals: Sequence[Refusal] = ()
    refusal_count: int = 0
    wholes: Mapping[int, tuple[int, int]] = MappingProxyType({})


_number: Final = itemgetter(0)
_new_tuple: Final = tuple.__new__
"""Makes a named tuple in two thirds of the time of its own constructor; every request makes a Call."""


class _Share:
    """What is kept of one account's calls, oldest first, with the size of each and of all."""

    __slots__ = ("account", "bytes", "calls", "sizes")

    def __init__(self, account: str | None) -> None:
        self.account = account
        self.calls: deque[Call] = deque()
        self.sizes: deque[int] = deque()
        self.bytes = 0


class CallLog:
    """Keeps the newest calls: at most `size` of them, with at most `max_bytes` of all that they consist of."""

    __slots__ = (
        "_bytes",
        "_forgotten",
        "_kept",
        "_known",
        "_largest",
        "_max_bytes",
        "_newest",
        "_shares",
        "_size",
        "count",
        "refusal_count",
        "refusals",
        "start_ns",
    )

    def __init__(self, size: int, start_ns: int = 0, *, max_bytes: int = MAX_BYTES) -> None:
        self._size = size
        self._max_bytes = max_bytes
        self._kept = 0
        self._shares: dict[str | None, _Share] = {}
        self._newest = _Share(None)
        """The share that grew last."""
        self._bytes = 0
        self._known: dict[int, tuple[Request, int]] = {}
        """The sizes of requests, by identity, since servers hand out the same record from poll to poll."""
        self._largest: list[tuple[int, int, _Share]] = []
        """Shares with their sizes of some time ago, a heap, largest first."""
        self.start_ns = start_ns
        """When the log was started, in nanoseconds since the epoch."""
        self.count = 0
        """How many calls there ever were, those that are no longer kept included."""
        self._forgotten = 0
        self.refusals: deque[Refusal] = deque(maxlen=_MOST_REFUSALS)
        """What never became a request, oldest first; the newest only."""
        self.refusal_count = 0
        """How often something never became a request, those no longer kept included."""

    @property
    def bytes(self) -> int:
        """About how many bytes the kept calls have together."""
        return self._bytes

    @property
    def dropped(self) -> int:
        """How many calls are no longer kept because a bound was reached."""
        return self.count - self._kept - self._forgotten

    def append(self, time_ns: int, endpoint: str, request: Request, response: Response) -> None:
        """Keep a call, and drop the oldest ones of whoever has most while a bound is exceeded."""
        size = len(response.body) + self._size_of(request)
        if size > self._max_bytes:
            request, response = _cut(request, response, self._max_bytes // 8)
            size = len(response.body) + self._size_of(request)
        self.append_known(time_ns, endpoint, request, response, size)

    def known_size(self, request: Request, response: Response) -> int | None:
        """Return how many bytes a call has whose request is small and was kept lately, the same record; else None.

        None also for a call that is larger than the whole log may be.
        """
        known = self._known.get(id(request))
        if known is None:
            return None
        _, size = known
        size += len(response.body)
        return size if size <= self._max_bytes else None

    def append_known(self, time_ns: int, endpoint: str, request: Request, response: Response, size: int) -> None:
        """Keep a call of `size` bytes, which must not be more than the whole log may have; see `known_size`."""
        self.count = number = self.count + 1
        call = _new_tuple(Call, (number, time_ns, endpoint, request, response, self.start_ns))
        share, account = self._newest, response.account
        if share.account is not account or not share.calls:
            share = self._newest = self._share_of(account)
        kept = share.calls
        kept.append(call)
        share.sizes.append(size)
        if len(kept) > self._size and self._kept == self._size and len(self._shares) == 1:
            # As most calls of a busy server: one more of the only account, and one less.
            kept.popleft()
            size -= share.sizes.popleft()
        else:
            self._kept += 1
        share.bytes += size
        self._bytes += size
        if self._kept > self._size or self._bytes > self._max_bytes:
            self._make_room(share)

    def state(self) -> CallLogState:
        """Return all that it knows."""
        calls = self.calls()
        cut = [each for each in calls if Excerpt in (type(each.request.body), type(each.response.body))]
        return CallLogState(
            self.start_ns,
            self.count,
            self._forgotten,
            calls,
            tuple(self.refusals),
            self.refusal_count,
            {each.number: (whole_size(each.request.body), whole_size(each.response.body)) for each in cut},
        )

    def go_on_from(self, state: CallLogState) -> None:
        """Know what another log knew, as far as the bounds of this one allow; this one must be new."""
        self.start_ns, self._forgotten = state.start_ns, state.forgotten
        self.refusals.extend(state.refusals)
        self.refusal_count = state.refusal_count
        for call in state.calls:
            request, response = call.request, call.response
            wholes = state.wholes.get(call.number)
            if wholes is not None:
                sent_bytes, answered_bytes = wholes
                request = request._replace(body=Excerpt.make(request.body, sent_bytes))
                response = response._replace(body=Excerpt.make(response.body, answered_bytes))
            self.count = call.number - 1
            self.append(call.time_ns, call.endpoint, request, response)
        self.count = state.made

    def refuse(self, refusal: Refusal) -> None:
        """Keep what never became a request."""
        self.refusals.append(refusal)
        self.refusal_count += 1

    def containers(self) -> list[Container]:
        """Return what holds the most of it, to be drained when it is out of use."""
        return [*(share.calls for share in self._shares.values()), self._shares]

    def calls(self) -> tuple[Call, ...]:
        """Return the kept calls, oldest first."""
        if len(self._shares) == 1:
            return tuple(*(share.calls for share in self._shares.values()))
        return tuple(sorted(chain.from_iterable(share.calls for share in self._shares.values()), key=_number))

    def calls_after(self, number: int) -> list[Call]:
        """Return the kept calls whose number is above `number`, oldest first."""
        found: list[Call] = []
        for share in self._shares.values():
            found += takewhile(lambda call: call.number > number, reversed(share.calls))
        found.sort(key=_number)
        return found

    def drop(self, is_meant: Callable[[Call], bool]) -> None:
        """Forget the calls that are meant; the others keep their numbers."""
        self._known.clear()
        self._largest.clear()
        for account, share in list(self._shares.items()):
            if not any(map(is_meant, share.calls)):
                continue
            left = [(call, size) for call, size in zip(share.calls, share.sizes, strict=True) if not is_meant(call)]
            share.calls = deque(call for call, _ in left)
            share.sizes = deque(size for _, size in left)
            share.bytes = sum(share.sizes)
            if not share.calls:
                del self._shares[account]
        before, self._kept = self._kept, sum(len(share.calls) for share in self._shares.values())
        self._forgotten += before - self._kept
        self._bytes = sum(share.bytes for share in self._shares.values())

    def _size_of(self, request: Request) -> int:
        known = self._known.get(id(request))
        if known is not None:
            _, size = known
            return size
        headers = request.headers
        size = _RECORD_BYTES + len(request.path) + len(request.query) + len(request.body) + _HEADER_BYTES * len(headers)
        size += sum(map(len, headers)) + sum(map(len, headers.values()))
        if size <= _MOST_KNOWN_BYTES:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[id(request)] = request, size
        return size

    def _share_of(self, account: str | None) -> _Share:
        share = self._shares.get(account)
        if share is None:
            share = self._shares[account] = _Share(account)
        return share

    def _make_room(self, newest: _Share) -> None:
        shares = self._shares
        while self._kept > self._size or self._bytes > self._max_bytes:
            share = newest if len(shares) == 1 else self._largest_share(newest)
            share.calls.popleft()
            size = share.sizes.popleft()
            share.bytes -= size
            self._bytes -= size
            self._kept -= 1
            if not share.calls:
                del shares[share.account]

    def _largest_share(self, newest: _Share) -> _Share:
        """Return a share that has at least as much as the average one, by number of calls or else by bytes.

        It is the one that just grew, if that has so much, or else about the largest; never that of the call that just
        came, if it is the only one there.
        """
        by_number = self._kept > self._size
        count, whole = len(self._shares), self._kept if by_number else self._bytes
        is_first = len(newest.calls) == 1
        if not is_first and _amount(newest, by_number) * count >= whole:
            return newest
        while self._largest:
            _, _, share = self._largest[0]
            if _amount(share, by_number) * count >= whole and not (is_first and share is newest):
                return share
            heapq.heappop(self._largest)
        others = [share for share in self._shares.values() if not (is_first and share is newest)]
        self._largest = [(-_amount(share, by_number), order, share) for order, share in enumerate(others)]
        heapq.heapify(self._largest)
        _, _, share = self._largest[0]
        return share


def _amount(share: _Share, by_number: bool) -> int:
    return len(share.calls) if by_number else share.bytes


def _cut(request: Request, response: Response, most: int) -> tuple[Request, Response]:
    """Return a call that is larger than the whole log may be, with the beginnings of its parts and their lengths."""
    headers = {name[:most]: value[:most] for name, value in request.headers.items()}
    if sum(map(len, headers.values())) + sum(map(len, headers)) > most:
        headers = {}
    request = request._replace(
        path=request.path[:most],
        query=request.query[:most],
        headers=headers,
        body=Excerpt.of(request.body, most),
    )
    return request, response._replace(body=Excerpt.of(response.body, most))
