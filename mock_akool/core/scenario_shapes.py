"""How a person writes a scenario: the tables that read it from plain data, write it again, and describe it to editors.

The plain data are those of a file, or of a dict in Python.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final, NamedTuple

from mock_akool.core.behaviour import AccountSpec
from mock_akool.core.codes import Endpoint, Profile, Status
from mock_akool.core.errors import ScenarioError
from mock_akool.core.faults import DURATION, FAULT
from mock_akool.core.models import MISSING, Missing
from mock_akool.core.scenario import (
    CREATES,
    ENDPOINT_NAMES,
    GROUPS,
    AccountScript,
    JobScript,
    Limits,
    Result,
    Rule,
    Scenario,
    When,
)
from mock_akool.core.shapes import (
    FLAG,
    ONE_JOB,
    TEXT,
    Field,
    Listed,
    Place,
    Plain,
    Record,
    Schema,
    Shape,
    number,
    one_of,
    shown,
    unknown_key,
    whole,
)
from mock_akool.core.timeline import COMPLETED, FOREVER, Ending, Span, Stage, Timeline, failed
from mock_akool.core.webhook_faults import WEBHOOK


def _read_endpoints(value: Any) -> tuple[Endpoint, ...]:
    words = value if isinstance(value, (list, tuple)) else [value]
    if not words:
        raise ValueError(value)
    found: list[Endpoint] = []
    for word in words:
        known: dict[str, tuple[Endpoint, ...]] = {each.value.lower(): (each,) for each in ENDPOINT_NAMES}
        known |= GROUPS
        if not isinstance(word, str):
            raise TypeError(word)
        if word.lower() not in known:
            names = [each.value for each in ENDPOINT_NAMES] + list(GROUPS)
            raise unknown_endpoint(word, names)
        found += [each for each in known[word.lower()] if each not in found]
    return tuple(found)


def unknown_endpoint(word: str, names: list[str]) -> ScenarioError:
    """Return the error for a word that is no endpoint, with the nearest one that is."""
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in names], n=1)
    nearest = next((name for name in names if near and name.lower() == near[0]), None)
    return ScenarioError(f"did you mean {nearest}?" if nearest else "there is no such endpoint")


def _write_endpoints(endpoints: tuple[Endpoint, ...]) -> Any:
    for word, group in GROUPS.items():
        if endpoints == group:
            return word
    return endpoints[0].value if len(endpoints) == 1 else [each.value for each in endpoints]


def _endpoints(names: tuple[Endpoint, ...], groups: Mapping[str, tuple[Endpoint, ...]]) -> Plain:
    words: list[str] = [*(each.value for each in names), *groups]
    item: Schema = {"enum": words}
    return Plain(
        f"an endpoint or a list of them: {', '.join(words)}",
        _read_endpoints,
        {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]},
        _write_endpoints,
    )


ENDPOINTS: Final = _endpoints(ENDPOINT_NAMES, GROUPS)


def _read_creates(value: Any) -> tuple[Endpoint, ...]:
    endpoints = _read_endpoints(value)
    if not set(endpoints) <= set(CREATES):
        raise ValueError(value)
    return endpoints


_SPAN_SCHEMA: Final[Schema] = {"type": ["string", "number"], "examples": ["2s", "500ms", "3 polls", "forever", 10]}
_SPAN: Final = Plain("a length of time such as '2s', '3 polls', 'forever' or seconds", Span.of, _SPAN_SCHEMA, str)
_STATUS: Final = {status.name.lower(): status for status in Status}
_ENDING_SCHEMA: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "failed": {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "reasons": {"type": "array", "items": {"type": "string"}},
                        "refund": {"type": "boolean"},
                    },
                },
            ]
        }
    },
    "minProperties": 1,
}


class _Failure(NamedTuple):
    reasons: tuple[str, ...] = ()
    refund: bool = False


_FAILURE: Final = Record(
    "failure",
    _Failure,
    {
        "reasons": Field(Listed(TEXT), "the record's error_reasons; a general one when there is none", ()),
        "refund": Field(FLAG, "whether the credits are given back", False),
    },
)


class _Stages:
    """A timeline: stages such as `{queueing: 2s}`, and at the end, if it has one, `completed` or `{failed: [why]}`."""

    wants = (
        "a list of stages such as [{queueing: 2s}, {processing: 2 polls}, completed]; "
        "the last one may be `completed`, `failed` or {failed: [reason]}"
    )
    schema: ClassVar[Schema] = {
        "type": "array",
        "minItems": 1,
        "maxItems": 100,
        "items": {
            "anyOf": [
                {"enum": ["completed", "failed"]},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": dict.fromkeys(_STATUS, _SPAN_SCHEMA),
                    "minProperties": 1,
                    "maxProperties": 1,
                },
                _ENDING_SCHEMA,
            ]
        },
    }
    _MOST: Final = 100

    def read(self, value: Any, place: Place) -> Timeline:
        """Return the timeline; without an ending it ends completed."""
        if isinstance(value, Timeline):
            return value
        if not isinstance(value, (list, tuple)) or not 0 < len(value) <= self._MOST:
            raise ScenarioError(f"{shown(value)} is not usable", f"It takes {self.wants}", place)
        stages: list[Stage] = []
        for position, each in enumerate(value):
            ending = self._ending(each, (*place, position))
            if ending is None:
                stages.append(self._stage(each, (*place, position)))
            elif position + 1 < len(value):
                raise ScenarioError(
                    f"{shown(each)} is an ending, and stages follow it",
                    "Give it a length, such as {completed: 2s}, or take away what follows",
                    (*place, position),
                )
            else:
                return Timeline(tuple(stages), ending)
        return Timeline(tuple(stages))

    def _ending(self, value: Any, place: Place) -> Ending | None:
        if value == "completed":
            return COMPLETED
        if value == "failed":
            return failed()
        if isinstance(value, Mapping) and set(value) == {"failed"}:
            said = value["failed"]
            if isinstance(said, str) and not said[:1].isdigit() and said[:1] != "." and said != "forever":
                raise ScenarioError(
                    f"{shown(said)} is no length of time",
                    f"A reason is written as {{failed: [{shown(said)}]}}",
                    (*place, "failed"),
                )
            if isinstance(said, (list, tuple)):
                said = {"reasons": said}
            if isinstance(said, Mapping):
                failure = _FAILURE.read(said, (*place, "failed"))
                return failed(*failure.reasons, refund=failure.refund)
        return None

    def _stage(self, value: Any, place: Place) -> Stage:
        if not isinstance(value, Mapping) or len(value) != 1:
            raise ScenarioError(
                f"{shown(value)} is no stage", "Write one status and its length, such as {queueing: 2s}", place
            )
        ((word, span),) = value.items()
        if word not in _STATUS:
            raise unknown_key(word, _STATUS, place)
        return Stage(_STATUS[word], _SPAN.read(span, (*place, word)))

    def write(self, timeline: Timeline) -> Any:
        """Return the plain list."""
        written: list[Any] = [{stage.status.name.lower(): str(stage.span)} for stage in timeline.stages]
        status, reasons, refund = timeline.ending
        if status is Status.COMPLETED:
            return [*written, "completed"]
        failure: dict[str, Any] = {"reasons": list(reasons)}
        return [*written, {"failed": failure | {"refund": True} if refund else list(reasons)}]


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


STAGES: Final[Shape] = _Stages()
RESULT: Final = Record(
    "result",
    Result,
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
JOB: Final = Record(
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
        "client_secret": Field(TEXT, "the API key"),
        "client_id": Field(TEXT, "the clientId"),
        "credits": Field(whole(0, 10**12), "what it has to spend"),
        "status": Field(_ACCOUNT_STATUS, "active or banned", attribute="banned"),
        "token_lifetime": Field(DURATION, "how long its tokens live"),
    },
    needed=("client_secret",),
)


def _account(**given: Any) -> AccountSpec:
    if not given["client_secret"]:
        raise ScenarioError("the client_secret is empty", "It is the API key")
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
    if rule.fault.file is not None and rule.on != (Endpoint.FILE,):
        raise ScenarioError("a fault `file` is for `on: file` only", "Write `on: file`, or take another fault")
    return rule


def _check(scenario: Scenario) -> None:
    for name in ("client_secret", "client_id"):
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
            Listed(JOB), "what becomes of jobs: an entry for each that is created, in order; the last one repeats", ()
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
