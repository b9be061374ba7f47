"""Reading what was written gives the same record, and no field of a record is forgotten."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mock_akool.admin import serializers
from mock_akool.admin.serializers import ACCOUNT, ACCOUNT_SUMMARY, ACTIVE_RULE, CALL, DELIVERY, JOB, Serializer
from mock_akool.akool.accounts import Account, AccountSummary
from mock_akool.akool.deliveries import AttemptResult, Delivery, DeliveryState
from mock_akool.akool.endpoints import ENDPOINT_NAMES
from mock_akool.akool.families import CREATES
from mock_akool.akool.families.image_button import ImageButton
from mock_akool.akool.families.image_v3 import ImageV3
from mock_akool.akool.families.image_v4 import ImageV4
from mock_akool.akool.jobs import Job
from mock_akool.akool.overrides import MISSING, ResultOverride
from mock_akool.akool.scenarios.schema import OTHERS
from mock_akool.core.call_log import Call
from mock_akool.core.durations import FOREVER, Span
from mock_akool.core.faults import FAULT
from mock_akool.core.http import Request, Response, Share, Termination, Transfer
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.rules import Rule
from mock_akool.core.timeline import COMPLETED, Stage, Status, Timeline, failed
from mock_akool.core.webhook_faults import WEBHOOK_FAULT

INSTANTS = st.integers(0, 2**63)
LENGTHS = st.integers(0, 100 * 365 * 86_400 * 10**9)
NUMBERS = st.integers(1, 2**53)
TEXTS = st.text(max_size=20)
KEYS = st.text(min_size=1, max_size=20)
BYTES = st.one_of(st.binary(max_size=20), TEXTS.map(str.encode))
STATUSES = st.sampled_from(Status)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


ACCOUNTS = st.builds(
    Account,
    api_key=KEYS,
    client_id=TEXTS,
    id=TEXTS,
    uid=NUMBERS,
    team_id=TEXTS,
    credential_id=TEXTS,
    banned=st.booleans(),
    token_lifetime_ns=LENGTHS,
    valid_from_s=NUMBERS,
)
SPANS = st.one_of(LENGTHS.map(Span), st.integers(0, 10_000).map(lambda polls: Span(None, polls)), st.just(FOREVER))
TIMELINES = st.builds(
    Timeline,
    st.lists(st.builds(Stage, STATUSES, SPANS), max_size=5).map(tuple),
    st.one_of(
        st.just(COMPLETED), st.builds(lambda why, back: failed(*why, refund=back), st.lists(TEXTS), st.booleans())
    ),
)
URLS = st.sampled_from(["", "http://127.0.0.1:9/hook"])
V3 = st.builds(ImageV3, prompt=TEXTS, scale=TEXTS, source_image=some(URLS), webhook_url=URLS)
V4 = st.builds(
    ImageV4,
    prompt=TEXTS,
    model_name=TEXTS,
    source_image=URLS,
    scale=TEXTS,
    resolution=TEXTS,
    batch_quantity=st.integers(1, 4),
    similar=st.floats(0, 1),
    negative_prompt=some(TEXTS),
    webhook_url=URLS,
)
INPUTS = st.one_of(V3, V4, st.builds(ImageButton, parent_id=TEXTS, button=st.just("U1"), webhook_url=URLS))
URL_LISTS = st.lists(TEXTS, max_size=3).map(tuple)
RESULTS = st.builds(
    ResultOverride,
    image=st.one_of(st.none(), TEXTS.filter(bool), st.just(MISSING)),
    others=st.dictionaries(st.sampled_from(list(OTHERS)), st.one_of(URL_LISTS, st.just(MISSING))).map(
        lambda said: tuple((key, said[key]) for key in OTHERS if key in said)
    ),
    files=some(st.just(FAULT.read({"http": 403}))),
)
JOBS = st.builds(
    Job,
    id=KEYS,
    account=ACCOUNTS,
    input=INPUTS,
    endpoint=st.sampled_from(list(CREATES)),
    origin=st.one_of(V3, V4),
    parent_id=some(TEXTS),
    created_ns=INSTANTS,
    cost=st.one_of(NUMBERS, st.decimals(0, 1000, places=4)),
    timeline=TIMELINES.filter(lambda timeline: bool(timeline.stages)),
    stamp_ms=NUMBERS,
    file_base=TEXTS,
    place=st.integers(0, 3),
    polls=st.lists(INSTANTS, max_size=3).map(lambda found: tuple(sorted(found))),
    used=URL_LISTS,
    number=NUMBERS,
    job_script=some(TEXTS),
    result=some(RESULTS),
)
HEADERS = st.dictionaries(KEYS, TEXTS, max_size=3)
TRANSFERS = st.builds(
    Transfer,
    some(st.sampled_from(Termination)),
    st.one_of(NUMBERS.map(Share), st.builds(Share, st.none(), st.floats(0, 1))),
    NUMBERS,
    NUMBERS,
)
CALLS = st.builds(
    Call,
    number=NUMBERS,
    time_ns=INSTANTS,
    endpoint=st.sampled_from(ENDPOINT_NAMES),
    request=st.builds(Request, TEXTS, TEXTS, TEXTS, HEADERS, BYTES, TEXTS, TEXTS),
    response=st.builds(
        Response,
        status=st.integers(0, 999),
        headers=HEADERS.map(lambda headers: tuple(headers.items())),
        body=BYTES,
        media=st.none(),
        delay_ns=NUMBERS,
        code=some(NUMBERS),
        account=some(TEXTS),
        job_id=some(TEXTS),
        job_status=some(STATUSES),
        transfer=some(TRANSFERS),
        kept=st.none(),
        download=st.none(),
        job_script=some(TEXTS),
        rule=some(TEXTS),
        waiting=st.none(),
        stream=st.none(),
    ),
    start_ns=INSTANTS,
)
ATTEMPTS = st.builds(AttemptResult, INSTANTS, INSTANTS, some(st.integers(100, 999)), TEXTS)
DELIVERIES = st.builds(
    Delivery,
    number=NUMBERS,
    job_id=TEXTS,
    account=TEXTS,
    client_id=TEXTS,
    status=STATUSES,
    url=TEXTS,
    due_ns=INSTANTS,
    payload=BYTES,
    body_start=BYTES,
    filler_bytes=st.integers(0, 9),
    state=st.sampled_from(DeliveryState),
    start_ns=INSTANTS,
    attempts=st.lists(st.builds(AttemptResult, INSTANTS, INSTANTS, some(st.integers(100, 999)), TEXTS), max_size=3).map(
        tuple
    ),
    next_ns=some(INSTANTS),
    why=TEXTS,
    fault=some(st.just(WEBHOOK_FAULT.read({"copies": 2, "delay": "1.5s", "envelope": "wrong key"}))),
    copy_of=some(NUMBERS),
    credentials=st.just(""),  # which nobody is shown
)
RULES = st.builds(
    lambda rule, label, number, fired: _rule(rule, label, number, fired),
    st.builds(
        Rule,
        on=st.sampled_from([("file",), ("createbyprompt", "quota/info")]),
        fault=st.sampled_from([FAULT.read({"http": 502, "delay": "1s"}), FAULT.read({"drop": True})]),
        name=TEXTS,
        account=some(TEXTS),
        job=some(st.one_of(NUMBERS, KEYS)),
        during=some(st.just((Span.of("10s"), FOREVER))),
        nth=st.lists(st.integers(1, 10**9), max_size=3).map(tuple),
        prompt=some(TEXTS),
        status=some(STATUSES),
        first=some(st.integers(1, 10**9)),
        every=some(st.integers(1, 10**9)),
        after=st.integers(0, 10**9),
        probability=some(st.floats(0, 1)),
        per=st.sampled_from(["account", "job", "all"]),
        optional=st.booleans(),
    ),
    TEXTS,
    st.integers(0, 2**53),
    NUMBERS,
)


def _rule(rule: Rule, label: str, number: int, fired: int) -> ActiveRule:
    live = ActiveRule(rule, label, number)
    live.fired = fired
    return live


def fields(record: object) -> dict[str, Any]:
    """Return a record's attributes: jobs and active rules are equal only when they are the same object."""
    return {name: getattr(record, name) for name in type(record).__slots__}  # type: ignore[attr-defined]


