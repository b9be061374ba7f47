"""The records of callbacks: what is sent for a job's change of status, its tries, and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from mock_akool.core.http import shortened
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WebhookFault


class DeliveryState(StrEnum):
    """What became of a callback."""

    WAITING = "waiting"
    """It is to be tried, or tried again, or is under way."""
    DELIVERED = "delivered"
    """The receiver answered with HTTP 200."""
    GIVEN_UP = "given up"
    """All tries failed."""
    REFUSED = "refused"
    """The guard let it go nowhere: the address is neither of this machine nor private, nor allowed."""
    NOT_SEALED = "not sealed"
    """The account's clientSecret cannot encrypt."""
    LOST = "lost"
    """A fault let it go astray."""
    DROPPED = "dropped"
    """The fake stopped before it was delivered."""


class Try(NamedTuple):
    """One try to deliver: the HTTP `status` that the receiver answered, or the `error` for which there is no answer."""

    started_ns: int
    ended_ns: int
    status: int | None = None
    error: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_ns - self.started_ns) / 1_000_000_000


class Draft(NamedTuple):
    """What the body of a callback is made of."""

    payload: bytes
    client_id: str
    client_secret: str
    timestamp_ms: int
    nonce: str
    fault: WebhookFault | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One callback. `number` counts from 1; `status` is the job's, even where a fault lets the payload say another.

    `payload` is what was encrypted, `body` the exact bytes that each try sends. `due_ns` is when it was to be sent
    first, `next_ns` when it is tried next. `copy_of` is the number of the delivery that it repeats. `why` says why it
    was not delivered, where its tries do not.
    """

    number: int
    job_id: str
    account: str
    client_id: str
    status: Status
    url: str
    due_ns: int
    payload: bytes
    body: bytes
    state: DeliveryState
    start_ns: int
    tries: tuple[Try, ...] = ()
    next_ns: int | None = None
    why: str = ""
    fault: WebhookFault | None = None
    copy_of: int | None = None

    @property
    def at(self) -> float:
        """When it was to be sent first, in seconds since the fake was made or last reset."""
        return (self.due_ns - self.start_ns) / 1_000_000_000

    @property
    def json(self) -> dict[str, Any]:
        """The payload: `_id`, `status`, `type`, and at status 3 `url`."""
        payload: dict[str, Any] = json.loads(self.payload)
        return payload

    @property
    def envelope(self) -> Any:
        """What the body says as JSON, or None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def delivered(self) -> bool:
        """Whether the receiver answered with HTTP 200."""
        return self.state is DeliveryState.DELIVERED

    @property
    def answer(self) -> int | None:
        """The HTTP status of the last try's answer, or None when there was none."""
        return self.tries[-1].status if self.tries else None

    @property
    def error(self) -> str:
        """Why it was not delivered, as far as is known; empty when it was."""
        if self.delivered:
            return ""
        if self.why or not self.tries:
            return self.why
        return self.tries[-1].error or f"the receiver answered with HTTP {self.tries[-1].status}"

    def __repr__(self) -> str:
        tries = f" after {len(self.tries)} tries" if len(self.tries) > 1 else ""
        return (
            f"<Delivery {self.number} of job {self.job_id} status={int(self.status)} to {self.url} "
            f"account={shortened(self.account)} {self.state}{tries}>"
        )
