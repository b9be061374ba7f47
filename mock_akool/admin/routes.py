"""The table of control routes: the only place that knows them. The docs and the OpenAPI document are made from it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, Final

from mock_akool.admin import handlers
from mock_akool.admin import long_poll as waiting
from mock_akool.admin import serializers as views
from mock_akool.admin.openapi import document
from mock_akool.admin.routing import ACCOUNT, SCOPE, Asked, Route, account, account_of_query, takes
from mock_akool.admin.serializers import listed, or_null, record
from mock_akool.akool.codes import CDN_URL
from mock_akool.akool.deliveries import DeliveryState
from mock_akool.akool.endpoints import CREATES, ENDPOINTS
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.akool.scenarios.schema import ACCOUNT_SPEC, JOB, RESULT, RULE, SCENARIO
from mock_akool.akool.scenarios.stages import STAGES
from mock_akool.core.faults import DURATION, FAULT
from mock_akool.core.options import BASE_URL
from mock_akool.core.schema import FLAG, TEXT, Field, Listed, Place, Plain, Schema, number, one_of, whole
from mock_akool.core.webhook_faults import TOLD, WEBHOOK, WEBHOOK_FAULT

_MOST_CALLS: Final = 10_000
_MOST_S: Final = 10 * 366 * 86_400
_LIMIT: Final = Field(whole(1, _MOST_CALLS), "how many to show at most", 500)
_SECONDS: Final = number(0, _MOST_S, f"a number of seconds from 0 to {_MOST_S:,}")
_WAYS: Final = ("http", "collect", "start")
_SENDING_HELP: Final = (
    "http sends them to their URLs; collect calls nobody, and counts them as taken; start is as when the server "
    "started, or for an account as for everybody"
)
_WORDS: Final = ("queueing", "processing", "completed", "failed")


_TOLD_SCENARIO: Final = record(
    {
        "name": ("its name, or empty text", views.TEXT),
        "scenario": ("what it says, as a file does", SCENARIO.schema),
    }
)


class _Scenarios:
    """Names of scenarios, what a scenario file says, or that with a name, as it is told.

    Files are not read for those who ask over HTTP.
    """

    wants = "the name of a scenario, several with commas, a scenario, or a list of these"
    _one_of: ClassVar[list[Schema]] = [{"type": "string"}, SCENARIO.schema, _TOLD_SCENARIO]
    schema: ClassVar[Schema] = {"anyOf": [*_one_of, {"type": "array", "items": {"anyOf": _one_of}}]}

    def read(self, value: Any, place: Place) -> tuple[Scenario, ...]:
        """Return the scenarios."""
        if isinstance(value, str):
            value = [each.strip() for each in value.split(",")]  # as everywhere where names are written
        if isinstance(value, (list, tuple)):
            return tuple(self._one(each, (*place, number)) for number, each in enumerate(value))
        return (self._one(value, place),)

    def _one(self, value: Any, place: Place) -> Scenario:
        from mock_akool.scenario_library.library import named

        if isinstance(value, str):
            return named(value)
        if isinstance(value, dict) and value.keys() == {"name", "scenario"}:
            scenario: Scenario = SCENARIO.read(value["scenario"], (*place, "scenario"))
            return replace(scenario, name=TEXT.read(value["name"], (*place, "name")))
        read: Scenario = SCENARIO.read(value, place)
        return read

    def write(self, value: tuple[Scenario, ...]) -> Any:
        """Return the plain list."""
        return [SCENARIO.write(each) for each in value]


_SCENARIO: Final = _Scenarios()
_REQUEST: Final = Plain("an object", dict, {"type": "object"})

_TOKEN: Final = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"


def _read_method(value: Any) -> str:
    if not isinstance(value, str) or not re.match(_TOKEN, value):
        raise ValueError(value)
    return value


def _read_path(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "?" in value:
        raise ValueError(value)
    return value


def _read_query(value: Any) -> str:
    # JavaScript's URL.search begins with what is no part of it.
    return str(TEXT.read(value, ())).removeprefix("?")


def _read_headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError(value)
    return value


def _read_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, dict) or list(value) != ["base64"]:
        raise ValueError(value)
    return base64.b64decode(value["base64"], validate=True)


_METHOD: Final = Plain("a method such as GET", _read_method, {"type": "string", "pattern": _TOKEN})
_PATH: Final = Plain("a path, without a query", _read_path, {"type": "string", "pattern": r"^/[^?]*$"})
_QUERY: Final = Plain("a text", _read_query, {"type": "string"})
_FILE_BASE: Final = Plain(BASE_URL.wants, BASE_URL.read, {"type": "string"})
_HEADERS: Final = Plain("an object of texts", _read_headers, views.HEADERS)
_BYTES: Final = Plain('a text, or {"base64": …}', _read_bytes, views.BODY)

_CLOCK: Final = record(
    {
        "now_ns": ("the instant, in epoch nanoseconds", views.WHOLE),
        "now": ("the same as text, in UTC", views.TEXT),
        "frozen": ("whether it stands still", views.FLAG),
        "speed": ("how many of its seconds pass in one of the machine's", views.NUMBER),
        "virtual": ("whether it moves only when it is moved, and cannot be let run", views.FLAG),
    }
)
_JOBS: Final = record({"jobs": ("the jobs", listed(views.JOB.schema))})


def _page(name: str, help: str, schema: Schema, *, by: str, **more: tuple[str, Schema]) -> Schema:
    """Return the schema of a list that is told in pages, of which `by` in the query chooses one."""
    return record(
        {
            name: (help, listed(schema)),
            "matched": ("how many there are, shown or not", views.WHOLE),
            "next": (f"what to give as `{by}` for the rest; null when that was all", or_null(views.WHOLE)),
            **more,
        }
    )


_SET_UP: Final[Mapping[str, tuple[str, Schema]]] = {
    "profile": ("observed or documented", views.TEXT),
    "seed": ("what ids, pictures and draws follow from", views.WHOLE),
    "strict": ("whether only the listed accounts exist", views.FLAG),
    "max_body_bytes": (
        "the longest body of a request to the emulated API that is read; that of a control call may be twice as long, "
        "and 64 KiB more",
        views.WHOLE,
    ),
}
_IN_FORCE: Final = record(
    {
        "scenarios": (
            "the scenarios that are in force",
            listed(_TOLD_SCENARIO),
        ),
        "rules": ("all rules that are in force, as they are tried", listed(views.RULE_IN_FORCE.schema)),
        "webhooks": ("all faults of callbacks, as they are tried", listed(views.WEBHOOK_IN_FORCE.schema)),
        "planned": ("for how many next jobs there is a plan", views.WHOLE),
    }
)
_OWN: Final = account("the API key of the account")
_SCOPE_OF_BODY: Final = takes("body", account=ACCOUNT)
_SHARED: Final = "an API key, which changes nothing: this is the same for all accounts"
"""Tests add their account to each call, and a route that minds it would be one more thing to know."""
_OF_ALL: Final = takes("query", account=account_of_query(_SHARED))
_OF_ALL_IN_BODY: Final = takes("body", account=account(_SHARED))
_ASKS: Final = "an API key, sent as x-api-key when the headers have neither x-api-key nor authorization"
_WHOSE: Final = "with until: the API key of the account whose jobs or callbacks count"
_FAILURE: Final = takes(
    "body",
    account=ACCOUNT,
    reasons=Field(Listed(TEXT), "the record's error_reasons; a general one when there is none", ()),
    refund=Field(FLAG, "whether the credits are given back", False),
)


def _openapi(asked: Asked) -> Any:
    return _document()


@cache
def _document() -> dict[str, Any]:
    return document(
        ROUTES,
        {
            "Scenario": SCENARIO.schema,
            "Rule": RULE.schema,
            "Fault": FAULT.schema,
            "JobEntry": JOB.schema,
            "Stages": STAGES.schema,
            "Result": RESULT.schema,
            "Webhook": WEBHOOK.schema,
            "WebhookFault": WEBHOOK_FAULT.schema,
            "Clock": _CLOCK,
            "InForce": _IN_FORCE,
            "ActiveRule": views.RULE_IN_FORCE.schema,
            "Job": views.JOB.schema,
            "Account": views.ACCOUNT.schema,
            "Call": views.CALL.schema,
            "Answer": views.ANSWER.schema,
            "Delivery": views.DELIVERY.schema,
        },
    )


ROUTES: Final[dict[tuple[str, str], Route]] = {
    ("GET", "/_mock/health"): Route(
        "tell that the fake is there; nobody is refused",
        handlers.health,
        record(
            {
                "status": ("ok", {"const": "ok"}),
                "name": ("mock-akool", {"const": "mock-akool"}),
                "version": ("the version", views.TEXT),
            }
        ),
        _OF_ALL,
    ),
    ("GET", "/_mock/ready"): Route(
        "tell how the fake is set up; nobody is refused",
        handlers.ready,
        record({"ready": ("true", {"const": True}), **_SET_UP}),
        _OF_ALL,
    ),
    ("GET", "/_mock/openapi.json"): Route(
        "this API and the emulated one as OpenAPI 3.1", _openapi, {"type": "object", "required": ["openapi"]}, _OF_ALL
    ),
    ("GET", "/_mock/state"): Route(
        "tell how things stand",
        handlers.state,
        record(
            {
                "version": ("the version", views.TEXT),
                **_SET_UP,
                "started_ns": ("when the fake was started or last reset, in epoch nanoseconds", views.WHOLE),
                "clock": ("the clock", _CLOCK),
                "accounts": ("how many accounts there are", views.WHOLE),
                "jobs": ("how many jobs there are, by status", record({word: (word, views.WHOLE) for word in _WORDS})),
                "calls": ("how many calls there were; of an account, how many are kept", views.WHOLE),
                "sending": ("how callbacks are sent", {"enum": ["http", "collect", "call"]}),
                "awaited": ("whether a client has something to wait for: a job, a callback, another try", views.FLAG),
                "credits_spent": ("what was paid, refunds taken off", views.WHOLE),
            }
        ),
        SCOPE,
    ),
    ("GET", "/_mock/report"): Route(
        "explain to somebody whose test failed what the client did: jobs, last calls, hints at mistakes",
        handlers.report,
        record(
            {
                "calls": ("of how many calls it tells", views.WHOLE),
                "report": ("the explanation, in lines", views.TEXT),
                "hints": ("the hints by themselves", listed(views.TEXT)),
            }
        ),
        takes(
            "query",
            account=account_of_query(),
            holds_clock=Field(FLAG, "the caller lets the clock stand still, so that this need not be told", False),
        ),
        needs_lock=False,
    ),
    ("POST", "/_mock/reset"): Route(
        "forget jobs, calls, scenarios, plans and spent credits: of one account, which is then as it was made, or of "
        "all, and the accounts that were added too; the clock of a server then shows the machine's time",
        handlers.reset,
        record({"reset": ("the API key, or everybody", views.TEXT)}),
        SCOPE,
        _SCOPE_OF_BODY,
    ),
    # Jobs
    ("GET", "/_mock/jobs"): Route(
        "list jobs in the order of their creation",
        handlers.jobs,
        _page(
            "jobs",
            "the jobs",
            views.JOB.schema,
            by="offset",
        ),
        takes(
            "query",
            account=account_of_query(),
            status=Field(one_of(_WORDS), "the status that they have now"),
            offset=Field(whole(0, 10**9), "how many to leave out at the beginning", 0),
            limit=_LIMIT,
        ),
    ),
    ("POST", "/_mock/jobs"): Route(
        "make a job with a history; it is charged as any other",
        handlers.create_job,
        _JOBS,
        SCOPE,
        takes(
            "body",
            account=_OWN,
            endpoint=Field(
                Plain(
                    "createbyprompt, createBySourcePrompt or createbybutton",
                    lambda value: _one_create(value),
                    {"enum": [each.value for each in CREATES]},
                ),
                "what it is as if created by",
                (CREATES[0],),
            ),
            request=Field(_REQUEST, "the body of that request", {"prompt": "a picture"}),
            stages=Field(STAGES, "its whole life; without it, what the settings and scenarios say"),
            result=Field(RESULT, "what is unusual about its result"),
            elapsed=Field(DURATION, "how long ago it was created", DURATION.read(0, ())),
            polls=Field(whole(0, 10_000), "how often it was polled since, where stages count that", 0),
        ),
        status=201,
    ),
    ("GET", "/_mock/jobs/{job}"): Route("tell of one job", handlers.one_job, views.JOB.schema, SCOPE),
    ("POST", "/_mock/jobs/{job}/complete"): Route(
        "let a job be completed from now on", handlers.complete, views.JOB.schema, SCOPE, _SCOPE_OF_BODY
    ),
    ("POST", "/_mock/jobs/{job}/fail"): Route(
        "let a job have failed from now on", handlers.fail, views.JOB.schema, SCOPE, _FAILURE
    ),
    ("POST", "/_mock/jobs/{job}/stall"): Route(
        "let a job stay for ever at the status that it has", handlers.stall, views.JOB.schema, SCOPE, _SCOPE_OF_BODY
    ),
    ("DELETE", "/_mock/jobs/{job}"): Route(
        "forget a job; what it cost stays paid", handlers.delete_job, views.JOB.schema, SCOPE
    ),
    # Accounts
    ("GET", "/_mock/accounts"): Route(
        "list the accounts",
        handlers.accounts,
        record({"accounts": ("the accounts", listed(views.ACCOUNT.schema))}),
        SCOPE,
    ),
    ("POST", "/_mock/accounts"): Route(
        "make an account",
        handlers.add_account,
        views.ACCOUNT.schema,
        takes(
            "query",
            account=account_of_query("the API key, if the body has no client_secret", attribute="client_secret"),
        ),
        takes("body", needed=(), **ACCOUNT_SPEC.fields),
        status=201,
    ),
    ("POST", "/_mock/accounts/credits"): Route(
        "say how many credits an account has, or give it more",
        handlers.set_credits,
        views.ACCOUNT.schema,
        SCOPE,
        takes(
            "body",
            account=_OWN,
            credits=Field(whole(0, 10**12), "how many it has from now on"),
            add=Field(whole(-(10**12), 10**12), "how many more it has; below 0 it has fewer, but never below 0"),
        ),
    ),
    ("POST", "/_mock/accounts/ban"): Route(
        "ban an account, or let it be active again",
        handlers.ban,
        views.ACCOUNT.schema,
        SCOPE,
        takes("body", account=_OWN, banned=Field(FLAG, "false: it is active again", True)),
    ),
    ("POST", "/_mock/accounts/expire-tokens"): Route(
        "let all tokens of an account be expired that were issued until now",
        handlers.expire_tokens,
        views.ACCOUNT.schema,
        SCOPE,
        takes("body", account=_OWN),
    ),
    # Scenarios
    ("GET", "/_mock/scenario"): Route(
        "tell what is in force for everybody, or for one account in particular", handlers.scenario, _IN_FORCE, SCOPE
    ),
    ("PUT", "/_mock/scenario"): Route(
        "put scenarios in force from now on, instead of those that were and of added rules and faults of callbacks, "
        "and plans for next jobs",
        handlers.put_scenario,
        _IN_FORCE,
        SCOPE,
        takes("body", account=ACCOUNT, scenario=Field(_SCENARIO, "the scenario, or several"), needed=("scenario",)),
    ),
    ("DELETE", "/_mock/scenario"): Route(
        "take scenarios, added rules and faults of callbacks, and plans for next jobs away",
        handlers.clear_scenario,
        _IN_FORCE,
        SCOPE,
    ),
    ("GET", "/_mock/scenario/library"): Route(
        "list the named scenarios, any of which can be put in force; they are the same for all accounts",
        handlers.library,
        record(
            {
                "scenarios": (
                    "the scenarios",
                    listed(
                        record(
                            {
                                "name": ("its name", views.TEXT),
                                "description": ("what it imitates", views.TEXT),
                                "advice": ("what a robust client should do", views.TEXT),
                            }
                        )
                    ),
                )
            }
        ),
        _OF_ALL,
        needs_lock=False,  # they are read from files
    ),
    ("POST", "/_mock/scenario/rules"): Route(
        "put more rules in force, before those of scenarios",
        handlers.add_rules,
        record({"rules": ("the rules that were added", listed(views.RULE_IN_FORCE.schema))}),
        SCOPE,
        takes(
            "body", account=ACCOUNT, rules=Field(Listed(RULE, least=1), "the rules, as in a file"), needed=("rules",)
        ),
        status=201,
    ),
    ("DELETE", "/_mock/scenario/rules"): Route(
        "take a rule away that was added",
        handlers.remove_rule,
        views.RULE_IN_FORCE.schema,
        takes(
            "query",
            account=account_of_query("the API key of the account whose rule it is; without it one of everybody's"),
            rule=Field(whole(1, 2**53), "the rule's number"),
            needed=("rule",),
        ),
    ),
    ("GET", "/_mock/scenario/unused"): Route(
        "tell which rules never fired though they should have, and why; without an account those of all accounts too",
        handlers.unused_rules,
        record(
            {
                "rules": (
                    "the rules",
                    listed(
                        record(
                            {
                                "label": ("what the journal calls it", views.TEXT),
                                "why": ("why, in lines", views.TEXT),
                                "number": ("by which it can be taken away, or null", or_null(views.WHOLE)),
                            }
                        )
                    ),
                )
            }
        ),
        SCOPE,
    ),
    ("POST", "/_mock/scenario/jobs"): Route(
        "say what becomes of the next jobs, one after the other",
        handlers.plan_jobs,
        record({"planned": ("for how many next jobs there is a plan", views.WHOLE)}),
        SCOPE,
        takes(
            "body",
            account=ACCOUNT,
            jobs=Field(Listed(JOB, least=1), "entries as a scenario's `jobs`, without `when`"),
            needed=("jobs",),
        ),
        status=201,
    ),
    # The clock
    ("GET", "/_mock/clock"): Route(
        "tell what the clock shows, which is everybody's", handlers.clock, _CLOCK, _OF_ALL, needs_lock=False
    ),
    ("POST", "/_mock/clock/freeze"): Route(
        "let the clock stand still", handlers.freeze, _CLOCK, _OF_ALL, _OF_ALL_IN_BODY, needs_lock=False
    ),
    ("POST", "/_mock/clock/resume"): Route(
        "let the clock run on as the machine's does",
        handlers.resume,
        _CLOCK,
        _OF_ALL,
        _OF_ALL_IN_BODY,
        needs_lock=False,
    ),
    ("POST", "/_mock/clock/speed"): Route(
        "let the clock run faster or slower",
        handlers.set_speed,
        _CLOCK,
        _OF_ALL,
        takes(
            "body",
            account=account(_SHARED),
            factor=Field(
                number(0, 1_000_000, "a number from 0 to 1,000,000"), "how many of its seconds pass in one second"
            ),
            needed=("factor",),
        ),
        needs_lock=False,
    ),
    ("POST", "/_mock/clock/advance"): Route(
        "move the clock on; it is everybody's",
        handlers.advance,
        _CLOCK,
        takes("query", account=account_of_query(_WHOSE)),
        takes(
            "body",
            account=account(_WHOSE),
            seconds=Field(_SECONDS, "by how much"),
            until=Field(
                one_of(("idle", "callback")),
                "idle: to where nothing changes any more by time alone; callback: to where the next one, or the next "
                "try of one, falls due, if there is one to come",
            ),
            to_ns=Field(
                whole(0, 2**63 - 1),
                "to this instant, in epoch nanoseconds; one that is past moves nothing. It is more than JavaScript's "
                "numbers hold exactly",
            ),
        ),
        needs_lock=False,
    ),
    # Callbacks
    ("GET", "/_mock/webhooks"): Route(
        "list the callbacks, in the order they fell due, or wait for what becomes of them",
        handlers.webhooks,
        _page(
            "webhooks",
            "the callbacks",
            views.DELIVERY.schema,
            by="after",
            due_ns=("when the next one falls due, in epoch nanoseconds, if that is known", or_null(views.WHOLE)),
        ),
        takes(
            "query",
            account=account_of_query(),
            job=Field(TEXT, "the job's `_id`"),
            status=Field(TOLD, "the status of the job that they tell of"),
            state=Field(one_of(map(str, DeliveryState)), "what became of them"),
            after=Field(whole(0, 2**53), "the number of a callback, of which only later ones are meant", 0),
            limit=_LIMIT,
            at_least=waiting.AT_LEAST,
            timeout=waiting.TIMEOUT,
            check=waiting.check_wait,
        ),
        carries=True,
        counting=handlers.CountedDeliveries,
    ),
    ("POST", "/_mock/webhooks/faults"): Route(
        "let faults befall the next callbacks, before those of scenarios",
        handlers.add_faults,
        record({"faults": ("what was added, as in a scenario file's `webhooks`", listed(WEBHOOK.schema))}),
        SCOPE,
        takes(
            "body",
            account=ACCOUNT,
            faults=Field(Listed(WEBHOOK, least=1), "entries as a scenario's `webhooks`"),
            needed=("faults",),
        ),
        status=201,
    ),
    ("POST", "/_mock/webhooks/sending"): Route(
        "say how callbacks are sent from now on",
        handlers.set_sending,
        record(
            {
                "by": ("how they are sent", one_of(_WAYS).schema),
                "account": ("of which account; null for all without a way of their own", or_null(views.TEXT)),
            }
        ),
        SCOPE,
        takes(
            "body",
            account=ACCOUNT,
            by=Field(one_of(_WAYS), _SENDING_HELP),
            needed=("by",),
        ),
    ),
    ("POST", "/_mock/webhooks/resend"): Route(
        "send the body of a callback again; tells of the new one",
        handlers.resend,
        views.DELIVERY.schema,
        SCOPE,
        takes(
            "body",
            account=_OWN,
            number=Field(whole(1, 2**53), "the callback's number"),
            needed=("number",),
        ),
        status=201,
        needs_lock=False,
    ),
    # The emulated API
    ("POST", "/_mock/answer"): Route(
        "answer a request to the emulated API as data: its delay and the end of its connection are told, and not done",
        handlers.answer,
        views.ANSWER.schema,
        takes("query", account=account_of_query(_ASKS)),
        takes(
            "body",
            account=account(_ASKS),
            method=Field(_METHOD, "the request's method"),
            path=Field(_PATH, "its path, such as /api/open/v3/faceswap/quota/info"),
            query=Field(_QUERY, "its query, undecoded, with a ? before it or without", ""),
            headers=Field(_HEADERS, "its headers", {}),
            body=Field(_BYTES, "its body", b""),
            file_base=Field(_FILE_BASE, "what picture URLs begin with", CDN_URL),
            transport=Field(TEXT, "what the journal calls the door that carried it in", "control"),
            needed=("method", "path"),
        ),
        needs_lock=False,
    ),
    # The journal
    ("GET", "/_mock/calls"): Route(
        "list what was asked and answered, oldest first, or wait for it",
        handlers.calls,
        _page(
            "calls",
            "the calls",
            views.CALL.schema,
            by="after",
            dropped=(
                "how many calls, of whomever, the journal does not keep any more, see --journal-size",
                views.WHOLE,
            ),
        ),
        takes(
            "query",
            account=account_of_query("the API key of the account, also of calls that were refused before it was known"),
            endpoint=Field(
                ENDPOINTS,
                "an endpoint as the journal names it, or create, api, any; several are written with commas, or one by "
                "one as endpoint=…&endpoint=…",
            ),
            job=Field(TEXT, "the `_id` of the job that they were about"),
            code=Field(whole(0, 10**6), "the business code of the answer"),
            http=Field(whole(0, 999), "the HTTP status of the answer; 0 when there was none"),
            rule=Field(TEXT, "the rule, or a part of its name, that made the answer what it is"),
            since=Field(_SECONDS, "seconds since the fake's start or reset, from when on"),
            until=Field(_SECONDS, "seconds since the fake's start or reset, before when"),
            after=Field(whole(0, 2**53), "the number of a call, of which only later ones are meant", 0),
            limit=_LIMIT,
            at_least=waiting.AT_LEAST,
            timeout=waiting.TIMEOUT,
            check=waiting.check_wait,
        ),
        counting=handlers.CountedCalls,
    ),
}
"""Method and path, and what answers."""


def _one_create(value: Any) -> Any:
    found = ENDPOINTS.read(value, ())
    if len(found) != 1 or found[0] not in CREATES:
        raise ValueError(value)
    return found
