"""What the admin API tells of a fake's records: tables of fields, each with its help and its JSON Schema."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from mock_akool.akool.accounts import Account
from mock_akool.akool.deliveries import AttemptResult, Delivery, DeliveryState
from mock_akool.akool.endpoints import Endpoint
from mock_akool.akool.engine import Engine
from mock_akool.akool.families.image_button import PressButton
from mock_akool.akool.families.image_v3 import CreateV3
from mock_akool.akool.families.image_v4 import CreateV4
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.model import endpoint_of
from mock_akool.akool.scenarios.schema import RESULT, RULE
from mock_akool.akool.scenarios.stages import STAGES
from mock_akool.core.call_log import Call
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Request, Response, Termination, Transfer
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.schema import Schema
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WEBHOOK, WEBHOOK_FAULT, ActiveWebhookRule, WebhookFault

TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer"}
NUMBER: Final[Schema] = {"type": "number"}
FLAG: Final[Schema] = {"type": "boolean"}
STATUS: Final[Schema] = {"enum": ["queueing", "processing", "completed", "failed"]}


def or_null(schema: Schema) -> Schema:
    """Return the schema of the same value, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """Return the schema of a list of such values."""
    return {"type": "array", "items": schema}


def record(fields: Mapping[str, tuple[str, Schema]]) -> Schema:
    """Return the schema of an object which has all these fields, of which each has a help and a schema."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(fields),
        "properties": {name: {"description": help, **schema} for name, (help, schema) in fields.items()},
    }


def page(name: str, help: str, schema: Schema, *, by: str, **more: tuple[str, Schema]) -> Schema:
    """Return the schema of a list that comes in pages; `by` in the query chooses one."""
    return record(
        {
            name: (help, listed(schema)),
            "matched": ("how many there are, listed or not", WHOLE),
            "next": (f"what to give as `{by}` for the rest; null when that was all", or_null(WHOLE)),
            **more,
        }
    )


class Column(NamedTuple):
    """A field of what is told: its help, its schema, and what it is of a record at an instant."""

    help: str
    schema: Schema
    of: Callable[[Engine, Any, int], Any]


class View:
    """How records of one kind are told."""

    def __init__(self, **fields: Column) -> None:
        self.fields = fields
        self.schema = record({name: (field.help, field.schema) for name, field in fields.items()})
        self._parts = tuple((name, field.of) for name, field in fields.items())

    def of(self, engine: Engine, value: Any, now_ns: int) -> dict[str, Any]:
        """Return what is told of the record, as plain data."""
        return {name: part(engine, value, now_ns) for name, part in self._parts}


def spelled(instant_ns: int) -> str:
    """Write an instant in nanoseconds since the epoch as text, in UTC."""
    text = datetime.fromtimestamp(instant_ns // NS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{instant_ns % NS_PER_S // 1_000_000:03}Z"


def _request(engine: Engine, job: Job, now_ns: int) -> dict[str, Any]:
    return {"endpoint": str(endpoint_of(job.input)), **job.input._asdict()}


def _look(engine: Engine, job: Job, now_ns: int) -> dict[str, Any]:
    return {"endpoint": str(endpoint_of(job.look)), **job.look._asdict()}


_ASKED: Final[Schema] = {"type": "object", "required": ["endpoint"], "properties": {"endpoint": TEXT}}

JOB: Final = View(
    _id=Column("the job's `_id`", TEXT, lambda _, job, __: job.id),
    account=Column("the API key of its account", TEXT, lambda _, job, __: job.account.api_key),
    number=Column("it is the account's n-th job", WHOLE, lambda _, job, __: job.number),
    status=Column(
        "what a poll would see now", STATUS, lambda engine, job, now: engine.change_of(job, now).status.name.lower()
    ),
    since_ns=Column(
        "since when it has this status, in epoch nanoseconds",
        WHOLE,
        lambda engine, job, now: engine.change_of(job, now).at_ns,
    ),
    created_ns=Column("when it was created, in epoch nanoseconds", WHOLE, lambda _, job, __: job.created_ns),
    stages=Column(
        "its whole life, as scenario files write it", STAGES.schema, lambda _, job, __: STAGES.write(job.timeline)
    ),
    result=Column(
        "what is unusual about its result",
        or_null(RESULT.schema),
        lambda _, job, __: None if job.result is None else RESULT.write(job.result),
    ),
    cost=Column("what it cost, in credits", WHOLE, lambda _, job, __: job.cost),
    request=Column("what was asked for", _ASKED, _request),
    look=Column("the request whose prompt and scale its pictures show", _ASKED, _look),
    polls_ns=Column("when it was polled, where that counts", listed(WHOLE), lambda _, job, __: list(job.polls)),
    used_buttons=Column("the buttons that were pressed", listed(TEXT), lambda _, job, __: list(job.used_buttons)),
    entry=Column("the entry of a script that it follows", or_null(TEXT), lambda _, job, __: job.entry),
    place=Column("its place in its batch, from 0", WHOLE, lambda _, job, __: job.place),
    stamp_ms=Column("the number that the names of its files begin with", WHOLE, lambda _, job, __: job.stamp_ms),
    file_base=Column("where its files are seen", TEXT, lambda _, job, __: job.file_base),
)

ACCOUNT: Final = View(
    api_key=Column("the API key, which is the clientSecret", TEXT, lambda _, account, __: account.api_key),
    client_id=Column("the clientId", TEXT, lambda _, account, __: account.client_id),
    credits=Column("what it has left", WHOLE, lambda engine, account, now: engine.credits_of(account, now)),
    spent=Column("what it paid, refunds taken off", WHOLE, lambda engine, account, now: engine.spent_by(account, now)),
    status=Column(
        "active or banned",
        {"enum": ["active", "banned"]},
        lambda _, account, __: "banned" if account.banned else "active",
    ),
    token_lifetime=Column(
        "how long its tokens live, in seconds", NUMBER, lambda _, account, __: account.token_lifetime_ns / NS_PER_S
    ),
    tokens_valid_from=Column(
        "the epoch second before which its tokens are revoked", WHOLE, lambda _, account, __: account.valid_from_s
    ),
    jobs=Column("how many jobs it made", WHOLE, lambda engine, account, _: engine.jobs_made(account.api_key)),
    id=Column("the account's id in tokens", TEXT, lambda _, account, __: account.id),
    uid=Column("the account's uid in records", WHOLE, lambda _, account, __: account.uid),
    team_id=Column("the account's team_id in records", TEXT, lambda _, account, __: account.team_id),
    credential_id=Column("the credentialId in tokens", TEXT, lambda _, account, __: account.credential_id),
)


def _body(raw: bytes) -> Any:
    if not raw:
        return ""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


BODY: Final[Schema] = {
    "anyOf": [TEXT, {"type": "object", "required": ["base64"], "properties": {"base64": TEXT}}],
    "description": "text, or an object with base64 where the bytes are none",
}
HEADERS: Final[Schema] = {"type": "object", "additionalProperties": TEXT}


def _ends(_: Engine, response: Response, __: int) -> Any:
    ends = None if response.transfer is None else response.transfer.termination
    return None if ends is None else str(ends)


_ANSWERED: Final = {
    "http": Column("the answer's HTTP status", WHOLE, lambda _, response, __: response.status),
    "ends": Column(
        "how the connection ended, when the answer did not simply arrive",
        or_null({"enum": ["drop", "reset", "cut"]}),
        _ends,
    ),
    "code": Column(
        "the answer's business code",
        or_null(WHOLE),
        lambda _, response, __: None if response.code is None else int(response.code),
    ),
    "answer_headers": Column("the answer's headers", HEADERS, lambda _, response, __: dict(response.headers)),
    "answer": Column("the answer's body; empty for a picture", BODY, lambda _, response, __: _body(response.body)),
    "delay_ns": Column("how long the answer was held back", WHOLE, lambda _, response, __: response.delay_ns),
    "account": Column(
        "the API key of the account, where it is known", or_null(TEXT), lambda _, response, __: response.account
    ),
    "job": Column("the `_id` of the job that it was about", or_null(TEXT), lambda _, response, __: response.job_id),
    "job_status": Column(
        "the status that the caller was shown",
        or_null(STATUS),
        lambda _, response, __: None if response.job_status is None else response.job_status.name.lower(),
    ),
    "entry": Column(
        "the entry of a script that the job follows", or_null(TEXT), lambda _, response, __: response.entry
    ),
    "rule": Column("the rule that made the answer what it is", or_null(TEXT), lambda _, response, __: response.rule),
}
"""What is told of a Response."""


def _in_call(told: Column) -> Column:
    return told._replace(of=lambda engine, call, now_ns: told.of(engine, call.response, now_ns))


CALL: Final = View(
    number=Column("counts all calls from 1", WHOLE, lambda _, call, __: call.number),
    time_ns=Column("when it was asked, in epoch nanoseconds", WHOLE, lambda _, call, __: call.time_ns),
    at=Column("when it was asked, in seconds since the fake's start or reset", NUMBER, lambda _, call, __: call.at),
    endpoint=Column("the endpoint's name", TEXT, lambda _, call, __: str(call.endpoint)),
    transport=Column("the door that carried it in", TEXT, lambda _, call, __: call.transport),
    method=Column("the request's method", TEXT, lambda _, call, __: call.method),
    path=Column("the request's path", TEXT, lambda _, call, __: call.path),
    query=Column("the request's query, undecoded", TEXT, lambda _, call, __: call.query),
    headers=Column("the request's headers", HEADERS, lambda _, call, __: dict(call.headers)),
    body=Column("the request's body", BODY, lambda _, call, __: _body(call.body)),
    **{name: _in_call(told) for name, told in _ANSWERED.items()},
)


def _rule(_: Engine, live: ActiveRule, __: int) -> dict[str, Any]:
    written: dict[str, Any] = RULE.write(live.rule)
    return written


RULE_IN_FORCE: Final = View(
    number=Column(
        "by which it can be taken away; null for a rule of a scenario",
        or_null(WHOLE),
        lambda _, live, __: live.number or None,
    ),
    label=Column("what the journal calls it", TEXT, lambda _, live, __: live.label),
    fired=Column("how many calls it made go wrong", WHOLE, lambda _, live, __: live.fired),
    must_fire=Column("whether it is a mistake when it never fires", FLAG, lambda _, live, __: live.rule.must_fire),
    rule=Column("the rule, as scenario files write it", RULE.schema, _rule),
)


def _webhook(_: Engine, live: ActiveWebhookRule, __: int) -> dict[str, Any]:
    written: dict[str, Any] = WEBHOOK.write(live.rule)
    return written


WEBHOOK_IN_FORCE: Final = View(
    label=Column("who said it: python, control, or the scenario", TEXT, lambda _, live, __: live.label),
    applied=Column("how many callbacks it applied", WHOLE, lambda _, live, __: sum(live.applied.values())),
    rule=Column("which callbacks, and what goes wrong, as scenario files write it", WEBHOOK.schema, _webhook),
)


def _attempts(_: Engine, delivery: Delivery, __: int) -> Any:
    return [
        {"started_ns": each.started_ns, "ended_ns": each.ended_ns, "http": each.status, "error": each.error}
        for each in delivery.attempts
    ]


_ATTEMPT: Final = record(
    {
        "started_ns": ("when it was begun, in epoch nanoseconds", WHOLE),
        "ended_ns": ("when it was over, in epoch nanoseconds", WHOLE),
        "http": ("the HTTP status that the receiver answered, or null", or_null(WHOLE)),
        "error": ("why there was no answer, or empty text", TEXT),
    }
)
DELIVERY: Final = View(
    number=Column("counts all callbacks from 1", WHOLE, lambda _, each, __: each.number),
    job=Column("the job's `_id`", TEXT, lambda _, each, __: each.job_id),
    account=Column("the API key of the job's account", TEXT, lambda _, each, __: each.account),
    client_id=Column("the clientId of the job's account", TEXT, lambda _, each, __: each.client_id),
    job_status=Column("the status that it tells of", STATUS, lambda _, each, __: each.status.name.lower()),
    url=Column("where it goes", TEXT, lambda _, each, __: each.url),
    state=Column(
        "what became of it", {"enum": [str(state) for state in DeliveryState]}, lambda _, each, __: str(each.state)
    ),
    due_ns=Column("when it was to be sent first, in epoch nanoseconds", WHOLE, lambda _, each, __: each.due_ns),
    next_ns=Column("when it is tried next", or_null(WHOLE), lambda _, each, __: each.next_ns),
    start_ns=Column(
        "when the fake was started or last reset, in epoch nanoseconds", WHOLE, lambda _, each, __: each.start_ns
    ),
    payload=Column("what was encrypted", BODY, lambda _, each, __: _body(each.payload)),
    body=Column("what each try sends", BODY, lambda _, each, __: _body(each.body)),
    attempts=Column("the attempts until now", listed(_ATTEMPT), _attempts),
    error=Column("why it was not delivered, or empty text", TEXT, lambda _, each, __: each.error),
    why=Column("the same where its attempts do not tell it, or empty text", TEXT, lambda _, each, __: each.why),
    fault=Column(
        "what was made to go wrong with it",
        or_null(WEBHOOK_FAULT.schema),
        lambda _, each, __: None if each.fault is None else WEBHOOK_FAULT.write(each.fault),
    ),
    copy_of=Column("the number of the callback that it repeats", or_null(WHOLE), lambda _, each, __: each.copy_of),
)


STATUS_OF_WORD: Final = {status.name.lower(): status for status in Status}


_REQUESTS: Final[Mapping[str, Any]] = {
    Endpoint.CREATE_BY_PROMPT: CreateV3,
    Endpoint.CREATE_BY_SOURCE_PROMPT: CreateV4,
    Endpoint.CREATE_BY_BUTTON: PressButton,
}


def account_of(told: Mapping[str, Any]) -> Account:
    """Return the account that `views.ACCOUNT` tells of."""
    return Account(
        api_key=told["api_key"],
        client_id=told["client_id"],
        id=told["id"],
        uid=told["uid"],
        team_id=told["team_id"],
        credential_id=told["credential_id"],
        banned=told["status"] == "banned",
        token_lifetime_ns=round(told["token_lifetime"] * NS_PER_S),
        valid_from_s=told["tokens_valid_from"],
    )


def _request_of(told: Mapping[str, Any]) -> Any:
    given = dict(told)
    return _REQUESTS[given.pop("endpoint")](**given)


def job_of(told: Mapping[str, Any], accounts: Mapping[str, Account]) -> Job:
    """Return the job that `views.JOB` tells of; `accounts` are by API key."""
    return Job(
        id=told["_id"],
        account=accounts[told["account"]],
        input=_request_of(told["request"]),
        look=_request_of(told["look"]),
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
        _response(told, None if told["ends"] is None else Transfer(Termination(told["ends"]))),
        time_ns - round(told["at"] * NS_PER_S),
    )


def _response(told: Mapping[str, Any], transfer: Transfer | None) -> Response:
    return Response(
        told["http"],
        tuple(told["answer_headers"].items()),
        _bytes(told["answer"]),
        delay_ns=told["delay_ns"],
        code=told["code"],
        account=told["account"],
        job_id=told["job"],
        job_status=None if told["job_status"] is None else STATUS_OF_WORD[told["job_status"]],
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
        status=STATUS_OF_WORD[told["job_status"]],
        url=told["url"],
        due_ns=told["due_ns"],
        payload=_bytes(told["payload"]),
        body=_bytes(told["body"]),
        state=DeliveryState(told["state"]),
        start_ns=told["start_ns"],
        attempts=tuple(
            AttemptResult(each["started_ns"], each["ended_ns"], each["http"], each["error"])
            for each in told["attempts"]
        ),
        next_ns=told["next_ns"],
        why=told["why"],
        fault=None if told["fault"] is None else WebhookFault.of(told["fault"]),
        copy_of=told["copy_of"],
    )
