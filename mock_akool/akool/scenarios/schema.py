"""How a person writes a scenario: the tables that read it from plain data, write it again, and describe it to editors.

The plain data are those of a file, or of a dict in Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mock_akool.akool.accounts import AccountScript
from mock_akool.akool.endpoints import CREATES, ENDPOINTS, FILE, read_endpoints, write_endpoints
from mock_akool.akool.families import FAMILIES
from mock_akool.akool.overrides import ADDRESS, ResultOverride
from mock_akool.akool.scenarios.expectations import EXPECTATION, Expectation
from mock_akool.akool.scenarios.model import JobScript, Scenario, When
from mock_akool.akool.settings import ACCOUNT_STATUS, ACCOUNTS, CREDITS, PROFILE, Limits
from mock_akool.core import faults
from mock_akool.core.durations import DURATION, FOREVER, SPAN, SPAN_SCHEMA, Span
from mock_akool.core.errors import Place, ScenarioError
from mock_akool.core.options import POSITIVE
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
    Shape,
    number,
    one_of,
    shown,
    whole,
)
from mock_akool.core.stages import ENDING, STAGES
from mock_akool.core.timeline import STATUS, Timeline, TimelineOverride
from mock_akool.core.webhook_faults import WEBHOOK

_CODE: Final = whole(1001, 9999, "a business code from 1001 to 9999, which are those of errors", use="1108")
FAULT: Final = faults.FAULT.having(code=faults.FAULT.fields["code"]._replace(shape=_CODE))
"""A fault as a person writes it for a request to Akool."""


def _read_creates(value: Any) -> tuple[str, ...]:
    endpoints = read_endpoints(value)
    if not set(endpoints) <= set(CREATES):
        raise ValueError(value)
    return endpoints


OTHERS: Final = {key: shape for family in FAMILIES for key, shape in family.overridable.items()}
"""The keys of results that a scenario may override beside the address, and what it says of each."""


def _make_result(**said: Any) -> ResultOverride:
    others = tuple((key, said[key]) for key in OTHERS if key in said)
    return ResultOverride(said.get("image"), others, said.get("files"))


class _Result(Record):
    """The record of a ResultOverride, whose `others` stand beside its own keys."""

    def read(self, value: Any, place: Place = ()) -> Any:
        """Return the ResultOverride."""
        __tracebackhide__ = True
        return value if isinstance(value, ResultOverride) else super().read(value, place)

    def write(self, value: ResultOverride) -> Any:
        """Return the plain object, without what is as usual."""
        said = {"image": value.image, **dict(value.others), "files": value.files}
        return {key: field.shape.write(said[key]) for key, field in self.fields.items() if said.get(key) is not None}


def _said_as(key: str, shape: Shape) -> Field:
    return Field(shape, f"what the record says as `{key}`; missing: it has no such key")


RESULT: Final = _Result(
    "result",
    _make_result,
    {
        "image": _said_as("image", ADDRESS),
        **{key: _said_as(key, shape) for key, shape in OTHERS.items()},
        "files": Field(FAULT, "what goes wrong with every download of the job's files"),
    },
    error=ScenarioError,
)
WHEN: Final = Record(
    "when",
    When,
    {
        "endpoint": Field(
            Plain(
                "an endpoint that creates jobs, or a list of such",
                _read_creates,
                {"anyOf": [{"enum": [*CREATES, "create"]}, {"type": "array", "items": {"enum": [*CREATES]}}]},
                write_endpoints,
                use="createbyprompt or [createbyprompt, lipsync]",
            ),
            "what created the job",
        ),
        "prompt": Field(TEXT, "a pattern with * and ? for the prompt"),
        "scale": Field(TEXT, "a pattern for the scale"),
        "model_name": Field(TEXT, "a pattern for a v4 job's model_name"),
        "account": Field(TEXT, "a pattern for the account's API key"),
    },
    error=ScenarioError,
)


def _check_life(script: JobScript) -> None:
    """Raise ScenarioError for what can never come."""
    queueing, processing, ending = script.override
    timeline = script.timeline
    if script.refused is not None and (timeline, script.result, script.override) != (None, None, TimelineOverride()):
        raise ScenarioError(
            "the job is refused, so nothing becomes of it",
            "leave out refused, or queueing, processing, ending, stages and result",
            ("refused",),
        )
    if timeline is not None and script.override != TimelineOverride():
        raise ScenarioError(
            "they are the whole life of the job", "leave out queueing, processing and ending", ("stages",)
        )
    if queueing == FOREVER and (ending is not None or processing not in (None, Span(0))):
        raise ScenarioError(
            "it lasts forever, so nothing follows",
            "leave out processing and ending, or give queueing a length",
            ("queueing",),
        )
    if processing == FOREVER and ending is not None:
        raise ScenarioError(
            "it lasts forever, so the job never ends", "leave out ending, or give processing a length", ("processing",)
        )
    if timeline is not None and timeline.endless is not None and timeline.has_unreachable:
        raise ScenarioError(
            f"{timeline.endless.status.word} lasts forever, so what follows never comes",
            "remove what follows, or give it a length",
            ("stages",),
        )
    if script.result is not None and not (timeline or script.override.over(Timeline.of())).is_ever_completed:
        raise ScenarioError(
            "it is that of a completed job, and this job is never completed",
            "leave it out, or let the job be completed",
            ("result",),
        )


JOB_SCRIPT: Final = Record(
    "job",
    JobScript,
    {
        "when": Field(WHEN, "which jobs are meant; such entries are tried first"),
        "times": Field(whole(1, 1_000_000), "how many jobs it is for, for each account by itself"),
        "queueing": Field(SPAN, "how long it is queued; without it, as long as the settings say"),
        "processing": Field(SPAN, "how long it is then processed; without it, as long as the settings say"),
        "ending": Field(ENDING, "how it ends; without it, as the settings say"),
        "stages": Field(STAGES, "the job's whole life, instead of these three", attribute="timeline"),
        "result": Field(RESULT, "what is unusual about its result"),
        "refused": Field(
            _CODE,
            "the create is refused with this code: there is no job, and it costs nothing. Of a batch only this row is, "
            "where the response has a place for it: `errorList` of videos, `all_results` of a translation",
        ),
    },
    check=_check_life,
    error=ScenarioError,
)
_LIMITS: Final = Record(
    "limits",
    Limits,
    {
        "requests_per_second": Field(POSITIVE, "more requests of an account within a second get 1005"),
        "concurrent_jobs": Field(whole(0, 10**9), "more unfinished jobs of an account get 1005"),
    },
    error=ScenarioError,
)
_ACCOUNT: Final = Record(
    "account",
    AccountScript,
    {
        "credits": Field(CREDITS, "the credits of each account that is not listed"),
        "status": Field(ACCOUNT_STATUS, "active or banned", attribute="banned"),
        "token_lifetime": Field(DURATION, "how long tokens live"),
    },
    error=ScenarioError,
)


def _read_during(value: Any) -> tuple[Span, Span]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(value)
    begin, end = map(Span.of, value)
    if begin.ns is None or (end.ns is None and end != FOREVER):
        raise ValueError(value)
    if end.ns is not None and end.ns <= begin.ns:
        raise ScenarioError(f"{shown(value)} ends before it begins", "write the earlier time first")
    return begin, end


_ON_COUNT: Final = whole(1, 1_000_000_000)
_NTH: Final = _ON_COUNT._replace(use="2 or [2, 5]")


def _check_rule(rule: Rule) -> None:
    if rule.fault.file is not None and rule.on != (FILE,):
        raise ScenarioError("a fault `file` is for `on: file` only", "write `on: file`, or take another fault")


PER: Final = ("account", "job", "all")
RULE: Final = Record(
    "rule",
    Rule,
    {
        "name": Field(TEXT, "what the call log and errors call it", ""),
        "on": Field(ENDPOINTS, "which requests; `create` are those that create jobs, `any` is all, files included"),
        "account": Field(TEXT, "a pattern with * and ? for the account's API key"),
        "prompt": Field(TEXT, "a pattern for the prompt of the job that it is about"),
        "job": Field(
            ONE_JOB,
            "the account's n-th job, or the job with this `_id`",
        ),
        "status": Field(
            STATUS,
            "what status the job has at that time",
        ),
        "during": Field(
            Plain(
                "two times since the start",
                _read_during,
                {
                    "type": "array",
                    "items": {"type": SPAN_SCHEMA["type"]},
                    "minItems": 2,
                    "maxItems": 2,
                    "examples": [["10s", "40s"], ["10s", "forever"]],
                },
                lambda during: [str(each) for each in during],
                use="[10s, 40s] or [10s, forever]",
            ),
            "from when to when, counted from the start or the last reset of the fake, or from when a key or a prompt "
            "named the scenario",
        ),
        "nth": Field(Listed(_NTH, lone=True, least=1), "the n-th of these calls, or several such numbers", ()),
        "first": Field(_ON_COUNT, "the first so many of these calls"),
        "every": Field(_ON_COUNT, "each n-th of these calls"),
        "after": Field(whole(0, 1_000_000_000), "leaves out so many calls at the beginning", 0),
        "probability": Field(number(0, 1, "a number from 0 (never) to 1 (always)"), "by lot, drawn from the seed"),
        "per": Field(
            one_of(PER),
            "whose calls are counted together: an account's, a job's (of creates: all attempts at one job), or all",
            "account",
        ),
        "optional": Field(FLAG, "it is no mistake when this rule never fires", False),
        "fault": Field(FAULT, "what goes wrong"),
    },
    needed=("on", "fault"),
    check=_check_rule,
    error=ScenarioError,
)


SCENARIO: Final = Record(
    "scenario",
    Scenario,
    {
        "description": Field(TEXT, "what it imitates", ""),
        "advice": Field(TEXT, "what a robust client should do", ""),
        "expect": Field(EXPECTATION, "what a client is judged by in the gauntlet", Expectation()),
        "seed": Field(whole(-(2**63), 2**63 - 1), "what every id, image and draw follows from"),
        "profile": Field(
            PROFILE,
            "whether to follow the documentation or the observed API where they differ",
        ),
        "account": Field(_ACCOUNT, "what the accounts are like that no list describes", AccountScript()),
        "accounts": Field(ACCOUNTS, "the accounts that exist; then no others do (as with the setting strict)", ()),
        "jobs": Field(
            Listed(JOB_SCRIPT),
            "what becomes of jobs: a script for each that is created, in order; the last one repeats",
            (),
        ),
        "rules": Field(Listed(RULE), "which requests go wrong; the first rule that fires wins", ()),
        "limits": Field(_LIMITS, "when an account gets 1005", Limits()),
        "webhooks": Field(Listed(WEBHOOK), "which webhooks go wrong; the first entry that fits counts", ()),
    },
    error=ScenarioError,
)
"""A scenario as a person writes it."""


def as_python(said: Mapping[str, Any]) -> str:
    """Write what is said about a rule, without its fault, as Python would: `on('infobymodelid').nth(2)`."""
    words = [f"on({said['on']!r})"]
    for name, value in said.items():
        if name not in ("on", "name", "fault"):
            arguments = value if isinstance(value, list) else [] if value is True else [value]
            words.append(f"{name}({', '.join(map(repr, arguments))})")
    return ".".join(words)


def label_of(rule: Rule) -> str:
    """Return what the call log calls a rule that was added by itself: its name, or how Python would write it."""
    return rule.name or f"{as_python(RULE.write(rule))}.respond({rule.fault})"


def read_scenario(value: Any, name: str = "") -> Scenario:
    """Return the scenario of a mapping with the keys of a scenario file; ScenarioError says where it is wrong.

    `name` is what the call log calls it.
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
