"""What the rule engine costs a poll: nothing when it is unused, little with twenty rules that wait for their turn."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import thread_time_ns
from typing import Any

from benchmarks.load import interleaved, median_ratio, press
from benchmarks.poll import API_KEY, CREATE, HEADERS, ROUTE, create_job, poll_path, running_ours
from benchmarks.processes import Server
from benchmarks.table import Row, at_most
from mock_akool import MockAkool, Request

_RULES = 20
_POLLS = 2_000
_WARM_UP = 3
_ROUNDS = 31
_CONNECTIONS = 16
_WAITING: dict[str, Any] = {
    "rules": [
        {"on": "infobymodelid", "nth": 1_000_000_000 - number, "optional": True, "fault": {"http": 502}}
        for number in range(_RULES)
    ]
}
"""Twenty rules for polls; none of them fires within the measurement, which makes millions."""


def run(quick: bool) -> Iterator[Row]:
    rounds = 7 if quick else _ROUNDS
    polls = {
        "off": _poller(scenario_sources="none"),
        "unused": _poller(),
        "rules": _poller(scenario=_WAITING),
    }
    interleaved(_WARM_UP, polls)
    cost = interleaved(rounds, polls)
    off = median(cost["off"])
    note = f"{median(cost['unused']):,.0f} / {off:,.0f} ns in the core"
    yield Row(
        "a poll with scenarios unused / switched off",
        median_ratio(cost["unused"], cost["off"]),
        "x",
        at_most(1.05),
        note,
    )
    note = f"{median(cost['rules']):,.0f} / {off:,.0f} ns in the core"
    yield Row(
        f"a poll with {_RULES} rules / none, in the core", median_ratio(cost["rules"], cost["off"]), "x", None, note
    )
    yield _served(2 if quick else 6, 1.0 if quick else 2.0)


def _served(rounds: int, seconds: float) -> Row:
    """Through the live server, where a poll is what a client pays for."""
    with contextlib.ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory()), "waiting.json")
        file.write_text(json.dumps(_WAITING))
        stalled = ("--queueing", "0s", "--processing", "forever")
        subjects = {
            "rules": stack.enter_context(running_ours(*stalled, "--scenario", str(file))),
            "none": stack.enter_context(running_ours(*stalled)),
        }
        measure = {
            name: partial(_ns_per_poll, server, create_job(server), seconds) for name, server in subjects.items()
        }
        interleaved(1, measure)
        cost = interleaved(rounds, measure)
    note = f"{median(cost['rules']):,.0f} / {median(cost['none']):,.0f} ns, {_CONNECTIONS} connections"
    return Row(
        f"a poll with {_RULES} rules / none, served", median_ratio(cost["rules"], cost["none"]), "x", at_most(1.1), note
    )


def _ns_per_poll(server: Server, job_id: str, seconds: float) -> float:
    load = press(server.url(poll_path(job_id)), connections=_CONNECTIONS, seconds=seconds, headers=HEADERS)
    return 1e9 / load.per_second


def _poller(**options: Any) -> partial[float]:
    mock = MockAkool(queueing=0, processing="forever", **options)
    headers = {"x-api-key": API_KEY, "content-type": "application/json"}
    job_id = mock.answer(Request.build("POST", CREATE, headers=headers, body=b'{"prompt":"a red fox"}')).job_id
    return partial(_ns_in_core, mock, Request.build("GET", ROUTE, f"image_model_id={job_id}", HEADERS))


def _ns_in_core(mock: MockAkool, call: Request) -> float:
    answer = mock.answer
    began = thread_time_ns()  # of the processor, since others may use the machine
    for _ in range(_POLLS):
        answer(call)
    return (thread_time_ns() - began) / _POLLS
