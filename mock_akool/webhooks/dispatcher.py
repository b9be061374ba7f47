"""The dispatcher: delivers what is due in the outbox, and says how it went.

On a virtual clock webhooks are delivered by whoever moves the clock, one after the other, so that all that became due
was delivered when the clock has moved. On the machine's clock a thread of its own delivers them, see `worker`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from mock_akool.akool.deliveries import Attempt, AttemptResult, CancelToken, Delivery, DeliveryState
from mock_akool.akool.outbox import Outbox
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.clock import NS_PER_S, Clock, SteeredClock, VirtualClock
from mock_akool.core.giving_way import give_way
from mock_akool.core.http import Request
from mock_akool.core.text import printable
from mock_akool.webhooks.address_policy import AddressPolicy
from mock_akool.webhooks.delivery_modes import COLLECT, DeliveryMode, DeliveryModes
from mock_akool.webhooks.receivers import Answer, Receiver, Sent, delivering, is_delivering, request_of, run_in_thread

if TYPE_CHECKING:
    from mock_akool.webhooks.http_sender import Sender
    from mock_akool.webhooks.worker import Worker

_log = logging.getLogger("mock_akool")

_ON_A_LOOP: Final = frozenset({"server", "aiohttp"})
"""Transports whose requests are answered on an event loop. A receiver may need that loop, so none is called there."""
_PATIENCE_S: Final = 1.0
_LOOK_S: Final = 0.05
_SHOWN: Final = 5
_MOST_SAID: Final = 200
_IN_PASSING: Final = 50
"""How many are collected in one go where an event loop may wait for it."""


class Dispatcher:
    """Delivers the webhooks of one engine. Safe to use from several threads."""

    def __init__(self, outbox: Outbox, clock: Clock, settings: ServiceSettings) -> None:
        self.outbox = outbox
        self.clock = clock
        self.policy = AddressPolicy(settings.allow_webhook)
        self._ca_file = settings.webhook_ca
        if self._ca_file is not None:
            from mock_akool.webhooks.http_sender import tls_context

            tls_context(self._ca_file)  # a file that is no good is a mistake of the start
        self.timeout_s = settings.webhook_timeout.ns / NS_PER_S
        self.is_virtual = isinstance(clock, VirtualClock)
        self.note: Callable[[Delivery], None] | None = None
        """Takes a note of each attempt: it is the last of the delivery's."""
        self.keeps = False
        """Whether somebody keeps what is still to be sent when it stops: then nothing is dropped."""
        self._timeout_ns = settings.webhook_timeout.ns
        self._modes = DeliveryModes()
        self._worker: Worker | None = None
        self._lock = threading.Lock()
        """Guards what follows. The outbox is never asked while it is held, since the outbox calls us under its own."""
        self._servers = 0
        self._closed = False
        self._is_stuck = False
        """Whether the worker could not start."""
        self._said: set[tuple[Any, ...]] = set()
        """What was said at once."""
        self._busy = 0
        """How many threads deliver for live servers on a virtual clock."""
        self._news = threading.Condition(threading.Lock())
        self._news_count = 0
        outbox.listener = self
        if isinstance(clock, VirtualClock):
            clock.watch(self)
        elif isinstance(clock, SteeredClock):
            clock.listen(self.changed)

    # How they are delivered

    def send_by(self, mode: DeliveryMode, account: str | None = None) -> None:
        """Deliver webhooks this way from now on: all, or those of an account (by API key)."""
        self._modes.set(mode, account)
        self.go_on()

    def mode_of_account(self, account: str | None) -> DeliveryMode:
        """Return how the webhooks of an account (by API key) are delivered, or with None those of most."""
        return self._modes.of(account)

    def mode_of(self, delivery: Delivery) -> DeliveryMode:
        """Return how a webhook is delivered."""
        return self._modes.of(delivery.account)

    def chosen_modes(self) -> dict[str, str]:
        """Return how webhooks are sent where that was chosen since the start, by API key; "" is all others."""
        return self._modes.chosen()

    def choose_modes(self, modes: Mapping[str | None, DeliveryMode]) -> None:
        """Deliver webhooks as at the start, but for these: of accounts, by API key, and with None of all others."""
        self._modes.note_start()
        self._modes.restore()
        for key, mode in modes.items():
            self._modes.set(mode, key)
        self.changed()

    def restore_mode(self, account: str | None) -> None:
        """Deliver webhooks as when the server was started, or those of an account (by API key) as everybody's."""
        if account is not None:
            self._modes.forget(account)
        else:
            self._modes.restore()
        self.changed()

    # What the outbox says, under the engine's lock

    def changed(self) -> None:
        """Something became due earlier, or an attempt is over."""
        self._tell()
        if self.outbox.next_ns is not None and self._needs_worker():
            self._let_worker_look()

    def _let_worker_look(self) -> None:
        try:
            self.worker().look()
        except (OSError, RuntimeError) as error:  # no more files or threads: tried again by `retry`
            if not self._is_stuck:
                _log.warning("mock-akool: webhooks wait, their thread cannot start: %s", error)
            self._is_stuck = True
        else:
            self._is_stuck = False

    def retry(self) -> None:
        """Try again to start the worker, if it could not start."""
        if self._is_stuck:
            self.changed()

    def unsendable(self, delivery: Delivery) -> None:
        """A delivery was made that cannot be sent: say so at once, of each account and URL once."""
        if self._is_news(delivery.account, delivery.url[:_MOST_SAID], True):
            _log.warning("mock-akool: %s", describe(delivery))

    def _is_news(self, *about: Any) -> bool:
        """Return whether this was not said before, and take a note of it while there is room."""
        if about in self._said:
            return False
        if len(self._said) < _MOST_SAID:
            self._said.add(about)
        return True

    def forgotten(self) -> None:
        """All was forgotten: end what is under way."""
        self._modes.forget_accounts()
        self._said.clear()
        if self._worker is not None:
            self._worker.cancel()
        self._tell()

    def cancelled(self, tokens: Collection[CancelToken]) -> None:
        """These attempts were cancelled: end them."""
        if self._worker is not None:
            self._worker.cancel(tokens)
        self._tell()

    def account_forgotten(self, api_key: str) -> None:
        """All of an account was forgotten: its webhooks are delivered as everybody's."""
        self._modes.forget(api_key)

    def _tell(self) -> None:
        with self._news:
            self._news_count += 1
            self._news.notify_all()

    # What the virtual clock asks

    def next_ns(self) -> int | None:
        """When the clock stops next. Not while a receiver moves it: it is called for one webhook at a time."""
        return None if is_delivering() else self.outbox.next_ns

    def wake(self) -> None:
        """Deliver what is due."""
        self.deliver_due()

    # What transports and people ask

    def deliver_before(self, request: Request) -> None:
        """Deliver what became due at this instant of a virtual clock before the request is answered.

        A webhook that a request brings about at its own instant is delivered after its response, so that a client
        knows a job's `_id` before it gets a webhook of it.
        """
        next_ns = self.outbox.next_ns
        if next_ns is None or not self.is_virtual or request.transport in _ON_A_LOOP or is_delivering():
            return
        if next_ns <= self.clock.now_ns():
            self.deliver_due(wait=False)

    def deliver_due(self, *, wait: bool = True) -> None:
        """On a virtual clock: deliver what is due now, and return when it is done, also by the worker.

        Without `wait`, what the worker delivers is not waited for. On the machine's clock only what is collected is
        delivered here, or waited for.
        """
        if not self.is_virtual:
            self._collect()
            if wait and not self._modes.collects_all and not is_delivering():
                self._wait_for_collected()
            return
        self._deliver_all()
        waited_s = 0.0
        while wait and self._busy and not is_delivering() and waited_s < self.timeout_s + _PATIENCE_S:
            if not self.wait_for_news(self.news(), _LOOK_S):
                waited_s += _LOOK_S
            self._deliver_all()

    def _wait_for_collected(self) -> None:
        """Wait until the worker, which sends what others want sent, has taken what is collected and due."""
        waited_s = 0.0
        while self._worker is not None and waited_s < _PATIENCE_S:
            seen = self.news()
            owed = self.outbox.owed(self.clock.now_ns())
            if not any(self._modes.of(each) is COLLECT for each in owed):
                return
            if not self.wait_for_news(seen, _LOOK_S):
                waited_s += _LOOK_S

    def deliver_in_passing(self) -> None:
        """Deliver what costs next to nothing, for those who wait for webhooks: on any thread, an event loop's too.

        What the worker delivers is left to it.
        """
        next_ns = self.outbox.next_ns
        if next_ns is None or next_ns > self.clock.now_ns():
            return
        if not self.is_virtual:
            if self._modes.collects_all:
                self._collect_some(_IN_PASSING)
        elif not self._servers:
            self._deliver_all()

    def deliver_for_server(self) -> None:
        """Deliver what is due now on a virtual clock, in the worker's thread, for the requests of a live server."""
        with self._lock:
            self._busy += 1
        try:
            self._deliver_all()
        finally:
            with self._lock:
                self._busy -= 1
            self.changed()

    def _deliver_all(self) -> None:
        while True:
            taken = self.take(1)
            if not taken:
                return
            self._deliver(taken[0])

    def news(self) -> int:
        """Return a number that changes whenever anything happens."""
        return self._news_count

    def wait_for_news(self, seen: int, timeout_s: float) -> bool:
        """Wait in real time until anything happened since `news` returned `seen`; returns whether it did."""
        with self._news:
            return self._news.wait_for(lambda: self._news_count != seen, timeout_s)

    # Life

    def go_on(self) -> None:
        """Deliver again after a `rest`."""
        with self._lock:
            self._closed = False
        self.changed()

    def open(self) -> None:
        """A live server starts: what its requests bring about has to be delivered although nobody moves the clock."""
        self._modes.note_start()
        with self._lock:
            self._closed = False
            self._servers += 1
        self.changed()

    def close(self, grace_s: float = 0.0) -> list[Delivery]:
        """A live server stops: wait for what is under way, but not longer than `grace_s`, and end the worker.

        On the machine's clock what was not delivered until then is dropped, logged and returned, unless it is kept.
        """
        with self._lock:
            self._servers -= 1
        return self.rest(grace_s)

    def rest(self, grace_s: float = 0.0) -> list[Delivery]:
        """End the worker as `close` does, unless a server is still open; `send_by`, `open` or `go_on` begin anew."""
        with self._lock:
            if self._servers:
                return []
            self._closed = True
            worker, self._worker = self._worker, None
        if worker is None:
            return []
        worker.close(grace_s)
        if self.is_virtual or self.keeps:
            return []
        dropped = self.outbox.abandon()
        if dropped:
            shown = [f"  {describe(each)}" for each in dropped[:_SHOWN]]
            if len(dropped) > _SHOWN:
                shown.append(f"  and {len(dropped) - _SHOWN} more")
            count = "1 delivery" if len(dropped) == 1 else f"{len(dropped)} deliveries"
            _log.warning("mock-akool stopped before %s ended:\n%s", count, "\n".join(shown))
        return dropped

    def worker(self) -> Worker:
        """Return the worker, started when it is first needed."""
        with self._lock:
            if self._worker is None:
                from mock_akool.webhooks.worker import Worker

                self._worker = Worker(self)
            return self._worker

    def _needs_worker(self) -> bool:
        if self._closed:
            return False
        if self.is_virtual:
            return self._servers > 0
        return not self._modes.collects_all

    # What the worker asks and says

    @property
    def speed(self) -> float:
        """How many seconds of the clock pass in a second of the machine; 0 when it stands still."""
        return self.clock.speed if isinstance(self.clock, SteeredClock) else 1.0

    @property
    def due_ns(self) -> int | None:
        """When there is next something to do, in nanoseconds since the epoch; None when there is nothing."""
        return self.outbox.next_ns

    def now_ns(self) -> int:
        """Return the clock's instant in nanoseconds since the epoch."""
        return self.clock.now_ns()

    def take(self, most: int | None = None) -> list[Attempt]:
        """Return what is due now; each is under way until `finish` is called with it, or it is cancelled."""
        return self.outbox.take(self.clock.now_ns(), most)

    def call(self, receiver: Receiver, delivery: Delivery) -> Answer:
        """Call a receiver in this process, to which a slow sender is one that comes late."""
        slow_ns = _slow_ns(delivery)
        if slow_ns and isinstance(self.clock, VirtualClock):
            with delivering():
                self.clock.advance_to(self.clock.now_ns() + slow_ns)
        try:
            request = request_of(delivery.url, delivery.body, delivery.credentials)
        except ValueError as error:  # with check_urls=False a client may give anything
            return Answer(None, f"{delivery.url!r} is no http(s) URL: {error}")
        return receiver.receive(request)

    def sender(self) -> Sender:
        """Return a sender for one event loop."""
        from mock_akool.webhooks.http_sender import Sender

        return Sender(self.policy, self.timeout_s, ca_file=self._ca_file)

    async def send(self, attempt: Attempt, sender: Sender) -> Sent:
        """Send one over HTTP."""
        delivery, token = attempt
        slow_s = _slow_ns(delivery) / NS_PER_S
        return await sender.send(
            delivery.url,
            delivery.body_start,
            filler_bytes=delivery.filler_bytes,
            credentials=delivery.credentials,
            slow_s=slow_s,
            token=token,
        )

    def finish(
        self, attempt: Attempt, result: AttemptResult, *, is_final: bool = False, is_lasting: bool = False
    ) -> None:
        """Tell the outbox how an attempt went, and log it, unless it was cancelled since."""
        finished = self.outbox.finish(attempt, result, is_final=is_final)
        if finished is None:
            return
        if self.note is not None:
            self.note(finished)
        if finished.state in (DeliveryState.REFUSED, DeliveryState.GIVEN_UP):
            _log.warning("mock-akool: %s", describe(finished))
        elif finished.state is DeliveryState.WAITING:
            self._say_at_once(finished, is_lasting=is_lasting)

    def _say_at_once(self, delivery: Delivery, *, is_lasting: bool) -> None:
        """Say after the first attempt what will not get better by itself, of each account and URL once."""
        if not (is_lasting or delivery.may_be_unverifiable):
            return
        if self._is_news(delivery.account, delivery.url[:_MOST_SAID], is_lasting):
            _log.warning("mock-akool: %s", describe(delivery))

    def _deliver(self, attempt: Attempt) -> None:
        """Make one attempt in this thread, on a virtual clock."""
        delivery, _ = attempt
        mode = self.mode_of(delivery)
        began_ns = self.clock.now_ns()
        answer = Answer(None, "the receiver was interrupted")
        sent = Sent()
        try:
            if mode.kind == "http":
                sent = run_in_thread(lambda: self.send(attempt, self.sender()))
                answer = Answer(sent.status, sent.error)
            elif mode.receiver is None:
                answer = Answer(200)
            else:
                answer = self.call(mode.receiver, delivery)
        finally:
            ended_ns = self.clock.now_ns()
            if ended_ns - began_ns > self._timeout_ns + _slow_ns(delivery):
                answer = Answer(None, f"no answer within {self.timeout_s:g} s")
            result = AttemptResult(began_ns, ended_ns, answer.status, answer.error, mode.kind == "collect")
            self.finish(attempt, result, is_final=sent.is_final, is_lasting=sent.is_lasting)

    def _collect(self) -> None:
        """On the machine's clock: take what became due and is collected only. What is not is the worker's."""
        while self._modes.collects_all and self._collect_some():
            give_way()

    def _collect_some(self, most: int | None = None) -> bool:
        return self.outbox.collect(self.clock.now_ns(), most)


def _slow_ns(delivery: Delivery) -> int:
    return delivery.fault.slow.ns if delivery.fault is not None else 0


def describe(delivery: Delivery) -> str:
    """Return a line that says what became of a webhook, without secrets."""
    attempts = f" after {len(delivery.attempts)} attempts" if len(delivery.attempts) > 1 else ""
    why = f": {delivery.error}" if delivery.error else ""
    copy = f" (again #{delivery.copy_of})" if delivery.copy_of else ""
    return (
        f"delivery #{delivery.number}{copy} of job {delivery.job_id}, status {int(delivery.status)}, "
        f"to {printable(delivery.url)}: {delivery.outcome}{attempts}{why}"
    )
