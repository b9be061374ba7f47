"""The worker: a thread with an event loop that makes the attempts of webhooks as they become due in real time.

Each account has a few slots of its own, so a receiver that hangs holds up nobody but its account. A job's attempts are
made one after the other; the outbox sees to that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Collection, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final, Protocol

from mock_akool.akool.deliveries import Attempt, AttemptResult, CancelToken, Delivery
from mock_akool.core.clock import NS_PER_S
from mock_akool.webhooks.delivery_modes import DeliveryMode
from mock_akool.webhooks.event_loop import new_loop
from mock_akool.webhooks.http_sender import Sender
from mock_akool.webhooks.receivers import Answer, Receiver, Sent
from mock_akool.webhooks.slots import Slots

_log = logging.getLogger("mock_akool")

_AT_ONCE: Final = 50
"""How many are taken in one go: making envelopes holds the engine's lock, and polls must not wait for it."""
_CALLING_THREADS: Final = 8
_CANCELLING_S: Final = 0.4
"""How long the end of what was cancelled is waited for."""


class Work(Protocol):
    """What a worker works on: it asks for attempts, makes them, and says how they went."""

    @property
    def is_virtual(self) -> bool:
        """Whether time is virtual: then all is done in one thread, in the order in which it is due."""
        ...

    @property
    def timeout_s(self) -> float:
        """How long a receiver may take, in seconds."""
        ...

    @property
    def due_ns(self) -> int | None:
        """When there is next something to do, in nanoseconds since the epoch; None when there is nothing."""
        ...

    @property
    def speed(self) -> float:
        """How many seconds of the clock pass in a second of the machine; 0 when it stands still."""
        ...

    def now_ns(self) -> int:
        """Return the clock's instant in nanoseconds since the epoch."""
        ...

    def take(self, most: int | None = None) -> list[Attempt]:
        """Return what is due now; each is under way until `finish` is called with it, or it is cancelled."""
        ...

    def mode_of(self, delivery: Delivery) -> DeliveryMode:
        """Return how a webhook is delivered."""
        ...

    def sender(self) -> Sender:
        """Return a sender for one event loop."""
        ...

    async def send(self, attempt: Attempt, sender: Sender) -> Sent:
        """Send one over HTTP."""
        ...

    def call(self, receiver: Receiver, delivery: Delivery) -> Answer:
        """Call a receiver in this process."""
        ...

    def finish(
        self, attempt: Attempt, result: AttemptResult, *, is_final: bool = False, is_lasting: bool = False
    ) -> None:
        """Take note of how an attempt went; `is_final` and `is_lasting` are as in Sent."""
        ...

    def deliver_for_server(self) -> None:
        """Deliver what is due now on a virtual clock, in the calling thread."""
        ...


