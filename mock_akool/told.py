"""From what the control API tells to the records that it tells of: the inverse of `control.views`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from mock_akool.core.clock import NS_PER_S
from mock_akool.core.codes import Endpoint, Status
from mock_akool.core.deliveries import Delivery, DeliveryState, Try
from mock_akool.core.models import (
    Account,
    Call,
    CreateV3,
    CreateV4,
    Ends,
    Job,
    PressButton,
    Request,
    Response,
    Share,
    Transfer,
)
from mock_akool.core.scenario_shapes import RESULT, STAGES
from mock_akool.core.webhook_faults import WebhookFault

STATUS: Final = {status.name.lower(): status for status in Status}
_REQUESTS: Final[Mapping[str, Any]] = {
    Endpoint.CREATE_BY_PROMPT: CreateV3,
    Endpoint.CREATE_BY_SOURCE_PROMPT: CreateV4,
    Endpoint.CREATE_BY_BUTTON: PressButton,
}


def account_of(told: Mapping[str, Any]) -> Account:
    """Return the account that `views.ACCOUNT` tells of."""
    return Account(
        api_key=told["client_secret"],
        client_id=told["client_id"],
        id=told["id"],
        uid=told["uid"],
        team_id=told["team_id"],
        credential_id=told["credential_id"],
        banned=told["status"] == "banned",
        token_lifetime_ns=round(told["token_lifetime"] * NS_PER_S),
        valid_from_s=told["tokens_valid_from"],
    )


def _request(told: Mapping[str, Any]) -> Any:
    given = dict(told)
    return _REQUESTS[given.pop("endpoint")](**given)


def job_of(told: Mapping[str, Any], accounts: Mapping[str, Account]) -> Job:
    """Return the job that `views.JOB` tells of; `accounts` are by API key."""
    return Job(
        id=told["_id"],
        account=accounts[told["account"]],
        input=_request(told["request"]),
        look=_request(told["look"]),
        created_ns=told["created_ns"],
        cost=told["cost"],
        timeline=STAGES.read(told["stages"], ()),
        stamp_ms=told["stamp_ms"],
        file_base=told["file_base"],
        place=told["place"],
        polls=tuple(told["polls_ns"]),
        used_buttons=tuple(told["used_buttons"]),
        number=told["number"],
        entry=told["entry"],
        result=None if told["result"] is None else RESULT.read(told["result"], ()),
    )


def _bytes(told: Any) -> bytes:
    return told.encode() if isinstance(told, str) else base64.b64decode(told["base64"])


def exchange_of(told: Mapping[str, Any]) -> Call:
    """Return the line of the journal that `views.CALL` tells of; of its transfer only how it ended is known."""
    request = Request(
        told["method"], told["path"], told["query"], told["headers"], _bytes(told["body"]), "", told["transport"]
    )
    time_ns = told["time_ns"]
    return Call(
        told["number"],
        time_ns,
        Endpoint(told["endpoint"]),
        request,
        _response(told, None if told["ends"] is None else Transfer(Ends(told["ends"]))),
        time_ns - round(told["at"] * NS_PER_S),
    )


def reply_of(told: Mapping[str, Any]) -> Response:
    """Return the Response that `views.ANSWER` tells of, with its whole body."""
    ends = None if told["ends"] is None else Ends(told["ends"])
    transfer = Transfer(ends, Share(told["sent_bytes"]), told["piece_bytes"], told["pause_ns"])
    return _response(told, transfer if ends is not None or told["piece_bytes"] else None)


def _response(told: Mapping[str, Any], transfer: Transfer | None) -> Response:
    return Response(
        told["http"],
        tuple(told["answer_headers"].items()),
        _bytes(told["answer"]),
        delay_ns=told["delay_ns"],
        code=told["code"],
        account=told["account"],
        job_id=told["job"],
        job_status=None if told["job_status"] is None else STATUS[told["job_status"]],
        transfer=transfer,
        entry=told["entry"],
        rule=told["rule"],
    )


def delivery_of(told: Mapping[str, Any]) -> Delivery:
    """Return the record of a callback."""
    return Delivery(
        number=told["number"],
        job_id=told["job"],
        account=told["account"],
        client_id=told["client_id"],
        status=STATUS[told["job_status"]],
        url=told["url"],
        due_ns=told["due_ns"],
        payload=_bytes(told["payload"]),
        body=_bytes(told["body"]),
        state=DeliveryState(told["state"]),
        start_ns=told["start_ns"],
        tries=tuple(Try(each["started_ns"], each["ended_ns"], each["http"], each["error"]) for each in told["tries"]),
        next_ns=told["next_ns"],
        why=told["why"],
        fault=None if told["fault"] is None else WebhookFault.of(told["fault"]),
        copy_of=told["copy_of"],
    )
