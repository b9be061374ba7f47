"""Callbacks as Python tests read them where the fake runs in another process, over the admin API."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mock_akool.admin.long_poll import LONGEST_S
from mock_akool.admin.serializers import DELIVERY
from mock_akool.akool.deliveries import Delivery, DeliveryState
from mock_akool.akool.jobs import Job
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WEBHOOK, WebhookRule
from mock_akool.mock.webhooks import AnyWebhooks, Deliveries

if TYPE_CHECKING:
    from mock_akool.mock.remote import RemoteAkool
    from mock_akool.mock.remote.clock import RemoteClock

_PAGE: Final = 1000


class RemoteWebhooks(AnyWebhooks):
    """The callbacks of a fake that runs elsewhere; see AnyWebhooks. What `webhooks` of a RemoteAkool returns."""

    def __init__(self, fake: RemoteAkool) -> None:
        self._fake = fake
        self._account = fake.account

    def of_account(self, api_key: str) -> RemoteWebhooks:
        """Return the same for the jobs of one account."""
        return RemoteWebhooks(self._fake.of_account(api_key))

    @property
    def deliveries(self) -> Deliveries:
        """The deliveries until now."""
        found: list[Any] = []
        after: int | None = 0
        while after is not None:
            page = self._told(after=after, limit=_PAGE)
            found += page["webhooks"]
            after = page["next"]
        return Deliveries(map(DELIVERY.read, found), "" if self._account is None else " of this test's account")

    def collect(self) -> None:
        """Request nobody."""
        self._fake._ask("POST", "webhooks/sending", {"by": "collect"})

    def deliver_to(self, target: Callable[..., Any]) -> None:
        """Raise MockAkoolError: a server in another process cannot call what lives in this one."""
        raise MockAkoolError(
            f"{self._fake.url} runs in another process and cannot call {target!r}",
            "Let the callback URL that your client gives be that of a receiver which the server can reach, "
            "or `collect()` and read the deliveries",
        )

    def send_over_http(self) -> None:
        """Send callbacks to their URLs."""
        self._fake._ask("POST", "webhooks/sending", {"by": "http"})

    # In its own way

    @property
    def _virtual_clock(self) -> RemoteClock | None:
        clock = self._fake.clock
        return clock if clock.held or clock.virtual else None

    @property
    def _stands_still(self) -> bool:
        clock = self._fake.clock
        return clock.frozen and not clock.virtual

    @property
    def _jobs(self) -> tuple[Job, ...]:
        return self._fake.jobs

    def _begin_to_wait(self) -> None:
        if (clock := self._virtual_clock) is not None:
            clock.advance(0)

    def _look(self, job_id: str | None, status: int | None) -> tuple[Delivery | None, int | None]:
        page = self._delivered(job_id, status)
        return next(map(DELIVERY.read, page["webhooks"]), None), page["due_ns"]

    def _awaited(self, job_id: str | None, status: int | None, timeout_s: float) -> Delivery | None:
        found = super()._awaited(job_id, status, timeout_s)
        if found is not None or not self._fake.clock.held:
            return found
        # A clock that is only held has let callbacks fall due; who carries them over HTTP takes real time.
        return self._awaited_in_real_time(job_id, status, timeout_s)

    def _awaited_in_real_time(self, job_id: str | None, status: int | None, timeout_s: float) -> Delivery | None:
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
        return DELIVERY.read(self._fake._ask("POST", "webhooks/resend", {"number": delivery.number}))

    def _add_fault(self, rule: WebhookRule, account: str | None) -> None:
        self._fake._ask("POST", "webhooks/faults", {"faults": [WEBHOOK.write(rule)]}, account=account)

    def _check_source(self) -> None:
        # The server says whether it may.
        pass

    def _delivered(self, job_id: str | None, status: int | None, **query: Any) -> Any:
        word = None if status is None else Status(status).name.lower()
        return self._told(job=job_id, status=word, state=DeliveryState.DELIVERED, limit=1, **query)

    def _told(self, **query: Any) -> Any:
        return self._fake._ask("GET", "webhooks", **query)
