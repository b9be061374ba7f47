"""A fake as the interceptors see it: its hosts, its answers, how time passes, and clients that never pause."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from mock_akool.core import dates
from mock_akool.core.clock import NS_PER_S, MovableClock, VirtualClock
from mock_akool.core.http import Headers, Request, Response, Termination, Transfer
from mock_akool.core.timeline import Status
from mock_akool.server.application import Application

_KINDS_KEPT: Final = 3
POLL_LIMIT: Final = 1_000
"""How often an unfinished job may be polled at one instant of a virtual clock."""
_LINGERING_POLLS: Final = 3
"""How often a client polls a job at one instant that has waited for what was left of a time limit: nothing is."""


def request_of(
    transport: str, method: str, host: str, path_and_query: str, headers: dict[str, str], body: bytes
) -> Request:
    """Return a request of a library as fakes take it.

    The names of `headers` are lower case; without `host` they get one. `path_and_query` is as it would be on the wire.
    """
    headers.setdefault("host", host)
    path, _, query = path_and_query.partition("?")
    return Request(method, path, query, headers, body, "", transport)


class Delivered(NamedTuple):
    """An answer as an interceptor gives it to its library, and how many seconds it keeps the client waiting.

    `transfer` says how the body travels when it does not simply arrive; `body` is then still the whole one.
    """

    status: int
    headers: Headers
    body: bytes
    delay_s: float
    transfer: Transfer | None = None

    @property
    def ends(self) -> Termination | None:
        """How the answer ends other than by having arrived."""
        return None if self.transfer is None else self.transfer.termination

    @property
    def arriving(self) -> bytes:
        """What of the body arrives."""
        cut = self.transfer is not None and self.transfer.termination is Termination.CUT
        return self.body[: self.transfer.sent.of(len(self.body))] if cut and self.transfer else self.body


class TimedOutError(Exception):
    """The client's own time limit is over before the answer comes; interceptors raise their library's error instead."""


class VirtualTimeLimitError(BaseException):
    """The code under test waits forever: it slept beyond the limit of virtual time, or polls without any pause.

    Not an Exception, because a client that goes on after any Exception would swallow it and go on forever.
    """


class Sleeper(Protocol):
    """Lets virtual time pass for the code under test, in step with its other sleepers."""

    def nap(self, seconds: float) -> None:
        """Sleep in a thread."""
        ...

    async def nap_in_task(self, seconds: float) -> None:
        """Sleep in a task of asyncio or trio."""
        ...

    def overshoot(self) -> None:
        """Let the clock pass the instant that the caller has waited for."""
        ...

    def unseen_pause(self) -> str:
        """Return why a pause of the caller would not be seen, such as that `time.sleep` is replaced; else nothing."""
        ...


class Target(ABC):
    """A fake as the interceptors see it: its hosts, who answers for them, and how time passes."""

    address: tuple[str, int]
    """Host and port of the server elsewhere that answers; a LocalTarget has none."""
    is_behind = False
    """Whether that server is behind a proxy, so that requests do not go there as they are."""

    def __init__(self, hosts: Sequence[str], *, refuse_others: bool) -> None:
        self.number = next(_numbers)
        """Unlike every other target's of this process, so that connections to one are not taken for another's."""
        self.hosts = frozenset(host.lower() for host in hosts)
        self.first_host = hosts[0].lower() if hosts else ""
        self.refuse_others = refuse_others
        self.sleeper: Sleeper | None = None
        """Who lets virtual time pass; without one, waiting just moves the virtual clock."""
        self.when_asked: Callable[[], None] | None = None
        """Called with each request, before it is answered: from the first one on, waits are virtual."""
        self.in_flight: set[object] = set()
        """A token for each request under way that a task really waits for: time must not pass meanwhile."""
        self.late_breaks: deque[float] = deque()
        """For how many seconds clients of aiohttp wait before they learn that the connection broke."""
        self.unseen_pause = ""
        """Why a client's pauses may not have moved the clock, once that was so."""
        self.failed_elsewhere: dict[str, None] = {}
        """Requests to other hosts that failed, in words, each once, and only the first few."""
        self.failed_elsewhere_count = 0
        """How many requests to other hosts failed."""
        self._counted_at_ns = 0
        self._counts: dict[str, int] = {}
        self._hammered: str | None = None

    # Who answers

    @property
    @abstractmethod
    def virtual_clock(self) -> MovableClock | None:
        """The fake's clock when it moves only by who moves it here, else None."""

    @abstractmethod
    def answer(self, request: Request, timeout_s: float | None) -> Delivered:
        """Answer a request. The interceptor then waits, see `wait`, before it hands the answer over.

        Raises TimedOutError when the answer really took longer than `timeout_s` seconds.
        """

    async def answer_in_task(self, request: Request, timeout_s: float | None) -> Delivered:
        """Answer a request of a task of asyncio or trio, as `answer` does that of a thread."""
        return self.answer(request, timeout_s)

    @property
    @abstractmethod
    def job_count(self) -> int:
        """How many jobs there are."""

    @abstractmethod
    def newest_jobs(self, count: int) -> list[tuple[str, Status]]:
        """Return the `_id` and the status of so many jobs, the newest last."""

    def answers(self, host: str | None, port: object) -> bool:
        """Return whether requests to the host are ours; a listed `host:port` counts for that port only."""
        if host is None:
            return False
        host = host.lower().removesuffix(".")
        return host in self.hosts or f"{host}:{port}" in self.hosts

    @property
    def calls_answered(self) -> int:
        """How many requests were answered, by whichever way; 0 where only the interceptors know."""
        return 0

    # Requests to other hosts

    def note_failed_elsewhere(self, said: str) -> None:
        """Take note that a request to another host failed; `said` names it."""
        self.failed_elsewhere_count += 1
        if len(self.failed_elsewhere) < _KINDS_KEPT:
            self.failed_elsewhere[said] = None

    def forget_failed_elsewhere(self) -> None:
        """Forget the requests to other hosts that failed."""
        self.failed_elsewhere, self.failed_elsewhere_count = {}, 0

    # Clients that never pause

    def begin_request(self) -> None:
        """Take note that this thread makes a request."""
        if self.when_asked is not None:
            self.when_asked()

    def note_request(self, method: str, path_and_query: str) -> None:
        """Take note of a request that a server elsewhere answers; raises VirtualTimeLimitError as `check_pace`."""
        self.begin_request()
        if self.repeated(f"{method} {path_and_query}") > POLL_LIMIT:
            self.hammered(
                f"asks again without a pause: {POLL_LIMIT:,} times {method} {path_and_query}, and no virtual time has "
                "passed"
            )
        self.check_pace()

    def repeated(self, what: str) -> int:
        """Count something at the present instant of a virtual clock; 0 on another clock."""
        clock = self.virtual_clock
        if clock is None:
            return 0
        now_ns = clock.now_ns()
        if now_ns != self._counted_at_ns:
            self._counted_at_ns, self._counts, self._hammered = now_ns, {}, None
        count = self._counts[what] = self._counts.get(what, 0) + 1
        return count

    def hammered(self, how: str) -> None:
        """Take note that a client does something forever without a pause, such as `polls job …`."""
        self._hammered = how

    def check_pace(self) -> None:
        """Raise VirtualTimeLimitError when a client does something forever without a pause."""
        clock = self.virtual_clock
        if self._hammered is not None and clock is not None and self._counted_at_ns == clock.now_ns():
            if self.unseen_pause:
                raise VirtualTimeLimitError(
                    f"the code under test {self._hammered}. If it pauses, that moved no clock: {self.unseen_pause}"
                )
            raise VirtualTimeLimitError(
                f"the code under test {self._hammered}; a real client would hammer the service. Let it sleep in between"
            )

    # Waiting

    def wait(self, delay_s: float, timeout_s: float | None) -> None:
        """Keep a thread waiting for an answer. Raises TimedOutError when its patience is over before."""
        if not delay_s:
            return
        wait_s = delay_s if timeout_s is None else min(delay_s, timeout_s)
        if self.sleeper is not None:
            self.sleeper.nap(wait_s)
        elif (clock := self.virtual_clock) is not None:
            clock.advance_to(clock.now_ns() + round(wait_s * NS_PER_S))
        else:
            time.sleep(wait_s)
        if wait_s < delay_s:
            raise TimedOutError

    async def wait_in_task(self, delay_s: float, timeout_s: float | None) -> None:
        """Keep a task waiting for an answer, as `wait` does a thread."""
        if not delay_s:
            return
        wait_s = delay_s if timeout_s is None else min(delay_s, timeout_s)
        if self.sleeper is not None:
            await self.sleeper.nap_in_task(wait_s)
        elif (clock := self.virtual_clock) is not None:
            clock.advance_to(clock.now_ns() + round(wait_s * NS_PER_S))
        else:
            await real_sleep_of_this_loop()(wait_s)
        if wait_s < delay_s:
            raise TimedOutError


