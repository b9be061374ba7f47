"""Requests per second of the poll: our whole server against the yardstick, the bare library, and WireMock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks import wiremock
from benchmarks.load import interleaved, median_ratio, press
from benchmarks.poll import BARE, FLASK, HEADERS, PATH, check_poll, create_job, poll_path, running_ours
from benchmarks.processes import Server, running
from benchmarks.table import Row, Target, at_least, skipped

CONNECTIONS = (16, 128)
_WARM_UP = {True: 12, False: 30}
OURS = "ours"
OURS_COMPLETED = "ours, completed job"
FLASK_WAITRESS = "Flask on waitress 8"
BARE_LIBRARY = "bare library"
WIREMOCK_TUNED = "WireMock tuned"
WIREMOCK_DEFAULT = "WireMock default"

TARGETS: dict[str, Target | None] = {
    FLASK_WAITRESS: at_least(8),
    BARE_LIBRARY: at_least(0.63),
    WIREMOCK_TUNED: at_least(1.5),
    WIREMOCK_DEFAULT: None,
    OURS_COMPLETED: None,
}


@dataclass(frozen=True)
class Subject:
    server: Server
    path: str


def run(quick: bool) -> Iterator[Row]:
    rounds, seconds = (2, 1.0) if quick else (4, 2.0)
    with contextlib.ExitStack() as stack:
        subjects = {OURS: _ours(stack, "forever", status=2)}
        if not quick:
            subjects[OURS_COMPLETED] = _ours(stack, "0s", status=3)
        for name, script in ((FLASK_WAITRESS, FLASK), (BARE_LIBRARY, BARE)):
            subjects[name] = Subject(stack.enter_context(running(script, path=PATH, headers=HEADERS)), PATH)
        for subject in subjects.values():
            press(subject.server.url(subject.path), connections=16, seconds=1, headers=HEADERS)
        try:
            wiremock.prepare()
        except wiremock.MissingError as missing:
            yield skipped(f"ours / {WIREMOCK_TUNED}", str(missing))
        else:
            for name in (WIREMOCK_TUNED,) if quick else (WIREMOCK_TUNED, WIREMOCK_DEFAULT):
                command = wiremock.command(tuned=name == WIREMOCK_TUNED)
                server = stack.enter_context(running(command, path=PATH, headers=HEADERS))
                wiremock.warm_up(server, longest=_WARM_UP[quick])
                subjects[name] = Subject(server, PATH)
        for connections in CONNECTIONS:
            measure = {name: partial(_per_second, it, connections, seconds) for name, it in subjects.items()}
            rates = interleaved(rounds, measure)
            yield from _rows(connections, rates)


def _ours(stack: contextlib.ExitStack, processing: str, status: int) -> Subject:
    """Start our server with one job; a server for each status, because what is stuck in one shows no other."""
    server = stack.enter_context(running_ours("--queueing", "0s", "--processing", processing))
    job_id = create_job(server)
    check_poll(server, job_id, status)
    return Subject(server, poll_path(job_id))


def _per_second(subject: Subject, connections: int, seconds: float) -> float:
    url = subject.server.url(subject.path)
    return press(url, connections=connections, seconds=seconds, headers=HEADERS).per_second


def _rows(connections: int, rates: dict[str, list[float]]) -> Iterator[Row]:
    for name, target in TARGETS.items():
        if name in rates:
            note = f"{median(rates[OURS]):,.0f} / {median(rates[name]):,.0f} req/s"
            ratio = median_ratio(rates[OURS], rates[name])
            yield Row(f"ours / {name}, {connections} connections", ratio, "x", target, note)
