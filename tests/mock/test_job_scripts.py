"""`next_job`: what is left out is as the settings say, and what can never come is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mock_akool import MockAkool, Request, ScenarioError, Span, Stage, Status, Timeline, failed
from mock_akool.mock.base import BaseMock
from tests.mock.clients import CREATE

Seen = tuple[BaseMock, MockAkool]


@pytest.fixture(params=["in process", "over HTTP"])
def seen(request: pytest.FixtureRequest) -> Iterator[Seen]:
    """A fake as this process sees it or as one sees it that connects to its server, and the fake itself."""
    mock = MockAkool(queueing="7s", processing="11s", ending="failed: as usual")
    if request.param == "in process":
        yield mock, mock
        return
    with mock.server() as server:
        yield MockAkool.connect(server.url), mock


def life(mock: MockAkool) -> tuple[str, str, str]:
    """Create a job; return how long it is queued and processed, and how it ends."""
    headers = {"x-api-key": "any", "content-type": "application/json"}
    mock.answer(Request.build("POST", CREATE, "", headers, json.dumps({"prompt": "a fox"}).encode()))
    timeline = mock.jobs.last.timeline
    queueing, processing = timeline.stages
    return str(queueing.span), str(processing.span), str(timeline.ending)


USUAL = ("7s", "11s", "failed: as usual")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, USUAL),
        ({"processing": 3}, ("7s", "3s", "failed: as usual")),
        ({"queueing": "2 polls"}, ("2 polls", "11s", "failed: as usual")),
        ({"queueing": 0, "processing": 0}, ("0s", "0s", "failed: as usual")),
        ({"ending": "completed"}, ("7s", "11s", "completed")),
        ({"ending": failed("no faces", refund=True)}, ("7s", "11s", "failed: no faces")),
        ({"processing": "forever"}, ("7s", "forever", "failed: as usual")),
        ({"ending": "completed", "result": {"upscaled_urls": []}}, ("7s", "11s", "completed")),
        ({"ending": 3}, ("7s", "11s", "completed")),
        ({"ending": Status.FAILED}, ("7s", "11s", "failed")),
    ],
)
def test_what_is_left_out_is_as_the_settings_say(seen: Seen, given: dict[str, Any], expected: tuple[str, ...]) -> None:
    fake, mock = seen
    fake.next_job(**given)
    assert life(mock) == expected
    assert life(mock) == USUAL, "of the next job nothing was said"


def test_a_refund_is_kept(seen: Seen) -> None:
    fake, mock = seen
    fake.next_job(queueing=0, processing=0, ending=failed("no faces", refund=True))
    life(mock)
    assert fake.credits_spent == 0


def test_realistic_lengths_are_drawn_where_none_is_given() -> None:
    mock = MockAkool(realistic=True, seed=3)
    usual = life(MockAkool(realistic=True, seed=3))
    mock.next_job(processing="1h")
    assert life(mock) == (usual[0], "1h", "completed")
    assert usual[0] not in ("0s", "2s")


def test_stages_that_are_left_out_take_no_time() -> None:
    mock = MockAkool(queueing="7s", processing="11s")
    mock.next_job(stages=[{"processing": "3s"}])
    headers = {"x-api-key": "any", "content-type": "application/json"}
    mock.answer(Request.build("POST", CREATE, "", headers, b'{"prompt": "a fox"}'))
    assert [(stage.status, str(stage.span)) for stage in mock.jobs.last.timeline.stages] == [(2, "3s")]


def test_a_scenario_file_may_say_the_same() -> None:
    mock = MockAkool(queueing="7s", scenario={"jobs": [{"processing": "3s", "ending": {"failed": ["no faces"]}}]})
    assert life(mock) == ("7s", "3s", "failed: no faces")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"processing": "forever", "ending": "failed"},
            "processing: it lasts forever, so the job never ends; leave out ending, or give processing a length",
        ),
        ({"processing": "forever", "ending": "completed"}, "processing: it lasts forever, so the job never ends"),
        (
            {"queueing": "forever", "processing": 3},
            "queueing: it lasts forever, so nothing follows; leave out processing and ending, or give queueing",
        ),
        ({"queueing": "forever", "ending": "failed"}, "queueing: it lasts forever, so nothing follows"),
        (
            {"stages": ["completed"], "processing": 0},
            "stages: they are the whole life of the job; leave out queueing, processing and ending",
        ),
        (
            {"stages": [{"queueing": "forever"}, {"processing": 3}]},
            "stages[0].queueing: it lasts forever, so what follows never comes; remove what follows, or give queueing",
        ),
        ({"stages": [{"processing": "forever"}, "failed"]}, "stages[0].processing: it lasts forever"),
        (
            {"stages": Timeline((Stage(Status.QUEUEING, Span()),), failed("no"))},
            "stages: queueing lasts forever, so what follows never comes; remove what follows, or give it a length",
        ),
        ({"stages": Timeline.of("forever", 3)}, "stages: queueing lasts forever, so what follows never comes"),
        (
            {"processing": "forever", "result": {"image": ""}},
            "result: it is that of a completed job, and this job is never completed; leave it out, or let the job be",
        ),
        ({"ending": "failed", "result": {"image": ""}}, "result: it is that of a completed job"),
        ({"stages": [{"processing": 3}, "failed"], "result": {"image": ""}}, "result: it is that of a completed job"),
        (
            {"result": {"image": ""}},
            "result: by the settings, this job is never completed; say how it is completed, such as ending='completed'",
        ),
        (
            {"ending": "fail"},
            "ending: 'fail' is not an ending; did you mean 'failed'? Use 'completed', 'failed' or 'failed: reason'",
        ),
        ({"ending": 2}, "ending: 2 is not an ending; use 'completed', 'failed' or 'failed: reason'"),
        ({"ending": True}, "ending: True is not an ending"),
        ({"ending": "over"}, "ending: 'over' is not an ending; use 'completed', 'failed' or 'failed: reason'"),
        ({"api_key": ""}, "api_key: '' is not an API key; use a text that is not empty"),
        ({"api_key": 3}, "api_key: 3 is not an API key"),
        ({"processsing": 3}, "processsing: there is no such argument; did you mean 'processing'?"),
    ],
)
def test_what_can_never_come_is_refused(given: dict[str, Any], said: str, seen: Seen) -> None:
    fake, mock = seen
    with pytest.raises(ScenarioError) as caught:
        fake.next_job(**given)
    assert said in str(caught.value)
    assert life(mock) == USUAL


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        MockAkool().next_job(queueing="long", ending="over", account="key")  # type: ignore[arg-type]
    assert [mistake.place for mistake in caught.value.mistakes] == [("account",), ("queueing",), ("ending",)]


def test_no_length_of_processing_is_no_contradiction() -> None:
    mock = MockAkool()
    mock.next_job(queueing="forever", processing=0)
    assert life(mock)[0] == "forever"


def test_an_ending_of_a_job_that_the_settings_never_end_is_refused() -> None:
    mock = MockAkool(processing="forever")
    with pytest.raises(ScenarioError) as caught:
        mock.next_job(ending="failed")
    assert str(caught.value) == (
        "ending: processing lasts forever by the settings, so the job never ends; "
        "give processing a length, such as processing=3, or leave out ending"
    )
    mock.next_job(processing=3, ending="failed")
    assert life(mock) == ("2s", "3s", "failed")
    assert life(mock)[1] == "forever"


@pytest.mark.parametrize(
    "stages",
    [
        [{"queueing": "forever"}],
        [{"completed": 1}, {"processing": "forever"}],
        Timeline.of("forever"),
        Timeline.of(1, "forever"),
        Timeline.of(1, 2, failed("no")),
    ],
)
def test_a_whole_life_is_the_same_on_a_server(stages: Any) -> None:
    mock = MockAkool()
    with mock.server() as server:
        MockAkool.connect(server.url).next_job(stages=stages)
    life_there = mock.engine.scripts.job_scripts_of(None)  # type: ignore[attr-defined]
    here = MockAkool()
    here.next_job(stages=stages)
    (there,), (ours,) = life_there, here.engine.scripts.job_scripts_of(None)  # type: ignore[attr-defined]
    assert there.script.timeline.reachable == ours.script.timeline.reachable
    assert there.script.timeline.ending == ours.script.timeline.ending


def test_a_result_of_stages_that_are_completed_for_a_while_is_no_contradiction() -> None:
    mock = MockAkool()
    mock.next_job(stages=[{"completed": 3}, "failed"], result={"image": ""})
    mock.next_job(stages=[{"completed": 3}, {"processing": "forever"}], result={"image": ""})
