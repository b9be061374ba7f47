"""Hints about webhooks: how a request asks for them, and why one was not delivered (contract section 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from mock_akool.akool.deliveries import Delivery, DeliveryState
from mock_akool.akool.families import CREATES
from mock_akool.diagnostics.describe import describe_status
from mock_akool.diagnostics.hints.finding import Hint, fields_of
from mock_akool.diagnostics.observations import Observations

_UNACCEPTED: Final = (DeliveryState.WAITING, DeliveryState.GIVEN_UP, DeliveryState.DROPPED)
_ERRORS_SHOWN: Final = 3
_LIKE_IT: Final = re.compile(r"(?:web[-_]?hook|call[-_]?back)(?:[-_]?ur[il])?", re.IGNORECASE)
"""Other names for the field, as other APIs have them."""


def _spelling(seen: Observations) -> str | None:
    for call in seen.to(*CREATES):
        right = CREATES[call.endpoint].webhook_field
        fields = fields_of(call)
        wrong = next((name for name in fields if name != right and _LIKE_IT.fullmatch(name)), None)
        if wrong is not None and fields[wrong] and not right:
            return f"#{call.number} has `{wrong}`, which is ignored; {call.endpoint} sends no webhooks"
        if wrong is not None and fields[wrong] and not fields.get(right):
            return f"#{call.number} has `{wrong}`, which is ignored here; {call.endpoint} spells it `{right}`"
    return None


def _not_encrypted(seen: Observations) -> str | None:
    return _never_sent(seen, DeliveryState.NOT_ENCRYPTED)


def _address_refused(seen: Observations) -> str | None:
    return _never_sent(seen, DeliveryState.REFUSED)


def _never_sent(seen: Observations, state: DeliveryState) -> str | None:
    kinds = _by_error((each.error, each) for each in seen.deliveries if each.state is state)
    if not kinds:
        return None
    return "; ".join(f"no webhook of job {each.job_id} was sent: {error}" for error, each in kinds)


def _not_accepted(seen: Observations) -> str | None:
    # Of one that was dropped, since the fake was stopped, it counts how its last attempt went.
    kinds = _by_error(
        (each._replace(why="").error, each)
        for each in seen.deliveries
        if each.attempts and each.state in _UNACCEPTED and not each.fault
    )
    if not kinds:
        return None
    found = "; ".join(
        f"the webhook of job {each.job_id}, status {describe_status(each.status)}, was not accepted: {error}"
        for error, each in kinds
    )
    return f"{found}; only HTTP 200 counts, and after anything else the same body is sent again"


def _by_error(deliveries: Iterable[tuple[str, Delivery]]) -> list[tuple[str, Delivery]]:
    """Return the first delivery with each error, of the first few errors."""
    found: dict[str, Delivery] = {}
    for error, each in deliveries:
        found.setdefault(error, each)
    return list(found.items())[:_ERRORS_SHOWN]


HINTS: Final = (
    Hint(
        "webhook spelling",
        "spells the field of the webhook's URL otherwise, such as `webhookUrl` to v4, or `webhookurl` to v3",
        _spelling,
    ),
    Hint("webhook not encrypted", "asks for webhooks on an account whose clientSecret cannot encrypt", _not_encrypted),
    Hint(
        "webhook address refused",
        "asks for webhooks to an address that is neither local, nor private, nor allowed",
        _address_refused,
    ),
    Hint(
        "webhook not accepted",
        "has a receiver that answers a webhook with anything but HTTP 200, or not at all",
        _not_accepted,
    ),
)
