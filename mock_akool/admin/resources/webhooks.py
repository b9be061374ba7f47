"""Webhooks: their deliveries, their faults, and how they are sent."""

from __future__ import annotations

from typing import Any, Final

from mock_akool.admin import long_poll
from mock_akool.admin.parameters import ACCOUNT, ACCOUNT_QUERY, LIMIT, OWN_ACCOUNT, account_of_query, body, query
from mock_akool.admin.resources.scenarios import check_source
from mock_akool.admin.responses import AdminError, page_of
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import TEXT, WHOLE, listed, or_null, page, record
from mock_akool.admin.serializers import DELIVERY
from mock_akool.akool.deliveries import Delivery, DeliveryState
from mock_akool.core.schema import TEXT as A_TEXT
from mock_akool.core.schema import Field, Listed, one_of, whole
from mock_akool.core.webhook_faults import WEBHOOK, WEBHOOK_STATUS, WebhookRule

_WAYS: Final = ("http", "collect", "start")
_WAYS_HELP: Final = (
    "http sends them to their URLs; collect sends nothing and counts them as delivered; start is as it was when the "
    "server started, or for an account as for everybody"
)


def list_deliveries(request: AdminRequest) -> Any:
    """List deliveries, in the order they fell due."""
    found = _deliveries(request)
    shown = page_of(found, request.given["limit"], lambda each: _written(request, each))
    return {
        "webhooks": shown,
        "matched": len(found),
        "next": found[len(shown.items) - 1].number if len(shown.items) < len(found) else None,
        "due_ns": request.engine.outbox.next_ns_of(request.account),
    }


def _deliveries(request: AdminRequest) -> list[Delivery]:
    given = request.given
    return [
        each
        for each in request.engine.outbox.entries(request.account)
        if given["job"] in (None, each.job_id)
        and given["status"] in (None, each.status)
        and given["state"] in (None, each.state)
        and each.number > given["after"]
    ]


class DeliveryCounter:
    """How many deliveries there are that a caller waits for."""

    what = "webhooks"

    def __init__(self, request: AdminRequest) -> None:
        self._request = request
        self._outbox = request.engine.outbox
        self._seen: int | None = None

    @property
    def hint(self) -> str:
        """Where to look when they did not come."""
        if self._request.given["state"] is None:
            return "GET /_mock/webhooks without at_least lists those that came, each with its `state` and `error`"
        return "GET /_mock/webhooks without `state` and at_least lists the others too, with their `error`"

    def has_news(self) -> bool:
        """Return whether anything became of a delivery, after what nobody else sends was sent."""
        self._request.fake.carry_in_passing()
        return self._outbox.edition != self._seen

    def count(self) -> int:
        """Return how many there are now."""
        self._seen = self._outbox.edition
        return len(_deliveries(self._request))


def resend(request: AdminRequest) -> Any:
    """Send the body of a delivery again."""
    engine, number = request.engine, request.given["number"]
    original = engine.outbox.entry(number)
    if original is None or request.account not in (None, original.account):
        raise AdminError(404, f"there is no delivery #{number}", "GET /_mock/webhooks lists them")
    copy = engine.outbox.resend(number, request.now_ns)
    if copy is None:
        raise AdminError(
            409, f"delivery #{number} cannot be sent again: it is {original.state}", "It could not be encrypted"
        )
    request.fake.carry_due()
    return _written(request, engine.outbox.entry(copy.number) or copy)


def add_faults(request: AdminRequest) -> Any:
    """Make webhooks fail from now on."""
    check_source(request)
    faults: tuple[WebhookRule, ...] = request.given["faults"]
    for rule in faults:
        request.scenarios.add_webhook_rule(rule, "admin", request.account)
    return {"faults": [WEBHOOK.write(rule) for rule in faults]}


def set_sending(request: AdminRequest) -> Any:
    """Send webhooks another way from now on."""
    request.fake.carry_by(request.given["by"], request.account)
    return {"by": request.given["by"], "account": request.account}


def _written(request: AdminRequest, delivery: Delivery) -> dict[str, Any]:
    return DELIVERY.write(delivery, request.now_ns)


ROUTES: Final[Routes] = {
    ("GET", "/_mock/webhooks"): Route(
        "List webhook deliveries, in the order they fell due, or wait for them",
        list_deliveries,
        page(
            "webhooks",
            "the deliveries",
            DELIVERY.schema,
            by="after",
            due_ns=("when the next one falls due, in epoch nanoseconds, if that is known", or_null(WHOLE)),
        ),
        query(
            account=account_of_query(),
            job=Field(A_TEXT, "the job's `_id`"),
            status=Field(WEBHOOK_STATUS, "the status of the job that they report"),
            state=Field(one_of(map(str, DeliveryState)), "what became of them"),
            after=Field(whole(0, 2**53), "the number of a delivery; only later ones are listed", 0),
            limit=LIMIT,
            at_least=long_poll.AT_LEAST,
            timeout=long_poll.TIMEOUT,
            beside=long_poll.BESIDE,
        ),
        carries=True,
        counter=DeliveryCounter,
    ),
    ("POST", "/_mock/webhooks/faults"): Route(
        "Make the next webhooks fail; these faults go before those of scenarios",
        add_faults,
        record({"faults": ("what was added, as in a scenario file's `webhooks`", listed(WEBHOOK.schema))}),
        ACCOUNT_QUERY,
        body(
            account=ACCOUNT,
            faults=Field(Listed(WEBHOOK, least=1), "entries as in a scenario's `webhooks`"),
            needed=("faults",),
        ),
        status=201,
    ),
    ("POST", "/_mock/webhooks/sending"): Route(
        "Choose how webhooks are sent from now on",
        set_sending,
        record(
            {
                "by": ("how they are sent", one_of(_WAYS).schema),
                "account": ("of which account; null for all that have no choice of their own", or_null(TEXT)),
            }
        ),
        ACCOUNT_QUERY,
        body(account=ACCOUNT, by=Field(one_of(_WAYS), _WAYS_HELP), needed=("by",)),
    ),
    ("POST", "/_mock/webhooks/resend"): Route(
        "Send the body of a delivery again; answers with the new delivery",
        resend,
        DELIVERY.schema,
        ACCOUNT_QUERY,
        body(account=OWN_ACCOUNT, number=Field(whole(1, 2**53), "the delivery's number"), needed=("number",)),
        status=201,
    ),
}
