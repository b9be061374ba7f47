"""The records of webhooks: what is sent for a job's change of status, how each attempt went, and what became of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from mock_akool.core.http import shortened
from mock_akool.core.text import printable
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WebhookFault

_RECORD_BYTES: Final = 1_000
_PATH_SHOWN: Final = 100
_SAID_OF_SIGNATURES: Final = (400, 401, 403, 422)
"""What receivers answer to a webhook whose signature or body they cannot verify."""
_RAISED_OF_SIGNATURES: Final = "the receiver raised SignatureError"
"""How the error begins when a receiver in this process lets `open_envelope` raise."""
_ASKED_OF: Final = {404: " (does your app have this route?)", 405: " (does this route take POST?)"}


class DeliveryState(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"
    """It will be attempted, or attempted again, or an attempt is under way."""
    DELIVERED = "delivered"
    """The receiver answered with HTTP 200, or it was only collected, as nobody listens."""
    GIVEN_UP = "given up"
    """All attempts failed."""
    REFUSED = "refused"
    """It may go nowhere: the URL cannot be called, or the address policy does not allow its host."""
    NOT_ENCRYPTED = "not encrypted"
    """The account's clientSecret cannot encrypt."""
    LOST = "lost"
    """A fault lost it."""
    DROPPED = "dropped"
    """The fake stopped before it was delivered."""


class AttemptResult(NamedTuple):
    """How one attempt to deliver went: the HTTP `status` that the receiver answered, or the `error` if there is none.

    `collected`: nothing was sent, because nobody listens; it counts as answered with HTTP 200.
    Instants are in nanoseconds since the epoch.
    """

    started_ns: int
    ended_ns: int
    status: int | None = None
    error: str = ""
    collected: bool = False

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_ns - self.started_ns) / 1_000_000_000


class Draft(NamedTuple):
    """What the body of a webhook is made of."""

    payload: bytes
    client_id: str
    client_secret: str
    timestamp_ms: int
    nonce: str
    fault: WebhookFault | None = None


