"""What a job adds to the memory, and that polls add nothing once the call log is full."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.load import press
from benchmarks.poll import API_KEY, CREATE, HEADERS, create_job, poll_path, running_ours
from benchmarks.processes import HOST, BenchmarkError, Server
from benchmarks.table import Row, at_most

_CLIENTS = 4
_KEPT = 1_000
_CREDITS = ("--credits", "1000000000")
_STAGES = ("--queueing", "0s", "--processing", "forever")


def jobs(quick: bool) -> Iterator[Row]:
    count = 10_000 if quick else 20_000
    with running_ours(*_CREDITS, *_STAGES, "--call-log-size", str(_KEPT)) as server:
        # The call log is to be full, and caches warm, before it counts.
        _create(server, 5 * _KEPT)
        before = server.rss_kib()
        _create(server, count)
        grown = server.rss_kib() - before
    note = f"{grown / 1024:.1f} MiB for {count:,} jobs"
    yield Row("memory per job", grown * 1024 / count, "B", at_most(1500), note)


def call_log(quick: bool) -> Iterator[Row]:
    half = 20_000 if quick else 100_000
    with running_ours(*_STAGES) as server:
        url = server.url(poll_path(create_job(server)))
        first = _poll(url, half)
        before = server.rss_kib()
        second = _poll(url, half)
        grown = server.rss_kib() - before
    note = f"from {first:,} to {first + second:,} polls"
    yield Row("memory growth while the call log is full", grown / 1024, "MiB", at_most(1), note)


def _poll(url: str, at_least: int) -> int:
    done = 0
    while done < at_least:
        done += press(url, connections=16, seconds=1, headers=HEADERS).requests
    return done


def _create(server: Server, count: int) -> None:
    with ThreadPoolExecutor(_CLIENTS) as pool:
        for future in [pool.submit(_create_some, server, count // _CLIENTS) for _ in range(_CLIENTS)]:
            future.result()


def _create_some(server: Server, count: int) -> None:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
    headers = {"x-api-key": API_KEY, "content-type": "application/json"}
    try:
        for number in range(count):
            body = json.dumps({"prompt": f"a red fox, number {number}"}).encode()
            connection.request("POST", CREATE, body, headers)
            if b'"code":1000' not in connection.getresponse().read():
                raise BenchmarkError("a job was not created")
    finally:
        connection.close()
