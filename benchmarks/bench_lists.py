"""What a poll of many jobs at once costs, against a poll of one."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from statistics import median
from typing import Any, NamedTuple

from benchmarks.load import interleaved, median_ratio
from benchmarks.poll import API_KEY, running_ours
from benchmarks.processes import HOST, BenchmarkError
from benchmarks.table import Row, at_most
from mock_akool import MockAkool, Request

_V3 = "/api/open/v3/faceswap"
_V4 = "/api/open/v4/image2Video"
_HEADERS = {"x-api-key": API_KEY, "content-type": "application/json"}
_VIDEO = {"image_url": "https://example.com/fox.png", "prompt": "a fox", "resolution": "720p", "video_length": 5}
_FACE = [{"path": "https://example.com/face.png"}]
_SWAP = {"sourceImage": _FACE, "targetImage": _FACE, "modifyImage": "https://example.com/group.png"}
_JOBS = 50
_POLLS = 200
_UNKNOWN = "0" * 24
_BATCHES = 20
"""How many times so many jobs are polled for the first time."""


class _Reader(NamedTuple):
    """A reader of several jobs: how one is made, and what asks for some."""

    name: str
    create: str
    body: dict[str, Any]

    def poll_of(self, ids: list[str]) -> Request:
        if self.name == "listbyids":
            return Request.build("GET", f"{_V3}/result/listbyids", f"_ids={','.join(ids)}", _HEADERS)
        return Request.build("POST", f"{_V4}/resultsByIds", "", _HEADERS, json.dumps({"_ids": ",".join(ids)}).encode())


_READERS = (
    _Reader("resultsByIds", f"{_V4}/createBySourcePrompt", _VIDEO),
    _Reader("listbyids", f"{_V3}/highquality/specifyimage", _SWAP),
)


def run(quick: bool) -> Iterator[Row]:
    rounds = 5 if quick else 25
    for reader in _READERS:
        mock = MockAkool(processing="forever", credits=10**9)
        ids = [_made(mock, reader) for _ in range(_JOBS)]
        names = {
            "": {1: _again(mock, reader, ids[:1]), _JOBS: _again(mock, reader, ids)},
            ", one job left out each time": {1: _first(mock, reader, 1), _JOBS: _others(mock, reader)},
            ", polled for the first time": {1: _first(mock, reader, 1), _JOBS: _first(mock, reader, _JOBS)},
        }
        for how, polls in names.items():
            yield _row(reader, how, interleaved(rounds, polls), 30 if "first" in how else 10)
    with running_ours("--processing", "forever", "--credits", str(10**9), "--log", "off") as server:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
        try:
            for reader in _READERS:
                yield _over_http(connection, reader, rounds)
        finally:
            connection.close()


def _over_http(connection: http.client.HTTPConnection, reader: _Reader, rounds: int) -> Row:
    """Return what a client of the server sees of first polls: how long it waits for one."""

    def talk(method: str, path: str, body: bytes) -> Any:
        connection.request(method, path, body, _HEADERS)
        return json.loads(connection.getresponse().read())["data"]

    def made() -> str:
        job_id: str = talk("POST", reader.create, json.dumps(reader.body).encode())["_id"]
        return job_id

    def first_of(count: int) -> float:
        poll = reader.poll_of([made() for _ in range(count)])
        path = f"{poll.path}?{poll.query}" if poll.query else poll.path
        began = time.perf_counter()
        found = talk(poll.method, path, poll.body)["result"]
        took = time.perf_counter() - began
        if len(found) != count:
            raise BenchmarkError(f"{len(found)} jobs were shown, not {count}")
        return took * 1e6

    took_us = interleaved(rounds * 4, {count: partial(first_of, count) for count in (1, _JOBS)})
    return _row(reader, ", the first time, over HTTP", took_us, 10)


def _row(reader: _Reader, how: str, took_us: Mapping[int, Sequence[float]], most: float) -> Row:
    note = ", ".join(f"{count} in {median(each):.1f} µs" for count, each in took_us.items())
    ratio = median_ratio(took_us[_JOBS], took_us[1])
    return Row(f"{reader.name} of {_JOBS} / of one{how}", ratio, "x", at_most(most), note)


def _made(mock: MockAkool, reader: _Reader) -> str:
    body = json.dumps(reader.body).encode()
    answer = mock.answer(Request.build("POST", reader.create, "", _HEADERS, body))
    job_id: str = json.loads(answer.body)["data"]["_id"]
    return job_id


def _timed(mock: MockAkool, requests: list[Request]) -> float:
    """Return how many µs of the processor an answer takes."""
    began = time.thread_time()
    for request in requests:
        mock.answer(request)
    return (time.thread_time() - began) / len(requests) * 1e6


def _again(mock: MockAkool, reader: _Reader, ids: list[str]) -> Callable[[], float]:
    """Return what asks for these jobs again and again, as a waiting client does."""
    return lambda: _timed(mock, [reader.poll_of(ids) for _ in range(_POLLS)])


def _first(mock: MockAkool, reader: _Reader, count: int) -> Callable[[], float]:
    """Return what asks for jobs that nobody has asked for, so many at a time."""

    def poll() -> float:
        ids = [_made(mock, reader) for _ in range(count * _BATCHES)]
        return _timed(mock, [reader.poll_of(ids[at : at + count]) for at in range(0, len(ids), count)])

    return poll


def _others(mock: MockAkool, reader: _Reader) -> Callable[[], float]:
    """Return what asks for the same jobs but another one each time, so that no answer is one of a moment ago."""
    ids = [_made(mock, reader) for _ in range(_JOBS + 1)]
    places = cycle(range(_JOBS + 1))
    mock.answer(reader.poll_of(ids))

    def poll() -> float:
        fewer = [[each for at, each in enumerate(ids) if at != place] for place in islice(places, _BATCHES)]
        # No answer that leaves out an unknown id is kept.
        return _timed(mock, [reader.poll_of([*each, _UNKNOWN]) for each in fewer])

    return poll
