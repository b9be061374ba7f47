"""All admin routes: the tables of the resources, joined. The docs and the OpenAPI document are made from them."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from mock_akool.admin.parameters import SHARED_QUERY
from mock_akool.admin.resources import (
    accounts,
    calls,
    clock,
    documents,
    events,
    jobs,
    probes,
    scenarios,
    snapshot,
    state,
    webhooks,
)
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.serializers import ACCOUNT_SUMMARY, ACTIVE_RULE, CALL, DELIVERY, JOB, REFUSAL
from mock_akool.akool.scenarios.schema import FAULT, JOB_SCRIPT, RESULT, RULE, SCENARIO
from mock_akool.core.stages import STAGES
from mock_akool.core.webhook_faults import WEBHOOK, WEBHOOK_FAULT


def _openapi(request: AdminRequest) -> Any:
    return openapi_document()


@cache
def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document of both APIs."""
    from mock_akool.admin.openapi import document  # few ask for it

    return document(
        ROUTES,
        {
            "Scenario": SCENARIO.schema,
            "Rule": RULE.schema,
            "Fault": FAULT.schema,
            "JobScript": JOB_SCRIPT.schema,
            "Stages": STAGES.schema,
            "Result": RESULT.schema,
            "Webhook": WEBHOOK.schema,
            "WebhookFault": WEBHOOK_FAULT.schema,
            "Clock": clock.CLOCK,
            "Active": scenarios.ACTIVE,
            "ActiveRule": ACTIVE_RULE.schema,
            "Job": JOB.schema,
            "Account": ACCOUNT_SUMMARY.schema,
            "Call": CALL.schema,
            "Unreadable": REFUSAL.schema,
            "Delivery": DELIVERY.schema,
        },
    )


ROUTES: Final[Routes] = {
    **probes.ROUTES,
    **state.ROUTES,
    ("GET", "/_mock/openapi.json"): Route(
        "This API and the emulated one, as OpenAPI 3.1",
        _openapi,
        {"type": "object", "required": ["openapi"]},
        SHARED_QUERY,
    ),
    **jobs.ROUTES,
    **accounts.ROUTES,
    **documents.ROUTES,
    **scenarios.ROUTES,
    **clock.ROUTES,
    **webhooks.ROUTES,
    **calls.ROUTES,
    **events.ROUTES,
    **snapshot.ROUTES,
}
"""By method and path."""
