"""What keeping the state costs: saving and loading it, and the polls beside a save."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.poll import HEADERS, HEALTH, create_job, poll_path
from benchmarks.processes import HOST, BenchmarkError, Server, running
from benchmarks.table import Row, at_most

_MOST_S = 2
_MOST_MS = 20


def run(quick: bool) -> Iterator[Row]:
    jobs = 10_000 if quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "state.json")
        command = (sys.executable, "-m", "benchmarks.subjects.stateful_server", "{port}", str(jobs), str(file))
        with running(command, path=HEALTH, limit=300) as server:
            took_s, size, waits_ms = _beside_a_save(server)
        waits_ms.sort()
        p99 = waits_ms[len(waits_ms) * 99 // 100]
        yield Row(f"saving {jobs:,} jobs with webhooks", took_s, "s", at_most(_MOST_S), f"{size / 1e6:.0f} MB")
        note = f"of {len(waits_ms):,} polls the longest {waits_ms[-1]:.0f} ms"
        yield Row("p99 of polls beside a save", p99, "ms", at_most(_MOST_MS), note)
        loading = (sys.executable, "-m", "benchmarks.subjects.stateful_server", "load", str(file))
        loaded = subprocess.run(loading, capture_output=True, text=True, check=False, timeout=300)
        if loaded.returncode:
            raise BenchmarkError(f"the state was not loaded: {loaded.stderr}")
        yield Row(f"loading {jobs:,} jobs with webhooks", float(loaded.stdout), "s", at_most(_MOST_S))


def _beside_a_save(server: Server) -> tuple[float, int, list[float]]:
    """Return how many seconds a save took, how many bytes it wrote, and each poll meanwhile, in ms."""
    path = poll_path(create_job(server))
    saved: list[tuple[float, int]] = []

    def save() -> None:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=300)
        connection.request("POST", "/_mock/snapshot/save")
        answer = connection.getresponse()
        answered = json.loads(answer.read())
        connection.close()
        if answer.status == 200:
            saved.append((answered["seconds"], answered["bytes"]))

    client = http.client.HTTPConnection(HOST, server.port, timeout=60)
    waits_ms: list[float] = []
    thread = threading.Thread(target=save)
    thread.start()
    while thread.is_alive():
        began = time.perf_counter()
        client.request("GET", path, headers=HEADERS)
        client.getresponse().read()
        waits_ms.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.001)
    client.close()
    if not saved:
        raise BenchmarkError("the state was not saved")
    return *saved[0], waits_ms