class LocalTarget(Target):
    """A fake of this process."""

    def __init__(self, application: Application, hosts: Sequence[str], *, refuse_others: bool) -> None:
        super().__init__(hosts, refuse_others=refuse_others)
        self.application = application

    @property
    def virtual_clock(self) -> VirtualClock | None:
        """The fake's clock when it is virtual."""
        clock = self.application.clock
        return clock if isinstance(clock, VirtualClock) else None

    def answer(self, request: Request, timeout_s: float | None) -> Delivered:
        """Answer a request, at once: what keeps the client waiting is in what is returned."""
        self.begin_request()
        response = self.note(request, self.application.answer(request))
        self.check_pace()
        response, content = self.application.complete(response)
        length = () if response.status in _BODILESS else (("content-length", str(len(content))),)
        sent = b"" if request.method == "HEAD" else content
        headers_sent = (*response.headers, ("server", "mock-akool"), ("date", http_date()), *length)
        return Delivered(response.status, headers_sent, sent, response.delay_ns / NS_PER_S, response.transfer)

    async def answer_in_task(self, request: Request, timeout_s: float | None) -> Delivered:
        """Answer a request of a task; what another server answers is waited for in a thread, so that others go on."""
        if not self.application.asks_others:
            return self.answer(request, timeout_s)
        answered: Delivered = await in_thread(lambda: self.answer(request, timeout_s), "mock-akool-upstream")
        return answered

    def note(self, request: Request, response: Response) -> Response:
        """Take note that a request was answered, and whether the client pauses between its polls."""
        if response.rule is not None:
            self._note_fault(request, response.rule)
        job_id, status = response.job_id, response.job_status
        if job_id is None or status is None:
            return response
        is_poll = status < Status.COMPLETED and request.method == "GET"
        if is_poll:
            self.unseen_pause = self._why_unseen() or self.unseen_pause
            if self.sleeper is not None and self.repeated(f"{job_id} {threading.get_ident()}") == _LINGERING_POLLS:
                self.sleeper.overshoot()
        if is_poll and self.repeated(job_id) > POLL_LIMIT and self._waits_for_time(job_id):
            self.hammered(
                f"polls without a pause: {POLL_LIMIT:,} polls of job {job_id}, and no virtual time has passed. "
                f"The job can never end for it"
            )
        return response

    def _why_unseen(self) -> str:
        if self.sleeper is not None:
            return self.sleeper.unseen_pause()
        return 'sleep="real" is set, so only the test moves the clock' if self.virtual_clock is not None else ""

    def _note_fault(self, request: Request, rule: str) -> None:
        if self.repeated(rule) > POLL_LIMIT:
            self.hammered(
                f"tries again without a pause: {POLL_LIMIT:,} times {request.method} {request.path}, "
                f"which met the rule {rule}, and no virtual time has passed. The fault may never end for it"
            )

    def _waits_for_time(self, job_id: str) -> bool:
        """Return whether polls alone never end the job; a script may count any number of them."""
        return not self.application.counts_polls(job_id)

    @property
    def job_count(self) -> int:
        """How many jobs there are."""
        return self.application.job_count

    @property
    def calls_answered(self) -> int:
        """How many requests were answered, by whichever way."""
        return self.application.engine.call_log.count

    def newest_jobs(self, count: int) -> list[tuple[str, Status]]:
        """Return the `_id` and the status of so many jobs, the newest last."""
        return self.application.newest_jobs(count)