class Delivery(NamedTuple):
    """One sending of a webhook.

    `number` counts from 1; `status` is the job's, even where a fault lets the payload say another. `payload` is what
    was encrypted, `body_start` what each attempt sends, but for the `filler_bytes` that a fault adds. `due_ns` is when
    it is due first, `next_ns` when it is attempted next. `copy_of` is the number of the delivery that it repeats. `why`
    says why it was not delivered, where its attempts do not. `client_id_is_invented`: nobody ever said the `client_id`,
    so the fake made it up. `credentials` are the user and password of the URL, which does not show the password.
    """

    number: int
    job_id: str
    account: str
    client_id: str
    status: Status
    url: str
    due_ns: int
    payload: bytes
    body_start: bytes
    state: DeliveryState
    start_ns: int
    attempts: tuple[AttemptResult, ...] = ()
    next_ns: int | None = None
    why: str = ""
    fault: WebhookFault | None = None
    copy_of: int | None = None
    filler_bytes: int = 0
    client_id_is_invented: bool = False
    credentials: str = ""

    @property
    def body(self) -> bytes:
        """The exact bytes that each attempt sends."""
        # Not kept: its filler may be 64 MiB, of each of many deliveries.
        return filled(self.body_start, self.filler_bytes)

    @property
    def size(self) -> int:
        """About how many bytes it costs to keep it."""
        sent = len(self.payload) + len(self.body_start) + len(self.url) + len(self.why)
        return _RECORD_BYTES + sent + sum(_RECORD_BYTES // 4 + len(each.error) for each in self.attempts)

    @property
    def at(self) -> float:
        """When it was due first, in seconds since the fake was made or last reset."""
        return (self.due_ns - self.start_ns) / 1_000_000_000

    @property
    def json(self) -> dict[str, Any]:
        """The payload: `_id`, `status`, `type`, and at status 3 `url`."""
        payload: dict[str, Any] = json.loads(self.payload)
        return payload

    @property
    def envelope(self) -> Any:
        """The body read as JSON, or None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def delivered(self) -> bool:
        """Whether the receiver answered with HTTP 200, or it was only collected."""
        return self.state is DeliveryState.DELIVERED

    @property
    def collected(self) -> bool:
        """Whether nothing was sent, because nobody listens: it was only collected, and counts as delivered."""
        return bool(self.attempts) and self.attempts[-1].collected

    @property
    def outcome(self) -> str:
        """What became of it, for people: its state, and whether it was only collected."""
        return f"{self.state} (only collected)" if self.collected else str(self.state)

    @property
    def answer(self) -> int | None:
        """The HTTP status of the last attempt's answer, or None when there was none."""
        return self.attempts[-1].status if self.attempts else None

    @property
    def may_be_unverifiable(self) -> bool:
        """Whether the receiver refused it and perhaps could not verify it, as nobody had said the clientId."""
        if not (self.client_id_is_invented and self.attempts):
            return False
        return self.answer in _SAID_OF_SIGNATURES or self.attempts[-1].error.startswith(_RAISED_OF_SIGNATURES)

    @property
    def error(self) -> str:
        """Why it was not delivered, as far as is known; empty when it was."""
        if self.delivered:
            return ""
        if self.why or not self.attempts:
            return self.why
        last = self.attempts[-1]
        found = last.error or f"POST {_path_of(self.url)} answered {last.status}{_ASKED_OF.get(last.status or 0, '')}"
        if not self.may_be_unverifiable:
            return found
        return (
            f"{found}; it was sealed with the clientId {self.client_id}, which the fake made up, as the account has "
            "none listed: list it with a `client_id`, call getToken once with its own, or give the receiver "
            "`akool_mock.accounts[0].client_id`"
        )

    def __repr__(self) -> str:
        attempts = f" after {len(self.attempts)} attempts" if len(self.attempts) > 1 else ""
        return (
            f"<Delivery {self.number} of job {self.job_id} status={self.status.word} to {printable(self.url)} "
            f"account={shortened(self.account)} {self.outcome}{attempts}>"
        )


def _path_of(url: str) -> str:
    """Return the path of a URL to which a webhook was sent, without the query, which may hold a secret."""
    return printable(urlsplit(url).path or "/", _PATH_SHOWN)


def filled(body: bytes, count: int) -> bytes:
    """Return a body, which is a JSON object, with a field `extra` of so many bytes at its end."""
    return b"".join(filled_pieces(body, count, max(1, filled_size(body, count))))


def filled_size(body: bytes, count: int) -> int:
    """Return how many bytes `filled` returns."""
    return len(body) + count + len(_FILLER_NAME) + 1 if count else len(body)


def filled_pieces(body: bytes, count: int, size: int) -> Iterator[bytes]:
    """Yield what `filled` returns in pieces of `size` bytes, at least 1, and never more of it than that at once."""
    start, end = (body[:-1] + _FILLER_NAME, b'"}') if count else (body, b"")
    end_at = len(start) + count
    for at in range(0, end_at + len(end), size):
        to = at + size
        filler = max(0, min(to, end_at) - max(at, len(start)))
        yield start[at:to] + b"x" * filler + end[max(0, at - end_at) : max(0, to - end_at)]


_FILLER_NAME: Final = b',"extra":"'


class CancelToken:
    """Permission to send the bytes of one attempt. Once it is cancelled, no further byte is sent by any thread."""

    __slots__ = ("_cancelled", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False

    def cancel(self) -> None:
        """Allow no further byte; returns when no thread is sending any more."""
        with self._lock:
            self._cancelled = True

    @contextmanager
    def permission(self) -> Iterator[None]:
        """Send within this block; raises ConnectionAbortedError when the attempt was cancelled."""
        with self._lock:
            if self._cancelled:
                raise ConnectionAbortedError("the webhook was cancelled")
            yield


class Attempt(NamedTuple):
    """An attempt that is under way: the delivery, and the token by which it can be cancelled."""

    delivery: Delivery
    cancel_token: CancelToken
