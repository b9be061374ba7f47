"""The interceptors, against what people would write by hand with the same libraries."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from unittest.mock import patch

import aiohttp
import httpx
import requests
import responses
import respx

from benchmarks.load import interleaved, median_ratio
from benchmarks.poll import API_KEY, HEADERS, ROUTE, running_ours
from benchmarks.table import Row, at_most
from mock_akool import MockAkool, RemoteAkool, Server
from mock_akool.akool.codes import API_URL
from mock_akool.core.http import Request
from mock_akool.mock.virtual_time.genuine import perf_counter_ns

_CREATE_URL = f"{API_URL}/api/open/v3/content/image/createbyprompt"
_POLL_URL = f"{API_URL}{ROUTE}"
_CALLS = 200
_WARM_UP = 2
_ROUNDS = 21


def polls(quick: bool) -> Iterator[Row]:
    """Polls through each interceptor."""
    rounds = 7 if quick else _ROUNDS
    for name, measure, target in (
        ("requests / static responses", _requests, 1.05),
        ("httpx / static respx", _httpx, 1.15),
        ("aiohttp / bare loopback server", _aiohttp, 1.3),
    ):
        ours, theirs = measure()
        interleaved(_WARM_UP, {"ours": ours, "theirs": theirs})
        cost = interleaved(rounds, {"ours": ours, "theirs": theirs})
        note = f"{median(cost['ours']) / 1000:.0f} / {median(cost['theirs']) / 1000:.0f} µs a poll"
        yield Row(f"a poll: {name}", median_ratio(cost["ours"], cost["theirs"]), "x", at_most(target), note)


def life(quick: bool) -> Iterator[Row]:
    """Set-up, tear-down, and a whole test."""
    rounds = 50 if quick else 300
    yield Row("akool_mock set-up and tear-down", _median_ms(rounds, _one_mock), "ms", at_most(0.5))
    yield Row("live server start and stop, connection open", _median_ms(rounds // 5, _one_server), "ms", at_most(20))
    yield Row(
        "a test of a client that polls a 60 s job every 3 s", _median_ms(rounds // 5, _patient), "ms", at_most(10)
    )
    yield Row("ten threads with such a job each", _median_ms(rounds // 10, _ten_patient), "ms", at_most(150))
    with running_ours("--queueing", "2", "--processing", "58", "--log", "off") as server:
        elsewhere = partial(_patient, MockAkool.connect(server.url("")))
        cost = interleaved(rounds // 10, {"there": partial(_ms, elsewhere), "here": partial(_ms, _patient)})
    note = f"{median(cost['there']):.0f} / {median(cost['here']):.0f} ms"
    yield Row(
        "the same, of a server elsewhere / in process", median_ratio(cost["there"], cost["here"]), "x", None, note
    )


def net(quick: bool) -> Iterator[Row]:
    """What the net below the interceptors costs a connection that has nothing to do with Akool."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        connect = partial(_connect_us, server)
        _connect_us(server)

        def watched() -> float:
            with MockAkool():
                return connect()

        cost = interleaved(11 if quick else 61, {"watched": watched, "free": connect})
    added = median(cost["watched"]) - median(cost["free"])
    note = f"{median(cost['watched']):.0f} / {median(cost['free']):.0f} µs"
    yield Row("the net adds to an unrelated connection", added, "µs", at_most(5), note)


