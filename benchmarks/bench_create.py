"""A create costs the same however many jobs were made in the same seconds, which name their files by the time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from statistics import median
from time import perf_counter_ns

from benchmarks.load import median_ratio
from benchmarks.poll import API_KEY, CREATE
from benchmarks.processes import BenchmarkError
from benchmarks.table import Row, at_most
from mock_akool import MockAkool, SystemClock
from mock_akool.akool.codes import Code
from mock_akool.core.http import Request

_JSON = {"x-api-key": API_KEY, "content-type": "application/json"}
_WARM_UP = 1_000
_SAMPLE = 2_000
_PATIENCE_NS = 60 * 10**9


def run(quick: bool) -> Iterator[Row]:
    many, rounds = (20_000, 3) if quick else (100_000, 5)
    first, last = [], []
    for _ in range(rounds):
        filling = _Filling(many)
        first.append(filling.first_ns)
        last.append(filling.last_ns)
    note = f"{median(last):,.0f} / {median(first):,.0f} ns"
    yield Row(
        f"a create among {many:,} jobs of the same seconds / the first",
        median_ratio(last, first),
        "x",
        at_most(1.2),
        note,
    )


class _Filling:
    """A fake in real time that was given many jobs, and what the first and the last of them took each."""

    def __init__(self, many: int) -> None:
        mock = MockAkool(clock=SystemClock(), credits=10**9, queueing="1h", processing="1h")
        request = Request.build("POST", CREATE, headers=_JSON, body=b'{"prompt":"a red fox"}')
        began_ns = perf_counter_ns()

        def create(count: int) -> float:
            """Create so many jobs; returns the nanoseconds of each."""
            started_ns = perf_counter_ns()
            for _ in range(count):
                response = mock.answer(request)
                if response.code != Code.OK:
                    raise BenchmarkError(f"a job was not created: {response.body!r}")
            return (perf_counter_ns() - started_ns) / count

        gc.collect()
        create(_WARM_UP)
        self.first_ns = create(_SAMPLE)
        while len(mock.jobs) < many - _SAMPLE:
            create(_SAMPLE)
            if perf_counter_ns() - began_ns > _PATIENCE_NS:
                raise BenchmarkError(f"only {len(mock.jobs):,} of {many:,} jobs were made within a minute")
        gc.collect()
        self.last_ns = create(_SAMPLE)
