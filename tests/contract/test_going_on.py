"""A fake that goes on from a snapshot knows what it knew, and one that was asked for a snapshot is as if it was not.

Each case is a little story in two parts. It is played by four fakes: one is never asked, one is asked in between, one
goes on from what that one answered at once, and one from what was written only after the second part.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

import pytest

from mock_akool import MockAkool
from mock_akool.akool.deliveries import AttemptResult
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.model import JobScript, LabelledScript
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.timeline import failed
from tests.contract.asking import KEY, OTHER, send
from tests.contract.client import CLIENT_ID, CREATE_V3, GET_TOKEN, INFO, QUOTA

HOOK: Final = "http://127.0.0.1:9/hook"
KEYS: Final = (None, KEY, OTHER)

Part = Callable[[MockAkool], object]


def create(mock: MockAkool, key: str = KEY, prompt: str = "a fox", **fields: Any) -> str:
    return send(mock, "POST", CREATE_V3, key=key, body={"prompt": prompt, "webhookUrl": HOOK, **fields}).job_id or ""


def poll(mock: MockAkool, number: int = -1, times: int = 1) -> None:
    job = mock.engine.jobs()[number]
    for _ in range(times):
        send(mock, "GET", INFO, f"image_model_id={job.id}", job.account.api_key)


def quotas(mock: MockAkool, times: int = 1) -> None:
    for _ in range(times):
        for key in (KEY, OTHER):
            send(mock, "GET", QUOTA, key=key)


def known_of(job: Job) -> list[Any]:
    return [getattr(job, each.name) for each in fields(job)]


def known(mock: MockAkool) -> dict[str, Any]:
    """Return all that can be asked of a fake, by what it is."""
    engine, scenarios = mock.engine, mock.application.scenarios
    now_ns = engine.clock.now_ns()
    return {
        "now": now_ns,
        "calls": [(each.number, each.at, each.response.code, each.response.rule) for each in mock.calls],
        "jobs": [(known_of(job), status) for job, status in engine.statuses()],
        "deliveries": engine.outbox.entries(),
        "due": [engine.outbox.next_ns_of(key) for key in KEYS],
        "owed": engine.outbox.owed(now_ns + 10**12),
        "made": (engine.outbox.count, *map(engine.jobs_made, (KEY, OTHER))),
        "missed": set(engine.outbox.missed),
        "accounts": [(*each, engine.accounts.is_invented(each.account)) for each in engine.account_summaries(now_ns)],
        "awaited": [engine.is_awaited(api_key=key) for key in KEYS],
        "scripts": [(scenarios.job_scripts_of(key), scenarios.scripted_jobs(key)) for key in KEYS],
        "scenarios": [scenarios.scenarios_of(key) for key in KEYS],
        "rules": [[(each.label, each.fired, each.number) for each in scenarios.rules_of(key)] for key in KEYS],
        "faults": [[(each.label, dict(each.applied)) for each in scenarios.webhook_rules_of(key)] for key in KEYS],
        "limits": [scenarios.limits(key) for key in (KEY, OTHER)],
        "documents": list(mock.documents),
        "refusals": engine.refusals(),
        "report": mock.report(),
    }


def scripts_for_next_jobs(mock: MockAkool) -> None:
    for times, ending, key in ((3, "one", None), (None, "two", None), (2, "three", None), (4, "four", OTHER)):
        script = JobScript(times=times, ending=failed(ending))
        mock.application.scenarios.add_job_scripts([LabelledScript(script, ending)], key)
    create(mock)
    create(mock, OTHER)
    create(mock, OTHER)


def use_more_scripts(mock: MockAkool) -> None:
    for _ in range(6):
        create(mock)
    create(mock, OTHER)


RULES: Final[Any] = {
    "rules": [
        {"on": "quota/info", "every": 2, "fault": {"http": 502}},
        {"on": "quota/info", "probability": 0.5, "fault": {"http": 503}},
        {"on": "quota/info", "during": ["2s", "9s"], "fault": {"http": 504}},
    ],
    "webhooks": [{"status": "completed", "times": 1, "fault": {"copies": 3}}],
    "jobs": [{"times": 2, "ending": "failed: early"}, {"when": {"prompt": "*fox*"}, "queueing": 1, "times": 1}, {}],
    "account": {"credits": 77},
    "limits": {"concurrent_jobs": 4, "requests_per_second": 3},
}


def activate(mock: MockAkool) -> None:
    mock.put_scenario(RULES)
    mock.of_account(OTHER).put_scenario(RULES)
    mock.on("quota/info").nth(3).respond(code=1005)
    mock.of_account(KEY).on("quota/info").nth(4).respond(code=1006)
    mock.webhooks.fault(copies=2, times=3)
    mock.of_account(OTHER).webhooks.fault(delay=2)
    live(mock)


def live(mock: MockAkool) -> None:
    for key in (KEY, OTHER):
        create(mock, key)
        create(mock, key, prompt="a bear")
        mock.clock.advance(1)
    quotas(mock, 2)
    mock.clock.advance(3)
    mock.on("quota/info").nth(1).respond(code=1007)
    quotas(mock, 1)


def held_until_the_end(mock: MockAkool) -> None:
    mock.webhooks.fault(after_end=True)
    create(mock)
    create(mock)
    mock.clock.advance(3)


def numbers_of_files(mock: MockAkool) -> None:
    for _ in range(5):
        create(mock)
    for number in (3, 1):
        mock.engine.delete(mock.engine.jobs()[number].id)
    mock.clock.advance(0.001)
    create(mock)


def many_at_once(mock: MockAkool) -> None:
    for _ in range(4):
        create(mock)
    mock.clock.advance(0.002)
    create(mock)
    create(mock, queueing=1)


def ends_shown(mock: MockAkool) -> None:
    for ending in ("completed", "failed", failed("twice", refund=True), "completed"):
        mock.next_job(queueing=1, processing=1, ending=ending)
        create(mock)
    mock.clock.advance(5)
    poll(mock, 0, 1)
    poll(mock, 1, 2)


def limited(mock: MockAkool) -> None:
    mock.of_account(OTHER).put_scenario({"limits": {"requests_per_second": 2, "concurrent_jobs": 1}})
    quotas(mock)
    create(mock, OTHER)


def refused(mock: MockAkool) -> None:
    mock.of_account(KEY).put_scenario({"account": {"status": "banned"}})
    send(mock, "POST", GET_TOKEN, key="", body={"clientId": CLIENT_ID, "clientSecret": OTHER})
    send(mock, "POST", CREATE_V3, body={})
    quotas(mock)
    mock.engine.note_refusal("127.0.0.1:5", 400, "no request", b"\x16")


def named_in_keys_and_prompts(mock: MockAkool) -> None:
    for key in (f"{KEY}+flaky-gateway", KEY):
        create(mock, key, "a fox [mock:webhook-twice]")
        create(mock, key, "a fox [mock:flaky-gateway]")
    send(mock, "GET", QUOTA, key=f"{OTHER}+flaky-gateway")


def more_of_those(mock: MockAkool) -> None:
    for number in range(len(mock.engine.jobs())):
        poll(mock, number, 2)
    named_in_keys_and_prompts(mock)
    mock.clock.advance(9)


def not_taken(mock: MockAkool) -> None:
    mock.webhooks.fault(copies=0, status="completed", times=1)
    create(mock)
    create(mock, "short")
    mock.clock.advance(9)


def sent_again(mock: MockAkool) -> None:
    mock.engine.outbox.resend(1, mock.clock.now_ns())
    mock.clock.advance(9)
    create(mock)
    mock.clock.advance(2)


def kept_documents(mock: MockAkool) -> None:
    for name in ("facts", "facts", "more"):
        send(mock, "POST", "/api/open/v4/knowledge/create", body={"name": name, "prompt": "be kind"})
    mock.delete_document(mock.documents[0].id)


def later(mock: MockAkool) -> None:
    mock.clock.advance(1.5)
    live(mock)
    mock.clock.advance(30)


def reset_of_one(mock: MockAkool) -> None:
    mock.of_account(KEY).reset()


def reset_of_all(mock: MockAkool) -> None:
    mock.clock.advance(2.5)
    mock.reset()


def poll_all(mock: MockAkool) -> None:
    for number in range(len(mock.engine.jobs())):
        poll(mock, number)


STORIES: Final[list[tuple[Part, tuple[Part, ...]]]] = [
    (scripts_for_next_jobs, (use_more_scripts,)),
    (activate, (live,)),
    (held_until_the_end, (later,)),
    (numbers_of_files, (many_at_once,)),
    (ends_shown, (poll_all, poll_all)),
    (limited, (quotas, quotas, lambda mock: create(mock, OTHER), lambda mock: mock.clock.advance(1), quotas)),
    (refused, (quotas, reset_of_one, quotas)),
    (named_in_keys_and_prompts, (more_of_those,)),
    (not_taken, (sent_again,)),
    (kept_documents, (kept_documents, reset_of_one, kept_documents)),
    (create, (reset_of_all, later)),
]


def from_json(document: bytes, options: dict[str, Any]) -> MockAkool:
    fresh = MockAkool(**options)
    fresh.load_snapshot(json.loads(document))
    return fresh


@pytest.mark.parametrize(("first", "second"), STORIES, ids=[each[0].__name__ for each in STORIES])
def test_what_was_known_is_known(first: Part, second: tuple[Part, ...]) -> None:
    options: dict[str, Any] = {"seed": 3, "queueing": 2, "processing": 3, "credits": 50}
    never, asked = MockAkool(**options), MockAkool(**options)
    asked.application.freeze()
    for mock in (never, asked):
        mock.clock.advance(1)
        first(mock)
    frozen = asked.application.freeze()
    at_once = from_json(b"".join(frozen.json()), options)
    assert known(asked) == known(never)
    assert known(at_once) == known(never)
    for mock in (never, asked):
        for part in second:
            part(mock)
    written_late = from_json(b"".join(frozen.json()), options)
    for mock in (at_once, written_late):
        for part in second:
            part(mock)
    assert known(asked) == known(never)
    assert known(at_once) == known(never)
    assert known(written_late) == known(never)


def results_of(mock: MockAkool, at_ns: int, status: int) -> list[tuple[int, int | None]]:
    """Take what is due, let receivers answer so, and return the deliveries and when each is next."""
    outbox, found = mock.engine.outbox, []
    for attempt in outbox.take(at_ns):
        after = outbox.finish(attempt, AttemptResult(at_ns, at_ns + 5, status))
        assert after is not None
        found.append((after.number, after.next_ns))
    return found


def test_attempts_go_on_in_their_order() -> None:
    """Also those that were under way, of which nobody knows how they went: they are made once more, and first."""
    options: dict[str, Any] = {"queueing": 1, "processing": 20, "webhook_retries": 3}
    mock = MockAkool(**options)
    jobs = [create(mock) for _ in range(3)]
    mock.webhooks.fault(copies=2, status="processing", job=jobs[1])
    begun_ns = mock.clock.now_ns() + NS_PER_S
    assert results_of(mock, begun_ns, 500) == [(number, begun_ns + 5 + NS_PER_S) for number in (1, 2, 4)]
    now_ns = begun_ns + 2 * NS_PER_S
    outbox = mock.engine.outbox
    under_way = outbox.take(now_ns)
    assert [each.delivery.number for each in under_way] == [3, 1, 4]
    parts = from_json(b"".join(mock.application.freeze().json()), options)
    noted = parts.engine.outbox.changes.after(0)
    assert {(each.key, each.owner) for each in noted} == {(number, KEY) for number in (1, 2, 3, 4)}
    again = parts.engine.outbox.take(now_ns)
    assert [each.delivery for each in again] == [each.delivery for each in under_way]
    assert parts.engine.outbox.take(now_ns) == []
    for fake, attempts in ((mock, under_way), (parts, again)):
        for attempt in reversed(attempts):
            fake.engine.outbox.finish(attempt, AttemptResult(now_ns, now_ns + 1, 503))
    assert known(parts) == known(mock)
    assert results_of(parts, now_ns + 9 * NS_PER_S, 200) == results_of(mock, now_ns + 9 * NS_PER_S, 200)
    assert known(parts) == known(mock)


def test_what_waits_for_an_end_that_is_under_way_comes_after_it() -> None:
    options: dict[str, Any] = {"queueing": 1, "processing": 1}
    mock = MockAkool(**options)
    mock.webhooks.fault(after_end=True, status="processing")
    create(mock)
    end_ns = mock.clock.now_ns() + 2 * NS_PER_S
    assert [each.delivery.number for each in mock.engine.outbox.take(end_ns)] == [2]
    parts = from_json(b"".join(mock.application.freeze().json()), options)
    taken = [results_of(parts, end_ns + later_ns, 200) for later_ns in (0, 9, 99)]
    assert [[number for number, _ in each] for each in taken] == [[2], [1], []]


def test_scenarios_of_another_start_begin_as_in_a_new_fake() -> None:
    """Their draws and their counts do; what was added while the other ran goes on."""
    lots = {"rules": [{"on": "quota/info", "probability": 0.5, "fault": {"http": 503}}]}
    first = MockAkool(scenario="flaky-gateway")
    first.on("quota/info").nth(4).respond(http=418)
    quotas(first, 3)
    second, fresh = MockAkool(scenario=lots), MockAkool(scenario=lots)
    second.load_snapshot(first.snapshot())
    statuses = [[send(mock, "GET", QUOTA).status for _ in range(12)] for mock in (second, fresh)]
    assert statuses[0] == [418, *statuses[1][1:]]
    assert set(statuses[1]) == {200, 503}


def test_scenarios_of_another_start_begin_at_the_instant_of_the_clock_that_goes_on() -> None:
    late = {"rules": [{"on": "quota/info", "during": ["2s", "9s"], "fault": {"http": 504}}]}
    first = MockAkool()
    first.clock.advance(3600)
    second = MockAkool(scenario=late)
    second.load_snapshot(first.snapshot())
    statuses = []
    for _ in range(3):
        statuses.append(send(second, "GET", QUOTA).status)
        second.clock.advance(5)
    assert statuses == [200, 504, 200]