def plugin(quick: bool) -> Iterator[Row]:
    """What the installed plugin costs a run that does not use it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_empty.py").write_text("def test_empty(): pass\n")
        # Without the other plugins of this environment, which take a hundred times as long as what is measured.
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
        without = partial(_run_ms, command, folder)
        with_it = partial(_run_ms, [*command, "-p", "mock_akool.pytest_plugin"], folder)
        interleaved(_WARM_UP, {"with": with_it, "without": without})
        cost = interleaved(7 if quick else 41, {"with": with_it, "without": without})
    added = median(ours - theirs for ours, theirs in zip(cost["with"], cost["without"], strict=True))
    note = f"{median(cost['with']):.0f} / {median(cost['without']):.0f} ms"
    yield Row("the unused plugin adds to --collect-only", added, "ms", at_most(5), note)


def _completed() -> tuple[MockAkool, str, bytes]:
    """Return a mock with a completed job, its id, and the body of its poll."""
    mock = MockAkool(queueing=0, processing=0)
    headers = {"x-api-key": API_KEY, "content-type": "application/json"}
    create = Request.build(
        "POST", "/api/open/v3/content/image/createbyprompt", headers=headers, body=b'{"prompt":"fox"}'
    )
    job_id = mock.answer(create).job_id or ""
    body = mock.answer(Request.build("GET", ROUTE, f"image_model_id={job_id}", HEADERS)).body
    return mock, job_id, body


def _per_call(poll: Callable[[], object]) -> float:
    began = perf_counter_ns()
    for _ in range(_CALLS):
        poll()
    return (perf_counter_ns() - began) / _CALLS


def _requests() -> tuple[Callable[[], float], Callable[[], float]]:
    mock, job_id, body = _completed()
    session = requests.Session()
    query = {"image_model_id": job_id}

    def poll() -> object:
        return session.get(_POLL_URL, params=query, headers=HEADERS).json()

    def ours() -> float:
        with mock:
            return _per_call(poll)

    def theirs() -> float:
        matchers = [
            responses.matchers.query_param_matcher(query),
            responses.matchers.header_matcher(HEADERS),
        ]
        with responses.RequestsMock() as mocked:
            mocked.get(_POLL_URL, body=body, content_type="application/json", match=matchers)
            return _per_call(poll)

    return ours, theirs


def _httpx() -> tuple[Callable[[], float], Callable[[], float]]:
    mock, job_id, body = _completed()
    client = httpx.Client()
    query = {"image_model_id": job_id}

    def poll() -> object:
        return client.get(_POLL_URL, params=query, headers=HEADERS).json()

    def ours() -> float:
        with mock:
            return _per_call(poll)

    def theirs() -> float:
        with respx.mock as router:
            router.get(_POLL_URL, params=query, headers=HEADERS).respond(
                content=body, headers={"content-type": "application/json"}
            )
            return _per_call(poll)

    return ours, theirs


def _aiohttp() -> tuple[Callable[[], float], Callable[[], float]]:
    mock, job_id, _ = _completed()

    async def polls(url: str) -> float:
        async with aiohttp.ClientSession() as session:

            async def poll() -> None:
                async with session.get(url, params={"image_model_id": job_id}, headers=HEADERS) as answer:
                    await answer.json()

            await poll()
            return await _per_await(poll)

    def ours() -> float:
        with mock:
            return asyncio.run(polls(_POLL_URL))

    def theirs() -> float:
        with mock.server() as server:
            return asyncio.run(polls(f"{server.url}{ROUTE}"))

    return ours, theirs


async def _per_await(poll: Callable[[], Awaitable[None]]) -> float:
    began = perf_counter_ns()
    for _ in range(_CALLS):
        await poll()
    return (perf_counter_ns() - began) / _CALLS


def _median_ms(rounds: int, run: Callable[[], None]) -> float:
    run()
    return median(_ms(run) for _ in range(rounds))


def _ms(run: Callable[[], None]) -> float:
    began = perf_counter_ns()
    run()
    return (perf_counter_ns() - began) / 1e6


def _one_mock() -> None:
    with MockAkool():
        pass


def _one_server() -> None:
    server = Server(MockAkool().application)
    with server, socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /_mock/health HTTP/1.1\r\nhost: x\r\n\r\n")
        connection.recv(1000)


def _patient(fake: MockAkool | RemoteAkool | None = None) -> None:
    """What such a test does: the set-up, the client, the tear-down."""
    # requests goes through the whole environment twice for each request, which depends on who measures.
    with patch.dict(os.environ, clear=True), fake or MockAkool(queueing=2, processing=58):
        _poll_to_end()


def _poll_to_end() -> None:
    with requests.Session() as session:
        job = session.post(_CREATE_URL, json={"prompt": "a red fox"}, headers=HEADERS).json()["data"]
        while job["image_status"] < 3:
            time.sleep(3)
            job = session.get(_POLL_URL, params={"image_model_id": job["_id"]}, headers=HEADERS).json()["data"]


def _ten_patient() -> None:
    """Ten such clients at the same time."""
    with MockAkool(queueing=2, processing=58), ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: _poll_to_end(), range(10)))


def _connect_us(server: socket.socket) -> float:
    """Return how long a connection takes, with the look-up of its address, in microseconds."""
    port = server.getsockname()[1]
    began = perf_counter_ns()
    for _ in range(_CALLS):
        socket.create_connection(("127.0.0.1", port)).close()
    took = perf_counter_ns() - began
    for _ in range(_CALLS):
        server.accept()[0].close()
    return took / _CALLS / 1000


def _run_ms(command: list[str], folder: str) -> float:
    began = perf_counter_ns()
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run(command, cwd=folder, env=alone, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return (perf_counter_ns() - began) / 1e6
