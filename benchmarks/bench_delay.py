"""Many answers that each wait 100 ms: how close to the ideal, and with how many threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from statistics import median

from benchmarks.load import press
from benchmarks.poll import HEADERS, create_job, poll_path, running_ours
from benchmarks.processes import Server
from benchmarks.table import Row, at_least, at_most

CONNECTIONS = 128
DELAY = 0.1
IDEAL = CONNECTIONS / DELAY


def run(quick: bool) -> Iterator[Row]:
    # A run of whole seconds has room for one answer less per connection than its delays fill: short runs would
    # show that and not the server.
    rounds, seconds = (1, 5.0) if quick else (3, 5.0)
    options = ("--queueing", "0s", "--processing", "forever", "--latency", "100ms")
    with running_ours(*options) as server:
        url = server.url(poll_path(create_job(server)))
        with _ThreadCount(server) as count:
            loads = [press(url, connections=CONNECTIONS, seconds=seconds, headers=HEADERS) for _ in range(rounds)]
    rate = median(load.per_second for load in loads)
    note = f"{rate:,.0f} of {IDEAL:,.0f} req/s, p99 {median(load.p99_ms for load in loads):.0f} ms"
    yield Row("delayed 100 ms: share of the ideal", rate / IDEAL, "x", at_least(0.95), note)
    yield Row("delayed 100 ms: threads under load", count.most, "", at_most(8), f"{CONNECTIONS} connections")


class _ThreadCount:
    """Watches the number of a server's threads, and keeps the highest."""

    def __init__(self, server: Server) -> None:
        self.most = 0
        self._server = server
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _ThreadCount:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self.most = max(self.most, self._server.threads())
