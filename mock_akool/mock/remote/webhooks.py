"""The webhooks of a fake on a server, over its admin API."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from mock_akool.admin.long_poll import LONGEST_S
from mock_akool.admin.serializers import DELIVERY
from mock_akool.akool.deliveries import Delivery, DeliveryState
from mock_akool.akool.jobs import Job
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WEBHOOK, WebhookRule
from mock_akool.mock.remote.admin_client import AdminClient
from mock_akool.mock.remote.clock import RemoteClock
from mock_akool.mock.webhooks import Webhooks


class RemoteWebhooks(Webhooks):
    """The webhooks of a fake on a server; see Webhooks. What `webhooks` of a RemoteAkool returns."""

    def __init__(self, admin_client: AdminClient, clock: RemoteClock, jobs: Callable[[], Sequence[Job]]) -> None:
        super().__init__(admin_client.api_key)
        self._admin_client = admin_client
        self._ask = admin_client.ask
        self._clock = clock
        self._all_jobs = jobs

    def of_account(self, api_key: str) -> RemoteWebhooks:
        """Return the same for the jobs of one account."""

        def jobs() -> list[Job]:
            return [job for job in self._all_jobs() if job.account.api_key == api_key]

        return RemoteWebhooks(self._admin_client.of_account(api_key), self._clock, jobs)

    def collect(self) -> None:
        """Send nothing: each webhook counts as taken when it falls due."""
        self._ask("POST", "webhooks/sending", {"by": "collect"})

    def send_over_http(self) -> None:
        """Send webhooks to their URLs over HTTP."""
        self._ask("POST", "webhooks/sending", {"by": "http"})

    def _deliver_to(self, target: Callable[..., Any]) -> None:
        raise MockAkoolError(
            f"{self._admin_client.url} runs in another process and cannot call {target!r}",
            "Let your client give the URL of a receiver that the server can reach, or `collect()` and read the "
            "deliveries",
        )

    # In its own way

    @property
    def _virtual_clock(self) -> RemoteClock | None:
        return self._clock if self._clock.held or self._clock.virtual else None

    @property
    def _stands_still(self) -> bool:
        return self._clock.frozen and not self._clock.virtual

    @property
    def _jobs(self) -> Sequence[Job]:
        return self._all_jobs()

    def _made(self) -> Sequence[Delivery]:
        return [DELIVERY.read(each) for each in self._admin_client.pages("webhooks", by="after")]

    def _begin_to_wait(self) -> None:
        if (clock := self._virtual_clock) is not None:
            clock.advance(0)

    def _look(self, job_id: str | None, status: Status | None) -> tuple[Delivery | None, int | None]:
        page = self._delivered(job_id, status)
        return next(map(DELIVERY.read, page["webhooks"]), None), page["due_ns"]

    def _awaited(self, job_id: str | None, status: Status | None, timeout_s: float) -> Delivery | None:
        found = super()._awaited(job_id, status, timeout_s)
        if found is not None or not self._clock.held:
            return found
        # A clock that is only held has let webhooks fall due; sending them over HTTP takes real time.
        return self._awaited_in_real_time(job_id, status, timeout_s)

    def _awaited_in_real_time(self, job_id: str | None, status: Status | None, timeout_s: float) -> Delivery | None:
        ends_s = time.monotonic() + timeout_s
        while True:
            left_s = max(0.0, ends_s - time.monotonic())
            try:
                page = self._delivered(job_id, status, at_least=1, timeout=min(left_s, LONGEST_S))
            except TimeoutError:
                if left_s <= LONGEST_S:
                    return None
            else:
                return DELIVERY.read(page["webhooks"][0])

    def _resent(self, delivery: Delivery) -> Delivery:
        return DELIVERY.read(self._ask("POST", "webhooks/resend", {"number": delivery.number}))

    def _add_fault(self, rule: WebhookRule, account: str | None) -> None:
        self._ask("POST", "webhooks/faults", {"faults": [WEBHOOK.write(rule)]}, account=account)

    def _check_source(self) -> None:
        pass  # the server says whether it may be scripted

    def _delivered(self, job_id: str | None, status: Status | None, **query: Any) -> Any:
        word = None if status is None else status.word
        return self._ask("GET", "webhooks", job=job_id, status=word, state=DeliveryState.DELIVERED, limit=1, **query)
