"""Calls, jobs and deliveries as tests read them: one kind of sequence, which says why something is not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mock_akool import Calls, Deliveries, Jobs, MockAkool, Request, SettingsError, Status
from mock_akool.mock.base import BaseMock

KEY = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
OTHER = "ZADm0gkLonmwUjMAK0PJpl0MOiXLOOOw"
IMAGE = "/api/open/v3/content/image"
HOOK = "http://127.0.0.1:9/hook"


@pytest.fixture
def mock() -> MockAkool:
    return MockAkool()


@pytest.fixture(params=["in process", "over HTTP"])
def seen(request: pytest.FixtureRequest, mock: MockAkool) -> Iterator[BaseMock]:
    """The fake as this process sees it, and as one sees it that connects to its server."""
    if request.param == "in process":
        yield mock
        return
    with mock.server() as server:
        yield MockAkool.connect(server.url)


def create(mock: MockAkool, key: str = KEY, **fields: object) -> str:
    body = json.dumps({"prompt": "a red fox", **fields}).encode()
    headers = {"x-api-key": key, "content-type": "application/json"}
    answered = json.loads(mock.answer(Request.build("POST", f"{IMAGE}/createbyprompt", "", headers, body)).body)
    data = answered.get("data")
    return data["_id"] if isinstance(data, dict) else ""


def poll(mock: MockAkool, job_id: str, key: str = KEY) -> None:
    mock.answer(Request.build("GET", f"{IMAGE}/infobymodelid", f"image_model_id={job_id}", {"x-api-key": key}))


class TestAnyOfThem:
    @pytest.fixture(params=["calls", "jobs", "webhooks"])
    def three(self, request: pytest.FixtureRequest, mock: MockAkool) -> Any:
        for _ in range(3):
            create(mock, webhookUrl=HOOK)
        mock.clock.advance(2)
        return getattr(mock, request.param)

    def test_it_works_as_a_tuple_does(self, three: Any) -> None:
        plain = tuple(three)
        assert (len(three), three.count, bool(three)) == (3, 3, True)
        assert [three[0], three[-1], three.first, three.last] == [plain[0], plain[2], plain[0], plain[2]]
        assert tuple(reversed(three)) == plain[::-1]
        assert three[1:] == plain[1:]
        assert three == plain
        assert plain == three
        assert three != plain[1:]
        assert plain[1] in three
        assert object() not in three

    def test_a_slice_is_one_as_well(self, three: Any) -> None:
        assert type(three[1:]) in (Calls, Jobs, Deliveries)
        assert three[1:].count == 2
        with pytest.raises(IndexError, match=r"^\[2\]: there are only 2 "):
            three[1:][2]

    def test_what_was_taken_does_not_change(self, mock: MockAkool) -> None:
        create(mock, webhookUrl=HOOK)
        taken: list[Any] = [mock.calls, mock.jobs, mock.webhooks.deliveries]
        before = [len(each) for each in taken]
        create(mock, webhookUrl=HOOK)
        mock.clock.advance(5)
        assert [len(each) for each in taken] == before
        assert len(mock.webhooks) == 4, "this is what there is now"

    @pytest.mark.parametrize("name", ["to_endpoint", "cuont", "_like_any", "with_cod"])
    def test_a_misspelled_name_is_no_member(self, three: Any, name: str) -> None:
        with pytest.raises(AttributeError):
            getattr(three, name)

    def test_an_index_beyond_the_end_says_what_there_is(self, three: Any) -> None:
        with pytest.raises(IndexError, match=r"^\[3\]: there are only 3 (calls|jobs|deliveries):\n  \S"):
            three[3]
        with pytest.raises(IndexError, match=r"^\[-4\]: there are only 3 "):
            three[-4]

    def test_its_text_lists_the_newest(self, mock: MockAkool) -> None:
        for _ in range(25):
            poll(mock, "0" * 24)
        lines = repr(mock.calls).splitlines()
        assert (len(lines), lines[0], lines[1]) == (22, "<25 calls:", "  (5 earlier ones left out)")


class TestNothing:
    def test_no_request_came(self, seen: BaseMock) -> None:
        with pytest.raises(IndexError, match=r"^there is no job; no request reached the fake$"):
            seen.jobs[0]
        with pytest.raises(AssertionError, match=r"^there is no job; no request reached the fake$"):
            _ = seen.jobs.last
        with pytest.raises(AssertionError, match=r"^expected 2 jobs, got 0; no request reached the fake$"):
            seen.jobs.assert_count(2)

    def test_no_create_came(self, seen: BaseMock, mock: MockAkool) -> None:
        poll(mock, "0" * 24)
        with pytest.raises(IndexError, match=r"no create reached the fake, only 1 other call:\n  #1 GET infobymodelid"):
            seen.jobs[0]

    def test_each_create_was_refused(self, seen: BaseMock, mock: MockAkool) -> None:
        create(mock, prompt="")
        create(mock, scale="12:1")
        expected = (
            r"^there is no job; 2 creates made none:\n  #1 POST createbyprompt -> 200 1003 .*\n  #2 POST createby"
        )
        with pytest.raises(IndexError, match=expected):
            seen.jobs[-1]

    def test_a_filter_finds_none_of_those_that_there_are(self, seen: BaseMock, mock: MockAkool) -> None:
        job_id = create(mock)
        with pytest.raises(IndexError, match=rf"^there is no job of status failed; there is 1 job:\n  {job_id} 'a red"):
            seen.jobs.with_status("failed")[0]
        with pytest.raises(AssertionError, match=r"^expected a call to quota/info, got none; there is 1 call:\n  #1"):
            seen.calls.to("quota/info").assert_any()

    def test_a_view_says_that_it_is_one(self, seen: BaseMock, mock: MockAkool) -> None:
        create(mock, OTHER)
        with pytest.raises(
            IndexError, match=r"^there is no job of this account; no request with the key of its account reached"
        ):
            seen.of_account(KEY).jobs[0]

    def test_no_webhook_was_wanted(self, seen: BaseMock, mock: MockAkool) -> None:
        with pytest.raises(IndexError, match=r"^there is no delivery; no job was created$"):
            seen.webhooks[0]
        create(mock)
        with pytest.raises(
            AssertionError, match=r"no job was created with a webhook URL \(the field is `webhookUrl` th"
        ):
            _ = seen.webhooks.first
        create(mock, webhookUrl=HOOK)
        with pytest.raises(AssertionError, match=r"^there is no delivery; none is due yet; has the clock moved far"):
            _ = seen.webhooks.last


class TestJobs:
    def test_filters(self, seen: BaseMock, mock: MockAkool) -> None:
        mock.next_job(queueing=0, processing=0, ending="failed")
        failed_id, other_id = create(mock), create(mock, OTHER, prompt="an owl")
        jobs = seen.jobs
        assert [job.id for job in jobs.with_status("failed")] == [failed_id]
        assert [job.id for job in jobs.with_status(1)] == [other_id]
        assert [job.id for job in jobs.by_account(OTHER)] == [other_id]
        assert [job.id for job in jobs.with_prompt("a *")] == [failed_id]
        assert [job.id for job in jobs.created_by("create").with_prompt("*owl")] == [other_id]
        assert not jobs.created_by("createbybutton")
        with pytest.raises(SettingsError, match="did you mean 'createbybutton'"):
            jobs.created_by("createbybuton")

    def test_a_status_is_that_of_the_instant_when_they_were_asked_for(self, seen: BaseMock, mock: MockAkool) -> None:
        create(mock)
        before = seen.jobs
        mock.clock.advance(5)
        assert (before.with_status("queueing").count, before.with_status("completed").count) == (1, 0)
        assert (seen.jobs.with_status("queueing").count, seen.jobs.with_status("completed").count) == (0, 1)


class TestStatuses:
    @pytest.mark.parametrize("status", ["completed", 3, "3", Status.COMPLETED])
    def test_by_word_or_number(self, seen: BaseMock, mock: MockAkool, status: Any) -> None:
        job_id = create(mock, webhookUrl=HOOK)
        mock.clock.advance(5)
        assert seen.jobs.with_status(status).count == 1
        assert [each.status for each in seen.webhooks.with_status(status)] == [3]
        assert seen.webhooks.assert_delivered(job_id, status).status == 3
        assert seen.webhooks.wait_for_delivery(job_id, status).status == 3
        seen.webhooks.fault(status=status, copies=2)
        create(mock, webhookUrl=HOOK)
        mock.clock.advance(5)
        assert [int(each.status) for each in seen.webhooks] == [2, 3, 2, 3, 3]

    @pytest.mark.parametrize("status", ["complete", 5, True, None, "5", 3.5])
    def test_what_is_none(self, mock: MockAkool, status: Any) -> None:
        known = r"use queueing, processing, completed or failed \(or 1 to 4\)|did you mean 'completed'\?"
        with pytest.raises(SettingsError, match=f"is not a status; ({known})"):
            mock.jobs.with_status(status)

    @pytest.mark.parametrize("code", ["x", None, True, -1])
    def test_what_is_no_business_code(self, mock: MockAkool, code: Any) -> None:
        with pytest.raises(SettingsError, match=r"code: .* is not a business code; use 1000 or 1104"):
            mock.calls.with_code(code)

    @pytest.mark.parametrize("ask", [Deliveries.with_status, lambda seen, status: seen.assert_delivered("0", status)])
    def test_no_webhook_reports_that_a_job_is_queued(
        self, mock: MockAkool, ask: Callable[[Deliveries, Any], object]
    ) -> None:
        for status in ("queueing", 1, "done"):
            with pytest.raises(SettingsError, match=r"status: .*; use (queueing, )?processing, completed or failed"):
                ask(mock.webhooks, status)
