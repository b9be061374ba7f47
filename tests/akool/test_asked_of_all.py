"""What is asked of a whole engine: totals, when something changes next, whose a file is, and who is waited for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mock_akool import MockAkool, Request
from mock_akool.akool import api
from mock_akool.akool.families import CREATES
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Response
from mock_akool.core.timeline import Status, failed
from tests.contract.asking import KEY, OTHER, send
from tests.contract.client import CREATE_V3, INFO, QUOTA


def create(mock: MockAkool, key: str = KEY, **fields: Any) -> str:
    return send(mock, "POST", CREATE_V3, key=key, body={"prompt": "a fox", **fields}).job_id or ""


def poll(mock: MockAkool, job_id: str, key: str = KEY) -> Response:
    return send(mock, "GET", INFO, f"image_model_id={job_id}", key)


def test_totals_have_the_refunds_that_are_due() -> None:
    mock = MockAkool(credits=20, queueing=1, processing=1, ending=failed("no", refund=True))
    for key in (KEY, OTHER, OTHER):
        create(mock, key)
    engine, now_ns = mock.engine, mock.clock.now_ns()
    assert [engine.totals(now_ns, key) for key in (None, KEY, OTHER, "nobody")] == [
        *((2, 34, 6), (1, 18, 2), (1, 16, 4), (0, 0, 0)),
    ]
    later_ns = now_ns + 2 * NS_PER_S
    assert engine.totals(later_ns - 1) == (2, 34, 6)
    assert engine.totals(later_ns) == (2, 40, 0)
    assert [(each.account.api_key, *each[1:]) for each in engine.account_summaries(later_ns, first=1)] == [
        (OTHER, 20, 0, 2),
    ]
    assert [each.account.api_key for each in engine.account_summaries(later_ns, most=1)] == [KEY]
    assert engine.account_summary("nobody", later_ns) is None


def test_when_a_status_changes_next() -> None:
    mock = MockAkool(queueing=2, processing=3)
    begun_ns = mock.clock.now_ns()
    create(mock)
    mock.clock.advance(1)
    create(mock, OTHER)
    mock.next_job(queueing="2 polls")
    create(mock, OTHER)
    engine = mock.engine
    instants = [engine.next_change_ns(begun_ns + at * NS_PER_S) for at in (1, 2, 3, 5, 6)]
    assert instants == [begun_ns + at * NS_PER_S for at in (2, 3, 5, 6)] + [None]
    assert engine.next_change_ns(begun_ns + NS_PER_S, OTHER) == begun_ns + 3 * NS_PER_S
    assert engine.next_change_ns(begun_ns, "nobody") is None
    assert (engine.idle_ns(begun_ns), engine.idle_ns(begun_ns, KEY)) == (
        begun_ns + 6 * NS_PER_S,
        begun_ns + 5 * NS_PER_S,
    )


def test_whose_a_file_is() -> None:
    mock = MockAkool(queueing=0, processing=0)
    jobs = [mock.engine.job(create(mock, key)) for key in (KEY, OTHER)]
    for job in jobs:
        assert job is not None
        files = mock.engine.files_of(job, mock.clock.now_ns())
        assert len(files) == 5
        assert files[0].url == json.loads(poll(mock, job.id, job.account.api_key).body)["data"]["image"]
        for each in files:
            assert mock.engine.job_of_file("/" + each.url.split("/", 3)[3]) is job
    first = jobs[0]
    assert first is not None
    for name in (f"{first.stamp_ms}", f"{first.stamp_ms}-", f"{first.stamp_ms}-1-2-3"):
        assert mock.engine.job_of_file(f"/{name}") is first
    for name in (f"{first.stamp_ms}x", f"-{first.stamp_ms}", f"{'-' * 40}{first.stamp_ms}", "", "-", "a-b"):
        assert mock.engine.job_of_file(f"/{name}") is None
    mock.engine.delete(first.id)
    assert mock.engine.job_of_file(f"/{first.stamp_ms}-1568.jpg") is None


class TestAwaited:
    def fake(self, **script: Any) -> tuple[MockAkool, str]:
        mock = MockAkool()
        mock.next_job(**(script if "stages" in script else {"queueing": 1, "processing": 1, **script}))
        return mock, create(mock)

    def awaited(self, mock: MockAkool) -> tuple[bool, ...]:
        return tuple(mock.engine.is_awaited(api_key=key) for key in (None, KEY, OTHER))

    def test_until_it_has_ended(self) -> None:
        mock, _ = self.fake()
        assert self.awaited(mock) == (True, True, False)
        assert mock.engine.is_awaited(mock.clock.now_ns() + 2 * NS_PER_S) is False
        mock.clock.advance(2)
        assert self.awaited(mock) == (False, False, False)

    @pytest.mark.parametrize(("script", "polls"), [({}, 2), ({"result": {"image": "missing"}}, 1)])
    def test_when_it_is_polled_on(self, script: dict[str, Any], polls: int) -> None:
        mock, job_id = self.fake(**script)
        mock.clock.advance(2)
        seen = []
        for _ in range(3):
            poll(mock, job_id)
            seen.append(self.awaited(mock))
        assert seen == [(number >= polls,) * 2 + (False,) for number in (1, 2, 3)]
        mock.job(job_id).fail("late")
        assert self.awaited(mock) == (False, False, False)

    def test_when_its_future_has_changed(self) -> None:
        mock, job_id = self.fake(stages=[{"completed": 1}, {"processing": 1}, "completed"])
        poll(mock, job_id)
        assert self.awaited(mock)[0] is False
        mock.clock.advance(1)
        poll(mock, job_id)
        assert self.awaited(mock)[0] is True
        mock.clock.advance(1)
        assert self.awaited(mock)[0] is False

    def test_as_long_as_a_webhook_is_to_come_or_was_not_taken(self) -> None:
        mock = MockAkool(queueing=1, processing=1)
        mock.webhooks.fault(copies=0, status="completed")
        job_id = create(mock, webhookUrl="http://127.0.0.1:9/hook")
        mock.clock.advance(2)
        assert self.awaited(mock) == (True, True, False)
        poll(mock, job_id)
        assert self.awaited(mock) == (False, False, False)


def test_jobs_that_are_diverted_show_what_was_until_then() -> None:
    mock = MockAkool(queueing=2, processing=3)
    ids = [create(mock) for _ in range(4)]
    mock.clock.advance(3)
    mock.job(ids[0]).complete()
    mock.job(ids[1]).fail("no")
    mock.job(ids[2]).stall()
    now_ns = mock.clock.now_ns()
    assert [(job.id, status) for job, status in mock.engine.statuses()] == [
        *zip(ids, (Status.COMPLETED, Status.FAILED, Status.PROCESSING, Status.PROCESSING), strict=True)
    ]
    assert mock.engine.count_by_status(now_ns) == {
        **dict.fromkeys((Status.COMPLETED, Status.FAILED), 1),
        **{Status.QUEUEING: 0, Status.PROCESSING: 2},
    }
    since = [mock.engine.change_of(job, now_ns + NS_PER_S).at_ns for job in mock.engine.jobs()]
    assert since == [now_ns, now_ns, now_ns - NS_PER_S, now_ns - NS_PER_S]
    assert [job.id for job, _ in mock.engine.statuses(2)] == ids[2:]


def test_after_a_reset_times_begin_anew() -> None:
    mock = MockAkool(queueing=1, processing=1)
    mock.clock.advance(10)
    mock.reset()
    create(mock, webhookUrl="http://127.0.0.1:9/hook")
    mock.clock.advance(2)
    assert [each.at for each in mock.webhooks] == [1.0, 2.0]
    assert mock.calls[0].at == 0


def test_what_an_account_keeps() -> None:
    """The record is the one that the API shows."""
    mock = MockAkool(queueing=0, processing=0)
    voice, body = "/api/open/v4/voice", dict(CREATES["voice/clone"].example)
    made = send(mock, "POST", f"{voice}/clone", body=body)
    assert made.code == 1000, made
    send(mock, "POST", "/api/open/v4/knowledge/create", key=OTHER, body={"name": "facts", "prompt": "be kind"})
    first, second = mock.documents
    assert [(each.api_key, each.kind) for each in (first, second)] == [(OTHER, "knowledge"), (KEY, "voice")]
    (listed,) = json.loads(send(mock, "GET", f"{voice}/list", "type=1").body)["data"]["result"]
    assert second.id == listed["_id"]
    assert dict(second.record) == listed
    assert list(mock.of_account(KEY).documents) == [second]
    mock.of_account(KEY).delete_document(second.id)
    assert list(mock.documents) == [first]


def test_polls_that_come_again_stand_until_something_changes() -> None:
    """The server hands in the same record for the same bytes; its answer is looked up and logged."""
    mock = MockAkool(queueing=2, processing=2)
    request = Request.build("GET", INFO, f"image_model_id={create(mock)}", {"x-api-key": KEY})
    engine, seen = mock.engine, []
    for _ in range(5):
        for _ in range(5):
            status = json.loads(mock.answer(request).body)["data"]["image_status"]
        poll = engine.standing_polls.find(id(request))
        seen.append((status, poll is not None and engine.stands(poll, mock.clock.now_ns())))
        mock.clock.advance(1)
    assert seen == [(1, True), (1, True), (2, True), (2, True), (3, True)]
    assert [call.response.job_status for call in mock.calls[1:]] == [1] * 10 + [2] * 10 + [3] * 5
    assert [call.at for call in mock.calls[1:]] == [float(at // 5) for at in range(25)]
    poll = engine.standing_polls.find(id(request))
    assert poll is not None
    assert engine.stands(poll, mock.clock.now_ns())
    engine.ban(mock.accounts[0].api_key, banned=True)
    assert not engine.stands(poll, mock.clock.now_ns())
    assert mock.answer(request).code == 1200
    mock.of_account(KEY).reset()
    assert engine.standing_polls.find(id(request)) is None


def test_a_path_is_known_as_it_is_written_unless_said_otherwise() -> None:
    assert [api.route("GET", path)[0].endpoint for path in (QUOTA, QUOTA.upper())] == ["quota/info", "unknown"]
    assert api.route("HEAD", QUOTA.upper(), any_case=True)[0].endpoint == "quota/info"
    assert api.route("PATCH", QUOTA, any_case=True)[0].endpoint == "unknown"
    assert [api.route(method, "/a.PNG")[0].endpoint for method in ("GET", "PUT", "OPTIONS")] == [
        *("unknown", "unknown", "preflight"),
    ]
    assert [api.route("GET", path)[0].endpoint for path in ("/a.png", "/x/a.mp4", "/api/a.png", "/png")] == [
        *("file", "file", "unknown", "unknown"),
    ]