class Worker:
    """The thread. It starts when it is made, and ends by `close`."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._loop = new_loop()
        self._sender = work.sender()
        self._tasks: set[asyncio.Task[None]] = set()
        self._attempts: dict[CancelToken, asyncio.Task[None]] = {}
        """The tasks among them that make an attempt, by its token."""
        self._slots = Slots()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._delivering = False
        self._calling = ThreadPoolExecutor(_CALLING_THREADS, "mock-akool-receiver")
        self._thread = threading.Thread(target=self._run, name="mock-akool-webhooks", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads
            self._loop.close()
            raise

    # From any thread

    def look(self) -> None:
        """Look at what is due; does not wait."""
        self._soon(self._look)

    def cancel(self, tokens: Collection[CancelToken] | None = None) -> None:
        """End the attempts with these tokens, or with None all that is under way; does not wait."""
        self._soon(self._cancel_all if tokens is None else lambda: self._cancel(tokens))

    def close(self, grace_s: float) -> None:
        """Start nothing new, wait up to `grace_s` for what is under way, and end the thread."""
        done: Future[None] = Future()

        def begin() -> None:
            self._closing = True
            ending = self._loop.create_task(self._finish(grace_s))
            ending.add_done_callback(lambda _: done.set_result(None))

        self._soon(begin)
        # Bounded, whatever the loop is busy with: whoever stops a server must not wait for a receiver.
        wait([done], grace_s + _CANCELLING_S)
        self._soon(self._loop.stop)
        self._thread.join(_CANCELLING_S)
        self._calling.shutdown(wait=False, cancel_futures=True)

    def _soon(self, function: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(function)

    # In the thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._settle())
        self._loop.close()

    async def _settle(self) -> None:
        """Close what is still open; transports close in the loop's next turns."""
        for task in self._tasks:
            task.cancel()
        for _ in range(2):
            self._sender.close()
            for _ in range(3):
                await asyncio.sleep(0)

    def _look(self) -> None:
        if self._closing:
            return
        work = self._work
        if work.is_virtual:
            self._deliver_soon()
            return
        for each in work.take(_AT_ONCE):
            self._begin(each)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # What becomes due earlier from here on calls `look` again.
        next_ns, speed = work.due_ns, work.speed
        if next_ns is not None and speed:  # a clock that stands still says when it goes on
            self._timer = self._loop.call_later(max(0, next_ns - work.now_ns()) / NS_PER_S / speed, self._look)

    def _deliver_soon(self) -> None:
        """Deliver what is due now on a virtual clock, in a thread that receivers may keep busy."""
        work = self._work
        next_ns = work.due_ns
        if not self._delivering and next_ns is not None and next_ns <= work.now_ns():
            self._delivering = True

            async def deliver() -> None:
                try:
                    await self._loop.run_in_executor(self._calling, work.deliver_for_server)
                finally:
                    self._delivering = False
                self._look()

            self._start(deliver())

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _begin(self, attempt: Attempt) -> None:
        def forget(_: asyncio.Task[None]) -> None:
            del self._attempts[attempt.cancel_token]

        task = self._attempts[attempt.cancel_token] = self._start(self._make(attempt))
        task.add_done_callback(forget)

    async def _make(self, attempt: Attempt) -> None:
        delivery = attempt.delivery
        mode = self._work.mode_of(delivery)
        await self._wait_for_slot(delivery, over_http=mode.kind == "http")
        try:
            await self._carry_out(attempt, mode)
        finally:
            self._slots.release(delivery.account)

    async def _wait_for_slot(self, delivery: Delivery, *, over_http: bool) -> None:
        if over_http:
            self._sender.expect(delivery.url)
        try:
            await self._slots.acquire(delivery.account)
        finally:
            if over_http:
                self._sender.forget(delivery.url)

    async def _carry_out(self, attempt: Attempt, mode: DeliveryMode) -> None:
        work, delivery = self._work, attempt.delivery
        began_ns = work.now_ns()
        try:
            if mode.kind == "http":
                sent = await work.send(attempt, self._sender)
            elif mode.receiver is None:
                sent = Sent(200)
            else:
                sent = await self._call(mode.receiver, delivery)
        except Exception as bug:
            _log.exception("mock-akool bug while sending %r", delivery)
            sent = Sent(error=f"mock-akool bug: {type(bug).__name__}: {bug}", is_final=True)
        result = AttemptResult(began_ns, work.now_ns(), sent.status, sent.error, mode.kind == "collect")
        work.finish(attempt, result, is_final=sent.is_final, is_lasting=sent.is_lasting)

    async def _call(self, receiver: Receiver, delivery: Delivery) -> Sent:
        if delivery.fault is not None and delivery.fault.slow.ns:
            await asyncio.sleep(delivery.fault.slow.ns / NS_PER_S)
        calling = self._loop.run_in_executor(self._calling, self._work.call, receiver, delivery)
        try:
            answer = await asyncio.wait_for(calling, self._work.timeout_s)
        except TimeoutError:
            return Sent(error=f"no answer within {self._work.timeout_s:g} s")
        return Sent(answer.status, answer.error)

    def _cancel(self, tokens: Collection[CancelToken]) -> None:
        for token in tokens:
            if token in self._attempts:
                self._attempts[token].cancel()

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _finish(self, grace_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CANCELLING_S)
