"""What the dashboard costs: the server whose polls go on while it is open, and the person who waits for it to open.

The browser runs on the same machine. What it takes from others there is none of the server's cost, so beside the polls
per second stand those per second of the server's processor time.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.load import interleaved, median_ratio, press
from benchmarks.poll import HEADERS, HEALTH, create_job, poll_path, running_ours
from benchmarks.processes import HOST, Server, running
from benchmarks.table import Row, at_least, at_most, skipped
from tools.browser import MISSING, find_chromium, launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CONNECTIONS = 16
_JOBS = 10_000
_CALLS_PER_S = 500
_WATCHED_S = 3.0
_SETTLED_S = 2.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")

_OPENED_MS = """async () => {
  const isThere = () => document.querySelector("#live[data-state=live]") && document.querySelector("[role=option]");
  while (!isThere()) await new Promise((done) => setTimeout(done, 5));
  return performance.now();
}"""
"""Returns how many milliseconds after the navigation began the page is live and shows jobs."""

_FRAMES_MS = """(seconds) => new Promise((done) => {
  const found = [];
  let last = performance.now();
  const ends = last + 1000 * seconds;
  const frame = (at) => {
    found.push(at - last);
    last = at;
    if (at < ends) requestAnimationFrame(frame);
    else done(found);
  };
  requestAnimationFrame(frame);
})"""
"""Returns how many milliseconds lay between the frames that were drawn meanwhile."""


def run(quick: bool) -> Iterator[Row]:
    program = find_chromium()
    if program is None:
        yield skipped("the dashboard", MISSING)
        return
    with launched(program) as browser:
        yield from _polls(browser, rounds=3 if quick else 9, seconds=1.0 if quick else 3.0)
        yield from _many(browser, rounds=3 if quick else 9)


def _polls(browser: Browser, rounds: int, seconds: float) -> Iterator[Row]:
    with running_ours("--queueing", "0s", "--processing", "forever", "--log", "off") as server:
        url = server.url(poll_path(create_job(server)))
        page = browser.new_page()
        per_cpu: dict[str, list[float]] = {"open": [], "closed": []}

        def measure(name: str, where: str) -> Callable[[], float]:
            def measured() -> float:
                page.goto(where)
                if name == "open":
                    page.evaluate(_OPENED_MS)
                    time.sleep(_SETTLED_S)  # what opening costs is measured by itself
                before = _cpu_s(server)
                load = press(url, connections=_CONNECTIONS, seconds=seconds, headers=HEADERS)
                per_cpu[name].append(load.requests / (_cpu_s(server) - before))
                return load.per_second

            return measured

        subjects = {"open": measure("open", server.url("/_mock/#calls")), "closed": measure("closed", "about:blank")}
        page.goto(server.url("/_mock/"))
        found = interleaved(rounds, subjects)
        note = f"{median(per_cpu['open']):,.0f} / {median(per_cpu['closed']):,.0f} a second of the processor"
        ratio = median_ratio(per_cpu["open"], per_cpu["closed"])
        yield Row(
            "polls per second of the server's processor time, dashboard open / not", ratio, "x", at_least(0.9), note
        )
        note = (
            f"{median(found['open']):,.0f} / {median(found['closed']):,.0f} a second, beside a browser on this machine"
        )
        ratio = median_ratio(found["open"], found["closed"])
        yield Row("polls per second, dashboard open / not", ratio, "x", None, note)
        page.close()


def _many(browser: Browser, rounds: int) -> Iterator[Row]:
    command = (sys.executable, "-m", "benchmarks.subjects.busy_server", "{port}", str(_JOBS // 2))
    with running(command, path=HEALTH, limit=300) as server:
        page = browser.new_page()
        opened = []
        for _ in range(rounds):
            page.goto("about:blank")
            page.goto(server.url("/_mock/"), wait_until="commit")
            opened.append(float(page.evaluate(_OPENED_MS)))
        note = f"the longest {max(opened):,.0f} ms"
        yield Row(f"the dashboard opens, {_JOBS:,} jobs and calls", median(opened), "ms", at_most(1000), note)
        for view in ("jobs", "calls"):
            page.goto(server.url(f"/_mock/#{view}"))
            page.evaluate(_OPENED_MS)
            frames = sorted(_frames(page, server))
            note = f"of {len(frames)} frames, the longest {frames[-1]:.0f} ms"
            name = f"p95 between frames, {view}, {_CALLS_PER_S} calls a second"
            yield Row(name, frames[len(frames) * 95 // 100], "ms", at_most(50), note)
        page.close()


def _frames(page: Page, server: Server) -> Any:
    """Return what lay between frames, in milliseconds, while calls come in."""
    with _calling(server):
        return page.evaluate(_FRAMES_MS, _WATCHED_S)


@contextlib.contextmanager
def _calling(server: Server) -> Iterator[None]:
    """Let a client call so many times a second."""
    ends = threading.Event()
    path = poll_path(create_job(server))

    def client() -> None:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
        due = time.perf_counter()
        while not ends.is_set():
            connection.request("GET", path, headers=HEADERS)
            connection.getresponse().read()
            due = max(due + 1 / _CALLS_PER_S, time.perf_counter() - 0.1)
            time.sleep(max(0.0, due - time.perf_counter()))
        connection.close()

    thread = threading.Thread(target=client)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


def _cpu_s(server: Server) -> float:
    """Return how many seconds of processor time the server took until now."""
    after_name = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS_PER_S
