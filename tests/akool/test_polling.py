"""Polls through the API see what the job lived to, whatever the engine remembers from poll to poll."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool import MockAkool, Request, Timeline, VirtualClock
from mock_akool.akool.scenarios.model import JobScript, LabelledScript
from tests.core.timelines import ALL_SPANS, BORN, S, lived, timelines
from tests.extent import choose

CREATE = "/api/open/v3/content/image/createbyprompt"
INFO = "/api/open/v3/content/image/infobymodelid"
HEADERS = {"content-type": "application/json", "x-api-key": "key"}


class Client:
    """A client of one job on a clock that starts with the job."""

    def __init__(self, timeline: Timeline) -> None:
        self.clock = VirtualClock(BORN)
        self.mock = MockAkool(clock=self.clock)
        self.mock.application.scenarios.add_job_scripts([LabelledScript(JobScript(timeline=timeline), "test")])
        body = self.mock.answer(Request.build("POST", CREATE, headers=HEADERS, body=b'{"prompt": "a"}')).body
        self.job_id = json.loads(body)["data"]["_id"]

    def poll(self, key: str = "key") -> int:
        """Return the status, or the code of the error."""
        headers = {**HEADERS, "x-api-key": key}
        answer = json.loads(self.mock.answer(Request.build("GET", INFO, f"image_model_id={self.job_id}", headers)).body)
        seen: int = answer["data"]["image_status"] if answer["code"] == 1000 else answer["code"]
        return seen


STEPS_NS = st.one_of(st.just(0), st.integers(0, 5), st.integers(0, 3 * S), st.sampled_from([S // 10, S, 2 * S]))


@settings(max_examples=choose(75, 750))
@given(timelines(ALL_SPANS), st.lists(STEPS_NS, max_size=15))
def test_polls_see_what_the_job_lived_to(timeline: Timeline, steps_ns: list[int]) -> None:
    client = Client(timeline)
    polls: list[int] = []
    for step_ns in steps_ns:
        client.clock.advance(step_ns / S)
        now = client.clock.now_ns()
        assert client.poll() == lived(timeline, polls, now)
        polls.append(now)


@given(timelines(ALL_SPANS), st.lists(STEPS_NS, max_size=8))
def test_another_account_sees_nothing_and_its_polls_do_not_count(timeline: Timeline, steps_ns: list[int]) -> None:
    client = Client(timeline)
    polls: list[int] = []
    for step_ns in steps_ns:
        client.clock.advance(step_ns / S)
        now = client.clock.now_ns()
        assert client.poll("other") == 1009
        assert client.poll() == lived(timeline, polls, now)
        assert client.poll("other") == 1009
        polls.append(now)


def test_a_poll_at_the_very_instant_of_a_change_sees_it() -> None:
    client = Client(Timeline.of("2s", "3s"))
    seen = [client.poll()]
    for seconds in (2, 3):
        client.clock.advance(seconds)
        seen.append(client.poll())
    assert seen == [1, 2, 3]


def test_a_poll_sees_at_once_what_a_test_made_of_the_job() -> None:
    client = Client(Timeline.of("2s", "3s"))
    job = client.mock.job(client.job_id)
    seen = [client.poll()]
    for change in (job.stall, job.complete):
        change()
        seen.append(client.poll())
    assert seen == [1, 1, 3]


def test_a_poll_of_another_query_sees_its_own_job() -> None:
    one, other = Client(Timeline.of("forever")), Client(Timeline.of(0, "forever"))
    assert [one.poll(), other.poll(), one.poll(), other.poll()] == [1, 2, 1, 2]
    one.mock.next_job(queueing=0, processing=0)
    one.mock.answer(Request.build("POST", CREATE, headers=HEADERS, body=b'{"prompt": "b"}'))
    first, second = (job.id for job in one.mock.jobs)
    for job_id, status in ((first, 1), (second, 3), (first, 1), (second, 3)):
        one.job_id = job_id
        assert one.poll() == status