def http_date() -> str:
    """Return the present instant as the header Date has it."""
    return dates.http_date(int(time.time()))


def pauses_s(transfer: Transfer, size: int) -> tuple[float, float]:
    """Return for how many seconds a client waits for the first piece of `size` dripping bytes, and for the others.

    Its patience is with a single piece, so the first one tells whether it has enough.
    """
    count = transfer.pieces(size) if size else 0
    return min(count, 1) * transfer.pause_ns / NS_PER_S, max(count - 1, 0) * transfer.pause_ns / NS_PER_S


def in_asyncio() -> bool:
    """Return whether the running task is one of asyncio's; otherwise it is one of trio's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def real_sleep_of_this_loop() -> Callable[[float], Awaitable[None]]:
    """Return `sleep` of the library whose task is running."""
    if in_asyncio():
        return asyncio.sleep
    import trio

    return trio.sleep


async def in_thread(function: Callable[[], Any], name: str) -> Any:
    """Return what a function returns that takes real time, while other tasks of asyncio or trio go on.

    The thread has this name. Nobody waits for it when the task is cancelled.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return await trio.to_thread.run_sync(function, abandon_on_cancel=True)
    done = loop.create_future()

    def tell(result: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def run() -> None:
        result, failure = None, None
        try:
            result = function()
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, result, failure)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done


_BODILESS: Final = frozenset({204, 304})


_numbers: Final = itertools.count(1)
