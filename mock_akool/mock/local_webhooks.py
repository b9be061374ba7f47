"""Callbacks as tests read them where the fake runs in their own process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.engine import Engine
from mock_akool.akool.jobs import Job
from mock_akool.core.clock import NS_PER_S, SteeredClock, VirtualClock
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.webhook_faults import WebhookRule
from mock_akool.mock.webhooks import AnyWebhooks, Deliveries
from mock_akool.webhooks.delivery_modes import COLLECT, HTTP, DeliveryMode
from mock_akool.webhooks.dispatcher import Dispatcher
from mock_akool.webhooks.receivers import is_delivering, receiver_of


class Webhooks(AnyWebhooks):
    """The callbacks of a fake in this process; see AnyWebhooks."""

    def __init__(
        self,
        engine: Engine,
        dispatcher: Dispatcher,
        account: str | None = None,
        check_source: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._account = account
        self._may_script = check_source
        """Raises when Python calls may not script the fake."""

    def of_account(self, api_key: str) -> Webhooks:
        """Return the same for the jobs of one account."""
        return Webhooks(self._engine, self._dispatcher, api_key, self._may_script)

    @property
    def deliveries(self) -> Deliveries:
        """The deliveries until now."""
        dispatcher = self._dispatcher
        dispatcher.deliver_due(wait=False)
        entries = dispatcher.outbox.entries(self._account)
        return Deliveries(entries, "" if self._account is None else " of this test's account")

    def collect(self) -> None:
        """Request nobody."""
        self._dispatcher.send_by(COLLECT, self._account)

    def deliver_to(self, target: Callable[..., Any]) -> None:
        """Give callbacks to a WSGI app, an ASGI app, or a function."""
        self._dispatcher.send_by(DeliveryMode("call", receiver_of(target)), self._account)

    def send_over_http(self) -> None:
        """Send callbacks to their URLs."""
        self._dispatcher.send_by(HTTP, self._account)

    # In its own way

    @property
    def _virtual_clock(self) -> VirtualClock | None:
        clock = self._dispatcher.clock
        return clock if isinstance(clock, VirtualClock) else None

    @property
    def _stands_still(self) -> bool:
        clock = self._dispatcher.clock
        return isinstance(clock, SteeredClock) and clock.frozen

    @property
    def _jobs(self) -> tuple[Job, ...]:
        with self._engine.lock:
            return self._engine.jobs(self._account)

    def _begin_to_wait(self) -> None:
        if is_delivering():
            raise MockAkoolError("a receiver cannot wait for callbacks: none is sent before it is done")
        self._dispatcher.deliver_due()

    def _look(self, job_id: str | None, status: int | None) -> tuple[Delivery | None, int | None]:
        deliveries = self.deliveries
        due_ns = self._dispatcher.outbox.next_ns_of(self._account)
        for each in deliveries:
            if each.delivered and job_id in (None, each.job_id) and status in (None, each.status):
                return each, due_ns
        return None, due_ns

    def _awaited_in_real_time(self, job_id: str | None, status: int | None, timeout_s: float) -> Delivery | None:
        dispatcher = self._dispatcher
        deadline_ns = time.perf_counter_ns() + round(timeout_s * NS_PER_S)
        while True:
            told = dispatcher.news()
            found, _ = self._look(job_id, status)
            left_ns = deadline_ns - time.perf_counter_ns()
            if found is not None or left_ns <= 0:
                return found
            # What is only collected falls due without any news.
            due_ns = dispatcher.outbox.next_ns
            wait_ns = (
                left_ns if due_ns is None else min(left_ns, max(due_ns - dispatcher.clock.now_ns(), NS_PER_S // 1000))
            )
            dispatcher.wait_for_news(told, wait_ns / NS_PER_S)

    def _resent(self, delivery: Delivery) -> Delivery:
        dispatcher = self._dispatcher
        copy = dispatcher.outbox.resend(delivery.number, dispatcher.clock.now_ns())
        if copy is None:
            raise MockAkoolError(
                f"delivery #{delivery.number} cannot be sent again: it is {delivery.state}",
                "It is not in the journal any more, or could not be encrypted",
            )
        dispatcher.deliver_due()
        return dispatcher.outbox.entry(copy.number) or copy

    def _add_fault(self, rule: WebhookRule, account: str | None) -> None:
        with self._engine.lock:
            self._engine.runtime.add_webhook_rule(rule, "python", account)

    def _check_source(self) -> None:
        self._may_script()
