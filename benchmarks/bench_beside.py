"""How long a client waits whose requests come beside a heavy request to the admin API."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator

from benchmarks.poll import API_KEY, CREATE, HEADERS, HEALTH, create_job, poll_path
from benchmarks.processes import HOST, BenchmarkError, Server, running
from benchmarks.table import Row, at_most

_QUOTA = "/api/open/v3/faceswap/quota/info"
_LONGEST_MS = 50
_BESIDE_S = 0.3
"""How long the client goes on at least, when the heavy request takes less."""

_HEAVY: tuple[tuple[str, str, dict[str, object] | None], ...] = (
    ("GET", "/_mock/state", None),
    ("GET", "/_mock/accounts?limit=10000", None),
    ("GET", "/_mock/jobs?limit=10000", None),
    ("GET", "/_mock/jobs?status=completed", None),
    ("GET", f"/_mock/jobs?account={API_KEY}", None),
    ("GET", "/_mock/calls?limit=10000", None),
    ("GET", f"/_mock/calls?account={API_KEY}&code=1005", None),
    ("GET", "/_mock/report", None),
    ("GET", "/_mock/scenario", None),
    ("GET", "/_mock/scenario/unused", None),
    ("GET", "/_mock/openapi.json", None),
    ("PUT", "/_mock/scenario", {"scenario": {"rules": [{"on": "file", "nth": 9, "fault": {"drop": True}}] * 20_000}}),
    ("POST", "/_mock/webhooks/sending", {"by": "collect"}),
    ("POST", "/_mock/clock/advance", {"until": "idle"}),
    ("GET", "/_mock/webhooks?limit=10000", None),
    ("POST", "/_mock/reset", {"account": API_KEY}),
    ("POST", "/_mock/reset", None),
)


def run(quick: bool) -> Iterator[Row]:
    jobs = 20_000 if quick else 100_000
    command = (sys.executable, "-m", "benchmarks.subjects.busy_server", "{port}", str(jobs))
    with running(command, path=HEALTH, limit=300) as server:
        for method, path, body in _HEAVY:
            took_ms, waits_ms = _beside(server, method, path, body)
            waits_ms.sort()
            p99 = waits_ms[len(waits_ms) * 99 // 100]
            note = f"took {took_ms:,.0f} ms; of {len(waits_ms):,} requests the longest {waits_ms[-1]:.0f} ms"
            shown = path.replace(API_KEY, "…")
            yield Row(f"p99 beside {method} {shown}", p99, "ms", at_most(_LONGEST_MS), note)


def _beside(server: Server, method: str, path: str, body: dict[str, object] | None) -> tuple[float, list[float]]:
    """Return how long a heavy request took, and each of the client's requests that were made meanwhile, in ms."""
    job_id = create_job(server)
    took_ms: list[float] = []

    def heavy() -> None:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=300)
        began = time.perf_counter()
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status == 200:
            took_ms.append(1e3 * (time.perf_counter() - began))

    client = http.client.HTTPConnection(HOST, server.port, timeout=60)
    asked = [("GET", poll_path(job_id), None), ("GET", _QUOTA, None), ("POST", CREATE, b'{"prompt":"an owl"}')]
    headers = {**HEADERS, "content-type": "application/json"}
    waits_ms: list[float] = []
    thread = threading.Thread(target=heavy)
    thread.start()
    ends = time.perf_counter() + _BESIDE_S
    while thread.is_alive() or time.perf_counter() < ends:
        kind, target, sent = asked[len(waits_ms) % len(asked)]
        began = time.perf_counter()
        client.request(kind, target, sent, headers)
        client.getresponse().read()
        waits_ms.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.001)
    thread.join()
    client.close()
    if not took_ms:
        raise BenchmarkError(f"{method} {path} was not answered")
    return took_ms[0], waits_ms
