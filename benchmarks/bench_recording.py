"""What recording adds to a request, beside the time of the upstream."""

from __future__ import annotations

import http.client
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.load import interleaved
from benchmarks.poll import HEADERS, HEALTH, create_job, poll_path, program, running_ours
from benchmarks.processes import HOST, Server, running
from benchmarks.table import Row, at_most

_POLLS = 300


def run(quick: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, running_ours("--processing", "forever", "--log", "off") as real:
        path = poll_path(create_job(real))
        into = str(Path(folder) / "recording")
        command = (*program(), "record", "--port", "{port}", "--upstream", real.url(""), "--into", into, "--log", "off")
        with running(command, path=HEALTH) as recorder:
            subjects = {
                "direct": lambda: _milliseconds(real, path),
                "recorded": lambda: _milliseconds(recorder, path),
            }
            found = interleaved(3 if quick else 9, subjects)
    direct, recorded = median(found["direct"]), median(found["recorded"])
    note = f"{recorded:.2f} ms for {direct:.2f} ms, one connection"
    yield Row("recording: what it adds to a poll", recorded - direct, "ms", at_most(2), note)


def _milliseconds(server: Server, path: str) -> float:
    """Return the median of how long a poll takes, one after the other."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
    took: list[float] = []
    try:
        for _ in range(_POLLS):
            began_s = time.perf_counter()
            connection.request("GET", path, headers=HEADERS)
            connection.getresponse().read()
            took.append((time.perf_counter() - began_s) * 1000)
    finally:
        connection.close()
    return median(took)
