"""Realistic durations: 30 to 60 seconds as observed (contract section 8), drawn from the seed."""

from __future__ import annotations

import json
from statistics import mean
from typing import Any

import pytest

from mock_akool import Job, MockAkool, Request, Status, failed

V3 = "/api/open/v3/content/image/createbyprompt"
V4 = "/api/open/v4/content/image/createBySourcePrompt"
HEADERS = {"content-type": "application/json", "x-api-key": "key"}
S = 1_000_000_000

FAMILIES: dict[str, tuple[str, dict[str, Any], float]] = {
    "v3": (V3, {"prompt": "a lighthouse"}, 29),
    "v4": (V4, {"prompt": "a lighthouse"}, 35),
    "v4-image": (V4, {"prompt": "a lighthouse", "source_images": ["https://example.com/a.png"]}, 56),
}
"""Path, body, and the observed seconds of each family."""


def jobs(family: str, count: int = 200, **options: Any) -> tuple[Job, ...]:
    path, fields, _ = FAMILIES[family]
    mock = MockAkool(realistic=True, credits=10**6, **options)
    for _ in range(count):
        mock.answer(Request.build("POST", path, headers=HEADERS, body=json.dumps(fields).encode()))
    return tuple(mock.jobs)


def lengths_s(family: str, count: int = 200, **options: Any) -> list[float]:
    return [job.timeline.known_ns / S for job in jobs(family, count, **options)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_job_takes_between_30_and_60_seconds(family: str) -> None:
    assert all(30 <= length <= 60 for length in lengths_s(family))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_job_takes_about_as_long_as_was_observed(family: str) -> None:
    observed_s = FAMILIES[family][2]
    assert mean(lengths_s(family)) == pytest.approx(observed_s, rel=0.1)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_job_queues_first_and_then_takes_longer(family: str) -> None:
    for job in jobs(family, 50):
        queueing, processing = job.timeline.stages
        assert (queueing.status, processing.status) == (Status.QUEUEING, Status.PROCESSING)
        assert queueing.span.ns is not None
        assert 0.05 < queueing.span.ns / job.timeline.known_ns < 0.5


def test_durations_differ_from_job_to_job_and_follow_from_the_seed() -> None:
    drawn = lengths_s("v4", seed=1)
    assert len(set(drawn)) > 100
    assert lengths_s("v4", seed=1) == drawn
    assert lengths_s("v4", seed=2) != drawn


def test_a_realistic_job_ends_as_the_option_says() -> None:
    (job,) = jobs("v3", 1, ending="failed: too dark")
    assert job.timeline.ending == failed("too dark")


def test_a_planned_job_takes_what_was_planned() -> None:
    mock = MockAkool(realistic=True)
    mock.next_job(queueing=1, processing=1)
    mock.answer(Request.build("POST", V3, headers=HEADERS, body=b'{"prompt": "a"}'))
    assert mock.jobs[0].timeline.known_ns == 2 * S
