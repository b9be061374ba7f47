"""What a poll of many jobs at once costs, against a poll of one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from statistics import median

from benchmarks.load import interleaved, median_ratio
from benchmarks.poll import API_KEY
from benchmarks.table import Row, at_most
from mock_akool import MockAkool, Request

_VIDEOS = "/api/open/v4/image2Video"
_HEADERS = {"x-api-key": API_KEY, "content-type": "application/json"}
_VIDEO = {"image_url": "https://example.com/fox.png", "prompt": "a fox", "resolution": "720p", "video_length": 5}
_JOBS = 50
_POLLS = 200


def run(quick: bool) -> Iterator[Row]:
    mock = MockAkool(processing="forever", credits=10**9)
    ids = [_made(mock) for _ in range(_JOBS)]
    polls = {1: _poll_of(mock, ids[:1]), _JOBS: _poll_of(mock, ids)}
    took_us = interleaved(5 if quick else 25, polls)
    note = ", ".join(f"{count} in {median(each):.1f} µs" for count, each in took_us.items())
    yield Row(f"resultsByIds of {_JOBS} / of one", median_ratio(took_us[_JOBS], took_us[1]), "x", at_most(10), note)


def _made(mock: MockAkool) -> str:
    body = json.dumps(_VIDEO).encode()
    answer = mock.answer(Request.build("POST", f"{_VIDEOS}/createBySourcePrompt", "", _HEADERS, body))
    job_id: str = json.loads(answer.body)["data"]["_id"]
    return job_id


def _poll_of(mock: MockAkool, ids: list[str]) -> Callable[[], float]:
    """Return what asks for these jobs again and again, as a waiting client does, and returns µs for each time."""
    body = json.dumps({"_ids": ",".join(ids)}).encode()

    def poll() -> float:
        began = time.perf_counter()
        for _ in range(_POLLS):
            mock.answer(Request.build("POST", f"{_VIDEOS}/resultsByIds", "", _HEADERS, body))
        return (time.perf_counter() - began) / _POLLS * 1e6

    return poll