def through_json(serializer: Serializer[Any], record: object) -> Any:
    plain = json.loads(json.dumps(serializer.write(record, 1_800_000_000 * 10**9)))
    Draft202012Validator(serializer.schema).validate(plain)
    return plain


@given(ACCOUNTS)
def test_accounts(account: Account) -> None:
    assert ACCOUNT.read(through_json(ACCOUNT, account)) == account
    summary = AccountSummary(account, 5, 2, 1)
    plain = through_json(ACCOUNT_SUMMARY, summary)
    assert ACCOUNT_SUMMARY.read(plain) == summary
    assert ACCOUNT.read(plain) == account


@given(JOBS)
def test_jobs(job: Job) -> None:
    assert fields(JOB.read(through_json(JOB, job), account=job.account)) == fields(job)


@given(CALLS)
def test_calls(call: Call) -> None:
    assert CALL.read(through_json(CALL, call)) == call


@given(DELIVERIES)
def test_deliveries(delivery: Delivery) -> None:
    assert DELIVERY.read(through_json(DELIVERY, delivery)) == delivery


@given(RULES)
@settings(max_examples=50)
def test_rules(live: ActiveRule) -> None:
    assert fields(ACTIVE_RULE.read(through_json(ACTIVE_RULE, live))) == fields(live)


ALL = [(name, each) for name, each in vars(serializers).items() if isinstance(each, Serializer)]


@pytest.mark.parametrize(("name", "serializer"), ALL, ids=[name for name, _ in ALL])
def test_no_field_is_forgotten(name: str, serializer: Serializer[Any]) -> None:
    make = serializer.make
    arguments = {each for each in inspect.signature(make).parameters if each != "given"}
    assert arguments <= serializer.arguments
