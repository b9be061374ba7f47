"""Records as JSON, in both directions.

A serializer is a table. Each field says once what it means, how it is written, its JSON Schema, and how it is read
back, so that what a server writes and what `MockAkool.connect` reads cannot differ.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar

from mock_akool.admin import schemas
from mock_akool.akool.accounts import Account, AccountSummary, credits_as_number, credits_of_number
from mock_akool.akool.deliveries import AttemptResult, Delivery, DeliveryState
from mock_akool.akool.families import CREATE_OF_INPUT, CREATES, family_of
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.schema import RESULT, RULE
from mock_akool.core.call_log import Call, Excerpt, Refusal
from mock_akool.core.durations import Duration
from mock_akool.core.http import Request, Response, Share, Termination, Transfer
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.schema import Schema, Shape
from mock_akool.core.stages import LIFE
from mock_akool.core.timeline import Change, Status, change_at
from mock_akool.core.urls import without_passwords
from mock_akool.core.webhook_faults import WEBHOOK, WEBHOOK_FAULT, ActiveWebhookRule

T = TypeVar("T")


class Value(NamedTuple):
    """A kind of value: its JSON Schema, how it is written, and how it is read back."""

    schema: Schema
    write: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda plain: plain


class Column(NamedTuple):
    """A field of a record's JSON: what it means, and what it is of a record at an instant in nanoseconds.

    `argument` is the argument of the record's maker that is read back from it; empty when it follows from others.
    """

    help: str
    value: Value
    of: Callable[[Any, int], Any]
    argument: str = ""
    is_reference: bool = False
    """Whether it only names a record, which whoever reads it must give."""


def kept(help: str, value: Value, attribute: str) -> Column:
    """Return the field for an attribute of the record."""
    get = attrgetter(attribute)
    return Column(help, value, lambda record, _: get(record), attribute)


def derived(help: str, value: Value, of: Callable[[Any, int], Any]) -> Column:
    """Return a field that follows from the record and the instant, and is not read back."""
    return Column(help, value, of)


def reference(help: str, value: Value, attribute: str, key: str) -> Column:
    """Return the field for a record that is written as its `key` only."""
    get = attrgetter(f"{attribute}.{key}")
    return Column(help, value, lambda record, _: get(record), attribute, is_reference=True)


class Serializer(Generic[T]):
    """How records of one kind are written as JSON and read back.

    `make` makes a record. `within` are records that are its attributes, whose fields stand among its own. `unwritten`
    are the arguments of `make` that JSON does not tell.
    """

    def __init__(
        self,
        make: Callable[..., T],
        columns: Mapping[str, Column],
        *,
        within: Mapping[str, Serializer[Any]] | None = None,
        unwritten: Iterable[str] = (),
    ) -> None:
        self.make = make
        self._own = dict(columns)
        self._within = dict(within or {})
        self.columns: dict[str, Column] = self._own | {
            name: column._replace(of=_through(attribute, column.of))
            for attribute, inner in self._within.items()
            for name, column in inner.columns.items()
        }
        self.schema: Schema = schemas.record(
            {name: (each.help, each.value.schema) for name, each in self.columns.items()}
        )
        self.arguments = {
            *(each.argument for each in self._own.values() if each.argument),
            *self._within,
            *unwritten,
        }
        """The arguments of `make`, so that a test can say that none is forgotten."""

    def write(self, record: T, now_ns: int) -> dict[str, Any]:
        """Return the record as plain data, as it is at an instant."""
        return {name: each.value.write(each.of(record, now_ns)) for name, each in self.columns.items()}

    def read(self, plain: Mapping[str, Any], **given: Any) -> T:
        """Return the record that was written so; `given` are the records that it names."""
        arguments = dict(given)
        for name, column in self._own.items():
            if column.argument and not column.is_reference:
                arguments[column.argument] = column.value.read(plain[name])
        for attribute, inner in self._within.items():
            arguments[attribute] = inner.read(plain)
        return self.make(**arguments)


def _through(attribute: str, of: Callable[[Any, int], Any]) -> Callable[[Any, int], Any]:
    get = attrgetter(attribute)
    return lambda record, now_ns: of(get(record), now_ns)


# Kinds of value


def shaped(shape: Shape) -> Value:
    """Return the kind of value that scenario files and parameters write in this way."""
    return Value(shape.schema, shape.write, lambda plain: shape.read(plain, ()))


def or_null(value: Value) -> Value:
    """Return the same kind of value, or null for None."""
    return Value(
        schemas.or_null(value.schema),
        lambda each: None if each is None else value.write(each),
        lambda plain: None if plain is None else value.read(plain),
    )


def listed(value: Value) -> Value:
    """Return the kind of value that is a tuple of these."""
    return Value(
        schemas.listed(value.schema),
        lambda found: [value.write(each) for each in found],
        lambda plain: tuple(value.read(each) for each in plain),
    )


def record_of(serializer: Serializer[Any]) -> Value:
    """Return the kind of value that is such a record."""
    return Value(serializer.schema, lambda record: serializer.write(record, 0), serializer.read)


def _write_bytes(raw: bytes) -> Any:
    if isinstance(raw, Excerpt):
        return {"base64": base64.b64encode(raw).decode(), "whole": raw.whole}
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def _write_sent(raw: bytes) -> Any:
    """Return what a client sent as JSON has it, without the passwords of the URLs in it."""
    if b"@" not in raw:
        return _write_bytes(raw)
    shown = without_passwords(raw.decode("latin-1")).encode("latin-1")
    return _write_bytes(Excerpt.make(shown, raw.whole) if isinstance(raw, Excerpt) else shown)


def _without_passwords(value: object) -> object:
    match value:
        case str():
            return without_passwords(value)
        case list() | tuple():
            return [_without_passwords(each) for each in value]
        case dict():
            return {key: _without_passwords(each) for key, each in value.items()}
        case _:
            return value


def _read_bytes(plain: Any) -> bytes:
    if isinstance(plain, str):
        return plain.encode()
    raw = base64.b64decode(plain["base64"])
    return raw if "whole" not in plain else Excerpt.make(raw, plain["whole"])


def _words(words: Mapping[str, Any]) -> Value:
    """Return the kind of value that is written as one of these words."""
    by_value = {value: word for word, value in words.items()}
    return Value({"enum": list(words)}, by_value.__getitem__, words.__getitem__)


TEXT: Final = Value(schemas.TEXT)
WHOLE: Final = Value(schemas.WHOLE)
NUMBER: Final = Value(schemas.NUMBER)
CREDITS: Final = Value(schemas.NUMBER, credits_as_number, credits_of_number)
FLAG: Final = Value(schemas.FLAG)
BYTES: Final = Value(
    {
        "anyOf": [
            schemas.TEXT,
            {
                "type": "object",
                "required": ["base64"],
                "properties": {"base64": schemas.TEXT, "whole": schemas.WHOLE},
            },
        ],
        "description": "text, or an object with base64 where the bytes are none, or were too many to keep: "
        "then it has their beginning, and `whole` is how many they were",
    },
    _write_bytes,
    _read_bytes,
)
_SENT: Final = BYTES._replace(write=_write_sent)
STATUS: Final = _words({status.word: status for status in Status})
_HEADERS: Final = Value({"type": "object", "additionalProperties": schemas.TEXT}, dict)
_HEADER_LIST: Final = _HEADERS._replace(read=lambda plain: tuple(plain.items()))
_LIFETIME: Final = Value(schemas.TEXT, lambda ns: str(Duration(ns)), lambda plain: Duration.of(plain).ns)


# Jobs

_INPUT: Final = Value(
    {"type": "object", "required": ["endpoint"], "properties": {"endpoint": schemas.TEXT}},
    lambda input: {
        "endpoint": CREATE_OF_INPUT[type(input)].endpoint,
        **{key: _without_passwords(each) for key, each in input._asdict().items()},
    },
    lambda plain: CREATES[plain["endpoint"]].input_type(
        **{key: each for key, each in plain.items() if key != "endpoint"}
    ),
)


def _change(job: Job, now_ns: int) -> Change:
    return change_at(job.timeline, job.created_ns, job.polls, now_ns)


JOB: Final = Serializer(
    Job,
    {
        "_id": kept("the job's `_id`", TEXT, "id"),
        "account": reference("the API key of its account", TEXT, "account", "api_key"),
        "number": kept("it is the account's n-th job", WHOLE, "number"),
        "status": derived("what a poll would see now", STATUS, lambda job, now_ns: _change(job, now_ns).status),
        "since_ns": derived(
            "since when it has this status, in epoch nanoseconds", WHOLE, lambda job, now_ns: _change(job, now_ns).at_ns
        ),
        "created_ns": kept("when it was created, in epoch nanoseconds", WHOLE, "created_ns"),
        "stages": kept("its whole life, as scenario files write it", shaped(LIFE), "timeline"),
        "result": kept("what is unusual about its result", or_null(shaped(RESULT)), "result"),
        "cost": kept("what it cost, in credits", CREDITS, "cost"),
        "request": kept("what was asked for", _INPUT, "input"),
        "origin": kept("the request whose prompt and scale its images show", _INPUT, "origin"),
        "endpoint": kept("the endpoint that created it", TEXT, "endpoint"),
        "family": derived("the family of jobs that it is of", TEXT, lambda job, _: family_of(job).name),
        "parent": kept("the `_id` of the job that it continues", or_null(TEXT), "parent_id"),
        "polls_ns": kept("when it was polled, where that counts", listed(WHOLE), "polls"),
        "used_buttons": kept("the buttons that were pressed", listed(TEXT), "used"),
        "job_script": kept("the job script that it follows", or_null(TEXT), "job_script"),
        "deleted_ns": kept("when its account deleted it by the API, or null", or_null(WHOLE), "deleted_ns"),
        "place": kept("its place in its batch, from 0", WHOLE, "place"),
        "stamp_ms": kept("the number that the names of its files begin with", WHOLE, "stamp_ms"),
        "file_base": kept("what the URLs of its files begin with", TEXT, "file_base"),
    },
)


# Accounts

ACCOUNT: Final = Serializer(
    Account,
    {
        "api_key": kept("the API key, which is the clientSecret", TEXT, "api_key"),
        "client_id": kept("the clientId", TEXT, "client_id"),
        "status": kept("active or banned", _words({"active": False, "banned": True}), "banned"),
        "token_lifetime": kept("how long its tokens live, such as 1h", _LIFETIME, "token_lifetime_ns"),
        "tokens_valid_from": kept("the epoch second before which its tokens are revoked", WHOLE, "valid_from_s"),
        "id": kept("the account's id in tokens", TEXT, "id"),
        "uid": kept("the account's uid in records", WHOLE, "uid"),
        "team_id": kept("the account's team_id in records", TEXT, "team_id"),
        "credential_id": kept("the credentialId in tokens", TEXT, "credential_id"),
    },
)
ACCOUNT_SUMMARY: Final = Serializer(
    AccountSummary,
    {
        "credits": kept("what it has left", CREDITS, "credits"),
        "spent": kept("what it paid, less refunds", CREDITS, "spent"),
        "jobs": kept("how many jobs it made", WHOLE, "jobs"),
    },
    within={"account": ACCOUNT},
)


# Calls

_SHARE: Final = Value(
    {
        "anyOf": [
            schemas.WHOLE,
            {"type": "object", "properties": {"fraction": schemas.NUMBER}, "required": ["fraction"]},
        ]
    },
    lambda share: {"fraction": share.fraction} if share.bytes is None else share.bytes,
    lambda plain: Share(fraction=plain["fraction"]) if isinstance(plain, dict) else Share(plain),
)
_TERMINATION: Final = _words({each.value: each for each in Termination})
_TRANSFER: Final = Serializer(
    Transfer,
    {
        "termination": kept("how the connection ended, when too early", or_null(_TERMINATION), "termination"),
        "sent": kept("how much of the body arrived before a cut: bytes, or a fraction", _SHARE, "sent"),
        "piece_bytes": kept("in pieces of how many bytes the body came; 0: at once", WHOLE, "piece_bytes"),
        "pause_ns": kept("how long the pause before each piece was", WHOLE, "pause_ns"),
    },
)
_REQUEST: Final = Serializer(
    Request,
    {
        "transport": kept("what carried the request in", TEXT, "transport"),
        "method": kept("the request's method", TEXT, "method"),
        "path": kept("the request's path", TEXT, "path"),
        "query": kept("the request's query, undecoded", TEXT, "query"),
        "headers": kept("the request's headers", _HEADERS, "headers"),
        "body": kept("the request's body; passwords in URLs are hidden", _SENT, "body"),
        "file_base": kept("what the URLs of files in the response begin with", TEXT, "file_base"),
    },
)


def _write_shown_job(shown: tuple[str, Status]) -> dict[str, Any]:
    job_id, status = shown
    return {"job": job_id, "status": STATUS.write(status)}


_SHOWN_JOB: Final = Value(
    {"type": "object", "required": ["job", "status"], "properties": {"job": schemas.TEXT, "status": STATUS.schema}},
    _write_shown_job,
    lambda plain: (plain["job"], STATUS.read(plain["status"])),
)
_RESPONSE: Final = Serializer(
    Response,
    {
        "http": kept("the response's HTTP status", WHOLE, "status"),
        "code": kept("the response's business code", or_null(WHOLE), "code"),
        "response_headers": kept("the response's headers", _HEADER_LIST, "headers"),
        "response_body": kept("the response's body; empty for a file; passwords in URLs are hidden", _SENT, "body"),
        "delay_ns": kept("how long the response was held back", WHOLE, "delay_ns"),
        "transfer": kept("how it travelled, if it did not simply arrive", or_null(record_of(_TRANSFER)), "transfer"),
        "account": kept("the API key of the account, where it is known", or_null(TEXT), "account"),
        "job": kept("the `_id` of the job that it was about", or_null(TEXT), "job_id"),
        "job_status": kept("the status that the caller was shown", or_null(STATUS), "job_status"),
        "also_shown": kept("the other jobs that the caller was shown", listed(_SHOWN_JOB), "also_shown"),
        "job_script": kept("the job script that the job follows", or_null(TEXT), "job_script"),
        "rule": kept("the rule that made the response what it is", or_null(TEXT), "rule"),
        "reason": kept(
            "why the request was refused: what was wrong with it and what would do", or_null(TEXT), "reason"
        ),
    },
    unwritten=(
        "media",
        "kept",
        "waiting",
        "download",
        "stream",
    ),  # what transports need of a response that is yet to be sent
)
CALL: Final = Serializer(
    Call,
    {
        "number": kept("counts all calls from 1", WHOLE, "number"),
        "time_ns": kept("when it came, in epoch nanoseconds", WHOLE, "time_ns"),
        "at": derived("when it came, in seconds since the fake's start or reset", NUMBER, lambda call, _: call.at),
        "start_ns": kept("when the fake was started or last reset, in epoch nanoseconds", WHOLE, "start_ns"),
        "endpoint": kept("the endpoint's name", TEXT, "endpoint"),
    },
    within={"request": _REQUEST, "response": _RESPONSE},
)
REFUSAL: Final = Serializer(
    Refusal,
    {
        "time_ns": kept("when it came, in epoch nanoseconds", WHOLE, "time_ns"),
        "client": kept("the client's address; empty on a Unix socket", TEXT, "peer"),
        "http": kept("the HTTP status that it was answered", WHOLE, "status"),
        "reason": kept("what was wrong with it, and what would do", TEXT, "why"),
        "start": kept("what it began with", BYTES, "start"),
    },
)


# Rules


def _active_rule(fired: int, **given: Any) -> ActiveRule:
    rule = ActiveRule(**given)
    rule.fired = fired
    return rule


ACTIVE_RULE: Final = Serializer(
    _active_rule,
    {
        "number": Column(
            "by which it can be removed; null for a rule of a scenario",
            Value(schemas.or_null(schemas.WHOLE), lambda number: number or None, lambda plain: plain or 0),
            lambda live, _: live.number,
            "number",
        ),
        "label": kept("what the call log calls it", TEXT, "label"),
        "fired": kept("how many calls it made go wrong", WHOLE, "fired"),
        "must_fire": derived("whether it must apply at least once", FLAG, lambda live, _: live.rule.must_fire),
        "rule": kept("the rule, as scenario files write it", shaped(RULE), "rule"),
    },
    unwritten=("after",),
)
ACTIVE_WEBHOOK_RULE: Final = Serializer(
    ActiveWebhookRule,
    {
        "label": kept("who added it: python, admin, or the scenario", TEXT, "label"),
        "applied": derived("how many webhooks it made go wrong", WHOLE, lambda live, _: sum(live.applied.values())),
        "rule": kept("which webhooks, and what goes wrong, as scenario files write it", shaped(WEBHOOK), "rule"),
    },
    unwritten=("owner",),
)


# Deliveries

_ATTEMPT: Final = Serializer(
    AttemptResult,
    {
        "started_ns": kept("when it began, in epoch nanoseconds", WHOLE, "started_ns"),
        "ended_ns": kept("when it was over, in epoch nanoseconds", WHOLE, "ended_ns"),
        "http": kept("the HTTP status that the receiver answered, or null", or_null(WHOLE), "status"),
        "error": kept("why there was no response, or empty text", TEXT, "error"),
        "collected": kept("whether nothing was sent, because nobody listens", FLAG, "collected"),
    },
)
DELIVERY: Final = Serializer(
    Delivery,
    {
        "number": kept("counts all deliveries from 1", WHOLE, "number"),
        "job": kept("the job's `_id`", TEXT, "job_id"),
        "account": kept("the API key of the job's account", TEXT, "account"),
        "client_id": kept("the clientId of the job's account", TEXT, "client_id"),
        "job_status": kept("the status that it reports", STATUS, "status"),
        "url": kept("where it goes", TEXT, "url"),
        "state": kept("what became of it", _words({each.value: each for each in DeliveryState}), "state"),
        "due_ns": kept("when it was to be sent first, in epoch nanoseconds", WHOLE, "due_ns"),
        "next_ns": kept("when the next attempt is made", or_null(WHOLE), "next_ns"),
        "start_ns": kept("when the fake was started or last reset, in epoch nanoseconds", WHOLE, "start_ns"),
        "payload": kept("what was encrypted; passwords in URLs are hidden", _SENT, "payload"),
        "body": kept("what each attempt sends, without its filler", BYTES, "body_start"),
        "client_id_is_invented": kept(
            "whether the fake made the clientId up, since nobody said it", FLAG, "client_id_is_invented"
        ),
        "filler_bytes": kept(
            "how many bytes of filler a fault adds to the body, in a field `extra` at its end", WHOLE, "filler_bytes"
        ),
        "attempts": kept("the attempts until now", listed(record_of(_ATTEMPT)), "attempts"),
        "error": derived("why it was not delivered, or empty text", TEXT, lambda each, _: each.error),
        "why": kept("the same where its attempts do not tell it, or empty text", TEXT, "why"),
        "fault": kept("what was made to go wrong with it", or_null(shaped(WEBHOOK_FAULT)), "fault"),
        "copy_of": kept("the number of the delivery that it repeats", or_null(WHOLE), "copy_of"),
    },
    unwritten=("credentials",),
)
