"""What admin routes cost when there is much to look at: 100,000 running jobs, and a call log at its bound."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from statistics import median
from time import perf_counter_ns
from typing import Any

from benchmarks.poll import API_KEY, CREATE
from benchmarks.processes import BenchmarkError
from benchmarks.table import Row, at_most
from mock_akool import MockAkool
from mock_akool.core.http import Request

_JOBS = 100_000
_ROUNDS = 15
_JSON = {"x-api-key": API_KEY, "content-type": "application/json"}


def run(quick: bool) -> Iterator[Row]:
    mock = MockAkool(credits=10**9, queueing="1h", processing="1h")
    create = Request.build("POST", CREATE, headers=_JSON, body=b'{"prompt":"a red fox"}')
    for _ in range(_JOBS):
        mock.answer(create)
    gc.collect()
    advance = "/_mock/clock/advance"
    for name, method, path, query, body, target in (
        ("advance by seconds", "POST", advance, "", {"seconds": 1}, 100),
        ("advance until idle", "POST", advance, "", {"until": "idle"}, 100),
        ("list a page of calls", "GET", "/_mock/calls", "", None, 50),
        ("filter the calls by account and code", "GET", "/_mock/calls", f"account={API_KEY}&code=1005", None, 50),
        ("filter the calls by endpoint", "GET", "/_mock/calls", "endpoint=create", None, 50),
        ("state", "GET", "/_mock/state", "", None, None),
    ):
        call = Request.build(method, path, query, body=b"" if body is None else json.dumps(body).encode())
        spent_ms = [_milliseconds(mock, call) for _ in range(_ROUNDS)]
        yield Row(f"{name}, {_JOBS:,} jobs", median(spent_ms), "ms", None if target is None else at_most(target))


def _milliseconds(mock: Any, call: Request) -> float:
    began_ns = perf_counter_ns()
    response = mock.answer(call)
    spent_ms = (perf_counter_ns() - began_ns) / 1e6
    if response.status != 200:
        raise BenchmarkError(f"{call.path} was not answered: {response.body!r}")
    return spent_ms
