"""How a person writes a scenario: the tables that read it from plain data, write it again, and describe it to editors.

The plain data are those of a file, or of a dict in Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mock_akool.akool.accounts import AccountScript
from mock_akool.akool.codes import Profile
from mock_akool.akool.endpoints import (
    CREATES,
    ENDPOINTS,
    FILE,
    _read_endpoints,
    _write_endpoints,
)
from mock_akool.akool.overrides import MISSING, Missing, ResultOverride
from mock_akool.akool.scenarios.model import JobScript, Scenario, When
from mock_akool.akool.scenarios.stages import _SPAN_SCHEMA, _STATUS, STAGES
from mock_akool.akool.settings import AccountSpec, Limits
from mock_akool.core import faults
from mock_akool.core.durations import FOREVER, Span
from mock_akool.core.errors import ScenarioError
from mock_akool.core.faults import DURATION
from mock_akool.core.rules import Rule
from mock_akool.core.schema import (
    FLAG,
    ONE_JOB,
    TEXT,
    Field,
    Listed,
    Plain,
    Record,
    Schema,
    number,
    one_of,
    whole,
)
from mock_akool.core.webhook_faults import WEBHOOK

FAULT: Final = faults.FAULT.having(
    code=faults.FAULT.fields["code"]._replace(
        shape=whole(1001, 9999, "a business code other than that of success, 1001 to 9999, such as 1108")
    )
)
"""A fault as a person writes it for a request to Akool."""


def _read_creates(value: Any) -> tuple[str, ...]:
    endpoints = _read_endpoints(value)
    if not set(endpoints) <= set(CREATES):
        raise ValueError(value)
    return endpoints


def _read_image(value: Any) -> str | Missing:
    if value is MISSING or value == MISSING.value:
        return MISSING
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _read_texts(value: Any) -> tuple[str, ...] | Missing:
    if value is MISSING or value == MISSING.value:
        return MISSING
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise TypeError(value)
    return tuple(value)


def _write_texts(value: tuple[str, ...] | Missing) -> Any:
    return value.value if isinstance(value, Missing) else list(value)


def _texts(what: str) -> Plain:
    texts: Schema = {"type": "array", "items": {"type": "string"}}
    return Plain(
        f"a list of {what}, which may be empty, or 'missing'",
        _read_texts,
        {"anyOf": [texts, {"const": "missing"}]},
        _write_texts,
    )


RESULT: Final = Record(
    "result",
    ResultOverride,
    {
        "image": Field(
            Plain(
                "a URL or other text, or 'missing'",
                _read_image,
                {"type": "string"},
                lambda value: value.value if isinstance(value, Missing) else value,
            ),
            "what the record says as `image`; missing: it has no such key",
        ),
        "upscaled_urls": Field(_texts("URLs"), "what the record says as `upscaled_urls`; missing: it has no such key"),
        "buttons": Field(_texts("buttons"), "what the record says as `buttons`; missing: it has no such key"),
        "files": Field(FAULT, "what goes wrong with every download of the job's files"),
    },
)
WHEN: Final = Record(
    "when",
    When,
    {
        "endpoint": Field(
            Plain(
                "createbyprompt, createBySourcePrompt or createbybutton, or a list of these",
                _read_creates,
                {"anyOf": [{"enum": [*CREATES, "create"]}, {"type": "array", "items": {"enum": [*CREATES]}}]},
                _write_endpoints,
            ),
            "what created the job",
        ),
        "prompt": Field(TEXT, "a pattern with * and ? for the prompt"),
        "scale": Field(TEXT, "a pattern for the scale"),
        "model_name": Field(TEXT, "a pattern for a v4 job's model_name"),
        "account": Field(TEXT, "a pattern for the account's API key"),
    },
)
JOB_SCRIPT: Final = Record(
    "job",
    JobScript,
    {
        "when": Field(WHEN, "which jobs are meant; such entries are tried first"),
        "times": Field(whole(1, 1_000_000), "how many jobs it is for, for each account by itself"),
        "stages": Field(STAGES, "the job's life; without it, what the settings say", attribute="timeline"),
        "result": Field(RESULT, "what is unusual about its result"),
    },
)
_LIMITS: Final = Record(
    "limits",
    Limits,
    {
        "requests_per_second": Field(
            number(0, 1e9, "a number above 0", above=True), "more requests of an account within a second get 1005"
        ),
        "concurrent_jobs": Field(whole(0, 10**9), "more unfinished jobs of an account get 1005"),
    },
)
_BANNED: Final = {"active": False, "banned": True}
_ACCOUNT_STATUS: Final = Plain(
    "active or banned",
    lambda value: _chosen(_BANNED, value),
    {"enum": [*_BANNED]},
    lambda banned: "banned" if banned else "active",
)
_ACCOUNT: Final = Record(
    "account",
    AccountScript,
    {
        "credits": Field(whole(0, 10**12), "the credits of each account that no list describes"),
        "status": Field(_ACCOUNT_STATUS, "active or banned", attribute="banned"),
        "token_lifetime": Field(DURATION, "how long tokens live"),
    },
)
ACCOUNT_SPEC: Final = Record(
    "listed account",
    lambda **given: _account(**given),
    {
        "api_key": Field(TEXT, "the API key"),
        "client_id": Field(TEXT, "the clientId"),
        "credits": Field(whole(0, 10**12), "what it has to spend"),
        "status": Field(_ACCOUNT_STATUS, "active or banned", attribute="banned"),
        "token_lifetime": Field(DURATION, "how long its tokens live"),
    },
    needed=("api_key",),
)


def _account(**given: Any) -> AccountSpec:
    if not given["api_key"]:
        raise ScenarioError("the api_key is empty", "It is the API key")
    return AccountSpec(**given)


def _chosen(words: Mapping[str, Any], value: Any) -> Any:
    if not isinstance(value, str) or value not in words:
        raise ValueError(value)
    return words[value]


def _read_during(value: Any) -> tuple[Span, Span]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(value)
    begin, end = map(Span.of, value)
    if begin.ns is None or (end.ns is None and end != FOREVER):
        raise ValueError(value)
    if end.ns is not None and end.ns <= begin.ns:
        raise ScenarioError("it ends before it begins")
    return begin, end


_ON_COUNT: Final = whole(1, 1_000_000_000)
PER: Final = ("account", "job", "all")
RULE: Final = Record(
    "rule",
    lambda **given: _rule(**given),
    {
        "name": Field(TEXT, "what the journal and error messages call it", ""),
        "on": Field(ENDPOINTS, "which requests; `create` are the three creates, `any` is all, files included"),
        "account": Field(TEXT, "a pattern with * and ? for the account's API key"),
        "prompt": Field(TEXT, "a pattern for the prompt of the job that it is about"),
        "job": Field(
            ONE_JOB,
            "the account's n-th job, or the job with this _id",
        ),
        "status": Field(
            Plain(
                "queueing, processing, completed or failed",
                lambda value: _chosen(_STATUS, value),
                {"enum": list(_STATUS)},
                lambda status: status.name.lower(),
            ),
            "what status the job has at that time",
        ),
        "during": Field(
            Plain(
                "two times since the start such as [10s, 40s] or [10s, forever]",
                _read_during,
                {
                    "type": "array",
                    "items": {"type": _SPAN_SCHEMA["type"]},
                    "minItems": 2,
                    "maxItems": 2,
                    "examples": [["10s", "40s"], ["10s", "forever"]],
                },
                lambda during: [str(each) for each in during],
            ),
            "from when to when, counted from the start or the last reset of the fake, or from when a key or a prompt "
            "named the scenario",
        ),
        "nth": Field(Listed(_ON_COUNT, lone=True, least=1), "the n-th of these calls, or several such numbers", ()),
        "first": Field(_ON_COUNT, "the first so many of these calls"),
        "every": Field(_ON_COUNT, "each n-th of these calls"),
        "after": Field(whole(0, 1_000_000_000), "leaves out so many calls at the beginning", 0),
        "probability": Field(number(0, 1, "a number from 0 (never) to 1 (always)"), "by lot, drawn from the seed"),
        "per": Field(
            one_of(PER),
            "whose calls are counted together: each account's, each job's (of creates: all tries at one job), or all",
            "account",
        ),
        "optional": Field(FLAG, "it is no mistake when this rule never fires", False),
        "fault": Field(FAULT, "what goes wrong"),
    },
    needed=("on", "fault"),
)


def _rule(**given: Any) -> Rule:
    rule = Rule(**given)
    if rule.fault.file is not None and rule.on != (FILE,):
        raise ScenarioError("a fault `file` is for `on: file` only", "Write `on: file`, or take another fault")
    return rule


def _check(scenario: Scenario) -> None:
    for name in ("api_key", "client_id"):
        given = [getattr(spec, name) for spec in scenario.accounts if getattr(spec, name) is not None]
        if len(set(given)) < len(given):
            raise ScenarioError(f"two accounts have the same {name}", "Give each its own", ("accounts",))


SCENARIO: Final = Record(
    "scenario",
    Scenario,
    {
        "description": Field(TEXT, "what it imitates", ""),
        "advice": Field(TEXT, "what a robust client should do", ""),
        "seed": Field(whole(-(2**63), 2**63 - 1), "what every id, picture and draw follows from"),
        "profile": Field(
            Plain("observed or documented", Profile, {"enum": [each.value for each in Profile]}, str),
            "the truth to follow where the vendor's page and observation differ",
        ),
        "account": Field(_ACCOUNT, "what the accounts are like that no list describes", AccountScript()),
        "accounts": Field(
            Listed(ACCOUNT_SPEC), "the accounts that exist; then no others do (as with the setting strict)", ()
        ),
        "jobs": Field(
            Listed(JOB_SCRIPT),
            "what becomes of jobs: a script for each that is created, in order; the last one repeats",
            (),
        ),
        "rules": Field(Listed(RULE), "which requests go wrong; the first rule that fires wins", ()),
        "limits": Field(_LIMITS, "when an account gets 1005", Limits()),
        "webhooks": Field(Listed(WEBHOOK), "which callbacks go wrong; the first entry that fits counts", ()),
    },
    check=_check,
)
"""A scenario as a person writes it."""


def spelled(said: Mapping[str, Any]) -> str:
    """Write what is said of a rule, without its fault, as Python would: `on('infobymodelid').nth(2)`."""
    words = [f"on({said['on']!r})"]
    for name, value in said.items():
        if name not in ("on", "name", "fault"):
            arguments = value if isinstance(value, list) else [] if value is True else [value]
            words.append(f"{name}({', '.join(map(repr, arguments))})")
    return ".".join(words)


def label_of(rule: Rule) -> str:
    """Return what the journal calls a rule that was added by itself: its name, or how Python would write it."""
    return rule.name or f"{spelled(RULE.write(rule))}.respond({rule.fault})"


def read_scenario(value: Any, name: str = "") -> Scenario:
    """Return the scenario of a mapping with the keys of a scenario file; ScenarioError says where it is wrong.

    `name` is what the journal calls it.
    """
    if isinstance(value, Scenario):
        return value
    scenario: Scenario = SCENARIO.read(value, ())
    return replace(scenario, name=name)


def write_scenario(scenario: Scenario) -> dict[str, Any]:
    """Return the plain data that is read as this scenario."""
    plain: dict[str, Any] = SCENARIO.write(scenario)
    return plain


def json_schema() -> Schema:
    """Return the JSON Schema (2020-12) of scenario files, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mock-akool scenario",
        **SCENARIO.schema,
    }
