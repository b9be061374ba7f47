"""The courier: carries what is due from the outbox to its receivers, and tells the outbox how it went.

On a virtual clock callbacks are carried by whoever moves the clock, one after the other, so that all that fell due was
carried when the clock has moved. On the machine's clock, a thread of the courier's own carries them, see `pump`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, NamedTuple

from mock_akool.akool.deliveries import Delivery, DeliveryState
from mock_akool.akool.engine import Engine
from mock_akool.akool.outbox import Outcome
from mock_akool.core.clock import NS_PER_S, SteeredClock, VirtualClock
from mock_akool.core.http import Request
from mock_akool.webhooks.address_policy import Guard
from mock_akool.webhooks.delivery_modes import COLLECT, DeliveryMode
from mock_akool.webhooks.http_sender import CancelToken
from mock_akool.webhooks.receivers import Answer, Receiver, delivering, is_delivering, request_of, run_elsewhere

if TYPE_CHECKING:
    from mock_akool.webhooks.http_sender import Sent
    from mock_akool.webhooks.worker import Worker

_log = logging.getLogger("mock_akool")

_ON_A_LOOP: Final = frozenset({"server", "aiohttp"})
"""Doors whose calls are answered on an event loop. A receiver may need that loop, so none is called there."""
_PATIENCE_S: Final = 1.0
_LOOK_S: Final = 0.05
_SHOWN: Final = 5
_IN_PASSING: Final = 50
"""How many are collected in one go where an event loop may wait for it."""


class Attempt(NamedTuple):
    """A try that is under way: the delivery, and the gate that is open as long as nobody has called it off."""

    delivery: Delivery
    cancel_token: CancelToken


class Dispatcher:
    """Carries the callbacks of one engine. Safe to use from several threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.outbox = engine.outbox
        self.clock = engine.clock
        self.guard = Guard(engine.settings.allow_webhook)
        self.timeout_s = engine.settings.webhook_timeout.ns / NS_PER_S
        self.is_virtual = isinstance(self.clock, VirtualClock)
        self.note: Callable[[Delivery], None] | None = None
        """Takes a note of each try: it is the last of the delivery's."""
        self._usual = COLLECT
        self._at_start: DeliveryMode | None = None
        """How they were carried when a live server was started first."""
        self._ways: dict[str, DeliveryMode] = {}
        self._collects_all = True
        """Whether nobody at all is called. Guarded, as the ways are, by the engine's lock."""
        self._worker: Worker | None = None
        self._pump_lock = threading.Lock()
        self._gates: dict[int, CancelToken] = {}
        """The gates of what is under way, by the deliveries' numbers. Guarded by the engine's lock."""
        self._servers = 0
        self._closed = False
        self._busy = 0
        """How many threads carry for live servers on a virtual clock."""
        self._news = threading.Condition(threading.Lock())
        self._told = 0
        self.outbox.listener = self
        if isinstance(self.clock, VirtualClock):
            self.clock.watch(self)
        elif isinstance(self.clock, SteeredClock):
            self.clock.listen(self._clock_changed)

    # How they are carried

    def carry_by(self, mode: DeliveryMode, account: str | None = None) -> None:
        """Carry callbacks this way from now on: all, or those of an account (by API key)."""
        with self.engine.lock:
            self._closed = False
            if account is None:
                self._usual = mode
            else:
                self._ways[account] = mode
            self._ways_changed()
            self.changed()

    def way_in_force(self, account: str | None) -> DeliveryMode:
        """Return how the callbacks of an account (by API key) are carried, or with None those of most."""
        return self._usual if account is None else self._ways.get(account, self._usual)

    def _ways_changed(self) -> None:
        self._collects_all = all(mode is COLLECT for mode in (self._usual, *self._ways.values()))

    def way_of(self, delivery: Delivery) -> DeliveryMode:
        """Return how a callback is carried."""
        return self.way_in_force(delivery.account)

    # What the outbox tells, under the engine's lock

    def changed(self) -> None:
        """Something became due earlier, or a try is over."""
        self._tell()
        if self.outbox.next_ns is not None and self._needs_pump():
            self.worker().look()

    def _clock_changed(self) -> None:
        with self.engine.lock:
            self.changed()

    @property
    def speed(self) -> float:
        """How many seconds of the clock pass in a second of the machine; 0 when it stands still."""
        return self.clock.speed if isinstance(self.clock, SteeredClock) else 1.0

    def forgotten(self) -> None:
        """All was forgotten: call off what is under way."""
        self._ways.clear()
        self._ways_changed()
        self._shut(list(self._gates))
        if self._worker is not None:
            self._worker.call_off()
        self._tell()

    def called_off(self, numbers: Collection[int]) -> None:
        """These were forgotten: call off what is under way of them."""
        gates = self._shut(numbers)
        if self._worker is not None:
            self._worker.call_off(gates)
        self._tell()

    def _shut(self, numbers: Collection[int]) -> frozenset[CancelToken]:
        gates = frozenset(self._gates.pop(number) for number in numbers if number in self._gates)
        for cancel_token in gates:
            cancel_token.shut()
        return gates

    def _tell(self) -> None:
        with self._news:
            self._told += 1
            self._news.notify_all()

    def account_forgotten(self, api_key: str) -> None:
        """All of an account was forgotten: its callbacks are carried as everybody's."""
        self._ways.pop(api_key, None)
        self._ways_changed()

    # What the virtual clock asks

    def next_ns(self) -> int | None:
        """When the clock shall stop next. Not while a receiver moves it: it is called for one callback at a time."""
        return None if is_delivering() else self.outbox.next_ns

    def wake(self) -> None:
        """Carry what is due."""
        self.flush()

    # What doors and people ask

    def before(self, call: Request) -> None:
        """Carry what fell due at this instant of a virtual clock before the call is answered.

        What a call brings about at its own instant is carried after its answer, so that a client knows a job's `_id`
        before it is called back about it.
        """
        next_ns = self.outbox.next_ns
        if next_ns is None or not self.is_virtual or call.transport in _ON_A_LOOP or is_delivering():
            return
        if next_ns <= self.clock.now_ns():
            self.flush(wait=False)

    def flush(self, *, wait: bool = True) -> None:
        """On a virtual clock: carry what is due now, and return when it was carried, also by our own thread.

        Without `wait`, what our thread carries is not waited for. On the machine's clock only what is collected is
        carried here, or waited for.
        """
        if not self.is_virtual:
            self._collect()
            if wait and not self._collects_all and not is_delivering():
                self._wait_for_collected()
            return
        self._carry_all()
        waited_s = 0.0
        while wait and self._busy and not is_delivering() and waited_s < self.timeout_s + _PATIENCE_S:
            if not self.wait_for_news(self.news(), _LOOK_S):
                waited_s += _LOOK_S
            self._carry_all()

    def _wait_for_collected(self) -> None:
        """Wait until our thread, which sends what others want sent, has taken what is collected and due."""
        waited_s = 0.0
        while self._worker is not None and waited_s < _PATIENCE_S:
            told = self.news()
            with self.engine.lock:
                owed = self.outbox.owed(self.clock.now_ns())
            if not any(self.way_in_force(each) is COLLECT for each in owed):
                return
            if not self.wait_for_news(told, _LOOK_S):
                waited_s += _LOOK_S

    def look(self) -> None:
        """Carry what can be carried in passing, for those who wait for callbacks: on any thread, an event loop's too.

        What a thread of our own carries is left to it.
        """
        next_ns = self.outbox.next_ns
        if next_ns is None or next_ns > self.clock.now_ns():
            return
        if not self.is_virtual:
            if self._collects_all:
                self._collect_some(_IN_PASSING)
        elif not self._servers:
            self._carry_all()

    def flush_for_server(self) -> None:
        """Carry what is due now on a virtual clock, in a thread of our own, for the calls of a live server."""
        with self.engine.lock:
            self._busy += 1
        try:
            self._carry_all()
        finally:
            with self.engine.lock:
                self._busy -= 1
                self.changed()

    def _carry_all(self) -> None:
        while True:
            taken = self.take(1)
            if not taken:
                return
            self._carry(taken[0])

    def take(self, most: int | None = None) -> list[Attempt]:
        """Return what is to be tried now; each is under way until `finish` is told of it, or it is called off."""
        with self.engine.lock:
            taken = [Attempt(each, CancelToken()) for each in self.outbox.take(self.clock.now_ns(), most)]
            self._gates.update((each.delivery.number, each.cancel_token) for each in taken)
        return taken

    def news(self) -> int:
        """Return a number that changes whenever anything happens."""
        return self._told

    def wait_for_news(self, told: int, timeout_s: float) -> bool:
        """Wait in real time until anything happened since `news` said `told`; returns whether it did."""
        with self._news:
            return self._news.wait_for(lambda: self._told != told, timeout_s)

    # Life

    def go_on(self) -> None:
        """Carry again after a `rest`."""
        with self.engine.lock:
            self._closed = False
            self.changed()

    def as_at_start(self, account: str | None) -> None:
        """Carry callbacks as when the server was started, or those of an account (by API key) as everybody's."""
        if account is not None:
            with self.engine.lock:
                self.account_forgotten(account)
                self.changed()
        elif self._at_start is not None:
            self.carry_by(self._at_start)

    def open(self) -> None:
        """A live server starts: what its calls bring about has to be carried although nobody moves the clock."""
        with self.engine.lock:
            if self._at_start is None:
                self._at_start = self._usual
            self._closed = False
            self._servers += 1
            self.changed()

    def close(self, grace_s: float = 0.0) -> list[Delivery]:
        """A live server stops: wait for what is under way, but not longer than `grace_s`, and end our thread.

        On the machine's clock what was not delivered until then is given up, told in the log and returned.
        """
        with self.engine.lock:
            self._servers -= 1
        return self.rest(grace_s)

    def rest(self, grace_s: float = 0.0) -> list[Delivery]:
        """End our thread as `close` does, unless a server is still open; `carry_by` or `open` let us go on."""
        with self.engine.lock:
            if self._servers:
                return []
            self._closed = True
        with self._pump_lock:
            worker, self._worker = self._worker, None
        if worker is None:
            return []
        worker.close(grace_s)
        if self.is_virtual:
            return []
        with self.engine.lock:
            self._shut(list(self._gates))
            dropped = self.outbox.abandon()
        if dropped:
            shown = [f"  {describe(each)}" for each in dropped[:_SHOWN]]
            if len(dropped) > _SHOWN:
                shown.append(f"  and {len(dropped) - _SHOWN} more")
            count = f"{len(dropped)} callback{'' if len(dropped) == 1 else 's'}"
            _log.warning("mock-akool stopped before %s could be delivered:\n%s", count, "\n".join(shown))
        return dropped

    def worker(self) -> Worker:
        """Return our thread, started when it is first needed."""
        with self._pump_lock:
            if self._worker is None:
                from mock_akool.webhooks.worker import Worker

                self._worker = Worker(self)
            return self._worker

    def _needs_pump(self) -> bool:
        if self._closed:
            return False
        if self.is_virtual:
            return self._servers > 0
        return not self._collects_all

    # Carrying

    def _carry(self, attempt: Attempt) -> None:
        """Carry one in this thread, on a virtual clock."""
        delivery, _ = attempt
        mode = self.way_of(delivery)
        began_ns = self.clock.now_ns()
        answer = Answer(None, "the receiver was interrupted")
        is_final = False
        try:
            if mode.kind == "http":
                sent: Sent = run_elsewhere(lambda: self.send(attempt))
                answer, is_final = Answer(sent.status, sent.error), sent.is_final
            elif mode.receiver is None:
                answer = Answer(200)
            else:
                answer = self.call(mode.receiver, delivery)
        finally:
            ended_ns = self.clock.now_ns()
            if ended_ns - began_ns > self.engine.settings.webhook_timeout.ns + _slow_ns(delivery):
                answer = Answer(None, f"no answer within {self.timeout_s:g} s")
            self.finish(attempt, Outcome(began_ns, ended_ns, *answer, is_final))

    def call(self, receiver: Receiver, delivery: Delivery) -> Answer:
        """Request a receiver in this process, to whom a slow sender is one that comes late."""
        slow_ns = _slow_ns(delivery)
        if slow_ns and isinstance(self.clock, VirtualClock):
            with delivering():
                self.clock.advance_to(self.clock.now_ns() + slow_ns)
        return receiver.receive(request_of(delivery.url, delivery.body))

    async def send(self, attempt: Attempt) -> Sent:
        """Send one over HTTP."""
        from mock_akool.webhooks.http_sender import send

        delivery, cancel_token = attempt
        slow_s = _slow_ns(delivery) / NS_PER_S
        return await send(
            delivery.url, delivery.body, self.guard, timeout_s=self.timeout_s, slow_s=slow_s, cancel_token=cancel_token
        )

    def finish(self, attempt: Attempt, outcome: Outcome) -> None:
        """Tell the outbox how it went, unless it was called off since."""
        number = attempt.delivery.number
        with self.engine.lock:
            # After a reset another one may have its number.
            if self._gates.get(number) is not attempt.cancel_token:
                return
            del self._gates[number]
            finished = self.outbox.finish(number, outcome)
        if finished is not None and self.note is not None:
            self.note(finished)
        if finished is not None and finished.state in (DeliveryState.REFUSED, DeliveryState.GIVEN_UP):
            _log.warning("mock-akool: %s", describe(finished))

    def _collect(self) -> None:
        """On the machine's clock: take what fell due and is collected only. What is not goes by the pump."""
        while self._collects_all and self._collect_some():
            pass

    def _collect_some(self, most: int | None = None) -> bool:
        with self.engine.lock:
            taken = self.outbox.take(self.clock.now_ns(), most)
            for each in taken:
                self.outbox.finish(each.number, Outcome(each.due_ns, each.due_ns, 200))
        return bool(taken)


def _slow_ns(delivery: Delivery) -> int:
    return delivery.fault.slow.ns if delivery.fault is not None else 0


def describe(delivery: Delivery) -> str:
    """Return a line that says what became of a callback, without secrets."""
    tries = f" after {len(delivery.tries)} tries" if len(delivery.tries) > 1 else ""
    why = f": {delivery.error}" if delivery.error else ""
    copy = f" (again #{delivery.copy_of})" if delivery.copy_of else ""
    return (
        f"callback #{delivery.number}{copy} of job {delivery.job_id}, status {int(delivery.status)}, "
        f"to {delivery.url}: {delivery.state}{tries}{why}"
    )
