"""The webhooks of a fake of this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.engine import Engine
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.core.clock import NS_PER_S, SteeredClock, VirtualClock
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WebhookRule
from mock_akool.mock.webhooks import Webhooks
from mock_akool.webhooks.delivery_modes import COLLECT, HTTP, DeliveryMode
from mock_akool.webhooks.dispatcher import Dispatcher
from mock_akool.webhooks.receivers import Answer, Receiver, WebhookRequest, is_delivering, receiver_of


class ReceiverFailures:
    """The assertions that failed in receivers of one fake, until a reset."""

    def __init__(self) -> None:
        self._found: list[tuple[str | None, BaseException]] = []

    def add(self, api_key: str | None, failure: BaseException) -> None:
        """Remember one that failed in the receiver of an account's webhooks, or with None of everybody's."""
        self._found.append((api_key, failure))

    def of(self, api_key: str | None) -> Sequence[BaseException]:
        """Return those of the receiver of an account, or with None all, oldest first."""
        return [failure for key, failure in self._found if api_key in (None, key)]

    def forget(self, api_key: str | None) -> None:
        """Forget those of the receiver of an account, or with None all."""
        self._found = [(key, failure) for key, failure in self._found if api_key not in (None, key)]


class _Heeding:
    """A receiver whose failed assertions are remembered; to the sender they are HTTP 500, as all that it raises."""

    def __init__(self, receiver: Receiver, api_key: str | None, failures: ReceiverFailures) -> None:
        self._receiver = receiver
        self._api_key = api_key
        self._failures = failures

    def receive(self, request: WebhookRequest) -> Answer:
        answer = self._receiver.receive(request)
        if answer.failure is not None:
            self._failures.add(self._api_key, answer.failure)
        return answer


class LocalWebhooks(Webhooks):
    """The webhooks of a fake of this process; see Webhooks."""

    def __init__(
        self,
        engine: Engine,
        scenarios: ScenarioRuntime,
        dispatcher: Dispatcher,
        api_key: str | None,
        check_source: Callable[[], None],
        failures: ReceiverFailures,
    ) -> None:
        super().__init__(api_key)
        self._engine = engine
        self._scenarios = scenarios
        self._dispatcher = dispatcher
        self._may_script = check_source
        """Raises when Python calls may not script the fake."""
        self._failures = failures

    def of_account(self, api_key: str) -> LocalWebhooks:
        """Return the same for the jobs of one account."""
        return LocalWebhooks(self._engine, self._scenarios, self._dispatcher, api_key, self._may_script, self._failures)

    def collect(self) -> None:
        """Send nothing: each webhook counts as taken when it falls due."""
        self._dispatcher.send_by(COLLECT, self._api_key)

    def send_over_http(self) -> None:
        """Send webhooks to their URLs over HTTP."""
        self._dispatcher.send_by(HTTP, self._api_key)

    def _deliver_to(self, target: Callable[..., Any]) -> None:
        receiver = _Heeding(receiver_of(target), self._api_key, self._failures)
        self._dispatcher.send_by(DeliveryMode("call", receiver), self._api_key)

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
        return self._engine.jobs(self._api_key)

    def _made(self) -> Sequence[Delivery]:
        self._dispatcher.deliver_due(wait=False)
        return self._dispatcher.outbox.entries(self._api_key)

    def _begin_to_wait(self) -> None:
        if is_delivering():
            raise MockAkoolError("a receiver cannot wait for webhooks: none is sent before it is done")
        self._dispatcher.deliver_due()

    def _look(self, job_id: str | None, status: Status | None) -> tuple[Delivery | None, int | None]:
        made = self._made()
        due_ns = self._dispatcher.outbox.next_ns_of(self._api_key)
        for each in made:
            if each.delivered and job_id in (None, each.job_id) and status in (None, each.status):
                return each, due_ns
        return None, due_ns

    def _awaited_in_real_time(self, job_id: str | None, status: Status | None, timeout_s: float) -> Delivery | None:
        dispatcher = self._dispatcher
        deadline_ns = time.perf_counter_ns() + round(timeout_s * NS_PER_S)
        while True:
            seen = dispatcher.news()
            found, _ = self._look(job_id, status)
            left_ns = deadline_ns - time.perf_counter_ns()
            if found is not None or left_ns <= 0:
                return found
            # What is only collected falls due without any news.
            due_ns = dispatcher.outbox.next_ns
            wait_ns = (
                left_ns if due_ns is None else min(left_ns, max(due_ns - dispatcher.clock.now_ns(), NS_PER_S // 1000))
            )
            dispatcher.wait_for_news(seen, wait_ns / NS_PER_S)

    def _resent(self, delivery: Delivery) -> Delivery:
        dispatcher = self._dispatcher
        copy = dispatcher.outbox.resend(delivery.number, dispatcher.clock.now_ns())
        if copy is None:
            raise MockAkoolError(
                f"delivery #{delivery.number} cannot be sent again: it is {delivery.state}",
                "It is not in the log any more, or could not be encrypted",
            )
        dispatcher.deliver_due()
        return dispatcher.outbox.entry(copy.number) or copy

    def _add_fault(self, rule: WebhookRule, account: str | None) -> None:
        self._scenarios.add_webhook_rule(rule, "python", account)

    def _check_source(self) -> None:
        self._may_script()
