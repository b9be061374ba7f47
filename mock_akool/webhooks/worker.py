"""The pump: a thread with an event loop that carries callbacks as they fall due in real time.

Each account has a few connections of its own, so a receiver that hangs holds up nobody but its account. A job's tries
are made one after the other; the outbox sees to that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Collection, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Final

from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.outbox import Outcome
from mock_akool.core.clock import NS_PER_S
from mock_akool.webhooks.http_sender import CancelToken, Sent

if TYPE_CHECKING:
    from mock_akool.webhooks.dispatcher import Attempt, Dispatcher

_log = logging.getLogger("mock_akool")

_AT_ONCE: Final = 50
"""How many are taken in one go: to make envelopes holds the engine's lock, and polls shall not wait for it."""
_CONNECTIONS_OF_AN_ACCOUNT: Final = 8
_CALLING_THREADS: Final = 8
_CANCELLING_S: Final = 0.4
"""How long the end of what was cancelled is waited for."""


class Worker:
    """The thread. It is started when it is made, and ends by `close`."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._carrying: dict[CancelToken, asyncio.Task[None]] = {}
        """The tasks among them that carry something, by the gates of that."""
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._flushing = False
        self._calling = ThreadPoolExecutor(_CALLING_THREADS, "mock-akool-receiver")
        self._thread = threading.Thread(target=self._run, name="mock-akool-webhooks", daemon=True)
        self._thread.start()

    # From any thread

    def look(self) -> None:
        """Look at what is due; does not wait."""
        self._soon(self._look)

    def call_off(self, gates: Collection[CancelToken] | None = None) -> None:
        """End what is under way, all or what these gates are of; does not wait."""
        self._soon(self._cancel_all if gates is None else lambda: self._cancel(gates))

    def close(self, grace_s: float) -> None:
        """Start nothing new, wait up to `grace_s` for what is under way, and end the thread."""
        done: Future[None] = Future()

        def begin() -> None:
            self._closing = True
            ending = self._loop.create_task(self._finish(grace_s))
            ending.add_done_callback(lambda _: done.set_result(None))

        self._soon(begin)
        # Bounded, whatever the loop is busy with: whoever stops a server shall not wait for a receiver.
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
        self._loop.close()

    def _look(self) -> None:
        if self._closing:
            return
        if self._dispatcher.is_virtual:
            self._flush_soon()
            return
        dispatcher = self._dispatcher
        with dispatcher.engine.lock:
            taken = dispatcher.take(_AT_ONCE)
            now_ns, next_ns = dispatcher.clock.now_ns(), dispatcher.outbox.next_ns
        for each in taken:
            self._carry_soon(each)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        speed = dispatcher.speed
        if next_ns is not None and speed:  # a clock that stands still tells when it goes on
            self._timer = self._loop.call_later(max(0, next_ns - now_ns) / NS_PER_S / speed, self._look)

    def _flush_soon(self) -> None:
        """Carry what is due now on a virtual clock, in a thread that receivers may keep busy."""
        dispatcher = self._dispatcher
        next_ns = dispatcher.outbox.next_ns
        if not self._flushing and next_ns is not None and next_ns <= dispatcher.clock.now_ns():
            self._flushing = True

            async def flush() -> None:
                try:
                    await self._loop.run_in_executor(self._calling, dispatcher.flush_for_server)
                finally:
                    self._flushing = False
                self._look()

            self._start(flush())

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _carry_soon(self, attempt: Attempt) -> None:
        def forget(_: asyncio.Task[None]) -> None:
            del self._carrying[attempt.cancel_token]

        task = self._carrying[attempt.cancel_token] = self._start(self._carry(attempt))
        task.add_done_callback(forget)

    async def _carry(self, attempt: Attempt) -> None:
        dispatcher, delivery = self._dispatcher, attempt.delivery
        mode = dispatcher.way_of(delivery)
        slot = self._slots.get(delivery.account)
        if slot is None:
            slot = self._slots[delivery.account] = asyncio.Semaphore(_CONNECTIONS_OF_AN_ACCOUNT)
        async with slot:
            began_ns = dispatcher.clock.now_ns()
            try:
                if mode.kind == "http":
                    sent = await dispatcher.send(attempt)
                elif mode.receiver is None:
                    sent = Sent(200)
                else:
                    sent = await self._call(mode.receiver, delivery)
            except Exception as bug:
                _log.exception("mock-akool bug while sending %r", delivery)
                sent = Sent(error=f"mock-akool bug: {type(bug).__name__}: {bug}", is_final=True)
            dispatcher.finish(attempt, Outcome(began_ns, dispatcher.clock.now_ns(), *sent))

    async def _call(self, receiver: Any, delivery: Delivery) -> Sent:
        if delivery.fault is not None and delivery.fault.slow.ns:
            await asyncio.sleep(delivery.fault.slow.ns / NS_PER_S)
        calling = self._loop.run_in_executor(self._calling, self._dispatcher.call, receiver, delivery)
        try:
            answer = await asyncio.wait_for(calling, self._dispatcher.timeout_s)
        except TimeoutError:
            return Sent(error=f"no answer within {self._dispatcher.timeout_s:g} s")
        return Sent(answer.status, answer.error)

    def _cancel(self, gates: Collection[CancelToken]) -> None:
        for cancel_token in gates:
            if cancel_token in self._carrying:
                self._carrying[cancel_token].cancel()

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._slots.clear()

    async def _finish(self, grace_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CANCELLING_S)
