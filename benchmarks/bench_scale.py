"""A poll costs the same however many jobs there are: 1,000 and 1,000,000, in process; and what those occupy."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from time import thread_time_ns

from benchmarks.load import interleaved, median_ratio
from benchmarks.poll import API_KEY, CREATE, HEADERS, ROUTE
from benchmarks.processes import BenchmarkError, rss_kib
from benchmarks.table import Row, at_most
from mock_akool import MockAkool
from mock_akool.akool.codes import Code
from mock_akool.core.http import Request

_SMALL = 1_000
_POLLS = 2_000
_WARM_UP = 5
_ROUNDS = 31
_JSON = {"x-api-key": API_KEY, "content-type": "application/json"}


def run(quick: bool) -> Iterator[Row]:
    large = 100_000 if quick else 1_000_000
    few = _Filled(_SMALL)
    gc.collect()
    before_kib = rss_kib(os.getpid())
    many = _Filled(large)
    gc.collect()
    grown_kib = rss_kib(os.getpid()) - before_kib
    note = f"{grown_kib * 1024 / large:,.0f} B a job"
    yield Row(f"memory of {large:,} jobs", grown_kib / 1024, "MiB", at_most(1500 * large / 2**20), note)
    dice = random.Random(0)
    for what, ids, target in (
        ("of any of them", many.ids, at_most(1.2)),
        (f"of {_SMALL:,} of them", dice.sample(many.ids, _SMALL), None),
    ):
        rounds = {
            "few": partial(few.nanoseconds_per_poll, few.ids, dice),
            "many": partial(many.nanoseconds_per_poll, ids, dice),
        }
        interleaved(_WARM_UP, rounds)
        cost = interleaved(_ROUNDS, rounds)
        note = f"{median(cost['many']):,.0f} / {median(cost['few']):,.0f} ns"
        name = f"a poll {what} among {large:,} jobs / among {_SMALL:,}"
        yield Row(name, median_ratio(cost["many"], cost["few"]), "x", target, note)


class _Filled:
    """A mock with many jobs, and their ids."""

    def __init__(self, count: int) -> None:
        self._mock = MockAkool(credits=10_000_000, queueing="0s", processing="forever")
        create = Request.build("POST", CREATE, headers=_JSON, body=b'{"prompt":"a red fox"}')
        self.ids = [self._created(create) for _ in range(count)]

    def _created(self, create: Request) -> str:
        response = self._mock.answer(create)
        if response.code != Code.OK or response.job_id is None:
            raise BenchmarkError(f"a job was not created: {response.body!r}")
        return response.job_id

    def nanoseconds_per_poll(self, ids: Sequence[str], dice: random.Random) -> float:
        queries = [f"image_model_id={job_id}" for job_id in dice.choices(ids, k=_POLLS)]
        calls = [Request.build("GET", ROUTE, query=query, headers=HEADERS) for query in queries]
        answer = self._mock.answer
        started = thread_time_ns()  # what others do on the machine meanwhile is not meant
        for call in calls:
            answer(call)
        return (thread_time_ns() - started) / _POLLS
